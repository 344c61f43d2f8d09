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
	bool backup;             /* a spare: for when too few of the others are up */
	double start;            /* the part of its weight that it has grown to; 0: all of it */
};

struct eligible_policy {
	uint32_t panic, backup_below; /* percent, as in the configuration */
	enum config_on_empty on_empty;
};

/* Spares that were called in stay until so much more than `backup_below` is up, and has grown to
 * its weight: or a server at the threshold would call them in and send them away all day. */
#define ELIGIBLE_BACKUP_BAND 10u

enum eligible_mode {
	ELIGIBLE_HEALTHY, /* those that are up, without the spares */
	ELIGIBLE_BACKUP,  /* too few of them are: the spares that are up beside them */
	ELIGIBLE_PANIC,   /* too few are up: all that ever were */
	ELIGIBLE_KEPT,    /* nobody is up: those who had flows last keep them */
	ELIGIBLE_NOBODY,  /* new flows are dropped */
};
const char *eligible_mode_name(enum eligible_mode mode); /* "healthy", "panic", ... */

/* Writes the weight of each member that gets new flows, 0 for the others. */
enum eligible_mode eligible_weights(uint32_t *weights, const struct eligible_member *members,
				    size_t count, const struct eligible_policy *policy);

#endif
