#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# plan of two files, and what check finds beside errors: without any daemon, without root.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >"$DIR/old.yaml" <<'YAML'
services:
  web:
    listen: ["203.0.113.10:443/tcp"]
    backends:
      web-1: { address: 10.0.1.1, weight: 100 }
      web-2: { address: 10.0.1.2, weight: 100 }
      web-3: { address: 10.0.1.3, weight: 100 }
      web-4: { address: 10.0.1.4, weight: 100 }
  api:
    listen: ["203.0.113.20:443/tcp"]
    backends: { api-1: 10.0.2.1, api-2: 10.0.2.2 }
YAML
sed '5s/weight: 100/weight: 1000/' "$DIR/old.yaml" >"$DIR/zero.yaml"
sed '6s/weight: 100/weight: 120/' "$DIR/old.yaml" >"$DIR/small.yaml"
sed '/api:/,$d' "$DIR/old.yaml" >"$DIR/half.yaml"

# ---- plan ------------------------------------------------------------------------------------------
refuses() {
	exits 1 plan --from "$DIR/old.yaml" "$DIR/zero.yaml" && says "~ web/web-1: weight 100 -> 1000" &&
		says "web-1   10.0.1.1 100 -> 1000  25.0 %  76.9 %     76.9 %" &&
		says "zero.yaml:5:43: web/web-1 10.0.1.1: 25.0 % -> 76.9 % of new flows (limit 50.0 %)" &&
		says "did you mean 100?" && says -- "--force share,growth --reason"
}
claim a_plan_of_two_files_says_what_would_be_refused_and_why refuses
passes() {
	exits 0 plan --from "$DIR/old.yaml" "$DIR/small.yaml" && says "of new flows move" &&
		says "at worst, when" && ! grep -q refused "$DIR/out"
}
claim a_plan_that_would_pass_says_what_moves passes
same() { exits 0 plan --from "$DIR/old.yaml" "$DIR/old.yaml" && says "nothing changes"; }
claim nothing_changes_in_the_same_file same
facts() {
	exits 1 plan --from "$DIR/old.yaml" "$DIR/zero.yaml" --json && json '.refused' &&
		json '.plan.services | length == 1 and .[0].name == "web"' &&
		json '.plan.services[0].backends[0] | .share_after > 0.76 and .share_now == 0.25' &&
		json '[.gates[].gate] == ["share", "growth"]' && json '.gates[0] | .line == 5 and .column == 43'
}
claim the_same_as_json facts
lost() {
	exits 0 plan --from "$DIR/old.yaml" "$DIR/old.yaml" --lose web-1,web/web-2 --load 1.5 &&
		says "lost" && says "50.0 %"
}
claim what_would_be_if_two_died lost
unknown() { exits 2 plan --from "$DIR/old.yaml" "$DIR/old.yaml" --lose web-9 && complains "no backend web-9"; }
claim who_is_lost_must_be_there unknown
load() { exits 2 plan --from "$DIR/old.yaml" "$DIR/old.yaml" --load much && complains "--load"; }
claim a_load_is_a_number load
gone() {
	exits 1 plan --from "$DIR/old.yaml" "$DIR/half.yaml" && says "service api disappears" && says "[removed]" &&
		exits 0 plan --from "$DIR/old.yaml" "$DIR/half.yaml" --remove api
}
claim half_a_file_is_refused_unless_that_is_said gone
nothing() { exits 2 plan && complains "needs a FILE"; }
claim a_plan_needs_something_to_plan nothing

# ---- check -----------------------------------------------------------------------------------------
warns() {
	exits 0 check "$DIR/zero.yaml" && complains "zero.yaml:5:43: warning:" && complains "[weight-outlier]" &&
		exits 1 check "$DIR/zero.yaml" --strict
}
claim a_warning_fails_with_strict_only warns
silenced() {
	{
		cat "$DIR/zero.yaml"
		echo 'silence: [{ lint: weight-outlier, service: web, reason: "a big machine" }]'
	} >"$DIR/silenced.yaml"
	exits 0 check "$DIR/silenced.yaml" --strict && silent_on_stderr &&
		exits 0 check "$DIR/silenced.yaml" --json && json '.diagnostics[0].silenced == "a big machine"'
}
claim a_lint_is_silenced_with_a_reason silenced
against() {
	exits 1 check "$DIR/half.yaml" --from "$DIR/old.yaml" && complains "[disappears]" &&
		exits 0 check "$DIR/half.yaml" --from "$DIR/old.yaml" --remove api
}
claim what_disappears_is_an_error_against_another_file against
# The parts of the schema of SARIF 2.1.0 that code hosts insist on.
# shellcheck disable=SC2016 # a variable of jq
sarif() {
	exits 0 check "$DIR/zero.yaml" --format sarif && json '.version == "2.1.0"' &&
		json '.runs[0] | .tool.driver | .name == "evenkeel" and (.rules | length > 10)' &&
		json '[.runs[0].tool.driver.rules[] | .id, .shortDescription.text, .help.text] | all(type == "string")' &&
		json '.runs[0] as $r | $r.results[0] | .ruleId == $r.tool.driver.rules[.ruleIndex].id and .level == "warning"' &&
		json '.runs[0].results[0].locations[0].physicalLocation
			| .region == {startLine: 5, startColumn: 43} and (.artifactLocation.uri | endswith("zero.yaml"))'
}
claim sarif_for_code_hosts sarif
sarif_invalid() {
	sed '5s/weight/wieght/' "$DIR/old.yaml" >"$DIR/invalid.yaml"
	exits 1 check "$DIR/invalid.yaml" --format sarif && json '.runs[0].results[0] | .ruleId == "invalid" and .level == "error"'
}
claim what_cannot_be_is_in_it_too sarif_invalid
suppressed() {
	exits 0 check "$DIR/silenced.yaml" --format sarif &&
		json '.runs[0].results[0].suppressions == [{kind: "inSource", justification: "a big machine"}]'
}
claim a_silence_is_a_suppression suppressed
format() { exits 2 check "$DIR/old.yaml" --format xml && complains "text, json or sarif"; }
claim an_unknown_format_is_a_mistake format

# ---- force -----------------------------------------------------------------------------------------
force() {
	exits 2 apply "$DIR/old.yaml" --force share && complains "belong together" &&
		exits 2 apply "$DIR/old.yaml" --force shares --reason x && complains 'no gate "shares"'
}
claim a_force_has_a_gate_and_a_reason force
claims_end
