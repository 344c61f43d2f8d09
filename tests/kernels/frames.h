/* SPDX-License-Identifier: GPL-2.0 */
/* What the frame generator's two sides tell each other through a memory-mapped map. */
#ifndef EVENKEEL_TESTS_KERNELS_FRAMES_H
#define EVENKEEL_TESTS_KERNELS_FRAMES_H

#include <linux/types.h>

#define FRAMES_LENGTH 64
#define FRAMES_FIRST_PORT 1024

/* A run. The kernel makes 64 frames, then all of them go their way, then it makes the next. The
 * clock is read between such batches: a call begins and ends by waiting for timers. */
#define FRAMES_WARM 2048
#define FRAMES_TIMED 16384
#define FRAMES_RUN (FRAMES_WARM + FRAMES_TIMED + 64)

struct frames_job {
	__u64 frame[FRAMES_LENGTH / 8]; /* every frame begins as this */
	__u32 flow_mask;                /* flows - 1: each has a source port of its own */
	__u32 made;                     /* frames of this run so far */
	__u64 start_ns;                 /* when FRAMES_WARM of them were made */
	__u64 end_ns;                   /* and FRAMES_TIMED more */
	__u64 seen;                     /* frames that `drop` ended, */
	__u64 bytes;                    /* and their lengths */
};

#endif
