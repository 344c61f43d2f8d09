#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Skew is told from chance, and its kinds from each other: even load raises no alarm and the doctor
# looks elsewhere; a revision that asks for it, a map that somebody writes, and flows that are aimed at
# one backend are named, each as what it is, and their end as well.
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
# Ports are free again at once. Otherwise those that lead to backends whose connections the client was
# the first to close would have to wait, and so the only client would choose the others: real skew.
lab_sysctl client ipv4.tcp_max_tw_buckets=0
# Other clients.
lab_ip client <<<"route add local 198.51.100.128/25 dev lo"

# The service "web" is even all the time; "heavy" is where revisions and maps go wrong.
config() { # WEIGHT of the first backend of "heavy"
	lab_config ipip 4
	lab_config ipip 4 "$1" | sed "/^[a-z]/d; s/  web:/  heavy:/
		s/listen: .*/listen: [\"$VIP4:8080\/tcp\"]/"
}
apply() { config "$1" >"$LAB_DIR/skew.yaml" && anyway ek apply "$LAB_DIR/skew.yaml"; }
leading() { # SERVICE KIND
	ek status --json | jq -e --arg s "$1" --arg k "$2" \
		'.services[] | select(.name == $s) | (.skew.kind // "none") == $k'
}
told() { ek history --events --limit 500 --json | jq -r '.events[] | select(.kind == "skew") | .text'; }
told_of() { told | grep -E "^$1: $2"; } # SERVICE PATTERN
examined() { # SERVICE LEVEL PATTERN: the doctor's word
	ek doctor --json | jq -er --arg s "$1" --arg l "$2" \
		'.findings[] | select(.check == "skew" and .subject == $s and .level == $l).text' |
		grep -E "$3"
}
even_load() { # SECONDS
	lab_spawn load client wrk -t 1 -c 4 -d "$1" -H 'Connection: close' "http://$VIP4/"
}
flows_seen() { status '[.services[] | select(.name == "web").backends[].flows] | add > 1500'; }
aim_at() { # COUNT: flows of twenty clients, which are too many to be a few heavy ones, to web-2
	"$PYTHON" "$LAB_ROOT/tests/lib/aim.py" find "$LAB_SOCKET" web-2 198.51.100.130 20 "$VIP4" "$1"
}

# ---- even load ---------------------------------------------------------------------------------
claim "a revision comes into force that gives one backend of a service ten times the weight" apply 1000
claim "every backend has its next hop" wait_for 10 backends_ready
even_load 12
aim_at 300 >"$LAB_DIR/ports"
claim "1500 connections come" wait_for 10 flows_seen
shares() {
	status '[.services[] | select(.name == "web").backends[].shares_60s.flows |
	 (.actual - .expected) | fabs < 0.06] | length == 4 and all'
}
claim "shares within a minute stand beside what is expected" wait_for 3 shares

# ---- the revision asks for it --------------------------------------------------------------------
claim "the service with the weight is named as asked for" wait_for 15 leading heavy asked
claim "with its backend and its numbers" status '.services[] | select(.name == "heavy").skew |
	.backend == "web-1" and .actual > 0.75 and .actual < 0.78 and .expected == 0.25 and
	.since <= now and .since > now - 60'
claim "the history says who, how much, and by which revision" wait_for 15 told_of heavy \
	'asked: web-1 has 76\.9 % of the slots, .* 25\.0 %.*; revision 1 is in force since 20'
raised() { status '.alerts[] | select(.kind == "skew_asked") | .service == "heavy" and .backend == "web-1" and
	(.text | test("76.9 %"))'; }
claim "it is an alert" wait_for 15 raised
claim "so does the log" grep -E 'skew: heavy: asked: web-1' "$LAB_DIR/log/evenkeeld"
claim "so does the doctor" examined heavy warning 'web-1 has 76\.9 %.*revision 1 came'
claim "so does the status" grep -E '^  SKEW, asked, since 20.*web-1 has' <<<"$(ek status)"

# ---- somebody writes the map ---------------------------------------------------------------------
slot=$(status '.services[] | select(.name == "web").slots') # the first of the second table
scribble() {
	local i
	for ((i = 0; i < 60; i++)); do
		bpftool map update pinned "$LAB_PINS/v2/maps/slots" key \
			"$((slot & 255))" "$((slot >> 8))" 0 0 value 99 0 0 0 99 0 0 0 2>&1
		leading heavy map && return
		sleep 0.1
	done
	return 1
}
claim "a map that is written again and again is the gravest" scribble
claim "the history names it" told_of heavy 'map: .* of its slots were not as they had been written'

# ---- even load raised nothing ----------------------------------------------------------------------
wait_for 12 not lab_alive load
claim "the even load raised no alarm" not told_of web .
claim "the doctor exonerates it" examined web ok 'matches revision 1, unchanged for .*look elsewhere'
claim "the weight is taken back" apply 100

# ---- flows aimed at one backend --------------------------------------------------------------------
claim "300 flows to one backend were found" test "$(wc -l <"$LAB_DIR/ports")" = 300
lab_spawn aim client "$PYTHON" "$LAB_ROOT/tests/lib/aim.py" send "$VIP4" 200 12 "$LAB_DIR/ports"
claim "flows that are aimed at one backend are unexplained, within seconds" \
	wait_for 10 leading web unexplained
lab_kill aim
even_load 25
claim "the history names the backend" told_of web 'unexplained: web-2 gets .* of new flows, .* 25\.0 %'
claim "the doctor names it" examined web warning 'web-2 gets'
claim "when the map is left alone that is over, and the revision asks for nothing" \
	wait_for 15 leading heavy none
claim "and told" told_of heavy 'over: .*, after [0-9]+ seconds'
claim "when the load is even again it is over" wait_for 20 leading web none
claim "and told once" test "$(told_of web . | wc -l)" = 2
lab_kill load
claims_end
