#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Servers fail and come back: who gets new flows, and what is said of it.
. "$(dirname "$0")/../lib/story.sh"
# shellcheck source=tests/lib/health.sh
. "$LAB_ROOT/tests/lib/health.sh"

story --backends 10
ek attach eth0 --yes >/dev/null 2>&1

# ---- tcp, as it is by default -------------------------------------------------------------------

claim "without a word, servers that listen are up as soon as they are applied" configure ipip 4
claim "all of them" is_up 1 2 3 4 5 6 7 8 9 10
claim "every backend answers" all_answer 4
claim "a quicker check comes into force" health "{ $QUICK }"
claim "it makes nobody new: all stay up" all_up

server_stop 1
claim "the first one down: it is found" wait_for 15 is_down 1
claim "with the reason" says 1 "tcp: 10.0.1.11:80: Connection refused"
claim "its load goes to all of the others alike" wait_for 15 survivors_share 9
claim "nobody is sent there" answers 2 3 4 5 6 7 8 9 10
claim "status says it to people" grep -qE "web-1: tcp: .*refused \(since 2" <(ek status)
claim "doctor says it" grep -q "web/web-1.*is down: tcp" <(ek doctor)
claim "the journal has it" grep -q "health.*web: web-1 down (tcp.*9 of 10 are up" <(ek history --events)
server_start 1
claim "it comes back" wait_for 15 all_up
claim "and gets flows again" all_answer 4

# ---- a new backend ------------------------------------------------------------------------------

server_stop 10
claim "who is dead is soon forgotten, for once" health "{ $QUICK }" "hold_time: 1s\n    drain_time: 1s"
claim "a backend is removed" ek backend remove web web-10
is_gone() { status '[.services[0].backends[].name] | contains(["web-10"]) | not'; }
claim "and gone" wait_for 20 is_gone
added_down() {
	ek backend add web "web-10=$(lab_backend_addr 10 4)" 2>&1 | tee "$LAB_DIR/added"
	grep -q "web-10 is down, and gets no new flows: tcp" "$LAB_DIR/added"
}
claim "added while its server is down, it is warned of" added_down
claim "it gets no flows" survivors_share 9
server_start 10
claim "until it is up, for which once is enough" wait_for 15 all_up

# ---- when few are left --------------------------------------------------------------------------

server_stop 2 3 4 5
claim "six of ten are left: they take all" wait_for 15 survivors_share 6
claim "no connection fails" answers 1 6 7 8 9 10
server_stop 6 7 8 9 10
claim "nine of ten down: panic" wait_for 15 mode panic
claim "new flows go to all ten rather than to one" wait_for 15 ten_share
panic_said() { ek status | grep -q "PANIC: .*(1 of 10 up)"; }
claim "status says so" wait_for 15 panic_said
claim "doctor says so" grep -q "panic: 1 of 10 backends are up, 10 get new flows" <(ek doctor)
claim "without panic the last one takes all" health "{ $QUICK }" 'panic: off'
claim "no connection fails" answers 1
server_stop 1
claim "all down: the last one keeps what it had" wait_for 15 mode kept
claim "nobody else gets anything" survivors_share 1
claim "or new flows are dropped, on request" health "{ $QUICK }" "panic: off\n    on_empty: drop"
claim "there is nobody" mode nobody
lab_in client curl -s --max-time 1 "$(url 4)/" >/dev/null
claim "which is counted" status '.dropped.no_backend > 0'
claim "all down, with panic: all get their share" health "{ $QUICK }"
claim "of nothing" ten_share
server_start 1 2 3 4 5 6 7 8 9 10
claim "all come back" wait_for 30 all_up
claim "two are left in the configuration" health_of 2 "{ $QUICK }"
server_stop 1
claim "one of two down: the other takes all" wait_for 15 survivors_share 1
claim "no connection fails" answers 2
server_start 1
claim "the ten are there again" health "{ $QUICK }"
claim "all are up" wait_for 30 all_up

# ---- through the tunnel ---------------------------------------------------------------------------

claim "both ways come into force" health "{ via: both, $QUICK }"
claim "all are up both ways" wait_for 30 all_up
lab_in b6 "$BUILD/evenkeel" --pins "$LAB_DIR/bpf/b6" decap detach eth0 >/dev/null 2>&1
claim "a backend without decapsulation is found" wait_for 15 is_down 6
claim "and why is said" says 6 "tcp via tunnel: 203.0.113.10:80: no answer .* though it answers directly"
claim "no connection fails" answers 1 2 3 4 5 7 8 9 10
lab_in b6 "$BUILD/evenkeel" --pins "$LAB_DIR/bpf/b6" decap attach eth0 >/dev/null 2>&1
lab_in balancer ip addr add "$VIP4/32" dev lo
claim "with it, it comes back, also where the balancer has the address itself" wait_for 30 all_up
lab_in balancer ip addr del "$VIP4/32" dev lo
half_open() { lab_in b7 ss -Htn state syn-recv | grep -q .; }
claim "no backend is left with connections half open" wait_for 15 not half_open

# ---- the daemon goes and comes --------------------------------------------------------------------

server_stop 7
claim "one is down" wait_for 15 is_down 7
claim "and out of the table" wait_for 15 survivors_share 9
lab_kill evenkeeld
lab_daemon
claim "after a restart the state is what it was" is_down 7
claim "and that of the others" is_up 1 2 3 4 5 6 8 9 10
claim "no slot has moved" not grep -q "slots moved" <(sed -n '/adopted/,$p' "$LAB_DIR/log/evenkeeld")
claim "no connection fails" answers 1 2 3 4 5 6 8 9 10
server_start 7
claim "what comes back after it is seen" wait_for 30 all_up
server_stop 8
lab_kill evenkeeld
lab_daemon
claim "what went down meanwhile is found" wait_for 15 is_down 8
claim "no check is left without a result" status '[members.health.stuck] | any | not'
claim "health can be switched off" health none
claim "then everybody has a share" ten_share
claims_end
