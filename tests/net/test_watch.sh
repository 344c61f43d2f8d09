#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A change is judged by what becomes of handshakes on the slots that it moves, without health checks: a
# server that drops what it gets is taken back within seconds; one that dies beside the change is not the
# change's; where there is no traffic probes stand in.
# shellcheck disable=SC2016 # the inner shell expands
. "$(dirname "$0")/../lib/story.sh"

LAB_STAGE='stage: { steps: [20, 60, 100], watch: 2s }'
LAB_SLOW_RATE=2m
story --backends 4
lab_file slow 16
ek attach eth0 --yes >/dev/null 2>&1
lab_sysctl client ipv4.tcp_max_tw_buckets=0
pool() { lab_config ipip 4 | sed "s|^    backends:|    health: none\n&|"; } # nobody is ever down
pool | sed '/web-4:/d' >"$LAB_DIR/three.yaml"
pool >"$LAB_DIR/four.yaml"

begin() { # NAME: whatever had the name is over, and its log empty
	lab_kill "$1"
	rm -f "$LAB_DIR/log/$1" "$LAB_DIR/pid/$1"
}
load() { # SECONDS RATE
	begin load
	lab_spawn load client "$PYTHON" "$LAB_ROOT/tests/lib/senders.py" connect "$1" "$2" "$VIP4" 80
}
apply_four() { # [OPTION...]: past all gates; exit status in the log
	begin apply
	lab_spawn apply balancer sh -c '"$0" --socket "$1" apply '"$FORCED $*"' "$2"; echo "exit $?"' \
		"$BUILD/evenkeel" "$LAB_SOCKET" "$LAB_DIR/four.yaml"
}
phase_is() { [ "$(ek status --json | jq -r '.change.phase // "none"')" = "$1" ]; }
said() { cat "$LAB_DIR/log/apply" && grep -qE "$1" "$LAB_DIR/log/apply"; }
ended() { wait_for "$1" grep -qx "exit $2" "$LAB_DIR/log/apply"; }
# It has lost the service's address: what it gets is dropped without a word.
mute() { lab_in "b$1" ip addr del "$VIP4/32" dev lo; }
unmute() { lab_in "b$1" ip addr add "$VIP4/32" dev lo; }
flowing() { status "[members | .actual_share_packets // 0] | add > 0.9" >/dev/null; }
# Something is known of before: one handshake in 64 is sampled.
known() { status '[members | .handshakes.followed // 0] | add > 12' >/dev/null; }

claim "three servers come into force" anyway ek apply "$LAB_DIR/three.yaml"
wait_for 10 backends_ready >/dev/null

# ---- a server that drops SYNs ----------------------------------------------------------------------
mute 4
load 120 300
wait_for 30 known
claim "a long download starts" slow_start dl 4 slow
before=$(status .revision)
apply_four
claim "the change is staged" wait_for 20 phase_is staging
begun=$(date +%s%N)
claim "handshakes on its slots fail: it is rolled back within seconds" wait_for 12 phase_is none
echo "# $((($(date +%s%N) - begun) / 1000000)) ms from the first step to the end"
claim "apply says so" ended 5 3
claim "with what failed, elsewhere and before" said \
	'rolled back: backend web/web-4 does not answer: [0-9]+ of [0-9]+ handshakes on the slots that moved to it failed \(elsewhere [0-9]+ of [0-9]+, before [0-9]+ of [0-9]+\)'
claim "the revision before is in force" test "$(status .revision)" = "$before"
claim "the journal says why" sh -c "'$BUILD/evenkeel' --socket '$LAB_SOCKET' audit log | grep -q 'web/web-4 does not answer'"
claim "a download that began before ends whole" slow_whole dl slow

# ---- one that dies beside the change ----------------------------------------------------------------
unmute 4
apply_four --at-once --watch 6s
claim "the same change with a server that answers is watched" wait_for 20 phase_is watching
lab_in balancer ip route add unreachable "$(lab_backend_addr 2 4)"
dropped() { status '(.dropped.no_next_hop // 0) > 100' >/dev/null; }
claim "another host is gone, and what goes there is dropped" wait_for 20 dropped
claim "which is not blamed on the change: it is known good" ended 30 0
lab_in balancer ip route del unreachable "$(lab_backend_addr 2 4)"
wait_for 20 backends_ready >/dev/null
lab_kill load

# ---- too little traffic -----------------------------------------------------------------------------
LAB_STAGE='stage: { steps: [50, 100], watch: 1s }'
pool | sed '/web-4:/d' >"$LAB_DIR/three.yaml"
pool >"$LAB_DIR/four.yaml"
claim "a service with little traffic" anyway ek apply --at-once --watch 0 "$LAB_DIR/three.yaml"
load 60 3
mute 4
wait_for 10 flowing
apply_four
claim "its change is staged" wait_for 20 phase_is staging
claim "who does not answer probes through the tunnel is taken back" ended 20 3
claim "which it says" said 'web/web-4 does not answer probes through the tunnel, as others of the service do'
unmute 4
apply_four
claim "who does is not" ended 40 0
claim "but that it is unproven is said" said 'unproven: too little traffic'
claim "in the journal, too, with what the probes said" sh -c \
	"'$BUILD/evenkeel' --socket '$LAB_SOCKET' audit log | grep -q 'unproven: too little traffic to judge 1 steps by; of 1 backends probed through the tunnel 1 answer'"
lab_kill load
claims_end
