/* SPDX-License-Identifier: GPL-2.0 */
/* A service to be balanced, simulated: real Maglev tables, clients, servers, feedback that is late
 * and noisy. All chance comes from `seed`. */
#ifndef EVENKEEL_TESTS_SIMULATE_H
#define EVENKEEL_TESTS_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rebalance.h"

#define SIM_BACKENDS_MAX 16
#define SIM_CLIENTS_MAX 4000
#define SIM_DELAY_MAX 64
#define SIM_SLOTS_MAX 16384

struct sim {
	uint64_t seed;
	size_t count;
	uint32_t slots;
	double rate;        /* units of load a second */
	bool feedback;      /* servers tell their load */
	bool clients_stick; /* a client's load follows its slot; otherwise flows are spread evenly */
	uint32_t delay_s;   /* until what was measured is known */
	double lag_s;       /* of a server's load behind its traffic */
	double noise;       /* of feedback, points */
	uint32_t weight[SIM_BACKENDS_MAX];
	bool dead[SIM_BACKENDS_MAX];
	double speed[SIM_BACKENDS_MAX]; /* of the server, 1: as its weight says */
	double heavy[SIM_BACKENDS_MAX]; /* part of all load that is tied to this backend */
	double client[SIM_CLIENTS_MAX]; /* part of the load that is not tied */
	uint32_t client_slot[SIM_CLIENTS_MAX];
	size_t clients;

	/* what comes of it */
	uint32_t table[SIM_SLOTS_MAX];
	double fair[SIM_BACKENDS_MAX];   /* share by weight */
	double share[SIM_BACKENDS_MAX];  /* of slots */
	double load[SIM_BACKENDS_MAX];   /* part of all load, without noise */
	double level[SIM_BACKENDS_MAX];  /* of a server, 0..100 */
	double factor[SIM_BACKENDS_MAX]; /* in force */
	double travelled[SIM_BACKENDS_MAX];
	double seen[SIM_DELAY_MAX][SIM_BACKENDS_MAX], told[SIM_DELAY_MAX][SIM_BACKENDS_MAX];
	uint64_t now_ms;
	unsigned int steps;
	struct rebalance *rebalance;
};

/* `count` equal backends and nothing else yet. */
void sim_open(struct sim *s, const struct rebalance_tuning *t, size_t count, uint64_t seed);
void sim_close(struct sim *s);

/* Zipf clients, each with a slot. */
void sim_clients(struct sim *s, size_t count, double exponent);

/* Builds the table by weights, deaths and factors. */
void sim_install(struct sim *s);

/* A second passes. Fails the test if the step breaks a bound that holds always: a factor outside
 * its bounds, a slot of a backend without weight, more moved than the budget. */
void sim_second(struct sim *s, enum rebalance_mode mode, double budget);

/* How far the worst backend's load is from even, relative. */
double sim_off(const struct sim *s);

/* Whether factors within bounds could make it even, with some room to spare. */
bool sim_possible(const struct sim *s);

#endif
