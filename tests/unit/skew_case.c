// SPDX-License-Identifier: GPL-2.0
#include "skew_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "balance_case.h"

void world_slots(struct world *w)
{
	double sum = 0;

	for (size_t i = 0; i < w->count; i++)
		sum += w->backends[i].eligible ? w->backends[i].weight : 0;
	for (size_t i = 0; i < w->count; i++) {
		struct skew_backend *b = &w->backends[i];

		w->odds[i] = b->eligible ? b->weight / sum : 0;
		b->slots = (uint32_t)(w->odds[i] * SLOTS + 0.5);
	}
	for (size_t i = 0; i < w->count; i++) { /* odds are what the rounded slots are */
		double slots = 0;

		for (size_t k = 0; k < w->count; k++)
			slots += w->backends[k].slots;
		w->odds[i] = w->backends[i].slots / slots;
	}
}

void world_open(struct world *w, const struct skew_limits *limits, size_t count, double rate,
		uint64_t seed)
{
	*w = (struct world){ .count = count, .rate = rate, .seed = seed, .now_ms = 1000000 };
	assert_int_equal(skew_open(&w->skew, limits), 0);
	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		assert_int_equal(heavy_open(&w->samples[t], 128, 0x5eed), 0);
	for (size_t i = 0; i < count; i++)
		w->backends[i] =
			(struct skew_backend){ .id = i + 1, .weight = 100, .eligible = true };
	world_slots(w);
}

void world_close(struct world *w)
{
	skew_close(w->skew);
	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		heavy_close(w->samples[t]);
}

void world_tick(struct world *w, bool fresh)
{
	struct skew_input in = {
		.now_ms = w->now_ms,
		.fresh = fresh,
		.backends = w->backends,
		.count = w->count,
		.unsettled = w->unsettled,
		.slots_wrong = w->slots_wrong,
		.by_client = w->by_client,
	};

	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		in.samples[t] = w->samples[t];
	assert_int_equal(skew_tick(w->skew, &in), 0);
	w->now_ms += 1000;
	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		heavy_decay(w->samples[t], exp(-1 / skew_horizon_s(&skew_limits_default, t)));
	for (size_t i = 0; i < w->count; i++)
		memset(w->backends[i].delta, 0, sizeof(w->backends[i].delta));
}

static void flows_of_a_second(struct world *w)
{
	uint64_t got[BACKENDS_MAX];

	case_multinomial(&w->seed, case_poisson(&w->seed, w->rate), w->odds, w->count, got);
	for (size_t i = 0; i < w->count; i++)
		w->backends[i].delta[SKEW_FLOWS] += got[i];
}

void world_client_adds(struct world *w, uint32_t client, size_t at, enum skew_measure measure,
		       double amount, double every)
{
	struct ek_addr addr = case_addr(client);
	uint64_t samples = case_poisson(&w->seed, amount / every);

	w->backends[at].delta[measure] += (uint64_t)amount;
	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		for (uint64_t i = 0; skew_track_measure(t) == measure && i < samples; i++)
			heavy_add(w->samples[t], &addr, w->backends[at].id, every);
}

void world_seconds(struct world *w, unsigned int n)
{
	while (n--) {
		flows_of_a_second(w);
		world_tick(w, true);
	}
}

int world_until(struct world *w, enum skew_kind kind, int most)
{
	for (int n = 1; n <= most; n++) {
		world_seconds(w, 1);
		if (skew_finding(w->skew, kind)->raised)
			return n;
	}
	return -1;
}

bool world_quiet(const struct world *w)
{
	return skew_leading(w->skew) == SKEW_KIND_COUNT;
}

void world_odds(struct world *w, size_t one, double times)
{
	double had = w->odds[one], has = had * times;

	for (size_t i = 0; i < w->count; i++)
		w->odds[i] = i == one ? has : w->odds[i] * (1 - has) / (1 - had);
}
