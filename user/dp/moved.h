/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of flows that begin on slots that have moved: these are remembered, every one, so that
 * each handshake can be told once. */
#ifndef EVENKEEL_DP_MOVED_H
#define EVENKEEL_DP_MOVED_H

#include "dp/dp.h"

struct dp_moved;
/* From now on; flows that are remembered already are not told. -ENOMEM, or 0. */
int dp_moved_open(struct dp_moved **out, const struct dp *dp);
void dp_moved_close(struct dp_moved *m);

/* Tells each flow that has got its second packet since the last call, and each that had none for
 * `wait_s` seconds after its first SYN. UDP has no handshake, and counts as completed. */
typedef void (*dp_moved_reader)(void *context, uint32_t backend, bool completed);
void dp_moved_read(struct dp_moved *m, const struct dp *dp, uint32_t now_s, uint32_t wait_s,
		   dp_moved_reader read, void *context);

#endif
