// SPDX-License-Identifier: GPL-2.0
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"
#include "lib/cleanup.h"

/* A round counts if bare XDP_TX was at most this much slower, before and after it, than in the
 * fastest tenth of the rounds: virtual machines halve their speed for a while unannounced. */
#define TOLERANCE 1.25

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double report_quantile(double *values, size_t count, double q)
{
	if (!count)
		return NAN;
	qsort(values, count, sizeof(*values), by_value);
	return values[(size_t)(q * (double)(count - 1) + 0.5)];
}

/* What computing needs: which rounds count, and room for sorting. */
struct work {
	bool *keep;
	double *sorted;  /* all batches of a result */
	double *medians; /* [result][round] */
};

static void work_release(struct work *w)
{
	free(w->keep);
	free(w->sorted);
	free(w->medians);
}

static void choose_rounds(struct report *r, struct work *w)
{
	double usual;

	memcpy(w->sorted, r->calibration, 2 * r->rounds * sizeof(double));
	usual = report_quantile(w->sorted, 2 * r->rounds, 0.1);
	r->kept = 0;
	for (size_t i = 0; i < r->rounds; i++) {
		w->keep[i] = r->calibration[2 * i] <= usual * TOLERANCE &&
			     r->calibration[2 * i + 1] <= usual * TOLERANCE;
		r->kept += w->keep[i];
	}
}

static void summarize(const struct report *r, struct work *w, size_t index)
{
	struct result *result = &r->results[index];
	size_t taken = 0;

	for (size_t i = 0; i < r->rounds; i++) {
		double *round = result->batches + i * r->per_round;

		if (w->keep[i]) {
			memcpy(w->sorted + taken, round, r->per_round * sizeof(double));
			taken += r->per_round;
		}
	}
	result->median = report_quantile(w->sorted, taken, 0.5);
	result->p99 = report_quantile(w->sorted, taken, 0.99);
	for (size_t i = 0; i < r->rounds; i++) {
		memcpy(w->sorted, result->batches + i * r->per_round,
		       r->per_round * sizeof(double));
		w->medians[index * r->rounds + i] = report_quantile(w->sorted, r->per_round, 0.5);
	}
}

/* Compared within a round, where all had the same machine, before the median over rounds. */
static void compare(const struct report *r, struct work *w, size_t index)
{
	struct result *result = &r->results[index];
	const double *own = w->medians + index * r->rounds;
	const double *tx = w->medians + r->tx * r->rounds;
	const double *floor =
		result->floor < 0 ? NULL : w->medians + (size_t)result->floor * r->rounds;
	size_t taken = 0;

	for (size_t i = 0; i < r->rounds; i++) {
		if (w->keep[i])
			w->sorted[taken++] = own[i] - tx[i];
	}
	result->over_tx = report_quantile(w->sorted, taken, 0.5);
	taken = 0;
	for (size_t i = 0; floor && i < r->rounds; i++) {
		if (w->keep[i] && floor[i] > tx[i])
			w->sorted[taken++] = (own[i] - tx[i]) / (floor[i] - tx[i]);
	}
	result->ratio = report_quantile(w->sorted, taken, 0.5);
}

int report_compute(struct report *r)
{
	_cleanup_(work_release) struct work w = {};
	size_t batches = r->rounds * (r->per_round > 2 ? r->per_round : 2);

	w.keep = calloc(r->rounds, sizeof(*w.keep));
	w.sorted = calloc(batches, sizeof(*w.sorted));
	w.medians = calloc(r->count * r->rounds, sizeof(*w.medians));
	if (!w.keep || !w.sorted || !w.medians)
		return -ENOMEM;
	choose_rounds(r, &w);
	for (size_t i = 0; i < r->count; i++)
		summarize(r, &w, i);
	for (size_t i = 0; i < r->count; i++)
		compare(r, &w, i);
	return 0;
}

/* ---- aims ---------------------------------------------------------------------------------- */

static double quantity(const struct result *x, const struct aim *aim)
{
	if (aim->of == AIM_RATIO)
		return x->ratio;
	return aim->of == AIM_MEDIAN ? x->median : x->over_tx;
}

/* NAN: none. */
static double limit_of(const struct report *r, const struct result *x)
{
	const struct aim *aim = &x->aim;

	if (aim->of == AIM_NONE)
		return NAN;
	if (aim->of == AIM_RATIO)
		return aim->factor;
	return aim->factor * quantity(&r->results[aim->than], aim) +
	       aim->misses * r->results[r->miss].over_tx;
}

static const char *quantity_name(const struct aim *aim)
{
	if (aim->of == AIM_RATIO)
		return "ratio";
	return aim->of == AIM_MEDIAN ? "median" : "over TX";
}

static const char *verdict(bool met)
{
	return met ? "met" : "NOT MET";
}

static struct fact *fact_add(struct report *r, const char *name, double value, const char *unit)
{
	struct fact *f = &r->facts[r->fact_count];

	if (r->fact_count == REPORT_FACTS_MAX) {
		fprintf(stderr, "bench: more than %d facts: raise REPORT_FACTS_MAX\n",
			REPORT_FACTS_MAX);
		exit(1);
	}
	r->fact_count++;
	*f = (struct fact){ .name = name, .unit = unit, .value = value, .limit = NAN };
	return f;
}

void report_fact(struct report *r, const char *name, double value, const char *unit)
{
	fact_add(r, name, value, unit);
}

void report_fact_most(struct report *r, const char *name, double value, const char *unit,
		      double limit)
{
	fact_add(r, name, value, unit)->limit = limit;
}

void report_fact_least(struct report *r, const char *name, double value, const char *unit,
		       double limit)
{
	struct fact *f = fact_add(r, name, value, unit);

	f->limit = limit;
	f->at_least = true;
}

static bool fact_met(const struct fact *f)
{
	return f->at_least ? f->value >= f->limit : f->value <= f->limit;
}

/* ---- printing -------------------------------------------------------------------------------- */

#define FLOWS_TEXT_MAX 24

static const char *flows_text(size_t flows, char buf[static FLOWS_TEXT_MAX])
{
	if (flows >= 1 << 20)
		snprintf(buf, FLOWS_TEXT_MAX, "%zu M", flows >> 20);
	else if (flows >= 1 << 10)
		snprintf(buf, FLOWS_TEXT_MAX, "%zu K", flows >> 10);
	else
		snprintf(buf, FLOWS_TEXT_MAX, "%zu", flows);
	return buf;
}

static void print_row(const struct report *r, const struct result *x)
{
	double limit = limit_of(r, x);
	char flows[FLOWS_TEXT_MAX], ratio[16] = "";

	if (!isnan(x->ratio))
		snprintf(ratio, sizeof(ratio), "%.2f", x->ratio);
	printf("%-36s %6s %7.1f %7.1f %8.1f %6s", x->name, flows_text(x->flows, flows), x->median,
	       x->p99, x->over_tx, ratio);
	if (isnan(limit))
		printf("\n");
	else
		printf("  %s <= %.*f: %s\n", quantity_name(&x->aim), x->aim.of == AIM_RATIO ? 2 : 1,
		       limit, verdict(quantity(x, &x->aim) <= limit));
}

static void print_fact(const struct fact *f)
{
	printf("%-52s %10.*f %-8s", f->name, f->value < 100 ? 2 : 0, f->value, f->unit);
	if (isnan(f->limit))
		printf("\n");
	else
		printf("  %s %g: %s\n", f->at_least ? ">=" : "<=", f->limit, verdict(fact_met(f)));
}

static void print_table(const struct report *r)
{
	printf("ns per packet inside the kernel, median and 99th percentile of batches of %d;\n"
	       "ratio: (row - XDP_TX) / (encapsulation alone - XDP_TX), outer family alike\n\n"
	       "%-36s %6s %7s %7s %8s %6s  %s\n",
	       BENCH_BATCH, "", "flows", "median", "p99", "over TX", "ratio", "aim");
	for (size_t i = 0; i < r->count; i++)
		print_row(r, &r->results[i]);
	printf("\n%zu of %zu rounds counted; in the others the machine ran slower\n\n", r->kept,
	       r->rounds);
	for (size_t i = 0; i < r->fact_count; i++)
		print_fact(&r->facts[i]);
}

static void json_number(const char *name, double value, int digits)
{
	if (isnan(value))
		printf(",\"%s\":null", name);
	else
		printf(",\"%s\":%.*f", name, digits, value);
}

static void json_met(double limit, bool met)
{
	printf(",\"met\":%s}", isnan(limit) ? "null" : met ? "true" : "false");
}

static void json_row(const struct report *r, const struct result *x)
{
	double limit = limit_of(r, x);

	printf("\n{\"name\":\"%s\",\"flows\":%zu", x->name, x->flows);
	json_number("median_ns", x->median, 2);
	json_number("p99_ns", x->p99, 2);
	json_number("over_tx_ns", x->over_tx, 2);
	json_number("ratio", x->ratio, 3);
	if (isnan(limit))
		printf(",\"aim_of\":null");
	else
		printf(",\"aim_of\":\"%s\"", quantity_name(&x->aim));
	json_number("at_most", limit, 2);
	json_met(limit, quantity(x, &x->aim) <= limit);
}

static void json_fact(const struct fact *f)
{
	printf("\n{\"name\":\"%s\",\"unit\":\"%s\"", f->name, f->unit);
	json_number("value", f->value, 3);
	json_number(f->at_least ? "at_least" : "at_most", f->limit, 3);
	json_met(f->limit, fact_met(f));
}

static void print_json(const struct report *r)
{
	struct utsname host = {};

	uname(&host);
	printf("{\"kernel\":\"%s\",\"rounds\":%zu,\"rounds_counted\":%zu,\"batch\":%d,\"rows\":[",
	       host.release, r->rounds, r->kept, BENCH_BATCH);
	for (size_t i = 0; i < r->count; i++) {
		printf("%s", i ? "," : "");
		json_row(r, &r->results[i]);
	}
	printf("],\n\"facts\":[");
	for (size_t i = 0; i < r->fact_count; i++) {
		printf("%s", i ? "," : "");
		json_fact(&r->facts[i]);
	}
	printf("\n]}\n");
}

void report_print(const struct report *r, bool json)
{
	if (json)
		print_json(r);
	else
		print_table(r);
}
