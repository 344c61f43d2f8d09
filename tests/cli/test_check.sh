#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# check and the first half of apply: files are judged without any daemon.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >"$DIR/good.yaml" <<'YAML'
services:
  web:
    listen: ["203.0.113.10:443/tcp", "[2001:db8::10]:443/tcp"]
    forward: ipip
    backends:
      web-1: { address: 10.0.1.1 }
      web-2: { address: 10.0.1.2, weight: 200 }
YAML
sed 's/weight: 200/wieght: 200/; s/10\.0\.1\.1/10.0.0.010/' "$DIR/good.yaml" >"$DIR/bad.yaml"

good() { exits 0 check "$DIR/good.yaml" && says "good.yaml: valid (services: 1, backends: 2)" && silent_on_stderr; }
claim a_good_file_passes good
good_json() { exits 0 check "$DIR/good.yaml" --json && json '.valid and .services == 1 and .backends == 2 and .diagnostics == []'; }
claim a_good_file_passes_as_json good_json
stdin() { exits 0 check - <"$DIR/good.yaml" && says "stdin: valid"; }
claim a_dash_is_standard_input stdin
bad() {
	exits 1 check "$DIR/bad.yaml" && complains "$DIR/bad.yaml:6:" && complains "$DIR/bad.yaml:7:" &&
		complains "did you mean 'weight'" && [ ! -s "$DIR/out" ]
}
claim all_mistakes_are_shown_with_their_places bad
bad_json() {
	exits 1 check "$DIR/bad.yaml" --json && json '.valid == false and (.diagnostics | length) >= 2' &&
		json '[.diagnostics[] | select(.severity == "error" and .line == 7 and .column > 1)] | length == 1'
}
claim all_mistakes_are_in_the_json bad_json
missing() { exits 1 check "$DIR/none.yaml" && complains "cannot open $DIR/none.yaml: No such file"; }
claim a_missing_file_is_named missing
folder() { exits 1 check "$DIR" && complains "cannot read $DIR"; }
claim a_folder_is_no_file folder
large() { exits 1 check - < <(head -c 17M /dev/zero | tr '\0' '#') && complains "larger than 16 MiB"; }
claim a_file_beyond_what_the_daemon_takes_is_refused large
nothing() { exits 1 check - </dev/null && [ "$(lines err)" -ge 1 ]; }
claim an_empty_file_is_refused nothing
apply_bad() {
	exits 1 apply "$DIR/bad.yaml" && complains "bad.yaml:7:" && complains "nothing changed" &&
		! grep -q "evenkeeld" "$DIR/err"
}
claim apply_refuses_a_bad_file_before_asking_anybody apply_bad
apply_absent() { exits 1 apply "$DIR/good.yaml" && complains "no evenkeeld answers on $SOCKET: systemctl start evenkeeld"; }
claim apply_without_a_daemon_says_what_to_start apply_absent
claims_end
