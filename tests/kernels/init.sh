#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The only process of the machine that scripts/test-kernels.sh starts: tells what the verifier
# says, runs the packet tests, powers off. Results go to the second serial port, so that no
# kernel message falls into them; the kernel's own console is the first.
export PATH=/usr/bin:/bin HOME=/tmp
busybox mount -t proc proc /proc # where busybox finds itself
busybox --install -s /bin
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t bpf bpf /sys/fs/bpf
ln -s /proc/self/fd /dev/fd # bash's <( ) wants it
insmod /veth.ko
ip link set lo up

cd /evenkeel || poweroff -f
{
	echo "Linux $(uname -r), $(nproc) CPUs"
	build/tests/kernels/verifier
	bash scripts/run-tests.sh build/tests/packet/test_*
	sync
} >/dev/ttyS1 2>&1
poweroff -f
