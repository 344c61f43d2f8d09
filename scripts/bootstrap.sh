#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Installs what is missing from Debian, says what, asks nothing; does nothing when all is there.
#
#   scripts/bootstrap.sh [build] [test] [lint]     default: all three
#   scripts/bootstrap.sh kernels                   what `make test-kernels` needs besides
#   scripts/bootstrap.sh --missing GROUP...        prints the missing packages, changes nothing
#
# What counts is the thing, not the package: a program found in PATH or a library known to
# pkg-config need not come from Debian.
set -u
PATH=$PATH:/usr/sbin:/sbin

# group, what must be there (command, pkg-config module, C header or Debian's Python's module),
# Debian's package
needs() {
	cat <<-END
		build  command  gcc               gcc
		build  command  make              make
		build  command  clang-14          clang-14
		build  command  bpftool           bpftool
		build  command  pkg-config        pkg-config
		build  file     sys/types.h       libc6-dev
		build  file     linux/bpf.h       linux-libc-dev
		build  module   libbpf            libbpf-dev
		build  module   libelf            libelf-dev
		build  module   zlib              zlib1g-dev
		build  module   yaml-0.1          libyaml-dev
		build  module   jansson           libjansson-dev
		build  module   libuv             libuv1-dev
		build  module   libmnl            libmnl-dev
		build  module   libmicrohttpd     libmicrohttpd-dev
		build  module   ncurses           libncurses-dev
		build  module   sqlite3           libsqlite3-dev
		build  module   nettle            nettle-dev
		build  module   libcurl           libcurl4-gnutls-dev
		test   module   cmocka            libcmocka-dev
		test   command  nginx             nginx-light
		test   command  wrk               wrk
		test   command  curl              curl
		test   command  ip                iproute2
		test   command  ethtool           ethtool
		test   command  ping              iputils-ping
		test   command  jq                jq
		test   command  python3           python3
		test   command  openssl           openssl
		test   command  ssh-keygen        openssh-client
		test   command  gtlsserver        ngtcp2-server
		test   command  gtlsclient        ngtcp2-client
		test   command  prometheus        prometheus
		test   python   pyte              python3-pyte
		lint   command  clang-format-14   clang-format-14
		lint   command  clang-tidy-14     clang-tidy-14
		lint   command  shellcheck        shellcheck
		lint   command  mandoc            mandoc
		kernels  command  qemu-system-x86_64  qemu-system-x86
		kernels  command  clang-19        clang-19
		kernels  command  busybox         busybox-static
		kernels  command  cpio            cpio
		kernels  command  xz              xz-utils
		kernels  command  depmod          kmod
		kernels  command  ipvsadm         ipvsadm
	END
}

say() { printf 'bootstrap: %s\n' "$*"; }

has() { # kind, what
	case $1 in
	command) command -v "$2" >/dev/null ;;
	module) pkg-config --exists "$2" 2>/dev/null ;;
	python) /usr/bin/python3 -c "import $2" 2>/dev/null ;;
	file) printf '#include <%s>\n' "$2" | gcc -E -o /dev/null - 2>/dev/null ;;
	esac
}

missing() { # group...
	local group kind what package
	needs | while read -r group kind what package; do
		case " $* " in *" $group "*) ;; *) continue ;; esac
		has "$kind" "$what" || echo "$package"
	done
}

# Debian starts a daemon when its package is installed. We want the programs of nginx, ngtcp2 and
# prometheus, not servers: a policy-rc.d that forbids starting is in place while we install, and
# their units are left disabled. A policy-rc.d that is there already is respected.
POLICY=/usr/sbin/policy-rc.d
policy_made=''
forbid_services() {
	[ -e "$POLICY" ] && return
	trap allow_services EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	policy_made=yes
	printf '#!/bin/sh\nexit 101\n' >"$POLICY" && chmod 755 "$POLICY"
}
allow_services() { [ -n "$policy_made" ] && rm -f "$POLICY"; }

install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	if ! apt-get install --simulate --quiet --quiet --no-install-recommends "$@" >/dev/null 2>&1; then
		say "the package lists are missing or old: apt-get update"
		apt-get update --quiet --quiet || return 1
	fi
	forbid_services
	if ! apt-get install --yes --quiet --quiet --no-install-recommends "$@" >/dev/null; then
		say "that failed, perhaps because of old package lists: once more after apt-get update"
		apt-get update --quiet --quiet &&
			apt-get install --yes --quiet --quiet --no-install-recommends "$@" >/dev/null ||
			return 1
	fi
	case " $* " in *" nginx-light "*) leave_disabled nginx ;; esac
	case " $* " in *" ngtcp2-server "*) leave_disabled ngtcp2d ;; esac
	case " $* " in *" prometheus "*) leave_disabled prometheus ;; esac
}

leave_disabled() { # UNIT
	say "$1 is installed for its program only: its service is neither started nor enabled"
	command -v systemctl >/dev/null && systemctl disable --quiet "$1.service" 2>/dev/null
	return 0
}

main() {
	local packages
	if [ "${1:-}" = --missing ]; then
		shift
		missing "$@" | sort -u | tr '\n' ' ' | sed 's/ $//'
		exit 0
	fi
	[ $# -gt 0 ] || set -- build test lint
	mapfile -t packages < <(missing "$@" | sort -u)
	[ ${#packages[@]} -gt 0 ] || exit 0
	if ! command -v apt-get >/dev/null; then
		say "missing: ${packages[*]} (Debian's names); install them with your package manager"
		exit 1
	fi
	if [ "$(id -u)" != 0 ]; then
		say "missing: ${packages[*]}; install them with: sudo $0 $*"
		exit 1
	fi
	say "installing from Debian: ${packages[*]}"
	install_packages "${packages[@]}" || {
		say "apt-get could not install: ${packages[*]}; see its message above"
		exit 1
	}
	mapfile -t packages < <(missing "$@" | sort -u)
	[ ${#packages[@]} -gt 0 ] || exit 0
	say "installed, but still not usable: ${packages[*]}; look at PATH and PKG_CONFIG_PATH"
	exit 1
}

main "$@"
