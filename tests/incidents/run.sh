#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# All five incidents, each of ten times: refused, forced past every gate, and the control arm; then one
# table. Takes about two hours, divided by JOBS.
#
#   tests/incidents/run.sh [--json]     JOBS=2 SEEDS=10 INCIDENTS='1 2 3 4 5' ARMS='refused forced control'
#
# --json prints one line for each run instead. Fails if what docs/incidents.md promises does not hold.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/incidents/cases.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/evenkeel-incidents.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'trap "" TERM; kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM HUP

for seed in $(seq "${SEEDS:-10}"); do
	for arm in ${ARMS:-refused forced control}; do
		for incident in ${INCIDENTS:-1 2 3 4 5}; do
			while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n; done
			tests/incidents/incident.sh "$incident" "$arm" "$seed" \
				>"$work/$incident-$arm-$seed" 2>"$work/log-$incident-$arm-$seed" ||
				sed "s/^/incident $incident, $arm, seed $seed: /" "$work/log-$incident-$arm-$seed" >&2 &
		done
	done
done
wait
cat "$work"/[1-5]-* >"$work/all"
if [ "${1:-}" = --json ]; then
	cat "$work/all"
else
	jq -rs --argjson names "$(printf '%s\n' "${INCIDENT_NAMES[@]}" | jq -R . | jq -s .)" \
		-f tests/incidents/table.jq "$work/all"
fi
jq -se -f tests/incidents/promise.jq "$work/all" >/dev/null
