#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# In by one interface, out by another (redirect), and what happens when one goes away.
. "$(dirname "$0")/../lib/story.sh"

story --two-interfaces --backends 2
lab_file big 100
udp_servers
claim "attaching to the outer interface succeeds" ek attach eth0 --yes
for mode in l2 ipip; do
	for to in 4 6; do
		claim "$mode to IPv$to backends comes into force" configure $mode $to
		for from in 4 6; do
			way="across two interfaces, IPv$from by $mode to IPv$to"
			claim "http: every backend answers $way" all_answer $from
			claim "udp: 100 of 100 flows are answered $way" udp_answered $from 100
			claim "100 MB come whole $way" download $from big
		done
	done
done
claim "packets left by the other interface" status '.redirected > 1000 and .sent == 0'

# The inner interface goes away, as when a VM's NIC is unplugged. The default route is what is
# left, and ipip goes through a router as well; without that route there is no way.
claim "ipip to IPv4 backends comes into force again" configure ipip 4
lab_ip balancer <<<"link del eth1"
rerouted() { status '[members.next_hop | .state == "ready" and .interface == "eth0"] | all'; }
claim "an interface is removed: the next hops follow the routes that are left" wait_for 10 rerouted
claim "and traffic goes on" all_answer 4
lab_ip balancer <<-END
	route del default via 10.0.2.1
	route del default via fd00:2::1
END
lost() { status '[members | .state == "no_next_hop" and (.reason | length > 0)] | all'; }
claim "without any route every backend is said to have no next hop, and why" wait_for 10 lost
claim "the daemon is still there" lab_alive evenkeeld
drops_counted() {
	lab_in client curl -s --connect-timeout 1 "$(url 4)/" && return 1
	status '.dropped.no_next_hop > 0'
}
claim "what cannot be sent is a counted drop" drops_counted
lab_link router lb balancer eth1
lab_ip router <<<"link set lb master lan"
lab_balancer_port lb
lab_ip balancer <<-END
	addr add $BALANCER4/24 dev eth1
	addr add $BALANCER6/64 dev eth1
END
claim "an interface returns: next hops are found again" wait_for 15 backends_ready
claim "and traffic flows again" all_answer 4

# The interface with the program goes away.
lab_ip balancer <<<"link del eth0"
gone() { status '[.interfaces[] | select(.name == "eth0" and .ifindex != 0)] | length == 0'; }
claim "the attached interface is removed: status says so" wait_for 10 gone
claim "the daemon still answers" ek status
claims_end
