#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The main job, shown: a lab of namespaces, evenkeel in driver mode, real clients and servers, a
# live table, a backend drained and removed while a long download runs through it. Under a minute;
# leaves nothing behind; exits non-zero if anything it claims did not happen.
set -u
# shellcheck source=scripts/lab.sh
LAB_SLOW_RATE=3m
. "$(dirname "$0")/lab.sh"

BOLD='' DIM='' RED='' GREEN='' OFF='' LIVE=''
if [ -t 1 ]; then
	BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' OFF=$'\e[0m' LIVE=yes
fi
BEGIN=$SECONDS
FAILED=0
SUMMARY=()
LONG_MB=54

say() { printf '%s\n' "$BOLD$*$OFF"; }
shown() { # prints a command as its user would type it, and runs it
	printf '%s\n' "$DIM  # $*$OFF"
	"$@"
}
evenkeel() { ek "$@"; }

# One line of the summary: claim TEXT COMMAND...
claim() {
	local text=$1
	shift
	if "$@" >/dev/null 2>&1; then
		SUMMARY+=("$GREEN  yes$OFF  $text")
	else
		SUMMARY+=("$RED  NO $OFF  $text")
		FAILED=1
	fi
}

# ---- the live table --------------------------------------------------------------------------------

LINES_DRAWN=0
victim=''
# One sample a second; the actual share is that of the flows between the last two.
sample() {
	mv -f "$LAB_DIR/now.json" "$LAB_DIR/before.json" 2>/dev/null
	ek status --json >"$LAB_DIR/now.json"
	[ -e "$LAB_DIR/before.json" ] || cp "$LAB_DIR/now.json" "$LAB_DIR/before.json"
}
table_text() { # TITLE
	printf '  %2d s  %s\n' $((SECONDS - BEGIN)) "$1"
	jq -r --slurpfile before "$LAB_DIR/before.json" '
		def pad($n): tostring | if length < $n then . + " " * ($n - length) else . end;
		def lead($n): tostring | if length < $n then " " * ($n - length) + . else . end;
		def percent: if . == null then "-" else (. * 1000 | round / 10 | tostring
			| if contains(".") then . else . + ".0" end) + " %" end;
		def bytes: if . > 1e9 then (. / 1e7 | round / 100 | tostring) + " GB"
			else (. / 1e4 | round / 100 | tostring) + " MB" end;
		([$before[0].services[].backends[] | { (.name): .flows }] | add // {}) as $old
		| [.services[].backends[] | . + { fresh: (.flows - ($old[.name] // 0)) }]
		| (map(.fresh) | add) as $all
		| "  " + ("backend" | pad(9)) + ("address" | pad(11)) + ("state" | pad(10))
			+ ("expected" | lead(9)) + ("actual" | lead(9)) + ("packets" | lead(11))
			+ ("bytes" | lead(11)) + ("new flows" | lead(11)),
		(.[] | "  " + (.name | pad(9)) + (.address | pad(11)) + (.state | pad(10))
			+ (.expected_share | percent | lead(9))
			+ (if $all > 0 then .fresh / $all else null end | percent | lead(9))
			+ (.packets | lead(11)) + (.bytes | bytes | lead(11)) + (.flows | lead(11)))
	' "$LAB_DIR/now.json"
	[ -z "$victim" ] || printf '  the download through %s: %d of %d MB\n' "$victim" \
		$(($(stat -c %s "$LAB_DIR/download") >> 20)) $LONG_MB
}
table() { # TITLE
	local text
	text=$(table_text "$1") || return
	if [ -n "$LIVE" ] && [ "$LINES_DRAWN" -gt 0 ]; then printf '\e[%dA\e[J' "$LINES_DRAWN"; fi
	printf '%s\n' "$text"
	LINES_DRAWN=$(wc -l <<<"$text")
}
# Draws the table each second until the time is over or a command succeeds; without a terminal
# only at the end: watch_table SECONDS TITLE [COMMAND...]
watch_table() {
	local end=$((SECONDS + $1)) title=$2
	shift 2
	LINES_DRAWN=0
	sample
	while [ $SECONDS -lt "$end" ]; do
		sleep 1
		sample
		[ -n "$LIVE" ] && table "$title"
		[ $# -gt 0 ] && "$@" && break
	done
	[ -n "$LIVE" ] || table "$title"
}

# ---- traffic ----------------------------------------------------------------------------------------

clients() {
	lab_spawn curl-4 client curl -sS --fail --connect-timeout 2 --max-time 5 --rate 60/s \
		-H 'Connection: close' "http://$VIP4/?[1-100000]"
	lab_spawn curl-6 client curl -sS --fail --connect-timeout 2 --max-time 5 --rate 60/s \
		-H 'Connection: close' "http://[$VIP6]/?[1-100000]"
	lab_spawn wrk-4 client wrk -t 1 -c 16 -d "$1" --latency -H 'Connection: close' "http://$VIP4/"
	lab_spawn wrk-6 client wrk -t 1 -c 16 -d "$1" --latency -H 'Connection: close' "http://[$VIP6]/"
}

# Shares so far against shares expected. At most 28000 source ports a family make the flows, so
# that chance alone explains less than one percent; two are allowed.
shares_as_expected() {
	ek status --json | jq -e '.services[0].backends | (map(.flows) | add) as $all
		| $all > 1000 and all(.flows / $all - .expected_share | fabs < 0.02)'
}
answered() { grep -c '^web-' "$LAB_DIR/log/$1"; }
none_failed() { # every line of curl's log is an answer
	[ "$(answered "$1")" -gt 100 ] && ! grep -qv '^web-' "$LAB_DIR/log/$1"
}
wrk_clean() {
	grep -q '^Requests/sec' "$LAB_DIR/log/$1" &&
		! grep -qE 'Non-2xx|Socket errors' "$LAB_DIR/log/$1"
}
requests_of() { sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' "$LAB_DIR/log/$1"; }
download_running() { lab_alive download; }
download_over() { ! lab_alive download; }
download_whole() {
	grep -qx 'exit 0' "$LAB_DIR/log/download" &&
		[ "$(sha256sum <"$LAB_DIR/download" | cut -d' ' -f1)" = "$(cat "$LAB_DIR/www/long.sha256")" ]
}
# The removed backend's new flows, by the servers' own answers: none in the last 200.
stays_away() {
	! { tail -n 100 "$LAB_DIR/log/curl-4" && tail -n 100 "$LAB_DIR/log/curl-6"; } | grep -qx "$1"
}
# lab_close has removed its folder; these look at what could be left of it.
nothing_left() {
	local processes
	processes=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ')
	[ ! -e "$1" ] && ! ip netns list | grep -q "^$2-" && ! grep -q " $1/" /proc/mounts &&
		! grep -qF "$1/" <<<"$processes"
}

# ---- the story ---------------------------------------------------------------------------------------

lab_open
say "A client, a router, a balancer and four nginx, each in a network namespace"
lab_up --backends 4
lab_nginx
lab_file long $LONG_MB
lab_config ipip 4 100 100 200 100 >"$LAB_DIR/evenkeel.yaml"

say "On each backend: decapsulation. On the balancer: evenkeel on eth0"
lab_decap
# shellcheck disable=SC2119 # no options
lab_daemon
cp "$LAB_DIR/evenkeel.yaml" "$LAB_DIR/web.yaml"
shown evenkeel attach eth0 --yes || lab_die "attach failed"
shown evenkeel apply "$LAB_DIR/web.yaml" || lab_die "apply failed"
ready() { ek status --json | jq -e '[.services[].backends[].next_hop.state == "ready"] | all'; }
wait_for 5 ready || lab_die "the backends have no next hops: $(ek status)"
echo

say "curl and wrk, over IPv4 and IPv6, a new connection for each request"
clients 27
watch_table 7 "traffic flows; web-3 has twice the weight"
claim "new flows are spread as expected, within 2 %" shares_as_expected

lab_spawn download client curl -sS --fail --max-time 60 -D "$LAB_DIR/head" -o "$LAB_DIR/download" \
	-w 'exit %{exitcode}' "http://$VIP4/slow/long"
wait_for 5 grep -q X-Backend "$LAB_DIR/head"
victim=$(tr -d '\r' <"$LAB_DIR/head" | sed -n 's/^X-Backend: //p')
echo
say "A download of $LONG_MB MB at 3 MB/s runs through $victim: drain it"
shown evenkeel backend drain web "$victim"
claim "$victim is drained" test "$?" = 0
watch_table 5 "$victim is drained: no new flows, the download goes on"
claim "the download runs on while $victim is drained" download_running
claim "no new connection reaches $victim" stays_away "$victim"

echo
say "Remove $victim"
shown evenkeel backend remove web "$victim"
claim "$victim is removed" test "$?" = 0
claim "the download runs on after the removal" download_running
watch_table 25 "$victim is removed, the download goes on" download_over
claim "the download through $victim ended whole: its SHA-256 is the file's" download_whole
claim "no new connection reached $victim" stays_away "$victim"

lab_kill curl-4
lab_kill curl-6
wrk_over() { ! lab_alive wrk-4 && ! lab_alive wrk-6; }
wait_for 15 wrk_over
for family in 4 6; do
	claim "curl, IPv$family: $(answered curl-$family) requests, none failed" none_failed curl-$family
	claim "wrk, IPv$family: $(requests_of wrk-$family) requests, none failed" wrk_clean wrk-$family
done
answers=$(cat "$LAB_DIR/log/curl-4" "$LAB_DIR/log/curl-6" | sort | uniq -c | awk '{ printf "%s%s %d", sep, $2, $1; sep = ", " }')
left_dir=$LAB_DIR left_prefix=$LAB_PREFIX
lab_clean
claim "nothing is left: no namespace, mount, process or file" nothing_left "$left_dir" "$left_prefix"

echo
say "Summary after $((SECONDS - BEGIN)) s"
printf '%s\n' "${SUMMARY[@]}"
echo "       the servers' own names in curl's answers: $answers"
exit $FAILED
