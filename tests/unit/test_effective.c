// SPDX-License-Identifier: GPL-2.0
/* The weights of a table, and the table that comes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>

#include "balance_case.h"
#include "lib/cleanup.h"
#include "lib/guard.h"
#include "pool_case.h"

#define RUNS 1000

static const struct eligible_policy policy = { .panic = 50, .backup_below = 50 };

static void has_slots(const struct pool *p, size_t i, double share)
{
	double slots = share * POOL_SLOTS;

	if (p->owned[i + 1] < slots - 2 || p->owned[i + 1] > slots + 2)
		fail_msg("%zu has %u slots instead of %.1f", i, p->owned[i + 1], slots);
}

/* ---- named situations ------------------------------------------------------------------------ */

static void the_first_one_down_its_load_goes_to_all_of_the_others(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(10), *before = pool_make(10);

	pool_build(before, &policy);
	p->m[0].eligible.state = HEALTH_DOWN;
	pool_build(p, &policy);
	assert_int_equal(p->mode, ELIGIBLE_HEALTHY);
	has_slots(p, 0, 0);
	for (size_t i = 1; i < 10; i++)
		has_slots(p, i, 1.0 / 9);
	/* What was not its stays where it was, almost. */
	for (size_t i = 0, moved = 0; i < POOL_SLOTS; i++) {
		moved += before->owners[i] != 1 && before->owners[i] != p->owners[i];
		assert_in_range(moved, 0, POOL_SLOTS / 100);
	}
}

static void one_of_two_down_the_other_has_all(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(2);

	p->m[0].eligible.state = HEALTH_DOWN;
	pool_build(p, &policy);
	assert_int_equal(p->mode, ELIGIBLE_HEALTHY);
	has_slots(p, 1, 1);
}

static void nine_of_ten_down_is_panic_and_all_have_their_share(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(10);

	for (size_t i = 0; i < 9; i++)
		p->m[i].eligible.state = HEALTH_DOWN;
	p->m[9].eligible.start = 0.1; /* it has just come back: nobody waits for it now */
	pool_build(p, &policy);
	assert_int_equal(p->mode, ELIGIBLE_PANIC);
	for (size_t i = 0; i < 10; i++)
		has_slots(p, i, 0.1);
}

static void all_down_is_panic_or_what_the_policy_says(void **state)
{
	const struct eligible_policy keep = { 0, 50, ON_EMPTY_KEEP },
				     drop = { 0, 50, ON_EMPTY_DROP };
	_cleanup_(free_ptr) struct pool *p = pool_make(3);

	for (size_t i = 0; i < 3; i++)
		p->m[i].eligible.state = HEALTH_DOWN;
	p->m[2].eligible.had = false;
	pool_build(p, &policy);
	assert_int_equal(p->mode, ELIGIBLE_PANIC);
	has_slots(p, 2, 1.0 / 3);
	pool_build(p, &keep);
	assert_int_equal(p->mode, ELIGIBLE_KEPT);
	has_slots(p, 0, 0.5);
	has_slots(p, 2, 0);
	pool_build(p, &drop);
	assert_int_equal(p->mode, ELIGIBLE_NOBODY);
	assert_int_equal(p->owned[EK_NO_BACKEND], POOL_SLOTS);
}

static void slow_start_and_rebalance_build_on_what_health_leaves(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(4);

	p->m[0].eligible.start = 0.5;
	p->m[1].factor = 1.5;
	p->m[2].eligible.state = HEALTH_DOWN;
	p->m[2].factor = 1.5;
	pool_build(p, &policy);
	has_slots(p, 0, 0.5 / 3);
	has_slots(p, 1, 1.5 / 3);
	has_slots(p, 2, 0);
	has_slots(p, 3, 1.0 / 3);
	/* What it is to have in the end, for the guard. */
	assert_true(p->w[0].due > 99 && p->w[0].due < 101);
	assert_true(p->w[1].due > 149 && p->w[1].due < 151);
	assert_false(p->w[2].due > 0);
}

static void if_all_start_slowly_shares_are_the_ratio(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(3);

	for (size_t i = 0; i < 3; i++)
		p->m[i].eligible.start = 0.1;
	p->m[0].eligible.weight = 200;
	pool_build(p, &policy);
	has_slots(p, 0, 0.5);
	has_slots(p, 1, 0.25);
}

/* ---- properties ------------------------------------------------------------------------------ */

static void no_table_sends_to_the_dead_while_another_is_eligible_outside_panic(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(1);
	uint64_t seed = 11;

	for (int run = 0; run < RUNS; run++) {
		struct eligible_policy by = { case_word(&seed) % 3 ? case_word(&seed) % 101 : 0,
					      1 + case_word(&seed) % 100, case_word(&seed) & 1 };
		bool equal = case_word(&seed) & 1;

		p->count = 1 + case_word(&seed) % POOL_MAX;
		for (size_t i = 0; i < p->count; i++)
			p->m[i] = pool_random_member(&seed, equal);
		pool_build(p, &by);
		pool_check_owners(p);
	}
}

/* Somebody dies: who is left has a part of that load by weight, none of them all of it. */
static void a_dead_hosts_load_goes_to_all_survivors_by_weight(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(1), *after = pool_make(1);
	const struct eligible_policy never = { .backup_below = 50 };
	uint64_t seed = 12;

	for (int run = 0; run < RUNS; run++) {
		size_t dead;
		double left;

		p->count = 3 + case_word(&seed) % (POOL_MAX - 2);
		for (size_t i = 0; i < p->count; i++)
			p->m[i] = pool_up(50 + (uint32_t)(case_word(&seed) % 100));
		pool_build(p, &never);
		*after = *p;
		dead = case_word(&seed) % p->count;
		after->m[dead].eligible.state = HEALTH_DOWN;
		pool_build(after, &never);
		left = (double)(POOL_SLOTS - p->owned[dead + 1]) / POOL_SLOTS;
		for (size_t i = 0; i < p->count; i++)
			has_slots(after, i, i == dead ? 0 : p->owned[i + 1] / left / POOL_SLOTS);
	}
}

/* A life of a pool: whatever happens, every table in a row passes the guard as what it is. */
static enum guard_cause step(struct pool *p, uint64_t *seed)
{
	struct effective_member *m = &p->m[case_word(seed) % p->count];

	for (size_t i = 0; i < p->count; i++)
		p->m[i].eligible.had = p->owned[i + 1] > 0;
	m->eligible.state = m->eligible.state == HEALTH_UP ? HEALTH_DOWN : HEALTH_UP;
	m->eligible.ever_up = true;
	return GUARD_BY_HEALTH;
}

static void every_table_of_a_pools_life_passes_the_guard(void **state)
{
	_cleanup_(free_ptr) struct pool *p = pool_make(POOL_MAX), *next = pool_make(1);
	uint64_t seed = 13;

	for (size_t i = 0; i < p->count; i++)
		p->m[i] = pool_up(10 + (uint32_t)(case_word(&seed) % 200));
	p->m[0].eligible.backup = p->m[1].eligible.backup = true;
	pool_build(p, &policy);
	for (int run = 0; run < RUNS; run++) {
		struct guard_backend b[POOL_MAX];
		struct guard_case c = { .backends = b, .count = p->count, .budget = 1 };
		struct guard_breach breach;
		char text[GUARD_TEXT_MAX];

		*next = *p;
		c.cause = step(next, &seed);
		pool_build(next, &policy);
		c.cause = next->mode == ELIGIBLE_PANIC ? GUARD_BY_PANIC : c.cause;
		for (size_t i = 0; i < p->count; i++)
			b[i] = (struct guard_backend){
				.id = (uint32_t)i + 1,
				.old_share = (double)p->owned[i + 1] / POOL_SLOTS,
				.new_share = (double)next->owned[i + 1] / POOL_SLOTS,
				.weight = next->w[i].due,
			};
		if (guard_check(&guard_limits_default, &c, &breach) != GUARD_RULE_COUNT)
			fail_msg("run %d: %s", run, guard_breach_text(&breach, "one", text));
		*p = *next;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_one_down_its_load_goes_to_all_of_the_others),
		cmocka_unit_test(one_of_two_down_the_other_has_all),
		cmocka_unit_test(nine_of_ten_down_is_panic_and_all_have_their_share),
		cmocka_unit_test(all_down_is_panic_or_what_the_policy_says),
		cmocka_unit_test(slow_start_and_rebalance_build_on_what_health_leaves),
		cmocka_unit_test(if_all_start_slowly_shares_are_the_ratio),
		cmocka_unit_test(
			no_table_sends_to_the_dead_while_another_is_eligible_outside_panic),
		cmocka_unit_test(a_dead_hosts_load_goes_to_all_survivors_by_weight),
		cmocka_unit_test(every_table_of_a_pools_life_passes_the_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
