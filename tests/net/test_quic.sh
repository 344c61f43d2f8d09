#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# QUIC: a connection stays on its server when its client's address changes. A real server and a
# real client, ngtcp2's; the server's connection IDs get its number by tests/lib/quic_id.c.
. "$(dirname "$0")/../lib/story.sh"

CONNECTIONS=16
IDLE=30 # longer than explain is asked about flows

story --backends 2
lab_file big 40
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=web \
	-keyout "$LAB_DIR/key.pem" -out "$LAB_DIR/cert.pem" 2>/dev/null ||
	lab_die "openssl makes no certificate"
for i in 1 2; do
	mkdir -p "$LAB_DIR/docs/$i" && echo "web-$i" >"$LAB_DIR/docs/$i/name"
	ln -s "$LAB_DIR/www/big" "$LAB_DIR/docs/$i/big"
	for from in 4 6; do
		lab_spawn "quic-$i-$from" "b$i" env LD_PRELOAD="$BUILD/tests/lib/quic_id.so" \
			QUIC_ID="1 2 $((1000 * i))" gtlsserver --quiet --htdocs "$LAB_DIR/docs/$i" \
			"$(vip $from)" 443 "$LAB_DIR/key.pem" "$LAB_DIR/cert.pem"
	done
done
servers_up() {
	local i
	for i in 1 2; do
		[ "$(lab_in "b$i" ss -Hlun "sport = 443" | wc -l)" = 2 ] || return 1
	done
}
claim "the servers begin" wait_for 15 servers_up
claim "attaching succeeds" ek attach eth0 --yes

# The configuration, with quic or without, and with these servers: serve quic|plain 4|6 N...
serve() {
	local how=$1 family=$2 i key=''
	shift 2
	{
		cat <<-END
			$LAB_STAGE
			services:
			  web:
			    listen: ["$VIP4:443/udp", "[$VIP6]:443/udp"]
			    forward: ipip
			    idle_time: $IDLE
		END
		[ "$how" = plain ] || echo '    quic: { offset: 1, length: 2 }'
		echo '    backends:'
		for i; do
			[ "$how" = plain ] || key=", quic_id: $((1000 * i))"
			echo "      web-$i: { address: \"$(lab_backend_addr "$i" "$family")\"$key }"
		done
	} >"$LAB_DIR/evenkeel.yaml"
	anyway ek apply "$LAB_DIR/evenkeel.yaml" && wait_for 10 backends_ready
}

# Connections that ask for FILE when their address has changed: ask 4|6 FILE OPTION... What each
# got is in its folder below quic/, what it did in its log.
ask() {
	local from=$1 file=$2 i
	shift 2
	rm -rf "$LAB_DIR/quic"
	for ((i = 1; i <= CONNECTIONS; i++)); do
		mkdir -p "$LAB_DIR/quic/$i"
		rm -f "$LAB_DIR/log/client-$i"
		lab_spawn "client-$i" client timeout 25 gtlsclient --exit-on-all-streams-close \
			--no-quic-dump --no-http-dump --timeout=3s --sni=web \
			--download="$LAB_DIR/quic/$i" "$@" "$(vip "$from")" 443 "https://web/$file"
	done
}
asked() {
	local i
	for ((i = 1; i <= CONNECTIONS; i++)); do wait_for 30 not lab_alive "client-$i" || return 1; done
}
rebinding=(--change-local-addr=200ms --nat-rebinding --delay-stream=400ms)
migrating=(--change-local-addr=200ms --delay-stream=400ms)

# "NUMBER FIRST LAST GOT" of each connection: the servers that addresses and ports choose, before
# and after, and the one that answered, or "none".
outcomes() { # 4|6
	local i ports client=$CLIENT4
	[ "$1" = 6 ] && client="[$CLIENT6]"
	for ((i = 1; i <= CONNECTIONS; i++)); do
		ports=$(sed -n 's/^Sent packet: local=\[.*\]:\([0-9]*\) remote=.*/\1/p' "$LAB_DIR/log/client-$i")
		echo "$i $(owner "$client:$(head -n 1 <<<"$ports")" "$1")" \
			"$(owner "$client:$(tail -n 1 <<<"$ports")" "$1")" \
			"$(cat "$LAB_DIR/quic/$i/name" 2>/dev/null || echo none)"
	done
}
owner() { # CLIENT:PORT 4|6
	local vip=$VIP4
	[ "$2" = 6 ] && vip="[$VIP6]"
	ek explain "$1 > $vip:443/udp" --json | jq -r .new_flow.backend
}

# All were answered, by the server that had them first, and some had been another's by their ports.
all_stayed() { # 4|6 OPTION...
	local said
	ask "$1" name "${@:2}" && asked || return 1
	said=$(outcomes "$1")
	echo "$said"
	awk '$2 != $4 { bad++ } $2 != $3 { moved++ } END { exit bad || !moved || NR != n }' \
		n="$CONNECTIONS" <<<"$said"
}
# Answered were just those that their ports left where they were.
only_unmoved_answered() { # 4|6 OPTION...
	local said
	ask "$1" name "${@:2}" && asked || return 1
	said=$(outcomes "$1")
	echo "$said"
	awk '($2 == $3) != ($4 == $2) { bad++ } $2 != $3 { moved++ }
		END { exit bad || !moved || NR != n }' n="$CONNECTIONS" <<<"$said"
}

for to in 4 6; do
	claim "a service with quic comes into force, IPv$to backends" serve quic $to 1 2
	for from in 4 6; do
		claim "a NAT gives connections other ports: all stay, IPv$from to IPv$to" \
			all_stayed $from "${rebinding[@]}"
		claim "clients migrate: all connections stay, IPv$from to IPv$to" \
			all_stayed $from "${migrating[@]}"
	done
done
claim "the same, of a version whose long headers are not known" all_stayed 4 \
	"${rebinding[@]}" --version=v2draft

big_came() {
	local i
	ask 4 big --change-local-addr=50ms --nat-rebinding && asked || return 1
	for ((i = 1; i <= CONNECTIONS; i++)); do
		grep "Local address is now" "$LAB_DIR/log/client-$i" &&
			[ "$(sha256sum <"$LAB_DIR/quic/$i/big" | cut -d' ' -f1)" = "$(cat "$LAB_DIR/www/big.sha256")" ] ||
			return 1
	done
}
CONNECTIONS=4
claim "40 MB come whole while the address changes" big_came
CONNECTIONS=16

claim "the service without quic comes into force" serve plain 4 1 2
claim "without it, connections whose ports choose another server are lost, IPv4" \
	only_unmoved_answered 4 "${rebinding[@]}"
claim "the same over IPv6" only_unmoved_answered 6 "${rebinding[@]}"

# ---- a server that is removed, a controller that is restarted ------------------------------------

handshakes_done() {
	[ "$(grep -l "handshake has been confirmed" "$LAB_DIR"/log/client-* | wc -l)" = "$CONNECTIONS" ]
}
restart() {
	lab_kill evenkeeld KILL
	lab_daemon
}
all_answered() {
	asked || return 1
	cat "$LAB_DIR"/quic/*/name | sort | uniq -c
	[ "$(cat "$LAB_DIR"/quic/*/name | wc -l)" = "$CONNECTIONS" ] &&
		[ "$(cat "$LAB_DIR"/quic/*/name | sort -u | wc -l)" = 2 ]
}
removed() {
	status "[.services[].backends[] | select(.address == \"$(lab_backend_addr 2 4)\") | .state] == [$1]"
}

IDLE=8 # longer than the connections are quiet
claim "quic is back" serve quic 4 1 2
ask 4 name --change-local-addr=2s --nat-rebinding --delay-stream=3s
claim "connections begin at both servers" wait_for 15 handshakes_done
claim "one server is removed" serve quic 4 1
claim "the controller is killed and returns" restart
claim "the removed server is leaving" removed '"leaving"'
claim "it is said why" status \
	'[.services[].backends[] | select(.state == "leaving") | .reason | test("its QUIC number known")] | any'
claim "connections of both, at other ports now, are answered" all_answered
new_go_to() { # SERVER
	ask 4 name && asked || return 1
	cat "$LAB_DIR"/quic/*/name | sort | uniq -c
	[ "$(sort "$LAB_DIR"/quic/*/name | uniq -c | tr -s ' ')" = " $CONNECTIONS $1" ]
}
claim "new ones begin at the server that is left" new_go_to web-1
claim "the removed server is let go when nobody speaks to it" wait_for 40 removed ''

claim "no packet was dropped but while a table changed its next hops" \
	status '(.dropped | del(.no_next_hop) | add // 0) == 0'
claims_end
