#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A backend that has declared what it can take: an overload is turned away, what is there moves
# unhurt, and everybody is told.
. "$(dirname "$0")/../lib/story.sh"

story --backends 2
ek attach eth0 --yes >/dev/null 2>&1
claim "the configuration comes into force" configure ipip 4
claim "without a capacity nothing is asked for" status 'all(members; .capacity == {new_flows: null, udp_packets: null})'
overload() { lab_in client "$LAB_ROOT/tests/lib/overload.py" "$@" | tee "$LAB_DIR/overload"; }
came() { cat "$LAB_DIR/overload" && jq -e "$1" "$LAB_DIR/overload"; }

# ---- new connections -------------------------------------------------------------------------------

claim "a capacity is set" anyway ek backend set web web-1 web-2 --new-flows 100
claim "status has it" status 'all(members; .capacity.new_flows == 100)'
lab_file large 24
claim "a long download begins" slow_start first 4 large
claim "over IPv6 too" slow_start second 6 large
overload tcp "$VIP4" 80 1500 6 >/dev/null
# Two backends, each with a hundred a second, and ten at once.
claim "an overload gets the declared number of connections, within a tenth" came \
	'.sent > 4 * .connected and .connected <= 1.1 * 200 * .seconds and .connected >= 0.9 * 200 * .covered'
claim "the downloads went on" slow_whole first large
claim "over IPv6 too" slow_whole second large
claim "status counts what was shed" status 'all(members; .shed > 500)'
claim "as a drop by its name" status '.dropped.shed_flow == ([members.shed] | add)'
for_people() { ek status | grep -E '^  web-1 .* 100 +[0-9.]+k?$'; }
claim "for people, too" for_people
metric() { ek metrics | grep -E "^evenkeel_backend_$1\{service=\"web\",backend=\"web-1\"\} $2\$"; }
claim "metrics count them" metric shed_packets_total '[0-9]{3,}'
claim "beside the capacity" metric capacity_new_flows 100
claim "and no other" not metric capacity_udp_packets '.*'
told() { grep -E "alert $1: kind=shedding level=critical subject=web/web-[12] .*it takes 100 new flows a second" "$LAB_DIR/log/evenkeeld"; }
claim "an alert was raised" told raised
claim "and is cleared when it is over" wait_for 20 told cleared
doctor() { ek doctor | grep -F "$1"; }
claim "doctor knows that it is over" doctor "takes 100 new flows a second; no more comes, and"

# ---- a restart, drift, a change --------------------------------------------------------------------

lab_kill evenkeeld KILL
overload tcp "$VIP6" 80 1500 3 >/dev/null
claim "without a controller it holds" came \
	'.connected <= 1.1 * 200 * .seconds + 20 and .connected >= 0.9 * 200 * .covered'
lab_daemon
claim "a controller that begins keeps it" status 'all(members; .capacity.new_flows == 100)'
claim "and finds nothing to set right" not grep -q 'drift: ' "$LAB_DIR/log/evenkeeld"
claim "the revision has it" anyway ek backend set web web-1 web-2 --new-flows none
claim "without it, all come in" status 'all(members; .capacity.new_flows == null)'
overload tcp "$VIP4" 80 600 2 >/dev/null
claim "each of them" came '.connected == .sent'
nobody_means() { anyway ek backend set web web-1 --new-flows 0 2>&1 | grep -F 'not a number from 1 to 10000000'; }
claim "a number that nobody can mean is refused" nobody_means

# ---- plain UDP ---------------------------------------------------------------------------------------

udp_servers
claim "packets of UDP have a number of their own" anyway ek backend set web web-1 web-2 --udp-packets 300
overload udp "$VIP4" 53 2400 6 200 >/dev/null
claim "an overload gets that, within a tenth" came \
	'.answers <= 1.1 * 600 * .seconds and .answers >= 0.8 * 600 * .covered'
claim "whole flows are shed, others hardly lose a packet" came '.none > 100 and .whole > 20'
claim "they are counted by their name" status '.dropped.shed_packet > 1000'
claims_end
