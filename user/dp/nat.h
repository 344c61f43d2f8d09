/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: the way back of nat, see struct ek_return. */
#ifndef EVENKEEL_DP_NAT_H
#define EVENKEEL_DP_NAT_H

#include "dp/dp.h"
#include "lib/config.h"

/* Adds the ways back of all nat backends of `c`, before the first packet goes to any of them.
 * -ENOSPC: there is no room for all. */
int nat_prepare(struct dp *dp, const struct config *c, char error[static DP_ERROR_MAX]);

/* Whose listener or backend is not in `c` begins to leave: it has the drain time of its service,
 * as its flows have. */
int nat_retire(struct dp *dp, const struct config *c, uint32_t now_s);

/* Takes away what has had its drain time. *left: something is leaving still. */
int nat_sweep(struct dp *dp, uint32_t now_s, bool *left);

#endif
