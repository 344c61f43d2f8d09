// SPDX-License-Identifier: GPL-2.0
/* First fit over the gaps between the tables in force. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/region.h"

static int by_base(const void *a, const void *b)
{
	const struct region *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static void add(struct regions *r, uint64_t word)
{
	if (word)
		r->taken[r->count++] =
			(struct region){ ek_table_base(word), ek_table_mask(word) + 1 };
}

int regions_make(struct regions *r, const struct dp *dp, size_t more)
{
	struct regions made = { .total = dp->sizes.slots };

	made.taken = calloc((size_t)EK_SERVICES_MAX * 2 + more, sizeof(*made.taken));
	if (!made.taken)
		return -ENOMEM;
	for (size_t i = 0; i < EK_SERVICES_MAX; i++) {
		add(&made, dp->services[i].table);
		add(&made, dp->services[i].old_table);
	}
	qsort(made.taken, made.count, sizeof(*made.taken), by_base);
	*r = made;
	return 0;
}

void regions_release(struct regions *r)
{
	free(r->taken);
	r->taken = NULL;
}

void regions_gaps(const struct regions *r, uint32_t *free, uint32_t *largest)
{
	uint32_t at = 0;

	*free = *largest = 0;
	for (size_t i = 0; i <= r->count; i++) {
		uint32_t end = i < r->count ? r->taken[i].base : r->total;
		uint32_t gap = end > at ? end - at : 0;

		*free += gap;
		*largest = gap > *largest ? gap : *largest;
		if (i < r->count && at < r->taken[i].base + r->taken[i].slots)
			at = r->taken[i].base + r->taken[i].slots;
	}
}

int regions_take(struct regions *r, uint32_t slots, uint32_t *base)
{
	uint64_t at = 0;
	size_t i;

	for (i = 0; i < r->count; i++) {
		if (r->taken[i].base >= at + slots)
			break;
		if (at < (uint64_t)r->taken[i].base + r->taken[i].slots)
			at = (uint64_t)r->taken[i].base + r->taken[i].slots;
	}
	if (at + slots > r->total)
		return -ENOSPC;
	memmove(&r->taken[i + 1], &r->taken[i], (r->count - i) * sizeof(*r->taken));
	r->taken[i] = (struct region){ (uint32_t)at, slots };
	r->count++;
	*base = (uint32_t)at;
	return 0;
}
