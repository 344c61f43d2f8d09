#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# nat between two interfaces: clients on one side, backends on the other, both attached.
. "$(dirname "$0")/../lib/story.sh"
. "$(dirname "$0")/../lib/nat.sh"

story --two-interfaces --backends 2
lab_file big 100
nat_hosts
nat_udp_servers
lab_sysctl balancer ipv4.conf.eth1.send_redirects=0
claim "attaching to the outer interface succeeds" ek attach eth0 --yes
warned() { nat_configure 100 100 2>&1 | grep "eth1.*evenkeel attach eth1"; }
claim "nat comes into force, with a warning that nothing is attached where answers come in" warned
claim "what backend setup prints works on every backend" nat_backends
claim "attaching to the inner interface succeeds" ek attach eth1 --yes
# shellcheck disable=SC2016 # awk's own
forwarded() { # 4|6: packets that went by the balancer's kernel
	if [ "$1" = 4 ]; then
		lab_in balancer awk '/^Ip: [0-9]/ { print $7 }' /proc/net/snmp
	else
		lab_in balancer awk '$1 == "Ip6OutForwDatagrams" { print $2 }' /proc/net/snmp6
	fi
}
not_by_the_kernel() { # 4|6 COMMAND...
	local before
	before=$(forwarded "$1")
	"${@:2}" && [ $(($(forwarded "$1") - before)) -lt 100 ]
}
for from in 4 6; do
	claim "http: every backend answers, IPv$from" all_answer $from
	claim "udp: 100 of 100 flows are answered, IPv$from" udp_answered $from 100
	claim "100 MB come whole, and not by the kernel, IPv$from" \
		not_by_the_kernel $from download $from big
done
claim "answers left by the other interface" status '.returned > 1000'

# Without the program on the inner interface the kernel forwards answers as they are.
claim "the inner interface is detached" ek detach eth1
unheard() { not lab_in client curl -s --connect-timeout 2 "$(url 4)/"; }
claim "then answers have the backends' addresses, and no client hears them" unheard
doctor_says() { ek doctor | grep -E "$1"; }
claim "doctor says so" doctor_says 'evenkeel attach eth1'
claim "it is attached again" ek attach eth1 --yes
claim "and traffic flows again" all_answer 4
lab_sysctl balancer ipv4.ip_forward=0
claim "doctor knows that nothing is forwarded" doctor_says 'net.ipv4.ip_forward=1'
claims_end
