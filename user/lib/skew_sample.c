// SPDX-License-Identifier: GPL-2.0
#include "lib/skew_sample.h"

#include <math.h>

void skew_sample_close(struct skew_sample *s)
{
	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		heavy_close(s->of[t]);
	*s = (struct skew_sample){ 0 };
}

bool skew_sample_is_open(const struct skew_sample *s)
{
	return s->of[0];
}

static void begin(struct skew_sample *s, uint64_t key)
{
	double seen = s->seen;

	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++) {
		if (!heavy_open(&s->of[t], SKEW_SAMPLE_CAPACITY, key))
			continue;
		skew_sample_close(s);
		s->seen = seen;
		return;
	}
}

static double weight_of(const struct client_packet *p, enum skew_measure measure)
{
	switch (measure) {
	case SKEW_FLOWS:
		return p->syn ? (double)p->packets : 0;
	case SKEW_PACKETS:
		return (double)p->packets;
	case SKEW_BYTES:
	case SKEW_MEASURE_COUNT:
		break;
	}
	return (double)p->bytes;
}

void skew_sample_add(struct skew_sample *s, const struct client_packet *p, bool room, uint64_t key)
{
	s->seen++;
	if (!skew_sample_is_open(s) && room && s->seen >= SKEW_SAMPLE_BEGIN)
		begin(s, key);
	for (enum skew_track t = 0; skew_sample_is_open(s) && t < SKEW_TRACK_COUNT; t++)
		heavy_add(s->of[t], &p->client, p->backend, weight_of(p, skew_track_measure(t)));
}

void skew_sample_second(struct skew_sample *s, const struct skew_limits *limits)
{
	if (!(s->seen > 0))
		return;
	s->seen *= exp(-1 / limits->slow_s);
	if (skew_sample_is_open(s) && s->seen < SKEW_SAMPLE_BEGIN / 10) {
		skew_sample_close(s);
		return;
	}
	for (enum skew_track t = 0; skew_sample_is_open(s) && t < SKEW_TRACK_COUNT; t++)
		heavy_decay(s->of[t], exp(-1 / skew_horizon_s(limits, t)));
}
