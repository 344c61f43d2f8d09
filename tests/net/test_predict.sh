#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Most connections come by one address of many, and somebody hashes addresses only: slots stay even,
# load does not. plan shows it, apply refuses it and names the client; forced, it is as predicted.
. "$(dirname "$0")/../lib/story.sh"

story --backends 4
ek attach eth0 --yes >/dev/null 2>&1
# All of this is the client's own.
lab_ip client <<<"route add local 198.51.100.128/25 dev lo"
PROXY=198.51.100.250
connect() { # NAME RATE FIRST COUNT
	lab_spawn "$1" client "$PYTHON" "$LAB_ROOT/tests/lib/senders.py" connect 120 "$2" "$VIP4" 80 "$3" "$4"
}
file=$LAB_DIR/web.yaml
web() { lab_config ipip 4 | sed -e '' "$@" >"$file"; }
by_source() { web -e 's/^    forward:/    hash: source\n&/' "$@"; }
plan() { ek plan "$file" --json | jq -e ".plan.services[0] | $1"; }
seen() { # share of the proxy, with enough samples
	ek clients web --json | jq -e --arg a "$PROXY" '.services[0] |
		.samples > 2000 and .heaviest[0].address == $a and .heaviest[0].share_flows > 0.6'
}
in_force() { status ".revision == $1" >/dev/null; }
says() { # PATTERN COMMAND...
	"${@:2}" 2>&1 | tee /dev/stderr | grep -qE "$1"
}
silent() { # PATTERN COMMAND...: it succeeds, and does not say so
	local out
	out=$("${@:2}" 2>&1) || return 1
	printf '%s\n' "$out"
	! grep -qE "$1" <<<"$out"
}

claim "the configuration comes into force" configure ipip 4
cp "$LAB_DIR/evenkeel.yaml" "$LAB_DIR/old.yaml"
by_source
claim "without traffic plan says that it knows nothing" says \
	'no prediction: 0 samples of clients in' ek plan "$file"
claim "and does not refuse" plan '.clients.known == false and (.backends | all(.predicted == null))'

# ---- one address of many -------------------------------------------------------------------------
connect others 60 198.51.100.130 40
connect proxy 150 "$PROXY" 1
claim "one of 41 clients has most of the flows" wait_for 30 seen
first=$(ek status --json | jq .revision)
mistake="web\.yaml:[0-9]+:11: web/web-[1-4] [0-9.]+: client $PROXY has (6[5-9]|7[0-9])\.. % of the"
mistake+=" (bytes|packets|new flows): with hash: source one backend gets all of it: .*\(limit 50\.0 %\).*\[share\]"
claim "plan refuses, and names the client and the mistake" refused "$mistake" ek plan "$file"
claim "though slots are even" plan '.backends | all(.share_after > 0.24 and .share_after < 0.26)'
claim "a table shows it" refused "predicted by [0-9]+ samples .*hash: source" ek plan "$file"
claim "for one backend, of flows, packets and bytes" plan '[.backends[].predicted |
	[.flows, .packets, .bytes] | map(.share_after > 0.65) | unique] | sort == [[false], [false], [false], [true]]'
claim "where each has a quarter now" plan '[.backends[].predicted | .flows, .packets, .bytes | .share_now] |
	all(. > 0.15 and . < 0.35)'
claim "with the client by whom it is" plan "[.backends[].predicted | select(.bytes.share_after > 0.65) |
	.heaviest.address] == [\"$PROXY\"]"
claim "apply refuses, and says the same" refused "$mistake" ek apply "$file"
claim "nothing has changed" in_force "$first"
by_source -e 's/^    backends:/    capacity: 100\n&/'
claim "a declared capacity is compared with the flows predicted" wait_for 15 refused \
	"client $PROXY has .*new flows a second \(limit 100, from its capacity\).*\[load\]" ek plan "$file"
by_source
claim "of two files nothing is predicted" silent 'predict|client' ek plan --from "$LAB_DIR/old.yaml" "$file"

# ---- forced --------------------------------------------------------------------------------------
heavy=$(ek plan "$file" --json | jq -r '.plan.services[0].backends[] |
	select(.predicted.flows.share_after > 0.65) | "\(.name) \(.predicted.flows.share_after)"')
as_predicted() {
	status ".services[0].backends[] | select(.name == \"${heavy% *}\") |
		.actual_share_flows - ${heavy#* } | . > -0.08 and . < 0.08"
}
claim "forced, it says what it will do" says 'predicted by [0-9]+ samples .*hash: source' \
	ek apply --at-once --watch 0 "$file" --force share --reason 'it is only a test'
claim "it is done" in_force $((first + 1))
claim "and one server has what was predicted" wait_for 30 as_predicted
by_source -e 's/^    backends:/    drain_time: 5m\n&/'
planned() {
	ek apply --at-once --watch 0 "$file" --json | jq -e '.plan.services[0] | .name == "web" and .clients.known'
}
claim "a ratio that is in force may stay, and the plan is in the result" planned
web
claim "nothing stands against the way back" ek plan "$file"
claim "which is open at once" ek rollback "$first"
even() { status '[members.actual_share_flows] | all(. > 0.15 and . < 0.35)'; }
claim "and load is even again" wait_for 30 even
lab_kill proxy
lab_kill others
claims_end
