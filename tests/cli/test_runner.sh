#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The test runner fails when anything did: what it counts is what CI believes.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# program LINES...: a test program of these lines of shell
program() {
	printf '%s\n' '#!/bin/sh' "$@" >"$dir/program"
	chmod 755 "$dir/program"
}
# counts PASSED FAILED STATUS: what the runner makes of it, in its last line and exit status
counts() {
	local out status
	out=$(scripts/run-tests.sh "$dir/program" 2>&1)
	status=$?
	printf '%s\nexit status %s\n' "$out" "$status"
	[ "$(tail -n 1 <<<"$out")" = "$1 passed, $2 failed" ] && [ "$status" = "$3" ]
}

program 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
claim "passes are counted" counts 2 0 0
program 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
claim "a failed test fails the run" counts 1 1 1
program 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; exit 0'
claim "also if its program hides it" counts 1 1 1
program 'echo 1..2; echo "ok 1 - a"; kill -SEGV $$'
claim "a crash is a failure" counts 1 1 1
program 'exit 0'
claim "a program that says nothing is a failure" counts 0 1 1
program 'echo 1..3; echo "ok 1 - a"; exit 0'
claim "a program that ends early is a failure" counts 1 1 1
program 'echo "ok 1 - a"; exit 0'
claim "a program without a plan is a failure" counts 1 1 1
program 'echo 1..1; echo "ok 1 - a"; exit 3'
claim "an exit status without a failed test is a failure" counts 1 1 1
rm "$dir/program"
claim "a program that is not there is a failure" counts 0 1 1
program 'echo 1..1; echo "not ok 1 # SKIP a"'
claim "a run that only skipped has tested nothing" counts 0 0 1
claims_end
