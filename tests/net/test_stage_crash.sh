#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# evenkeeld is killed at every write of its journal while a change is staged, watched and found good,
# before the write is durable and after: it comes back with the old revision or the new one, whole, the
# journal says which, and an interrupted watch is finished or rolled back.
. "$(dirname "$0")/../lib/story.sh"

LAB_STAGE='stage: { steps: [50, 100], watch: 2s }'


daemon() { # as lab_daemon, with what kills it
	lab_spawn evenkeeld balancer env LD_PRELOAD="$BUILD/tests/lib/kill_at.so" \
		KILL_AT_FILE="$LAB_DIR/kill" "$BUILD/evenkeeld" --state "$LAB_STATE" \
		--socket "$LAB_SOCKET" --pins "$LAB_PINS"
	wait_for 10 ek status
}
flowing() { status '[members.actual_share_packets // 0] | add > 0.9'; }
idle() { status '.change == null'; }
config() { # WEIGHT of web-1, and who is drained
	lab_config ipip 4 "$1" | sed "s|^    backends:|    health: none\n&|; s|\($2: {.*\) }|\1, drain: true }|"
}

# The other one than is in force is applied, and the daemon killed at that write.
change_and_kill() { # before|after N
	wanted=light
	[ "$(weight)" = 91 ] && wanted=heavy
	echo "$1 $2" >"$LAB_DIR/kill"
	anyway ek apply --no-wait "$LAB_DIR/$wanted.yaml" >"$LAB_DIR/log/apply" 2>&1
	killed=yes
	wait_for 25 not lab_alive evenkeeld || killed=no
	rm -f "$LAB_DIR/kill"
	[ "$killed" = yes ] || return 0
	lab_kill evenkeeld
	daemon
}
weight() { status '.services[0].backends[] | select(.name == "web-1") | .weight'; }

# One revision is in force, by the journal; the data path has it, slot by slot; the log is whole.
journal_and_tables_agree() {
	wait_for 30 idle || return 1
	ek history --limit 1000 --json | jq -e "[.revisions[] | select(.state == \"in force\" or .state == \"applying\").revision] == [$(status .revision)]" || return 1
	ek history --limit 1 --json
	ek doctor --json | jq -e '[.findings[] | select(.check == "table" or .check == "listener")] | all(.level == "ok") and length > 0' &&
		ek audit verify && status '.trouble == null' &&
		[ "$(ek show "$(status .revision)" | sed -n '/^{/,$p' | jq '.services.web.backends."web-1".weight')" = "$(weight)" ] &&
		ek history --limit 1000 --json | jq -e '.revisions | map(select(.state == "in force" or .state == "replaced")) | all(.good != null)'
}

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
lab_kill evenkeeld
daemon
# A third of the slots go from web-3 to web-4, or back: web-1 and web-2 had them first, for slots that go back
# to their default are remembered by nobody, and prove nothing. The weight tells which is in force.
config 90 web-4 >"$LAB_DIR/heavy.yaml"
config 91 web-3 >"$LAB_DIR/light.yaml"
config 90 'web-[34]' >"$LAB_DIR/first.yaml"
claim "the configuration comes into force" anyway ek apply "$LAB_DIR/first.yaml"
anyway ek apply "$LAB_DIR/heavy.yaml" >/dev/null 2>&1
claim "every backend has its next hop" wait_for 10 backends_ready
lab_spawn clients client curl -sS --fail --connect-timeout 2 --max-time 3 -H 'Connection: close' \
	--rate 300/s "http://$VIP4/?[1-60000]"
kills=0
for ((at = 1; at <= 8; at++)); do
	for when in before after; do
		wait_for 15 flowing
		# Not in a claim's subshell: what is started is a child of the story.
		change_and_kill "$when" "$at"
		claim "killed $when write $at: the journal says what is in force, and the data path has it" journal_and_tables_agree
		[ "$killed" = yes ] && kills=$((kills + 1))
	done
	[ "$killed" = yes ] || break
done
echo "# $kills kills"
claim "proposed, staged twice, in force, known good: each write was hit" test $kills -ge 10
lab_kill clients
served() { grep -vc '^web-' "$LAB_DIR/log/clients"; [ "$(grep -vc '^web-' "$LAB_DIR/log/clients")" -le 1 ]; }
claim "no request failed" served

# ---- a restart of the host -----------------------------------------------------------------------
before=$(weight)
wanted=light
[ "$before" = 91 ] && wanted=heavy
anyway ek apply --no-wait --at-once --confirm-within 1h "$LAB_DIR/$wanted.yaml" >/dev/null 2>&1
waits() { status '.change.phase == "watching" and .change.confirm_within_s > 0' >/dev/null; }
claim "a change waits for its confirmation" wait_for 10 waits
lab_kill evenkeeld KILL
daemon
claim "it still does when evenkeeld is back" waits
lab_kill evenkeeld KILL
"$PYTHON" -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c: c.execute("UPDATE change SET boot = ?", ["of another one"])' \
	"$LAB_STATE/journal.db"
daemon
claim "after a restart of the host its time is over, whatever the clock says" wait_for 10 idle
claim "and it is rolled back" test "$(weight)" = "$before"
claims_end
