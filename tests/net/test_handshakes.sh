#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# SYNs that nothing follows: a flood of forged ones is no reason to do anything; a backend that answers
# nobody stands out and is checked at once, and its checks decide, whatever they say.
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
lab_sysctl client ipv4.tcp_max_tw_buckets=0

# Checks that would take half a minute to find it: two in a row, 15 s apart.
checked() { # VIA
	lab_config ipip 4 | sed "s|^    backends:|    health: {type: tcp, port: 80, via: $1, interval: 15s, \
timeout: 500ms, fall: 2, rise: 1, down_interval: 15s}\n&|" >"$LAB_DIR/evenkeel.yaml"
	anyway ek apply "$LAB_DIR/evenkeel.yaml" && wait_for 10 backends_ready
}
load() { # NAME SECONDS
	lab_spawn "$1" client "$PYTHON" "$LAB_ROOT/tests/lib/senders.py" connect "$2" 600 "$VIP4" 80
}
backend() { status "[members | select(.name == \"web-$1\")][0] | $2" >/dev/null; }
all() { status "[members | $1] | length == 4 and all" >/dev/null; }
suspect() { backend "$1" .handshakes.suspect; }
seen() { all '(.handshakes.followed // 0) > 5'; }
# It gets what is sent to it and answers nothing: it has lost the service's address.
mute() { lab_in "b$1" ip addr del "$VIP4/32" dev lo; }
unmute() { lab_in "b$1" ip addr add "$VIP4/32" dev lo; }
examined() {
	ek doctor --json | jq -er '.findings[] | select(.check == "handshakes" and .level == "warning") |
		.subject + " " + .text' | grep -E "$1"
}

claim "backends that are checked through the tunnel come into force" checked tunnel
load good 20
claim "handshakes of all four are followed" wait_for 12 seen
claim "and nobody is suspect" all '.handshakes.suspect == false'

# ---- a flood -------------------------------------------------------------------------------------
lab_spawn flood client "$PYTHON" "$LAB_ROOT/tests/lib/senders.py" forge 12 1500 "$VIP4" 80 198.51.100.150 90
claim "a flood of forged SYNs is seen at all four" wait_for 12 all '(.handshakes.alone // 0) > 10'
calm() { all '.handshakes.suspect == false and .state == "up"' || return 1; lab_alive flood; }
through_flood() {
	while lab_alive flood; do
		all '.state == "up"' || return 1
		sleep 0.5
	done
}
claim "nobody stands out" calm
claim "nobody is taken out" through_flood
wait_for 20 not lab_alive good
claim "it is forgotten" wait_for 90 all '(.handshakes.alone // 0) < 1'

# ---- one that answers nobody -----------------------------------------------------------------------
load broken 40
claim "handshakes are followed again" wait_for 12 seen
mute 2
claim "who answers nobody is suspect within seconds" wait_for 12 suspect 2
claim "that is in the log, with numbers" wait_for 15 grep -E \
	'web/web-2: [0-9]+ of [0-9]+ sampled SYNs .* of its peers. [0-9]+ of [0-9]+: it is checked at once' \
	"$LAB_DIR/log/evenkeeld"
claim "its checks come at once, and take it out, long before they were due" wait_for 6 backend 2 '.state == "down"'
claim "for what they found, not for what was hinted" backend 2 '.reason | test("^tcp via tunnel: .*no answer within")'
claim "nobody else is" status '[members | select(.state == "up")] | length == 3'
unmute 2
claim "when it answers it is back" wait_for 20 all '.state == "up"'
lab_kill broken

# ---- one whose check says otherwise ----------------------------------------------------------------
claim "now only its own address is checked" checked direct
claim "which all have" wait_for 15 all '.state == "up"'
load other 40
claim "handshakes go on" wait_for 12 seen
mute 3
claim "who answers nobody is suspect here, too" wait_for 12 suspect 3
claim "so says the status" grep -E '^  web-3: [0-9]+ of [0-9]+ sampled SYNs' <<<"$(ek status)"
claim "the doctor names it" examined '^web/web-3 [0-9]+ of [0-9]+ sampled SYNs'
stays_up() {
	local i
	for ((i = 0; i < 10; i++)); do
		backend 3 '.state == "up" and .handshakes.suspect' || return 1
		sleep 0.3
	done
}
claim "and yet it is up, for its checks say so" stays_up
unmute 3
claim "when it answers it is suspect no longer" wait_for 40 not suspect 3
lab_kill other
claims_end
