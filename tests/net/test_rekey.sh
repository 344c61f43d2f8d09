#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Another key, hash choice and table size under real downloads, and what a leaving backend waits for.
LAB_SLOW_RATE=2m
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
lab_file slow 16
ek attach eth0 --yes >/dev/null 2>&1
short() { # ARGUMENT of lab_config...: with an idle time that a test can wait for
	lab_config "$@" | sed 's/^    listen:/    idle_time: 2s\n&/' >"$LAB_DIR/short.yaml"
	anyway ek apply "$LAB_DIR/short.yaml" && wait_for 10 backends_ready
}
settled() { status '.services[0] | .unsettled == 0 and .flows_remembered == 0'; }
claim "a service comes into force" short ipip 4

# ---- key ------------------------------------------------------------------------------------------
claim "a long download starts over IPv4" slow_start dl4 4 slow
claim "a long download starts over IPv6" slow_start dl6 6 slow
claim "a new key comes into force" ek rekey
claim "every slot is unsettled" status '.services[0] | .unsettled == .slots'
claim "every backend is reached by new connections" all_answer 4
claim "another key is refused while older flows are there" refused 'must wait: [0-9]+ of' ek rekey
claim "the events name the change" \
	test "$(ek history --events --json | jq '[.events[] | select(.kind == "rekey")] | length')" = 1
doctor() { ek doctor --json | jq -e '[.findings[] | select(.check == "table").level == "ok"] | all'; }
claim "the tables are as the revision says" doctor
claim "the download over IPv4 ends whole" slow_whole dl4 slow
claim "the download over IPv6 ends whole" slow_whole dl6 slow
claim "all settles when they are idle" wait_for 20 settled

# ---- hash choice ------------------------------------------------------------------------------------
claim "a long download starts" slow_start again 4 slow
hashed() {
	sed 's/^    listen:/    hash: source\n&/' "$LAB_DIR/short.yaml" >"$LAB_DIR/source.yaml"
	anyway ek apply "$LAB_DIR/source.yaml"
}
claim "it is said that all slots are unsettled now" grep -q 'all of their slots are unsettled' \
	<<<"$(hashed 2>&1)"
claim "the hash is another" status '.services[0].hash == "source"'
sticky() { [ "$(requests 4 20 | sort -u | wc -l)" = 1 ]; }
claim "all new connections of one client meet on one backend" sticky
lab_kill evenkeeld KILL
# shellcheck disable=SC2119 # no options
lab_daemon
third() { anyway ek apply <(sed 's/hash: source/hash: source-dest/' "$LAB_DIR/source.yaml"); }
claim "a third hash has to wait" refused 'must wait' third

# ---- a leaving backend -----------------------------------------------------------------------------
victim=$(slow_backend again)
claim "the download's backend is removed" ek backend remove web "$victim"
leaving() {
	ek status --json | jq -e ".services[0].backends[] | select(.name == \"$victim\") | $1"
}
claim "it waits for its flows" leaving '.state == "leaving" and .held_slots > 0'
claim "for the drain time at most" leaving '.seconds_left > 0 and .seconds_left <= 3600'
claim "status says so" grep -qE "$victim: removed; [0-9]+ flows remembered and [0-9]+ slots held" \
	<<<"$(ek status)"
claim "the download ends whole" slow_whole again slow
gone() { not leaving true; }
claim "the backend is gone when its flows are idle" wait_for 20 gone
claim "all has settled" wait_for 10 settled
claim "now the hash can be changed back" anyway ek apply "$LAB_DIR/short.yaml"
claim "every backend answers" all_answer 4
claims_end
