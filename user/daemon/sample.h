/* SPDX-License-Identifier: GPL-2.0 */
/* The last seconds of each backend's counters, for actual shares. */
#ifndef EVENKEEL_DAEMON_SAMPLE_H
#define EVENKEEL_DAEMON_SAMPLE_H

#include <stdint.h>

#include "dp/install.h"

/* Seconds over which actual shares are counted. */
#define SAMPLE_WINDOW_S 10

struct samples;

int samples_open(struct samples **out, const struct dp *dp);
void samples_close(struct samples *s);

/* Takes one sample of every backend in use; call each second. */
void samples_take(struct samples *s, const struct dp *dp);

/* What a backend got within the window. 0 if it is too new to know. */
void samples_window(const struct samples *s, uint32_t backend, uint64_t *packets, uint64_t *flows);

/* And between the last two samples. */
void samples_second(const struct samples *s, uint32_t backend, struct dp_traffic *out);

#endif
