/* SPDX-License-Identifier: GPL-2.0 */
/* Budgets that are spent or full at a word, and streams of new flows from each CPU. */
#ifndef EVENKEEL_TESTS_SHED_CASE_H
#define EVENKEEL_TESTS_SHED_CASE_H

#include "fixture.h"

/* Nothing is left of any budget, nor will be for an hour; all purses and notes are empty. */
void budgets_spend(const struct fixture *x);
/* A whole burst is there, of all budgets. */
void budgets_fill(const struct fixture *x);
/* The same, and verdicts that were given hold on. */
void budgets_spend_but_notes(const struct fixture *x);
void budgets_fill_but_notes(const struct fixture *x);
/* As if so many milliseconds had passed since each verdict. */
void verdicts_age(const struct fixture *x, uint32_t ms);

/* Whether the frame is forwarded; else it must have been dropped. */
bool admitted(const struct fixture *x, const struct frame *f);
/* The only backend of the service. */
uint32_t backend(const struct fixture *x, const char *service);

/* Packet i of a stream. */
typedef void (*stream_fn)(struct frame *f, unsigned int i);

/* So many threads, each on a CPU of its own, send packets as fast as they can for so long. */
struct streamed {
	uint64_t sent, admitted;
	double seconds; /* from before the first to behind the last */
	double covered; /* of these, without pauses in which a burst may have gone to waste */
};
struct streamed stream(const struct fixture *x, unsigned int threads, double seconds,
		       stream_fn packet);

/* The number on which all that was streamed must agree: what a bucket of that rate hands out. */
void assert_held_to(const struct streamed *s, uint32_t rate);

/* Threads that can have a CPU of their own; and the caller on one of these CPUs, by its number among
 * them: 0, or it has failed. */
unsigned int cpus_usable(void);
int pin_to(unsigned int number);

uint64_t clock_ns(void);

#endif
