#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Frames of more than one buffer: every link has an MTU of 9000, which veth takes with XDP only from
# programs for that.
. "$(dirname "$0")/../lib/story.sh"

lab_open
lab_up --backends 2
lab_in router ip link set dev lb xdpdrv off
for link in "client eth0" "router outer" "router lb" "balancer eth0" "router b1" "b1 eth0" \
	"router b2" "b2 eth0" "router lan"; do
	read -r ns dev <<<"$link"
	lab_in "$ns" ip link set dev "$dev" mtu 9000 || lab_die "no MTU of 9000 on $dev of $ns"
done
lab_in router ip link set dev lb xdpdrv obj "$BUILD/tests/lib/pass.bpf.o" sec xdp.frags ||
	lab_die "no program for jumbo frames on the router's lb"
answers_unclamped
lab_nginx
lab_file big 100

lab_daemon
claim "a service comes into force" configure l2 4
claim "without --jumbo attaching is refused, and says what to do" \
	refused 'MTU 9000 is more than veth takes.*--jumbo' ek attach eth0 --yes
lab_kill evenkeeld
rm -rf "$LAB_PINS"
lab_daemon --jumbo
claim "with it attaching succeeds" ek attach eth0 --yes
claim "in driver mode" status '.interfaces[0].mode == "driver"'
claim "every backend has its next hop" wait_for 10 backends_ready

# What the balancer forwards of a client is mostly data here: its packets are as large as can be.
average_is_above() { # BYTES
	status "[members.bytes] | add" && status "[members.packets] | add" &&
		status "([members.bytes] | add) / ([members.packets] | add) > $1"
}
for family in 4 6; do
	claim "IPv$family: 50 MB sent arrive" upload $family 50
done
claim "packets were larger than one buffer" average_is_above 4000
for family in 4 6; do
	claim "IPv$family: 100 MB come whole" download $family big
	claim "IPv$family: a ping of the whole MTU is answered" lab_in client ping -q -c 2 -i 0.05 \
		-W 2 -M 'do' -s $((family == 4 ? 8972 : 8952)) "$(vip $family)"
done
claim "nothing was dropped" status '(.dropped | del(.no_next_hop) | add // 0) == 0'

lab_kill evenkeeld KILL
lab_spawn single balancer "$BUILD/evenkeeld" --state "$LAB_STATE" --socket "$LAB_SOCKET" \
	--pins "$LAB_PINS"
claim "a controller without --jumbo exits" wait_for 20 not lab_alive single
claim "and says what to do" grep -q 'left as it is.*--jumbo' "$LAB_DIR/log/single"
claim "forwarding goes on" upload 4 5
lab_daemon --jumbo
claim "a controller with it takes over" status '.interfaces[0].mode == "driver"'
claim "and forwarding goes on" upload 6 5
claims_end
