#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the benchmark that `make bench` built in FOLDER, in a network namespace of its own, because
# test runs arrive on that namespace's loopback interface and nothing else shall.
set -eu

folder=${1:?usage: bench.sh FOLDER [--json] [--rounds N] [--rows TEXT]}
shift

if [ "$(id -u)" -ne 0 ]; then
	echo "bench: needs root, to load BPF programs: sudo make bench" >&2
	exit 1
fi
if [ "$(cat /proc/sys/net/core/bpf_jit_enable 2>/dev/null || echo 1)" = 0 ]; then
	echo "bench: the JIT is off, figures would mean nothing: sysctl net.core.bpf_jit_enable=1" >&2
	exit 1
fi

# Minutes at most on any machine; a run that hangs must not stay. The veth pair is for live frames
# (tests/bench/live.h) and goes with the namespace; it has one queue, because all frames come from
# one CPU.
# shellcheck disable=SC2016 # expanded by the inner shell
unshare --net timeout 600 sh -c '
	ip link set lo up
	ip link add near type veth peer name far
	ip link set near up
	ip link set far up
	exec "$@"
' bench "$folder/bench" "$@" "$folder/bench.bpf.o"
case " $* " in
*" --json "* | *" --rows "*) ;;
*)
	if [ -x "$folder/bench_maglev" ]; then
		echo
		timeout 600 "$folder/bench_maglev"
	fi
	echo
	timeout 300 unshare --net --mount "$(dirname "$0")/../tests/bench/checks.sh" "$folder/../.."
	;;
esac
