/* SPDX-License-Identifier: GPL-2.0 */
/* What the benchmark's two sides tell each other through memory-mapped maps. */
#ifndef EVENKEEL_TESTS_BENCH_H
#define EVENKEEL_TESTS_BENCH_H

#include <linux/types.h>

#define BENCH_FRAME 96    /* bytes of every frame; what follows its headers is payload */
#define BENCH_RESTORED 80 /* bytes restored before every packet: an IPv6 TCP header, rounded up */
#define BENCH_BATCH 256  /* packets between two looks at the clock: its cost is below 0.3 ns each */
#define BENCH_BATCHES 64 /* in one run of the program */
#define BENCH_WARM 16    /* first batches of a run that are not counted: caches fill */
#define BENCH_CPUS 1024  /* a job each */

/* The packets of a job, and what must become of each. */
struct bench_packet {
	__u64 frame[BENCH_RESTORED / 8];
	__u32 ipv6;
	__u32 verdict;   /* expected */
	__s32 growth;    /* expected, in bytes */
	__u32 keep_port; /* the transport is not where it usually is: leave its ports alone */
};

/* One run on one CPU. */
struct bench_job {
	struct bench_packet packet[2]; /* the second for programs that take both in turn */
	__u64 outer[7];     /* Ethernet and outer IP header of the encapsulation floors */
	__u64 random;       /* where the sequence of flows stands */
	__u32 flow_mask;    /* flows - 1, a power of two less 1 */
	__u32 service_mask; /* destinations - 1, likewise; consecutive IPv4 addresses */
	__u32 table_mask;   /* words of the table that the memory floors read, less 1 */
	__u32 seen_verdict; /* of the last packet that fared otherwise than expected */
	__s32 seen_growth;
	__u32 pad;
	__u64 wrong; /* packets that did: the run is void */
	__u64 batch_ns[BENCH_BATCHES];
} __attribute__((aligned(64))); /* no cache line is another CPU's too */

/* Frames that came back from the other end of the veth pair, by CPU. */
struct bench_returned {
	__u64 frames;
	__u64 pad[7];
};

#endif
