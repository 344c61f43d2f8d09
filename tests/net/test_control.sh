#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The control socket under what nobody should send: nothing of it changes anything, ends the
# daemon, or keeps others waiting.
. "$(dirname "$0")/../lib/story.sh"

SEED=${SEED:-1}

attack() { "$LAB_ROOT/tests/lib/control.py" "$LAB_SOCKET" "$@"; }

# What no request here may change.
facts() {
	status '{revision, revision_hash, pid, started, trouble, interfaces,
		backends: [members | {name, address, index, weight, state, slots}]}'
	ek history --json | jq -c '[.revisions, .events] | map(map(.revision // .id))'
}
unchanged() {
	diff <(echo "$before") <(facts)
}

# Clients, their descriptors and the children that answered them are gone.
descriptors() { find "/proc/$(lab_pid evenkeeld)/fd" -type l | wc -l; }
nothing_left() {
	descriptors
	pgrep -P "$(lab_pid evenkeeld)"
	[ "$(descriptors)" -le "$held" ] && [ -z "$(pgrep -P "$(lab_pid evenkeeld)")" ]
}

# A claim of the attack, which fails too if a normal command has to wait, and one of what is left.
bears() { # CLAIM ATTACK...
	local name=$1
	shift
	before=$(facts)
	claim "$name, while others are answered within a second" attack "$@"
	claim "$name: nothing changed" unchanged
}

story --backends 2
ek attach eth0 --yes >/dev/null 2>&1
claim "the configuration comes into force" configure ipip 4
held=$(descriptors)

bears "what is no JSON is refused" not_json
bears "values of a wrong type are refused" wrong_types
bears "unknown commands and versions are refused" unknown
bears "lines of 17 MB are refused" long_line
bears "half a line and then silence is cut off" half_line
bears "70 clients at once that say nothing are cut off" many 70
bears "20 doctors at once are answered" doctors 20
bears "binary noise is borne" noise "$SEED"
bears "3000 requests with random mistakes are borne" mutations "$SEED" 3000
claim "no client, descriptor or process is left of it all" wait_for 15 nothing_left

# ---- other users ---------------------------------------------------------------------------------

# The command in a place and under a name that uid 65534 can reach.
cp "$BUILD/evenkeel" "$LAB_DIR/evenkeel"
sed '/web-1:/s/weight: 100/weight: 50/' "$LAB_DIR/evenkeel.yaml" >"$LAB_DIR/other.yaml"
{
	cat "$LAB_DIR/other.yaml"
	printf '# %070000d\n' 0
} >"$LAB_DIR/long.yaml"
chmod 711 "$LAB_DIR"
nobody() {
	lab_in balancer setpriv --reuid 65534 --regid 65534 --clear-groups "$LAB_DIR/evenkeel" \
		--socket "$LAB_SOCKET" --pins "$LAB_PINS" "$@"
}
claim "another user cannot reach the socket" refused "$LAB_SOCKET.*permission" nobody status
chmod 666 "$LAB_SOCKET"
before=$(facts)
claim "let in, another user may look" nobody status
may_not() { refused 'changes things.*uid 65534' nobody "$@"; }
claim "but not apply a configuration" may_not apply "$LAB_DIR/other.yaml"
claim "nor add a backend" may_not backend add web web-9 10.0.1.99
claim "nor set a weight" may_not backend set web web-1 --weight 50
claim "nor drain a backend" may_not backend drain web web-1
claim "nor undrain one" may_not backend undrain web web-1
claim "nor remove one" may_not backend remove web web-1
claim "nor attach an interface" may_not attach lo --yes
claim "nor detach one" may_not detach eth0
claim "nor detach all" may_not detach
claim "nor confirm" may_not confirm
too_long() {
	local out
	out=$(nobody apply "$LAB_DIR/long.yaml" 2>&1) || grep 'longer than 65536 bytes' <<<"$out"
}
claim "nor make the daemon hold more than 64 KB" too_long
chmod 600 "$LAB_SOCKET"
claim "after all that nothing changed" unchanged
claim "root still may: a change comes into force" anyway ek apply "$LAB_DIR/other.yaml"
claim "and requests are answered" requests 4 5
claims_end
