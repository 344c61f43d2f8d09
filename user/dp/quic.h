/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: the servers that connection IDs name, see struct ek_quic_id. */
#ifndef EVENKEEL_DP_QUIC_H
#define EVENKEEL_DP_QUIC_H

#include "dp/draft.h"
#include "dp/settling.h"

struct backend_index;

/* Where the service's connection IDs name servers: ek_quic_layout(). */
uint32_t quic_layout(const struct config_service *s);

/* Adds the numbers of all servers of the draft, before the first packet goes to any of them.
 * -ENOSPC: there is no room for all. */
int quic_prepare(struct dp *dp, const struct draft *d, const struct backend_index *backends,
		 char error[static DP_ERROR_MAX]);

/* What is not in the draft begins to leave: its connections have the service's drain time. What no
 * packet can ask for any more goes at once. */
int quic_retire(struct dp *dp, const struct draft *d, uint32_t now_s);

/* Takes away the numbers whose drain time is over, and those of leaving backends that nobody has
 * sent a packet to for the idle time; counts the others as references of their backends. Returns
 * how many are left. */
uint32_t quic_sweep(struct dp *dp, struct dp_settling *s, uint32_t now_s);

#endif
