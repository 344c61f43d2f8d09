#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Changes are planned and judged before anything is installed: what would topple a server is refused.
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
file=$LAB_DIR/web.yaml
web() { # WEIGHT of web-1, then sed commands
	lab_config ipip 4 "$1" | sed -e '' "${@:2}" >"$file"
}
in_force() { status ".revision == $1" >/dev/null; }
shares() { status "[members.expected_share * 100 | round] == $1" >/dev/null; }
misused() {
	"$@"
	[ $? = 2 ]
}
says() { # PATTERN COMMAND...
	"${@:2}" 2>&1 | tee /dev/stderr | grep -qE "$1"
}

web 100
claim "a first configuration that is sane comes into force" ek apply "$file"
wait_for 10 backends_ready

# ---- a zero too many -------------------------------------------------------------------------------
web 1000
first=$(ek status --json | jq .revision)
claim "a share beyond the limit is refused, and the mistake is named" refused \
	'web\.yaml:[0-9]+:[0-9]+: web/web-1 .*25\.0 % -> 76\.9 % of new flows \(limit 50\.0 %\) \[share\]' ek apply "$file"
claim "with what was probably meant" refused 'weight 1000 is 10 times .*did you mean 100' ek apply "$file"
claim "and how to do it anyway" refused 'to do it anyway: --force share,growth --reason' ek apply "$file"
claim "nothing has changed" in_force "$first"
claim "no share either" shares "[25,25,25,25]"
claim "plan shows the same, and fails" refused '76\.9 %' ek plan "$file"
claim "and changes nothing" in_force "$first"
claim "a command is judged as a file is" refused '\[share\]' ek backend set web web-1 --weight 1000
claim "a gate that does not exist is a mistake of usage" \
	misused ek apply "$file" --force shares --reason x
claim "a force without a reason is one, too" misused ek apply "$file" --force share
claim "forced, with a reason, it is done" ek apply "$file" --force share,growth --reason 'a load test'
claim "the journal has the reason" says 'gate share: .*reason: a load test' ek history --events
web 100
claim "the way back is no change against half an hour ago" ek apply "$file"

# ---- three of four addresses mistyped --------------------------------------------------------------
web 100 -e 's/10\.0\.1\.12/10.0.1.212/;s/10\.0\.1\.13/10.0.1.213/;s/10\.0\.1\.14/10.0.1.214/'
before=$(ek status --json | jq .revision)
claim "addresses that nobody answers at are refused" refused 'backends answer.*\[answering\]' ek apply "$file"
claim "nothing has changed" in_force "$before"
claim "every backend still answers" all_answer 4
claim "plan asks them" refused 'does not answer' ek plan "$file"
claim "check --live does, too" says 'web/web-2: .*\[unreachable\]' ek check --live "$file"

# ---- a check that nobody passes --------------------------------------------------------------------
web 100 -e 's/^    backends:/    health: { type: tcp, port: 81 }\n&/'
claim "a check that no backend passes is refused before it ejects them" refused \
	'none of 4 backends passes its checks: .*81' ek apply "$file"
claim "every backend is still up" status '[members.health.state == "up"] | all'

# ---- what disappears -------------------------------------------------------------------------------
web 100 -e 's/, "[^"]*:53.udp"\]/]/'
claim "a listener that disappears must be said" refused 'listener .* disappears.*--remove' ek apply "$file"
listener=$(ek apply "$file" 2>&1 | sed -n 's/.*--remove \([^,]*\),.*/\1/p' | head -1)
claim "said so, it goes" ek apply "$file" --remove "$listener"

# ---- drains, and many small steps ------------------------------------------------------------------
claim "draining one while all others are up is done" ek backend drain web web-1
claim "a third of four is refused" refused '\[growth' ek backend drain web web-2 web-3
claim "undraining is done" ek backend undrain web web-1
claim "a step" ek backend set web web-1 --weight 150
claim "and another are one big one" refused '\[growth' ek backend set web web-1 --weight 220
lab_kill evenkeeld
lab_daemon
claim "a restart forgets nothing of it" refused '\[growth' ek backend set web web-1 --weight 220
claim "what would be if two died is shown" says 'at worst' ek plan --lose web-1,web-2 --load 1.5
claims_end
