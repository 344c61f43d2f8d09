/* SPDX-License-Identifier: GPL-2.0 */
/* How long the controller takes each second to read all counters and judge how traffic is
 * spread. */
#ifndef EVENKEEL_TESTS_BENCH_JUDGING_H
#define EVENKEEL_TESTS_BENCH_JUDGING_H

#include "dp/dp.h"
#include "lib/config.h"

struct judging {
	double most_ms;  /* the longest second: of those in which new tables are read */
	double later_ms; /* the median of others: counters and statistics */
};

/* `c` is installed in `dp`. Every backend gets new flows in each second. -errno, or 0. */
int judging_measure(struct judging *out, struct dp *dp, const struct config *c);

#endif
