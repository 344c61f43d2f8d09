#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# One of the five incidents, in a lab with servers that an overload kills and clients that count.
#
#   tests/incidents/incident.sh 1|2|3|4|5 refused|forced|control [SEED]
#   tests/incidents/incident.sh 0 good|table [SEED]
#   tests/incidents/incident.sh 1 late [SEED]
#
# refused  as it was: what the gates say, and what the clients notice
# forced   past every gate, so that only outcomes are left
# control  the same, at once and unwatched
# good     a change as it should be, while a server that has nothing to do with it dies
# table    no change: somebody gives all slots to one server, with bpftool
# late     forced while there is hardly any traffic, and known to be good before the traffic comes
# Prints one line of JSON. docs/incidents.md tells what is measured, and how.
. "$(dirname "$0")/../lib/story.sh"
# shellcheck source=tests/incidents/cases.sh
. "$LAB_ROOT/tests/incidents/cases.sh"

number=${1:-} arm=${2:-} seed=${3:-1}
case $number-$arm in
[1-5]-refused | [1-5]-forced | [1-5]-control | 0-good | 0-table | 1-late) ;;
*) sed -n 's/^# *\(tests.*\)/usage: \1/p' "$0" >&2 && exit 2 ;;
esac
RANDOM=$seed
now_ms() { date +%s%3N; }

# From the first step until 30 s after the undo; for 30 s where nobody undoes it.
aftermath() {
	if [ "$arm" = refused ]; then sleep 3; else sleep "${INCIDENT_AFTER:-30}"; fi
}

# A whole table of one server's, as from a script that went wrong. Its slots begin at 0.
by_hand() {
	local index slots
	index=$(status '.services[0].backends[0].index')
	slots=$(status '.services[0].slots')
	awk -v map="$LAB_PINS/v2/maps/slots" -v b="$index" -v n="$slots" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "map update pinned %s key %d %d 0 0 value %d %d 0 %d %d 0 0 0\n", map, i % 256,
				int(i / 256), b % 256, int(b / 256), b % 256, int(b / 256)
	}' >"$LAB_DIR/by-hand"
	lab_in balancer bpftool batch file "$LAB_DIR/by-hand" 2>&1 >/dev/null | tail -n 3
	repaired() { ek history --events | grep -q 'drift.*of its .* slots' && status '[members.slots] | max - min < 3'; }
	wait_for 30 repaired || return
	ek history --events | grep -m 1 'drift.*of its .* slots'
}

# At night it harms nobody, so that it is known to be good; in the morning a server dies of it. What says
# why?
after_the_watch() {
	local alert='skew_asked.*web-1'
	apply || return
	lab_kill visitors
	incident_traffic "$number" "$seed" 120
	from=$(now_ms)
	toppled() { [ "$(dead)" -gt 0 ]; }
	named() { ek status | grep "$alert"; }
	wait_for 60 toppled && wait_for 30 named
}

# What the clients saw of the time from..to, as JSON.
counted() { # FROM TO
	awk -F, -v from="$1" -v to="$2" '
		$1 < from || $1 > to { next }
		{ all++ }
		$3 == "ok" { slow += $2 > 500; next }
		{ failed++; how[$3]++; if (!first || $1 < first) first = $1 }
		END {
			printf "{\"requests\":%d,\"failed\":%d,\"slow\":%d,\"harm_ms\":%s,\"how\":{", all, failed,
				slow, first ? first - from : "null"
			for (h in how) { printf "%s\"%s\":%d", sep, h, how[h]; sep = "," }
			print "}}"
		}' "$LAB_DIR/log/visitors"
}
dead() { cat "$LAB_DIR"/log/fuse-* | grep -c ' dead$'; }

incident_lab "$number" "$seed"
night=
[ "$arm" != late ] || night=1
INCIDENT_FAIR=${night:-$INCIDENT_FAIR} incident_traffic "$number" "$seed" 300
sleep "$((${INCIDENT_WARM:-14} + RANDOM % 4)).$((RANDOM % 1000))"
incident_mistake "$number" >"$LAB_DIR/mistake.yaml"
apply() {
	timeout 200 nsenter --net="/run/netns/$LAB_PREFIX-balancer" "$BUILD/evenkeel" --socket "$LAB_SOCKET" \
		apply "$LAB_DIR/mistake.yaml" "${options[@]}"
}
[ "$arm" != good ] || (sleep "$((5 + RANDOM % 40))" && kill -KILL "$(lab_pid fuse-2)") &
from=$(now_ms)
case $arm in
refused | good | table) options=() ;;
forced) options=("${INCIDENT_FORCED[@]}") ;;
late) options=(--watch 5s "${INCIDENT_FORCED[@]}") ;;
control) options=(--at-once --watch 0 "${INCIDENT_FORCED[@]}") ;;
esac
case $arm in
table) by_hand ;;
late) after_the_watch ;;
*) apply ;;
esac >"$LAB_DIR/said" 2>&1
status=$?
said=$(<"$LAB_DIR/said")
undone=$(now_ms)
aftermath
to=$(now_ms)
sleep 2.5 # the last ones wait so long
lab_kill visitors
[ -z "${INCIDENT_DEBUG:-}" ] || { ek status; ek audit log | tail -n 20; tail -n 20 "$LAB_DIR/log/evenkeeld"; grep -v ,ok, "$LAB_DIR/log/visitors" | head -30; } >&2
counted "$from" "$to" | jq -c --arg said "${said//"$LAB_DIR"\//}" --arg arm "$arm" \
	"{ incident: $number, arm: \$arm, seed: $seed, status: $status, undone_ms: $((undone - from)),
	   dead: $(dead) } + . + { said: \$said }"
