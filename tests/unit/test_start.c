// SPDX-License-Identifier: GPL-2.0
/* Slow start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "balance_case.h"
#include "lib/guard.h"
#include "lib/start.h"

#define POOLS 20000
#define POOL_MAX 20

static void it_grows_in_steps_and_ends_when_its_time_is_over(void **state)
{
	struct start s = { 1000, START_LEAST, START_LEAST };
	uint16_t before = START_LEAST;
	uint32_t steps = 0;

	assert_int_equal(start_due(&s, 60, 999), START_LEAST); /* a clock may be read late */
	assert_int_equal(start_due(&s, 60, 1000), START_LEAST);
	for (uint32_t now = 1000; now <= 1060; now++) {
		uint16_t due = start_due(&s, 60, now);

		assert_true(due >= before);
		assert_in_range(due - before, 0, (START_WHOLE - START_LEAST) / START_STEPS + 1);
		steps += due > before;
		before = due;
	}
	assert_int_equal(steps, START_STEPS);
	assert_int_equal(before, START_WHOLE);
	assert_int_equal(start_due(&s, 60, UINT32_MAX), START_WHOLE);
	assert_int_equal(start_left_s(&s, 60, 1015), 45);
	assert_int_equal(start_left_s(&s, 60, 2000), 0);
}

static void a_short_one_has_a_step_a_second(void **state)
{
	struct start s = { 5, START_LEAST, START_LEAST };

	assert_int_equal(start_due(&s, 2, 5), START_LEAST);
	assert_int_equal(start_due(&s, 2, 6), START_LEAST + (START_WHOLE - START_LEAST) / 2);
	assert_int_equal(start_due(&s, 2, 7), START_WHOLE);
	assert_int_equal(start_due(&s, 1, 5), START_LEAST);
	assert_int_equal(start_due(&s, 1, 6), START_WHOLE);
	assert_int_equal(start_due(&s, 0, 5), START_WHOLE);
}

static void one_word_keeps_it(void **state)
{
	struct start s = { 4000000000u, 26, 255 }, back = start_of_word(start_word(&s)),
		     none = { 0 };

	assert_memory_equal(&s, &back, sizeof(s));
	assert_int_equal(start_word(&none), 0);
	assert_int_equal(start_of_word(0).part, 0);
	assert_int_equal(start_of_word(UINT64_MAX).part, 0); /* no start: somebody wrote it */
}

static uint16_t least(size_t count, const struct start_member *members)
{
	return start_least(members, count);
}

static void who_comes_back_begins_with_a_tenth(void **state)
{
	const struct start_member pool[] = { { 100, 0.5, 0 }, { 100, 0.5, 0 }, { 100, 0, 26 } };

	assert_int_equal(least(3, pool), START_LEAST);
}

static void nobody_gets_a_pools_load_because_the_others_are_new(void **state)
{
	/* Three of four replaced at once: the old one had a quarter. */
	const struct start_member pool[] = {
		{ 100, 0.25, 0 }, { 100, 0, 26 }, { 100, 0, 26 }, { 100, 0, 26 }
	};
	double part = (double)least(4, pool) / START_WHOLE;

	assert_true(1 / (1 + 3 * part) <= 0.25 * guard_limits_default.growth);
	assert_true(part < 0.75);
}

static void where_all_start_shares_are_the_ratio(void **state)
{
	const struct start_member pool[] = { { 300, 0, 26 }, { 100, 0, 26 } };

	assert_int_equal(least(2, pool), START_LEAST);
	assert_int_equal(least(0, pool), START_LEAST);
}

static struct start_member random_member(uint64_t *seed, double share)
{
	uint64_t kind = case_word(seed) % 8;

	return (struct start_member){
		.weight = kind ? 1 + (uint32_t)(case_word(seed) % 1000) : 0,
		.old_share = kind < 5 ? share : 0,
		.part = kind >= 5 ? START_LEAST + (uint16_t)(case_word(seed) % 200) : 0,
	};
}

/* Whoever begins, whoever dies meanwhile: the guard has nothing to say, as long as what is new is
 * slowed down only as far as start_least() lets it. */
static void a_start_never_makes_what_the_guard_refuses(void **state)
{
	uint64_t seed = 7;
	int raised = 0;

	for (int n = 0; n < POOLS; n++) {
		size_t count = 1 + case_word(&seed) % POOL_MAX;
		struct start_member m[POOL_MAX];
		struct guard_backend b[POOL_MAX] = {};
		struct guard_case c = { .cause = GUARD_BY_HEALTH, .backends = b, .count = count };
		struct guard_breach breach;
		double weight[POOL_MAX], sum = 0;
		uint16_t floor;

		for (size_t i = 0; i < count; i++)
			m[i] = random_member(&seed, 1 / (double)count);
		floor = start_least(m, count);
		raised += floor > START_LEAST;
		for (size_t i = 0; i < count; i++) {
			uint16_t part = m[i].part > floor ? m[i].part : floor;

			weight[i] =
				m[i].part ? (double)m[i].weight * part : (double)m[i].weight * 256;
			sum += weight[i];
		}
		if (!(sum > 0))
			continue;
		for (size_t i = 0; i < count; i++)
			b[i] = (struct guard_backend){ .id = (uint32_t)i + 1,
						       .old_share = m[i].old_share,
						       .new_share = weight[i] / sum,
						       .weight = m[i].weight };
		if (guard_check(&guard_limits_default, &c, &breach) == GUARD_GROWTH)
			fail_msg("run %d: %u grows %f times, limit %f", n, breach.backend,
				 breach.value, breach.limit);
	}
	assert_true(raised > POOLS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_in_steps_and_ends_when_its_time_is_over),
		cmocka_unit_test(a_short_one_has_a_step_a_second),
		cmocka_unit_test(one_word_keeps_it),
		cmocka_unit_test(who_comes_back_begins_with_a_tenth),
		cmocka_unit_test(nobody_gets_a_pools_load_because_the_others_are_new),
		cmocka_unit_test(where_all_start_shares_are_the_ratio),
		cmocka_unit_test(a_start_never_makes_what_the_guard_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
