# SPDX-License-Identifier: GPL-2.0
# bash completion for evenkeel(8): the command itself says what may follow.

_evenkeel() {
	local current=${COMP_WORDS[COMP_CWORD]} word
	local -a words=("${COMP_WORDS[@]:1:COMP_CWORD-1}") candidates=()

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--socket | --pins)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	while read -r word; do
		case $word in
		@file) mapfile -t -O "${#candidates[@]}" candidates < <(compgen -f -- "$current") ;;
		@interface) mapfile -t -O "${#candidates[@]}" candidates < <(ls /sys/class/net) ;;
		--*) [[ $current == -* ]] && candidates+=("$word") ;;
		*) candidates+=("$word") ;;
		esac
	done < <("${COMP_WORDS[0]}" completion-words --timeout 1 "${words[@]}" 2>/dev/null)
	# Not compgen -W: it would part names at blanks.
	COMPREPLY=()
	for word in "${candidates[@]}"; do
		[[ $word == "$current"* ]] && COMPREPLY+=("$word")
	done
} && complete -o filenames -F _evenkeel evenkeel
