#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# In by two interfaces and out by a third; each goes away and comes back while the others work.
. "$(dirname "$0")/../lib/story.sh"

# IPv4 comes in by eth0, IPv6 by eth2, and eth1 is the way to the backends.
second_way_in() {
	lab_balancer_link front2 eth2
	lab_ip router <<-END
		addr add 10.0.4.1/24 dev front2
		addr add fd00:4::1/64 dev front2
		route replace $VIP6 via fd00:4::2
	END
	lab_ip balancer <<-END
		addr add 10.0.4.2/24 dev eth2
		addr add fd00:4::2/64 dev eth2
	END
}
first_way_in() {
	lab_balancer_link front eth0
	lab_ip router <<-END
		addr add 10.0.2.1/24 dev front
		addr add fd00:2::1/64 dev front
		route replace $VIP4 via 10.0.2.2
	END
	lab_ip balancer <<-END
		addr add 10.0.2.2/24 dev eth0
		addr add fd00:2::2/64 dev eth0
	END
}
COUNTS='[.redirected, ([members.packets] | add), .sent, (.dropped | add // 0)]'
# Flows of both families, each by its own interface: what is redirected is what the backends are
# said to have got, not a packet less or more, and nothing goes another way.
counted() {
	local before after
	before=$(status "$COUNTS") && udp_answered 4 100 && udp_answered 6 100 || return 1
	after=$(status "$COUNTS")
	echo "$before > $after"
	jq -ne --argjson a "$after" --argjson b "$before" \
		'$a[0] - $b[0] >= 200 and $a[0] - $b[0] == $a[1] - $b[1] and $a[2:] == $b[2:]'
}
attached() { status "[.interfaces[] | select(.ifindex != 0).name] | sort == [$1]"; }

story --two-interfaces --backends 2
second_way_in
udp_servers
lab_file some 6
claim "two interfaces are attached in one go" ek attach eth0 eth2 --yes
claim "status names both" attached '"eth0", "eth2"'
# Not checked: that next hops come and go is all that changes the way here.
unchecked() {
	lab_config ipip 4 | sed 's/^    backends:/    health: none\n&/' >"$LAB_DIR/evenkeel.yaml"
	anyway ek apply "$LAB_DIR/evenkeel.yaml" && wait_for 10 backends_ready
}
claim "the configuration comes into force" unchecked
for from in 4 6; do
	claim "every backend answers, IPv$from by its own interface" all_answer $from
done
claim "what came in by two left by the third, counted once" counted

# ---- the second way in --------------------------------------------------------------------------
slow_start first 4 some
lab_ip balancer <<<"link del eth2"
claim "an attached interface is deleted: status says so" wait_for 10 attached '"eth0"'
claim "a download by the other goes on" slow_running first
claim "new connections by the other are served" all_answer 4
second_way_in
claim "it is made again and attached" ek attach eth2 --yes
claim "status names both again" attached '"eth0", "eth2"'
claim "every backend answers by it" all_answer 6
claim "the download came whole" slow_whole first some
claim "and all is counted as before" counted

# ---- the first way in ----------------------------------------------------------------------------
slow_start second 6 some
lab_ip balancer <<<"link del eth0"
claim "the interface attached first is deleted: status says so" wait_for 10 attached '"eth2"'
claim "new connections by the second are served" all_answer 6
first_way_in
claim "it is made again and attached" ek attach eth0 --yes
claim "every backend answers by it" all_answer 4
claim "the download by the second came whole" slow_whole second some
claim "and all is counted as before" counted

# ---- the way out ---------------------------------------------------------------------------------
no_way() { status '[members | .state == "no_next_hop" and (.reason | test("eth1"))] | all'; }
dropped() { # 4|6: one request is dropped, and nothing else becomes of it
	local before after
	before=$(status '[.dropped.no_next_hop // 0, .redirected, .sent]')
	lab_in client curl -s --connect-timeout 1 --max-time 2 "$(url "$1")/" && return 1
	after=$(status '[.dropped.no_next_hop // 0, .redirected, .sent]')
	echo "$before > $after"
	jq -ne --argjson a "$after" --argjson b "$before" '$a[0] > $b[0] and $a[1:] == $b[1:]'
}
for _ in 1 2; do
	lab_ip balancer <<<"link set eth1 down"
	claim "the way out is down: the backends have no next hop, and it is named" wait_for 10 no_way
	for from in 4 6; do claim "what comes is a counted drop, IPv$from" dropped $from; done
	lab_ip balancer <<<"link set eth1 up"
	claim "it is up again: the next hops return" wait_for 15 backends_ready
	for from in 4 6; do claim "every backend answers, IPv$from" all_answer $from; done
done
claim "and all is counted as before" counted
claim "nothing was lost after a verdict" status '.lost == []'
claims_end
