/* SPDX-License-Identifier: GPL-2.0 */
/* The weights of a table: from what is configured to what is in force. Pure, and the one place
 * where they come together. Who comes first in this list decides, and the next builds on it:
 *
 *     panic        all that ever were up, whatever their health, without slow start
 *     health       who is up, and whether the spares are needed (lib/eligible.h)
 *     slow start   the part of its weight that a backend has grown to (lib/start.h)
 *     rebalance    its correction (lib/rebalance.h)
 *
 * Before all of them is the capacity that a backend declares: the data path does not deliver more,
 * whatever its weight. */
#ifndef EVENKEEL_LIB_EFFECTIVE_H
#define EVENKEEL_LIB_EFFECTIVE_H

#include "lib/eligible.h"

struct effective_member {
	struct eligible_member eligible;
	double factor; /* rebalance's; 1: none */
};

struct effective_weight {
	uint32_t table; /* what goes into the table */
	double due;     /* what it is to have once it has started; 0: it is not eligible */
};

/* -ENOMEM, or 0 with a weight for each member and how they were chosen. */
int effective_weights(struct effective_weight *weights, enum eligible_mode *mode,
		      const struct effective_member *members, size_t count,
		      const struct eligible_policy *policy);

#endif
