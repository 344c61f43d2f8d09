#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The rules that matter, run: each check is a TAP line, and a failure says what to do.
#
#   scripts/lint.sh [CHECK...]     default: all
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
export LC_ALL=C
CHECKS=(format tidy shell layers lengths licences manuals words whitespace)

c_files() { find include user bpf tests -name '*.[ch]' | sort; }
# A script is what ends in .sh or begins with #! and sh.
shell_files() {
	{
		find scripts tests packaging .ci -name '*.sh'
		grep -rlE '^#!.*\b(ba)?sh\b' scripts tests packaging .ci
	} 2>/dev/null | sort -u
}
# What is ours and text; git knows, a tarball without git is searched.
all_files() {
	git ls-files --cached --others --exclude-standard 2>/dev/null ||
		find . -path ./build -prune -o -type f -print | sed 's|^\./||'
}

check_format() { # C is formatted by .clang-format
	c_files | xargs -P"$(nproc)" -n8 clang-format-14 --style=file --dry-run -Werror 2>&1 |
		sed -n 's/: error: code should be clang-formatted.*/: not formatted; run: make format/p' |
		awk -F: '!seen[$1]++' | grep . && return 1
	return 0
}

# What takes long is the analyzer's search of paths through functions that call each other. With
# TIDY=shallow it follows fewer of them, in a quarter of the time.
check_tidy() { # clang-tidy finds no fault in user/
	local out bad depth=
	[ "${TIDY:-}" != shallow ] || depth='-Xclang -analyzer-config -Xclang mode=shallow'
	# shellcheck disable=SC2016 # the inner shell expands these
	out=$(find user -name '*.c' | sort | BUILD=$BUILD DEPTH=$depth xargs -P"$(nproc)" -n1 sh -c '
		nice -n 19 clang-tidy-14 --quiet "$@" -- -std=gnu11 -Iinclude -Iuser -I"$BUILD/gen" \
			-D_GNU_SOURCE -DEK_VERSION="\"lint\"" $DEPTH' tidy 2>&1)
	bad=$?
	grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter|^$' <<<"$out"
	[ "$bad" = 0 ] && return
	echo "mend these, or, where clang-tidy is wrong, add NOLINT(check) with the reason"
	return 1
}

check_shell() { # scripts pass shellcheck
	# SC2317: what traps and tables of checks call is not unreachable.
	shell_files | xargs shellcheck -x -P SCRIPTDIR -P . -e SC2317 || {
		echo "mend these, or add a '# shellcheck disable=' with the reason"
		return 1
	}
}

check_layers() { # includes go one way
	scripts/check-layers.sh
}

check_lengths() { # files and functions are short
	scripts/check-lengths.sh
}

check_licences() { # an SPDX line comes first in every source
	all_files | grep -E '\.(c|h|sh|py|mk)$|^Makefile$|^\.ci/run$' | while read -r file; do
		[ -e "$file" ] || continue
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' ||
			echo "$file: begin it with: SPDX-License-Identifier: GPL-2.0 (in a comment)"
	done | grep . && return 1
	return 0
}

check_manuals() { # manual pages are well-formed
	local pages
	pages=$(find docs/man -type f -name '*.[1-9]' 2>/dev/null)
	[ -n "$pages" ] || {
		echo "docs/man has no manual page: write evenkeel.8, evenkeeld.8 and evenkeel.yaml.5"
		return 1
	}
	# shellcheck disable=SC2086 # names of ours, without spaces
	mandoc -Tlint -Wwarning $pages
}

check_words() { # nothing is left for later
	all_files | grep -vE '^(LICENSE|scripts/lint\.sh|docs/.*\.md|CONTRIBUTING\.md)$' | while read -r file; do
		[ -f "$file" ] && grep -HnIE '\b(TODO|FIXME|XXX|HACK)\b|not implemented|placeholder' "$file"
	done | sed 's/$/   <- do it now, or file an issue and remove the word/' | grep . && return 1
	return 0
}

check_whitespace() { # no trailing blanks, each file ends with a newline
	all_files | grep -E '\.(c|h|sh|py|mk|md|yaml|yml|[1-9])$|^Makefile$' | while read -r file; do
		[ -s "$file" ] || continue
		grep -nE '[[:blank:]]+$' "$file" | sed "s|^|$file:|; s|\$|   <- remove the blanks at the end|"
		[ -z "$(tail -c1 "$file")" ] || echo "$file: end it with a newline"
	done | grep . && return 1
	return 0
}

[ $# -gt 0 ] || set -- "${CHECKS[@]}"
number=0 bad=0
echo "1..$#"
for check; do
	number=$((number + 1))
	claim=$(sed -n "s/^check_$check() { # //p" "$0")
	if out=$("check_$check" 2>&1); then
		echo "ok $number - lint $check: $claim"
	else
		echo "not ok $number - lint $check: $claim"
		printf "%s\n" "$out" | sed "s/^/# /"
		bad=1
	fi
done
exit $bad
