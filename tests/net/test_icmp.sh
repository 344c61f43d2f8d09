#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Ping, and path MTU discovery in both directions, between real kernels. Nobody lowers advmss here:
# all links have an MTU of 1500, and outer headers do not fit.
. "$(dirname "$0")/../lib/story.sh"

story --backends 2
lab_file big 20
answers_unclamped
claim "attaching succeeds" ek attach eth0 --yes

# ---- ping --------------------------------------------------------------------------------------

pinged() { # 4|6 [ping's options]
	local family=$1
	shift
	lab_in client ping -q -c 3 -i 0.05 -W 2 "$@" "$(vip "$family")"
}
answers() { status .answered; }

claim "a service comes into force" configure ipip 4
for family in 4 6; do
	before=$(answers)
	claim "IPv$family: a service's address answers ping" pinged $family
	claim "IPv$family: and one of the whole MTU" \
		pinged $family -M 'do' -s $((family == 4 ? 1472 : 1452))
	claim "IPv$family: the balancer answered, once each" test "$(answers)" = $((before + 6))
done
sed -i '1i echo: drop' "$LAB_DIR/evenkeel.yaml"
claim "the configuration says drop" anyway ek apply "$LAB_DIR/evenkeel.yaml"
for family in 4 6; do
	claim "IPv$family: nobody answers" not pinged $family
done
claim "they are counted" status '.dropped.echo == 6'
claim "the balancer's own address answers by itself" \
	lab_in client ping -q -c 1 -W 2 "$BALANCER4"

# ---- a client that sends what does not fit behind an outer header ------------------------------

# What the client's kernel has learnt of the way to the service.
learnt() { # 4|6 MTU
	lab_in client ip -"$1" route get "$(vip "$1")" | grep -w "mtu $2"
}
forget() { lab_in "$1" ip -4 route flush cache && lab_in "$1" ip -6 route flush cache; }

for way in "ipip 4 1480" "ipip 6 1460" "gue 4 1472" "gue 6 1452"; do
	read -r mode to mtu <<<"$way"
	claim "$mode to IPv$to backends comes into force" configure "$mode" "$to"
	forget client
	for from in 4 6; do
		claim "2 MB from IPv$from arrive, by $mode to IPv$to backends" upload $from 2
		claim "the client has learnt $mtu" learnt $from "$mtu"
	done
done
claim "they were told so, not often" \
	status '.answered_too_big >= 8 and .answered_too_big < 2000'

# ---- a client behind a smaller MTU --------------------------------------------------------------

# The router tells the service's address, which means the backend whose flow it is.
knows_the_client() { # BACKEND 4|6
	local client=$CLIENT4
	[ "$2" = 6 ] && client=$CLIENT6
	lab_in "b$1" ip -"$2" route get "$client" from "$(vip "$2")" | grep -qw "mtu 1300"
}
fetched_by() { # 4|6: which backend served it
	lab_in client curl -sS --fail --max-time 30 -D - -o "$LAB_DIR/fetched" \
		"$(url "$1")/files/big" | tr -d '\r' | sed -n 's/^X-Backend: web-//p'
}
comes_whole_and_only_its_backend_learns() { # 4|6
	local i by
	forget b1 && forget b2
	by=$(fetched_by "$1")
	echo "served by web-$by"
	[ "$(sha256sum <"$LAB_DIR/fetched" | cut -d' ' -f1)" = "$(cat "$LAB_DIR/www/big.sha256")" ] ||
		return 1
	for i in 1 2; do
		if [ "$i" = "$by" ]; then
			knows_the_client "$i" "$1" || return 1
		else
			not knows_the_client "$i" "$1" || return 1
		fi
	done
}

lab_in router ip link set outer mtu 1300
for mode in l2 ipip gue; do
	claim "$mode comes into force" configure $mode 4
	for from in 4 6; do
		for turn in 1 2 3; do
			claim "20 MB pass a link of 1300 to IPv$from by $mode, time $turn" \
				comes_whole_and_only_its_backend_learns $from
		done
	done
done
claims_end
