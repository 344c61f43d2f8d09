#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The first process of the machines that scripts/guest.sh starts: loads the modules, runs
# /evenkeel/task, powers off. Results go to the second serial port, so that no kernel message
# falls into them; the kernel's own console is the first.
export PATH=/usr/bin:/bin HOME=/tmp
busybox mount -t proc proc /proc # where busybox finds itself
busybox --install -s /bin
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
ln -s /proc/self/fd /dev/fd # bash's <( ) wants it
for module in /modules/*.ko; do
	insmod "$module"
done
ip link set lo up

{
	echo "Linux $(uname -r), $(nproc) CPUs"
	cd /evenkeel && bash task
	echo "the guest is done"
	sync
} >/dev/ttyS1 2>&1
poweroff -f
