#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Runs what may differ between kernels on Debian's, emulated: the verifier, the packet tests, and
# a story over native XDP on a multi-queue virtio-net.
#
#   scripts/test-kernels.sh FOLDER COMPILERS [SERIES...]    `make test-kernels` calls this
#
# FOLDER/programs/COMPILER has the programs (mk/kernels.mk builds them); see scripts/guest.sh for
# the machine. Needs no KVM, and no root where /dev/net/tun is open to all, as Debian has it.
# QUICK=1 leaves out the packet tests that are about maps and user space: most of an hour.
# The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=scripts/guest.sh
. scripts/guest.sh
usage='usage: test-kernels.sh FOLDER COMPILERS [SERIES...]'
folder=$(realpath -m "${1:?$usage}") || exit 1
read -ra compilers <<<"${2:?$usage}"
shift 2
[ $# -gt 0 ] || set -- 6.1 6.12
passed=0 failed=0

finish() {
	trap '' INT TERM HUP
	guest_clean
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
	exit $? # not a bare exit: in a trap that is the status from before the trap
}
trap finish EXIT
trap 'failed=$((failed + 1)); exit 130' INT TERM HUP

# Adds up every line `N passed, N failed`.
count() { # file
	local here
	read -r -a here < <(awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3 }
		END { print p + 0, f + 0 }' "$1")
	passed=$((passed + here[0])) failed=$((failed + here[1]))
	[ "${here[0]}" -gt 0 ] || failed=$((failed + 1))
}

# The two NICs of the guest are joined on this host by two taps and a bridge, because qemu gives
# several queues to a tap only. They are in a network namespace that goes away with the machine;
# in a user namespace of its own, this needs no root.
# shellcheck disable=SC2016 # the inner shell expands these
GUEST_WRAPPER=(unshare --user --map-root-user --net bash -c '
	ip link add br0 type bridge stp_state 0 mcast_snooping 0 &&
	for tap in tap0 tap1; do
		ip tuntap add "$tap" mode tap multi_queue vnet_hdr && ip link set "$tap" master br0 up ||
			exit 1
	done && ip link set br0 up && exec "$@"' taps)
QUEUES=4 # two to receive, and as many again for what XDP sends
nic() { # number: with what native XDP cannot have switched off
	echo "-netdev tap,id=net$1,ifname=tap$1,script=no,downscript=no,queues=$QUEUES" \
		"-device virtio-net-pci,netdev=net$1,mac=52:54:00:00:00:0$1,romfile=" \
		"-global virtio-net-pci.mq=on -global virtio-net-pci.vectors=$((2 * QUEUES + 2))" \
		"-global virtio-net-pci.guest_tso4=off -global virtio-net-pci.guest_tso6=off" \
		"-global virtio-net-pci.guest_ufo=off -global virtio-net-pci.guest_ecn=off"
}

# The tree as the scripts expect it: build is the first compiler's, build-COMPILER another's.
fill_root() {
	local compiler build=build program
	guest_root || return 1
	guest_add /usr/bin nsenter flock ethtool bpftool curl jq nginx tc date head mktemp rm \
		sort seq || return 1
	for compiler in "${compilers[@]}"; do
		[ "$compiler" = "${compilers[0]}" ] || build=build-$compiler
		for program in "$folder/programs/$compiler"/tests/{kernels/verifier,packet/test_*}; do
			case $program in *.o | *.d) continue ;; esac
			guest_add "/evenkeel/$build/tests/$(basename "$(dirname "$program")")" "$program" ||
				return 1
		done
	done
	guest_add /evenkeel/build "$folder/programs/${compilers[0]}"/{evenkeel,evenkeeld} &&
		mkdir -p "$guest_tree"/evenkeel/{scripts,build/tests/lib,tests/kernels} &&
		cp "$folder/programs/${compilers[0]}/tests/lib/pass.bpf.o" \
			"$guest_tree/evenkeel/build/tests/lib/" &&
		cp scripts/run-tests.sh scripts/lab.sh "$guest_tree/evenkeel/scripts/" &&
		cp -r tests/lib "$guest_tree/evenkeel/tests/" &&
		cp tests/kernels/test_virtio.sh "$guest_tree/evenkeel/tests/kernels/" &&
		write_task >"$guest_tree/evenkeel/task"
}

# What another compiler's object may get wrong: all of its programs, in every mode. The rest of the
# packet tests is about maps and user space, which are the first compiler's.
OF_OBJECTS=(balance general icmp nat nat_return quic gue too_big fragment decap shed_modes jumbo)

tests_of_object() { # build
	printf "$1/tests/packet/test_%s " "${OF_OBJECTS[@]}"
}

write_task() {
	local compiler build
	echo 'export TEST_SECONDS=900 TEST_SCALE=256 TEST_JOBS=1'
	printf 'build/tests/kernels/verifier\nbash scripts/run-tests.sh %s\n' \
		"$([ -n "${QUICK:-}" ] && tests_of_object build || echo 'build/tests/packet/test_*')"
	for compiler in "${compilers[@]:1}"; do
		build=build-$compiler
		printf '%s/tests/kernels/verifier\n' "$build"
		printf 'BUILD=%s bash scripts/run-tests.sh %s\n' "$build" "$(tests_of_object "$build")"
	done
	echo 'bash scripts/run-tests.sh tests/kernels/test_virtio.sh'
}

test_kernel() { # series
	local begin=$SECONDS
	guest_kernel "$1" && fill_root || return 1
	# shellcheck disable=SC2046 # words, none of which has blanks
	guest_boot -accel tcg,thread=single -smp 2 $(nic 0) $(nic 1) || return 1
	cat "$guest_work/results"
	count "$guest_work/results"
	say "$guest_package took $((SECONDS - begin)) s"
}

# The newest compiler's object on this host's own kernel too.
test_here() {
	local compiler build
	if [ "$(id -u)" != 0 ]; then
		say "this host's own kernel needs root, and is left out: sudo make test-kernels"
		return
	fi
	for compiler in "${compilers[@]:1}"; do
		build=$folder/programs/$compiler
		say "$compiler on this host's own kernel, $(uname -r)"
		# shellcheck disable=SC2046 # words, none of which has blanks
		BUILD=$build scripts/run-tests.sh $(tests_of_object "$build") |
			tee "$guest_work/here"
		count "$guest_work/here"
	done
}

if [ ! -w /dev/net/tun ] || ! unshare --user --map-root-user --net true; then
	say "the guest's network needs /dev/net/tun and namespaces: sudo make test-kernels"
	failed=1
	exit
fi
guest_open "$folder" || { failed=1 && exit; }
test_here
for series; do
	test_kernel "$series" || failed=$((failed + 1))
done
