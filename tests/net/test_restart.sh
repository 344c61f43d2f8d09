#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Servers are restarted one after another, and no client sees it.
. "$(dirname "$0")/../lib/story.sh"
# shellcheck source=tests/lib/health.sh
. "$LAB_ROOT/tests/lib/health.sh"

story --backends 3
lab_file some 20
ek attach eth0 --yes >/dev/null 2>&1

# Slots settle soon, and who comes back is warm soon.
claim "a service of three comes into force" health "{ $QUICK }" "idle_time: 1s\n    slow_start: 2s"
claim "all are up" wait_for 15 survivors_share 3

# It kills the server of EVENKEEL_BACKEND and starts another; or does what the test tells it to.
cat >"$LAB_DIR/restart" <<END
#!/usr/bin/env bash
cd "$LAB_DIR" || exit 9
n=\${EVENKEEL_BACKEND#web-}
echo "\$EVENKEEL_SERVICE \$EVENKEEL_BACKEND \$EVENKEEL_ADDRESS" >>restarted
[ ! -e "refuse-\$n" ] || exit 3
[ ! -e slow ] || { echo slow >running; sleep 1; }
kill -KILL "\$(cat "pid/nginx-\$n")"
[ ! -e "die-\$n" ] || exit 0
[ ! -e pause ] || sleep 1
nsenter --net="/run/netns/$LAB_PREFIX-b\$n" nginx -p nginx -e stderr -c "$LAB_DIR/nginx/web-\$n.conf" \\
	</dev/null >>"log/nginx-\$n" 2>&1 &
echo \$! >"pid/nginx-\$n"
END
chmod 755 "$LAB_DIR/restart"
each=(nsenter "--net=/run/netns/$LAB_PREFIX-balancer" "$BUILD/evenkeel" --socket "$LAB_SOCKET"
	backend restart-each web --exec "$LAB_DIR/restart")
each() { timeout 120 "${each[@]}" "$@"; }
pids() { for n in 1 2 3; do lab_pid "nginx-$n"; done; }
none_drained() { status '[members.drain] | any | not' >/dev/null; }

# ---- all goes well ------------------------------------------------------------------------------

touch "$LAB_DIR/go" "$LAB_DIR/pause"
client() { # counts requests, and those that fail
	local good=0 bad=0
	while [ -e "$LAB_DIR/go" ]; do
		if requests 4 5; then good=$((good + 5)); else bad=$((bad + 1)); fi >/dev/null 2>&1
	done
	echo "$good $bad" >"$LAB_DIR/client"
}
client &
client=$!
slow_start long 4 some
before=$(pids)
claim "three servers are restarted" each
rm "$LAB_DIR/go" "$LAB_DIR/pause"
wait "$client"
claim "each is another process now" [ "$(comm -12 <(sort <<<"$before") <(pids | sort) | wc -l)" = 0 ]
claim "the command was told which, in order" diff "$LAB_DIR/restarted" <(for n in 1 2 3; do
	echo "web web-$n $(lab_backend_addr "$n" 4)"
done)
client_said() { awk '{ print; exit !($1 >= 50 && $2 == 0) }' "$LAB_DIR/client"; }
claim "a client made many requests, and none failed" client_said
claim "a download that was under way came whole" slow_whole long some
claim "all have flows again" wait_for 15 survivors_share 3
claim "nobody is left drained" none_drained

# ---- something fails ----------------------------------------------------------------------------

health "{ $QUICK }" "idle_time: 1s" >/dev/null
: >"$LAB_DIR/restarted"
touch "$LAB_DIR/refuse-2"
out=$(each 2>&1)
status_of=$?
claim "it stops when the command fails" [ $status_of = 1 ]
claim "and says where and why" grep -q "web/web-2: the command ended with exit status 3" <<<"$out"
claim "and how to go on" grep -q "web-2 stays drained: when it is well, .evenkeel backend undrain web web-2." <<<"$out"
claim "and what was done" grep -q "done before: web-1" <<<"$out"
claim "the third was left alone" [ "$(wc -l <"$LAB_DIR/restarted")" = 2 ]
claim "that backend is drained" backend 2 '.drain == true'
claim "the two others serve" answers 1 3
rm "$LAB_DIR/refuse-2"

# One of three is as many as the gates let go by itself (docs/guards.md).
claim "while it is drained another one is refused" refused 'refused at plan' each --unchecked
ek backend undrain web web-2 >/dev/null
claim "it has flows again" wait_for 10 survivors_share 3
touch "$LAB_DIR/die-3"
json=$(each --unchecked --json --within 8 2>/dev/null)
claim "a server that does not come back is a failure" jq -e '.failed.backend == "web-3" and
	.failed.drained and (.failed.reason | test("not up within 8 s"))' <<<"$json"
claim "the others are restarted" jq -e '.done == ["web-1", "web-2"]' <<<"$json"
claim "nobody is sent there" answers 1 2
rm "$LAB_DIR/die-3"
ek backend undrain web web-3 >/dev/null 2>&1
health "{ $QUICK }" "idle_time: 1s" >/dev/null 2>&1
claim "while one is down no other is restarted" \
	refused "web-1: web-3 is down: mend or drain it first" each
server_start 3
all_three() { is_up 1 2 3 && survivors_share 3; }
claim "all are back" wait_for 60 all_three

# ---- interrupted --------------------------------------------------------------------------------

health "{ $QUICK }" "idle_time: 5m" >/dev/null
"${each[@]}" >"$LAB_DIR/out" 2>&1 &
command=$!
claim "while it waits for flows" wait_for 15 grep -q "web/web-1: waits for" "$LAB_DIR/out"
kill -TERM "$command"
wait "$command"
claim "interrupted, it ends" grep -q "interrupted" "$LAB_DIR/out"
claim "and gives the flows back" none_drained
health "{ $QUICK }" "idle_time: 1s" >/dev/null
touch "$LAB_DIR/slow"
"${each[@]}" >"$LAB_DIR/out" 2>&1 &
command=$!
claim "while the command runs" wait_for 20 [ -e "$LAB_DIR/running" ]
kill -TERM "$command"
wait "$command"
claim "interrupted, it waits for its end, and ends" grep -q "web-1 stays drained" "$LAB_DIR/out"
rm "$LAB_DIR/slow"
ek backend undrain web web-1 >/dev/null
claim "all are back" wait_for 60 all_three

# ---- what is refused ----------------------------------------------------------------------------

health none "idle_time: 1s" >/dev/null
claim "without health checks it is refused" refused "health is none" each
: >"$LAB_DIR/restarted"
claim "unless told" each --unchecked
claim "then they are all restarted" [ "$(wc -l <"$LAB_DIR/restarted")" = 3 ]
health_of 1 "{ $QUICK }" "idle_time: 1s" >/dev/null
claim "so is a service of one" refused "no other backend takes its flows" each
claim "a service that is not there" refused "web-: .*no such service|there is no such service" \
	nsenter --net="/run/netns/$LAB_PREFIX-balancer" "$BUILD/evenkeel" --socket "$LAB_SOCKET" \
	backend restart-each nowhere --exec true
claims_end
