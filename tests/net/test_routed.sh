#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Backends behind a router: ipip reaches them, l2 cannot and says so.
. "$(dirname "$0")/../lib/story.sh"

story --far --backends 2
lab_file big 20
ek attach eth0 --yes >/dev/null 2>&1
for to in 4 6; do
	claim "ipip to IPv$to backends behind a router comes into force" configure ipip $to
	for from in 4 6; do
		claim "http: every backend answers, IPv$from to IPv$to over a routed hop" all_answer $from
		claim "20 MB come whole, IPv$from to IPv$to over a routed hop" download $from big
	done
done

# A router's smaller MTU beyond the first hop: outer packets do not get through, and what the router
# says of them teaches nobody. The route does.
claim "ipip to IPv4 backends comes into force again" configure ipip 4
lab_in router ip link set far mtu 1400
mtus() { status "[members.next_hop.mtu] == $1"; }
full_ping() { lab_in balancer ping -c 1 -W 2 -s 1472 -M 'do' "$(lab_backend_addr 1 4)" | grep 'mtu = 1400'; }
claim "a full ping to a backend names the smaller MTU" full_ping
claim "what the kernel learns so is followed, for that backend" wait_for 10 mtus '[1400, 1500]'
lab_ip balancer <<<"route add 10.0.3.0/24 via 10.0.1.1 mtu 1400"
claim "a route's MTU is followed" wait_for 10 mtus '[1400, 1400]'
answered=$(status .answered)
for from in 4 6; do
	claim "5 MB sent arrive through a router with a smaller MTU, IPv$from" upload $from 5
done
claim "because clients are told what fits" status ".answered > $answered"
lab_ip balancer <<<"route del 10.0.3.0/24"
lab_in router ip link set far mtu 1500
claim "the next hop is the gateway" status \
	'[members.next_hop.gateway == "10.0.1.1"] | all'
lab_config l2 4 >"$LAB_DIR/l2.yaml"
anyway ek apply "$LAB_DIR/l2.yaml" >/dev/null 2>&1
unreachable() {
	status '[members | .state == "no_next_hop" and (.reason | length > 0)] | all'
}
claim "l2 over a router cannot work: each backend says why" wait_for 10 unreachable
claims_end
