#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Somebody uses bpftool by hand: it is found, named and set right, and traffic goes on.
. "$(dirname "$0")/../lib/story.sh"

story --backends 3
ek attach eth0 --yes >/dev/null 2>&1
claim "the configuration comes into force" configure ipip 4
claim "every backend answers" all_answer 4

pinned() { echo "$LAB_PINS/v2/maps/$1"; }
# Overwrites one element of a map, as a person at a shell would.
by_hand() { # MAP INDEX BYTES...
	local map=$1 index=$2
	shift 2
	bpftool map update pinned "$(pinned "$map")" key \
		"$((index & 255))" "$((index >> 8 & 255))" "$((index >> 16))" 0 value "$@"
}
element() { # MAP INDEX
	bpftool -j map lookup pinned "$(pinned "$1")" key \
		"$(($2 & 255))" "$(($2 >> 8 & 255))" "$(($2 >> 16))" 0 |
		jq -r '.value | map(ltrimstr("0x")) | join(" ")'
}
told() { ek history --events | grep "drift" | grep -q "$1"; }
is_again() { [ "$(element "$1" "$2")" = "$3" ]; } # MAP INDEX BYTES

# ---- a slot ----------------------------------------------------------------------------------------
slot=5 # the first table begins with slot 0
before=$(element slots "$slot")
claim "the slot has an owner" test "$before" != "00 00 00 00 00 00 00 00"
claim "a slot is overwritten by hand" by_hand slots "$slot" 99 0 0 99 0 0 0 0
claim "within two seconds it is what it was" wait_for 2 is_again slots "$slot" "$before"
claim "the history names the service and the slot" wait_for 15 told 'web.*1 of its .* slots.*5, was 0x63000063'

# ---- a backend entry -------------------------------------------------------------------------------
index=$(status '.services[0].backends[0].index')
backend=$(ek status --json | jq -r '.services[0].backends[0].name')
before=$(element backends "$index")
# shellcheck disable=SC2046 # bytes, one by one
claim "a backend's entry is overwritten by hand" by_hand backends "$index" \
	$(printf '0 %.0s' $(seq 128))
claim "within two seconds it is what it was" wait_for 2 is_again backends "$index" "$before"
claim "the history names the backend" wait_for 15 told "web/$backend.*the way to it"
claim "every backend answers" all_answer 4

# ---- nothing more ----------------------------------------------------------------------------------
count() { ek history --events | grep -c drift; }
found=$(count)
sleep 2
claim "what is right again is not told again" test "$(count)" = "$found"
claims_end
