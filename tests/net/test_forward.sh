#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Real traffic through every forwarding mode and family, in and out of one interface (XDP_TX).
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
lab_file big 100
udp_servers
claim "attaching in driver mode succeeds" ek attach eth0 --yes
claim "the mode is said to be driver" status '.interfaces[0].mode == "driver"'

for mode in l2 ipip; do
	for to in 4 6; do
		claim "$mode to IPv$to backends comes into force" configure $mode $to
		for from in 4 6; do
			way="IPv$from by $mode to IPv$to backends"
			claim "http: every backend answers $way" all_answer $from
			claim "udp: 200 of 200 flows are answered, $way" udp_answered $from 200
			claim "100 MB come whole, $way" download $from big
			claim "20 MB sent arrive, $way" upload $from 20
		done
	done
done

claim "no packet was redirected" status '.redirected == 0'
claim "no packet was dropped but while a table changed its next hops" \
	status '(.dropped | del(.no_next_hop) | add // 0) == 0'
claim "new flows are counted for every backend" \
	status '[members.flows > 0] | all'

# Weights 1:2:3:4, 400 connections: four standard deviations of chance are 35 at most.
claim "weights come into force" configure ipip 4 10 20 30 40
weighted() {
	local names i n
	names=$(requests 4 400) || return 1
	for i in 1 2 3 4; do
		n=$(grep -c "^web-$i$" <<<"$names")
		echo "web-$i: $n of 400"
		[ $((n > i * 40 ? n - i * 40 : i * 40 - n)) -le 40 ] || return 1
	done
}
claim "connections are spread by weight" weighted
claim "the expected shares are those weights" status \
	'[members.expected_share * 1000 | round] == [100, 200, 300, 400]'
claims_end
