/* SPDX-License-Identifier: GPL-2.0 */
/* A change goes to a service's slots in steps: which steps, which slots each moves, and when the next
 * one may come. Pure: shares, owners, time and what was seen are arguments. */
#ifndef EVENKEEL_LIB_STAGE_H
#define EVENKEEL_LIB_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

/* Steps are per mille of the slots that differ between the tables before and after. */
#define STAGE_WHOLE 1000u
#define STAGE_STEPS_MAX 64u
/* A step raises nobody's load above this many times what it was at the step before. */
#define STAGE_GROWTH 1.25

/* ---- which steps ----------------------------------------------------------------------------- */

/* The share of a backend of one service, before and after, 0 to 1. */
struct stage_share {
	double before, after;
};

struct stage_plan {
	uint16_t steps[STAGE_STEPS_MAX]; /* rising, the last one is STAGE_WHOLE */
	size_t count;
	bool cut; /* more would be needed to keep within STAGE_GROWTH: the last ones do not */
};

/* The steps wanted (rising; one that is STAGE_WHOLE is added), with others between where a backend
 * that had a share before would grow too much. Who had none before may get anything. */
void stage_plan(struct stage_plan *out, const struct stage_share *shares, size_t count,
		const uint16_t *wanted, size_t wanted_count);

/* ---- which slots ----------------------------------------------------------------------------- */

/* A backend's share at a step, from those before and after the whole change: slots move of each new
 * owner's alike. */
double stage_between(double before, double after, double permille);

/* By how much a backend's share of a step's slots may differ from what lies between its shares before
 * and after: which slots of a former owner move is chance, so that it is the standard deviation of a
 * binomial distribution, which is at most half the root of the slots, four times. */
double stage_chance(uint32_t slots);

/* Takes the owners after the whole change, and makes them those of the step: of the slots that
 * differ from `before`, so many per mille have moved, of each new owner's alike, in an order that
 * depends on the key. A later step moves those of an earlier one, and more. -ENOMEM, or 0. */
int stage_mix(uint32_t *owners, const uint32_t *before, uint32_t slots, uint32_t permille,
	      struct ek_key key);

/* ---- when ------------------------------------------------------------------------------------ */

/* Each step stays at least this long, */
#define STAGE_DWELL_MS 2000u
/* until so many handshakes on moved slots were seen to end, well or badly, */
#define STAGE_HANDSHAKES 100u
/* or until this is over: then it is unproven. */
#define STAGE_PATIENCE_MS 15000u
/* Who has seen fewer by then has backends probed, while it waits. */
#define STAGE_PROBE_MS 5000u

struct stage {
	struct stage_plan plan;
	size_t at;           /* the step in force */
	uint64_t since_ms;   /* when it came into force */
	uint64_t handshakes; /* that had been seen on moved slots by then */
	size_t unproven;     /* steps that saw too little traffic */
};

/* The first step is about to come into force. */
void stage_begin(struct stage *s, const struct stage_plan *plan, uint64_t now_ms);

enum stage_act {
	STAGE_STAY,
	STAGE_PROBE, /* it stays, and there is little to judge it by */
	STAGE_NEXT,
	STAGE_DONE,
};
/* `handshakes`: on moved slots since the stage began, a count that only grows. STAGE_NEXT: the next
 * step is due; stage_next() when it is in force. */
enum stage_act stage_judge(struct stage *s, uint64_t now_ms, uint64_t handshakes);
void stage_next(struct stage *s, uint64_t now_ms, uint64_t handshakes);

static inline uint32_t stage_permille(const struct stage *s)
{
	return s->plan.steps[s->at];
}

#endif
