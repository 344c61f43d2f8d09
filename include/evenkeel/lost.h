/* SPDX-License-Identifier: GPL-2.0 */
/* What is lost after the verdict: the contract between bpf/lost.bpf.c and user space. */
#ifndef EVENKEEL_LOST_H
#define EVENKEEL_LOST_H

#include <linux/types.h>

#define EK_MAP_LOST "lost" /* the map of counters */

/* Whose frames are counted: the one element of `lost_watch`. */
struct ek_lost_watch {
	__u32 program; /* id of the XDP program */
	__u32 egress;  /* id of the devmap */
};

/* Frames of one egress interface, by ifindex, a copy for each CPU. */
struct ek_lost {
	__u64 refused; /* the kernel would not give them to the interface */
	__u64 unsent;  /* the driver did not take them: ring full, no queue */
};
_Static_assert(sizeof(struct ek_lost) == 16, "two counters");

#endif
