#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# nat: the balancer is the backends' gateway, and they do not know the service's address.
LAB_SLOW_RATE=4m
. "$(dirname "$0")/../lib/story.sh"
. "$(dirname "$0")/../lib/nat.sh"

story --backends 4
lab_file big 100
lab_file slow 24
nat_hosts
nat_udp_servers
claim "attaching succeeds" ek attach eth0 --yes
claim "nat comes into force" nat_configure
claim "what backend setup prints works on every backend" nat_backends
claim "it does no harm to run it again" nat_backends
for from in 4 6; do
	claim "http: every backend answers, IPv$from" all_answer $from
	claim "udp: 200 of 200 flows are answered, IPv$from" udp_answered $from 200
	claim "udp: 20 of 20 datagrams of 5000 bytes are answered, IPv$from" udp_answered $from 20 5000
	claim "100 MB come whole, IPv$from" download $from big
	claim "20 MB sent arrive, IPv$from" upload $from 20
done
claim "answers are counted" status '.returned > 1000'
doctor_probes() { ek doctor --json | jq -e '[.findings[] | select(.check == "probe" or .check == "nat") | .level == "ok"] | length == 8 and all'; }
claim "doctor's probes are answered by every backend" doctor_probes
port_told() { # 4|6
	local from=$CLIENT4 to=$VIP4
	[ "$1" = 6 ] && from="[$CLIENT6]" to="[$VIP6]"
	ek explain "$from:40000 > $to:80/tcp" --json | jq -e '.new_flow.port == 8080 and .established.port == 8080'
}
for from in 4 6; do claim "explain tells the port that the backends are sent, IPv$from" port_told $from; done
claim "nothing was dropped" status '(.dropped | del(.no_next_hop) | add // 0) == 0'

# ---- between balancer and backends -------------------------------------------------------------
reaches() { # ADDRESS PORT, from the balancer
	[ "$(lab_in balancer curl -sS --max-time 5 "http://$1:$2/")" = web-2 ]
}
claim "the balancer reaches the very port of a backend, as a probe does, IPv4" \
	reaches "$(lab_backend_addr 2 4)" 8080
claim "the same over IPv6" reaches "[$(lab_backend_addr 2 6)]" 8080
claim "and another, as SSH does, IPv4" reaches "$(lab_backend_addr 2 4)" 80
claim "and another, as SSH does, IPv6" reaches "[$(lab_backend_addr 2 6)]" 80

# ---- the kernel's part -------------------------------------------------------------------------
forgotten() { # 4|6: the daemon asks for its neighbours again meanwhile
	lab_in balancer ip "-$1" neigh flush dev eth0
	requests "$1" 1
}
claim "an answer finds its way when the neighbour is forgotten, IPv4" forgotten 4
claim "an answer finds its way when the neighbour is forgotten, IPv6" forgotten 6

# Only the router knows that the clients' link is small; it says so to the service's address.
small_link() { # MTU
	lab_in router ip link set outer mtu "$1"
}
knows_mtu() { # 4|6: every backend that served the client has learnt it
	local i client=$CLIENT4
	[ "$1" = 6 ] && client=$CLIENT6
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_in "b$i" ip "-$1" route get "$client"
	done | grep -c "mtu 1300" | grep -qx "$LAB_BACKENDS"
}
large_from_all() { # 4|6
	lab_in client curl -sS --fail --connect-timeout 3 --max-time 20 -H 'Connection: close' \
		-o /dev/null "$(url "$1")/files/big?[1-24]" -r 0-200000
}
claim "the clients' link becomes small" small_link 1300
for from in 4 6; do
	claim "downloads go on over a small link, IPv$from" large_from_all $from
	claim "every backend was told, IPv$from" knows_mtu $from
	claim "100 MB come whole over a small link, IPv$from" download $from big
done
claim "the clients' link is large again" small_link 1500

# The other way: a backend refuses a datagram, and the client hears of it.
refused_udp() { # 4|6
	lab_in client "$PYTHON" - "$(vip "$1")" <<-'END'
		import socket, sys
		family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
		s = socket.socket(family, socket.SOCK_DGRAM)
		s.settimeout(3)
		s.connect((sys.argv[1], 53))
		s.send(b"anyone?")
		try:
		    s.recv(100)
		except ConnectionRefusedError:
		    sys.exit(0)
		sys.exit(1)
	END
}
silence() { for i in 1 2 3 4; do lab_kill "udp-$i"; done; }
silence
claim "a client hears that a port is closed, IPv4" refused_udp 4
claim "a client hears that a port is closed, IPv6" refused_udp 6

# ---- changes -----------------------------------------------------------------------------------
claim "a long download starts over IPv4" slow_start dl4 4 slow
claim "a long download starts over IPv6" slow_start dl6 6 slow
victim4=$(slow_backend dl4) victim6=$(slow_backend dl6)
claim "its backend is drained, IPv4" ek backend drain web4 "$victim4"
claim "its backend is removed, IPv4" anyway ek backend remove web4 "$victim4"
claim "its backend is removed, IPv6" anyway ek backend remove web6 "$victim6"
lab_kill evenkeeld KILL
claim "forwarding goes on without the daemon" slow_running dl4
lab_daemon
claim "the removed backend's download ends whole, IPv4" slow_whole dl4 slow
claim "the removed backend's download ends whole, IPv6" slow_whole dl6 slow

# Another port is another server on that host: who leaves is not who is configured.
other_port() {
	sed 's/port: 8080, weight: 100/port: 8081, weight: 7/' "$LAB_DIR/nat.yaml" >"$LAB_DIR/ports.yaml"
	anyway ek apply "$LAB_DIR/ports.yaml"
}
claim "the backends' port changes" other_port
claim "those who leave the old one have not got the new one's weight" status '
	[.services[] | select(.name == "web4").backends[]] |
	(map(select(.state == "leaving").weight) | length > 0 and all(. == null)) and
	(map(select(.state != "leaving").weight) | length > 0 and all(. == 7))'

# ---- what cannot be ----------------------------------------------------------------------------
sed 's/port: 5353/port: 8080/; s|/udp|/tcp|' "$LAB_DIR/nat.yaml" | sed '0,/:53.tcp/s//:81\/tcp/' \
	>"$LAB_DIR/bad.yaml"
claim "two services with the same backend port are refused with their place" \
	refused 'bad\.yaml:[0-9]+:[0-9]+: .*could not tell the answers apart' \
	ek check "$LAB_DIR/bad.yaml"
claims_end
