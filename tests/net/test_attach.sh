#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Attaching never cuts off the operator, and the host's own traffic is never touched.
. "$(dirname "$0")/../lib/story.sh"

story --backends 2 --daemon-option --confirm-seconds --daemon-option 3

# ---- the confirmation ------------------------------------------------------------------------------
unattached() { [ -z "$(xdp_id balancer eth0)" ]; }
claim "attach to the interface of the default route succeeds" ek attach eth0
claim "it awaits confirmation and says for how long" status \
	'.interfaces[0] | .confirmed == false and .confirm_within_s <= 3'
claim "without confirmation it detaches by itself" wait_for 15 unattached
claim "confirm comes too late, and says when it was detached and what to do" \
	refused 'eth0 was detached at [0-2][0-9]:[0-5][0-9].*evenkeel attach eth0' ek confirm
undone() { ek history --events | tee /dev/stderr | grep -q 'evenkeeld .*detach .*eth0: not confirmed within 3 s'; }
claim "the history tells it" undone
claim "attach again" ek attach eth0
claim "confirm" ek confirm
claim "a second confirm finds nothing" refused 'nothing waits' ek confirm
claim "confirmed is what it is then" status '.interfaces[0].confirmed'
still_attached() { ! wait_for 15 unattached; }
claim "a confirmed program stays beyond the time" still_attached
claim "detach takes it away" ek detach
claim "and nothing is attached" unattached

# ---- untouched traffic -----------------------------------------------------------------------------
ek attach eth0 --yes >/dev/null 2>&1
claim "the configuration comes into force" configure ipip 4
lab_spawn sshd-like balancer "$PYTHON" -m http.server --bind "$BALANCER4" 2222
wait_for 15 lab_in balancer curl -s -o /dev/null "http://$BALANCER4:2222/"
claim "ping to the balancer passes, IPv4" lab_in client ping -qc 3 -i 0.1 -W 2 "$BALANCER4"
claim "ping to the balancer passes, IPv6" lab_in client ping -qc 3 -i 0.1 -W 2 "$BALANCER6"
claim "large pings pass in fragments" lab_in client ping -qc 2 -i 0.1 -s 4000 -W 2 "$BALANCER4"
claim "TCP to the balancer's own address passes" \
	lab_in client curl -sS -o /dev/null --max-time 5 "http://$BALANCER4:2222/"
claim "what passes is counted as passed" status '.passed > 0'

# ---- ports of the host are not for services ----------------------------------------------------------
listen() { # ADDRESS:PORT/PROTO
	sed "s|listen: .*|listen: [\"$1\"]|" "$LAB_DIR/evenkeel.yaml" >"$LAB_DIR/own.yaml"
	anyway ek apply "$LAB_DIR/own.yaml"
}
revision=$(status .revision)
claim "a listener on which the host listens is refused" refused 2222 listen "$BALANCER4:2222/tcp"
claim "port 22 on an address of the host is refused" refused 22 listen "$BALANCER4:22/tcp"
claim "also over IPv6" refused 22 listen "[$BALANCER6]:22/tcp"
claim "the revision in force is what it was" test "$(status .revision)" = "$revision"
claim "a free port of the host is taken" listen "$BALANCER4:8081/tcp"
claim "the service moves back" configure ipip 4
claim "every backend answers" all_answer 4

# ---- detach without the daemon -------------------------------------------------------------------------
lab_kill evenkeeld KILL
claim "detach works without the daemon" ek detach
claim "nothing is attached" unattached
claim "nothing is pinned" test -z "$(find "$LAB_PINS" -type f 2>/dev/null)"
claim "the host is reached" lab_in client ping -qc 1 -W 2 "$BALANCER4"

# ---- a foreign program ---------------------------------------------------------------------------------
# shellcheck disable=SC2119 # no options
lab_daemon
lab_in balancer ip link set dev eth0 xdpdrv obj "$BUILD/tests/lib/pass.bpf.o" sec xdp
foreign=$(xdp_id balancer eth0)
claim "attach where a foreign program is, is refused" refused 'eth0' ek attach eth0 --yes
claim "the foreign program is still there" test "$(xdp_id balancer eth0)" = "$foreign"
claim "an interface that is not there is refused by name" refused 'eth7' ek attach eth7 --yes
claims_end
