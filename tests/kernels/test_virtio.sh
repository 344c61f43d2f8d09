#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Real connections through native XDP on a multi-queue virtio-net, unwrapped by the kernel's own
# tunnel devices as `evenkeel backend setup` sets them up; the client is behind a VLAN with delay
# and loss. Runs in the guest of scripts/test-kernels.sh, nowhere else: the two NICs are joined
# outside of it.
. "$(dirname "$0")/../lib/story.sh"

NIC_BALANCER=52:54:00:00:00:00 NIC_ROUTER=52:54:00:00:00:01
BACKENDS=3

nic_name() { ip -o link | awk -F'[ :]+' -v mac="$1" 'index($0, mac) { print $2 }'; }

move_nic() { # MAC address, namespace, its name there
	ip link set "$(nic_name "$1")" name "$3" netns "$(lab_ns "$2")" ||
		lab_die "the guest has no NIC $1: scripts/test-kernels.sh gives it two"
	lab_in "$2" ip link set "$3" up
}
lab_balancer_link() {
	move_nic $NIC_ROUTER router "$1"
	move_nic $NIC_BALANCER balancer "$2"
}

# ---- the scene -------------------------------------------------------------------------------

# The client's packets come through VLAN 7, 3 ms late.
client_behind_vlan() {
	lab_ip router <<-END
		addr flush dev outer
		link add link outer name outer.7 type vlan id 7
		link set outer.7 up
		addr add 198.51.100.1/24 dev outer.7
		addr add 2001:db8:1::1/64 dev outer.7
	END
	lab_ip client <<-END
		addr flush dev eth0
		link add link eth0 name eth0.7 type vlan id 7
		link set eth0.7 up
		addr add $CLIENT4/24 dev eth0.7
		addr add $CLIENT6/64 dev eth0.7
		route replace default via 198.51.100.1
		route replace default via 2001:db8:1::1
	END
	lab_in client tc qdisc add dev eth0.7 root netem delay 3ms && wait_for 10 lab_routed
}

# One in 100 of the client's packets is lost meanwhile. Only of one long connection: a SYN that
# is lost three times running would be enough to fail a connection, and some day it is.
upload_with_loss() { # 4|6 MIB
	lab_in client tc qdisc change dev eth0.7 root netem delay 3ms loss 1%
	upload "$@"
	local result=$?
	lab_in client tc qdisc change dev eth0.7 root netem delay 3ms loss 0%
	return "$result"
}

# What `backend setup` prints as comments: the kernel's devices instead of our program.
setup_prints() { # backend
	ek backend setup web "$1" | sed -n '/kernel.s tunnel devices/,/^[^#]/s/^#   //p'
}
unwrapped_by_the_kernel() {
	local i commands
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		commands=$(setup_prints "web-$i")
		[ -n "$commands" ] || return 1
		echo "$commands"
		lab_in "b$i" sh -c 'ip link del evenkeel4; ip link del evenkeel6' 2>/dev/null # an earlier mode's
		lab_in "b$i" sh -e <<<"$commands" || return 1
	done
}

# More than 100 packets came through each of the devices on every backend: unwrapped DEVICE...
unwrapped() {
	local i device
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		for device; do
			# shellcheck disable=SC2016 # awk's
			lab_in "b$i" awk -v d="$device:" '$1 == d { print d, $3; seen = $3 > 100 }
				END { exit !seen }' /proc/net/dev || return 1
		done
	done
}

several_queues() { [ "$(lab_in balancer ethtool -l eth0 | awk '/Combined/ { n = $2 } END { print n }')" -gt 1 ]; }

# Every queue received packets that XDP sent out again.
all_queues_work() {
	lab_in balancer ethtool -S eth0 | grep -E 'rx(_queue_)?[0-9]+_xdp_tx: ' |
		awk '{ print } $2 > 0 { n++ } END { exit !(n > 1 && n == NR) }'
}

# ---- the story -------------------------------------------------------------------------------

lab_open
lab_up --backends $BACKENDS
claim "the balancer's virtio-net has several queues" several_queues
claim "the client is behind a VLAN with delay" client_behind_vlan
lab_nginx
lab_file some 2
# shellcheck disable=SC2119 # no options
lab_daemon
claim "attaching succeeds" ek attach eth0 --yes
claim "the mode is driver: native XDP" status '.interfaces[0].mode == "driver"'

traffic() { # MODE 4|6
	local from
	for from in 4 6; do
		way="IPv$from by $1 to IPv$2 backends"
		claim "http: every backend answers, $way" all_answer $from
		claim "2 MB come whole, $way" download $from some
		claim "2 MB sent arrive, some packets lost, $way" upload_with_loss $from 2
	done
}

# A tunnelling mode: MODE 4|6 DEVICE..., the devices that `backend setup` makes for it.
tunnelled() {
	claim "$1 to IPv$2 comes into force" configure "$1" "$2"
	claim "what backend setup says of the kernel's devices can be run, $1" unwrapped_by_the_kernel
	traffic "$1" "$2"
	claim "$1 to IPv$2 was unwrapped by the kernel's ${*:3}" unwrapped "${@:3}"
}

claim "l2 comes into force" configure l2 4
traffic l2 4
tunnelled ipip 4 evenkeel4 sit0
tunnelled ipip 6 evenkeel6
# What the kernel's fou took off UDP goes through the same devices.
tunnelled gue 4 evenkeel4 sit0
tunnelled gue 6 evenkeel6
claim "several queues received and sent" all_queues_work

# ---- backends behind a VLAN -------------------------------------------------------------------
# They have addresses of another network, tagged; their answers go the way they went before.
LAB_BACKEND_NET=9
tag() { # namespace, 802.1Q|802.1ad, id, addresses
	lab_ip "$1" <<-END
		link add link eth0 name eth0.tag type vlan proto $2 id $3
		link set eth0.tag up
		addr add $4/24 dev eth0.tag
		addr add $5/64 dev eth0.tag
	END
}
untag_all() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do lab_ip "b$i" <<<"link del eth0.tag"; done
	lab_ip balancer <<<"link del eth0.tag"
}
tag_all() { # 802.1Q|802.1ad, id
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		tag "b$i" "$1" "$2" "$(lab_backend_addr "$i" 4)" "$(lab_backend_addr "$i" 6)"
	done
	tag balancer "$1" "$2" 10.0.9.2 fd00:9::2
}
by_tag() { status "[members.next_hop | .vlan == $1 and .egress == \"eth0\" and .interface == \"eth0.tag\"] | all"; }

claim "backends get addresses behind VLAN 9" tag_all 802.1Q 9
claim "l2 to backends behind a VLAN comes into force" configure l2 4
claim "their next hops are by that VLAN, and frames leave by the interface below" by_tag 9
traffic l2 "4 behind a VLAN"
tunnelled ipip 4 evenkeel4 sit0
tunnelled ipip 6 evenkeel6
claim "the VLAN is deleted" untag_all
untagged() { status '[members.next_hop.vlan == null] | all'; }
claim "the next hops follow" wait_for 10 untagged
claim "it is made again, with another id, by 802.1ad" tag_all 802.1ad 10
claim "the next hops have the new one" wait_for 15 by_tag 10
claim "and every backend answers" all_answer 4
lab_ip balancer <<<"link set eth0.tag down"
claim "the VLAN is down: the next hops follow" wait_for 10 untagged
lab_ip balancer <<<"link set eth0.tag up"
lab_ip balancer <<<"addr replace fd00:9::2/64 dev eth0.tag" # went with the link
claim "it is up again: they return" wait_for 15 by_tag 10
claim "and every backend answers again" all_answer 4
claim "no packet was dropped but while a table changed its next hops" \
	status '(.dropped | del(.no_next_hop) | add // 0) == 0'
claims_end
