/* SPDX-License-Identifier: GPL-2.0 */
/* Is what a change moved worse off than what it did not move, and than it was before? Of anything that
 * ends well or badly: handshakes, new flows that are shed. Pure. */
#ifndef EVENKEEL_LIB_OUTCOME_H
#define EVENKEEL_LIB_OUTCOME_H

#include <stdbool.h>

struct outcome {
	double good, bad;
};

static inline double outcome_all(const struct outcome *o)
{
	return o->good + o->bad;
}
static inline double outcome_part(const struct outcome *o)
{
	return outcome_all(o) > 0 ? o->bad / outcome_all(o) : 0;
}
static inline void outcome_add(struct outcome *sum, const struct outcome *o)
{
	sum->good += o->good;
	sum->bad += o->bad;
}
/* A second has passed: what was seen counts for exp(-age / horizon_s). */
void outcome_decay(struct outcome *o, double horizon_s);

/* Since it began, and of late: harm that comes after an hour of good must show within seconds, harm to
 * a quiet service needs all that was seen. */
struct outcomes {
	struct outcome all, late;
};
#define OUTCOMES_LATE_S 10.0
void outcomes_add(struct outcomes *o, const struct outcome *second);
/* Call once a second. */
void outcomes_decay(struct outcomes *o);

/* ---- is it worse? ---------------------------------------------------------------------------- */

/* At least so many must have ended badly, */
#define OUTCOME_BAD_MIN 10u
/* that much more of them than of the others: less is no reason to undo a change, however sure; */
#define OUTCOME_PART 0.05
/* and chance must not explain it: in nats, one in 160,000. A change is asked about once a second, for
 * each backend that gets more, in two windows: but these share most of what they see, and all of the
 * above must be true as well. */
#define OUTCOME_SURPRISE 12.0
/* Where so few others are known, of now and before together, at least this many and most of all must have
 * ended badly. */
#define OUTCOME_KNOWN_MIN 10u
#define OUTCOME_ALONE_MIN 20u
/* What did not move says little where it is fewer than this: it is filled up with what was before. */
#define OUTCOME_FILL 30u

/* Worse than both: `unmoved`, at the same moment, for what befalls everybody is not the change's; and
 * `before`, for who was bad already is not made so by it. */
bool outcome_is_worse(const struct outcome *moved, const struct outcome *unmoved,
		      const struct outcome *before);
/* How it was asked: true, if too little is known to compare with. */
bool outcome_is_alone(const struct outcome *unmoved, const struct outcome *before);

#endif
