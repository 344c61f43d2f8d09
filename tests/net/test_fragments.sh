#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Datagrams in fragments, made by a real client and put together by real servers.
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
udp_servers
claim "attaching succeeds" ek attach eth0 --yes
# Fragments that fit behind an outer header: IPv4 ones may be fragmented again, but not by us.
for family in 4 6; do
	read -ra route < <(lab_in client ip -"$family" route show default)
	lab_in client ip -"$family" route change "${route[@]}" mtu 1400
done

same_backends() { # 4|6
	local whole
	whole=$(udp "$1" 100) && diff <(echo "$whole") <(udp "$1" 100 2000)
}

for mode in l2 ipip; do
	for to in 4 6; do
		claim "$mode to IPv$to backends comes into force" configure $mode $to
		for from in 4 6; do
			way="IPv$from by $mode to IPv$to backends"
			claim "100 of 100 datagrams of 2000 bytes are answered, $way" \
				udp_answered $from 100 2000
			# As many as a socket's receive buffer holds, should the server be slow.
			claim "5 of 5 datagrams of 20000 bytes are answered, $way" \
				udp_answered $from 5 20000
			claim "fragments go where whole datagrams went before, $way" \
				same_backends $from
		done
	done
done
claim "nothing came early" status '.early_fragments == 0'
claim "no packet was dropped but while a table changed its next hops" \
	status '(.dropped | del(.no_next_hop) | add // 0) == 0'
claims_end
