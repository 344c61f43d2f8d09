/* SPDX-License-Identifier: GPL-2.0 */
/* Many deadlines, and the next of them: a binary heap. Pure; what a time means is the caller's. */
#ifndef EVENKEEL_LIB_TIMERS_H
#define EVENKEEL_LIB_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Part of what has the deadline. {} is one that is not set. */
struct timer {
	uint64_t at;
	size_t place; /* in the heap, from 1; 0: not set */
};

/* {} is valid and empty. */
struct timers {
	struct timer **heap; /* [0] is unused */
	size_t count, capacity, members;
};

/* Makes room for one more timer, so that setting it cannot fail. -ENOMEM, or 0. */
int timers_join(struct timers *t);
/* Gives that room back; the timer is not set afterwards. */
void timers_leave(struct timers *t, struct timer *x);

/* Sets, or sets anew. */
void timers_set(struct timers *t, struct timer *x, uint64_t at);
void timers_clear(struct timers *t, struct timer *x);

/* The earliest deadline; UINT64_MAX: none is set. */
uint64_t timers_next(const struct timers *t);
/* One whose time has come, not set any more; NULL if there is none. */
struct timer *timers_due(struct timers *t, uint64_t now);

void timers_release(struct timers *t);

#endif
