// SPDX-License-Identifier: GPL-2.0
/* One correction of factors, within all bounds. */
#include <math.h>

#include "lib/rebalance_internal.h"

/* A step is halved so often before it is given up. */
#define HALVINGS 6
/* Factors that all change alike move nothing; that is zero but for rounding. */
#define ALIKE 1e-9
/* A cap on one backend's share raises the others': so often it is worked out anew. */
#define CAP_ROUNDS 3

static bool active(const struct step *s, size_t i)
{
	return s->in->backends[i].weight > 0;
}

static double clamp(double x, double low, double high)
{
	return fmin(fmax(x, low), high);
}

bool step_wanted(const struct rebalance_tuning *t, const struct rebalance_row *row, double band)
{
	return fabs(row->off) > fmax(band, t->noise * row->error);
}

/* ---- shares ------------------------------------------------------------------------------- */

static void shares_in_force(struct step *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->in->count; i++)
		sum += s->in->backends[i].weight * s->rows[i].factor;
	for (size_t i = 0; i < s->in->count; i++)
		s->rows[i].share =
			sum > 0 ? s->in->backends[i].weight * s->rows[i].factor / sum : 0;
}

/* The shares that these factors give, into guard[].new_share; what they move. */
static double shares_by(struct step *s, double (*factor)(const struct rebalance_row *row))
{
	double sum = 0, moved = 0;

	for (size_t i = 0; i < s->in->count; i++)
		sum += s->in->backends[i].weight * factor(&s->rows[i]);
	for (size_t i = 0; i < s->in->count; i++) {
		double share = s->in->backends[i].weight * factor(&s->rows[i]) / sum;

		s->guard[i] = (struct guard_backend){
			.id = s->rows[i].id,
			.old_share = s->rows[i].share,
			.new_share = share,
			.weight = s->in->backends[i].weight,
			.capacity = s->in->backends[i].capacity,
		};
		moved += fabs(share - s->rows[i].share) / 2;
	}
	return moved;
}

static double by_aim(const struct rebalance_row *row)
{
	return exp(row->aim);
}

static double by_next(const struct rebalance_row *row)
{
	return row->next;
}

/* ---- aims --------------------------------------------------------------------------------- */

/* Only ratios of factors matter, so all may be shifted together: to a mean of 1, or as far from
 * that as makes room for who would leave the bounds. `down` and `up` are what brings the lowest and
 * the highest to its bound. */
static double shift_by(double mean, double down, double up)
{
	if (down <= up)
		return clamp(-mean, down, up);
	/* There is no room for both; all that there is at the other end is for who is outside. */
	if (up > 0)
		return up;
	return down < 0 ? down : 0;
}

static void centre(struct step *s)
{
	double low = log(s->tuning->low), high = log(s->tuning->high);
	double lowest = INFINITY, highest = -INFINITY, mean = 0, sum = 0, shift;

	for (size_t i = 0; i < s->in->count; i++) {
		if (!active(s, i))
			continue;
		lowest = fmin(lowest, s->rows[i].aim);
		highest = fmax(highest, s->rows[i].aim);
		mean += s->in->backends[i].weight * s->rows[i].aim;
		sum += s->in->backends[i].weight;
	}
	shift = shift_by(mean / sum, low - lowest, high - highest);
	for (size_t i = 0; i < s->in->count; i++)
		if (active(s, i))
			s->rows[i].aim = clamp(s->rows[i].aim + shift, low, high);
}

/* What this one may have at most: what it has, or as much as guard and capacity give. */
static double cap_of(const struct step *s, size_t i, size_t eligible)
{
	double limit = guard_share_limit(s->in->guard->share_times, eligible);
	double capacity = s->in->backends[i].capacity;

	if (capacity > 0 && s->in->demand > 0)
		limit = fmin(limit, capacity / s->in->demand);
	return fmax(limit, s->rows[i].share);
}

/* The guard refuses a whole step for one backend's sake: rather hold that one back, to a factor
 * that gives it its limit beside what the others have. */
static void cap(struct step *s)
{
	size_t eligible = 0;

	for (size_t i = 0; i < s->in->count; i++)
		eligible += active(s, i);
	for (int round = 0; round < CAP_ROUNDS; round++) {
		shares_by(s, by_aim);
		for (size_t i = 0; i < s->in->count; i++) {
			double limit = cap_of(s, i, eligible), share = s->guard[i].new_share;
			double times;

			if (!active(s, i) || share <= limit || limit >= 1)
				continue;
			times = limit / (1 - limit) * (1 - share) / share;
			s->rows[i].aim = fmax(s->rows[i].aim + log(times), log(s->tuning->low));
		}
	}
}

/* ---- from aims to a step ------------------------------------------------------------------ */

/* Part of the way, in factors that a table's weights can express. */
static bool go(struct step *s, double part, bool free)
{
	bool allowed = true;

	for (size_t i = 0; i < s->in->count; i++) {
		struct rebalance_row *row = &s->rows[i];
		double from = log(row->factor), to = exp(from + part * (row->aim - from));

		row->next = round(to * REBALANCE_SCALE) / REBALANCE_SCALE;
		allowed &= free || fabs(row->next - row->factor) <= row->allowance;
	}
	return allowed;
}

static bool guarded(struct step *s)
{
	struct guard_case c = {
		.cause = GUARD_BY_REBALANCE,
		.backends = s->guard,
		.count = s->in->count,
		.demand = s->in->demand,
		.budget = s->in->budget,
	};

	return guard_check(s->in->guard, &c, &s->breach) == GUARD_RULE_COUNT;
}

static double fit(struct step *s, bool free)
{
	double moved = shares_by(s, by_aim), part = 1;
	bool alike = moved < ALIKE;

	if (moved > s->in->budget)
		part = s->in->budget / moved;
	s->breach = (struct guard_breach){ .rule = GUARD_RULE_COUNT };
	for (int n = 0; n <= HALVINGS; n++, part /= 2) {
		bool allowed = go(s, part, free);

		moved = shares_by(s, by_next);
		if (!(moved > 0) && !alike) /* less than weights can express */
			return -1;
		if (!allowed || moved > s->in->budget || !guarded(s))
			continue;
		s->breach.rule = GUARD_RULE_COUNT;
		return moved;
	}
	return -1;
}

double step_correct(struct step *s)
{
	const struct rebalance_tuning *t = s->tuning;

	shares_in_force(s);
	for (size_t i = 0; i < s->in->count; i++) {
		struct rebalance_row *row = &s->rows[i];
		double by = clamp(-t->gain * row->gain * row->off, -t->step_max, t->step_max);

		row->aim = log(row->factor);
		if (active(s, i) && step_wanted(t, row, t->band_stop))
			row->aim += by;
	}
	centre(s);
	cap(s);
	return fit(s, false);
}

double step_relax(struct step *s)
{
	double most = s->tuning->step_max;

	shares_in_force(s);
	for (size_t i = 0; i < s->in->count; i++) {
		double from = log(s->rows[i].factor);

		s->rows[i].aim = from + clamp(-from, -most, most);
	}
	return fit(s, true);
}
