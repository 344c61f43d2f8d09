#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Alerts of the daemon's own: told once, to the log, the journal, status, a program and a web server,
# and once more when they are over.
. "$(dirname "$0")/../lib/story.sh"

# It writes down what it reads, and leaves a process behind.
hook=$(mktemp "${TMPDIR:-/tmp}/evenkeel-hook.XXXXXX")
cat >"$hook" <<'END'
#!/bin/sh
read -r line
printf '%s\n' "$line" >>"$0.told"
sleep 1000 &
echo $! >>"$0.left"
[ "${line#*cleared}" = "$line" ] || exit 3
END
chmod 755 "$hook"
touch "$hook.told" "$hook.left"
story_close() { # before the lab's own
	local status=$?
	rm -f "$hook" "$hook.told" "$hook.left"
	(exit "$status")
	lab_close
}

story --backends 2 --daemon-option --alert-exec --daemon-option "$hook" \
	--daemon-option --alert-webhook --daemon-option http://127.0.0.1:7070/hook
trap story_close EXIT
ek attach eth0 --yes >/dev/null 2>&1
# Without checks first: a backend that cannot be reached has its share all the same.
unchecked() {
	lab_config ipip 4 | sed 's/^    forward: .*/&\n    health: none/' >"$LAB_DIR/unchecked.yaml"
	anyway ek apply "$LAB_DIR/unchecked.yaml" && wait_for 10 backends_ready
}
claim "the configuration comes into force" unchecked
raised() { grep -c "alert raised: kind=no_next_hop level=critical subject=web/web-$1 revision=$2 " "$LAB_DIR/log/evenkeeld"; }
told() { jq -se "$1" "$hook.told"; }

anyway ek backend add web web-9 10.0.1.99 >/dev/null 2>&1
anyway ek backend add web web-8 10.0.1.98 --weight 0 >/dev/null 2>&1
claim "a backend that cannot be reached is told" wait_for 15 told \
	'.[0] | .version == 1 and .state == "raised" and .kind == "no_next_hop" and .level == "critical" and
		.service == "web" and .backend == "web-9" and .revision == 3 and .revision_time <= .time and
		.time - .since >= 5 and (.host | length > 0) and (.text | test("10.0.1.99"))'
claim "in the log, too" [ "$(raised 9 3)" = 1 ]
claim "and in status" status '[.alerts[] | [.kind, .service, .backend]] == [["no_next_hop", "web", "web-9"]]'
active() { ek metrics | grep -x 'evenkeel_alert_active{kind="no_next_hop",level="critical",service="web",backend="web-9"} 1'; }
claim "and in the metrics" active
for_people() { ek status | grep -E '^ALERT since [0-9: -]+: no_next_hop web/web-9: .*10\.0\.1\.99'; }
claim "for people, too" for_people
events() { ek history --events | grep -E "alert +$1: no_next_hop web/web-9"; }
claim "and in the history" events raised

unheard() { grep -E 'alert: http://127.0.0.1:7070/hook does not take it: .*; it is asked again' "$LAB_DIR/log/evenkeeld"; }
claim "a web server that is not there is asked again" wait_for 15 unheard
lab_spawn webhook balancer "$PYTHON" "$LAB_ROOT/tests/lib/webhook.py" 7070 "$LAB_DIR/posted"
posted() { jq -se "$1" "$LAB_DIR/posted"; }
claim "when it is there, and has failed once, it gets the same" wait_for 20 posted \
	'length == 1 and .[0].state == "raised" and .[0].kind == "no_next_hop" and .[0].service == "web" and
		.[0].backend == "web-9" and .[0].revision == 3 and (.[0].text | test("10.0.1.99"))'
answers() { sed -n 's/^\([0-9]* application.json\) .*/\1/p' "$LAB_DIR/log/webhook" | paste -sd, ; }
claim "as JSON, by as many requests as it takes" test "$(answers)" = "503 application/json,200 application/json"
claim "and the log says that it takes them again" grep -q '7070/hook takes them again' "$LAB_DIR/log/evenkeeld"

anyway ek backend remove web web-9 >/dev/null
claim "that it is over is told" wait_for 20 told '.[1] | .state == "cleared" and .backend == "web-9"'
claim "and in the history" events cleared
claim "and posted, once" wait_for 15 posted 'length == 2 and .[1].state == "cleared"'
claim "each once, and nothing of the backend without a share" told 'length == 2'
claim "status has none any more" status '.alerts == []'
failed() { grep "alert: $hook ended with exit status 3" "$LAB_DIR/log/evenkeeld"; }
claim "that the program failed is in the log" wait_for 15 failed
ended() { # a zombie has ended
	local pid
	[ "$(wc -l <"$hook.left")" = 2 ] || return 1
	while read -r pid; do
		! grep -qs '^State:[[:blank:]]*[^ZX]' "/proc/$pid/status" || return 1
	done <"$hook.left"
}
claim "what it left running is ended" wait_for 15 ended
claim "requests are answered" requests 4 5
configure ipip 4 >/dev/null
anyway ek backend add web web-7 10.0.1.97 >/dev/null 2>&1
claim "a backend that its checks find down is told" wait_for 15 told \
	'any(.kind == "down" and .level == "warning" and .backend == "web-7" and .state == "raised")'

lab_kill evenkeeld
lab_daemon --alert-webhook http://127.0.0.1:7070/refused
given_up() { grep -E 'alert: not told to http://127.0.0.1:7070/refused: it answered 400' "$LAB_DIR/log/evenkeeld"; }
claim "what the server refuses is not posted again" wait_for 15 given_up
refused_once() { [ "$(grep -c ^400 "$LAB_DIR/log/webhook")" = "$(given_up | wc -l)" ]; }
claim "each once" refused_once

refused_url() { # URL PATTERN
	refused "alert-webhook $1: it $2" lab_in balancer timeout 5 "$BUILD/evenkeeld" \
		--state "$LAB_DIR/state2" --socket "$LAB_DIR/second.sock" --pins "$LAB_DIR/bpf/second" \
		--metrics off --alert-webhook "$1"
}
claim "what is no URL is refused at start" refused_url "nowhere" "is no URL"
claim "so is what nobody can be posted to" refused_url "ftp://example.net/x" "must begin with http"
refused_program() {
	refused "alert-exec $1: must be the path" lab_in balancer timeout 5 "$BUILD/evenkeeld" \
		--state "$LAB_DIR/state2" --socket "$LAB_DIR/second.sock" --pins "$LAB_DIR/bpf/second" \
		--metrics off --alert-exec "$1"
}
claim "a program that is not there is refused at start" refused_program /nowhere/alert
claim "so is one without a path" refused_program alert.sh
claims_end
