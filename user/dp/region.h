/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: where in `slots` a table may go. What is taken is read from the service records. */
#ifndef EVENKEEL_DP_REGION_H
#define EVENKEEL_DP_REGION_H

#include "dp/dp.h"

/* The parts of `slots` that are taken, ordered by place. */
struct regions {
	struct region {
		uint32_t base, slots;
	} * taken;
	size_t count;
	uint32_t total;
};

/* Collects the regions in force, with room to take `more` of them. -ENOMEM, or 0. */
int regions_make(struct regions *r, const struct dp *dp, size_t more);
void regions_release(struct regions *r);

/* What is free, and the largest gap. */
void regions_gaps(const struct regions *r, uint32_t *free, uint32_t *largest);

/* The first gap of that size, now taken. -ENOSPC, or 0. */
int regions_take(struct regions *r, uint32_t slots, uint32_t *base);

#endif
