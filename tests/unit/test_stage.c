/* SPDX-License-Identifier: GPL-2.0 */
/* Steps of a change: none raises anybody's load too much, each moves more of the same slots, and time
 * and traffic say when the next one may come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/maglev.h"
#include "lib/stage.h"

static const uint16_t usual[] = { 10, 50, 250, 500, 1000 };

static struct stage_plan plan_of(const struct stage_share *shares, size_t count)
{
	struct stage_plan plan;

	stage_plan(&plan, shares, count, usual, 5);
	return plan;
}

static void a_change_that_burdens_nobody_takes_the_steps_wanted(void **state)
{
	/* A fifth backend for four. */
	static const struct stage_share shares[] = {
		{ 0.25, 0.2 }, { 0.25, 0.2 }, { 0.25, 0.2 }, { 0.25, 0.2 }, { 0, 0.2 },
	};
	struct stage_plan plan = plan_of(shares, 5);

	assert_int_equal(plan.count, 5);
	assert_memory_equal(plan.steps, usual, sizeof(usual));
	assert_false(plan.cut);
}

static void all_at_once_is_one_step(void **state)
{
	struct stage_plan plan;

	stage_plan(&plan, NULL, 0, NULL, 0);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.steps[0], STAGE_WHOLE);
}

static double share_at(const struct stage_share *s, uint32_t permille)
{
	return s->before + (s->after - s->before) * permille / STAGE_WHOLE;
}

static void keeps_within_growth(const struct stage_share *shares, size_t count)
{
	struct stage_plan plan = plan_of(shares, count);
	uint32_t at = 0;

	assert_true(plan.count >= 1 && plan.count <= STAGE_STEPS_MAX);
	assert_int_equal(plan.steps[plan.count - 1], STAGE_WHOLE);
	for (size_t i = 0; i < plan.count; i++) {
		assert_true(plan.steps[i] > at);
		for (size_t k = 0; k < count; k++) {
			double now = share_at(&shares[k], at);

			/* Where shares are so small that one per mille is more, nothing helps. */
			if (shares[k].before > 0 && plan.steps[i] > at + 1 && !plan.cut)
				assert_true(share_at(&shares[k], plan.steps[i]) <=
					    STAGE_GROWTH * now + 1e-9);
		}
		at = plan.steps[i];
	}
}

static void no_step_raises_a_load_above_the_growth(void **state)
{
	static const struct stage_share halved[] = {
		{ 0.25, 0.5 }, { 0.25, 0.5 }, { 0.25, 0 }, { 0.25, 0 }
	};
	static const struct stage_share typo[] = {
		{ 0.25, 0.77 }, { 0.25, 0.08 }, { 0.25, 0.08 }, { 0.25, 0.07 }
	};

	keeps_within_growth(halved, 4);
	assert_true(plan_of(halved, 4).count > 5);
	keeps_within_growth(typo, 4);
	srand(7);
	for (int round = 0; round < 2000; round++) {
		struct stage_share shares[8];
		double before = 0, after = 0;

		for (size_t i = 0; i < 8; i++) {
			shares[i].before = rand() % 4 ? rand() % 1000 : 0;
			shares[i].after = rand() % 4 ? rand() % 1000 : 0;
			before += shares[i].before;
			after += shares[i].after;
		}
		for (size_t i = 0; i < 8; i++) {
			shares[i].before /= before > 0 ? before : 1;
			shares[i].after /= after > 0 ? after : 1;
		}
		keeps_within_growth(shares, 8);
	}
}

static void a_share_from_next_to_nothing_does_not_take_for_ever(void **state)
{
	static const struct stage_share shares[] = { { 0.00001, 0.9 }, { 0.99999, 0.1 } };
	struct stage_plan plan = plan_of(shares, 2);

	assert_true(plan.count <= STAGE_STEPS_MAX);
	assert_int_equal(plan.steps[plan.count - 1], STAGE_WHOLE);
}

/* ---- which slots ----------------------------------------------------------------------------- */

#define SLOTS 4096u

struct tables {
	uint32_t before[SLOTS], after[SLOTS], step[SLOTS];
};

static void fill(uint32_t *table, const uint32_t *weights, size_t count)
{
	static const struct ek_key key = { { 1, 2 } };
	struct maglev_member members[8] = {};

	for (size_t i = 0; i < count; i++) {
		members[i].addr.bytes[15] = (uint8_t)(i + 1);
		members[i].weight = weights[i];
		members[i].index = (uint32_t)i + 1;
	}
	assert_int_equal(maglev_fill(table, SLOTS, members, count, key), 0);
}

static uint32_t moved(const struct tables *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SLOTS; i++) {
		assert_true(t->step[i] == t->before[i] || t->step[i] == t->after[i]);
		n += t->step[i] != t->before[i];
	}
	return n;
}

static void mix(struct tables *t, uint32_t permille)
{
	static const struct ek_key key = { { 3, 4 } };

	memcpy(t->step, t->after, sizeof(t->step));
	assert_int_equal(stage_mix(t->step, t->before, SLOTS, permille, key), 0);
}

static void a_step_moves_that_part_of_the_slots_that_differ(void **state)
{
	static const uint32_t was[] = { 100, 100, 100, 100, 0 }, is[] = { 100, 50, 100, 100, 200 };
	_cleanup_(free_ptr) struct tables *t = calloc(1, sizeof(*t));
	uint32_t all;

	fill(t->before, was, 5);
	fill(t->after, is, 5);
	mix(t, STAGE_WHOLE);
	assert_memory_equal(t->step, t->after, sizeof(t->step));
	all = moved(t);
	mix(t, 0);
	assert_memory_equal(t->step, t->before, sizeof(t->step));
	for (uint32_t permille = 1; permille < STAGE_WHOLE; permille += 37) {
		mix(t, permille);
		assert_in_range(moved(t) + 5, (uint64_t)all * permille / STAGE_WHOLE,
				(uint64_t)all * permille / STAGE_WHOLE + 10);
	}
}

static void a_later_step_keeps_what_an_earlier_one_moved(void **state)
{
	static const uint32_t was[] = { 100, 100, 0 }, is[] = { 100, 0, 100 };
	_cleanup_(free_ptr) struct tables *t = calloc(1, sizeof(*t)), *u = calloc(1, sizeof(*u));

	fill(t->before, was, 3);
	fill(t->after, is, 3);
	*u = *t;
	for (uint32_t permille = 0; permille < STAGE_WHOLE; permille += 10) {
		mix(t, permille);
		mix(u, permille + 10);
		for (uint32_t i = 0; i < SLOTS; i++)
			if (t->step[i] != t->before[i])
				assert_int_equal(u->step[i], t->step[i]);
	}
}

static void count_owned(uint32_t *owned, const uint32_t *table)
{
	memset(owned, 0, 8 * sizeof(*owned));
	for (uint32_t i = 0; i < SLOTS; i++)
		owned[table[i] - 1]++;
}

/* What is planned by shares is so in the tables: but for what rounding and the order of slots make of
 * it, a 64th of the table. */
static void no_step_of_a_real_table_raises_a_load_above_the_growth(void **state)
{
	_cleanup_(free_ptr) struct tables *t = calloc(1, sizeof(*t));

	srand(11);
	for (int round = 0; round < 60; round++) {
		uint32_t was[6], is[6], owned[8], last[8], all[2] = {};
		struct stage_share shares[6];
		struct stage_plan plan;

		for (size_t i = 0; i < 6; i++) {
			was[i] = i && rand() % 4 == 0 ? 0 : 10 + (uint32_t)rand() % 300;
			is[i] = i && rand() % 4 == 0 ? 0 : 10 + (uint32_t)rand() % 300;
			all[0] += was[i];
			all[1] += is[i];
		}
		for (size_t i = 0; i < 6; i++)
			shares[i] = (struct stage_share){ (double)was[i] / all[0],
							  (double)is[i] / all[1] };
		plan = plan_of(shares, 6);
		fill(t->before, was, 6);
		fill(t->after, is, 6);
		count_owned(last, t->before);
		for (size_t k = 0; k < plan.count; k++) {
			mix(t, plan.steps[k]);
			count_owned(owned, t->step);
			for (size_t i = 0; i < 6; i++)
				if (was[i])
					assert_true(owned[i] <=
						    STAGE_GROWTH * last[i] + SLOTS / 64.0);
			memcpy(last, owned, sizeof(last));
		}
		assert_memory_equal(t->step, t->after, sizeof(t->step));
	}
}

/* ---- when ------------------------------------------------------------------------------------ */

static void a_step_stays_two_seconds_and_a_hundred_handshakes(void **state)
{
	struct stage_plan plan = plan_of(NULL, 0);
	struct stage s;

	stage_begin(&s, &plan, 1000);
	assert_int_equal(stage_permille(&s), 10);
	assert_int_equal(stage_judge(&s, 2999, 400), STAGE_STAY);
	assert_int_equal(stage_judge(&s, 3000, 99), STAGE_STAY);
	assert_int_equal(stage_judge(&s, 3000, 100), STAGE_NEXT);
	stage_next(&s, 3000, 130);
	assert_int_equal(s.unproven, 0);
	assert_int_equal(stage_permille(&s), 50);
	assert_int_equal(stage_judge(&s, 3000, 9999), STAGE_STAY);
	/* A hundred of its own. */
	assert_int_equal(stage_judge(&s, 5000, 229), STAGE_STAY);
	assert_int_equal(stage_judge(&s, 5000, 230), STAGE_NEXT);
}

static void too_little_traffic_is_waited_for_so_long_and_noted(void **state)
{
	struct stage_plan plan = plan_of(NULL, 0);
	struct stage s;

	stage_begin(&s, &plan, 0);
	assert_int_equal(stage_judge(&s, STAGE_PROBE_MS - 1, 99), STAGE_STAY);
	assert_int_equal(stage_judge(&s, STAGE_PATIENCE_MS, 99), STAGE_NEXT);
	stage_next(&s, STAGE_PATIENCE_MS, 99);
	assert_int_equal(s.unproven, 1);
}

static void meanwhile_probes_stand_in(void **state)
{
	struct stage_plan plan = plan_of(NULL, 0);
	struct stage s;

	stage_begin(&s, &plan, 0);
	for (uint64_t now = STAGE_PROBE_MS; now < STAGE_PATIENCE_MS; now += 1000) {
		assert_int_equal(stage_judge(&s, now, 99), STAGE_PROBE);
		assert_int_equal(stage_judge(&s, now, 100), STAGE_NEXT);
	}
}

static void the_last_step_is_the_watchs(void **state)
{
	struct stage_plan plan = plan_of(NULL, 0);
	struct stage s;

	stage_begin(&s, &plan, 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(stage_judge(&s, 100000, 0), STAGE_NEXT);
		stage_next(&s, 0, 0);
	}
	assert_int_equal(stage_permille(&s), STAGE_WHOLE);
	assert_int_equal(stage_judge(&s, 0, 0), STAGE_DONE);
}

/* A clock that stands or goes back, counters that begin anew: it stays, and then goes on. */
static void odd_clocks_and_counters_do_no_harm(void **state)
{
	struct stage_plan plan = plan_of(NULL, 0);
	struct stage s;

	stage_begin(&s, &plan, 5000);
	stage_next(&s, 5000, 700);
	assert_int_equal(stage_judge(&s, 4000, 0), STAGE_STAY);
	assert_int_equal(stage_judge(&s, 5000 + STAGE_PATIENCE_MS, 0), STAGE_NEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_that_burdens_nobody_takes_the_steps_wanted),
		cmocka_unit_test(all_at_once_is_one_step),
		cmocka_unit_test(no_step_raises_a_load_above_the_growth),
		cmocka_unit_test(a_share_from_next_to_nothing_does_not_take_for_ever),
		cmocka_unit_test(a_step_moves_that_part_of_the_slots_that_differ),
		cmocka_unit_test(a_later_step_keeps_what_an_earlier_one_moved),
		cmocka_unit_test(no_step_of_a_real_table_raises_a_load_above_the_growth),
		cmocka_unit_test(a_step_stays_two_seconds_and_a_hundred_handshakes),
		cmocka_unit_test(too_little_traffic_is_waited_for_so_long_and_noted),
		cmocka_unit_test(meanwhile_probes_stand_in),
		cmocka_unit_test(the_last_step_is_the_watchs),
		cmocka_unit_test(odd_clocks_and_counters_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
