#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Runs test programs and stories and counts what they say in TAP.
#
#   scripts/run-tests.sh [unit] [store] [check] [packet] [net] [cli] [lint]    default: all but lint
#   scripts/run-tests.sh FILE...                                       only these
#
# One more run at once than there are processors, for stories mostly wait (TEST_JOBS=N says
# otherwise); each makes what it needs, and its own network namespaces. Each is bounded in time. A
# program that crashes, ends early, says nothing, or exits non-zero without a failed test counts as one
# failure. The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 1
export BUILD=${BUILD:-build}
export CMOCKA_MESSAGE_OUTPUT=TAP
jobs=${TEST_JOBS:-$(($(nproc) + 1))}
work=$(mktemp -d "${TMPDIR:-/tmp}/evenkeel-tests.XXXXXX") || exit 1
# Each program adds a line, passed and failed; a run that is interrupted adds its own, and fails.
counts=$work/counts
: >"$counts"
finish() {
	local passed failed
	read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$counts")
	rm -rf "$work"
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
interrupted() {
	trap - EXIT
	trap '' INT TERM HUP
	# shellcheck disable=SC2046 # pids
	kill $(jobs -p) 2>/dev/null
	wait
	echo 0 1 >>"$counts"
	finish
	exit 130
}
trap 'finish; exit $?' EXIT # its status, not that of what ran last
trap interrupted INT TERM HUP

programs() { # kind: its programs, one a line
	case $1 in
	unit) printf '%s\n' tests/unit/test_*.c tests/model/test_*.c ;;
	store | check | packet) printf '%s\n' tests/"$1"/test_*.c ;;
	net) printf '%s\n' tests/net/c/test_*.c tests/net/test_*.sh ;;
	cli) printf '%s\n' tests/cli/test_*.sh ;;
	lint) echo scripts/lint.sh ;;
	*) echo "$1" ;;
	esac | while read -r source; do
		case $source in
		*\**) ;; # a pattern without a match
		tests/*.c) sed "s|^|$BUILD/|; s|/net/c/|/net/|; s|\.c$||" <<<"$source" ;;
		*) echo "$source" ;;
		esac
	done
}

# A bound that a sick machine keeps, and a hang does not; emulated machines ask for a longer one.
seconds_for() { # program
	case $1 in
	*/lint.sh) echo 1500 ;; # nice, beside stories
	*/test_scale* | */test_stage_crash*) echo "${TEST_SECONDS:-400}" ;; # many packets, many kills
	*) echo "${TEST_SECONDS:-180}" ;;
	esac
}

# What a log says: passed, failed, planned, skipped.
tally() { # log
	awk '
		/^not ok .*# SKIP/ || /^ok .*# SKIP/ { skipped++; seen++; next }
		/^ok /     { passed++; seen++ }
		/^not ok / { failed++; seen++ }
		/^1\.\.[0-9]+$/ { planned += substr($0, 4); plans++ }
		END { print passed + 0, failed + 0, (plans && planned == seen) ? "whole" : "cut", skipped + 0 }
	' "$1"
}

# Runs one program; prints what is to be said of it.
run() { # program log
	local program=$1 log=$2 status ok not_ok whole skipped extra='' begin=${EPOCHREALTIME/./} pid
	if [ ! -x "$program" ]; then
		echo "FAIL $program: it is not there or not executable; build it with: make test-programs"
		echo 0 1 >>"$counts"
		return
	fi
	timeout --kill-after=30 "$(seconds_for "$program")" "$program" >"$log" 2>&1 </dev/null &
	pid=$!
	trap 'kill "$pid"' TERM
	wait "$pid"
	status=$?
	read -r ok not_ok whole skipped < <(tally "$log")
	if [ "$status" = 124 ] || [ "$status" = 137 ]; then
		extra="was stopped after $(seconds_for "$program") s"
	elif [ "$status" -gt 128 ]; then
		extra="crashed with signal $((status - 128))"
	elif [ $((ok + not_ok + skipped)) = 0 ]; then
		extra="ran no test (exit status $status)"
	elif [ "$whole" = cut ]; then
		extra="ended before its last test (exit status $status)"
	elif [ "$status" != 0 ] && [ "$not_ok" = 0 ]; then
		extra="exit status $status without a failed test"
	fi
	[ -n "$extra" ] && not_ok=$((not_ok + 1))
	echo "$ok $not_ok" >>"$counts"
	printf '%s %s: %d passed%s%s (%d ms)\n' "$([ "$not_ok" = 0 ] && echo ok || echo FAIL)" \
		"${program#"$BUILD"/}" "$ok" "$([ "$not_ok" = 0 ] || echo ", $not_ok failed")" \
		"$([ "$skipped" = 0 ] || echo ", $skipped skipped")" \
		$(((${EPOCHREALTIME/./} - begin) / 1000))
	[ "$not_ok" = 0 ] && [ "$skipped" = 0 ] && return
	[ -n "$extra" ] && echo "    $program $extra"
	if [ "$not_ok" = 0 ]; then grep '# SKIP' "$log"; else grep -v '^ok ' "$log" | tail -n 200; fi | sed 's/^/    /'
}

# The next one, as soon as there is a processor for it; what is said of one stays together.
begin() { # number program
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
	(
		trap - EXIT INT HUP
		run "$2" "$work/$1.log" >"$work/$1.said"
		flock "$counts" cat "$work/$1.said"
		rm -f "$work/$1".*
	) &
}

[ $# -gt 0 ] || set -- unit store check packet net cli
number=0
for kind; do
	case $kind in
	packet | net)
		if [ "$(id -u)" != 0 ]; then
			echo "FAIL $kind: needs root (BPF and namespaces): sudo make test"
			echo 0 1 >>"$counts"
			continue
		fi
		;;
	esac
	while read -r program; do begin $((number++)) "$program"; done < <(programs "$kind")
done
wait
