// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "balance_case.h"
#include "lib/rebalance.h"

#define COUNT 4

/* Four backends of which the first has one and a half times its share, whatever its weight. */
struct fixture {
	struct rebalance *r;
	struct rebalance_backend b[COUNT];
	struct rebalance_input in;
};

static void open_with(struct fixture *f, const struct rebalance_tuning *t)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(rebalance_open(&f->r, t), 0);
	for (size_t i = 0; i < COUNT; i++)
		f->b[i] = (struct rebalance_backend){
			.id = (uint32_t)i + 1, .weight = 100, .traffic = i ? 1000 : 1500, .load = -1
		};
	f->in = (struct rebalance_input){ .now_ms = 1000000,
					  .mode = REBALANCE_ON,
					  .backends = f->b,
					  .count = COUNT,
					  .budget = 0.1,
					  .guard = &guard_limits_default };
}

static void open_fixture(struct fixture *f)
{
	open_with(f, &rebalance_tuning_default);
}

/* As in the daemon, the budget is known only when it matters. */
static enum rebalance_state tick(struct fixture *f)
{
	struct rebalance_input in = f->in;

	if (!rebalance_is_due(f->r, &in))
		in.budget = 0;
	assert_int_equal(rebalance_tick(f->r, &in), 0);
	f->in.now_ms += 1000;
	return rebalance_report(f->r)->state;
}

/* Seconds until that state, -1 if it does not come. */
static int until(struct fixture *f, enum rebalance_state state)
{
	for (int n = 1; n <= 600; n++)
		if (tick(f) == state)
			return n;
	return -1;
}

static double factor(const struct fixture *f, size_t i)
{
	return rebalance_factor(f->r, f->b[i].id);
}

static bool untouched(const struct fixture *f)
{
	for (size_t i = 0; i < COUNT; i++)
		if (factor(f, i) != 1)
			return false;
	return true;
}

static void who_has_too_much_gets_less(void **state)
{
	struct fixture f;

	open_fixture(&f);
	assert_in_range(until(&f, REBALANCE_STEPPED), 10, 30);
	assert_true(factor(&f, 0) < 0.95);
	assert_true(factor(&f, 1) > 1);
	assert_int_equal(rebalance_report(f.r)->backend, 1);
	assert_true(fabs(rebalance_report(f.r)->worst - 1.5 / 1.125) < 0.01);
	assert_true(rebalance_report(f.r)->moved > 0.01);
	rebalance_close(f.r);
}

static void observing_says_what_it_would_do_and_does_nothing(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.in.mode = REBALANCE_OBSERVE;
	for (int n = 0; n < 5; n++) {
		assert_true(until(&f, REBALANCE_OBSERVED) > 0);
		assert_true(untouched(&f));
		assert_true(rebalance_advice(f.r, 1) < 0.95);
		assert_true(rebalance_advice(f.r, 1) > 0.8);
	}
	assert_int_equal(until(&f, REBALANCE_STEPPED), -1);
	rebalance_close(f.r);
}

static void switched_off_weights_go_back_in_steps(void **state)
{
	struct fixture f;
	int steps = 0;

	open_fixture(&f);
	for (int n = 0; n < 5; n++)
		until(&f, REBALANCE_STEPPED);
	assert_true(factor(&f, 0) < 0.75);
	f.in.mode = REBALANCE_OFF;
	f.in.budget = 0;
	for (int n = 0; n < 60; n++)
		assert_int_not_equal(tick(&f), REBALANCE_STEPPED);
	f.in.budget = 0.1;
	for (int n = 0; n < 600 && !untouched(&f); n++) {
		double before = factor(&f, 0);

		steps += tick(&f) == REBALANCE_STEPPED;
		assert_true(factor(&f, 0) <= before * 1.12);
	}
	assert_true(steps > 2);
	assert_int_equal(tick(&f), REBALANCE_IDLE);
	rebalance_close(f.r);
}

static void stale_counters_and_panic_freeze_it(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.in.age_s = 4;
	assert_int_equal(until(&f, REBALANCE_STEPPED), -1);
	assert_int_equal(tick(&f), REBALANCE_FROZEN);
	f.in.age_s = 0;
	f.in.panic = true;
	assert_int_equal(until(&f, REBALANCE_STEPPED), -1);
	assert_int_equal(tick(&f), REBALANCE_FROZEN);
	f.in.panic = false;
	assert_in_range(until(&f, REBALANCE_STEPPED), 19, 30); /* waits and measures anew */
	rebalance_close(f.r);
}

/* Slow start changes a weight every few seconds: nobody corrects meanwhile. */
static void while_weights_change_it_stands_still(void **state)
{
	struct fixture f;

	open_fixture(&f);
	for (int n = 0; n < 100; n++) {
		if (n % 8 == 0)
			f.b[3].weight = 1 + n;
		tick(&f);
		assert_true(untouched(&f));
	}
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	rebalance_close(f.r);
}

static void who_has_no_weight_gets_none(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.b[2].weight = 0;
	f.b[2].traffic = 5000; /* what is left of it while it drains */
	for (int n = 0; n < 5; n++)
		assert_true(until(&f, REBALANCE_STEPPED) > 0);
	assert_true(factor(&f, 2) == 1);
	assert_int_equal(rebalance_weight(0, 1.5), 0);
	rebalance_close(f.r);
}

static void a_pool_of_one_has_nothing_to_balance(void **state)
{
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 1; i < COUNT; i++)
		f.b[i].weight = 0;
	assert_int_equal(until(&f, REBALANCE_STEPPED), -1);
	assert_int_equal(tick(&f), REBALANCE_FROZEN);
	rebalance_close(f.r);
}

static void the_budget_of_unsettled_slots_bounds_each_step(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.in.budget = 0.01;
	for (int n = 0; n < 10; n++) {
		assert_true(until(&f, REBALANCE_STEPPED) > 0);
		assert_true(rebalance_report(f.r)->moved <= 0.01);
	}
	f.in.budget = 0;
	assert_int_equal(until(&f, REBALANCE_STEPPED), -1);
	assert_true(until(&f, REBALANCE_HELD) > 0);
	rebalance_close(f.r);
}

static void what_the_guard_refuses_is_held_and_says_why(void **state)
{
	struct guard_limits strict = guard_limits_default;
	struct fixture f;

	open_fixture(&f);
	strict.growth = 0.9; /* refuses whatever is proposed */
	f.in.guard = &strict;
	assert_int_equal(until(&f, REBALANCE_STEPPED), -1);
	assert_true(until(&f, REBALANCE_HELD) > 0);
	assert_int_equal(rebalance_report(f.r)->breach.rule, GUARD_GROWTH);
	assert_true(untouched(&f));
	f.in.guard = &guard_limits_default;
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	assert_int_equal(rebalance_report(f.r)->breach.rule, GUARD_RULE_COUNT);
	rebalance_close(f.r);
}

static void who_declares_a_capacity_is_not_given_more_than_that(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.in.demand = 4500;
	f.b[1].capacity = 1150;
	for (int n = 0; n < 8; n++) {
		double sum = 0;

		until(&f, REBALANCE_STEPPED);
		for (size_t i = 0; i < COUNT; i++)
			sum += factor(&f, i);
		assert_true(factor(&f, 1) / sum * 4500 <= 1150 + 5);
	}
	assert_true(factor(&f, 0) < 0.8); /* the others take it */
	assert_true(factor(&f, 2) > factor(&f, 1));
	rebalance_close(f.r);
}

static void a_backend_above_the_share_limit_is_not_given_more(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.b[0].weight = 700; /* a revision in force asks for it */
	f.b[0].traffic = 6500;
	f.b[1].traffic = 1500;
	for (int n = 0; n < 8; n++) {
		double sum = 0;

		until(&f, REBALANCE_STEPPED);
		for (size_t i = 0; i < COUNT; i++)
			sum += f.b[i].weight * factor(&f, i);
		assert_true(700 * factor(&f, 0) / sum <= 0.7 + 1e-3);
	}
	assert_true(factor(&f, 1) < 0.8);
	rebalance_close(f.r);
}

static void feedback_goes_before_traffic(void **state)
{
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < COUNT; i++)
		f.b[i].load = i == 1 ? 80 : 40;
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	assert_true(factor(&f, 1) < 0.95);
	assert_true(factor(&f, 0) > 1);
	rebalance_close(f.r);
}

static void who_tells_no_load_is_left_as_it_is(void **state)
{
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < COUNT; i++)
		f.b[i].load = i == 1 ? 80 : 40;
	f.b[0].load = -1;
	f.b[3].load = 0;
	f.b[3].load_age_s = 60; /* long ago */
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	assert_true(factor(&f, 1) < 0.95);
	assert_true(factor(&f, 2) > factor(&f, 0));
	assert_true(factor(&f, 0) == factor(&f, 3));
	rebalance_close(f.r);
}

/* Traffic is uneven, as it is when load was made even: it is not to be undone. */
static void where_load_counts_traffic_never_does(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.in.by_load = true;
	assert_true(until(&f, REBALANCE_STEPPED) < 0);
	assert_int_equal(rebalance_report(f.r)->state, REBALANCE_FROZEN);
	f.b[0].load = 40; /* of one alone nothing follows */
	assert_true(until(&f, REBALANCE_STEPPED) < 0);
	f.b[1].load = 80;
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	assert_true(factor(&f, 1) < 0.95);
	rebalance_close(f.r);
}

static void old_answers_freeze_it_and_switching_it_off_needs_none(void **state)
{
	struct fixture f;

	open_fixture(&f);
	f.in.by_load = true;
	for (size_t i = 0; i < COUNT; i++)
		f.b[i].load = i == 1 ? 80 : 40;
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	for (size_t i = 0; i < COUNT; i++)
		f.b[i].load_age_s = 60;
	assert_true(until(&f, REBALANCE_STEPPED) < 0);
	assert_int_equal(rebalance_report(f.r)->state, REBALANCE_FROZEN);
	f.in.mode = REBALANCE_OFF;
	assert_true(until(&f, REBALANCE_IDLE) > 0);
	assert_true(factor(&f, 1) == 1);
	rebalance_close(f.r);
}

static void an_answer_is_a_number_from_0_to_100(void **state)
{
	static const struct {
		const char *answer;
		double load;
	} rows[] = {
		{ "0", 0 },
		{ "100", 100 },
		{ "42", 42 },
		{ "42%", 42 },
		{ "42\n", 42 },
		{ "42%\r\n", 42 },
		{ "37.5", 37.5 },
		{ "0.25% \n", 0.25 },
		{ "007", 7 },
		{ "100.0%", 100 },
		{ "", -1 },
		{ "\n", -1 },
		{ "101", -1 },
		{ "100.5", -1 },
		{ "-1", -1 },
		{ "+1", -1 },
		{ "1e1", -1 },
		{ "0x10", -1 },
		{ "nan", -1 },
		{ "42 %", -1 },
		{ "42%%", -1 },
		{ "42 up", -1 },
		{ "up 42%", -1 },
		{ ".5", -1 },
		{ "5.", -1 },
		{ "4,2", -1 },
		{ "<html>", -1 },
		{ "{\"load\":1}", -1 },
		{ "1                    ", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double load = -1;

		assert_int_equal(rebalance_load_read(rows[i].answer, &load), rows[i].load >= 0);
		assert_true(load == rows[i].load);
	}
}

static void slow_responses_are_waited_for(void **state)
{
	struct fixture f;
	uint64_t first;

	open_fixture(&f);
	f.in.response_s = 60;
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	first = f.in.now_ms;
	assert_true(until(&f, REBALANCE_STEPPED) > 0);
	assert_in_range(f.in.now_ms - first, 65000, 100000);
	rebalance_close(f.r);
}

static void factors_survive_a_restart_and_a_change_of_order(void **state)
{
	struct fixture f, g;

	open_fixture(&f);
	open_fixture(&g);
	for (int n = 0; n < 3; n++)
		until(&f, REBALANCE_STEPPED);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(rebalance_set(g.r, f.b[i].id, factor(&f, i)), 0);
	tick(&g);
	for (size_t i = 0; i < COUNT; i++)
		assert_true(factor(&g, i) == factor(&f, i));
	g.b[0] = f.b[3];
	g.b[3] = f.b[0];
	tick(&g);
	for (size_t i = 0; i < COUNT; i++)
		assert_true(factor(&f, i) == rebalance_factor(g.r, f.b[i].id));
	assert_int_equal(rebalance_set(g.r, 77, 9), 0);
	assert_true(rebalance_factor(g.r, 77) == 1.5);
	assert_true(rebalance_factor(g.r, 78) == 1);
	rebalance_close(f.r);
	rebalance_close(g.r);
}

static void weights_in_the_table_are_not_rounded(void **state)
{
	assert_int_equal(rebalance_weight(100, 1), 25600);
	assert_int_equal(rebalance_weight(100, 1.25), 32000);
	assert_int_equal(rebalance_weight(65535, 1.5), 25165440);
	assert_int_equal(rebalance_weight(1, 0.001), 1);
}

/* Load that has nothing to do with weights, and is as bad as can be. */
static void whatever_happens_factors_travel_no_further_than_allowed(void **state)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		double travelled[COUNT] = { 0 }, hours = 3;
		uint64_t chance = seed;
		struct fixture f;

		open_fixture(&f);
		for (int n = 0; n < hours * 3600; n++) {
			double before[COUNT];

			for (size_t i = 0; i < COUNT; i++)
				before[i] = factor(&f, i);
			if (n % (20 + seed) == 0)
				for (size_t i = 0; i < COUNT; i++)
					f.b[i].traffic = 1e4 * case_random(&chance);
			tick(&f);
			for (size_t i = 0; i < COUNT; i++) {
				travelled[i] += fabs(factor(&f, i) - before[i]);
				assert_true(factor(&f, i) >= 0.5 && factor(&f, i) <= 1.5);
			}
		}
		for (size_t i = 0; i < COUNT; i++)
			assert_true(travelled[i] <= 2 + 2 * hours);
		rebalance_close(f.r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_too_much_gets_less),
		cmocka_unit_test(observing_says_what_it_would_do_and_does_nothing),
		cmocka_unit_test(switched_off_weights_go_back_in_steps),
		cmocka_unit_test(stale_counters_and_panic_freeze_it),
		cmocka_unit_test(while_weights_change_it_stands_still),
		cmocka_unit_test(who_has_no_weight_gets_none),
		cmocka_unit_test(a_pool_of_one_has_nothing_to_balance),
		cmocka_unit_test(the_budget_of_unsettled_slots_bounds_each_step),
		cmocka_unit_test(what_the_guard_refuses_is_held_and_says_why),
		cmocka_unit_test(who_declares_a_capacity_is_not_given_more_than_that),
		cmocka_unit_test(a_backend_above_the_share_limit_is_not_given_more),
		cmocka_unit_test(feedback_goes_before_traffic),
		cmocka_unit_test(who_tells_no_load_is_left_as_it_is),
		cmocka_unit_test(where_load_counts_traffic_never_does),
		cmocka_unit_test(old_answers_freeze_it_and_switching_it_off_needs_none),
		cmocka_unit_test(an_answer_is_a_number_from_0_to_100),
		cmocka_unit_test(slow_responses_are_waited_for),
		cmocka_unit_test(factors_survive_a_restart_and_a_change_of_order),
		cmocka_unit_test(weights_in_the_table_are_not_rounded),
		cmocka_unit_test(whatever_happens_factors_travel_no_further_than_allowed),
	};

	return cmocka_run_group_tests_name("rebalance", tests, NULL, NULL);
}
