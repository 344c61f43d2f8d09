#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The command line itself: help, mistakes, and that the manual page says the same.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

COMMANDS=("attach" "detach" "confirm" "apply" "rollback" "proposals" "approve" "reject" "check" "plan"
	"status" "service list" "service show"
	"backend add" "backend set" "backend drain" "backend undrain" "backend remove"
	"backend restart-each" "backend setup" "decap attach" "decap detach" "decap status" "top" "clients" "metrics" "rekey" "explain" "history"
	"show" "diff" "blame" "audit log" "audit verify" "doctor" "drill" "version" "help")

# One line that names the mistake, one that names the help; nothing on stdout; exit status 2.
mistake() { # WHAT HELP ARGUMENT...
	exits 2 "${@:3}" && complains "$1" && complains "see evenkeel $2" && [ "$(lines err)" = 2 ] &&
		[ ! -s "$DIR/out" ]
}

claim no_command_at_all_is_a_mistake mistake "no command given" "--help"
claim a_mistyped_command_is_guessed mistake "no command statsu; did you mean status?" "--help" statsu
claim a_mistyped_family_is_guessed mistake "no command backedn; did you mean backend?" "--help" backedn
claim restart_each_needs_a_command mistake "needs --exec CMD" "backend restart-each --help" backend restart-each web
claim a_mistyped_second_word_is_guessed mistake "did you mean backend drain?" "backend --help" \
	backend drian web web-1
claim a_mistyped_first_word_is_guessed mistake "did you mean backend drain?" "--help" bakend drain
claim what_resembles_nothing_is_not_guessed mistake "no command frobnicate" "--help" frobnicate
not_guessed() { ek frobnicate && ! grep -q "did you mean" "$DIR/err"; }
claim an_odd_word_gets_no_suggestion not_guessed
claim a_family_alone_asks_for_its_command mistake "evenkeel backend: which" "backend --help" backend
claim a_mistyped_option_is_guessed mistake "no option --jsn; did you mean --json?" "status --help" \
	status --jsn
claim a_mistyped_option_points_to_the_help_of_its_command mistake \
	"evenkeel status: no option --wath; did you mean --watch?" "status --help" status --wath
no_other() { exits 2 status --weigth && ! grep -q "did you mean" "$DIR/err"; }
claim an_option_that_the_command_does_not_take_is_not_suggested no_other
claim before_the_command_it_points_to_all_help mistake "evenkeel: no option --wath" "--help" --wath status
claim an_option_of_another_command_is_refused mistake "no option --weight here" "status --help" \
	status --weight 3
claim a_single_dash_is_explained mistake "no option -x; options are written --name" "--help" -x
claim an_option_without_its_value_is_refused mistake "--limit needs a value: --limit N" "history --help" \
	history --limit
claim an_option_with_an_empty_value_is_refused mistake "--limit needs a value" "history --help" history --limit=
claim a_flag_takes_no_value mistake "--yes takes no value" "attach --help" attach eth0 --yes=1
claim an_option_given_twice_is_refused mistake "--limit is given twice" "history --help" history --limit 1 --limit 2
claim a_missing_argument_is_refused mistake "needs IF..." "attach --help" attach
claim a_superfluous_argument_is_refused mistake 'takes no argument "now"' "confirm --help" confirm now
for text in 0 -1 1x "" 999999; do
	claim "limit_'$text'_is_no_number" exits 2 history --limit="$text"
done
claim after_two_dashes_all_is_argument mistake 'takes no argument "--json"' "confirm --help" confirm -- --json
claim count_without_watch_is_refused mistake "--count needs --watch" "status --help" status --count 2
claim a_strange_interval_is_refused mistake '--watch: "0" is not' "status --help" status --watch=0
claim an_interval_that_is_no_number_is_refused mistake '--watch: "nan"' "status --help" status --watch=nan
claim backend_set_needs_a_weight mistake "needs --weight N" "backend set --help" backend set web web-1
claim a_weight_above_65535_is_refused mistake 'not a number from 0 to 65535' "backend set --help" \
	backend set web web-1 --weight 65536
claim a_bad_address_is_refused_here mistake '10.0.0.010' "backend add --help" \
	backend add web web-4 10.0.0.010
claim a_bad_weight_among_several_is_refused mistake 'web-5: weight "x"' "backend add --help" \
	backend add web web-4=10.0.1.4 web-5=10.0.1.5,weight=x
claim a_strange_key_among_several_is_refused mistake 'web-5: "wait=3" is not weight=N' \
	"backend add --help" backend add web web-5=10.0.1.5,wait=3
claim mixing_both_forms_is_refused mistake '"10.0.1.4" is not NAME=ADDRESS' "backend add --help" \
	backend add web web-5=10.0.1.5 10.0.1.4
# None of several is left out silently. Arguments 1 to 4 are --socket and --pins.
claim a_name_that_is_no_text_is_refused mistake "argument 9 is not UTF-8" "--help" \
	backend drain web web-1 $'web-\xff'
claim half_a_flow_says_to_quote mistake "quote it" "explain --help" explain 198.51.100.7:40000
claim a_bad_flow_says_why mistake "198.51.100.7 > 203.0.113.10:443/tcp" "explain --help" \
	explain "198.51.100.7 > 203.0.113.10:443/tcp"

each_has_help() {
	local c
	for c in "${COMMANDS[@]}"; do
		# shellcheck disable=SC2086 # two words
		exits 0 $c --help && says "usage: evenkeel $c" && silent_on_stderr || return 1
		cp "$DIR/out" "$DIR/first"
		# shellcheck disable=SC2086
		exits 0 help $c && diff "$DIR/first" "$DIR/out" || return 1
	done
}
claim each_command_has_help each_has_help
lists_all() {
	exits 0 help || return 1
	[ "$(grep -oE '^  evenkeel( [a-z][a-z-]*)+' "$DIR/out" | sort -u | sed 's/^  evenkeel //')" = \
		"$(printf '%s\n' "${COMMANDS[@]}" | sort)" ]
}
claim help_lists_exactly_the_commands lists_all
fits_80_columns() {
	local c
	ek help && ! grep -E '.{81}' "$DIR/out" || return 1
	for c in "${COMMANDS[@]}"; do
		# shellcheck disable=SC2086 # two words
		ek $c --help && ! grep -E '.{91}' "$DIR/out" || return 1
	done
}
claim help_fits_a_terminal fits_80_columns
claim help_of_a_family_lists_its_commands exits 0 decap --help
claim help_of_nothing_known_is_a_mistake mistake "no command frob" "help --help" help frob
cannot_write() {
	"$EVENKEEL" help >/dev/full 2>"$DIR/err"
	[ $? = 1 ] && complains "cannot write the output"
}
claim output_that_is_lost_is_a_failure cannot_write

# ---- the manual page -------------------------------------------------------------------------------

manual() { mandoc -Tascii -O width=200 docs/man/evenkeel.8 | sed 's/.\x08//g'; }
manual_section() { manual | awk -v s="$1" '/^[A-Z]/ { on = $0 == s; next } on'; }
same_synopsis() {
	manual_section SYNOPSIS | sed 's/^ *//' | grep . >"$DIR/manual"
	"$EVENKEEL" help | sed -n 's/^  \(evenkeel .*\)/\1/p' >"$DIR/help"
	[ -s "$DIR/help" ] && diff "$DIR/manual" "$DIR/help"
}
options_in_manual() {
	local c option
	manual >"$DIR/manual"
	for c in "${COMMANDS[@]}"; do
		# shellcheck disable=SC2086 # two words
		for option in $("$EVENKEEL" $c --help | grep -oE '^  --[a-z]+'); do
			grep -qE "^ +$option" "$DIR/manual" || {
				echo "$c: $option is not explained in evenkeel.8"
				return 1
			}
		done
	done
}
# Where mandoc is missing, the check of the manuals in scripts/lint.sh, which needs it, remains.
if command -v mandoc >/dev/null; then
	claim the_manual_has_the_synopsis_of_help same_synopsis
	claim the_manual_explains_every_option options_in_manual
	claim manuals_are_well_formed mandoc -Tlint -Wwarning docs/man/evenkeel.8 docs/man/evenkeeld.8
fi
claims_end
