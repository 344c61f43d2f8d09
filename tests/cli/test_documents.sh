#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What the documents say is so: examples pass, commands and targets exist, lists agree.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

readme_example() {
	awk '/^    services:$/ { on = 1 } on && /^[^ ]/ { exit } on { sub(/^    /, ""); print }' \
		README.md >"$DIR/readme.yaml"
	exits 0 check "$DIR/readme.yaml" && says "services: 1, backends: 3"
}
claim the_readmes_example_passes_check readme_example

examples() {
	local file
	for file in examples/*.yaml; do exits 0 check "$file" || return 1; done
}
claim every_example_passes_check examples

# Lines of documents that are commands of ours, up to the first argument that is no word.
commands() {
	sed -nE 's/^    (sudo )?evenkeel ([a-z][a-z -]*[a-z]).*/\2/p' README.md docs/*.md |
		sed -E 's/ -.*//' | sort -u
}
commands_exist() {
	local first second rest
	[ "$(commands | wc -l)" -ge 8 ] || { echo "too few commands found"; return 1; }
	while read -r first second rest; do
		ek help "$first" ${second:+"$second"}
		[ "$status" = 0 ] || ek help "$first"
		[ "$status" = 0 ] || { echo "no such command: $first $second $rest"; return 1; }
	done < <(commands)
}
claim every_command_in_the_documents_exists commands_exist

targets_exist() {
	local target
	while read -r target; do
		make -n "$target" >/dev/null 2>"$DIR/err" || { cat "$DIR/err"; return 1; }
	done < <(sed -nE 's/^    (sudo )?make ([a-z-]+).*/\2/p' README.md CONTRIBUTING.md | sort -u)
}
claim every_make_target_in_the_documents_exists targets_exist

# The one list of drop reasons against the table that explains them.
reasons_agree() {
	# shellcheck disable=SC2016 # backticks as in the table
	diff <(sed -nE 's/^[[:space:]]*X\([A-Z_]+, "([a-z_]+)".*/\1/p' include/evenkeel/drops.h | grep -v '^internal$' | sort) \
		<(sed -nE 's/^\|.*\| dropped \| `([a-z_]+)` \|$/\1/p' docs/packet-path.md | sort -u)
}
claim every_drop_reason_is_explained reasons_agree

claims_end
