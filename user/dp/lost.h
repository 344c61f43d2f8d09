/* SPDX-License-Identifier: GPL-2.0 */
/* What is lost after the verdict, counted by programs on the kernel's tracepoints. They are
 * pinned beside the data path and go on counting without a controller. */
#ifndef EVENKEEL_DP_LOST_H
#define EVENKEEL_DP_LOST_H

#include "dp/dp.h"

struct dp_lost;

/* Attaches the programs anew, for the program of `dp`; the counters pinned below `pins` are
 * kept. If pins are NULL nothing is pinned. -errno: the kernel refuses; `error` says what. */
int dp_lost_open(struct dp_lost **out, const struct dp *dp, const char *pins,
		 char error[static DP_ERROR_MAX]);
void dp_lost_close(struct dp_lost *lost);

/* One egress interface, which may be gone. */
struct dp_lost_egress {
	unsigned int ifindex;
	uint64_t refused; /* frames that the kernel would not give to it */
	uint64_t unsent;  /* frames that its driver did not take */
};
/* Reads the counters. */
int dp_lost_refresh(struct dp_lost *lost);
/* Those with losses, as last read. */
const struct dp_lost_egress *dp_lost_list(const struct dp_lost *lost, size_t *count);

#endif
