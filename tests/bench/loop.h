/* SPDX-License-Identifier: GPL-2.0 */
/* Running rows in the kernel's loop. */
#ifndef EVENKEEL_TESTS_BENCH_LOOP_H
#define EVENKEEL_TESTS_BENCH_LOOP_H

#include "rows.h"
#include "scene.h"

/* Binds the calling thread, and with it its test runs, to a CPU. */
int loop_bind(unsigned int cpu);

/* Makes the row the CPU's job. */
void loop_prepare(const struct scene *s, const struct row *row, unsigned int cpu);

/* One run of the row on the CPU that the caller is bound to: BENCH_BATCHES batches, their times
 * in that CPU's job. -EPROTO: a packet fared otherwise than expected, which is said on stderr. */
int loop_run(const struct scene *s, const struct row *row, unsigned int cpu);

/* All rows whose name has `only` in it (NULL: all), and those they are compared with, round
 * after round on this CPU. */
int loop_measure(const struct scene *s, struct report *r, size_t rounds, const char *only,
		 unsigned int cpu);
void loop_release(struct report *r);

#endif
