#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The alert rules and the dashboard: Prometheus takes them, and alerts fire when they should.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
rules=examples/prometheus/evenkeel.rules.yml
situations=tests/cli/evenkeel.rules.test.yml

claim "promtool takes the rules" promtool check rules "$rules"
tested() { sed "s|RULES|$PWD/$rules|" "$situations" >"$dir/test.yml" && promtool test rules "$dir/test.yml"; }
claim "alerts fire when they should, and not beside it" tested
alerts() { sed -n 's/^ *- alert: //p' "$rules" | sort; }
each_tested() {
	local alert
	[ "$(alerts | wc -l)" -ge 15 ] || return 1
	for alert in $(alerts); do
		grep -q "\<$alert\>" "$situations" || { echo "$alert is in no situation"; return 1; }
	done
}
claim "each alert is in some situation" each_tested
documented() { # under its severity
	diff <(awk '/- alert:/ { name = $3 } /severity:/ { print $4, name }' "$rules" | sort) \
		<(sed -n 's/^| \(critical\|warning\|info\) |/\1/p' docs/monitoring.md | tr -d '`,|' |
			awk '{ for (i = 2; i <= NF; i++) print $1, $i }' | sort)
}
claim "docs/monitoring.md lists them by severity" documented
complete() { # severity, summary, description: as many as alerts
	local n
	n=$(alerts | wc -l)
	[ "$(grep -cE '^ +labels: \{ severity: (critical|warning|info) \}$' "$rules")" = "$n" ] &&
		[ "$(grep -c '^ *summary: ' "$rules")" = "$n" ] && [ "$(grep -c '^ *description: ' "$rules")" = "$n" ]
}
claim "each alert says how bad it is, what it is and what to do" complete

# ---- the dashboard ---------------------------------------------------------------------------------

dashboard=examples/grafana/evenkeel.json
claim "the dashboard is JSON" jq -e '.title == "evenkeel"' "$dashboard"
queries() { # JSON is YAML
	tests/lib/dashboard_queries.py "$dashboard" --rules >"$dir/queries.yml" &&
		promtool check rules "$dir/queries.yml"
}
claim "promtool takes its queries" queries
titled() { # and none is over another: no two panels share a place
	jq -e '[.panels[].id] | length > 15 and length == (unique | length)' "$dashboard" &&
		jq -e '[.panels[] | select(.title == "")] | length == 0' "$dashboard" &&
		jq -e '[.panels[].gridPos | . as $p | range($p.h) as $y | range($p.w) as $x |
			[$p.x + $x, $p.y + $y]] | length == (unique | length)' "$dashboard"
}
claim "its panels have titles and places of their own" titled
claims_end
