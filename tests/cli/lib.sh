# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the stories of the command share: claims in TAP, a folder of their own, a daemon that
# answers from files. Nothing here needs root.
#
#   . "$(dirname "$0")/lib.sh"
#   claim "name" function...      one test: the function succeeds; its output is shown if not
#   claims_end

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# Whoever runs the tests: what is compared is in one language and time zone.
export LC_ALL=C TZ=UTC
EVENKEEL=${BUILD:-build}/evenkeel
case $EVENKEEL in /*) ;; *) EVENKEEL=$PWD/$EVENKEEL ;; esac
DIR=$(mktemp -d "${TMPDIR:-/tmp}/evenkeel-cli.XXXXXX") || exit 1
SOCKET=$DIR/control.sock

clean() {
	fake_stop
	rm -rf "$DIR"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

# The command against this test's socket and pins. Leaves $status, $out and $err.
ek() {
	"$EVENKEEL" --socket "$SOCKET" --pins "$DIR/pins" "$@" >"$DIR/out" 2>"$DIR/err"
	status=$?
	out=$(cat "$DIR/out") err=$(cat "$DIR/err")
	printf '$ evenkeel %s\nexit %s\nout: %s\nerr: %s\n' "$*" "$status" "$out" "$err"
}

exits() { # STATUS ARGUMENT...
	local expected=$1
	shift
	ek "$@"
	[ "$status" = "$expected" ]
}
says() { grep -qF -- "$1" "$DIR/out" || { echo "stdout lacks: $1"; false; }; }
complains() { grep -qF -- "$1" "$DIR/err" || { echo "stderr lacks: $1"; false; }; }
silent_on_stderr() { [ ! -s "$DIR/err" ]; }
lines() { wc -l <"$DIR/$1"; }
json() { jq -e "$1" "$DIR/out"; }

# Until the command succeeds, 10 s at most.
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" && return
		sleep 0.05
	done
	echo "waited in vain for: $*"
	return 1
}

# ---- the daemon that answers from files ----------------------------------------------------------

answer() { printf '%s\n' "${@:2}" >"$DIR/answers/$1"; } # COMMAND RESPONSE...
done_with() { printf '{"version":1,"exit":0,"result":%s,"messages":[]}' "$(jq -c . <<<"$1")"; }
refused_with() { printf '{"version":1,"exit":%s,"result":{},"messages":["%s"]}' "$1" "$2"; }
# The arguments of the last request of a command, as jq sees them: asked COMMAND FILTER
asked() {
	tail -n 1 "$DIR/answers/requests"
	tail -n 1 "$DIR/answers/requests" |
		jq -e --arg c "$1" '.version == 1 and .command == $c and (.arguments | '"$2"')' >/dev/null
}

socket_answers() {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$SOCKET" \
		2>/dev/null
}
# Claims run in subshells, and a process can only be waited for by its parent: what runs is known
# by a file, and what has ended may still be a zombie.
gone() { ! grep -qs '^State:[[:blank:]]*[^ZX]' "/proc/$1/status"; }
fake_start() {
	mkdir -p "$DIR/answers"
	tests/cli/fake_daemon.py "$SOCKET" "$DIR/answers" >"$DIR/fake.log" 2>&1 &
	echo $! >"$DIR/fake.pid"
	disown
	wait_for socket_answers && return
	echo "Bail out! the fake daemon does not start: $(cat "$DIR/fake.log")"
	exit 1
}
fake_stop() {
	local pid
	pid=$(cat "$DIR/fake.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null
	wait_for gone "$pid"
	rm -f "$SOCKET" "$DIR/fake.pid"
}
