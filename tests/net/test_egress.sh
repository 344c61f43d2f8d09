#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What is redirected arrives, or is said not to: an interface that comes back under its old index,
# interfaces that take no redirected frames, and frames that are lost after the verdict.
. "$(dirname "$0")/../lib/story.sh"

story --two-interfaces --backends 2
ek attach eth0 --yes >/dev/null 2>&1
claim "the configuration comes into force" configure l2 4
claim "every backend answers" all_answer 4

# ---- an interface is deleted and made again under its index ----------------------------------------
# In one go and with permanent neighbours: nothing but the interface itself is new.
address_eth1() {
	echo "addr add $BALANCER4/24 dev $1"
	echo "addr add $BALANCER6/64 dev $1"
}
recreate() {
	local index mac i
	read -r index mac < <(lab_in balancer ip -j link show eth1 | jq -r '.[] | "\(.ifindex) \(.address)"')
	kill -STOP "$(lab_pid evenkeeld)" # it sees the end, not the steps
	{
		echo "link del eth1"
		echo "link add name eth1 index $index address $mac type veth peer name lb netns $LAB_PREFIX-router"
		echo "link set eth1 up"
		address_eth1 eth1
		for ((i = 1; i <= LAB_BACKENDS; i++)); do
			echo "neigh replace $(lab_backend_addr "$i" 4) lladdr ${macs[i]} nud permanent dev eth1"
		done
	} | lab_ip balancer
	lab_ip router <<<"link set lb up master lan"
	lab_balancer_port lb
	lab_in balancer ip -j link show eth1 | jq -e ".[].ifindex == $index"
}
permanent() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		macs[i]=$(status ".services[0].backends[] | select(.name == \"web-$i\").next_hop.mac" | tr -d '"')
		lab_in balancer ip neigh replace "$(lab_backend_addr "$i" 4)" lladdr "${macs[i]}" \
			nud permanent dev eth1 || return 1
	done
}
macs=()
permanent
recreate >"$LAB_DIR/log/recreate" 2>&1
claim "the inner interface is deleted and made again with the same index" test $? = 0
kill -CONT "$(lab_pid evenkeeld)"
claim "and frames are redirected into the new one" wait_for 10 all_answer 4

# ---- a bridge takes no redirected frames -------------------------------------------------------------
{
	echo "link add br0 type bridge stp_state 0 mcast_snooping 0"
	echo "addr flush dev eth1"
	echo "link set eth1 master br0"
	echo "link set br0 up"
	address_eth1 br0
} | lab_ip balancer
blocked() {
	status '[members | .state == "no_next_hop" and (.reason | test("br0 \\(bridge\\).*eth0.*--generic"))] | all'
}
claim "behind a bridge every backend has no next hop, and it is said why" wait_for 10 blocked
dropped() { # REASON: one request is dropped for that reason, and nothing is counted as redirected
	local before after
	before=$(status "[.dropped.$1 // 0, .redirected]")
	lab_in client curl -s --connect-timeout 1 "$(url 4)/" && return 1
	after=$(status "[.dropped.$1 // 0, .redirected]")
	echo "$before > $after"
	jq -ne --argjson a "$after" --argjson b "$before" '$a[0] > $b[0] and $a[1] == $b[1]'
}
claim "its packets are dropped and counted, not lost" dropped no_next_hop
lab_config l2 4 200 100 >"$LAB_DIR/other.yaml"
warned() { anyway ek apply "$LAB_DIR/other.yaml" 2>&1 | tee /dev/stderr | grep -q 'web-1 .*br0 (bridge).*--generic'; }
claim "apply warns of it" warned
found() { ek doctor --json | jq -e "[.findings[] | select($1)] | length > 0"; }
claim "doctor finds it, with the command that mends it" found \
	'.check == "next_hop" and .level == "error" and (.remedy | test("evenkeel attach eth0 --generic"))'
explained() { ek explain "198.51.100.7:40000 > $VIP4:80/tcp" | tee /dev/stderr | grep -q 'br0 (bridge)'; }
claim "explain names it" explained
claim "the attached interface is detached" ek detach eth0
claim "while nothing is attached the next hops are ready" wait_for 10 backends_ready
attach_warned() { ek attach eth0 --yes 2>&1 | tee /dev/stderr | grep -q '2 backends.*br0 (bridge)'; }
claim "attach warns of it" attach_warned
claim "and the backends have none again" blocked
ek detach eth0 >/dev/null 2>&1
claim "attached in generic mode" ek attach eth0 --yes --generic
claim "there is a next hop again" wait_for 10 backends_ready
claim "and every backend answers" all_answer 4
ek detach eth0 >/dev/null 2>&1
claim "attached to the bridge itself, which sends back what it gets" ek attach br0 --yes --generic
claim "the next hops are ready" wait_for 10 backends_ready
claim "attached in driver mode to another interface as well" ek attach eth0 --yes
claim "what came by the bridge still has its way" status '[members.state == "up"] | all'
claim "what comes by the other is dropped and counted" dropped no_next_hop
claim "doctor warns of that" found \
	'.check == "egress" and .level == "warning" and (.text | test("eth0.*no_next_hop"))'

# ---- frames that the other end does not take -----------------------------------------------------------
ek detach >/dev/null 2>&1
{
	echo "link del br0"
	address_eth1 eth1
} | lab_ip balancer
ek attach eth0 --yes >/dev/null 2>&1
claim "without the bridge the next hops are ready" wait_for 10 backends_ready
claim "every backend answers again" all_answer 4
claim "nothing was lost so far" status '.lost == []'
# A veth takes redirected frames only while its other end has an XDP program, or GRO.
lab_in router ip link set dev lb xdpdrv off
lab_in router ethtool -K lb gro off >/dev/null 2>&1
lost() {
	lab_in client curl -s --connect-timeout 1 "$(url 4)/" && return 1
	status '.lost | length == 1 and .[0].name == "eth1" and .[0].refused + .[0].unsent > 0'
}
claim "frames that are lost after the verdict are counted by interface" lost
said() { ek status | tee /dev/stderr | grep -q 'lost .* after the verdict.*eth1'; }
claim "status says so" said
claim "doctor too" wait_for 15 found '.check == "lost" and .level == "warning" and .subject == "eth1"'
counted=$(status '[.lost[] | .refused + .unsent] | add')
lab_kill evenkeeld KILL
lab_in client curl -s --connect-timeout 1 "$(url 4)/"
# shellcheck disable=SC2119 # no options
lab_daemon
claim "they are counted without the controller too" status "[.lost[] | .refused + .unsent] | add > $counted"
claims_end
