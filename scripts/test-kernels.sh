#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Runs the packet tests on Debian's kernels, emulated: the oldest we support, and others.
#
#   scripts/test-kernels.sh FOLDER [SERIES...]     default: 6.1 6.12; `make test-kernels` calls this
#
# FOLDER/programs has the programs (mk/kernels.mk builds them). Kernels are fetched with apt-get
# into FOLDER/packages, nothing is installed, and stay there for the next time; all else is
# removed at the end. Needs no root and no KVM. The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
folder=$(realpath -m "${1:?usage: test-kernels.sh FOLDER [SERIES...]}") || exit 1
shift
[ $# -gt 0 ] || set -- 6.1 6.12

# Start to power off is under a minute; the guest bounds each of its tests itself.
SECONDS_MAX=600
MEMORY=1024M
passed=0 failed=0 machine='' work=''

say() { printf 'test-kernels: %s\n' "$*"; }

finish() {
	trap '' INT TERM HUP
	[ -n "$machine" ] && kill "$machine" 2>/dev/null
	[ -n "$work" ] && rm -rf "$work"
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
	exit $? # not a bare exit: in a trap that is the status from before the trap
}
trap finish EXIT
trap 'failed=$((failed + 1)); exit 130' INT TERM HUP

check_host() {
	local row missing=()
	for row in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio ip:iproute2 \
		ldd:libc-bin xz:xz-utils apt-get:apt dpkg-deb:dpkg; do
		command -v "${row%:*}" >/dev/null || missing+=("${row#*:}")
	done
	if [ ${#missing[@]} -gt 0 ]; then
		say "missing: ${missing[*]}; install them with: apt-get install ${missing[*]}"
		return 1
	fi
	if [ "$(uname -m)" != x86_64 ]; then
		say "this host is $(uname -m), but the kernels are for x86_64 and our programs for this host"
		return 1
	fi
}

# The newest cloud kernel of a series, as apt names it. Cloud, because it is small.
newest() { # series
	apt-cache pkgnames "linux-image-$1." | grep -E -- '-cloud-amd64$' | sort -V | tail -n 1
}

# Leaves the kernel and its veth module, which the tests want, below $packages/NAME.
fetch() { # package
	local name=$1 at=$folder/packages/$1 scratch=$work/package veth
	[ -e "$at/vmlinuz" ] && return
	say "fetching $name"
	mkdir -p "$scratch" "$at" || return 1
	(cd "$scratch" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$name") &&
		dpkg-deb -x "$scratch"/*.deb "$scratch" || return 1
	veth=$(find "$scratch/lib" "$scratch/usr" -name 'veth.ko*' -print -quit)
	case $veth in
	*.ko.xz) xz -dc "$veth" >"$at/veth.ko" ;;
	*.ko) cp "$veth" "$at/veth.ko" ;;
	*) say "$name has no veth.ko" && return 1 ;;
	esac && mv "$scratch"/boot/vmlinuz-* "$at/vmlinuz" # last: what has it is whole
	local result=$?
	rm -rf "$scratch"
	return $result
}

# A program of this host or of ours, to the same place in the guest or another, with its libraries.
add_program() { # root, file, folder in the guest
	local library
	mkdir -p "$1$3" && cp -L "$2" "$1$3/" || return 1
	# A static program has none, which is no fault.
	ldd "$2" 2>/dev/null | grep -oE '/[^ ]+' | while read -r library; do
		[ -e "$1$library" ] || (cd / && cp -L --parents ".$library" "$1") || return 1
	done
}

# Busybox is the guest's user land, but for what the tests and their runner need more of: bash,
# timeout --kill-after, ip link add type veth peer. Its sh is bash, because busybox' own prefers
# its own ip to the one in PATH, and that one makes a veth pair without the name for the peer.
make_root() { # root, package
	local root=$1 program built=$folder/programs/tests
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,evenkeel/scripts} || return 1
	for program in busybox bash timeout ip; do
		program=$(command -v "$program") || return 1
		case $program in
		*/busybox) add_program "$root" "$program" /bin ;;
		*) add_program "$root" "$program" /usr/bin ;;
		esac || return 1
	done
	for program in "$built"/kernels/verifier "$built"/packet/test_*; do
		case $program in *.o | *.d) continue ;; esac
		add_program "$root" "$program" "/evenkeel/build/tests/$(basename "$(dirname "$program")")" ||
			return 1
	done
	ln -s /usr/bin/bash "$root/bin/sh" &&
		cp scripts/run-tests.sh "$root/evenkeel/scripts/" &&
		cp tests/kernels/init.sh "$root/init" &&
		cp "$folder/packages/$2/veth.ko" "$root/"
}

# One thread for all virtual CPUs: slower than several, and always the same.
boot() { # package
	timeout --kill-after=10 $SECONDS_MAX qemu-system-x86_64 \
		-accel tcg,thread=single -smp 2 -m $MEMORY -nodefaults -display none -no-reboot \
		-kernel "$folder/packages/$1/vmlinuz" -initrd "$work/initrd" \
		-append "console=ttyS0 panic=-1" \
		-serial "file:$work/console" -serial "file:$work/results" </dev/null &
	machine=$!
	wait $machine
	local status=$?
	machine=''
	return $status
}

test_kernel() { # series
	local package begin=$SECONDS status last
	package=$(newest "$1")
	if [ -z "$package" ]; then
		say "apt knows no linux-image-$1.*-cloud-amd64: try apt-get update, or leave $1 out" \
			"with KERNELS="
		return 1
	fi
	fetch "$package" || { say "$package could not be fetched and unpacked" && return 1; }
	rm -rf "$work/root"
	if ! make_root "$work/root" "$package" ||
		! (cd "$work/root" && find . | cpio --quiet -o -H newc --owner=0:0) >"$work/initrd"; then
		say "no root file system could be made for $package in $work"
		return 1
	fi
	say "booting $package"
	: >"$work/results"
	boot "$package"
	status=$?
	tr -d '\r' <"$work/results"
	last=$(tr -d '\r' <"$work/results" | tail -n 1)
	if [[ ! $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		say "$package did not come to its end (qemu's exit status $status); its last words:"
		tail -n 60 "$work/console"
		return 1
	fi
	passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
	say "$package took $((SECONDS - begin)) s"
}

if ! check_host; then
	failed=1
	exit
fi
mkdir -p "$folder" && work=$(mktemp -d "$folder/run.XXXXXX") || exit 1
for series; do
	test_kernel "$series" || failed=$((failed + 1))
done
