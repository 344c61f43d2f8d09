#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Who sends how much: forty clients alike raise nothing; one that has most of the bytes is named, with
# the backend that has its load, by skew, doctor, history and `evenkeel clients`; and its end.
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
# All of this is the client's own.
lab_ip client <<<"route add local 198.51.100.128/25 dev lo"
senders() { # NAME ARGUMENT...
	local name=$1
	shift
	lab_spawn "$name" client "$PYTHON" "$LAB_ROOT/tests/lib/senders.py" "$@"
}
HEAVY=198.51.100.250
light() { senders "$1" udp "$2" 400 200 "$VIP4" 53 198.51.100.130 40; }
heavy() { senders heavy udp 40 600 1200 "$VIP4" 53 "$HEAVY" 1; }

clients() { ek clients "$@" --json; }
web() { clients web --limit 100 | jq -er ".services[0] | $1"; }
skew() { status ".services[0].skew | $1" >/dev/null; }
told_of() { ek history --events --limit 500 --json | jq -r '.events[] | select(.kind == "skew") | .text' | grep -E "$1"; }
examined() { # LEVEL PATTERN
	ek doctor --json | jq -er --arg l "$1" '.findings[] | select(.check == "skew" and .level == $l).text' |
		grep -E "$2"
}

claim "the configuration comes into force" configure ipip 4
udp_servers
# The rehearsal's packets went through the program, too.
claim "before there is traffic no client is known" web '.clients == 0 and .heaviest == []'

# ---- forty alike ---------------------------------------------------------------------------------
light alike 14
claim "forty clients are seen" wait_for 10 web '.clients == 40 and .samples > 600'
claim "each with its part" web '[.heaviest[] | .share_packets] | all(. > 0.005 and . < 0.06)'
claim "and its one backend" web '[.heaviest[] | .share_to_backend == 1] | all'
claim "the samples say how much there is" wait_for 15 web '.packets_per_s > 250 and .packets_per_s < 500'
wait_for 15 not lab_alive alike
claim "that raised nothing" not told_of .

# ---- one heavy one -------------------------------------------------------------------------------
light beside 60
heavy
claim "a few heavy clients are the reason, within seconds" wait_for 20 skew '.kind == "clients"'
claim "the client is named, with its share" skew \
	"(.clients[0].address == \"$HEAVY\") and .clients[0].share > 0.4 and (.text | contains(\"$HEAVY\"))"
claim "with the backend that has its load" skew '.backend == .clients[0].backend and .actual > .expected + 0.2'
claim "the history names it" wait_for 15 told_of "web: clients: web-. gets .* a few heavy clients.*$HEAVY"
claim "so does the log" grep -E "skew: web: clients: .*$HEAVY" "$LAB_DIR/log/evenkeeld"
claim "an alert has the kind, and who it is" wait_for 15 status \
	".alerts[] | select(.kind == \"skew_clients\" and .service == \"web\") | .text | contains(\"$HEAVY\")"
claim "so does the doctor" examined warning "web-. gets .*$HEAVY"
claim "clients shows it first" wait_for 10 web \
	".heaviest[0] | .address == \"$HEAVY\" and .share_bytes > 0.6 and .share_to_backend == 1"
on_page() { ek clients web | awk -v a="$HEAVY" 'NR == 3 && $1 == a { found = 1 } END { exit !found }'; }
claim "and for people, behind what the columns are" on_page
# The doctor has asked through the balancer, too, by IPv4 and IPv6.
claim "all are shown, if so many are asked for" web '.heaviest | length > 20 and length <= 41 + 2'
limited() { clients web --limit 3 | jq -e '.services[0].heaviest | length == 3'; }
claim "or as few as asked for" limited
claim "a service that is not there is refused" refused 'no service wob' ek clients wob
lab_kill heavy
# Who comes after it has more, or it would take a minute to forget.
senders after udp 60 2000 1200 "$VIP4" 53 198.51.100.130 40
claim "when it ends that is over" wait_for 60 skew '. == null or .kind != "clients"'
lab_kill beside
lab_kill after

# ---- off -----------------------------------------------------------------------------------------
lab_kill evenkeeld
lab_daemon --samples 0
claim "who wants no samples has none" refused 'started with --samples 0' ek clients
nothing_written() {
	local before
	senders off udp 2 400 200 "$VIP4" 53 198.51.100.130 40
	before=$(written) && wait_for 15 not lab_alive off && [ "$(written)" = "$before" ]
}
written() { bpftool -j map dump pinned "$LAB_PINS/v2/maps/samples" | jq -c '[.[].formatted.value.written]'; }
stopped() { bpftool -j map dump pinned "$LAB_PINS/v2/maps/sample_shifts" | jq -e '[.[].formatted.value.shift[]] | map(select(. == 255)) | length == 4'; }
claim "within a second the data path knows" wait_for 3 stopped
claim "and writes nothing down" nothing_written
claims_end
