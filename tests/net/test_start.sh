#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Backends that come to a pool that serves, and spares: who gets how much, and when.
. "$(dirname "$0")/../lib/story.sh"
# shellcheck source=tests/lib/health.sh
. "$LAB_ROOT/tests/lib/health.sh"

story --backends 5
ek attach eth0 --yes >/dev/null 2>&1

# What is left behind settles soon: slots that have not wait, and the test with them.
SOON='idle_time: 1s\n    hold_time: 1s'

share() { # N CONDITION: on the share that web-N has in the table
	status ".services[0].backends[] | select(.name == \"web-$1\") | .expected_share | $2" >/dev/null
}
starts() { backend "$1" '.start.percent > 0'; }
whole() { backend "$1" '.start == null and .state == "up"'; }
log_has() { grep -qE "$1" "$LAB_DIR/log/evenkeeld"; }

# A service that begins: all are cold alike. Its slow start is longer than what comes before it is
# asked for.
claim "a service with slow start comes into force" health "{ $QUICK }" "$SOON\n    slow_start: 10m"
claim "everybody has its whole weight at once" wait_for 10 survivors_share 5
nobody_starts() { status '[members.start] | all(. == null)' >/dev/null; }
claim "nobody starts slowly" nobody_starts

# ---- spares -------------------------------------------------------------------------------------

spares() { # LINE of the service
	lab_config ipip 4 | sed "s|^    backends:|    health: { $QUICK }\n    $SOON\n    $1\n&|
		s|\(web-[45]: {\)|\1 backup: true,|" >"$LAB_DIR/evenkeel.yaml"
	anyway ek apply "$LAB_DIR/evenkeel.yaml"
}
claim "two of five become spares" spares 'backup_below: 50'
claim "the three others have all flows" wait_for 15 survivors_share 3
claim "a spare says why it has none" grep -q "web-5: a spare: gets new flows when too few of the others are up" <(ek status)
claim "nobody goes there" answers 1 2 3
server_stop 1
claim "two of three are enough" wait_for 15 survivors_share 2
claim "the spares stay away" mode healthy
server_stop 2
claim "one of three is not: the spares come" wait_for 15 mode backup
claim "beside the one that is left" wait_for 15 survivors_share 3
claim "no connection fails" answers 3 4 5
claim "status says so" grep -q "SPARES IN USE: .*(1 of 3 up)" <(ek status)
alerted() { status '[.alerts[].kind] | index("backup") != null' >/dev/null; }
claim "an alert says so" wait_for 15 alerted
claim "the journal says so" grep -qE "health.*web: web-2 down .*1 of 3 are up, 3 get new flows; backup" <(ek history --events)
server_stop 3
claim "nobody else is left: they have all" wait_for 15 survivors_share 2
claim "no connection fails" answers 4 5
server_start 1
claim "with one of three the spares stay" wait_for 15 survivors_share 3
lab_kill evenkeeld
lab_daemon
claim "over a restart, too" survivors_share 3
server_start 2
claim "with two of three they go" wait_for 10 survivors_share 2
# A port that the client uses again may be one of a flow that is remembered.
forgotten() { status '.services[0] | .flows_remembered == 0 and .unsettled == 0' >/dev/null; }
claim "what they had is over soon" wait_for 20 forgotten
claim "no connection fails" answers 1 2
server_start 3
claim "all are back" wait_for 10 survivors_share 3
claim "a spare is made one of the others" anyway ek backend set web web-4 --backup no
claim "at once" wait_for 5 survivors_share 4
claim "and a spare again" anyway ek backend set web web-4 --backup yes
claim "at once" wait_for 5 survivors_share 3
claim "the history has it" grep -q "backend set web web-4,backup=yes" <(ek history)
claim "neither yes nor no is a mistake" grep -q "neither yes nor no" <(anyway ek backend set web web-4 --backup maybe 2>&1)
not_alerted() { status '[.alerts[].kind] | index("backup") == null' >/dev/null; }
claim "the alert is over" wait_for 30 not_alerted

claim "drained, the others leave all to the spares" ek backend drain web web-1 web-2 web-3
claim "at once" wait_for 5 survivors_share 2
claim "until they take them back" ek backend undrain web web-1 web-2 web-3

# ---- slow start ---------------------------------------------------------------------------------

claim "a service with slow start comes into force" health "{ $QUICK }" "$SOON\n    slow_start: 8s"
claim "all five are whole" wait_for 10 survivors_share 5

server_stop 1
claim "one goes down" wait_for 15 survivors_share 4
server_start 1
claim "when it is back, it starts slowly" wait_for 15 starts 1
claim "with less than its share" share 1 '. > 0 and . < 0.15'
claim "the others have the rest alike" share 2 '. > 0.2 and . < 0.25'
claim "status says so to people" grep -qE "web-1: starts slowly: [0-9]+ % of its weight, all of it in [0-9]+ s" <(ek status)
growing() { share 1 '. > 0.1 and . < 0.19'; }
claim "it grows" wait_for 15 growing
claim "its slots came back in steps" log_has "web/web-1 .* begins with 10 % of its weight and has all of it in 8 s"

lab_kill evenkeeld
lab_daemon
moved() { tac "$LAB_DIR/log/evenkeeld" | sed '/adopted/q' | sed -n 's/.* \([0-9]*\) slots moved$/\1/p'; }
few_moved() { moved && [ "$(moved | head -1 | grep . || echo 0)" -lt 400 ]; }
claim "a restart of evenkeeld moves no slot but those that waited" few_moved
claim "and forgets nothing of it" share 1 '. > 0.05 and . < 0.2'
claim "it has its whole weight in the end" wait_for 20 whole 1
claim "as all have" survivors_share 5
journal() { # newest first
	ek history --events | grep -o "slow_start .*web/web-1 .*" | head -2 |
		tr '\n' ' ' | grep "has its whole weight.*begins with 10 %"
}
claim "the journal has both" journal
claim "everybody answers" answers 1 2 3 4 5

claim "a weight that somebody sets comes at once" anyway ek backend set web web-2 --weight 400
claim "all of it" share 2 '. > 0.49 and . < 0.51'
anyway ek backend set web web-2 --weight 100 >/dev/null
ek backend drain web web-3 >/dev/null
claim "a drained backend has nothing" wait_for 15 survivors_share 4
ek backend undrain web web-3 >/dev/null
claim "undrained, it starts slowly, too" starts 3
claim "until it is whole" wait_for 20 whole 3

# Four of five come back together: the one that is left must not have four fifths of the load
# because they are slow, so they begin with what keeps it even.
claim "without panic" health "{ $QUICK }" "panic: off\n    slow_start: 10m"
server_stop 1 2 3 4
claim "one is left" wait_for 10 survivors_share 1
server_start 1 2 3 4
all_five() { status '[members.expected_share | select(. > 0)] | length == 5' >/dev/null; }
claim "four come back and start slowly" wait_for 10 all_five
claim "without it they are whole at once" health "{ $QUICK }" "panic: off"
claim "as before" wait_for 10 survivors_share 5
claims_end
