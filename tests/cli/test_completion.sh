#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Completion in bash: the function of packaging/completions, driven as bash drives it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
fake_start
answer services "$(done_with '{"services":[{"name":"web","backends":[{"name":"web-1"},{"name":"web-2"}]},{"name":"dns","backends":[{"name":"dns-1"}]}]}')"
mkdir "$DIR/files" && touch "$DIR/files/web.yaml" "$DIR/files/other.txt"
mkdir "$DIR/files/with blank"
# shellcheck source=packaging/completions/evenkeel.bash
. packaging/completions/evenkeel.bash

# What bash would offer after these words, the last of which is being typed.
offered() {
	COMP_WORDS=("$EVENKEEL" "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_evenkeel
	printf '%s\n' "${COMPREPLY[@]}"
}
offers() { # "WORD WORD ..." TYPED...: exactly these, in any order
	local got
	got=$(offered "${@:2}" | sort | paste -sd' ')
	echo "offered: $got"
	[ "$got" = "$1" ]
}

claim commands_are_offered offers "service show status" s
claim each_family_is_offered_once offers "backend" ba
claim the_commands_of_a_family_are_offered offers "add drain remove restart-each set setup undrain" backend ""
claim hidden_commands_are_not offers "check clients confirm" c
claim options_are_offered_after_a_dash offers "--generic" attach --g
claim options_of_other_commands_are_not offers "" attach --wei
claim services_are_offered offers "dns web" --socket "$SOCKET" backend drain ""
claim backends_of_the_service_are_offered offers "web-1 web-2" --socket "$SOCKET" backend drain web ""
claim more_backends_are_offered offers "web-1 web-2" --socket "$SOCKET" backend drain web web-1 ""
claim a_new_backend_has_a_new_name offers "" --socket "$SOCKET" backend add web ""
claim a_service_is_offered_by_its_own_family offers "web" --socket "$SOCKET" service show w
claim nothing_follows_the_last_argument offers "" --socket "$SOCKET" service show web ""
claim interfaces_are_offered offers lo decap attach lo
claim files_are_offered offers "$DIR/files/web.yaml" apply "$DIR/files/w"e
claim a_name_with_a_blank_is_one_word offers "$DIR/files/with blank" apply "$DIR/files/with"
claim a_value_of_an_option_that_is_a_file_is_offered offers "$DIR/files/other.txt" --socket "$DIR/files/o"
silent() {
	local got
	fake_stop
	got=$(offered --socket "$SOCKET" backend drain "" 2>&1)
	[ -z "$got" ]
}
claim without_a_daemon_nothing_is_said silent
claims_end
