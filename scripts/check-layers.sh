#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Includes go one way: include > lib > {dp, net, store, check} > daemon, and {dp, net, lib} > cli.
# Siblings never include each other; only dp includes libbpf; lib is pure.
set -u
cd "$(dirname "$0")/.." || exit 1

allowed() { # folder: what it may include, besides itself and include/evenkeel
	case $1 in
	user/lib) ;;
	user/dp | user/net | user/store | user/check) echo lib ;;
	user/daemon) echo lib dp net store check ;;
	user/cli) echo lib dp net ;;
	*) return 1 ;;
	esac
}

# What each layer may not include of the system, as a pattern on <...>, and why.
banned() {
	case $1 in
	user/lib) echo '^(bpf/|curl/|libmnl/|uv\.h|sqlite3|sys/(socket|ioctl|epoll|un)\.h|poll\.h|fcntl\.h|time\.h|linux/(rtnetlink|netlink|bpf)\.h)' ;;
	user/dp) echo '^(libmnl/|uv\.h|sqlite3|curl/)' ;;
	user/net) echo '^(bpf/|uv\.h|sqlite3|curl/)' ;;
	user/store) echo '^(bpf/|libmnl/|uv\.h|curl/)' ;;
	user/check) echo '^(bpf/|libmnl/|uv\.h|sqlite3)' ;;
	user/daemon | user/cli) echo '^(bpf/|libmnl/|sqlite3|curl/)' ;;
	esac
}

bad=0
complain() {
	printf '%s\n' "$*"
	bad=1
}

check_file() { # folder file
	local folder=$1 file=$2 own=${1#user/} may line name first
	may="$own evenkeel $(allowed "$folder")"
	while IFS=: read -r line name; do
		case $name in
		*.skel.h)
			[ "$own" = dp ] ||
				complain "$file:$line: includes $name; only user/dp knows the skeletons"
			continue
			;;
		*/*) first=${name%%/*} ;;
		*) first=$own ;;
		esac
		case " $may " in
		*" $first "*) ;;
		*) complain "$file:$line: $own may not include \"$name\"; it may use: ${may#"$own "}." \
			"Move what both need to a lower layer, or pass it in as an argument" ;;
		esac
	done < <(sed -n 's/^#include "\([^"]*\)".*/\1/;T;=;p' "$file" | paste -d: - -)
	while IFS=: read -r line name; do
		[[ $name =~ $(banned "$folder") ]] &&
			complain "$file:$line: $own may not include <$name>: see the layers in docs/architecture.md"
	done < <(sed -n 's/^#include <\([^>]*\)>.*/\1/;T;=;p' "$file" | paste -d: - -)
}

for folder in user/*/; do
	folder=${folder%/}
	allowed "$folder" >/dev/null || {
		complain "$folder: not a known layer; give it a place in scripts/check-layers.sh"
		continue
	}
	for file in "$folder"/*.[ch]; do
		[ -e "$file" ] && check_file "$folder" "$file"
	done
done
# Contracts include contracts; the data path includes contracts and itself.
while IFS=: read -r file line rest; do
	complain "$file:$line: include/evenkeel includes contracts only, not $rest"
done < <(grep -nE '^#include "' include/evenkeel/*.h | grep -vE '#include "evenkeel/')
while IFS=: read -r file line rest; do
	complain "$file:$line: bpf/ includes its own headers and evenkeel/, not $rest"
done < <(grep -nE '^#include "[^"]*/' bpf/*.[ch] | grep -vE '#include "evenkeel/')
exit $bad
