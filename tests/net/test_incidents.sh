#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The five incidents, in short: each is refused and names its mistake, and one that is forced does no harm.
# make incidents has all of it, ten times.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export INCIDENT_AFTER=5

# Few requests, where nothing is to topple, and servers that bear more than in make incidents: other
# stories run beside these, and a server that has to wait for a processor is no incident.
run() { # INCIDENT ARM FAIR WARM BEARS
	INCIDENT_FAIR=$3 INCIDENT_WARM=$4 INCIDENT_BEARS=$5 tests/incidents/incident.sh "$1" "$2" >"$work/$1-$2" 2>"$work/$1-$2.log"
}
for incident in 1 2 3 5; do run $incident refused 10 1 20 & done
wait
run 4 refused 20 12 20 &
run 4 forced 50 14 3 &
drill() { # until an alert names what is wrong; then back
	INCIDENT_FAIR=20 DRILL_AFTER=1 "${BUILD:-build}/evenkeel" drill 1 <<-END
		for i in \$(seq 60); do evenkeel status | grep 'skew_asked' && break; sleep 1; done
		evenkeel rollback
	END
}
drill >"$work/drill" 2>&1 &
wait
of() { # FILE JQ
	cat "$work/$1" "$work/$1.log"
	tail -n 1 "$work/$1" | jq -e "$2"
}
# What fails all the same is a busy machine's doing.
of_refused() { # INCIDENT PATTERN
	cat "$work/$1-refused" "$work/$1-refused.log"
	# shellcheck disable=SC2016 # jq's
	tail -n 1 "$work/$1-refused" |
		jq -e --arg pattern "$2" '
			.status == 1 and .failed <= .requests / 50 and .requests > 100 and (.said | test($pattern))
		'
}
claim "weight 1000 for 100 is refused, and no client notices" of_refused 1 'weight 1000 is 10 times its peers.; did you mean 100'
claim "so is a health path that ejects all but one" of_refused 2 'web-2: .*answered 404 to /health'
claim "so are listeners that were exchanged" of_refused 3 'listener 203.0.113.10:80/tcp goes to service blog'
claim "so is hash: source behind one proxy" of_refused 4 'client 198.51.100.7 has .*hash: source one backend gets all'
claim "so are three of four addresses mistyped" of_refused 5 'web-2: 10.0.1.22:80: no answer'
# A busy machine has its part in it; unwatched it is 85 %.
undone='.status == 3 and .dead <= 1 and .failed < .requests / 5'
claim "forced, it is undone before many notice" of 4-forced "$undone"
said() { cat "$work/drill"; grep -q -- "$1" "$work/drill"; }
claim "harm that nobody watches for is an alert that names its cause" said 'ALERT.*skew_asked shop/web-1: .*look at its weights'
claim "a drill lets it be undone" said 'revision 3 is in force'
claim "and tells what it was" said 'It was incident 1: weight 1000 for 100'
claims_end
