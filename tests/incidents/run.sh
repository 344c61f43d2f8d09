#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# All five incidents, each of ten times: refused, forced past every gate, and the control arm; then one
# table. Takes two and a half hours, divided by JOBS.
#
#   tests/incidents/run.sh [--json]     JOBS=2 SEEDS=10 INCIDENTS='1 2 3 4 5' ARMS='refused forced control'
#
# --json prints one line for each run instead. Fails if what docs/incidents.md promises does not hold.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/incidents/cases.sh
. tests/incidents/cases.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/evenkeel-incidents.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046 # pids
trap 'trap "" TERM; kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM HUP

one() { # INCIDENT ARM SEED
	local pid
	tests/incidents/incident.sh "$@" >"$work/$1-$2-$3" 2>"$work/log-$1-$2-$3" &
	pid=$!
	trap 'kill "$pid"; wait; exit' TERM
	wait "$pid" || sed "s/^/incident $1, $2, seed $3: /" "$work/log-$1-$2-$3" >&2
}

for seed in $(seq "${SEEDS:-10}"); do
	for arm in ${ARMS:-refused forced control}; do
		for incident in ${INCIDENTS:-1 2 3 4 5}; do
			while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n; done
			one "$incident" "$arm" "$seed" &
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
