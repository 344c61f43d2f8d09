/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EVENKEEL_TESTS_SKEW_CASE_H
#define EVENKEEL_TESTS_SKEW_CASE_H

#include "lib/heavy.h"
#include "lib/skew.h"

#define BACKENDS_MAX 200
#define SLOTS 16384u

/* A service whose flows fall where `odds` say, beside slots that may say otherwise. */
struct world {
	struct skew *skew;
	struct heavy *samples[SKEW_TRACK_COUNT];
	struct skew_backend backends[BACKENDS_MAX];
	double odds[BACKENDS_MAX];
	size_t count;
	double rate; /* new flows a second */
	uint32_t slots_wrong;
	double unsettled;
	bool by_client;
	uint64_t now_ms, seed;
};

void world_open(struct world *w, const struct skew_limits *limits, size_t count, double rate,
		uint64_t seed);
void world_close(struct world *w);

/* Slots and odds as weights and health ask for. */
void world_slots(struct world *w);

/* Hands what was counted to skew; then a second has passed. */
void world_tick(struct world *w, bool fresh);

/* What one client does at one backend in this second; packets are sampled one of `every`. */
void world_client_adds(struct world *w, uint32_t client, size_t at, enum skew_measure measure,
		       double amount, double every);

/* Seconds of new flows at the world's rate, each with its tick. */
void world_seconds(struct world *w, unsigned int n);

/* Seconds until that kind is raised, -1 if it is not within `most`. */
int world_until(struct world *w, enum skew_kind kind, int most);

bool world_quiet(const struct world *w); /* nothing is raised */

/* Moves a part of the odds of all others to one, so that it has `times` its share. */
void world_odds(struct world *w, size_t one, double times);

#endif
