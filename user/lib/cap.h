/* SPDX-License-Identifier: GPL-2.0 */
/* What a backend may get at most while a change is staged and watched: a temporary capacity from what
 * it is known to bear, so that a change that puts too much on it turns clients away for a second and is
 * rolled back, instead of killing it. Pure. */
#ifndef EVENKEEL_LIB_CAP_H
#define EVENKEEL_LIB_CAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the rate before the change, as gate `growth`; */
#define CAP_RECENT 1.5
/* of the week's best minute, as gate `load`; */
#define CAP_BEST 1.25
/* and of what the old revision would give it now: more than that is not of the change. */
#define CAP_ANYWAY 1.1
/* Below so many new flows a second nothing topples, and chance rules. */
#define CAP_LEAST 20u

struct cap_fact {
	uint32_t pool; /* equal for backends of one service */
	double weight; /* by the old revision with today's health: what it would have now; 0: nothing */
	double recent;     /* new flows a second before the change; 0: not known */
	double best;       /* the highest minute known; 0: not known */
	uint32_t declared; /* its capacity by the old revision; 0: none */
};

/* New flows a second, 0: no bound. A new backend, and one that had less than half of what its peers
 * have, may get what their median may. -ENOMEM, or 0. */
int caps_work_out(const struct cap_fact *facts, size_t count, uint32_t *caps);

#endif
