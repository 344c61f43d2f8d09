// SPDX-License-Identifier: GPL-2.0
/* The gates of one service: what a backend gets, and how many are left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/gate_internal.h"
#include "lib/guard.h"

/* Below this many new flows a second a rate is a matter of chance, and topples nobody: there the
 * share is looked at. */
#define RATE_MIN 10.0

/* ---- what is known --------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const double *l = a, *r = b;

	return *l < *r ? -1 : *l > *r;
}

static double median(double *values, size_t count)
{
	if (!count)
		return 0;
	qsort(values, count, sizeof(*values), by_size);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void medians(struct gate_judged *j)
{
	_cleanup_(free_ptr) double *shares = calloc(2 * j->s->count + 2, sizeof(*shares));
	double *bests = shares + j->s->count + 1;
	size_t share_count = 0, best_count = 0;

	if (!shares) {
		j->report->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < j->s->count; i++) {
		const struct plan_backend *b = &j->s->backends[i];

		if (b->old_answering > 0)
			shares[share_count++] = b->old_answering;
		if (b->best > 0)
			bests[best_count++] = b->best;
	}
	j->like = median(shares, share_count);
	j->best = median(bests, best_count);
	j->by_load = j->s->has_rate && j->best >= RATE_MIN;
}

/* Is all that changes of what is in force that one backend gets no more new flows, while all others
 * do and are up? The next one is another matter, until this one is back. */
static bool drains_one(const struct gate_input *in, const struct plan_service *s)
{
	const struct config *force = in->in_force ? in->in_force : in->old;
	const struct config_service *before = force ? config_service(force, s->name) : NULL;
	size_t drained = 0;

	if (!before || before->backend_count != s->now->backend_count ||
	    before->hash != s->now->hash)
		return false;
	/* The plan begins with the backends of the new configuration, in its order. */
	for (size_t i = 0; i < before->backend_count; i++) {
		const struct config_backend *a = &before->backends[i], *b = s->backends[i].now;
		uint32_t weight = config_backend_weight(b);

		if (!addr_equal(&a->addr, &b->addr) || a->port != b->port)
			return false;
		if (config_backend_weight(a) && !weight)
			drained++;
		else if (!weight || weight != config_backend_weight(a) || s->backends[i].lost ||
			 s->backends[i].answer == PLAN_DOWN)
			return false;
	}
	return drained == 1;
}

/* ---- breaches -------------------------------------------------------------------------------- */

static struct place place_of(const struct plan_backend *b, const struct plan_service *s)
{
	if (!b || !b->now)
		return s->now ? s->now->place : (struct place){};
	return b->old && b->now->weight != b->old->weight ? b->now->weight_place
							  : b->now->addr_place;
}

struct gate_breach *gate_breach_add(const struct gate_judged *j, enum gate gate,
				    const struct plan_backend *b, double value, double limit,
				    const char *text)
{
	struct gate_breach *x = gate_add(j->report, j->in, gate, "%s", text);
	const struct config_backend *c = b ? (b->now ? b->now : b->old) : NULL;

	x->warns = j->drains_one;
	x->place = place_of(b, j->s);
	x->value = value;
	x->limit = limit;
	snprintf(x->service, sizeof(x->service), "%s", j->s->name);
	if (c)
		memcpy(x->backend, c->name, sizeof(x->backend));
	return x;
}

const char *gate_who(const struct gate_judged *j, const struct plan_backend *b,
		     char text[static GATE_WHO_MAX])
{
	const struct config_backend *c = b->now ? b->now : b->old;
	char address[ADDR_TEXT_MAX];

	snprintf(text, GATE_WHO_MAX, "%s/%s %s", j->s->name, c->name, addr_text(&c->addr, address));
	return text;
}

/* ---- shares ---------------------------------------------------------------------------------- */

static void share_breach(const struct gate_judged *j, enum gate gate, const struct guard_breach *g,
			 bool answering)
{
	const struct plan_backend *b = &j->s->backends[g->backend - 1];
	double before = answering ? b->old_answering : b->old_share;
	double after = answering ? b->answering : b->share;
	char text[GATE_TEXT_MAX], name[GATE_WHO_MAX], limit[48];

	if (gate == GATE_GROWTH)
		snprintf(limit, sizeof(limit), "%.2f times %s, limit %.2f times", g->value,
			 2 * before >= j->like ? "its share" : "its peers' before", g->limit);
	else
		snprintf(limit, sizeof(limit), "limit %.1f %%", 100 * g->limit);
	snprintf(text, sizeof(text), "%s: %.1f %% -> %.1f %% of new flows%s (%s)",
		 gate_who(j, b, name), 100 * before, 100 * after,
		 answering ? ", as only some answer" : "", limit);
	gate_breach_add(j, gate, b, g->value, g->limit, text);
}

/* What is as configured is told so; of what answers, only what is not told already. */
static void check_rule(const struct gate_judged *j, const struct guard_case views[static 2],
		       enum guard_rule rule, enum gate gate)
{
	const struct config_guards *g = j->in->guards;
	const struct guard_limits limits = {
		.share_times = g->limit[LIMIT_SHARE] / 100.0,
		.growth = g->limit[LIMIT_GROWTH] / 100.0,
		.revision_growth = g->limit[LIMIT_GROWTH] / 100.0,
	};
	struct guard_breach found;

	for (int answering = 0; answering < 2; answering++) {
		if (guard_check_rule(&limits, &views[answering], rule, &found) && found.backend) {
			share_breach(j, gate, &found, answering);
			return;
		}
	}
}

static void check_shares(const struct gate_judged *j)
{
	size_t count = j->s->count;
	_cleanup_(free_ptr) struct guard_backend *views = calloc(2 * count + 1, sizeof(*views));
	struct guard_case cases[2] = {
		{ .cause = GUARD_BY_REVISION, .backends = views, .count = count },
		{ .cause = GUARD_BY_REVISION, .backends = views + count, .count = count },
	};

	if (!views) {
		j->report->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct plan_backend *b = &j->s->backends[i];
		struct guard_backend *v = &views[i], *answering = &views[count + i];

		v->id = answering->id = (uint32_t)i + 1;
		v->like = answering->like = j->like;
		v->old_share = b->old_share;
		v->new_share = b->share;
		v->weight = b->weight;
		answering->old_share = b->old_answering;
		answering->new_share = b->answering;
		answering->weight = b->weight_answering;
	}
	check_rule(j, cases, GUARD_SHARE, GATE_SHARE);
	if (!j->by_load)
		check_rule(j, cases, GUARD_GROWTH, GATE_GROWTH);
}

/* ---- load ------------------------------------------------------------------------------------ */

/* As good as new: less than half of what its peers have borne says that it was never tried. */
static bool is_tried(const struct gate_judged *j, const struct plan_backend *b)
{
	return 2 * b->best >= j->best;
}

double gate_bears(const struct gate_judged *j, const struct plan_backend *b, enum guard_limit limit)
{
	return b->capacity > 0 ? b->capacity
			       : gate_limit(j, limit) * (is_tried(j, b) ? b->best : j->best);
}

const char *gate_bears_why(const struct gate_judged *j, const struct plan_backend *b)
{
	if (b->capacity > 0)
		return "its capacity";
	return is_tried(j, b) ? "what it has borne in 7 days"
			      : "what its peers have borne in 7 days";
}

static void check_backend_load(const struct gate_judged *j, const struct plan_backend *b)
{
	double before = j->s->rate * b->old_answering, limit = gate_bears(j, b, LIMIT_LOAD);
	double at_peak = j->s->peak * b->answering, peak_limit = gate_bears(j, b, LIMIT_PEAK);
	char text[GATE_TEXT_MAX], name[GATE_WHO_MAX];

	/* What it has already it may keep. */
	if (b->answering <= b->old_answering + GATE_ROUNDING)
		return;
	if (b->new_rate > limit * (1 + GATE_ROUNDING)) {
		snprintf(text, sizeof(text),
			 "%s: %.0f -> %.0f new flows a second (limit %.0f, from %s)",
			 gate_who(j, b, name), before, b->new_rate, limit, gate_bears_why(j, b));
		gate_breach_add(j, GATE_LOAD, b, b->new_rate, limit, text);
	} else if (b->capacity <= 0 && at_peak > peak_limit * (1 + GATE_ROUNDING)) {
		snprintf(text, sizeof(text),
			 "%s: %.0f new flows a second at the peak of 24 hours (limit %.0f)",
			 gate_who(j, b, name), at_peak, peak_limit);
		gate_breach_add(j, GATE_LOAD, b, at_peak, peak_limit, text);
	}
}

static void check_load(const struct gate_judged *j)
{
	for (size_t i = 0; i < j->s->count; i++) {
		const struct plan_backend *b = &j->s->backends[i];

		if (j->s->has_rate && b->answering > 0 && (j->by_load || b->capacity > 0))
			check_backend_load(j, b);
	}
}

/* ---- how many are left ----------------------------------------------------------------------- */

static bool takes(const struct plan_backend *b)
{
	return (b->weight || b->weight_answering) && b->answer != PLAN_DOWN && !b->lost;
}

static void check_eligible(const struct gate_judged *j)
{
	uint32_t limit = j->in->guards->limit[LIMIT_ELIGIBLE];
	size_t before = 0, after = 0;
	char text[GATE_TEXT_MAX];

	for (size_t i = 0; i < j->s->count; i++) {
		before += j->s->backends[i].old_answering > 0;
		after += takes(&j->s->backends[i]);
	}
	if (before < limit || after >= limit)
		return;
	snprintf(text, sizeof(text),
		 "%s: %zu backend%s left for new flows, and there are %zu now (limit %u)",
		 j->s->name, after, after == 1 ? " is" : "s are", before, limit);
	gate_breach_add(j, GATE_ELIGIBLE, NULL, (double)after, limit, text);
}

/* What answers is weighed by what it carried before, a new backend as its peers: weights may be
 * written in any scale. Who makes a pool smaller on purpose, all of it answering, is judged by its
 * load, where that is known. */
static void check_answering(const struct gate_judged *j)
{
	double carried = 0, asked = 0, answer = 0, limit = gate_limit(j, LIMIT_ANSWERING);
	size_t takers = 0, answering = 0;
	char text[GATE_TEXT_MAX];

	for (size_t i = 0; i < j->s->count; i++) {
		const struct plan_backend *b = &j->s->backends[i];

		asked += b->weight;
		takers += b->weight > 0;
		if (!takes(b))
			continue;
		answer += b->weight;
		answering++;
		carried += b->old_answering > 0 ? b->old_answering : j->like;
	}
	if (carried + GATE_ROUNDING >= limit ||
	    (j->by_load && answer >= (limit - GATE_ROUNDING) * asked))
		return;
	snprintf(text, sizeof(text),
		 "%s: %zu of %zu backends answer, and such carried %.1f %% of its flows before "
		 "(limit %.1f %%)",
		 j->s->name, answering, takers, 100 * carried, 100 * limit);
	gate_breach_add(j, GATE_ANSWERING, NULL, carried, limit, text);
}

void gate_service(struct gate_report *r, const struct gate_input *in, const struct plan_service *s)
{
	struct gate_judged j = { .report = r, .in = in, .s = s };

	if (!s->now || !s->pool_changes)
		return;
	medians(&j);
	j.drains_one = drains_one(in, s);
	check_shares(&j);
	check_load(&j);
	gate_clients(&j);
	/* A service that is new, or that nobody served, can but win. */
	if (j.like > 0) {
		check_eligible(&j);
		check_answering(&j);
	}
}
