// SPDX-License-Identifier: GPL-2.0
/* The balance loop against many services that never were: what must come out of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "balance_case.h"
#include "simulate.h"

#define RUNS 600u
#define RUNS_BARE 15u
#define SECONDS 900
#define BUDGET 0.1
/* "Even": within this of it. */
#define EVEN 0.10
/* Until when it must be, and for how long at the end it must stay so. */
#define WATCHED_S 300
#define EVEN_AFTER_MAX 300
/* What a factor may travel: to a bound and half of it back; and once load is even. */
#define TRAVEL_MAX 0.75
#define TRAVEL_EVEN_MAX 0.08

static struct sim sim; /* big */

struct outcome {
	bool possible, even, steady;
	double off;
	int even_after; /* seconds */
};

static struct outcome run(enum rebalance_mode mode)
{
	struct outcome o = { .even = true, .steady = true };
	double before[SIM_BACKENDS_MAX];

	sim_install(&sim);
	o.possible = sim_possible(&sim);
	for (int t = 0; t < SECONDS; t++) {
		if (t == SECONDS - WATCHED_S)
			memcpy(before, sim.travelled, sizeof(before));
		sim_second(&sim, mode, BUDGET);
		o.off = sim_off(&sim);
		if (o.off > EVEN)
			o.even_after = t + 1;
		o.even &= t < SECONDS - WATCHED_S || o.off <= EVEN;
	}
	for (size_t i = 0; i < sim.count; i++)
		o.steady &= sim.travelled[i] <= TRAVEL_MAX &&
			    sim.travelled[i] - before[i] <= TRAVEL_EVEN_MAX;
	return o;
}

/* ---- scenes ------------------------------------------------------------------------------- */

static size_t some_backends(uint64_t *seed)
{
	return 3 + case_word(seed) % 10;
}

/* Heavy clients whose load is tied to where their connections are. */
static void scene_heavy(const struct rebalance_tuning *t, uint64_t seed)
{
	size_t count = some_backends(&seed);

	sim_open(&sim, t, count, seed);
	sim.delay_s = case_word(&seed) % 9;
	sim.rate = 3000 + 50000 * case_random(&seed);
	for (uint64_t n = 1 + case_word(&seed) % 4; n; n--)
		sim.heavy[case_word(&seed) % count] += 0.6 / (double)count * case_random(&seed);
	for (size_t i = 0; i < count; i++)
		sim.weight[i] = 50 + case_word(&seed) % 100;
}

/* One server is slower than its weight says, and all tell their load. */
static void scene_slow(const struct rebalance_tuning *t, uint64_t seed)
{
	size_t count = some_backends(&seed);

	sim_open(&sim, t, count, seed);
	sim.feedback = true;
	sim.delay_s = case_word(&seed) % 9;
	sim.lag_s = 1 + 5 * case_random(&seed);
	sim.noise = 4 * case_random(&seed);
	sim.speed[case_word(&seed) % count] = 0.45 + 0.5 * case_random(&seed);
}

/* Clients whose flows stay together: what a slot carries is uneven, and moves with it. */
static void scene_zipf(const struct rebalance_tuning *t, uint64_t seed)
{
	sim_open(&sim, t, 3 + case_word(&seed) % 6, seed);
	sim.slots = 2048;
	sim.delay_s = case_word(&seed) % 9;
	sim.clients_stick = true;
	sim.rate = 50000;
	sim_clients(&sim, 4000, 0.6 + 0.2 * case_random(&seed));
}

typedef void scene_fn(const struct rebalance_tuning *t, uint64_t seed);

struct tally {
	unsigned int runs, possible, even, steady;
	int slowest; /* seconds until even, of those that became so */
	double off;
};

static struct tally many(scene_fn *scene, const struct rebalance_tuning *t, unsigned int runs)
{
	struct tally all = { .runs = runs };

	for (unsigned int n = 0; n < runs; n++) {
		struct outcome o;

		scene(t, n + 1);
		o = run(REBALANCE_ON);
		all.possible += o.possible;
		all.even += o.possible && o.even;
		all.steady += o.steady;
		all.off += o.off / runs;
		if (o.even && o.even_after > all.slowest)
			all.slowest = o.even_after;
		sim_close(&sim);
	}
	print_message("%u runs: %u can be even, %u became so, the last after %d s; %u steady; "
		      "mean departure %.3f\n",
		      all.runs, all.possible, all.even, all.slowest, all.steady, all.off);
	return all;
}

/* ---- claims ------------------------------------------------------------------------------- */

static bool passes(const struct tally *t)
{
	return t->even == t->possible && t->steady == t->runs && t->slowest <= EVEN_AFTER_MAX;
}

static void heavy_clients_are_evened_out_wherever_that_is_possible(void **state)
{
	struct tally t = many(scene_heavy, &rebalance_tuning_default, RUNS);

	assert_in_range(t.possible, RUNS / 2, RUNS - RUNS / 10);
	assert_true(passes(&t));
}

static void a_slow_server_is_relieved(void **state)
{
	struct tally t = many(scene_slow, &rebalance_tuning_default, RUNS);

	assert_true(passes(&t));
}

/* A client that is heavier than what is to be corrected goes around with its slot. Then nothing can
 * be even, but weights must come to rest. */
static void zipf_clients_are_evened_out_but_for_those_who_are_too_heavy(void **state)
{
	struct tally t = many(scene_zipf, &rebalance_tuning_default, RUNS / 2);

	assert_int_equal(t.steady, t.runs);
	assert_in_range(t.even, t.runs * 9 / 10, t.runs);
}

/* What each kind of damping is for: without it the same services do not come out as they must. */
static void without_damping_the_same_services_fail(void **state)
{
	struct rebalance_tuning bare = rebalance_tuning_default;
	struct tally heavy, slow;

	bare.gain = 1;
	bare.step_max = 10;
	bare.band_start = bare.band_stop = bare.noise = 0;
	bare.wait_s = bare.measure_max_s = 0;
	bare.measure_s = 1;
	bare.turn_gain = 1;
	bare.allowance = bare.allowance_h = 1e9;
	heavy = many(scene_heavy, &bare, RUNS_BARE);
	slow = many(scene_slow, &bare, RUNS_BARE);
	assert_false(passes(&heavy));
	assert_false(passes(&slow));
	assert_int_equal(heavy.steady + slow.steady, 0);
}

static void without_waiting_for_a_change_to_show_it_swings(void **state)
{
	struct rebalance_tuning t = rebalance_tuning_default;
	struct tally slow;

	t.wait_s = t.noise = 0;
	t.measure_s = t.measure_max_s = 2;
	t.turn_gain = 1;
	slow = many(scene_slow, &t, RUNS_BARE);
	assert_false(passes(&slow));
}

static void without_a_dead_band_it_follows_noise(void **state)
{
	struct rebalance_tuning t = rebalance_tuning_default;
	struct tally heavy;

	t.band_start = t.band_stop = t.noise = 0;
	t.turn_gain = 1;
	heavy = many(scene_heavy, &t, RUNS_BARE);
	assert_true(heavy.steady < heavy.runs);
}

static void without_gains_that_turns_halve_heavy_clients_go_round(void **state)
{
	struct rebalance_tuning t = rebalance_tuning_default;
	struct tally zipf;

	t.turn_gain = 1;
	zipf = many(scene_zipf, &t, RUNS / 2);
	assert_true(zipf.steady < zipf.runs);
}

/* Load that shows later than is waited for: the gain bears it. */
static void late_counters_do_not_make_it_swing(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct outcome o;

		scene_slow(&rebalance_tuning_default, seed);
		sim.delay_s = 10 + seed;
		o = run(REBALANCE_ON);
		assert_true(o.even);
		for (size_t i = 0; i < sim.count; i++)
			assert_true(sim.travelled[i] <= 2 * TRAVEL_MAX);
		sim_close(&sim);
	}
}

/* Little traffic: what cannot be told from chance is left alone. */
static void noise_alone_moves_nothing(void **state)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		sim_open(&sim, &rebalance_tuning_default, 2 + seed % 10, seed);
		sim.rate = pow(10, (double)(seed % 5));
		sim_install(&sim);
		for (int t = 0; t < SECONDS; t++)
			sim_second(&sim, REBALANCE_ON, BUDGET);
		for (size_t i = 0; i < sim.count; i++)
			assert_true(sim.travelled[i] <= TRAVEL_EVEN_MAX);
		sim_close(&sim);
	}
}

/* Backends die and return while it works. sim_second() and sim_install() check each step: never a
 * slot for the dead, no step in the second of a change, never more than the budget. */
static void it_never_fights_health(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t chance = seed, since = 0;

		scene_heavy(&rebalance_tuning_default, seed);
		sim_install(&sim);
		for (int t = 0; t < SECONDS; t++) {
			size_t i = case_word(&chance) % sim.count;
			unsigned int steps = sim.steps;
			size_t alive = 0;

			for (size_t k = 0; k < sim.count; k++)
				alive += !sim.dead[k];
			if (t < SECONDS / 2 && case_word(&chance) % 60 == 0 &&
			    (sim.dead[i] || alive > 2)) {
				sim.dead[i] = !sim.dead[i];
				sim_install(&sim);
				since = t;
			}
			sim_second(&sim, REBALANCE_ON, BUDGET);
			assert_true(sim.steps == steps || t - since >= 19);
		}
		assert_true(!sim_possible(&sim) || sim_off(&sim) <= EVEN);
		sim_close(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heavy_clients_are_evened_out_wherever_that_is_possible),
		cmocka_unit_test(a_slow_server_is_relieved),
		cmocka_unit_test(zipf_clients_are_evened_out_but_for_those_who_are_too_heavy),
		cmocka_unit_test(without_damping_the_same_services_fail),
		cmocka_unit_test(without_waiting_for_a_change_to_show_it_swings),
		cmocka_unit_test(without_a_dead_band_it_follows_noise),
		cmocka_unit_test(without_gains_that_turns_halve_heavy_clients_go_round),
		cmocka_unit_test(late_counters_do_not_make_it_swing),
		cmocka_unit_test(noise_alone_moves_nothing),
		cmocka_unit_test(it_never_fights_health),
	};

	return cmocka_run_group_tests_name("simulate_balance", tests, NULL, NULL);
}
