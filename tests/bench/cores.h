/* SPDX-License-Identifier: GPL-2.0 */
/* Two CPUs at once against one: what they write to the same cache lines would show. */
#ifndef EVENKEEL_TESTS_BENCH_CORES_H
#define EVENKEEL_TESTS_BENCH_CORES_H

#include "report.h"
#include "scene.h"

/* Adds its facts; where there is one CPU only it says so on stderr and adds none. */
int cores_measure(const struct scene *s, struct report *r, size_t rounds);

#endif
