// SPDX-License-Identifier: GPL-2.0
/* What moved is compared with what did not, and with what was: noise is no harm, harm is found by few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "lib/outcome.h"

static bool worse(struct outcome moved, struct outcome unmoved, struct outcome before)
{
	return outcome_is_worse(&moved, &unmoved, &before);
}
#define NOTHING ((struct outcome){ 0, 0 })
#define WELL ((struct outcome){ 200, 2 }) /* as it is on the internet */

static void ten_that_all_fail_are_enough(void **state)
{
	assert_true(worse((struct outcome){ 0, 10 }, WELL, WELL));
	assert_false(worse((struct outcome){ 0, 9 }, WELL, WELL));
	/* Not ten of a hundred: chance might do that. */
	assert_false(worse((struct outcome){ 90, 10 }, WELL, WELL));
	/* While so few others have been seen that the past must speak for them. */
	assert_true(worse((struct outcome){ 0, 10 }, NOTHING, WELL));
}

static void what_befalls_everybody_is_not_the_changes(void **state)
{
	assert_false(worse((struct outcome){ 10, 30 }, (struct outcome){ 20, 60 }, WELL));
	assert_true(worse((struct outcome){ 10, 90 }, (struct outcome){ 90, 30 }, WELL));
}

static void what_was_so_before_is_not_the_changes(void **state)
{
	assert_false(worse((struct outcome){ 50, 50 }, WELL, (struct outcome){ 100, 100 }));
}

/* However sure one can be of it. */
static void a_little_worse_is_no_reason(void **state)
{
	struct outcome usual = { 990000, 10000 };

	assert_false(worse((struct outcome){ 950000, 50000 }, usual, usual));
	assert_true(worse((struct outcome){ 930000, 70000 }, usual, usual));
}

static void where_nothing_else_is_known_most_of_twenty_must_fail(void **state)
{
	struct outcome few = { 5, 0 };

	assert_true(outcome_is_alone(&few, &few) == false);
	assert_true(outcome_is_alone(&few, &NOTHING));
	assert_false(worse((struct outcome){ 0, 19 }, few, NOTHING));
	assert_true(worse((struct outcome){ 0, 20 }, few, NOTHING));
	assert_false(worse((struct outcome){ 20, 20 }, few, NOTHING));
}

static void of_late_is_forgotten_and_all_is_not(void **state)
{
	struct outcomes o = {};

	outcomes_add(&o, &(struct outcome){ 1000, 0 });
	for (int i = 0; i < 60; i++)
		outcomes_decay(&o);
	outcomes_add(&o, &(struct outcome){ 0, 40 });
	assert_true(o.late.good < 5 && o.late.bad == 40);
	assert_true(o.all.good == 1000 && o.all.bad == 40);
	for (int i = 0; i < 200; i++)
		outcomes_decay(&o);
	assert_true(outcome_all(&o.late) == 0);
}

/* A change that does nothing, looked at each second for two minutes, beside noise of every kind: one in
 * thousands may be undone. */
static double chance(void)
{
	return (double)rand() / ((double)RAND_MAX + 1);
}

static struct outcome draw(unsigned int count, double part)
{
	struct outcome o = {};

	for (unsigned int i = 0; i < count; i++)
		*(chance() < part ? &o.bad : &o.good) += 1;
	return o;
}

static bool is_undone(double part, unsigned int rate, double harm)
{
	struct outcome before = draw(rate * 60 / 64, part);
	struct outcomes moved = {}, unmoved = {};

	for (int second = 0; second < 120; second++) {
		struct outcome m = draw(rate / 4, part + harm), u = draw(rate / 64, part);

		outcomes_decay(&moved);
		outcomes_decay(&unmoved);
		outcomes_add(&moved, &m);
		outcomes_add(&unmoved, &u);
		if (outcome_is_worse(&moved.all, &unmoved.all, &before) ||
		    outcome_is_worse(&moved.late, &unmoved.late, &before))
			return true;
	}
	return false;
}

static void noise_undoes_nothing(void **state)
{
	unsigned int undone = 0;

	srand(20261121);
	for (int i = 0; i < 600; i++)
		undone += is_undone(0.02 * (i % 10), 20u << i % 6, 0);
	assert_int_equal(undone, 0);
}

static void harm_beside_noise_is_undone(void **state)
{
	unsigned int undone = 0;

	srand(7);
	for (int i = 0; i < 200; i++)
		undone += is_undone(0.02 * (i % 10), 80u << i % 4, 0.5);
	assert_int_equal(undone, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_that_all_fail_are_enough),
		cmocka_unit_test(what_befalls_everybody_is_not_the_changes),
		cmocka_unit_test(what_was_so_before_is_not_the_changes),
		cmocka_unit_test(a_little_worse_is_no_reason),
		cmocka_unit_test(where_nothing_else_is_known_most_of_twenty_must_fail),
		cmocka_unit_test(of_late_is_forgotten_and_all_is_not),
		cmocka_unit_test(noise_undoes_nothing),
		cmocka_unit_test(harm_beside_noise_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
