#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What bootstrap and make say when something is missing. apt-get here is a recorder; nothing is
# installed.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# A PATH with all that is installed but `wrk` and `jq`, and with an apt-get that makes them.
mkdir "$dir/bin" "$dir/late"
IFS=: read -ra folders <<<"$PATH:/usr/sbin:/sbin"
for folder in "${folders[@]}"; do
	for program in "$folder"/*; do
		case ${program##*/} in wrk | jq | apt-get) continue ;; esac
		[ -x "$program" ] && [ ! -e "$dir/bin/${program##*/}" ] &&
			ln -s "$program" "$dir/bin/${program##*/}"
	done
done
cat >"$dir/bin/apt-get" <<END
#!/bin/sh
echo "\$@" >>$dir/apt.log
case "\$*" in
*--simulate*) exit \$(cat $dir/simulate) ;;
*install*) for p in wrk jq; do printf '#!/bin/sh\n' >$dir/bin/\$p; chmod 755 $dir/bin/\$p; done ;;
esac
END
chmod 755 "$dir/bin/apt-get"
echo 0 >"$dir/simulate"

# The script adds /usr/sbin to PATH; neither program is there.
boot() { env PATH="$dir/bin" scripts/bootstrap.sh "$@"; }

missing_said() { [ "$(boot --missing build test)" = "jq wrk" ]; }
claim "what is missing is named by Debian's packages" missing_said
nothing_missing() { [ -z "$(boot --missing build)" ] && [ ! -e "$dir/apt.log" ]; }
claim "a group with nothing missing asks apt-get nothing" nothing_missing
refused_without_root() {
	local said as=()
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid 65534 --clear-groups)
	said=$("${as[@]}" env PATH="$dir/bin" scripts/bootstrap.sh test) && return 1
	echo "$said"
	grep -q 'missing: jq .*wrk; .*sudo scripts/bootstrap.sh test' <<<"$said" && [ ! -e "$dir/apt.log" ]
}
chmod 755 "$dir"
claim "without root it says what to run, and installs nothing" refused_without_root
make_says() {
	env PATH="$dir/bin" make -n packet 2>&1 | grep 'jq wrk' | grep -q 'make bootstrap'
}
claim "make names what is missing and the remedy, in one line" make_says
if [ "$(id -u)" = 0 ]; then
	installs() {
		local said
		said=$(boot test) || return 1
		grep -q 'jq wrk' <<<"$said" && ! grep -q update "$dir/apt.log" &&
			grep -q 'install --yes.*jq wrk' "$dir/apt.log"
	}
	claim "it says what it installs, without apt-get update where the lists will do" installs
	again() { : >"$dir/apt.log" && [ -z "$(boot test)" ] && [ ! -s "$dir/apt.log" ]; }
	claim "the second time there is nothing to do or to say" again
	updates() {
		rm -f "$dir/bin/wrk"
		echo 100 >"$dir/simulate"
		boot test >/dev/null && grep -q '^update' "$dir/apt.log"
	}
	claim "old package lists are renewed first" updates
fi
claims_end
