// SPDX-License-Identifier: GPL-2.0
#include "lib/outcome.h"

#include <math.h>
#include <stdint.h>

#include "lib/chance.h"

/* What has decayed to this is nothing. */
#define NEGLIGIBLE 0.01

void outcome_decay(struct outcome *o, double horizon_s)
{
	double factor;

	/* Most have none. */
	if (!(outcome_all(o) > 0))
		return;
	factor = exp(-1 / horizon_s);
	o->good *= factor;
	o->bad *= factor;
	if (outcome_all(o) < NEGLIGIBLE)
		*o = (struct outcome){};
}

void outcomes_add(struct outcomes *o, const struct outcome *second)
{
	outcome_add(&o->all, second);
	outcome_add(&o->late, second);
}

void outcomes_decay(struct outcomes *o)
{
	outcome_decay(&o->late, OUTCOMES_LATE_S);
}

/* Rounding must not make anybody worse than it is. */
static double surprise(const struct outcome *moved, const struct outcome *others)
{
	uint64_t bad = (uint64_t)floor(moved->bad), good = (uint64_t)ceil(moved->good);
	uint64_t others_bad = (uint64_t)ceil(others->bad);
	uint64_t others_good = (uint64_t)floor(others->good);

	return chance_fisher(bad, bad + good, others_bad, others_bad + others_good);
}

static bool is_worse_than(const struct outcome *moved, const struct outcome *others)
{
	return outcome_part(moved) >= outcome_part(others) + OUTCOME_PART &&
	       surprise(moved, others) >= OUTCOME_SURPRISE;
}

/* What did not move, and as much of before as it takes to say something. */
static struct outcome filled(const struct outcome *unmoved, const struct outcome *before)
{
	double wanted = OUTCOME_FILL - outcome_all(unmoved), known = outcome_all(before);
	double part = wanted <= 0 || known <= 0 ? 0 : fmin(1, wanted / known);

	return (struct outcome){ unmoved->good + part * before->good,
				 unmoved->bad + part * before->bad };
}

bool outcome_is_alone(const struct outcome *unmoved, const struct outcome *before)
{
	return outcome_all(unmoved) + outcome_all(before) < OUTCOME_KNOWN_MIN;
}

bool outcome_is_worse(const struct outcome *moved, const struct outcome *unmoved,
		      const struct outcome *before)
{
	struct outcome now = filled(unmoved, before);

	if (outcome_is_alone(unmoved, before))
		return moved->bad >= OUTCOME_ALONE_MIN && moved->bad > moved->good;
	if (moved->bad < OUTCOME_BAD_MIN || !is_worse_than(moved, &now))
		return false;
	return outcome_all(before) < OUTCOME_KNOWN_MIN || is_worse_than(moved, before);
}
