#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# When servers die the others carry what is missing: that is skew by health, said by name with its
# numbers, and over when they are back.
. "$(dirname "$0")/../lib/story.sh"
. "$(dirname "$0")/../lib/health.sh"

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
skew() { status ".services[0].skew | $1" >/dev/null; }
told_of() { ek history --events --limit 500 --json | jq -r '.events[] | select(.kind == "skew") | .text' | grep -E "$1"; }
examined() { # LEVEL PATTERN
	ek doctor --json | jq -er --arg l "$1" '.findings[] | select(.check == "skew" and .level == $l).text' |
		grep -E "$2"
}

claim "four servers, checked often, come into force" health "{type: tcp, port: 80, $QUICK}"
claim "all are up" wait_for 10 is_up 1 2 3 4
claim "nothing is skewed" skew '. == null'
server_stop 3 4
claim "two of four die" wait_for 10 is_down 3 4
claim "the others carry what is missing: by health" wait_for 10 skew '.kind == "health"'
claim "with the numbers" skew '.expected == 0.25 and .actual > 0.49 and .actual < 0.51'
claim "the history says it" wait_for 15 told_of \
	"web: health: web-[12] has 50\.0 % of the slots, by the revision's weights it would be 25\.0 %: health narrowed"
claim "an alert has the kind" wait_for 15 status \
	'.alerts[] | select(.kind == "skew_health" and .service == "web") | .text | contains("50.0 %")'
claim "so does the doctor" examined warning 'health narrowed the pool'
claim "so does the status" grep -E '^  SKEW, health, since 20' <<<"$(ek status)"
server_start 3 4
claim "they come back" wait_for 10 is_up 3 4
claim "then it is over" wait_for 20 skew '. == null'
claim "and told once" test "$(told_of 'web: ' | wc -l)" = 2

claim "one is drained by hand" ek backend drain web web-4
skewed_within() { wait_for "$1" skew '. != null'; }
claim "that its part goes to the others is no skew" not skewed_within 6
claims_end
