/* SPDX-License-Identifier: GPL-2.0 */
/* What a server has borne: the highest rate of a whole minute within a span that slides. Pure: counts
 * and seconds come in as arguments. */
#ifndef EVENKEEL_LIB_BORNE_H
#define EVENKEEL_LIB_BORNE_H

#include <stdbool.h>
#include <stdint.h>

/* The span slides in so many steps. */
#define BORNE_STEPS 28

#define BORNE_WEEK_S (7u * 24 * 3600)
#define BORNE_DAY_S (24u * 3600)

/* All zero is one that has borne nothing. */
struct borne {
	float best[BORNE_STEPS]; /* of each step, by its number */
	uint64_t step;           /* the newest */
	uint64_t minute;         /* that is being counted */
	uint32_t seconds;        /* counted of it, */
	uint64_t count;          /* and what they had */
	bool spoilt;             /* it was not healthy all of the time */
};

/* Each second: what was counted in it. A minute in which it was not healthy says nothing. */
void borne_add(struct borne *b, uint32_t span_s, uint64_t now_s, uint64_t count, bool healthy);

/* A second; 0: nothing is known. */
double borne_best(const struct borne *b, uint32_t span_s, uint64_t now_s);

#endif
