#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# evenkeeld is killed again and again in the middle of changes, while connections run through the
# balancer: it comes back with what it acknowledged, and no connection notices.
. "$(dirname "$0")/../lib/story.sh"

KILLS=12 FLOWS=40 ECHO_PORT=7
SEED=${SEED:-$RANDOM}
echo "# SEED=$SEED"

echo_servers() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_spawn "echo-$i" "b$i" "$LAB_ROOT/tests/lib/echo.py" serve "web-$i" "$ECHO_PORT" \
			"$VIP4" "$VIP6"
	done
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		wait_for 15 echo_listens "$i" || return 1
	done
}
echo_listens() { [ "$(lab_in "b$1" ss -Hltn "sport = $ECHO_PORT" | wc -l)" = 2 ]; }

# The lab's service, and one for the echo servers.
two_services() {
	lab_config ipip 4
	lab_config l2 4 | sed "/^[a-z]/d; s/  web:/  echo:/
		s/^    backends:/    health: none\n&/
		s/listen: .*/listen: [\"$VIP4:$ECHO_PORT\/tcp\", \"[$VIP6]:$ECHO_PORT\/tcp\"]/"
}

# Changes and a kill, then the daemon again. What was acknowledged is in `last`.
kill_and_start() { # NUMBER
	"$LAB_ROOT/tests/lib/churn.py" "$LAB_SOCKET" "$(lab_pid evenkeeld)" "$SEED-$1" 0.6 web echo \
		>"$LAB_DIR/last" || return 1
	wait_for 15 not lab_alive evenkeeld || return 1
	lab_kill evenkeeld
	# shellcheck disable=SC2119 # no options
	lab_daemon
}
last() { jq -ce "$1" "$LAB_DIR/last"; }

# ---- what must be true after a restart -----------------------------------------------------------

# The revision in force is the last acknowledged one, or the one that the kill hit.
revision_kept() {
	local now acknowledged
	now=$(status .revision) acknowledged=$(last '.acknowledged[-1]')
	echo "in force: $now, acknowledged: $acknowledged"
	[ "$now" = "$acknowledged" ] || [ "$now" = $((acknowledged + 1)) ]
}

# Its backends are what that revision made them, and those that are drained own no slot. A drain by
# hand that was not acknowledged may be there or not: the revision does not say.
backends_kept() {
	local wanted=.before
	[ "$(status .revision)" = "$(last '.acknowledged[-1]')" ] || wanted=.after
	echo "wanted ($wanted, after $(last .last)):" && last "$wanted" && status '[members]'
	backends_are "$wanted" || { last .last | grep -q drain && backends_are .after; }
}
backends_are() {
	status "def drained: .state | startswith(\"drain\");
		[.services[] | {(.name): [.backends[] | select(.state != \"leaving\")
			| {(.name): (if drained then null else .weight end)}] | add}] | add == $(last "$1")" &&
		status '.trouble == null and ([.services[].backends[]
			| select(.state != "up" and .state != "no_next_hop").slots] | add // 0) == 0'
}

# The doctor compares each slot in the kernel with the table that the revision asks for.
slots_kept() {
	ek doctor --json | jq -e '[.findings[] | select(.check == "table" or .check == "listener")]
		| ., (map(.subject) | sort == ["echo", "web"]) and all(.level == "ok")' |
		tee /dev/stderr | tail -n 1 | grep -qx true
}

# All that were acknowledged came into force, and none is left half-way.
journal_kept() {
	ek history --limit 1000 --json | jq -e "def of(s): [.revisions[] | select(.state == s).revision];
		of(\"in force\") as \$now | of(\"applying\") as \$half
		| (\$now + of(\"replaced\")) as \$kept
		| {now: \$now, half: \$half, lost: ($(last .acknowledged) - \$kept)}, (\$now | length) == 1
			and \$half == [] and $(last .acknowledged) - \$kept == []" |
		tee /dev/stderr | tail -n 1 | grep -qx true
}

# ---- connections ---------------------------------------------------------------------------------

flows_hold() {
	lab_spawn flows client "$LAB_ROOT/tests/lib/echo.py" hold "$FLOWS" "$ECHO_PORT" \
		"$VIP4" "$VIP6"
	wait_for 10 grep -qx ready "$LAB_DIR/log/flows"
}
flows_unharmed() {
	local least
	cat "$LAB_DIR/log/flows"
	least=$(sed -n 's/^exchanges .* least //p' "$LAB_DIR/log/flows")
	[ "${least:-0}" -gt 100 ] && grep -qx "broken 0 of $FLOWS" "$LAB_DIR/log/flows"
}
flows_spread() {
	[ "$(grep -o "'web-[1-9]'" "$LAB_DIR/log/flows" | sort -u | wc -l)" = "$LAB_BACKENDS" ]
}

# ---- the story -----------------------------------------------------------------------------------

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
two_services >"$LAB_DIR/evenkeel.yaml"
claim "two services come into force" anyway ek apply "$LAB_DIR/evenkeel.yaml"
claim "every backend has its next hop" wait_for 10 backends_ready
claim "echo servers listen" echo_servers
claim "$FLOWS connections exchange lines" flows_hold
changes=0 cut=0
for ((round = 1; round <= KILLS; round++)); do
	# Not in a claim's subshell: what is started is a child of the story.
	kill_and_start "$round" >"$LAB_DIR/log/round" 2>&1
	claim "kill $round: during a change, and back" test $? = 0
	claim "kill $round: the last acknowledged revision is in force, or the one it hit" revision_kept
	claim "kill $round: every backend is as that revision says" backends_kept
	claim "kill $round: every slot is as that revision says" slots_kept
	claim "kill $round: the journal has every acknowledged revision, and none half-way" journal_kept
	changes=$((changes + $(last .changes)))
done
cut=$(ek history --limit 1000 --json | jq '[.revisions[] | select(.state == "failed")] | length')
echo "# $changes changes, $cut of $KILLS kills while a revision was being applied"
claim "kills hit revisions that were being applied" test "$cut" -gt 0
claim "new connections are answered" requests 4 5
claim "over IPv6 too" requests 6 5
lab_kill flows
claim "the connections were with every backend" flows_spread
claim "no connection broke or changed its server" flows_unharmed
claims_end
