/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: the table of remembered flows, as its sweeper sees it. */
#ifndef EVENKEEL_DP_FLOWS_H
#define EVENKEEL_DP_FLOWS_H

#include "dp/dp.h"

/* The slot that an entry belongs to, in the service's table or, *old, in the table before that;
 * NULL if there is none: nobody can find the entry any more. */
uint64_t *flow_slot(const struct dp *dp, uint64_t tag, uint32_t backend, bool *old);

/* Frees the entry, unless the data path has changed its state since. */
bool flow_forget(struct ek_flow *f, uint64_t state);

/* Changes its state, unless the data path has. */
bool flow_change(struct ek_flow *f, uint64_t state, uint64_t next);

/* Frees what a controller that died within flow_forget() left half freed. To be called before
 * anything of this process frees entries. */
void flows_free_left(struct dp *dp);

#endif
