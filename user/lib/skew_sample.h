/* SPDX-License-Identifier: GPL-2.0 */
/* A service's sampled packets, as skew_tick() wants them: a sketch for each track. Pure. */
#ifndef EVENKEEL_LIB_SKEW_SAMPLE_H
#define EVENKEEL_LIB_SKEW_SAMPLE_H

#include "lib/clients.h"
#include "lib/heavy.h"
#include "lib/skew.h"

/* Who is in none of a sketch's places has less than a 128th. */
#define SKEW_SAMPLE_CAPACITY 128u
/* A service has sketches from so many samples within the slow horizon on, and until it has less
 * than a tenth of that: a quarter of what a judgement needs. */
#define SKEW_SAMPLE_BEGIN 50.0

/* Begins as {}. */
struct skew_sample {
	double seen; /* samples within the slow horizon */
	struct heavy *of[SKEW_TRACK_COUNT];
};

/* `room`: sketches may be made, if there are none. Where memory is short there are none. */
void skew_sample_add(struct skew_sample *s, const struct client_packet *p, bool room, uint64_t key);
/* A second is over. */
void skew_sample_second(struct skew_sample *s, const struct skew_limits *limits);
bool skew_sample_is_open(const struct skew_sample *s);
void skew_sample_close(struct skew_sample *s);

#endif
