/* SPDX-License-Identifier: GPL-2.0 */
/* How densely each service's packets are sampled, so that all share a budget. Pure. */
#ifndef EVENKEEL_LIB_ALLOT_H
#define EVENKEEL_LIB_ALLOT_H

#include <stddef.h>
#include <stdint.h>

/* The most samples a second that a service can have if none has more and all together have no more
 * than `budget`: who has fewer packets than that is seen in full, and leaves the rest to others. */
double allot_most(const double *rates, size_t count, double budget);

/* One in 2^this of `rate` packets a second is at most `most`; at most EK_SAMPLE_SHIFT_MAX. */
uint8_t allot_shift(double rate, double most);

#endif
