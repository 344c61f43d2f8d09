// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "balance_case.h"
#include "skew_case.h"

/* ---- what chance explains ----------------------------------------------------------------- */

static void twenty_connections_raise_no_alarm_wherever_they_go(void **state)
{
	for (size_t count = 2; count <= 100; count += 7) {
		struct world w;

		world_open(&w, &skew_limits_default, count, 0, count);
		for (int n = 0; n < 20; n++) {
			w.backends[0].delta[SKEW_FLOWS] = 1;
			world_tick(&w, true);
			assert_true(world_quiet(&w));
		}
		world_close(&w);
	}
}

/* With the guard lowered to what can be measured, alarms stay below what was asked for: the tests
 * hold with few flows, too, and asking each second is accounted for. */
static void false_alarms_are_rarer_than_asked_for(void **state)
{
	static const struct {
		size_t count;
		double rate;
	} rows[] = { { 2, 3 },    { 2, 1000 }, { 5, 10 },  { 10, 1 },    { 10, 30 },
		     { 10, 500 }, { 10, 40 },  { 50, 20 }, { 50, 2000 }, { 100, 300 } };
	struct skew_limits limits = skew_limits_default;
	unsigned int alarms = 0, total = 0;

	limits.raise_off = limits.clear_off = limits.raise_rms = limits.clear_rms = 0;
	limits.raise_s = limits.clear_s = 0;
	limits.false_alarm_s = 500;
	limits.flows_min = 1;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		unsigned int n = 1000000 / (rows[r].count * 10), here = 0;
		struct world w;

		world_open(&w, &limits, rows[r].count, rows[r].rate, r + 1);
		for (unsigned int s = 0; s < n; s++) {
			bool before = world_quiet(&w);

			world_seconds(&w, 1);
			here += before && !world_quiet(&w);
		}
		print_message("%zu backends, %g flows/s: %u alarms in %u s\n", rows[r].count,
			      rows[r].rate, here, n);
		alarms += here;
		total += n;
		world_close(&w);
	}
	print_message("%u alarms in %u s, at most %u asked for\n", alarms, total, total / 500);
	assert_true(alarms <= total / 500);
}

static void an_even_service_is_quiet_for_days(void **state)
{
	for (int r = 0; r < 4; r++) {
		struct world w;

		world_open(&w, &skew_limits_default, 4 << r, 20 * pow(10, r % 3), r + 77);
		for (int s = 0; s < 40000 / (4 << r); s++) {
			world_seconds(&w, 1);
			assert_true(world_quiet(&w));
		}
		world_close(&w);
	}
}

/* ---- what chance does not explain --------------------------------------------------------- */

static void a_skew_is_seen_within_seconds_at_thousands_of_flows(void **state)
{
	static const struct {
		size_t count;
		double rate, times;
		int within;
	} rows[] = {
		{ 10, 5000, 1.5, 7 },   { 10, 1000, 1.5, 9 }, { 100, 5000, 1.5, 20 },
		{ 10, 2000, 1.25, 30 }, { 2, 2000, 1.3, 12 }, { 4, 1000, 3, 4 },
		{ 10, 100, 2, 25 },     { 100, 10000, 5, 5 }, { 10, 2000, 0.5, 6 },
		{ 10, 10, 3, 60 },      { 10, 5000, 0, 5 },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		const struct skew_finding *f;
		struct world w;
		int worst = 0;

		for (uint64_t seed = 1; seed <= 10; seed++) {
			int n;

			world_open(&w, &skew_limits_default, rows[r].count, rows[r].rate, seed);
			world_seconds(&w, 200);
			assert_true(world_quiet(&w));
			world_odds(&w, 1, rows[r].times);
			n = world_until(&w, SKEW_UNEXPLAINED, 600);
			assert_true(n > 0);
			worst = n > worst ? n : worst;
			f = skew_finding(w.skew, SKEW_UNEXPLAINED);
			assert_int_equal(f->backend, 2);
			assert_int_equal(f->measure, SKEW_FLOWS);
			assert_true((f->off > 0) == (rows[r].times > 1));
			world_close(&w);
		}
		print_message("%zu backends, %g flows/s, one has %g of its share: %d s\n",
			      rows[r].count, rows[r].rate, rows[r].times, worst);
		assert_in_range(worst, 1, rows[r].within);
	}
}

static void a_pool_that_is_off_everywhere_is_seen_though_no_backend_is(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 20, 50000, 5);
	for (size_t i = 0; i < w.count; i++)
		w.odds[i] *= i % 2 ? 1.14 : 0.86;
	assert_in_range(world_until(&w, SKEW_UNEXPLAINED, 60), 1, 10);
	assert_true(fabs(skew_finding(w.skew, SKEW_UNEXPLAINED)->off) < 0.2);
	assert_true(skew_finding(w.skew, SKEW_UNEXPLAINED)->rms > 0.1);
	world_close(&w);
}

static void what_does_not_matter_is_no_alarm_however_sure_it_is(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 10, 1000000, 5);
	world_odds(&w, 3, 1.05);
	world_seconds(&w, 600);
	assert_true(world_quiet(&w));
	world_close(&w);
}

static void a_skew_that_ends_is_cleared_and_began_when_it_began(void **state)
{
	struct world w;
	uint64_t began;

	world_open(&w, &skew_limits_default, 10, 5000, 6);
	world_seconds(&w, 100);
	began = w.now_ms;
	world_odds(&w, 3, 2);
	world_seconds(&w, 20);
	assert_int_equal(skew_leading(w.skew), SKEW_UNEXPLAINED);
	assert_in_range(skew_finding(w.skew, SKEW_UNEXPLAINED)->since_ms, began, began + 2000);
	world_slots(&w);
	world_seconds(&w, 240);
	assert_true(world_quiet(&w));
	world_close(&w);
}

/* Between the thresholds a finding neither comes nor goes. */
static void a_skew_at_the_threshold_does_not_flap(void **state)
{
	struct world w;
	int changes = 0;

	world_open(&w, &skew_limits_default, 10, 20000, 8);
	world_odds(&w, 3, 1.2);
	for (int s = 0; s < 5000; s++) {
		bool before = world_quiet(&w);

		world_seconds(&w, 1);
		changes += before != world_quiet(&w);
	}
	assert_in_range(changes, 0, 1);
	world_close(&w);
}

/* ---- what is no skew ---------------------------------------------------------------------- */

static void a_change_of_the_table_is_no_skew(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 10, 20000, 9);
	for (int round = 0; round < 60; round++) {
		w.backends[round % 10].weight = 100 + 80 * (round % 2);
		world_slots(&w);
		world_seconds(&w, 1 + round % 9);
		assert_false(skew_finding(w.skew, SKEW_UNEXPLAINED)->raised);
	}
	world_close(&w);
}

static void backends_come_and_go_without_an_alarm(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 10, 20000, 10);
	for (uint32_t round = 0; round < 40; round++) {
		size_t at = round * 7 % w.count;

		if (round % 2) {
			w.backends[w.count++] = (struct skew_backend){ .id = 100 + round,
								       .weight = 100,
								       .eligible = true };
		} else {
			w.count--;
			memmove(&w.backends[at], &w.backends[at + 1],
				(w.count - at) * sizeof(w.backends[0]));
		}
		world_slots(&w);
		world_seconds(&w, 5);
		assert_true(world_quiet(&w));
	}
	world_close(&w);
}

static void stale_counters_say_nothing_new(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 4, 0, 11);
	for (int s = 0; s < 100; s++) {
		w.backends[0].delta[SKEW_FLOWS] = 100000;
		world_tick(&w, false);
		assert_true(world_quiet(&w));
	}
	w.rate = 1000;
	world_seconds(&w, 10);
	assert_true(world_quiet(&w));
	world_close(&w);
}

static void a_backend_without_slots_that_gets_traffic_is_named(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 10, 3000, 12);
	w.backends[4].weight = 0;
	world_slots(&w);
	world_seconds(&w, 100);
	assert_true(world_quiet(&w));
	for (size_t i = 0; i < w.count; i++)
		w.odds[i] = i == 4 ? 0.1 : w.odds[i] * 0.9;
	assert_in_range(world_until(&w, SKEW_UNEXPLAINED, 60), 1, 6);
	assert_int_equal(skew_finding(w.skew, SKEW_UNEXPLAINED)->backend, 5);
	world_close(&w);
}

/* ---- the other kinds ---------------------------------------------------------------------- */

static void a_revision_that_asks_for_it_is_named(void **state)
{
	const struct skew_finding *f;
	struct world w;

	world_open(&w, &skew_limits_default, 4, 1000, 13);
	w.backends[2].weight = 1000;
	world_slots(&w);
	world_seconds(&w, 10);
	assert_int_equal(skew_leading(w.skew), SKEW_ASKED);
	f = skew_finding(w.skew, SKEW_ASKED);
	assert_int_equal(f->backend, 3);
	assert_true(fabs(f->actual - 10.0 / 13) < 0.001);
	assert_true(f->expected == 0.25);
	w.backends[2].weight = 190;
	world_slots(&w);
	world_seconds(&w, 100);
	assert_true(world_quiet(&w));
	world_close(&w);
}

static void a_pool_that_health_narrowed_is_named(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 4, 1000, 14);
	w.backends[0].eligible = false;
	world_slots(&w);
	world_seconds(&w, 10);
	assert_int_equal(skew_leading(w.skew), SKEW_HEALTH);
	assert_true(fabs(skew_finding(w.skew, SKEW_HEALTH)->off - 1.0 / 3) < 0.01);
	w.backends[0].eligible = true;
	world_slots(&w);
	world_seconds(&w, 20);
	assert_true(world_quiet(&w));
	world_close(&w);
}

static void one_of_ten_down_is_no_skew(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 10, 1000, 14);
	w.backends[0].eligible = false;
	world_slots(&w);
	world_seconds(&w, 20);
	assert_true(world_quiet(&w));
	world_close(&w);
}

static void a_map_that_does_not_match_is_the_gravest(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 4, 1000, 15);
	w.backends[2].weight = 1000;
	world_slots(&w);
	w.slots_wrong = 1;
	world_seconds(&w, 10);
	assert_int_equal(skew_leading(w.skew), SKEW_MAP);
	assert_true(skew_finding(w.skew, SKEW_ASKED)->raised);
	w.slots_wrong = 0;
	world_seconds(&w, 20);
	assert_int_equal(skew_leading(w.skew), SKEW_ASKED);
	world_close(&w);
}

/* Clients of one flow each, with heavy tails: bytes are uneven by chance, for as long as the flows
 * last. */
static void bytes_with_heavy_tails_are_no_alarm(void **state)
{
	unsigned int raised = 0;

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world w;

		world_open(&w, &skew_limits_default, 8, 0, seed);
		for (int s = 0; s < 600; s++) {
			uint64_t lasting = seed; /* the same clients each second */

			for (uint32_t c = 0; c < 100; c++) {
				double bytes = 1000 * fmin(case_pareto(&lasting, 1.1), 1e4);

				world_client_adds(&w, c, case_word(&lasting) % 8, SKEW_BYTES, bytes,
						  20000);
			}
			world_tick(&w, true);
			assert_false(skew_finding(w.skew, SKEW_UNEXPLAINED)->raised);
		}
		raised += skew_finding(w.skew, SKEW_CLIENTS)->raised;
		world_close(&w);
	}
	print_message("heavy clients named in %u of 10\n", raised);
}

/* Two hundred flows of equal weight: a backend is easily off by a quarter, and nobody is to
 * blame. */
static void bytes_of_few_equal_flows_are_as_uneven_as_chance_has_it(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;

		world_open(&w, &skew_limits_default, 8, 0, seed);
		for (int s = 0; s < 120; s++) {
			uint64_t lasting = seed;

			for (uint32_t c = 0; c < 200; c++)
				world_client_adds(&w, c, case_word(&lasting) % 8, SKEW_BYTES, 10000,
						  20000);
			world_tick(&w, true);
			assert_true(world_quiet(&w));
		}
		world_close(&w);
	}
}

static void clients_alike_are_not_heavy(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;

		world_open(&w, &skew_limits_default, 4, 0, seed);
		for (uint64_t s = 0, lasting = seed; s < 120; s++, lasting = seed) {
			for (uint32_t c = 0; c < 40; c++)
				world_client_adds(&w, c, case_word(&lasting) % 4, SKEW_BYTES, 10000,
						  9);
			world_tick(&w, true);
			assert_false(skew_finding(w.skew, SKEW_CLIENTS)->raised);
		}
		world_close(&w);
	}
}

static void heavy_clients_are_named(void **state)
{
	const struct skew_finding *f;
	struct world w;
	struct ek_addr addr = case_addr(666);

	world_open(&w, &skew_limits_default, 8, 0, 3);
	for (int s = 0; s < 120; s++) {
		for (uint32_t c = 0; c < 400; c++)
			world_client_adds(&w, c, c % 8, SKEW_BYTES, 10000, 20000);
		world_client_adds(&w, 666, 5, SKEW_BYTES, 1000000, 20000);
		for (size_t i = 0; i < 8; i++) /* a proxy, spread evenly */
			world_client_adds(&w, 777, i, SKEW_BYTES, 1500000, 20000);
		world_tick(&w, true);
	}
	assert_int_equal(skew_leading(w.skew), SKEW_CLIENTS);
	f = skew_finding(w.skew, SKEW_CLIENTS);
	assert_int_equal(f->measure, SKEW_BYTES);
	assert_int_equal(f->backend, 6);
	assert_int_equal(f->client_count, 1);
	assert_memory_equal(&f->clients[0].addr, &addr, sizeof(addr));
	assert_int_equal(f->clients[0].backend, 6);
	assert_true(fabs(f->clients[0].share - 1.0 / 17) < 0.01);
	world_close(&w);
}

/* Many clients of equal weight cannot be as uneven by chance. */
static void bytes_that_no_client_explains_are_unexplained(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 8, 0, 3);
	for (int s = 0; s < 120; s++) {
		for (uint32_t c = 0; c < 2000; c++)
			world_client_adds(&w, c, c % 16 < 8 ? c % 8 : 3, SKEW_BYTES, 10000, 40000);
		world_tick(&w, true);
	}
	assert_int_equal(skew_leading(w.skew), SKEW_UNEXPLAINED);
	assert_int_equal(skew_finding(w.skew, SKEW_UNEXPLAINED)->backend, 4);
	world_close(&w);
}

/* Where a client's flows stay together, few clients are few chances. */
static void flows_are_judged_by_clients_where_the_hash_keeps_them_together(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 8, 0, 21);
	w.by_client = true;
	for (int s = 0; s < 300; s++) {
		uint64_t lasting = 5;

		for (uint32_t c = 0; c < 60; c++)
			world_client_adds(&w, c, case_word(&lasting) % 8, SKEW_FLOWS, 50, 20);
		world_tick(&w, true);
		assert_false(skew_finding(w.skew, SKEW_UNEXPLAINED)->raised);
	}
	for (int s = 0; s < 60; s++) {
		for (uint32_t c = 0; c < 64; c++)
			world_client_adds(&w, c, c % 8, SKEW_FLOWS, 20, 20);
		world_client_adds(&w, 666, 2, SKEW_FLOWS, 500, 20);
		world_tick(&w, true);
	}
	assert_int_equal(skew_leading(w.skew), SKEW_CLIENTS);
	assert_int_equal(skew_finding(w.skew, SKEW_CLIENTS)->backend, 3);
	world_close(&w);
}

static void what_was_seen_is_what_the_slow_horizon_holds(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 4, 100, 5);
	assert_true(skew_seen(w.skew, SKEW_FLOWS) == 0);
	world_seconds(&w, 300);
	assert_true(fabs(skew_seen(w.skew, SKEW_FLOWS) / (100 * 60) - 1) < 0.05);
	assert_true(skew_seen(w.skew, SKEW_BYTES) == 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twenty_connections_raise_no_alarm_wherever_they_go),
		cmocka_unit_test(false_alarms_are_rarer_than_asked_for),
		cmocka_unit_test(an_even_service_is_quiet_for_days),
		cmocka_unit_test(a_skew_is_seen_within_seconds_at_thousands_of_flows),
		cmocka_unit_test(a_pool_that_is_off_everywhere_is_seen_though_no_backend_is),
		cmocka_unit_test(what_does_not_matter_is_no_alarm_however_sure_it_is),
		cmocka_unit_test(a_skew_that_ends_is_cleared_and_began_when_it_began),
		cmocka_unit_test(a_skew_at_the_threshold_does_not_flap),
		cmocka_unit_test(a_change_of_the_table_is_no_skew),
		cmocka_unit_test(backends_come_and_go_without_an_alarm),
		cmocka_unit_test(stale_counters_say_nothing_new),
		cmocka_unit_test(a_backend_without_slots_that_gets_traffic_is_named),
		cmocka_unit_test(a_revision_that_asks_for_it_is_named),
		cmocka_unit_test(a_pool_that_health_narrowed_is_named),
		cmocka_unit_test(one_of_ten_down_is_no_skew),
		cmocka_unit_test(a_map_that_does_not_match_is_the_gravest),
		cmocka_unit_test(bytes_with_heavy_tails_are_no_alarm),
		cmocka_unit_test(bytes_of_few_equal_flows_are_as_uneven_as_chance_has_it),
		cmocka_unit_test(clients_alike_are_not_heavy),
		cmocka_unit_test(heavy_clients_are_named),
		cmocka_unit_test(bytes_that_no_client_explains_are_unexplained),
		cmocka_unit_test(flows_are_judged_by_clients_where_the_hash_keeps_them_together),
		cmocka_unit_test(what_was_seen_is_what_the_slow_horizon_holds),
	};

	return cmocka_run_group_tests_name("skew", tests, NULL, NULL);
}
