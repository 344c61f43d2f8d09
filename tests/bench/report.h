/* SPDX-License-Identifier: GPL-2.0 */
/* From batches to one table. */
#ifndef EVENKEEL_TESTS_BENCH_REPORT_H
#define EVENKEEL_TESTS_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define REPORT_NONE (-1)

/* What a row must not exceed: `factor` times the same quantity of row `than`, and `misses`
 * accesses of memory, as the floor of the same run has them. */
struct aim {
	enum {
		AIM_NONE,
		AIM_RATIO, /* the ratio, of itself */
		AIM_OVER_TX,
		AIM_MEDIAN
	} of;
	double factor;
	int than;
	int misses;
};

/* One line of the table, and what it was measured from. */
struct result {
	const char *name;
	size_t flows; /* sources, each as likely as any other */
	int floor;    /* its encapsulation floor: index among the results, or REPORT_NONE */
	struct aim aim;
	double *batches; /* ns per packet, `per_round` of each round, in order */
	double median, p99;
	double over_tx; /* median of the rounds' own differences to bare XDP_TX */
	double ratio;   /* over_tx by that of its floor, median of the rounds' own; NAN: none */
};

/* A figure that is no packet of the loop. */
struct fact {
	const char *name;
	const char *unit;
	double value;
	double limit;  /* NAN: none */
	bool at_least; /* the limit is the least it must be, not the most it may be */
};
#define REPORT_FACTS_MAX 40
#define REPORT_ROWS_MAX 80

struct report {
	struct result *results;
	size_t count;
	size_t tx, miss; /* indexes of bare XDP_TX and of one access of memory */
	size_t rounds, per_round;
	double *calibration; /* two of each round: bare XDP_TX before and after it */
	size_t kept;         /* rounds in which the machine was at its usual speed throughout */
	struct fact facts[REPORT_FACTS_MAX];
	size_t fact_count;
};

/* Fills what was computed of every result. -ENOMEM, or 0. */
int report_compute(struct report *r);

/* Names and units are kept by reference. */
void report_fact(struct report *r, const char *name, double value, const char *unit);
void report_fact_most(struct report *r, const char *name, double value, const char *unit,
		      double limit);
void report_fact_least(struct report *r, const char *name, double value, const char *unit,
		       double limit);

void report_print(const struct report *r, bool json);

/* The q-quantile; sorts `values`. NAN if there are none. */
double report_quantile(double *values, size_t count, double q);

#endif
