# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Debian's kernels in an emulated machine, for scripts/test-kernels.sh and bench-kernels.sh.
#
#   . scripts/guest.sh
#   guest_open FOLDER                 checks the host, makes a folder for this run
#   guest_kernel SERIES               the newest cloud kernel of it, fetched: $guest_package
#   guest_root                        an initramfs to be filled: $guest_tree
#   guest_add FOLDER PROGRAM...       programs with their libraries, into a folder of it
#   guest_boot QEMU-OPTION...         until it powers off; what it said is in $guest_work/results
#
# Kernels are fetched with apt-get into FOLDER/packages, nothing is installed, and stay there for
# the next time; guest_clean removes all else. Needs no KVM.

PATH=$PATH:/usr/sbin:/sbin

# What a guest loads at boot, with what it depends on. Modules that this kernel has not, or has
# built in, are not missed.
GUEST_MODULES=(veth bridge virtio_pci virtio_net dummy 8021q sch_netem ipip sit ip6_tunnel fou fou6
	ip_vs ip_vs_rr)
# A hang ends; the guest bounds each of its tests itself.
GUEST_SECONDS_MAX=3600
GUEST_MEMORY=1536M

guest_folder='' guest_work='' guest_machine='' guest_package='' guest_tree=''

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }

guest_open() { # folder
	if [ "$(uname -m)" != x86_64 ]; then
		say "this host is $(uname -m), but the kernels are for x86_64 and our programs for this host"
		return 1
	fi
	guest_folder=$1
	mkdir -p "$guest_folder" && guest_work=$(mktemp -d "$guest_folder/run.XXXXXX")
}

guest_clean() {
	[ -n "$guest_machine" ] && kill "$guest_machine" 2>/dev/null
	[ -n "$guest_work" ] && rm -rf "$guest_work"
	guest_machine='' guest_work=''
}

# Cloud, because it is small.
guest_newest() { # series
	apt-cache pkgnames "linux-image-$1." | grep -E -- '-cloud-amd64$' | sort -V | tail -n 1
}

# The modules of an unpacked package, in the order of loading: 00-crc32c.ko, 01-libcrc32c.ko...
guest_modules() { # unpacked, to
	local root=$1 to=$2 version file number=0
	[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
	version=$(basename "$root"/lib/modules/*)
	depmod -b "$root" "$version" && mkdir -p "$to" || return 1
	for module in "${GUEST_MODULES[@]}"; do
		modprobe -d "$root" -S "$version" --show-depends "$module" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$guest_work/order"
	while read -r file; do
		printf -v name '%02d-%s' $((number++)) "$(basename "${file%.xz}")"
		case $file in
		*.xz) xz -dc "$file" >"$to/$name" ;;
		*) cp "$file" "$to/$name" ;;
		esac || return 1
	done <"$guest_work/order"
	[ "$number" -gt 0 ]
}

# Leaves the kernel and its modules below packages/NAME.
guest_fetch() { # package
	local name=$1 at=$guest_folder/packages/$1 scratch=$guest_work/package
	[ -e "$at/vmlinuz" ] && [ "$(cat "$at/list" 2>/dev/null)" = "${GUEST_MODULES[*]}" ] && return
	say "fetching $name"
	rm -rf "$at" && mkdir -p "$scratch" "$at" &&
		(cd "$scratch" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$name") &&
		dpkg-deb -x "$scratch"/*.deb "$scratch" &&
		guest_modules "$scratch" "$at/modules" &&
		mv "$scratch"/boot/vmlinuz-* "$at/vmlinuz" &&
		echo "${GUEST_MODULES[*]}" >"$at/list" # last: what has it is whole
	local result=$?
	rm -rf "$scratch"
	return $result
}

guest_kernel() { # series
	guest_package=$(guest_newest "$1")
	if [ -z "$guest_package" ]; then
		say "apt knows no linux-image-$1.*-cloud-amd64: try apt-get update, or leave $1 out" \
			"with KERNELS="
		return 1
	fi
	guest_fetch "$guest_package" || {
		say "$guest_package could not be fetched and unpacked"
		return 1
	}
}

# A program of this host or of ours, to a folder in the guest, with its libraries.
guest_add() { # folder in the guest, program...
	local to=$1 program library
	shift
	mkdir -p "$guest_tree$to" || return 1
	for program; do
		if ! program=$(command -v "$program") || ! cp -L "$program" "$guest_tree$to/"; then
			say "a program for the guest is missing; it is one of: $*"
			return 1
		fi
		# A static program has none, which is no fault.
		ldd "$program" 2>/dev/null | grep -oE '/[^ ]+' | while read -r library; do
			[ -e "$guest_tree$library" ] || (cd / && cp -L --parents ".$library" "$guest_tree")
		done || return 1
	done
}

# Busybox is the guest's user land, but for what our scripts need more of: what is in /usr/bin
# comes first in its PATH. Its sh is bash, because busybox' own prefers its own applets to PATH,
# and its ip makes a veth pair without the name for the peer.
guest_root() {
	guest_tree=$guest_work/root
	rm -rf "$guest_tree"
	mkdir -p "$guest_tree"/{bin,dev,etc,proc,run,sys,tmp,evenkeel} &&
		guest_add /bin busybox &&
		guest_add /usr/bin bash timeout ip &&
		ln -s /usr/bin/bash "$guest_tree/bin/sh" &&
		ln -s /bin/busybox "$guest_tree/usr/bin/env" &&
		printf '#!/bin/sh\n' >"$guest_tree/usr/bin/modprobe" && # all modules are loaded at boot
		chmod 755 "$guest_tree/usr/bin/modprobe" &&
		echo root:x:0:0::/:/bin/sh >"$guest_tree/etc/passwd" &&
		echo root:x:0: >"$guest_tree/etc/group" &&
		cp tests/kernels/init.sh "$guest_tree/init" &&
		cp -r "$guest_folder/packages/$guest_package/modules" "$guest_tree/"
}

# Runs /evenkeel/task in the guest. One thread for all virtual CPUs: slower than several, and
# always the same.
guest_boot() { # qemu's options...
	if ! (cd "$guest_tree" && find . | cpio --quiet -o -H newc --owner=0:0) >"$guest_work/initrd"; then
		say "no initramfs could be made in $guest_work"
		return 1
	fi
	say "booting $guest_package"
	: >"$guest_work/results"
	timeout --kill-after=10 $GUEST_SECONDS_MAX "${GUEST_WRAPPER[@]}" qemu-system-x86_64 \
		-m $GUEST_MEMORY -nodefaults -display none -no-reboot \
		-kernel "$guest_folder/packages/$guest_package/vmlinuz" -initrd "$guest_work/initrd" \
		-append "console=ttyS0 panic=-1" \
		-serial "file:$guest_work/console" -serial "file:$guest_work/results" "$@" </dev/null &
	guest_machine=$!
	wait $guest_machine
	local status=$?
	guest_machine=''
	sed -i 's/\r$//' "$guest_work/results"
	if [ "$(tail -n 1 "$guest_work/results")" != "the guest is done" ]; then
		cat "$guest_work/results"
		say "$guest_package did not come to its end (qemu's exit status $status); its last words:"
		tail -n 60 "$guest_work/console"
		return 1
	fi
	sed -i '$d' "$guest_work/results"
}
