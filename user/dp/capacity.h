/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: what backends have declared that they can take. */
#ifndef EVENKEEL_DP_CAPACITY_H
#define EVENKEEL_DP_CAPACITY_H

#include "dp/dp.h"

struct draft;

/* In a second; 0: nothing. */
struct dp_capacity {
	uint32_t flows, packets;
};

/* Those of the draft's backends. A leaving one keeps what it had. */
void capacities_write(struct dp *dp, const struct draft *d);
/* Of an index that was somebody else's. */
void capacity_clear(struct dp *dp, uint32_t backend);
/* Remembers what is declared in maps that were found, and lifts what held for the time being: who wrote
 * it is gone, and with it the reason. */
void capacities_adopt(struct dp *dp);

/* What the data path goes by, and whether it does. */
struct dp_capacity capacity_now(const struct dp *dp, uint32_t backend);
bool capacity_is_asked(const struct dp *dp, uint32_t backend);
void capacity_store(struct dp *dp, uint32_t backend, const struct dp_capacity *to);

#endif
