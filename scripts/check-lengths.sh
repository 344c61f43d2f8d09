#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Files stay below 500 lines, functions below 60. What is longer for a good reason is listed in
# scripts/lengths.allow as `file[:function] reason`.
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
FILE_MAX=500 FUNCTION_MAX=60

too_long() {
	find include user bpf tests scripts -name '*.[ch]' -o -name '*.sh' -o -name '*.py' | sort |
		while read -r file; do
			lines=$(wc -l <"$file")
			[ "$lines" -le $FILE_MAX ] ||
				echo "$file $lines lines; split it by what its parts are about (at most $FILE_MAX)"
		done
	# A C function's body begins with { and ends with } in the first column.
	# shellcheck disable=SC2016 # awk's own fields
	find include user bpf tests -name '*.[ch]' -print0 | sort -z | xargs -0 awk -v max=$FUNCTION_MAX '
		FNR == 1 { begin = 0; name = "" }
		/^[a-zA-Z_].*\(/ && !/;[ \t]*$/ {
			name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
		}
		/^{/ { begin = FNR }
		/^}/ && begin {
			if (FNR - begin - 1 > max && name != "")
				printf "%s:%s %d lines; give its steps names of their own (at most %d)\n",
					FILENAME, name, FNR - begin - 1, max
			begin = 0; name = ""
		}'
}

bad=0
while read -r what rest; do
	grep -qE "^${what//./\\.} [^ ]" scripts/lengths.allow && continue
	echo "$what: $rest"
	bad=1
done < <(too_long)
# A reason outlives what it excuses: say so.
while read -r what rest; do
	case $what in '#'* | '') continue ;; esac
	too_long | grep -qF "$what " && continue
	echo "scripts/lengths.allow: $what is not too long any more: remove its line"
	bad=1
done <scripts/lengths.allow
exit $bad
