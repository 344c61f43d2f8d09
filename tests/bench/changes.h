/* SPDX-License-Identifier: GPL-2.0 */
/* How long changes take, and how much memory configurations do. */
#ifndef EVENKEEL_TESTS_BENCH_CHANGES_H
#define EVENKEEL_TESTS_BENCH_CHANGES_H

#include "report.h"

/* Each case is measured in a process of its own, with maps of its own. */
int changes_measure(struct report *r);

#endif
