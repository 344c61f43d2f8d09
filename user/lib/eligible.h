/* SPDX-License-Identifier: GPL-2.0 */
/* Who gets new flows, and in what shares: from weights and health to the weights of a table.
 * Pure. */
#ifndef EVENKEEL_LIB_ELIGIBLE_H
#define EVENKEEL_LIB_ELIGIBLE_H

#include "lib/config.h"
#include "lib/health.h"

struct eligible_member {
	uint32_t weight;         /* as configured; 0: drained */
	enum health_state state; /* the last known */
	bool ever_up;            /* what was never up gets nothing, in panic neither */
	bool had;                /* it is in the table that is in force */
};

enum eligible_mode {
	ELIGIBLE_HEALTHY, /* those that are up */
	ELIGIBLE_PANIC,   /* too few are up: all that ever were */
	ELIGIBLE_KEPT,    /* nobody is up: those who had flows last keep them */
	ELIGIBLE_NOBODY,  /* new flows are dropped */
};
const char *eligible_mode_name(enum eligible_mode mode); /* "healthy", "panic", ... */

/* Writes each member's weight in the table. `panic` and `on_empty` as in the configuration. */
enum eligible_mode eligible_weights(uint32_t *weights, const struct eligible_member *members,
				    size_t count, uint32_t panic, enum config_on_empty on_empty);

#endif
