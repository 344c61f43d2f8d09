#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Load feedback: servers say how loaded they are, and one is half as fast as the others, which nobody
# sees in its traffic. Weights move until the loads told are within 15 % of each other, and no connection
# breaks. Answers that are no numbers, or none, leave weights as they are, and health too.
. "$(dirname "$0")/../lib/story.sh"

PORT=7
ASKED=9100
FAST=400000 # bytes a second, at a load of 100
story --backends 3
ek attach eth0 --yes >/dev/null 2>&1

servers() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_spawn "crowd-$i" "b$i" "$BUILD/tests/lib/crowd" serve "web-$i" "$PORT" "$VIP4" \
			"$(lab_backend_addr "$i" 4)"
		lab_spawn "load-$i" "b$i" "$PYTHON" "$LAB_ROOT/tests/lib/load.py" "$ASKED" \
			$((i == 1 ? FAST / 2 : FAST)) "$LAB_DIR/mode"
	done
	for ((i = 1; i <= LAB_BACKENDS; i++)); do wait_for 10 server_listens "$i" || return 1; done
}
server_listens() { [ "$(lab_in "b$1" ss -Hltn "sport = $PORT or sport = $ASKED" | wc -l)" = 3 ]; }
apply() { # REBALANCE
	lab_config ipip 4 | sed "s/listen: .*/listen: [\"$VIP4:$PORT\/tcp\"]\n    rebalance: $1/" \
		>"$LAB_DIR/load.yaml"
	anyway ek apply --at-once --watch 0 "$LAB_DIR/load.yaml" && wait_for 10 backends_ready
}
backends() { status ".services[0].backends | $1"; }
factors() { ek status --json | jq -c '[.services[0].backends[].factor]'; }

echo normal >"$LAB_DIR/mode"
claim "servers are up" servers
seq -f 'addr add 198.51.100.%g/24 dev eth0' 10 249 | lab_ip client
claim "a service that asks for load comes into force" apply \
	"{ wait: 3s, measure: 1s, load: { port: $ASKED, interval: 1s } }"
mapfile -t all < <(seq -f '198.51.100.%g' 10 249)
: >"$LAB_DIR/heavy"
lab_spawn clients client "$PYTHON" "$LAB_ROOT/tests/lib/clients.py" run "$VIP4" "$PORT" 1 \
	"$LAB_DIR/heavy" "${all[@]}"
uneven() { backends 'map(.load.load // 0) | .[0] > 1.5 * .[1] and .[0] > 1.5 * .[2] and .[1] > 5'; }
claim "the slow server says that it has more than half as much again" wait_for 10 uneven
begin=$(date +%s)
even() { backends 'map(.load.load // 0) | max < 1.15 * min'; }
claim "loads come within 15 % of each other" wait_for 60 even
echo "# within $(($(date +%s) - begin)) s: factors $(factors)"
claim "by the slow server's weight, within its bounds" backends \
	'map(.factor) | .[0] < 0.85 and .[0] >= 0.5 and .[1] > 1 and .[2] > 1 and max <= 1.5'
told() { ek metrics | grep -E '^evenkeel_backend_load\{service="web",backend="web-1"\} [1-9]'; }
claim "the metrics have what it says" told

# ---- answers that are none -----------------------------------------------------------------------------
echo garbage >"$LAB_DIR/mode"
nothing() { backends 'map(.load.fresh | not) | all' && status '.services[0].rebalance.state == "frozen"'; }
claim "answers that are no numbers are none, and it stands still" wait_for 10 nothing
why() { backends 'map(.load.reason | test("^.busy.. is not a number from 0 to 100$")) | all'; }
claim "status has what was said" why
examined() { ek doctor --json | jq -e '.findings[] | select(.check == "rebalance") |
	.level == "warning" and (.text | startswith("3 of 3 backends do not say"))'; }
claim "the doctor says so" examined
before=$(factors)
echo silent >"$LAB_DIR/mode"
late() { backends 'map(.load.reason | test("within 500 ms$")) | all'; }
claim "nor is silence an answer" wait_for 15 late
sleep 6 # more than a cycle: what does not happen takes its time
unmoved() { [ "$(factors)" = "$before" ]; }
claim "weights are left as they are" unmoved
claim "and all servers are up" backends 'map(.state == "up") | all'
echo normal >"$LAB_DIR/mode"
heard() { backends 'map(.load.fresh) | all' && status '.services[0].rebalance.state != "frozen"'; }
claim "once they answer it goes on" wait_for 10 heard

lab_kill clients
cat "$LAB_DIR/log/clients"
claim "thousands of lines were answered, and no connection broke" grep -E \
	'^whole [0-9]{3,} broken 0 exchanges [0-9]{4,}$' "$LAB_DIR/log/clients"
claims_end
