#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A thousand TCP connections, half of them IPv6, on which data moves through ten changes in a row;
# a hundred of them say nothing meanwhile. None breaks and none moves: first when the table grows,
# then when the key changes and evenkeeld is killed.
. "$(dirname "$0")/../lib/story.sh"

PORT=7 SEED=${SEED:-$RANDOM} ALIASES=17
echo "# SEED=$SEED"

servers() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_spawn "crowd-$i" "b$i" "$BUILD/tests/lib/crowd" serve "web-$i" "$PORT" "$VIP4" "$VIP6"
	done
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		wait_for 15 server_listens "$i" || return 1
	done
}
server_listens() { [ "$(lab_in "b$1" ss -Hltn "sport = $PORT" | wc -l)" = 2 ]; }

# ---- configurations --------------------------------------------------------------------------------

# crowd_config IDLE [WEIGHT...]: the first five backends; the sixth is for later
crowd_config() {
	local idle=$1
	shift
	lab_config ipip 4 "$@" | sed "s/  web:/  crowd:/; /web-6/d
		s/listen: .*/listen: [\"$VIP4:$PORT\/tcp\", \"[$VIP6]:$PORT\/tcp\"]\n    idle_time: $idle\n    health: none/"
}
alias_of() { echo "10.0.1.$((100 + ($1 - 1) * ALIASES + $2))"; } # BACKEND NUMBER
each_alias() { # FUNCTION: of every backend but the sixth
	local i j
	for ((i = 1; i < LAB_BACKENDS; i++)); do
		for ((j = 1; j <= ALIASES; j++)); do "$1" "$i" "$j"; done
	done
}
# More backends than the table is for: each under more addresses.
as_backend() { echo "      web-$1-$2: { address: $(alias_of "$1" "$2") }"; }
grown_config() {
	crowd_config "$@"
	each_alias as_backend
}
address_line() { echo "addr add $(alias_of "$1" "$2")/24 dev eth0"; }
add_aliases() {
	local i
	for ((i = 1; i < LAB_BACKENDS; i++)); do
		each_alias address_line | sed -n "$(((i - 1) * ALIASES + 1)),$((i * ALIASES))p" | lab_ip "b$i"
	done
}

# ---- connections -----------------------------------------------------------------------------------

hold() { # NAME COUNT QUIET
	lab_spawn "$1" client "$BUILD/tests/lib/crowd" hold "$2" "$3" "$PORT" "$VIP4" "$VIP6"
	wait_for 20 grep -qx ready "$LAB_DIR/log/$1"
}
unharmed() { # NAME COUNT
	lab_kill "$1"
	grep -v '^server' "$LAB_DIR/log/$1"
	grep '^server' "$LAB_DIR/log/$1" | sort | uniq -c
	grep -qx "broken 0 of $2" "$LAB_DIR/log/$1" && grep -qx "moved 0 of $2" "$LAB_DIR/log/$1"
}
exchanged() { # NAME: a lot, by each
	[ "$(sed -n 's/^exchanges \([0-9]*\) .*/\1/p' "$LAB_DIR/log/$1")" -gt 5000 ]
}
with_all() { # NAME BACKENDS
	[ "$(grep '^server' "$LAB_DIR/log/$1" | sort -u | wc -l)" = "$2" ]
}
tcp_count() { # COLUMN of /proc/net/snmp: the sum of all backends
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_in "b$i" grep '^Tcp: [0-9]' /proc/net/snmp
	done | awk -v column="$1" '{ sum += $column } END { print sum + 0 }'
}
resets() { tcp_count 15; } # sent: a packet of somebody else's connection gets one
received() { [ "$(tcp_count 11)" -ge "$1" ]; }
# Each connection has had two or three exchanges since.
moment() { wait_for 10 received $(($(tcp_count 11) + 3000)); }

apply() { anyway ek apply "$LAB_DIR/$1.yaml"; }
settled() { status '.services[0] | .unsettled == 0 and .flows_remembered == 0'; }
at_once() { # two commands together: COMMAND -- COMMAND
	local first=()
	while [ "$1" != -- ]; do first+=("$1") && shift; done
	shift
	anyway ek "${first[@]}" &
	anyway ek "$@" && wait $!
}
change() { # NAME COMMAND...
	claim "change: $1" "${@:2}"
	claim "and data goes on" moment
}

# ---- the story -------------------------------------------------------------------------------------

story --backends 6
add_aliases
ek attach eth0 --yes >/dev/null 2>&1
crowd_config 10s >"$LAB_DIR/five.yaml"
crowd_config 10s 100 200 50 >"$LAB_DIR/weighted.yaml"
grown_config 10s >"$LAB_DIR/grown.yaml"
crowd_config 600s >"$LAB_DIR/slow.yaml"
claim "a service of five backends comes into force" apply five
claim "every backend has its next hop" wait_for 10 backends_ready
claim "servers listen" servers
before=$(resets)

slots=$(status '.services[0].slots')
claim "600 connections exchange lines" hold first 600 0
change "weights" apply weighted
change "85 backends more" apply grown
claim "the table has grown" status ".services[0].slots == 2 * $slots"
claim "each slot is unsettled" status '.services[0] | .unsettled == .slots'
claim "every new backend has its next hop" wait_for 10 backends_ready
claim "400 connections more" hold second 400 0
change "back to five" apply five
change "a drain and a weight at once" \
	at_once backend drain crowd web-2 -- backend set crowd web-4 --weight 30
change "a removal" anyway ek backend remove crowd web-1
change "back to 85 more" apply grown
change "back again" apply five
claim "no connection of the first 600 broke or moved" unharmed first 600
claim "nor of the next 400" unharmed second 400
claim "data moved all the time" exchanged first
claim "and on the next ones" exchanged second
claim "every backend had its share" with_all first 5
claim "no backend got a packet that was not its own" test "$(resets)" = "$before"
claim "all settles when they are over" wait_for 30 settled

claim "who was drained by hand is back" ek backend undrain crowd web-2
claim "the idle time becomes long" apply slow
claim "700 connections exchange lines, 100 of which fall silent" hold third 700 100
change "another key" ek rekey
change "a drain" anyway ek backend drain crowd web-1
change "an addition" ek backend add crowd web-6 "$(lab_backend_addr 6 4)"
claim "300 connections more" hold fourth 300 0
change "a removal" anyway ek backend remove crowd web-3
change "a weight and a drain at once" \
	at_once backend set crowd web-5 --weight 20 -- backend drain crowd web-2
"$LAB_ROOT/tests/lib/churn.py" "$LAB_SOCKET" "$(lab_pid evenkeeld)" "$SEED" 0.5 crowd \
	>"$LAB_DIR/churn" 2>&1
claim "change: several, the last of which evenkeeld is killed in" jq -e '.changes > 2' "$LAB_DIR/churn"
wait_for 15 not lab_alive evenkeeld
claim "data goes on with nobody to control it" moment
lab_kill evenkeeld
# shellcheck disable=SC2119 # no options
lab_daemon
change "back to five" apply slow
change "the first one again" anyway ek backend drain crowd web-1
change "and back" apply slow
claim "all the while slots were unsettled" status '.services[0].unsettled > 0'
claim "flows are remembered, fewer than there are" \
	status '.services[0].flows_remembered | . > 0 and . < 700'
kill -USR1 "$(lab_pid third)"
claim "those that were silent speak" wait_for 10 grep -qx "all spoke" "$LAB_DIR/log/third"
claim "no connection of the first 700 broke or moved" unharmed third 700
claim "nor of the next 300" unharmed fourth 300
claim "data moved all the time" exchanged third
claim "every backend had its share" with_all third 5
claim "of the later ones the sixth too" grep -qx "server web-6" "$LAB_DIR/log/fourth"
claim "no backend got a packet that was not its own" test "$(resets)" = "$before"
claims_end
