#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Real traffic by gue, both variants, and outer sources from a prefix.
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
lab_file big 30
udp_servers
claim "attaching in driver mode succeeds" ek attach eth0 --yes

# The lab's configuration with a key more, of the service or of the whole.
gue() { # VARIANT 4|6 CHECKSUM
	local key="gue: { variant: $1, checksum: $3 }"
	apply "$(lab_config gue "$2" | sed "s/^    forward: gue$/&\n    $key/")"
}
sources() { # l2|ipip|gue 4|6
	apply "tunnel_source: [\"198.18.7.0/24\", \"fd00:7::/64\"]
$(lab_config "$1" "$2")"
}
apply() {
	printf '%s\n' "$1" >"$LAB_DIR/evenkeel.yaml"
	anyway ek apply "$LAB_DIR/evenkeel.yaml" && wait_for 10 backends_ready
}

for variant in 1 0; do
	for to in 4 6; do
		claim "variant $variant to IPv$to backends comes into force" gue $variant $to true
		for from in 4 6; do
			way="IPv$from by gue $variant to IPv$to backends"
			claim "http: every backend answers $way" all_answer $from
			claim "udp: 200 of 200 flows are answered, $way" udp_answered $from 200
			claim "30 MB come whole, $way" download $from big
			claim "20 MB sent arrive, $way" upload $from 20
		done
	done
done

# ---- the outer checksum, judged by a kernel ------------------------------------------------------

# web-1 no longer unwraps: its kernel gets the datagrams for a port that nobody has, and counts
# them as such if their checksum is right.
udp6() { lab_in b1 sed -n "s/^Udp6$1[[:space:]]*//p" /proc/net/snmp6; }
to_kernel() { # 4|6: datagrams that the kernel takes and refuses
	local good bad
	good=$(udp6 NoPorts) bad=$(udp6 InCsumErrors)
	for _ in $(seq 40); do
		lab_in client curl -s --connect-timeout 0.02 --max-time 0.1 -o /dev/null "$(url "$1")/"
	done
	udp "$1" 40 >/dev/null
	echo "$(($(udp6 NoPorts) - good)) $(($(udp6 InCsumErrors) - bad))"
}
taken() { # 4|6
	local counts
	counts=$(to_kernel "$1")
	echo "good, bad: $counts"
	[ "${counts% *}" -ge 5 ] && [ "${counts#* }" = 0 ]
}
refused_all() { # 4|6
	local counts
	counts=$(to_kernel "$1")
	echo "good, bad: $counts"
	[ "${counts% *}" = 0 ] && [ "${counts#* }" -ge 5 ]
}
decap1() { lab_in b1 "$BUILD/evenkeel" --pins "$LAB_DIR/bpf/b1" decap "$1" eth0; }

claim "web-1 stops unwrapping" decap1 detach
for variant in 1 0; do
	claim "variant $variant with checksums comes into force" gue $variant 6 true
	claim "a kernel takes variant $variant's outer checksum, IPv4 inside" taken 4
	claim "a kernel takes variant $variant's outer checksum, IPv6 inside" taken 6
done
claim "gue without checksums comes into force" gue 1 6 false
claim "a kernel refuses UDP over IPv6 without a checksum" refused_all 4
claim "web-1 unwraps again" decap1 attach
claim "without checksums every backend answers, IPv4" all_answer 4
claim "without checksums every backend answers, IPv6" all_answer 6

# ---- outer sources -------------------------------------------------------------------------------

# What the router sends to web-1 during a command: seen COMMAND...
seen() {
	rm -f "$LAB_DIR/seen.in" && mkfifo "$LAB_DIR/seen.in"
	lab_in router "$LAB_ROOT/tests/lib/outer.py" b1 <"$LAB_DIR/seen.in" >"$LAB_DIR/seen" &
	local pid=$!
	exec 9>"$LAB_DIR/seen.in"
	wait_for 15 grep -q ready "$LAB_DIR/seen"
	"$@" >/dev/null
	exec 9>&-
	wait "$pid"
	sed -i 1d "$LAB_DIR/seen"
}
# Of 100 flows about 25 go to web-1: `distinct MIN MAX COLUMN PATTERN` of what was seen.
distinct() {
	local found
	found=$(cut -d' ' -f"$3" "$LAB_DIR/seen" | sort -u)
	echo "$found"
	found=$(grep -cE "$4" <<<"$found")
	[ "$found" -ge "$1" ] && [ "$found" -le "$2" ] &&
		! cut -d' ' -f"$3" "$LAB_DIR/seen" | grep -qvE "$4"
}
# Old connections still end at backends of the other family, for a while.
of_family() {
	if [ "$1" = 4 ]; then sed -i '/:/d' "$LAB_DIR/seen"; else sed -i '/:/!d' "$LAB_DIR/seen"; fi
}
many_sources() { seen all_answer "$1" && of_family "$1" && distinct 8 100 2 "$2"; }
one_source() { seen all_answer "$1" && of_family "$1" && distinct 1 1 2 "$2"; }
many_ports() { seen all_answer "$1" && distinct 8 100 3 '^(49[1-9]|5[0-9]{2}|6[0-5][0-9])[0-9]{2}$'; }

probed() {
	ek doctor --json | jq -e '[.findings[] | select(.check == "probe")] | length > 0 and all(.level == "ok")'
}
probe_sources() { seen probed && of_family 4 && distinct 1 100 2 "$1"; }

# What explain says of a flow is what is on the wire: explained 4|6 COLUMN KEY FIRST_PORT, of a
# range that no other claim uses (closed connections keep their ports for a while).
explained() {
	local port source to says
	source=$CLIENT4 to=$VIP4
	[ "$1" = 6 ] && source="[$CLIENT6]" to="[$VIP6]"
	for port in $(seq "$4" $(($4 + 40))); do
		says=$(ek explain "$source:$port > $to:80/tcp" --json)
		[ "$(jq -r .new_flow.backend <<<"$says")" = web-1 ] && break
	done
	seen lab_in client curl -sS --fail --max-time 5 --local-port "$port" -o /dev/null "$(url "$1")/"
	cat "$LAB_DIR/seen"
	cut -d' ' -f"$2" "$LAB_DIR/seen" | grep -qxF "$(jq -r ".new_flow.outer.$3" <<<"$says")"
}

port=21000 # below those that the client takes by itself
for mode in ipip gue; do
	claim "$mode without a prefix comes into force" configure $mode 4
	claim "$mode: all outer packets have one IPv4 source" one_source 4 "^${BALANCER4//./\\.}$"
	claim "$mode with a prefix comes into force, IPv4" sources $mode 4
	claim "$mode: outer IPv4 sources are spread over the prefix" many_sources 4 '^198\.18\.7\.'
	claim "$mode: doctor's probes have sources of the prefix, and are answered" probe_sources '^198\.18\.7\.'
	claim "$mode: explain knows the outer IPv4 source" explained 4 2 source $port
	claim "$mode: 30 MB come whole from such a source" download 6 big
	claim "$mode with a prefix comes into force, IPv6" sources $mode 6
	claim "$mode: outer IPv6 sources are spread over the prefix" many_sources 6 '^fd00:7::'
	claim "$mode: explain knows the outer IPv6 source" explained 6 2 source $((port + 100))
	claim "$mode: 20 MB sent arrive from such a source" upload 4 20
	port=$((port + 200))
done
claim "gue: source ports are spread over 49152..65535" many_ports 4
claim "gue: explain knows the source port" explained 4 3 source_port $port
claim "without the prefix it is one source again" configure ipip 6
claim "ipip: all outer packets have one IPv6 source" one_source 6 "^$BALANCER6$"

# ---- doctor ---------------------------------------------------------------------------------------

claim "variant 0 comes into force" gue 0 6 true
claim "doctor's probes by gue are answered" probed
setup_said() { ek backend setup web web-1 | grep "fou add port 6080 gue"; }
claim "backend setup says how" setup_said

claim "no packet was dropped but while a table changed its next hops" \
	status '(.dropped | del(.no_next_hop) | add // 0) == 0'
claims_end
