#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Each command asks the daemon for the right thing and prints what it answers.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
fake_start

HOP='{"state":"ready","interface":"eth1","mac":"02:00:00:00:00:01","gateway":"10.0.0.1","mtu":1500,"source":"10.0.0.2"}'
backend() { # NAME ADDRESS STATE EXPECTED PACKETS REASON
	printf '{"name":"%s","address":"%s","index":1,"weight":100,"state":"%s","reason":%s,"expected_share":%s,"actual_share_packets":0.5,"actual_share_flows":null,"slots":2048,"held_slots":0,"flows_remembered":0,"packets":%s,"bytes":1572864,"flows":12345,"next_hop":%s}' \
		"$1" "$2" "$3" "$6" "$4" "$5" "$HOP"
}
status_json() { # PACKETS-OF-WEB-1
	printf '{"version":1,"revision":7,"revision_time":1700000000,"revision_user":"alice","pid":42,"trouble":null,"interfaces":[{"name":"eth0","ifindex":2,"mode":"driver","program_id":5,"confirmed":false,"confirm_within_s":42}],"services":[{"name":"web","index":1,"forward":"ipip","hash":"5-tuple","listeners":["203.0.113.10:443/tcp","[2001:db8::10]:443/tcp"],"slots":4096,"unsettled":96,"flows_remembered":12,"idle_s":300,"drain_s":3600,"backends":[%s,%s]}],"passed":99,"sent":1234567,"redirected":0,"answered":5,"returned":6,"stored":12,"dropped":{"no_backend":3,"too_big":0,"from_the_future":2}}' \
		"$(backend web-1 10.0.1.1 up 0.25 "$1" null)" \
		"$(backend web-2 10.0.1.2 no_next_hop 0.75 1000 '"no neighbour for 10.0.1.2 on eth1"')"
}
CHANGED='{"revision":8,"changed":true,"warnings":[]}'

# ---- when nothing comes, or nothing good -----------------------------------------------------------

answer status silence
silence() { exits 1 status --timeout 1 && complains "does not answer in time" && complains "--timeout"; }
claim a_daemon_that_hangs_is_not_waited_for_for_ever silence
answer status close
closed() { exits 1 status && complains "closed the connection without an answer"; }
claim a_closed_connection_is_explained closed
for text in garbage '{}' '{"version":2,"exit":0,"result":{}}' '{"version":1,"exit":77}' \
	'{"version":1,"exit":"0"}' '[]' ''; do
	answer status "$text"
	not_spoken() { exits 1 status && complains "does not speak version 1"; }
	claim "an_answer_'$text'_is_not_believed" not_spoken
done
for code in 1 2 3 4 5; do
	answer confirm "$(refused_with "$code" "because of $code")"
	passed_on() { exits "$code" confirm && complains "because of $code" && [ ! -s "$DIR/out" ]; }
	claim "exit_status_${code}_and_its_message_are_passed_on" passed_on
done

# ---- status ------------------------------------------------------------------------------------------

answer status "$(done_with "$(status_json 1000)")"
status_people() {
	exits 0 status && silent_on_stderr && asked status '. == {}' &&
		says "revision 7 of 2023-11-14 22:13:20 by alice" &&
		says "eth0: driver mode, detaches in 42 s unless you type: evenkeel confirm" &&
		says "web  203.0.113.10:443/tcp, [2001:db8::10]:443/tcp" &&
		says "forward ipip, hash 5-tuple, 4096 slots, 96 unsettled, 12 flows remembered" &&
		says "web-2: no neighbour for 10.0.1.2 on eth1" &&
		grep -qE '^  web-1 +10\.0\.1\.1 +up +25\.0 % +50\.0 % +- +##\|####\.\.\. +1000 +1\.50 MiB +12\.3k$' "$DIR/out" &&
		says "packets: 1.23M sent, 0 redirected, 5 answered, 99 passed to the host" &&
		says "answers of nat backends: 6"
}
claim status_is_readable status_people
status_drops() {
	exits 0 status && says "dropped 3 no_backend: the slot has no backend: the pool is empty" &&
		says "dropped 2 from_the_future: unknown" && ! grep -q too_big "$DIR/out"
}
claim status_explains_drops_that_happened_and_no_others status_drops
status_aligned() { # every row of the table has its columns where the title has them
	exits 0 status && [ "$(grep -E '^  (NAME|web-[12] )' "$DIR/out" | awk '{ print index($0, "10.0.1") + index($0, "ADDRESS") }' | sort -u | wc -l)" = 1 ]
}
claim the_table_is_aligned status_aligned
status_as_json() { exits 0 status --json && [ "$(jq -S . "$DIR/out")" = "$(status_json 1000 | jq -S .)" ]; }
claim status_json_is_the_result_unchanged status_as_json
answer status "$(done_with "$(status_json 1000 | jq -c '
	.services[0].skew = {kind: "asked", since: 1700000000, measure: "flows", backend: "web-1", actual: 0.8, expected: 0.5, text: "web-1 has 80.0 % of the slots"} |
	.services[0].backends[0].shares_60s = {flows: {actual: 0.333, expected: 0.5}, packets: null, bytes: null}')")"
status_skewed() {
	exits 0 status && says "SKEW, asked, since 2023-11-14 22:13:20: web-1 has 80.0 % of the slots" &&
		grep -qE '^  web-1 .* 25\.0 % +50\.0 % +33\.3 % +##' "$DIR/out"
}
claim status_shows_skew_and_the_shares_of_new_flows status_skewed
answer status "$(done_with "$(status_json 1000 | jq -c '.services[0].skew = null')")"
no_skew() { exits 0 status && ! grep -q SKEW "$DIR/out"; }
claim status_says_nothing_of_skew_where_there_is_none no_skew
answer status "$(done_with "$(status_json 1000 | jq -c '.lost = [{name: "eth1", ifindex: 3, refused: 2, unsent: 40}, {name: null, ifindex: 9, refused: 1, unsent: 0}]')")"
status_lost() {
	exits 0 status && says "lost 42 after the verdict, to eth1: the kernel refused 2, the driver did not take 40" &&
		says "lost 1 after the verdict, to an interface that is gone"
}
claim status_shows_what_was_lost_after_the_verdict status_lost
answer status "$(done_with "$(status_json 1000 | jq -c '.lost = null')")"
status_uncounted() { exits 0 status && says "frames lost after the verdict are not counted: see evenkeel doctor"; }
claim status_says_that_losses_are_not_counted status_uncounted
answer status "$(done_with '{"version":1,"revision":0,"pid":42,"interfaces":[],"services":[],"dropped":{},"trouble":"the journal cannot be read"}')"
status_empty() { exits 0 status && says "no configuration yet: evenkeel apply FILE" && says "attached to no interface" && says "TROUBLE: the journal cannot be read"; }
claim an_empty_daemon_says_what_comes_next status_empty

# The first print counts from the beginning, the second from the first: 3000 of 3000 packets.
rm "$DIR/answers/status"
fake_stop && fake_start
answer status "$(done_with "$(status_json 1000)")" "$(done_with "$(status_json 4000)")"
watched() {
	exits 0 status --watch=0.1 --count 2 && [ "$(grep -c '^evenkeeld 42' "$DIR/out")" = 2 ] &&
		[ "$(grep -E '^  web-1' "$DIR/out" | awk '{ print $6 }' | paste -sd' ')" = "50.0 100.0" ]
}
claim watch_shows_the_share_since_the_print_before watched
watched_json() {
	exits 0 status --watch=0.1 --count 3 --json && [ "$(lines out)" = 3 ] &&
		[ "$(jq -s '[.[].pid] | unique' "$DIR/out" | tr -d ' \n')" = "[42]" ]
}
claim watch_prints_one_json_object_a_line watched_json
printed() { [ "$(grep -c '^evenkeeld' "$DIR/watch.out")" -ge "$1" ]; } # TIMES
interrupted() { # by SIGINT, after it has printed
	local pid
	"$EVENKEEL" status --watch=0.1 --socket "$SOCKET" >"$DIR/watch.out" 2>&1 &
	pid=$!
	wait_for printed 2
	kill -INT "$pid"
	wait "$pid"
}
claim watch_ends_well_when_interrupted interrupted
: >"$DIR/watch.out"
outlived() { # the daemon goes, and comes back
	local pid ok
	"$EVENKEEL" status --watch=0.1 --socket "$SOCKET" >>"$DIR/watch.out" 2>"$DIR/watch.err" &
	pid=$!
	wait_for printed 1 && fake_stop && wait_for grep -q 'no evenkeeld answers' "$DIR/watch.err" &&
		: >"$DIR/watch.out" && fake_start && wait_for printed 1
	ok=$?
	kill -INT "$pid"
	wait "$pid" && [ "$ok" = 0 ]
}
claim watch_outlives_a_restart_of_the_daemon outlived
watch_needs_one() { fake_stop; exits 1 status --watch=0.1; }
claim watch_of_no_daemon_ends_at_once watch_needs_one
fake_start

# ---- metrics ---------------------------------------------------------------------------------------

answer metrics "$(done_with '{"text":"# HELP x_total Things.\n# TYPE x_total counter\nx_total{a=\"b\"} 5\n"}')"
metrics() { exits 0 metrics && asked metrics '. == {}' && [ "$(tail -n 1 "$DIR/out")" = 'x_total{a="b"} 5' ] && [ "$(lines out)" = 3 ]; }
claim metrics_are_printed_as_they_are metrics

# ---- services and backends -----------------------------------------------------------------------------

answer services "$(done_with "$(status_json 1000 | jq '{services}')")"
list() { exits 0 service list && asked services '. == {}' && grep -qE '^web +ipip +2 +4096 +96 +203' "$DIR/out"; }
claim services_are_listed list
show() { exits 0 service show web && says "web-2: no neighbour" && ! grep -q '^packets' "$DIR/out"; }
claim one_service_is_shown show
show_json() { exits 0 service show web --json && json '[.services[].name] == ["web"]'; }
claim one_service_is_shown_as_json show_json
show_none() { exits 1 service show wbe && complains "no service wbe; did you mean web?"; }
claim a_mistyped_service_is_guessed show_none

answer backend "$(done_with "$CHANGED")"
changes() { # FILTER ARGUMENT...
	exits 0 backend "${@:2}" && asked backend "$1" && says "revision 8 is in force" && silent_on_stderr
}
claim one_backend_is_added changes \
	'. == {service: "web", action: "add", backends: [{name: "web-4", address: "10.0.1.4"}]}' \
	add web web-4 10.0.1.4
claim one_backend_is_added_with_its_weight changes \
	'.backends == [{name: "web-4", address: "2001:db8::4", weight: 0}]' add web web-4 2001:db8::4 --weight 0
claim several_backends_are_one_change changes \
	'.backends == [{name: "web-4", address: "10.0.1.4", weight: 7}, {name: "web-5", address: "2001:db8::5", weight: 50}]' \
	add web web-4=10.0.1.4 web-5=2001:db8::5,weight=50 --weight=7
claim the_weight_of_several_is_set changes \
	'. == {service: "web", action: "set", backends: [{name: "web-1", weight: 200}, {name: "web-2", weight: 200}]}' \
	set web web-1 web-2 --weight 200
for action in drain undrain remove; do
	claim "backend_${action}_names_the_backends" changes \
		". == {service: \"web\", action: \"$action\", backends: [{name: \"web-1\"}, {name: \"web-2\"}]}" \
		"$action" web web-1 web-2
done
answer backend "$(done_with '{"revision":7,"changed":false,"warnings":[]}')"
unchanged() { exits 0 backend drain web web-1 && says "nothing to change: revision 7 stays in force"; }
claim a_change_of_nothing_says_so unchanged
changed_json() { exits 0 backend drain web web-1 --json && json '. == {revision: 7, changed: false, warnings: []}'; }
claim a_change_is_told_as_json changed_json

# ---- files ---------------------------------------------------------------------------------------------

cat >"$DIR/good.yaml" <<'YAML'
services:
  "web":
    listen: ["203.0.113.10:443/tcp"]
    forward: l2
    backends: { web-1: { address: 10.0.1.1 } }
YAML
answer apply '{"version":1,"exit":0,"result":{"revision":9,"changed":true,"warnings":["w"]},"messages":["good.yaml:1:1: warning: careful"]}'
apply() {
	exits 0 apply "$DIR/good.yaml" && says "revision 9 is in force" &&
		complains "good.yaml:1:1: warning: careful" && [ "$(lines err)" = 1 ] &&
		asked apply ".file == \"$DIR/good.yaml\"" &&
		tail -n 1 "$DIR/answers/requests" | jq -j .arguments.text | cmp - "$DIR/good.yaml"
}
claim apply_hands_the_file_over_byte_for_byte apply

# ---- attaching -----------------------------------------------------------------------------------------

answer attach '{"version":1,"exit":0,"result":{"interfaces":[{"name":"eth0","mode":"driver","confirm_within_s":60,"findings":[]}]},"messages":["eth0 carries the default route"]}'
export SSH_CONNECTION="2001:db8::7 50000 2001:db8::1 22"
attach() {
	exits 0 attach eth0 eth1 --yes && says "eth0: attached in driver mode" && complains "default route" &&
		asked attach '. == {interfaces: ["eth0", "eth1"], generic: false, yes: true, session: "2001:db8::7"}'
}
claim attach_tells_of_the_session attach
attach_generic() {
	SSH_CONNECTION="fe80::7%eth0 50000 fe80::1%eth0 22" exits 0 attach eth0 --generic &&
		asked attach '.generic and .yes == false and .session == "fe80::7"'
}
claim attach_asks_for_generic_mode attach_generic
# sudo clears the environment: the session is found in that of an ancestor.
attach_sudo() {
	SSH_CONNECTION="192.0.2.9 1 192.0.2.1 22" bash -c 'env -u SSH_CONNECTION "$0" attach eth0 --socket "$1"; exit' \
		"$EVENKEEL" "$SOCKET" && asked attach '.session == "192.0.2.9"'
}
claim attach_finds_the_session_behind_sudo attach_sudo
unset SSH_CONNECTION
answer attach '{"version":1,"exit":1,"result":{"interfaces":[{"name":"eth0","mode":null,"confirm_within_s":null,"findings":[]}]},"messages":["eth0: error: foreign"]}'
attach_refused() { exits 1 attach eth0 && complains "eth0: error: foreign" && [ ! -s "$DIR/out" ]; }
claim a_refused_attach_prints_the_reason_alone attach_refused
answer confirm "$(done_with '{"confirmed":["eth0"]}')"
confirm() { exits 0 confirm && says "stays attached: eth0"; }
claim confirm_names_what_stays confirm
answer detach "$(done_with '{"detached":["eth0","eth1"]}')"
detach() { exits 0 detach && says "detached: eth0, eth1" && asked detach '. == {interfaces: []}'; }
claim detach_takes_all_by_default detach
detach_one() { exits 0 detach eth1 && asked detach '. == {interfaces: ["eth1"]}'; }
claim detach_takes_what_is_named detach_one
answer detach silence
detach_hang() { exits 0 detach --timeout 1 && complains "detaching without it" && says "nothing was attached"; }
claim detach_goes_on_without_a_daemon_that_hangs detach_hang

# ---- the rest ------------------------------------------------------------------------------------------

ANSWER="{\"backend\":\"web-1\",\"address\":\"10.0.1.1\",\"index\":1,\"forward\":\"ipip\",\"outer\":{\"source\":\"10.0.0.2\",\"destination\":\"10.0.1.1\"},\"next_hop\":$HOP}"
OTHER=$(jq -c '.backend = "web-2" | .address = "10.0.1.2" | .outer = null | .next_hop = {state: "no route"}' <<<"$ANSWER")
FLOW="198.51.100.7:40000 > 203.0.113.10:443/tcp"
explained() { # NEW ESTABLISHED SETTLED
	done_with "{\"flow\":\"$FLOW\",\"for_service\":true,\"why\":\"the slot is settled\",\"service\":\"web\",\"slot\":17,\"slots\":4096,\"slot_settled\":$3,\"remembered\":null,\"new_flow\":$1,\"established\":$2}"
}
answer explain "$(explained "$ANSWER" "$ANSWER" true)"
explain() {
	exits 0 explain "$FLOW" && asked explain ". == {flow: \"$FLOW\"}" &&
		diff - "$DIR/out" <<-END
			$FLOW
			  service      web
			  slot         17 of 4096, settled
			  backend      web-1 10.0.1.1
			  next hop     via 10.0.0.1 on eth1, MAC 02:00:00:00:00:01, MTU 1500
			  outer header 10.0.0.2 > 10.0.1.1 (ipip)
			  why          the slot is settled
		END
}
claim explain_tells_the_whole_way explain
TAGGED=$(jq -c '.next_hop += {interface: "eth1.100", egress: "eth1", vlan: 100}' <<<"$ANSWER")
answer explain "$(explained "$TAGGED" "$TAGGED" true)"
explain_vlan() { exits 0 explain "$FLOW" && says "on eth1.100 (VLAN 100 on eth1), MAC 02:00:00:00:00:01, MTU"; }
claim explain_names_the_vlan_of_the_next_hop explain_vlan
TRANSLATED=$(jq -c '.forward = "nat" | .outer = null | .port = 8443' <<<"$ANSWER")
answer explain "$(explained "$TRANSLATED" "$TRANSLATED" true)"
explain_port() { exits 0 explain "$FLOW" && says "backend      web-1 10.0.1.1 port 8443"; }
claim explain_names_the_port_that_nat_sends_to explain_port
answer explain "$(explained "$ANSWER" "$ANSWER" true)"
explain_words() { exits 0 explain 198.51.100.7:40000 203.0.113.10:443/tcp && asked explain ".flow == \"$FLOW\""; }
claim explain_takes_two_words explain_words
answer explain "$(explained "$OTHER" "$ANSWER" false)"
explain_two() {
	exits 0 explain "$FLOW" && says "17 of 4096, unsettled" && says "new flow     web-2 10.0.1.2" &&
		says "next hop     no route" && says "established  web-1 10.0.1.1"
}
claim explain_tells_new_and_established_flows_apart explain_two
answer explain "$(done_with "{\"flow\":\"$FLOW\",\"for_service\":false,\"why\":\"nothing listens there\"}")"
explain_none() { exits 0 explain "$FLOW" && says "none: the packet is passed to this host, untouched" && says "nothing listens there"; }
claim explain_of_another_packet_says_it_is_passed explain_none

answer history "$(done_with '{"revisions":[{"revision":8,"state":"failed","time":1700000000,"hash":"x","user":"bob","uid":0,"pid":1,"command":"apply web.yaml","detail":"no room"}],"events":[]}')"
history_list() {
	exits 0 history --limit 3 && asked history '. == {limit: 3}' &&
		grep -qE '^ +8  2023-11-14 22:13:20  bob   failed  apply web.yaml  no room$' "$DIR/out"
}
claim history_lists_revisions history_list
answer history "$(done_with '{"revisions":[],"events":[{"id":3,"time":1700000000,"kind":"detach","user":"evenkeeld","uid":0,"pid":1,"command":null,"text":"eth0: not confirmed within 60 s"}]}')"
history_events() {
	exits 0 history --events && asked history '. == {limit: 20}' &&
		grep -qE '^2023-11-14 22:13:20  evenkeeld  detach  eth0: not confirmed within 60 s$' "$DIR/out"
}
claim history_lists_events history_events
answer doctor '{"version":1,"exit":1,"result":{"findings":[{"level":"ok","check":"mtu","subject":"eth0","text":"MTU 1500","remedy":null},{"level":"error","check":"next_hop","subject":"web/web-1","text":"no route","remedy":"ip route add ..."}]},"messages":[]}'
doctor() {
	exits 1 doctor && says "error    web/web-1: no route" && says "to mend it: ip route add ..." &&
		says "checks: 2, ok: 1, warnings: 0, errors: 1"
}
claim doctor_shows_findings_with_their_remedies doctor
answer version "$(done_with '{"version":"0.0.9","abi":1,"pid":42}')"
version() { exits 0 version && says "evenkeeld 0.0.9, maps version 1, process 42" && says "another version: systemctl restart evenkeeld"; }
claim version_compares_with_the_daemon version
claim version_has_a_customary_option exits 0 --version

# ---- without a daemon ------------------------------------------------------------------------------------

fake_stop
absent() { exits 1 status && complains "no evenkeeld answers on $SOCKET: systemctl start evenkeeld" && [ "$(lines err)" = 1 ]; }
claim no_daemon_names_the_socket_and_the_remedy absent
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$SOCKET"
claim a_socket_that_nobody_serves_is_no_daemon absent
rm -f "$SOCKET"
detach_alone() { exits 0 detach && complains "detaching without it" && says "nothing was attached"; }
claim detach_works_without_a_daemon detach_alone
detach_unknown() { exits 1 detach eth0 --json && complains "eth0 is not attached" && json '. == {detached: []}'; }
claim detach_of_what_is_not_attached_is_refused detach_unknown
doctor_alone() { exits 1 doctor --json && json '[.findings[] | select(.level == "error" and .check == "daemon" and .remedy == "systemctl start evenkeeld")] | length == 1'; }
claim doctor_without_a_daemon_finds_that doctor_alone
version_alone() { exits 0 version --json && json '.daemon == null and .abi == 2 and .protocol == 1 and (.version | test("^[0-9.]+$"))'; }
claim version_works_without_a_daemon version_alone
long() { "$EVENKEEL" status --socket "/$(printf '%0200d' 0)" 2>"$DIR/err"; [ $? = 1 ] && complains "File name too long"; }
claim a_path_too_long_for_a_socket_is_refused long
# The mode of the folder keeps root's own tests from this one: they run it as nobody.
as_nobody() { if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi; }
denied() {
	mkdir -p "$DIR/locked/in" && cp "$EVENKEEL" "$DIR/command" && chmod 755 "$DIR" "$DIR/command" && chmod 0 "$DIR/locked"
	as_nobody "$DIR/command" status --socket "$DIR/locked/in/sock" 2>"$DIR/err"
	[ $? = 1 ] && complains "permission denied: only root and the members of its group may ask"
}
claim a_lack_of_permission_says_who_may_ask denied
claims_end
