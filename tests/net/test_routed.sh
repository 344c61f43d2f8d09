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
claim "the next hop is the gateway" status \
	'[members.next_hop.gateway == "fd00:1::1"] | all'
lab_config l2 4 >"$LAB_DIR/l2.yaml"
ek apply "$LAB_DIR/l2.yaml" >/dev/null 2>&1
unreachable() {
	status '[members | .state == "no_next_hop" and (.reason | length > 0)] | all'
}
claim "l2 over a router cannot work: each backend says why" wait_for 10 unreachable
claims_end
