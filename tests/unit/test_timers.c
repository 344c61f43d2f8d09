// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "evenkeel/hash.h"
#include "lib/timers.h"

#define COUNT 500

static void they_are_due_in_the_order_of_their_times(void **state)
{
	struct timers t = {};
	struct timer timers[COUNT] = {};
	uint64_t last = 0, left = 0;

	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(timers_join(&t), 0);
		timers_set(&t, &timers[i], ek_mix(i, 7) % 1000);
	}
	for (size_t i = 0; i < COUNT; i += 3) /* some twice, some not at all */
		timers_set(&t, &timers[i], ek_mix(i, 8) % 1000);
	for (size_t i = 0; i < COUNT; i += 5)
		timers_clear(&t, &timers[i]);
	for (struct timer *x; (x = timers_due(&t, 999)); left++) {
		assert_true(x->at >= last);
		assert_int_equal(x->place, 0);
		assert_int_not_equal((x - timers) % 5, 0);
		last = x->at;
	}
	assert_int_equal(left, COUNT - COUNT / 5);
	assert_true(timers_next(&t) == UINT64_MAX);
	timers_release(&t);
}

static void none_is_due_before_its_time(void **state)
{
	struct timers t = {};
	struct timer one = {}, two = {};

	assert_int_equal(timers_join(&t), 0);
	assert_int_equal(timers_join(&t), 0);
	timers_set(&t, &one, 20);
	timers_set(&t, &two, 10);
	assert_int_equal(timers_next(&t), 10);
	assert_null(timers_due(&t, 9));
	assert_ptr_equal(timers_due(&t, 10), &two);
	assert_null(timers_due(&t, 19));
	timers_leave(&t, &one);
	assert_null(timers_due(&t, 20));
	timers_leave(&t, &two);
	assert_int_equal(t.members, 0);
	timers_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_due_in_the_order_of_their_times),
		cmocka_unit_test(none_is_due_before_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
