// SPDX-License-Identifier: GPL-2.0
#include "lib/start.h"

#include <math.h>

#include "lib/guard.h"

uint64_t start_word(const struct start *s)
{
	return s->part ? (uint64_t)s->since_s << 32 | (uint32_t)s->from << 16 | s->part : 0;
}

struct start start_of_word(uint64_t word)
{
	struct start s = { (uint32_t)(word >> 32), (uint16_t)(word >> 16), (uint16_t)word };

	/* Nobody checks what is in the maps. */
	if (s.from > START_WHOLE || s.part > START_WHOLE)
		return (struct start){ 0 };
	return s;
}

uint16_t start_due(const struct start *s, uint32_t duration_s, uint32_t now_s)
{
	uint32_t passed = now_s > s->since_s ? now_s - s->since_s : 0;
	uint32_t steps = duration_s < START_STEPS ? duration_s : START_STEPS, step;

	if (passed >= duration_s)
		return START_WHOLE;
	step = (uint32_t)((uint64_t)passed * steps / duration_s);
	return (uint16_t)(s->from + (START_WHOLE - s->from) * step / steps);
}

uint32_t start_left_s(const struct start *s, uint32_t duration_s, uint32_t now_s)
{
	uint32_t passed = now_s > s->since_s ? now_s - s->since_s : 0;

	return passed < duration_s ? duration_s - passed : 0;
}

/* The part of its weight that a member has when those that start have at least `least`. */
static double weight_with(const struct start_member *m, uint16_t least)
{
	uint16_t part = m->part > least ? m->part : least;

	return m->part ? (double)m->weight * part / START_WHOLE : m->weight;
}

/* Would anybody who has traffic get more than the guard lets him? */
static bool overloads(const struct start_member *members, size_t count, uint16_t least)
{
	double sum = 0, all = 0;

	for (size_t i = 0; i < count; i++) {
		sum += weight_with(&members[i], least);
		all += members[i].weight;
	}
	for (size_t i = 0; i < count; i++) {
		const struct start_member *m = &members[i];
		double limit = fmax(guard_limits_default.growth * m->old_share, m->weight / all);

		if (m->weight && m->old_share > 0 && weight_with(m, least) / sum > limit)
			return true;
	}
	return false;
}

uint16_t start_least(const struct start_member *members, size_t count)
{
	uint16_t low = START_LEAST, high = START_WHOLE;

	if (!overloads(members, count, low))
		return low;
	/* With the whole weight everybody has what the weights give, which is no overload. */
	while (high - low > 1) {
		uint16_t middle = (uint16_t)((low + high) / 2);

		if (overloads(members, count, middle))
			low = middle;
		else
			high = middle;
	}
	return high;
}
