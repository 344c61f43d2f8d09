// SPDX-License-Identifier: GPL-2.0
#include "lib/cap.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/cleanup.h"

/* What one is known to bear by itself. */
static double bears(const struct cap_fact *f)
{
	return fmax(CAP_RECENT * f->recent, CAP_BEST * f->best);
}

/* By pool, in each the one that bears most first. */
static int by_pool(const void *a, const void *b)
{
	const struct cap_fact *x = *(const struct cap_fact *const *)a;
	const struct cap_fact *y = *(const struct cap_fact *const *)b;
	double of_x = bears(x), of_y = bears(y);

	if (x->pool != y->pool)
		return x->pool < y->pool ? -1 : 1;
	return of_x > of_y ? -1 : of_x < of_y;
}

struct pool {
	double recent, weight, median;
};

/* Of pool[0..count), sorted. The median is that of those of whom anything is known, the higher one of
 * two. */
static struct pool pool_of(const struct cap_fact *const *pool, size_t count)
{
	struct pool sum = {};
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		sum.recent += pool[i]->recent;
		sum.weight += pool[i]->weight;
		known += bears(pool[i]) > 0;
	}
	sum.median = known ? bears(pool[(known - 1) / 2]) : 0;
	return sum;
}

static uint32_t cap_of(const struct cap_fact *f, const struct pool *pool)
{
	double own = bears(f);
	double anyway = pool->weight > 0 ? pool->recent * f->weight / pool->weight : 0;

	if (f->declared)
		return f->declared;
	if (pool->median <= 0)
		return 0;
	if (own < pool->median / 2)
		own = pool->median;
	return (uint32_t)fmax(ceil(fmax(own, CAP_ANYWAY * anyway)), CAP_LEAST);
}

int caps_work_out(const struct cap_fact *facts, size_t count, uint32_t *caps)
{
	_cleanup_(free_ptr) const struct cap_fact **sorted = calloc(count + 1, sizeof(void *));
	size_t first = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &facts[i];
	qsort(sorted, count, sizeof(void *), by_pool);
	for (size_t i = 1; i <= count; i++) {
		struct pool pool;

		if (i < count && sorted[i]->pool == sorted[first]->pool)
			continue;
		pool = pool_of(sorted + first, i - first);
		for (; first < i; first++)
			caps[sorted[first] - facts] = cap_of(sorted[first], &pool);
	}
	return 0;
}
