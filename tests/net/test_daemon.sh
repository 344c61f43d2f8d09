#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The data path does not need the daemon: killed and back, without a failed request or a moved flow.
LAB_SLOW_RATE=4m
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
lab_file slow 24
udp_servers
ek attach eth0 --yes >/dev/null 2>&1
claim "the configuration comes into force" configure ipip 4 100 200 50 100
before4=$(udp 4 300) before6=$(udp 6 300)
flows_before=$(status '[members.flows] | add')
claim "a long download starts" slow_start dl 4 slow

lab_spawn loop client curl -sS --fail --connect-timeout 3 -H 'Connection: close' --rate 200/s \
	"http://$VIP4/?[1-600]"
lab_kill evenkeeld KILL
claim "the daemon is gone" not ek status
claim "requests are answered without the daemon" all_answer 4
claim "over IPv6 too" all_answer 6
claim "flows go where they went" test "$(udp 4 300)" = "$before4"
# shellcheck disable=SC2119 # no options
lab_daemon
claim "the daemon is back" ek status
claim "it has the revision in force" wait_for 10 backends_ready
claim "it adopted the counters" status "[members.flows] | add > $flows_before"
claim "IPv4 flows go where they went" test "$(udp 4 300)" = "$before4"
claim "IPv6 flows go where they went" test "$(udp 6 300)" = "$before6"
claim "slots are all settled: nothing was moved" status '[.services[].unsettled] | add == 0'
all_served() {
	wait_for 30 not lab_alive loop || return 1
	grep -v '^web-' "$LAB_DIR/log/loop"
	[ "$(grep -c '^web-' "$LAB_DIR/log/loop")" = 600 ]
}
claim "none of 600 requests failed meanwhile" all_served
claim "the download that ran through it all ends whole" slow_whole dl slow

# ---- twice is refused ------------------------------------------------------------------------------
pid=$(lab_pid evenkeeld)
second() { # OPTIONS
	lab_in balancer timeout 10 "$BUILD/evenkeeld" "$@"
}
claim "a second daemon on the same state is refused and names the first" refused "\\b$pid\\b" second \
	--state "$LAB_STATE" --socket "$LAB_DIR/second.sock" --pins "$LAB_DIR/bpf/other"
mkdir "$LAB_DIR/state2"
claim "a second daemon on the same pins is refused and names the first" refused "\\b$pid\\b" second \
	--state "$LAB_DIR/state2" --socket "$LAB_DIR/second.sock" --pins "$LAB_PINS"
claim "pins with a dot in their name are refused, and the dot is named" refused "takes no dots" second \
	--state "$LAB_DIR/state2" --socket "$LAB_DIR/second.sock" --pins "$LAB_DIR/bpf/even.keel"
claim "so is decap attach with such pins" refused "takes no dots" \
	lab_in b1 "$BUILD/evenkeel" --pins "$LAB_DIR/bpf/b.1" decap attach lo --generic
claim "a socket in a folder that is not there is refused, and the folder is named" \
	refused "$LAB_DIR/none .*mkdir" second --state "$LAB_DIR/state2" \
	--socket "$LAB_DIR/none/control.sock" --pins "$LAB_DIR/bpf/other"
claim "and the folder is not made" test ! -e "$LAB_DIR/none"
claim "the first is unharmed" ek status
claim "and traffic too" all_answer 4

# ---- an orderly stop leaves forwarding on --------------------------------------------------------
lab_kill evenkeeld TERM
claim "stopped in order, forwarding goes on" all_answer 6
# shellcheck disable=SC2119 # no options
lab_daemon
claim "after the start it knows its revision" status '.revision >= 1'
claims_end
