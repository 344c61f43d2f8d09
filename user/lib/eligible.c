// SPDX-License-Identifier: GPL-2.0
#include "lib/eligible.h"

const char *eligible_mode_name(enum eligible_mode mode)
{
	static const char *const names[] = { "healthy", "panic", "kept", "nobody" };

	return names[mode];
}

/* In that mode, does the member get its weight? */
static bool takes(const struct eligible_member *m, enum eligible_mode mode)
{
	switch (mode) {
	case ELIGIBLE_HEALTHY:
		return m->ever_up && m->state == HEALTH_UP;
	case ELIGIBLE_PANIC:
		return m->ever_up;
	case ELIGIBLE_KEPT:
		return m->ever_up && m->had;
	case ELIGIBLE_NOBODY:
		return false;
	}
	return false;
}

static uint64_t weight_in(const struct eligible_member *members, size_t count,
			  enum eligible_mode mode)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += takes(&members[i], mode) ? members[i].weight : 0;
	return sum;
}

/* What was never up does not count as lost: a pool that begins is no pool that topples. */
static enum eligible_mode choose(const struct eligible_member *members, size_t count,
				 uint32_t panic, enum config_on_empty on_empty)
{
	uint64_t healthy = weight_in(members, count, ELIGIBLE_HEALTHY);
	uint64_t pool = weight_in(members, count, ELIGIBLE_PANIC);

	if (healthy && 100 * healthy >= panic * pool)
		return ELIGIBLE_HEALTHY;
	if (panic && pool)
		return ELIGIBLE_PANIC;
	if (on_empty == ON_EMPTY_KEEP && weight_in(members, count, ELIGIBLE_KEPT))
		return ELIGIBLE_KEPT;
	return ELIGIBLE_NOBODY;
}

enum eligible_mode eligible_weights(uint32_t *weights, const struct eligible_member *members,
				    size_t count, uint32_t panic, enum config_on_empty on_empty)
{
	enum eligible_mode mode = choose(members, count, panic, on_empty);

	for (size_t i = 0; i < count; i++)
		weights[i] = takes(&members[i], mode) ? members[i].weight : 0;
	return mode;
}
