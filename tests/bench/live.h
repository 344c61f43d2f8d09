/* SPDX-License-Identifier: GPL-2.0 */
/* Real frames through a veth pair in driver mode, beside a bare XDP_TX program on the same pair. */
#ifndef EVENKEEL_TESTS_BENCH_LIVE_H
#define EVENKEEL_TESTS_BENCH_LIVE_H

#include "report.h"
#include "scene.h"

/* The ends of the pair, made by scripts/bench.sh in a network namespace of its own. */
#define LIVE_NEAR "near" /* frames are sent here, and come back here */
#define LIVE_FAR "far"   /* here they meet the program that is measured */

/* The product's own program, in maps of its own; the caller is bound to `cpu`. -ENODEV: no pair. */
int live_measure(const struct scene *s, struct report *r, unsigned int cpu);

#endif
