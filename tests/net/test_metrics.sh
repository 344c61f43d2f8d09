#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# GET /metrics: what promtool and a real Prometheus read is what status says.
. "$(dirname "$0")/../lib/story.sh"

AT=127.0.0.1:19753
get() { # [CURL'S OPTION]... PATH
	lab_in balancer curl -sS --max-time 5 "${@:1:$#-1}" "http://$AT${!#}"
}
code() { [ "$(get -o /dev/null -w '%{http_code}' "${@:2}")" = "$1" ]; }

# The value of a series in the metrics as they are now: metric 'name{label="value"}'
metric() { ek metrics | awk -v s="$1" 'index($0, s " ") == 1 { print $NF }'; }
equals() { # SERIES VALUE
	local value
	value=$(metric "$1")
	echo "$1 is $value"
	[ "$value" = "$2" ]
}
backend() { printf 'evenkeel_backend_%s{service="web",backend="%s"}' "$1" "$2"; }

story --backends 3
ek attach eth0 --yes >/dev/null 2>&1
claim "without a configuration there are metrics" code 200 /metrics
claim "and the revision is 0" equals evenkeel_revision 0
claim "the configuration comes into force" configure ipip 4 100 100 200
claim "requests are answered" requests 4 40
claim "and over IPv6" requests 6 40
# Answered by the balancer, passed to it, and dropped: source port 0.
lab_in client ping -c 2 -i 0.2 -W 1 "$VIP4" >/dev/null
lab_in client ping -c 2 -i 0.2 -W 1 "$BALANCER4" >/dev/null
zero_port() {
	lab_in client "$PYTHON" -c '
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
s.sendto(struct.pack("!HHHH", 0, 53, 8, 0), (sys.argv[1], 0))' "$VIP4"
}
zero_port

# ---- HTTP ------------------------------------------------------------------------------------------

names_metrics() { get / | grep -q 'href="/metrics"'; }
claim "the first page names /metrics" names_metrics
claim "another path is not found" code 404 /metrics/x
claim "another method is not allowed" code 405 -X POST -d x=1 /metrics
claim "HEAD is answered without a body" code 200 -I /metrics
typed() { get -D - -o /dev/null /metrics | tr -d '\r' | grep -qx 'Content-Type: text/plain; version=0.0.4.*'; }
claim "the type says which format it is" typed
long_head() { # either an answer that refuses it, or a connection that is closed
	local said
	said=$(head -c 60000 /dev/zero | tr '\0' a |
		{ printf 'X: '; cat; } | lab_in balancer curl -s --max-time 5 -o /dev/null -w '%{http_code}' \
		-H @- "http://$AT/metrics")
	echo "$said"
	case $said in 4?? | 5?? | 000) code 200 /metrics ;; *) false ;; esac
}
claim "a request without end is refused, the next one answered" long_head
idle() {
	lab_in balancer timeout 8 "$PYTHON" -c '
import socket
silent = [socket.create_connection(("127.0.0.1", 19753)) for _ in range(14)]
ask = socket.create_connection(("127.0.0.1", 19753), timeout=3)
ask.sendall(b"GET / HTTP/1.0\r\n\r\n")
assert ask.recv(100).startswith(b"HTTP/1."), "no answer"'
}
claim "silent connections do not keep others out" idle

# ---- what it says ----------------------------------------------------------------------------------

lints() { get /metrics >"$LAB_DIR/metrics" && promtool check metrics <"$LAB_DIR/metrics"; }
silent() { [ -z "$("$@" 2>&1 | tee /dev/stderr)" ]; }
claim "promtool check metrics has nothing to say" silent lints
once() { # no family twice, no series twice
	[ -z "$(grep -E '^# (HELP|TYPE) ' "$LAB_DIR/metrics" | awk '{ print $2, $3 }' | sort | uniq -d)" ] &&
		[ -z "$(grep -v '^#' "$LAB_DIR/metrics" | sed 's/ [^ ]*$//' | sort | uniq -d)" ]
}
claim "each family and each series is there once" once
# Series and not values: some differ each time they are asked.
series() { grep -vE '_(packet|flow)_share_ratio' | sed 's/ [^ ]*$//'; }
same_text() { diff <(series <"$LAB_DIR/metrics") <(ek metrics | series); }
claim "evenkeel metrics prints the same" same_text

names() { "$LAB_ROOT/tests/lib/metric_names.py" "$LAB_DIR/metrics" "$@"; }
claim "docs/monitoring.md has all of them, with their labels" names --documented \
	"$LAB_ROOT/docs/monitoring.md"

rules=$LAB_ROOT/examples/prometheus/evenkeel.rules.yml
dashboard=$LAB_ROOT/examples/grafana/evenkeel.json
claim "alert rules and dashboard use what there is" names --used "$rules" "$dashboard"

# From one moment without traffic: a series, and what a filter makes of the status.
# Checks and neighbours go on while the two are asked for, one after the other.
agrees() { wait_for 15 agrees_now "$@"; } # SERIES JQ-FILTER
agrees_now() {
	local said
	said=$(ek status --json | jq -r "$2")
	echo "status: $said"
	equals "$1" "$said"
}
not_zero() { [ "$(metric "$1")" -gt 0 ]; }
for name in web-1 web-3; do
	of=".services[0].backends[] | select(.name == \"$name\")"
	claim "packets of $name agree with status" agrees "$(backend packets_total $name)" "$of.packets"
	claim "bytes of $name agree" agrees "$(backend bytes_total $name)" "$of.bytes"
	claim "new flows of $name agree" agrees "$(backend new_flows_total $name)" "$of.flows"
	claim "the expected share of $name agrees" agrees "$(backend expected_share_ratio $name)" \
		"$of.expected_share * 1e9 | round / 1e9"
	claim "$name has had new flows" not_zero "$(backend new_flows_total $name)"
done
for verdict in passed sent redirected answered returned; do
	claim "$verdict packets agree" agrees "evenkeel_packets_total{verdict=\"$verdict\"}" ".$verdict"
done
for verdict in passed sent answered; do
	claim "packets were $verdict" not_zero "evenkeel_packets_total{verdict=\"$verdict\"}"
done
passed_checks() { not_zero 'evenkeel_check_results_total{service="web",check="tcp",outcome="passed"}'; }
claim "checks have passed" passed_checks
timed() { not_zero 'evenkeel_check_seconds_bucket{service="web",check="tcp",le="1"}'; }
claim "within a second" timed
claim "who is up is healthy" equals "$(backend healthy web-1)" 1
claim "and has its weight in the table" equals "$(backend effective_weight web-3)" 200
claim "the mode of the table agrees" agrees 'evenkeel_service_mode{service="web",mode="healthy"}' \
	'.services[0].health | if .mode == "healthy" then 1 else 0 end'
claim "drops agree" agrees 'evenkeel_dropped_packets_total{reason="zero_port"}' .dropped.zero_port
claim "what was never dropped is 0, not absent" equals \
	'evenkeel_dropped_packets_total{reason="internal"}' 0
claim "so is what was never lost" equals \
	'evenkeel_lost_packets_total{interface="eth0",cause="unsent"}' 0
claim "the revision agrees" agrees evenkeel_revision .revision
claim "its time agrees" agrees evenkeel_revision_timestamp_seconds .revision_time
claim "the interface is attached" equals \
	'evenkeel_interface_attached{interface="eth0",mode="driver"}' 1
claim "a backend's state is named" equals \
	'evenkeel_backend_state{service="web",backend="web-1",state="up"}' 1

# ---- Prometheus itself -----------------------------------------------------------------------------

cat >"$LAB_DIR/prometheus.yml" <<END
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ["$rules"]
scrape_configs:
  - job_name: evenkeel
    static_configs: [{ targets: ["$AT"] }]
END
lab_spawn prometheus balancer prometheus --config.file "$LAB_DIR/prometheus.yml" \
	--storage.tsdb.path "$LAB_DIR/tsdb" --web.listen-address 127.0.0.1:9090
# The result of a query as JSON: fails if there is none.
query() {
	lab_in balancer curl -sS --fail --max-time 3 --data-urlencode "query=$1" \
		http://127.0.0.1:9090/api/v1/query | jq -ce '.data.result | select(length > 0)'
}
prometheus_says() { # QUERY VALUE
	query "$1" | tee /dev/stderr | jq -e --arg v "$2" '[.[].value[1]] == [$v]' >/dev/null
}
claim "Prometheus scrapes it" wait_for 10 prometheus_says 'up{job="evenkeel"}' 1
claim "Prometheus has the packets of a backend" wait_for 15 prometheus_says \
	"$(backend packets_total web-3)" "$(metric "$(backend packets_total web-3)")"
claim "and the state of all" prometheus_says 'count(evenkeel_backend_state{state="up"})' 3

asked() {
	lab_in balancer "$LAB_ROOT/tests/lib/dashboard_queries.py" "$dashboard" --ask http://127.0.0.1:9090
}
wait_for 15 asked
claim "and answers what the dashboard asks" asked
rules_run() {
	lab_in balancer curl -sS --max-time 3 http://127.0.0.1:9090/api/v1/rules |
		jq -e '[.data.groups[].rules[].health] | length > 15 and all(. == "ok")'
}
claim "the alert rules run" wait_for 15 rules_run
# ---- names that are used again -----------------------------------------------------------------------

# web-2 leaves, for its slots are unsettled for the idle time; another host gets its name.
series_of() { ek metrics | grep -c "^evenkeel_backend_packets_total.*backend=\"$1\""; }
anyway ek backend remove web web-2 >/dev/null
claim "a backend that leaves is shown until it is gone" equals \
	'evenkeel_backend_state{service="web",backend="web-2",state="leaving"}' 1
firing() { query 'ALERTS{alertname="EvenkeelRevisionChanged"}'; }
claim "the alert rule tells that the revision has changed" wait_for 15 firing
claim "the one that leaves has no weight" [ -z "$(metric "$(backend weight web-2)")" ]
anyway ek backend add web web-2 10.0.1.99 >/dev/null 2>&1
wait_for 15 status '[members | select(.name == "web-2").state] == ["no_next_hop"]'
once_more() { [ "$(series_of web-2)" = 1 ] && silent lints && once; }
claim "its name given to another, there is one series of it" once_more
claim "which begins anew" equals "$(backend packets_total web-2)" 0
claim "without a next hop, it says so" equals "$(backend next_hop web-2)" 0
anyway ek backend remove web web-2 >/dev/null
claim "the series stays the newer one's while both leave" equals "$(backend packets_total web-2)" 0

# ---- where it listens ------------------------------------------------------------------------------

second() { # OPTION...: another daemon with everything of its own but the network
	lab_in balancer timeout 5 "$BUILD/evenkeeld" --state "$LAB_DIR/state2" \
		--socket "$LAB_DIR/second.sock" --pins "$LAB_DIR/bpf/second" --slots 65536 --flows 4096 "$@"
}
claim "a port in use is named, with the remedy, and the daemon does not start" \
	refused "metrics 127.0.0.1:19753: port 19753 is in use.*give another" second
claim "and what is attached goes on forwarding" requests 4 5
usage() { second --metrics "$1" 2>&1 | grep "metrics $1: must be ADDRESS:PORT"; }
for bad in 9753 localhost:9753 127.0.0.1 127.0.0.1:0 127.0.0.1:70000 127.0.0.1:9753/tcp ::1:9753 on ''; do
	claim "--metrics '$bad' is no place" usage "$bad"
done
lab_kill evenkeeld
AT='[::1]:8080'
lab_daemon --metrics "$AT"
claim "it listens on IPv6" code 200 /metrics
claim "counters go on after a restart" not_zero "$(backend packets_total web-3)"
lab_kill evenkeeld
lab_daemon --metrics off
listens() { lab_in balancer ss -Hltnp | grep -F evenkeeld; }
claim "--metrics off: nobody listens" not listens
claim "evenkeel metrics answers all the same" not_zero "$(backend packets_total web-3)"
claims_end
