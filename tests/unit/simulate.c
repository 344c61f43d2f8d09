// SPDX-License-Identifier: GPL-2.0
#include "simulate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "balance_case.h"
#include "lib/maglev.h"

/* Servers are this busy when all is even. */
#define LEVEL 50.0
/* Ratio of factors that is called possible, within the 3 that the default bounds give. */
#define RATIO_POSSIBLE 2.6

static const struct ek_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

void sim_open(struct sim *s, const struct rebalance_tuning *t, size_t count, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->count = count;
	s->slots = 1024;
	s->rate = 10000;
	s->now_ms = 1000000;
	s->lag_s = 1;
	for (size_t i = 0; i < count; i++) {
		s->weight[i] = 100;
		s->speed[i] = s->factor[i] = 1;
	}
	assert_int_equal(rebalance_open(&s->rebalance, t), 0);
}

void sim_close(struct sim *s)
{
	rebalance_close(s->rebalance);
}

void sim_clients(struct sim *s, size_t count, double exponent)
{
	double sum = 0;

	s->clients = count;
	for (size_t c = 0; c < count; c++) {
		s->client[c] = pow((double)c + 1, -exponent);
		s->client_slot[c] = case_word(&s->seed) % s->slots;
		sum += s->client[c];
	}
	for (size_t c = 0; c < count; c++)
		s->client[c] /= sum;
}

static double weight_of(const struct sim *s, size_t i)
{
	return s->dead[i] ? 0 : s->weight[i];
}

/* Load by the table: what is tied stays, unless its backend is dead; clients follow their slots. */
static void spread_load(struct sim *s)
{
	double tied = 0;

	for (size_t i = 0; i < s->count; i++)
		tied += s->dead[i] ? 0 : s->heavy[i];
	for (size_t i = 0; i < s->count; i++) {
		s->load[i] = s->dead[i] ? 0 : s->heavy[i];
		if (!s->clients_stick)
			s->load[i] += (1 - tied) * s->share[i];
	}
	for (size_t c = 0; s->clients_stick && c < s->clients; c++)
		s->load[s->table[s->client_slot[c]]] += (1 - tied) * s->client[c];
}

void sim_install(struct sim *s)
{
	struct maglev_member members[SIM_BACKENDS_MAX];
	uint32_t owned[SIM_BACKENDS_MAX] = { 0 };
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += weight_of(s, i);
	for (size_t i = 0; i < s->count; i++)
		s->fair[i] = weight_of(s, i) / sum;
	for (size_t i = 0; i < s->count; i++)
		members[i] = (struct maglev_member){
			.addr = case_addr((uint32_t)i + 1),
			.weight = rebalance_weight((uint32_t)weight_of(s, i), s->factor[i]),
			.index = (uint32_t)i,
		};
	assert_int_equal(maglev_fill(s->table, s->slots, members, s->count, key), 0);
	for (uint32_t n = 0; n < s->slots; n++)
		owned[s->table[n]]++;
	for (size_t i = 0; i < s->count; i++) {
		s->share[i] = (double)owned[i] / s->slots;
		assert_true(!s->dead[i] || !owned[i]);
	}
	spread_load(s);
}

/* A server's load when its traffic has long been what it is. */
static double settled_level(const struct sim *s, size_t i)
{
	double fair = s->fair[i];

	return fair > 0 ? fmin(100, LEVEL * s->load[i] / (fair * s->speed[i])) : 0;
}

/* Nearly normal: the sum of four uniform variables, from one random word. */
static double noise(struct sim *s)
{
	uint64_t w = case_word(&s->seed);
	double sum = (double)((w & 0xffff) + (w >> 16 & 0xffff) + (w >> 32 & 0xffff) + (w >> 48));

	return (sum / 65535 - 2) * sqrt(3);
}

static void happen(struct sim *s)
{
	size_t now = s->now_ms / 1000 % SIM_DELAY_MAX;

	for (size_t i = 0; i < s->count; i++) {
		double mean = s->rate * s->load[i];
		double n = floor(mean + sqrt(mean) * noise(s) + 0.5);

		s->seen[now][i] = fmax(n, 0);
		if (!s->feedback)
			continue;
		s->level[i] += (settled_level(s, i) - s->level[i]) / s->lag_s;
		s->told[now][i] = fmin(fmax(s->level[i] + s->noise * noise(s), 0), 100);
	}
}

static void take_over(struct sim *s, double budget)
{
	double before[SIM_BACKENDS_MAX], moved = 0;

	memcpy(before, s->share, sizeof(before));
	for (size_t i = 0; i < s->count; i++) {
		double factor = rebalance_factor(s->rebalance, (uint32_t)i + 1);

		assert_true(factor >= 0.5 && factor <= 1.5);
		s->travelled[i] += fabs(factor - s->factor[i]);
		s->factor[i] = factor;
	}
	sim_install(s);
	for (size_t i = 0; i < s->count; i++)
		moved += fabs(s->share[i] - before[i]) / 2;
	assert_true(moved <= budget + 2.0 * (double)s->count / s->slots);
	s->steps++;
}

void sim_second(struct sim *s, enum rebalance_mode mode, double budget)
{
	struct rebalance_backend backends[SIM_BACKENDS_MAX];
	struct rebalance_input in = {
		.mode = mode,
		.backends = backends,
		.count = s->count,
		.response_s = s->feedback ? 3 * s->lag_s : 0,
		.budget = budget,
		.demand = s->rate,
		.guard = &guard_limits_default,
	};
	size_t then = (s->now_ms / 1000 - s->delay_s) % SIM_DELAY_MAX;

	happen(s);
	in.now_ms = s->now_ms;
	for (size_t i = 0; i < s->count; i++)
		backends[i] = (struct rebalance_backend){
			.id = (uint32_t)i + 1,
			.weight = weight_of(s, i),
			.traffic = s->seen[then][i],
			.load = s->feedback ? s->told[then][i] : -1,
		};
	assert_int_equal(rebalance_tick(s->rebalance, &in), 0);
	if (rebalance_report(s->rebalance)->state == REBALANCE_STEPPED)
		take_over(s, budget);
	s->now_ms += 1000;
}

/* What is to be even: load by weight, or the servers' own. */
static double burden(const struct sim *s, size_t i)
{
	return s->feedback ? settled_level(s, i) : s->load[i] / s->fair[i];
}

double sim_off(const struct sim *s)
{
	double worst = 0, mean = 0;

	for (size_t i = 0; i < s->count; i++)
		mean += s->dead[i] ? 0 : s->fair[i] * burden(s, i);
	for (size_t i = 0; i < s->count; i++)
		if (!s->dead[i])
			worst = fmax(worst, fabs(burden(s, i) / mean - 1));
	return worst;
}

bool sim_possible(const struct sim *s)
{
	double tied = 0, speed = 0, least = INFINITY, most = 0;

	for (size_t i = 0; i < s->count; i++) {
		tied += s->dead[i] ? 0 : s->heavy[i];
		speed += s->feedback ? s->fair[i] * s->speed[i] : s->fair[i];
	}
	for (size_t i = 0; i < s->count; i++) {
		double fair = s->fair[i], even, factor;

		if (s->dead[i])
			continue;
		even = fair * (s->feedback ? s->speed[i] : 1) / speed;
		factor = (even - s->heavy[i]) / (1 - tied) / fair;
		least = fmin(least, factor);
		most = fmax(most, factor);
	}
	return least > 0 && most / least < RATIO_POSSIBLE;
}
