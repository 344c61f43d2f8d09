// SPDX-License-Identifier: GPL-2.0
/* How far each backend's load is from even, and how sure that is. */
#include <math.h>

#include "lib/rebalance_internal.h"

/* A backend without any load is as if it had this part of its share. */
#define LOAD_PART_MIN 0.1
/* Feedback near 0 says little about ratios: so many points are added to all. */
#define LOAD_OFFSET 5.0

static void ratio_add(struct ratio *q, double x, double base)
{
	q->n++;
	q->x += x;
	q->base += base;
	q->xx += x * x;
	q->xbase += x * base;
	q->basebase += base * base;
}

/* The standard error of x / base, from how far each second was from it (ratio estimator, Cochran
 * 1977, section 6.3). Where there was nothing at all, from `expected` instead, or it would be
 * sure. */
static double ratio_error(const struct ratio *q, double expected)
{
	double mean = q->x > 0 ? q->x / q->base : expected;
	double squares = q->xx - 2 * mean * q->xbase + mean * mean * q->basebase;

	if (q->n < 2)
		return INFINITY;
	return sqrt(fmax(squares, 0) * q->n / (q->n - 1)) / q->base;
}

void load_add(struct rebalance_row *rows, const struct rebalance_input *in, double stale_s)
{
	double total = 0;

	for (size_t i = 0; i < in->count; i++)
		total += in->backends[i].weight > 0 ? in->backends[i].traffic : 0;
	for (size_t i = 0; i < in->count; i++) {
		const struct rebalance_backend *b = &in->backends[i];

		if (!(b->weight > 0))
			continue;
		ratio_add(&rows[i].traffic, b->traffic, total);
		if (b->load >= 0 && b->load_age_s <= stale_s)
			ratio_add(&rows[i].load, fmin(b->load, 100), 1);
	}
}

/* By feedback, who gives it in at least half of the time; false if that are fewer than two. Who
 * does not is left as it is. */
static bool judge_load(struct rebalance_row *rows, const struct rebalance_input *in)
{
	double mean = 0, sum = 0;
	size_t with = 0;

	for (size_t i = 0; i < in->count; i++) {
		const struct rebalance_row *row = &rows[i];

		if (!(row->load.n > 0) || row->load.n * 2 < row->traffic.n)
			continue;
		with++;
		sum += in->backends[i].weight;
		mean += in->backends[i].weight * row->load.x / row->load.n;
	}
	if (with < 2)
		return false;
	for (size_t i = 0; i < in->count; i++) {
		struct rebalance_row *row = &rows[i];
		double load;

		row->off = row->error = 0;
		if (!(row->load.n > 0) || row->load.n * 2 < row->traffic.n)
			continue;
		load = row->load.x / row->load.n + LOAD_OFFSET;
		row->off = log(load / (mean / sum + LOAD_OFFSET));
		row->error = ratio_error(&row->load, mean / sum) / load;
	}
	return true;
}

static void judge_traffic(struct rebalance_row *rows, const struct rebalance_input *in)
{
	double sum = 0;

	for (size_t i = 0; i < in->count; i++)
		sum += in->backends[i].weight;
	for (size_t i = 0; i < in->count; i++) {
		struct rebalance_row *row = &rows[i];
		double share = in->backends[i].weight / sum, actual;

		row->off = row->error = 0;
		if (!(share > 0))
			continue;
		if (!(row->traffic.base > 0)) { /* no traffic at all: nothing is known */
			row->error = INFINITY;
			continue;
		}
		actual = fmax(row->traffic.x / row->traffic.base, LOAD_PART_MIN * share);
		row->off = log(actual / share);
		row->error = ratio_error(&row->traffic, share) / actual;
	}
}

void load_judge(struct rebalance_row *rows, const struct rebalance_input *in)
{
	if (!judge_load(rows, in))
		judge_traffic(rows, in);
}
