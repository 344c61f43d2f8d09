// SPDX-License-Identifier: GPL-2.0
#include "lib/skew.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/guard.h"
#include "lib/ids.h"
#include "lib/skew_internal.h"

/* docs/balance.md says why these. */
const struct skew_limits skew_limits_default = {
	.fast_s = 5,
	.slow_s = 60,
	.raise_off = 0.20,
	.clear_off = 0.10,
	.raise_rms = 0.10,
	.clear_rms = 0.05,
	.raise_health = 1.25,
	.clear_health = 1.10,
	.asked_times = 2,
	.raise_s = 3,
	.clear_s = 10,
	.false_alarm_s = 90 * 86400.0,
	.flows_min = 50,
	.samples_min = 200,
	.unsettled_max = 0.05,
};

/* How a kind's finding came and goes. */
struct standing {
	uint64_t since_ms;  /* when its condition began to hold, 0: it does not */
	uint64_t absent_ms; /* when it ceased, while raised */
};

struct skew {
	struct skew_limits limits;
	struct skew_row *rows;
	size_t count;
	struct skew_total total[SKEW_TRACK_COUNT];
	uint64_t last_ms; /* 0: nothing was counted yet */
	struct skew_finding findings[SKEW_KIND_COUNT];
	struct standing standing[SKEW_KIND_COUNT];
};

const char *skew_measure_name(enum skew_measure measure)
{
#define NAME(id, name, text) name,
	static const char *const names[] = { SKEW_MEASURES(NAME) };

	return names[measure];
}

const char *skew_kind_name(enum skew_kind kind)
{
	static const char *const names[] = { SKEW_KINDS(NAME) "none" };
#undef NAME

	return names[kind];
}

const char *skew_kind_text(enum skew_kind kind)
{
#define TEXT(id, name, text) text,
	static const char *const texts[] = { SKEW_KINDS(TEXT) "the spread is as it should be" };
#undef TEXT

	return texts[kind];
}

enum skew_measure skew_track_measure(enum skew_track track)
{
#define MEASURE(id, measure, horizon) SKEW_##measure,
	static const enum skew_measure measures[] = { SKEW_TRACKS(MEASURE) };
#undef MEASURE

	return measures[track];
}

double skew_horizon_s(const struct skew_limits *limits, enum skew_track track)
{
#define HORIZON(id, measure, horizon) limits->horizon,
	const double horizons[] = { SKEW_TRACKS(HORIZON) };
#undef HORIZON

	return horizons[track];
}

int skew_open(struct skew **out, const struct skew_limits *limits)
{
	struct skew *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->limits = *limits;
	*out = s;
	return 0;
}

void skew_close(struct skew *s)
{
	if (s)
		free(s->rows);
	free(s);
}

/* ---- counting ----------------------------------------------------------------------------- */

/* Rows in the order of the input, each with what it knew. What a removed backend had stays in the
 * totals: the others' expectations were worked out with it. */
static int rows_follow(struct skew *s, const struct skew_input *in)
{
	_cleanup_(free_ptr) struct skew_row *rows = NULL;
	bool same = s->count == in->count;

	for (size_t i = 0; same && i < s->count; i++)
		same = s->rows[i].id == in->backends[i].id;
	if (same)
		return 0;
	rows = calloc(in->count ? in->count : 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < in->count; i++) {
		size_t at = ids_find((const uint32_t *)s->rows, sizeof(*s->rows), s->count,
				     in->backends[i].id, i);

		if (at < s->count)
			rows[i] = s->rows[at];
		rows[i].id = in->backends[i].id;
	}
	free(s->rows);
	s->rows = take_ptr(rows);
	s->count = in->count;
	return 0;
}

static void track_count(struct skew *s, const struct skew_input *in, enum skew_track track,
			double seconds, double slots)
{
	double keep = exp(-seconds / skew_horizon_s(&s->limits, track)), n = 0;
	enum skew_measure measure = skew_track_measure(track);
	struct skew_total *total = &s->total[track];

	for (size_t i = 0; i < in->count; i++)
		n += (double)in->backends[i].delta[measure];
	if (!(slots > 0))
		n = 0; /* nothing is expected anywhere: it cannot be skewed */
	total->amount = total->amount * keep + n;
	total->spread = total->spread * keep * keep + n;
	for (size_t i = 0; i < in->count; i++) {
		struct skew_tally *t = &s->rows[i].tally[track];
		double here = slots > 0 ? n * in->backends[i].slots / slots : 0;

		t->observed *= keep;
		t->observed += slots > 0 ? (double)in->backends[i].delta[measure] : 0;
		t->expected = t->expected * keep + here;
		t->spread = t->spread * keep * keep + here;
	}
}

static double slots_of(const struct skew_input *in)
{
	double slots = 0;

	for (size_t i = 0; i < in->count; i++)
		slots += in->backends[i].slots;
	return slots;
}

static void count(struct skew *s, const struct skew_input *in)
{
	double seconds = 0;

	if (s->last_ms && in->now_ms > s->last_ms)
		seconds = (double)(in->now_ms - s->last_ms) / 1000;
	s->last_ms = in->now_ms;
	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		track_count(s, in, t, seconds, slots_of(in));
}

/* ---- the kinds ---------------------------------------------------------------------------- */

/* The map against the revision. */
static struct skew_verdict judge_map(const struct skew_input *in)
{
	struct skew_verdict v = { .kind = SKEW_MAP };
	double slots = slots_of(in);

	v.level = in->slots_wrong ? SKEW_RAISE : SKEW_EVEN;
	v.finding.off = slots > 0 ? in->slots_wrong / slots : 1;
	return v;
}

static double weights_of(const struct skew_input *in, size_t *active)
{
	double sum = 0;

	*active = 0;
	for (size_t i = 0; i < in->count; i++) {
		sum += in->backends[i].weight;
		*active += in->backends[i].weight > 0;
	}
	return sum;
}

static enum skew_level between(double value, double raise, double clear)
{
	return value >= raise ? SKEW_RAISE : value >= clear ? SKEW_UNEVEN : SKEW_EVEN;
}

/* What the revision asks for against even. */
static struct skew_verdict judge_asked(const struct skew_input *in,
				       const struct skew_limits *limits)
{
	struct skew_verdict v = { .kind = SKEW_ASKED };
	size_t active;
	double sum = weights_of(in, &active), slots = slots_of(in);

	if (active < 2)
		return v;
	for (size_t i = 0; i < in->count; i++) {
		const struct skew_backend *b = &in->backends[i];
		double off = b->weight / sum * (double)active - 1;

		if (v.finding.off >= off)
			continue;
		v.finding.off = off;
		v.finding.backend = b->id;
		v.finding.expected = 1 / (double)active;
		v.finding.actual = slots > 0 ? b->slots / slots : 0;
		v.level = b->weight / sum > guard_share_limit(limits->asked_times, active)
				  ? SKEW_RAISE
				  : SKEW_EVEN;
	}
	return v;
}

/* What health left against what the revision asks for. */
static struct skew_verdict judge_health(const struct skew_input *in,
					const struct skew_limits *limits)
{
	struct skew_verdict v = { .kind = SKEW_HEALTH };
	double sum, slots = slots_of(in);
	bool narrowed = false;
	size_t active;

	sum = weights_of(in, &active);
	if (!(slots > 0) || !active)
		return v;
	for (size_t i = 0; i < in->count; i++) {
		const struct skew_backend *b = &in->backends[i];
		double off = b->weight ? b->slots / slots / (b->weight / sum) - 1 : 0;

		narrowed |= b->weight && !b->eligible;
		if (v.finding.off >= off)
			continue;
		v.finding.off = off;
		v.finding.backend = b->id;
		v.finding.expected = b->weight / sum;
		v.finding.actual = b->slots / slots;
	}
	if (narrowed)
		v.level = between(1 + v.finding.off, limits->raise_health, limits->clear_health);
	return v;
}

static struct skew_verdict judge_track(struct skew *s, const struct skew_input *in,
				       enum skew_track track)
{
	enum skew_measure measure = skew_track_measure(track);

	struct skew_verdict v = skew_judge(&(struct skew_case){
		.limits = &s->limits,
		.track = track,
		.measure = measure,
		.by_unit = measure == SKEW_FLOWS && !in->by_client,
		.rows = s->rows,
		.count = s->count,
		.total = s->total[track],
		.sample = in->samples[track],
	});

	/* Flows of before a change are where slots were then: what is raised stands, no more is. */
	if (measure != SKEW_FLOWS && in->unsettled > s->limits.unsettled_max &&
	    v.level == SKEW_RAISE)
		v.level = SKEW_UNEVEN;
	return v;
}

/* ---- findings ----------------------------------------------------------------------------- */

/* Keeps the gravest verdict of each kind. */
static void gravest(struct skew_verdict *all, const struct skew_verdict *v)
{
	struct skew_verdict *have = &all[v->kind];

	if (v->level > have->level ||
	    (v->level == have->level && fabs(v->finding.off) > fabs(have->finding.off)))
		*have = *v;
}

/* Raised when the higher threshold has been exceeded for raise_s, cleared when not even the lower
 * one has been for clear_s. */
static void settle(struct skew *s, const struct skew_verdict *v, uint64_t now)
{
	struct skew_finding *f = &s->findings[v->kind];
	struct standing *st = &s->standing[v->kind];
	bool stands = v->level == SKEW_RAISE || (f->raised && v->level == SKEW_UNEVEN);
	bool raised = f->raised;

	if (stands) {
		if (!st->since_ms)
			st->since_ms = now;
		st->absent_ms = 0;
		raised = raised || now - st->since_ms >= s->limits.raise_s * 1000ull;
		*f = v->finding;
		f->since_ms = st->since_ms;
	} else if (raised) {
		if (!st->absent_ms)
			st->absent_ms = now;
		raised = now - st->absent_ms < s->limits.clear_s * 1000ull;
	}
	if (!stands && !raised)
		st->since_ms = st->absent_ms = 0;
	f->raised = raised;
}

int skew_tick(struct skew *s, const struct skew_input *in)
{
	struct skew_verdict verdicts[SKEW_KIND_COUNT] = { 0 };
	int err = rows_follow(s, in);

	if (err)
		return err;
	if (in->fresh) /* what is not known any better says nothing new */
		count(s, in);
	for (enum skew_kind k = 0; k < SKEW_KIND_COUNT; k++)
		verdicts[k].kind = k;
	verdicts[SKEW_MAP] = judge_map(in);
	verdicts[SKEW_HEALTH] = judge_health(in, &s->limits);
	verdicts[SKEW_ASKED] = judge_asked(in, &s->limits);
	for (enum skew_track t = 0; in->fresh && t < SKEW_TRACK_COUNT; t++) {
		struct skew_verdict v = judge_track(s, in, t);

		gravest(verdicts, &v);
	}
	for (enum skew_kind k = 0; k < SKEW_KIND_COUNT; k++)
		if (in->fresh || (k != SKEW_CLIENTS && k != SKEW_UNEXPLAINED))
			settle(s, &verdicts[k], in->now_ms);
	return 0;
}

const struct skew_finding *skew_finding(const struct skew *s, enum skew_kind kind)
{
	return &s->findings[kind];
}

enum skew_kind skew_leading(const struct skew *s)
{
	enum skew_kind kind = 0;

	while (kind < SKEW_KIND_COUNT && !s->findings[kind].raised)
		kind++;
	return kind;
}

/* The slow one of a measure comes last. */
static enum skew_track slow_track(enum skew_measure measure)
{
	enum skew_track track = SKEW_TRACK_COUNT - 1;

	while (skew_track_measure(track) != measure)
		track--;
	return track;
}

bool skew_share(const struct skew *s, uint32_t backend, enum skew_measure measure, double *actual,
		double *expected)
{
	size_t at = ids_find((const uint32_t *)s->rows, sizeof(*s->rows), s->count, backend, 0);
	enum skew_track track = slow_track(measure);
	const struct skew_total *total = &s->total[track];

	if (at == s->count || !(total->amount > 0))
		return false;
	*actual = s->rows[at].tally[track].observed / total->amount;
	*expected = s->rows[at].tally[track].expected / total->amount;
	return true;
}

double skew_seen(const struct skew *s, enum skew_measure measure)
{
	return s->total[slow_track(measure)].amount;
}
