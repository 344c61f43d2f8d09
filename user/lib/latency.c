// SPDX-License-Identifier: GPL-2.0
#include "lib/latency.h"

/* A rack's network answers within the first, a check's usual timeout is 1 s. */
const uint32_t latency_bounds_us[LATENCY_BUCKETS] = {
	250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000
};

void latency_add(struct latency *l, uint32_t us)
{
	l->count++;
	l->sum_s += us / 1e6;
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		if (us <= latency_bounds_us[i]) {
			l->within[i]++;
			return;
		}
}
