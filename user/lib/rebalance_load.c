// SPDX-License-Identifier: GPL-2.0
/* How far each backend's load is from even, and how sure that is. */
#include <math.h>
#include <string.h>

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

static bool is_heard(const struct rebalance_backend *b, double stale_s)
{
	return b->weight > 0 && b->load >= 0 && b->load_age_s <= stale_s;
}

static double told(const struct rebalance_backend *b)
{
	return fmin(b->load, 100) + LOAD_OFFSET;
}

/* Of those who tell theirs, by weight. */
static double mean_told(const struct rebalance_input *in, double stale_s)
{
	double sum = 0, weight = 0;

	for (size_t i = 0; i < in->count; i++) {
		const struct rebalance_backend *b = &in->backends[i];

		if (!is_heard(b, stale_s))
			continue;
		sum += b->weight * told(b);
		weight += b->weight;
	}
	return weight > 0 ? sum / weight : 1;
}

/* A load is held against the mean of the same second: what all have more, or less, is no noise. */
void load_add(struct rebalance_row *rows, const struct rebalance_input *in, double stale_s)
{
	double total = 0, mean = mean_told(in, stale_s);

	for (size_t i = 0; i < in->count; i++)
		total += in->backends[i].weight > 0 ? in->backends[i].traffic : 0;
	for (size_t i = 0; i < in->count; i++) {
		const struct rebalance_backend *b = &in->backends[i];

		if (!(b->weight > 0))
			continue;
		ratio_add(&rows[i].traffic, b->traffic, total);
		if (is_heard(b, stale_s))
			ratio_add(&rows[i].load, told(b), mean);
	}
}

static bool has_told(const struct rebalance_row *row)
{
	return row->load.n > 0 && row->load.n * 2 >= row->traffic.n;
}

/* By feedback, who gives it in at least half of the time; false if that are fewer than two. Who
 * does not is left as it is. */
static bool judge_load(struct rebalance_row *rows, const struct rebalance_input *in)
{
	size_t with = 0;

	for (size_t i = 0; i < in->count; i++)
		with += has_told(&rows[i]);
	if (with < 2)
		return false;
	for (size_t i = 0; i < in->count; i++) {
		struct rebalance_row *row = &rows[i];
		double load;

		row->off = row->error = 0;
		if (!has_told(row))
			continue;
		load = row->load.x / row->load.base;
		row->off = log(load);
		row->error = ratio_error(&row->load, 1) / load;
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
	if (judge_load(rows, in))
		return;
	if (!in->by_load) {
		judge_traffic(rows, in);
		return;
	}
	for (size_t i = 0; i < in->count; i++) { /* too few answers: nothing is known */
		rows[i].off = 0;
		rows[i].error = INFINITY;
	}
}

bool load_heard(const struct rebalance_input *in, double stale_s)
{
	size_t n = 0;

	for (size_t i = 0; i < in->count; i++)
		n += is_heard(&in->backends[i], stale_s);
	return n >= 2;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Longer than any number worth telling: what is cut off may be anything. */
#define ANSWER_MAX 16
#define DIGITS "0123456789"

bool rebalance_load_read(const char *answer, double *load)
{
	size_t whole = strspn(answer, DIGITS), part = 0, at = whole;
	double value = 0, unit = 1;

	if (!whole || strnlen(answer, ANSWER_MAX) == ANSWER_MAX)
		return false;
	if (answer[at] == '.') {
		part = strspn(answer + at + 1, DIGITS);
		at += 1 + part;
	}
	at += answer[at] == '%';
	at += strspn(answer + at, " \t\r\n");
	if (answer[at] || (answer[whole] == '.' && !part))
		return false;
	for (size_t i = 0; i < whole; i++)
		value = value * 10 + (answer[i] - '0');
	for (size_t i = 0; i < part; i++)
		value += (answer[whole + 1 + i] - '0') * (unit /= 10);
	if (value > 100)
		return false;
	*load = value;
	return true;
}
