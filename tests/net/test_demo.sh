#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The demo keeps its promises, and leaves nothing behind however it ends.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
export TMPDIR
TMPDIR=$(mktemp -d) || exit 1
trap 'rmdir "$TMPDIR"' EXIT

namespaces() { ip netns list | awk '{ print $1 }' | sort; }
# Another lab may come or go meanwhile: what counts is our own, named after folders in TMPDIR.
nothing_left() {
	local processes
	processes=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n')
	[ -z "$(ls -A "$TMPDIR")" ] && ! grep -F " $TMPDIR/" /proc/mounts &&
		! grep -F "$TMPDIR/" <<<"$processes"
}
interrupted() {
	local pid prefix tries=100
	setsid scripts/demo.sh >"$TMPDIR.out" 2>&1 &
	pid=$!
	while [ $((tries -= 1)) -gt 0 ] && ! grep -q 'is in force' "$TMPDIR.out"; do sleep 0.1; done
	prefix=ek-$(basename "$(echo "$TMPDIR"/evenkeel-lab-*)" | sed 's/.*-//')
	kill -TERM -"$pid"
	wait "$pid"
	[ $? = 143 ] || { cat "$TMPDIR.out" && rm -f "$TMPDIR.out" && return 1; }
	rm -f "$TMPDIR.out"
	! namespaces | grep "^$prefix-"
}

claim "every claim of the demo holds" scripts/demo.sh
claim "it leaves nothing behind" nothing_left
claim "ended halfway, it takes its namespaces away" interrupted
claim "and leaves nothing behind" nothing_left
claims_end
