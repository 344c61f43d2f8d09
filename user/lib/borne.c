// SPDX-License-Identifier: GPL-2.0
#include "lib/borne.h"

#include <string.h>

#define MINUTE_S 60

/* A minute of which so much was seen counts: ticks of a busy machine are missed. */
#define SEEN_S 55

static uint64_t step_of(uint32_t span_s, uint64_t now_s)
{
	return now_s / (span_s / BORNE_STEPS);
}

/* Steps that begin hold nothing yet. */
static void advance(struct borne *b, uint64_t step)
{
	if (step >= b->step + BORNE_STEPS)
		memset(b->best, 0, sizeof(b->best));
	else
		for (uint64_t i = b->step + 1; i <= step; i++)
			b->best[i % BORNE_STEPS] = 0;
	if (step > b->step)
		b->step = step;
}

static void minute_end(struct borne *b)
{
	float rate = b->seconds ? (float)b->count / (float)b->seconds : 0;
	float *best = &b->best[b->step % BORNE_STEPS];

	if (b->seconds >= SEEN_S && !b->spoilt && rate > *best)
		*best = rate;
	b->seconds = 0;
	b->count = 0;
	b->spoilt = false;
}

void borne_add(struct borne *b, uint32_t span_s, uint64_t now_s, uint64_t count, bool healthy)
{
	if (now_s / MINUTE_S != b->minute) {
		minute_end(b);
		b->minute = now_s / MINUTE_S;
		advance(b, step_of(span_s, now_s));
	}
	b->seconds++;
	b->count += count;
	b->spoilt |= !healthy;
}

double borne_best(const struct borne *b, uint32_t span_s, uint64_t now_s)
{
	uint64_t now = step_of(span_s, now_s);
	float best = 0;

	for (uint64_t i = 0; i < BORNE_STEPS && i <= b->step; i++)
		if (b->step - i + BORNE_STEPS > now && b->best[(b->step - i) % BORNE_STEPS] > best)
			best = b->best[(b->step - i) % BORNE_STEPS];
	return best;
}
