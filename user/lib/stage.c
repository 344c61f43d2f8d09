// SPDX-License-Identifier: GPL-2.0
#include "lib/stage.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "evenkeel/hash.h"
#include "lib/cleanup.h"

double stage_between(double before, double after, double permille)
{
	return before + (after - before) * permille / STAGE_WHOLE;
}

/* ---- which steps ----------------------------------------------------------------------------- */

/* How far the step after `at` may go for this backend. */
static double reach(const struct stage_share *s, uint32_t at)
{
	double grows = s->after - s->before;
	double now = stage_between(s->before, s->after, at);

	if (grows <= 0 || s->before <= 0)
		return STAGE_WHOLE;
	return (STAGE_GROWTH * now - s->before) / grows * STAGE_WHOLE;
}

static uint32_t furthest(const struct stage_share *shares, size_t count, uint32_t at)
{
	double least = STAGE_WHOLE;

	for (size_t i = 0; i < count; i++) {
		double r = reach(&shares[i], at);

		least = r < least ? r : least;
	}
	/* Rounding must neither let it stand still nor let it jump. */
	return least < at + 1 ? at + 1 : (uint32_t)least;
}

void stage_plan(struct stage_plan *out, const struct stage_share *shares, size_t count,
		const uint16_t *wanted, size_t wanted_count)
{
	struct stage_plan plan = {};
	uint32_t at = 0;
	size_t w = 0;

	while (at < STAGE_WHOLE) {
		uint32_t limit = furthest(shares, count, at), next = STAGE_WHOLE;

		while (w < wanted_count && wanted[w] <= at)
			w++;
		if (w < wanted_count && wanted[w] < STAGE_WHOLE)
			next = wanted[w];
		if (next > limit && plan.count + 1 == STAGE_STEPS_MAX)
			plan.cut = true;
		else if (next > limit)
			next = limit;
		if (plan.count + 1 == STAGE_STEPS_MAX)
			next = STAGE_WHOLE;
		plan.steps[plan.count++] = (uint16_t)next;
		at = next;
	}
	*out = plan;
}

/* ---- which slots ----------------------------------------------------------------------------- */

struct mover {
	uint32_t owner, slot;
	uint64_t rank;
};

static int by_owner_and_rank(const void *a, const void *b)
{
	const struct mover *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* movers[0..count) have the same new owner: all but the first ones stay where they were. */
static void hold_back(uint32_t *owners, const uint32_t *before, const struct mover *movers,
		      size_t count, uint32_t permille)
{
	size_t moved = (count * permille + STAGE_WHOLE / 2) / STAGE_WHOLE;

	for (size_t i = moved; i < count; i++)
		owners[movers[i].slot] = before[movers[i].slot];
}

double stage_chance(uint32_t slots)
{
	return 2 / sqrt(slots);
}

int stage_mix(uint32_t *owners, const uint32_t *before, uint32_t slots, uint32_t permille,
	      struct ek_key key)
{
	_cleanup_(free_ptr) struct mover *movers = calloc(slots, sizeof(*movers));
	size_t count = 0, first = 0;

	if (!movers)
		return -ENOMEM;
	for (uint32_t i = 0; i < slots; i++)
		if (owners[i] != before[i])
			movers[count++] = (struct mover){
				.owner = owners[i],
				.slot = i,
				.rank = ek_mix(i ^ key.words[1], key.words[0]),
			};
	qsort(movers, count, sizeof(*movers), by_owner_and_rank);
	for (size_t i = 1; i <= count; i++) {
		if (i < count && movers[i].owner == movers[first].owner)
			continue;
		hold_back(owners, before, &movers[first], i - first, permille);
		first = i;
	}
	return 0;
}

/* ---- when ------------------------------------------------------------------------------------ */

void stage_begin(struct stage *s, const struct stage_plan *plan, uint64_t now_ms)
{
	*s = (struct stage){ .plan = *plan, .since_ms = now_ms };
}

static bool is_proven(const struct stage *s, uint64_t handshakes)
{
	return handshakes >= s->handshakes + STAGE_HANDSHAKES;
}

enum stage_act stage_judge(struct stage *s, uint64_t now_ms, uint64_t handshakes)
{
	uint64_t passed = now_ms > s->since_ms ? now_ms - s->since_ms : 0;

	if (s->at + 1 == s->plan.count)
		return STAGE_DONE; /* the watch looks at the whole change */
	if (passed < STAGE_DWELL_MS)
		return STAGE_STAY;
	if (is_proven(s, handshakes) || passed >= STAGE_PATIENCE_MS)
		return STAGE_NEXT;
	return passed < STAGE_PROBE_MS ? STAGE_STAY : STAGE_PROBE;
}

void stage_next(struct stage *s, uint64_t now_ms, uint64_t handshakes)
{
	s->unproven += !is_proven(s, handshakes);
	s->at++;
	s->since_ms = now_ms;
	s->handshakes = handshakes;
}
