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

/* Sorts `values`. */
static double quantile(double *values, size_t count, double q)
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
	usual = quantile(w->sorted, 2 * r->rounds, 0.1);
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
	result->median = quantile(w->sorted, taken, 0.5);
	result->p99 = quantile(w->sorted, taken, 0.99);
	for (size_t i = 0; i < r->rounds; i++) {
		memcpy(w->sorted, result->batches + i * r->per_round,
		       r->per_round * sizeof(double));
		w->medians[index * r->rounds + i] = quantile(w->sorted, r->per_round, 0.5);
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
	result->over_tx = quantile(w->sorted, taken, 0.5);
	taken = 0;
	for (size_t i = 0; floor && i < r->rounds; i++) {
		if (w->keep[i] && floor[i] > tx[i])
			w->sorted[taken++] = (own[i] - tx[i]) / (floor[i] - tx[i]);
	}
	result->ratio = quantile(w->sorted, taken, 0.5);
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

/* ---- printing ---------------------------------------------------------------------------------- */

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

static void print_table(const struct report *r)
{
	printf("ns per packet inside the kernel, median and 99th percentile of batches of %d;\n"
	       "ratio: (row - XDP_TX) / (encapsulation alone - XDP_TX), outer family alike\n\n"
	       "%-38s %7s %8s %8s %8s %7s\n",
	       BENCH_BATCH, "", "flows", "median", "p99", "over TX", "ratio");
	for (size_t i = 0; i < r->count; i++) {
		const struct result *x = &r->results[i];
		char flows[FLOWS_TEXT_MAX];

		printf("%-38s %7s %8.1f %8.1f %8.1f ", x->name, flows_text(x->flows, flows),
		       x->median, x->p99, x->over_tx);
		if (isnan(x->ratio))
			printf("%7s\n", "");
		else
			printf("%7.2f\n", x->ratio);
	}
	printf("\n%zu of %zu rounds counted; in the others the machine ran slower\n", r->kept,
	       r->rounds);
}

static void print_json(const struct report *r)
{
	struct utsname host = {};

	uname(&host);
	printf("{\"kernel\":\"%s\",\"rounds\":%zu,\"rounds_counted\":%zu,\"batch\":%d,\"rows\":[",
	       host.release, r->rounds, r->kept, BENCH_BATCH);
	for (size_t i = 0; i < r->count; i++) {
		const struct result *x = &r->results[i];

		printf("%s\n{\"name\":\"%s\",\"flows\":%zu,\"median_ns\":%.2f,\"p99_ns\":%.2f,"
		       "\"over_tx_ns\":%.2f,\"ratio\":",
		       i ? "," : "", x->name, x->flows, x->median, x->p99, x->over_tx);
		if (isnan(x->ratio))
			printf("null}");
		else
			printf("%.3f}", x->ratio);
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
