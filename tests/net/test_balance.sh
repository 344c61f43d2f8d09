#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Rebalance: heavy clients make the load of servers uneven. Told to observe, evenkeeld says what it would
# do; switched on, it brings every server within 15 % of even load, and no connection breaks. What it
# does is in history, metrics, status and doctor, outlives it, and is taken back when it is switched
# off.
. "$(dirname "$0")/../lib/story.sh"

PORT=7
story --backends 4
ek attach eth0 --yes >/dev/null 2>&1

clients() { seq -f '198.51.100.%g' 10 249; }
servers() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_spawn "crowd-$i" "b$i" "$BUILD/tests/lib/crowd" serve "web-$i" "$PORT" "$VIP4" \
			"$(lab_backend_addr "$i" 4)"
	done
	for ((i = 1; i <= LAB_BACKENDS; i++)); do wait_for 15 server_listens "$i" || return 1; done
}
server_listens() { [ "$(lab_in "b$1" ss -Hltn "sport = $PORT" | wc -l)" = 2 ]; }
apply() { # REBALANCE
	lab_config ipip 4 | sed "s/listen: .*/listen: [\"$VIP4:$PORT\/tcp\"]\n    hash: source\n    rebalance: $1/" \
		>"$LAB_DIR/balance.yaml"
	anyway ek apply --at-once --watch 0 "$LAB_DIR/balance.yaml" && wait_for 10 backends_ready
}
QUICK='wait: 2s, measure: 3s'

# ---- load, as the servers see it -----------------------------------------------------------------------
received() { # bytes, a server a line
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_in "b$i" sed -n 's/^ *eth0: *\([0-9]*\).*/\1/p' /proc/net/dev
	done
}
# The lowest and the highest load beside the even one, within some seconds: loads SECONDS
loads() {
	local before
	before=$(received)
	sleep "$1" # a measurement takes its time
	paste <(echo "$before") <(received) | awk '{ d = $2 - $1; sum += d; v[NR] = d }
		END { low = high = v[1]
			for (i in v) { if (v[i] < low) low = v[i]; if (v[i] > high) high = v[i] }
			printf "%.3f %.3f\n", low * NR / sum, high * NR / sum }'
}
uneven() { loads 4 | tee /dev/stderr | awk '{ exit !($2 > 1.2) }'; }
even() { loads 4 | tee /dev/stderr | awk '{ exit !($1 > 0.85 && $2 < 1.15) }'; }

told() { ek history --events --json | jq -r '.events[] | select(.kind == "rebalance") | .text'; }

claim "servers are up" servers
clients | sed 's/.*/addr add &\/24 dev eth0/' | lab_ip client
claim "a service that observes comes into force" apply "{ mode: observe, $QUICK }"
mapfile -t all < <(clients)
claim "five clients of one server are found" "$PYTHON" "$LAB_ROOT/tests/lib/clients.py" find \
	"$LAB_SOCKET" web-1 "$VIP4" "$PORT" 5 "${all[@]}"
"$PYTHON" "$LAB_ROOT/tests/lib/clients.py" find "$LAB_SOCKET" web-1 "$VIP4" "$PORT" 5 "${all[@]}" \
	>"$LAB_DIR/heavy"
lab_spawn clients client "$PYTHON" "$LAB_ROOT/tests/lib/clients.py" run "$VIP4" "$PORT" 8 \
	"$LAB_DIR/heavy" "${all[@]}"
advised() { status '.services[0].backends[0].advised_factor < 1'; }
claim "as they are heavy it would correct that server's weight" wait_for 20 advised
claim "and load is uneven" uneven
unchanged() { status '[.services[0].backends[].factor == 1] | all'; }
claim "but what only observes changes nothing" unchanged

claim "it is switched on" apply "{ $QUICK }"
begin=$(date +%s)
claim "every server comes within 15 % of even load" wait_for 90 even
echo "# within $(($(date +%s) - begin)) s"
claim "by weights within their bounds" status \
	'[.services[0].backends[].factor] | min < 0.95 and min >= 0.5 and max <= 1.5'
stepped_back() { told | grep -E '^web: [0-9.]+ % of the slots; web-[1-4] had [0-9.]+ times its load, x[0-9.]+$'; }
claim "the history has each step, as evenkeeld's own" stepped_back
by_itself() {
	ek history --events --json | jq -e '[.events[] | select(.kind == "rebalance").user] |
		length > 0 and all(. == "evenkeeld")'
}
claim "as done by nobody else" by_itself
people() { ek status | grep -E '^  rebalance on: .*; weights web-1 x0\.[0-9]+,'; }
claim "status has it for people" people
measured() { # the factor, and the weight that comes of it
	ek metrics | awk -F'} ' '/^evenkeel_backend_weight_factor_ratio.*"web-1"/ { f = $2 }
		/^evenkeel_backend_effective_weight.*"web-1"/ { w = $2 }
		END { exit !(f < 0.95 && w > 99 * f && w < 101 * f) }'
}
claim "the metrics have it" measured
examined() { ek doctor --json | jq -e '.findings[] | select(.check == "rebalance") | .level == "ok"'; }
claim "the doctor says how it is" examined

# ---- a restart -------------------------------------------------------------------------------------------
factors() { ek status --json | jq -c '[.services[0].backends[].factor]'; }
tables() { ek status --json | jq -c '[.services[0].backends[].slots]'; }
lab_kill evenkeeld KILL
before=$(ek status --json 2>/dev/null)
claim "evenkeeld is killed" test -z "$before"
lab_daemon
restored() { grep -E 'adopted the data path' "$LAB_DIR/log/evenkeeld"; }
claim "and adopts what it finds" restored
claim "the corrections are what they were, or a step further" status \
	'.services[0].backends[0].factor < 0.9 and .services[0].backends[0].slots < 3900'
claim "and load stays within 15 % of even" wait_for 10 even

# ---- switched off ----------------------------------------------------------------------------------------
claim "it is switched off" apply off
off() { status '.services[0].rebalance == null and ([.services[0].backends[].factor == 1] | all)'; }
claim "weights go back in steps" wait_for 90 off
claim "to the table that the revision asks for" status \
	'[.services[0].backends[].slots] | max - min <= 1'
lab_kill clients
cat "$LAB_DIR/log/clients"
claim "thousands of lines were answered, and no connection broke" grep -E \
	'^whole [0-9]{4,} broken 0 exchanges [0-9]{4,}$' "$LAB_DIR/log/clients"
claims_end
