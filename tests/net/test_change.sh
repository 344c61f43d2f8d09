#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What changes while traffic flows: drains, removals, additions, MAC addresses.
LAB_SLOW_RATE=4m
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
lab_file slow 24
udp_servers
ek attach eth0 --yes >/dev/null 2>&1
claim "ipip to IPv4 backends comes into force" configure ipip 4

# ---- drain and remove the backend that a download runs through ----------------------------------
claim "a long download starts over IPv4" slow_start dl4 4 slow
claim "a long download starts over IPv6" slow_start dl6 6 slow
victim=$(slow_backend dl4)
claim "its backend is drained" ek backend drain web "$victim"
never() { # 4|6 BACKEND: gets no new connection
	local names
	names=$(requests "$1" 150) || return 1
	! grep -qx "$2" <<<"$names"
}
claim "no new IPv4 connection reaches the drained backend" never 4 "$victim"
claim "no new IPv6 connection reaches the drained backend" never 6 "$victim"
claim "the download still runs" slow_running dl4
claim "the drained backend is said to be draining" status \
	".services[0].backends[] | select(.name == \"$victim\") | .state == \"draining\""
claim "it is removed" ek backend remove web "$victim"
claim "no new connection reaches the removed backend" never 4 "$victim"
claim "the download still runs after the removal" slow_running dl4
claim "the download through the removed backend ends whole" slow_whole dl4 slow
claim "the other download ends whole" slow_whole dl6 slow

# ---- a backend's MAC address changes --------------------------------------------------------------
claim "all four are back" configure ipip 4
claim "every backend answers" all_answer 4
mac_changes() { # FAMILY of the backends; under traffic, bounded loss is allowed while caches follow
	lab_in b2 ip link set eth0 address "02:00:00:00:0$1:22"
	wait_for 15 neighbour_followed "$1" && wait_for 15 all_answer 4 && all_answer 6
}
neighbour_followed() {
	status ".services[0].backends[] | select(.name == \"web-2\") | .next_hop.mac == \"02:00:00:00:0$1:22\""
}
claim "an IPv4 backend's new MAC address is followed" mac_changes 4
claim "ipip to IPv6 backends comes into force" configure ipip 6
claim "an IPv6 backend's new MAC address is followed" mac_changes 6
claim "l2 comes into force" configure l2 4
claim "a new MAC address is followed with l2" mac_changes 4

# ---- the balancer's own MAC address ---------------------------------------------------------------
lab_in balancer ip link set eth0 address 02:00:00:00:00:bb
claim "the balancer's new MAC address is its own at once" wait_for 5 all_answer 4
# As a flooding switch does: a frame to somebody else's address is seen here too.
lab_in router ip neigh replace "$BALANCER4" lladdr 02:00:00:00:00:99 dev lan
sent=$(status .sent)
claim "a frame to another host's MAC address is not taken" \
	not lab_in client curl -s --max-time 1 "$(url 4)/"
claim "it was passed" status ".sent == $sent"
lab_in router ip neigh del "$BALANCER4" dev lan
claim "the service is there again" wait_for 15 all_answer 4

# ---- a refused revision changes nothing ----------------------------------------------------------
before=$(status .revision)
sed 's/web-3: .*/web-3: { address: 224.0.0.1 }/' "$LAB_DIR/evenkeel.yaml" >"$LAB_DIR/bad.yaml"
claim "a file with one bad backend is refused with its place" \
	refused 'bad\.yaml:[0-9]+:[0-9]+' ek apply "$LAB_DIR/bad.yaml"
claim "the revision in force is what it was" test "$(status .revision)" = "$before"
claim "and every backend still answers" all_answer 4

# ---- a listener that changes its service --------------------------------------------------------
claim "the configuration is as it was" configure ipip 4
sed "s|^    listen:.*|    listen: [\"$VIP4:80/tcp\"]|" "$LAB_DIR/evenkeel.yaml" >"$LAB_DIR/moved.yaml"
cat >>"$LAB_DIR/moved.yaml" <<-END
	  other:
	    listen: ["[$VIP6]:80/tcp"]
	    backends: { web-1: "$(lab_backend_addr 1 4)" }
END
moved() { # it is warned of once: of the listener that moves, not of the one that stays
	local said
	said=$(anyway ek apply "$LAB_DIR/moved.yaml" 2>&1 >/dev/null | grep 'moved here')
	echo "$said"
	[ "$(wc -l <<<"$said")" = 1 ] && grep -qE \
		"moved\.yaml:[0-9]+:[0-9]+: warning: service other: \[$VIP6\]:80/tcp .* from service web: .*established flows break.*backend drain" <<<"$said"
}
claim "a listener that is moved to another service is warned of, with the way that breaks no flow" moved
unmoved() { ! anyway ek apply "$LAB_DIR/moved.yaml" 2>&1 | grep 'moved here'; }
claim "where it stays nothing is said" unmoved
claims_end
