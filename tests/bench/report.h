/* SPDX-License-Identifier: GPL-2.0 */
/* From batches to one table. */
#ifndef EVENKEEL_TESTS_BENCH_REPORT_H
#define EVENKEEL_TESTS_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define REPORT_NO_FLOOR (-1)

/* One line of the table, and what it was measured from. */
struct result {
	const char *name;
	size_t flows;    /* sources, each as likely as any other */
	int floor;       /* its encapsulation floor: index among the results, or REPORT_NO_FLOOR */
	double *batches; /* ns per packet, `per_round` of each round, in order */
	double median, p99;
	double over_tx; /* median of the rounds' own differences to bare XDP_TX */
	double ratio;   /* over_tx by that of its floor, median of the rounds' own; NAN: none */
};

struct report {
	struct result *results;
	size_t count;
	size_t tx; /* index of bare XDP_TX */
	size_t rounds, per_round;
	double *calibration; /* two of each round: bare XDP_TX before and after it */
	size_t kept;         /* rounds in which the machine was at its usual speed throughout */
};

/* Fills what was computed of every result. -ENOMEM, or 0. */
int report_compute(struct report *r);
void report_print(const struct report *r, bool json);

#endif
