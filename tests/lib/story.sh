# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the stories in tests/net share: claims in TAP, and traffic through the lab.
#
#   . "$(dirname "$0")/../lib/story.sh"
#   story --backends 4            the lab, nginx, decapsulation and the daemon are up
#   claim "name" command...       one test: the command succeeds
#   claims_end

set -u
# shellcheck source=scripts/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab.sh"
# shellcheck source=tests/lib/tap.sh
. "$LAB_ROOT/tests/lib/tap.sh"

# story [--daemon-option X]... [lab_up's options]
story() {
	local daemon=() lab=()
	while [ $# -gt 0 ]; do
		case $1 in
		--daemon-option) daemon+=("$2") && shift ;;
		*) lab+=("$1") ;;
		esac
		shift
	done
	lab_open
	lab_up "${lab[@]}"
	lab_nginx
	lab_decap
	lab_daemon "${daemon[@]}"
}

claim_context() {
	echo "evenkeeld's last words:"
	tail -n 10 "$LAB_DIR/log/evenkeeld" 2>/dev/null
}

# The command fails with exit status 1 and says something that matches the pattern.
refused() { # PATTERN COMMAND...
	local pattern=$1 out status
	shift
	out=$("$@" 2>&1)
	status=$?
	printf '%s\n' "$out"
	[ "$status" = 1 ] && grep -qiE "$pattern" <<<"$out"
}

not() { ! "$@"; }

# ---- the balancer ------------------------------------------------------------------------------

# A jq filter on the status; `members` are the backends that are configured, without those
# leaving. Fails if it yields false or null.
status() {
	ek status --json |
		jq -er "def members: .services[].backends[] | select(.state != \"leaving\"); $1"
}
backends_ready() { status '[members.next_hop.state == "ready"] | length > 0 and all'; }

# A change by which a story comes to its point. What gates stand against is another story
# (test_gates.sh).
FORCED='--force check,share,growth,load,eligible,answering,services,removed --reason story' # in words
# shellcheck disable=SC2086
anyway() { "$@" $FORCED; }

# Applies lab_config's configuration and waits until every backend has its next hop.
configure() {
	lab_config "$@" >"$LAB_DIR/evenkeel.yaml"
	anyway ek apply "$LAB_DIR/evenkeel.yaml" && wait_for 10 backends_ready
}

# The program on an interface: xdp_id NS IF; nothing if there is none.
xdp_id() { lab_in "$1" ip link show dev "$2" | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'; }

# ---- traffic -----------------------------------------------------------------------------------

vip() { if [ "$1" = 4 ]; then echo "$VIP4"; else echo "$VIP6"; fi; }
url() { if [ "$1" = 4 ]; then echo "http://$VIP4"; else echo "http://[$VIP6]"; fi; }

# requests 4|6 N: N connections, one after another; prints who answered, fails if one fails. Each call
# has ports of its own: a client that takes one again that it had before a change is where it was
# then, as long as that flow is remembered.
requests() {
	local from to status
	from=$(cat "$LAB_DIR/ports" 2>/dev/null || echo 10000)
	to=$((from + 2 * $2))
	[ "$to" -le 32768 ] || from=10000 to=$((10000 + 2 * $2))
	echo "$to" >"$LAB_DIR/ports"
	lab_sysctl client "ipv4.ip_local_port_range=$from $((to - 1))"
	lab_in client curl -sS --fail --connect-timeout 3 --max-time 5 -H 'Connection: close' \
		"$(url "$1")/?[1-$2]"
	status=$?
	lab_sysctl client "ipv4.ip_local_port_range=32768 60999"
	return "$status"
}

# Every backend answers some of 200 connections, nobody else any: that chance leaves out one of ten
# happens once in 140,000,000 times.
all_answer() { # 4|6
	local names expected
	names=$(requests "$1" 200) || return 1
	expected=$(seq -f 'web-%g' "$LAB_BACKENDS")
	sort <<<"$names" | uniq -c
	[ "$(sort -u <<<"$names")" = "$(sort <<<"$expected")" ]
}

# A file comes whole: download 4|6 FILE
download() {
	local hash
	hash=$(lab_in client curl -sS --fail --max-time 30 "$(url "$1")/files/$2" | sha256sum)
	[ "${hash%% *}" = "$(cat "$LAB_DIR/www/$2.sha256")" ]
}

# What the client sends arrives, however large its packets: nginx reads the body, then answers 405.
upload() { # 4|6 MIB
	local said
	said=$(head -c "$2M" /dev/zero | lab_in client curl -sS --max-time 30 -H 'Expect:' -o /dev/null \
		-w '%{http_code} %{size_upload}' --data-binary @- "$(url "$1")/")
	echo "$said"
	[ "$said" = "200 $(($2 << 20))" ]
}

# The backends' way back without the advmss that the lab gives it: segments are as large as the link.
answers_unclamped() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_ip "b$i" <<-END
			route change default via 10.0.1.1
			route change default via fd00:1::1
		END
	done
}

udp_servers() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_spawn "udp-$i" "b$i" "$LAB_ROOT/tests/lib/udp.py" serve "web-$i" 53 "$VIP4" "$VIP6"
	done
	wait_for 15 udp_servers_up
}
udp_servers_up() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_in "b$i" ss -Hlun "sport = 53" | grep -qF "[$VIP6]:53" || return 1
	done
}

# udp 4|6 N [BYTES]: "SOURCE_PORT BACKEND" for N flows, always the same ones; fails if one is
# unanswered.
udp() { lab_in client "$LAB_ROOT/tests/lib/udp.py" ask "$2" 53 "$(vip "$1")" ${3:+"$3"} | sort -n; }
udp_answered() { [ "$(udp "$@" | wc -l)" = "$2" ]; }

# A slow download in the background: slow_start NAME 4|6 FILE; slow_backend NAME says through whom.
slow_start() {
	lab_spawn "$1" client curl -sS --fail --max-time 60 -D "$LAB_DIR/$1.head" \
		-o "$LAB_DIR/$1.out" -w 'exit %{exitcode}' "$(url "$2")/slow/$3"
	wait_for 15 grep -q X-Backend "$LAB_DIR/$1.head"
}
slow_backend() { tr -d '\r' <"$LAB_DIR/$1.head" | sed -n 's/^X-Backend: //p'; }
slow_running() { lab_alive "$1"; }
# It ended well, and what came is the file: slow_whole NAME FILE
slow_whole() {
	wait_for 60 not lab_alive "$1" || return 1
	cat "$LAB_DIR/log/$1"
	grep -qx 'exit 0' "$LAB_DIR/log/$1" &&
		[ "$(sha256sum <"$LAB_DIR/$1.out" | cut -d' ' -f1)" = "$(cat "$LAB_DIR/www/$2.sha256")" ]
}
