/* SPDX-License-Identifier: GPL-2.0 */
/* What both sides of the scale tests know: scale.bpf.c, which makes packets and judges answers in
 * the kernel, and scale.c, which tells it what to do. */
#ifndef EVENKEEL_TESTS_SCALE_JOB_H
#define EVENKEEL_TESTS_SCALE_JOB_H

#include <linux/types.h>

#define SCALE_FRAME 96     /* bytes of every frame */
#define SCALE_RESTORED 80  /* restored before every packet: an IPv6 TCP header, rounded up */
#define SCALE_BATCH 16384u /* packets in one run: readers hold up grace periods for so long */
#define SCALE_BACKENDS 256 /* 10.1.0.N is backend N; 0: none */

/* Which frame: the sum of these. */
#define SCALE_UDP 1u
#define SCALE_IPV6 2u
#define SCALE_KINDS 4u

enum scale_packet { SCALE_SYN, SCALE_DATA };
enum scale_mode {
	SCALE_RECORD, /* the answer is the flow's backend from now on */
	SCALE_CHECK,  /* the flow's backend must answer; flows without one are not asked */
	SCALE_COUNT,  /* distinct sources that are nobody's flow */
};

struct scale_tally {
	__u64 sent;    /* packets */
	__u64 kept;    /* answered by the flow's backend */
	__u64 moved;   /* by another one, though the flow's lives */
	__u64 strays;  /* by another one, the flow's being dead */
	__u64 to_dead; /* by one that is dead */
	__u64 lost;    /* dropped */
	__u64 wrong;   /* neither dropped nor sent with one more header */
};

struct scale_job {
	__u64 frame[SCALE_KINDS][SCALE_RESTORED / 8];
	__u64 now_ns; /* the clock that the data path reads */
	__u64 dead[SCALE_BACKENDS / 64];
	__u32 first, count; /* flows */
	__u32 packet;       /* enum scale_packet; UDP has but one */
	__u32 mode;         /* enum scale_mode */
	__u32 protocols;    /* 0: TCP; 1: UDP; 2: by flow, one of eight has UDP */
	__u32 net;          /* first byte of the sources */
	__u32 adopt;        /* who answers for the dead has the flow: 1: of UDP, 2: all */
	__u32 moved_flow;   /* the last that moved */
	struct scale_tally tally;
};

/* A flow's kind, source and ISN: the same numbers for the loop and for the real program. */
static inline __u32 scale_kind(__u32 flow, __u32 protocols)
{
	__u32 udp = protocols == 2 ? (flow & 7) == 7 : protocols;

	return udp * SCALE_UDP | (flow >> 3 & 3 ? 0 : SCALE_IPV6);
}
/* 24 bits, each value once: the source's last three bytes, lowest first. */
static inline __u32 scale_source(__u32 flow)
{
	return flow * 0x9e3779b1u & 0xffffff;
}
static inline __u32 scale_isn(__u32 flow)
{
	return flow * 2654435761u ^ 0x5bd1e995u;
}
#define SCALE_PORT 1024u /* and the source's lowest byte */

#endif
