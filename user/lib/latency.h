/* SPDX-License-Identifier: GPL-2.0 */
/* How long something took, counted by size: a histogram for Prometheus. Pure. */
#ifndef EVENKEEL_LIB_LATENCY_H
#define EVENKEEL_LIB_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 12
extern const uint32_t latency_bounds_us[LATENCY_BUCKETS];

/* Starts as {}. */
struct latency {
	uint64_t within[LATENCY_BUCKETS]; /* and not within the one before */
	uint64_t count;
	double sum_s;
};

void latency_add(struct latency *l, uint32_t us);

#endif
