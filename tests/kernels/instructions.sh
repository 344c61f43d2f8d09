#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Instructions per frame, in the guest of scripts/bench-kernels.sh: a line for each row, NAME,
# median, least and most, by tabs. All rows get the same frames through the same pair of veth.
#
# The kernel's rows are there twice. Frames that go back out of the veth reach its other end as skbs
# and are turned into XDP frames there, which is that end's cost; those that leave by a dummy device
# are freed at once, so that sending them costs nothing: too much, and too little.
set -u
build=build
VIP_L2=203.0.113.10 VIP_IPIP=203.0.113.11
BACKENDS="11 12 13 14"

row() { "$build/tests/kernels/frames" "$build/tests/kernels/frames.bpf.o" "$@"; }
ek() { "$build/evenkeel" --socket /tmp/control.sock "$@"; }

scene() {
	local host
	sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1 # nobody sends but us
	ip -batch - <<-END
		link add gen address 02:00:00:00:00:01 type veth peer name lb address 02:00:00:00:00:02
		link set gen up
		link set lb up
		addr add 10.0.2.1/24 dev lb
		link set dummy0 up
		addr add 10.0.3.1/24 dev dummy0
		addr add 203.0.113.32/27 dev lo
	END
	for host in $BACKENDS; do
		ip neigh add "10.0.2.$host" lladdr 02:00:00:00:00:01 dev lb nud permanent
	done
	sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lb.rp_filter=0
}

config() {
	local mode host
	echo "services:"
	for mode in l2 ipip; do
		[ $mode = l2 ] && vip=$VIP_L2 || vip=$VIP_IPIP
		printf '  %s:\n    listen: ["%s:80/tcp"]\n    forward: %s\n    backends:\n' \
			$mode "$vip" $mode
		for host in $BACKENDS; do
			printf '      b%s: { address: 10.0.2.%s }\n' "$host" "$host"
		done
	done
}

# With the controller stopped, so that nothing but the frames runs: forwarding goes on without it.
evenkeel() {
	local tries=100 pid
	config >/tmp/evenkeel.yaml
	mkdir -p /tmp/state
	"$build/evenkeeld" --state /tmp/state --socket /tmp/control.sock >/tmp/evenkeeld.log 2>&1 &
	pid=$!
	until ek status >/dev/null 2>&1 || [ $((tries -= 1)) = 0 ]; do sleep 0.1; done
	if ! ek apply /tmp/evenkeel.yaml >/tmp/said 2>&1 || ! ek attach lb --yes >>/tmp/said 2>&1; then
		cat /tmp/said /tmp/evenkeeld.log
		return
	fi
	tries=100
	until ek status --json | jq -e '[.services[].backends[].next_hop.state == "ready"] | all' \
		>/dev/null || [ $((tries -= 1)) = 0 ]; do sleep 0.1; done
	kill $pid
	wait $pid
	row "evenkeel l2" $VIP_L2
	row "evenkeel ipip" $VIP_IPIP --grown 20
	"$build/evenkeeld" --state /tmp/state --socket /tmp/control.sock >>/tmp/evenkeeld.log 2>&1 &
	pid=$!
	tries=100
	until ek detach >/dev/null 2>&1 || [ $((tries -= 1)) = 0 ]; do sleep 0.1; done
	kill $pid
	wait $pid
}

# By the same veth, and by the dummy: NAME, its address, net of the backends, how, bytes it grows.
# Each has an address of its own: IPVS keeps what it forwards as it began.
ipvs() {
	local name=$1 vip=203.0.113.$2:80 net=10.0.$3 how=$4 host
	shift 4
	ipvsadm -A -t "$vip" -s rr
	for host in $BACKENDS; do
		ipvsadm -a -t "$vip" -r "$net.$host:80" "$how"
	done
	row "$name" "${vip%:*}" --peer pass "$@"
}

scene
row "drop at the peer" $VIP_L2 --peer drop
row "bare XDP_TX" $VIP_L2 --peer bounce
evenkeel
row "kernel forwarding" 10.0.2.11 --peer pass
ipvs "IPVS direct routing" 33 2 -g
ipvs "IPVS tunnel" 34 2 -i --grown 20
row "kernel forwarding, to a dummy" 10.0.3.11 --peer pass --out dummy0
ipvs "IPVS direct routing, to a dummy" 35 3 -g --out dummy0
ipvs "IPVS tunnel, to a dummy" 36 3 -i --grown 20 --out dummy0
