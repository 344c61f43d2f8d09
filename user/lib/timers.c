// SPDX-License-Identifier: GPL-2.0
#include "lib/timers.h"

#include <errno.h>
#include <stdlib.h>

int timers_join(struct timers *t)
{
	size_t wanted = t->members + 2; /* [0] is unused */

	if (wanted > t->capacity) {
		size_t capacity = t->capacity ? 2 * t->capacity : 64;
		struct timer **grown = reallocarray(t->heap, capacity, sizeof(void *));

		if (!grown)
			return -ENOMEM;
		t->heap = grown;
		t->capacity = capacity;
	}
	t->members++;
	return 0;
}

void timers_leave(struct timers *t, struct timer *x)
{
	timers_clear(t, x);
	t->members--;
}

static void put(struct timers *t, size_t place, struct timer *x)
{
	t->heap[place] = x;
	x->place = place;
}

/* Moves the timer from `place` to where it belongs. */
static void sift(struct timers *t, size_t place, struct timer *x)
{
	for (; place > 1 && t->heap[place / 2]->at > x->at; place /= 2)
		put(t, place, t->heap[place / 2]);
	for (;;) {
		size_t child = 2 * place;

		if (child < t->count && t->heap[child + 1]->at < t->heap[child]->at)
			child++;
		if (child > t->count || t->heap[child]->at >= x->at)
			break;
		put(t, place, t->heap[child]);
		place = child;
	}
	put(t, place, x);
}

void timers_set(struct timers *t, struct timer *x, uint64_t at)
{
	x->at = at;
	sift(t, x->place ? x->place : ++t->count, x);
}

void timers_clear(struct timers *t, struct timer *x)
{
	size_t place = x->place;
	struct timer *last;

	if (!place)
		return;
	last = t->heap[t->count--];
	x->place = 0;
	if (last != x)
		sift(t, place, last);
}

uint64_t timers_next(const struct timers *t)
{
	return t->count ? t->heap[1]->at : UINT64_MAX;
}

struct timer *timers_due(struct timers *t, uint64_t now)
{
	struct timer *first = t->count ? t->heap[1] : NULL;

	if (!first || first->at > now)
		return NULL;
	timers_clear(t, first);
	return first;
}

void timers_release(struct timers *t)
{
	free(t->heap);
	*t = (struct timers){};
}
