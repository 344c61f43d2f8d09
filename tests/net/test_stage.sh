#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A change goes to slots in steps and is watched: it ends in known good, is rolled back, or is held.
# shellcheck disable=SC2016 # the inner shell expands
. "$(dirname "$0")/../lib/story.sh"
# shellcheck source=tests/lib/health.sh
. "$LAB_ROOT/tests/lib/health.sh"

LAB_STAGE='stage: { steps: [20, 100], watch: 3s }'

# Quick checks, so that a death is seen within a second.
quick() { # [WEIGHT...]
	lab_config ipip 4 "$@" | sed 's|^    backends:|    health: { type: tcp, interval: 200ms, timeout: 150ms, rise: 1, fall: 2 }\n&|'
}
begin() { # NAME: whatever had the name is over, and its log empty
	lab_kill "$1"
	rm -f "$LAB_DIR/log/$1" "$LAB_DIR/pid/$1"
}
apply_four() {
	begin apply
	lab_spawn apply balancer "$BUILD/evenkeel" --socket "$LAB_SOCKET" apply "$LAB_DIR/four.yaml"
}
revision() { status .revision; }
change() { status ".change | $1"; }
phase_is() { [ "$(ek status --json | jq -r '.change.phase // "none"')" = "$1" ]; }
ends() { # STATUS PATTERN COMMAND...: exits so, and says so
	local out status
	out=$("${@:3}" 2>&1)
	status=$?
	printf '%s\n' "$out"
	[ "$status" = "$1" ] && grep -qE -- "$2" <<<"$out"
}
clients() { # for so many seconds, 100 connections a second; what failed is in log/clients
	begin clients
	lab_spawn clients client curl -sS --fail --connect-timeout 2 --max-time 2 -H 'Connection: close' \
		--rate 100/s "http://$VIP4/?[1-$((100 * $1))]"
}
all_served() { # N
	wait_for $((30 + $1 / 100)) not lab_alive clients
	grep -v '^web-' "$LAB_DIR/log/clients" | sort | uniq -c
	[ "$(grep -c '^web-' "$LAB_DIR/log/clients")" = "$1" ]
}
flowing() { status '[members.actual_share_packets // 0] | add > 0.9'; } # evenkeeld counts each second
part_of() { status ".services[0].backends[] | select(.name == \"$1\") | .expected_share $2"; }
state_is() { status ".services[0].backends[] | select(.name == \"$1\") | .state == \"$2\"" >/dev/null; }
story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
quick 100 100 100 | sed '/web-4:/d' >"$LAB_DIR/three.yaml"
quick >"$LAB_DIR/four.yaml"
claim "a first revision is in force at once: there is nothing to watch it against" \
	ends 0 'revision 1 is in force' timeout 20 "$BUILD/evenkeel" --socket "$LAB_SOCKET" apply "$LAB_DIR/three.yaml"
up() { status '[members.state == "up"] | all'; }
claim "its backends are up" wait_for 10 up
claim "without traffic a change is in force at once" ends 0 'revision 2 is in force' anyway ek apply "$LAB_DIR/four.yaml"
claim "and back" ends 0 'revision 3 is in force' anyway ek apply "$LAB_DIR/three.yaml"

# ---- a good change under traffic -----------------------------------------------------------------
clients 30
wait_for 15 flowing >/dev/null
apply_four
# In one answer, for the next step comes by itself.
first_step() {
	status '.change.phase == "staging" and .change.moved == 0.2 and .revision == 3 and (.services[0].backends[]
		| select(.name == "web-4") | .expected_share | . > 0.04 and . < 0.06)' >/dev/null
}
claim "under traffic it is staged: the new backend has a fifth of its slots, and the revision before is in force" \
	wait_for 20 first_step
claim "a second change is refused with who and what is in the way" \
	refused 'revision 4 by root \(apply .*four.yaml\) is (being staged|watched).*rollback' anyway ek backend set web web-1 --weight 50
claim "a drain by hand is not: the change goes on upon it, which it says" ends 0 \
	'revision 4, which is (being staged|watched).*, goes on upon it' ek backend drain web web-1
claim "it is in force, and watched" wait_for 40 phase_is watching
claim "with its revision" test "$(revision)" = 4
claim "drained is who was drained meanwhile" status '.services[0].backends[] | select(.name == "web-1") | .slots == 0'
claim "it ends in known good" wait_for 10 phase_is none
good_end() { wait_for 15 not lab_alive apply; cat "$LAB_DIR/log/apply"; grep -q 'revision 4 is known good' "$LAB_DIR/log/apply"; }
claim "which the command that waited for it says" good_end
ek backend undrain web web-1 >/dev/null
claim "no request failed" all_served 3000

# ---- a removed backend stays until it is known good ----------------------------------------------
clients 12
wait_for 15 flowing >/dev/null
id=$(anyway ek apply --no-wait --at-once "$LAB_DIR/three.yaml" 2>/dev/null)
claim "--no-wait prints the number of the change" test "$id" = 5
claim "--at-once is one step" change '.phase == "watching" and .steps == 1'
claim "what it removes is still checked, and has no new flows" status \
	'.services[0].backends[] | select(.name == "web-4") | .slots == 0 and .health.state == "up" and (.reason | test("not known to be good"))'
claim "until it is known good" wait_for 10 phase_is none
claim "then it leaves" state_is web-4 leaving
claim "rollback brings it back" ends 0 'revision 6 is in force' anyway ek rollback 4
claim "no request failed" all_served 1200

# ---- a server that cannot take what it gets -------------------------------------------------------
anyway ek rollback 5 >/dev/null 2>&1
clients 30
wait_for 15 flowing >/dev/null
apply_four
wait_for 20 phase_is staging
before=$(revision)
server_stop 4
claim "a backend that dies of its first slots ends the change" wait_for 15 phase_is none
rolled_back() { wait_for 15 not lab_alive apply; cat "$LAB_DIR/log/apply"; grep -q "is rolled back: backend web/web-4.* went down; revision $before is in force" "$LAB_DIR/log/apply"; }
claim "which is rolled back, and says why" rolled_back
claim "the revision before is in force" test "$(revision)" = "$before"
claim "its backends have all slots" part_of web-4 '== 0'
claim "the journal says why" sh -c "'$BUILD/evenkeel' --socket '$LAB_SOCKET' audit log | grep -q 'rolled back revision.*web-4.*went down'"
claim "at most some of a fifth of a quarter of the requests failed" test "$(grep -vc '^web-' "$LAB_DIR/log/clients")" -lt 40
server_start 4

# ---- in the watch ---------------------------------------------------------------------------------
weights() { # exit status in the log
	begin apply
	lab_spawn apply balancer sh -c '"$0" --socket "$1" apply --at-once --watch 30s '"$FORCED"' "$2"; echo "exit $?"' \
		"$BUILD/evenkeel" "$LAB_SOCKET" "$LAB_DIR/heavy.yaml"
}
quick 300 100 100 | sed '/web-4:/d' >"$LAB_DIR/heavy.yaml"
clients 30
wait_for 15 flowing
before=$(revision)
weights
claim "a weight is watched" wait_for 20 phase_is watching
server_stop 2
claim "another server dies" wait_for 15 is_down 2
goes_on() { sleep 1.5 && phase_is watching; } # longer than a round of the watch
claim "which is not blamed on the change: the watch goes on" goes_on
server_start 2
wait_for 15 state_is web-2 up
server_stop 1
claim "that of the one that got more is: rolled back" wait_for 15 phase_is none
claim "with exit status 3" wait_for 15 grep -qx 'exit 3' "$LAB_DIR/log/apply"
undone_alert() { status '[.alerts[] | select(.kind == "rolled_back")] | length == 1'; }
claim "and an alert" wait_for 15 undone_alert
claim "as a new revision" test "$(revision)" -gt $((before + 1))
claim "with the old content" test -z "$(ek diff "$before" "$(revision)")"
server_start 1
wait_for 10 state_is web-1 up
clients 30
wait_for 15 flowing
weights
wait_for 20 phase_is watching
server_stop 2 3
wait_for 15 is_down 2 3
server_stop 1
claim "where the old revision is no better it is held" wait_for 10 phase_is held
claim "with exit status 5" wait_for 15 grep -qx 'exit 5' "$LAB_DIR/log/apply"
claim "and both choices" grep -q 'evenkeel confirm keeps it, evenkeel rollback undoes it' "$LAB_DIR/log/apply"
held_alert() { status '[.alerts[] | select(.kind == "change_held")] | length == 1'; }
claim "an alert is raised" wait_for 15 held_alert
server_start 1 2 3
claim "confirm keeps it" ends 0 'revision [0-9]+ is confirmed' ek confirm
claim "it is known good" phase_is none
wait_for 10 up

# ---- confirm-within -------------------------------------------------------------------------------
held=$(revision)
confirmed() {
	begin apply
	lab_spawn apply balancer sh -c '"$0" --socket "$1" apply --at-once --watch 1s '"$FORCED"' --confirm-within "$3" "$2"; echo "exit $?"' \
		"$BUILD/evenkeel" "$LAB_SOCKET" "$LAB_DIR/three.yaml" "$1"
}
confirmed 3s
claim "who must confirm and does not is rolled back" wait_for 10 grep -qx 'exit 3' "$LAB_DIR/log/apply"
claim "with the content before" test -z "$(ek diff "$held" "$(revision)")"
confirmed 60s
wait_for 20 phase_is watching
claim "who confirms has it" ends 0 'is confirmed' ek confirm
claim "known good when it has been watched" wait_for 15 grep -qx 'exit 0' "$LAB_DIR/log/apply"

# ---- by hand --------------------------------------------------------------------------------------
clients 6
wait_for 15 flowing
before=$(revision)
weights
wait_for 20 phase_is watching
ek backend drain web web-1 >/dev/null
server_stop 1
wait_for 15 is_down 1
claim "who is drained by hand and then stopped is not blamed on it" goes_on
server_start 1
ek backend undrain web web-1 >/dev/null
claim "rollback undoes a change that is watched" ends 0 "is rolled back: revision $((before + 2)) is in force" anyway ek rollback
claim "the command that waited ends so" wait_for 15 grep -qx 'exit 3' "$LAB_DIR/log/apply"
claim "nothing is wrong in the log" ek audit verify
claims_end
