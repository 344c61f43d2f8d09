// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "evenkeel/sample.h"
#include "lib/allot.h"

#define BUDGET 800.0

static void who_has_little_is_seen_in_full(void **state)
{
	const double rates[] = { 10, 0, 300 };

	assert_true(allot_most(rates, 3, BUDGET) > 300);
	assert_int_equal(allot_shift(300, allot_most(rates, 3, BUDGET)), 0);
}

static void a_quiet_service_is_seen_beside_a_busy_one(void **state)
{
	const double rates[] = { 100, 10e6 };
	double most = allot_most(rates, 2, BUDGET);
	uint8_t shift = allot_shift(10e6, most);

	assert_true(fabs(most - 700) < 1);
	assert_int_equal(allot_shift(100, most), 0);
	assert_true(ldexp(10e6, -shift) <= 700 && ldexp(10e6, -shift) > 350);
}

static void busy_ones_share_alike(void **state)
{
	const double rates[] = { 1e6, 2e6, 5e6, 1e4 };

	assert_true(fabs(allot_most(rates, 4, BUDGET) - 200) < 1);
}

static void no_rates_exceed_the_budget(void **state)
{
	double rates[1000], sum = 0, most;

	for (unsigned int i = 0; i < 1000; i++)
		rates[i] = (i * 7919u % 1000) * i;
	most = allot_most(rates, 1000, BUDGET);
	for (unsigned int i = 0; i < 1000; i++)
		sum += ldexp(rates[i], -allot_shift(rates[i], most));
	assert_true(sum <= BUDGET);
	/* A power of two each: more than half of it is used. */
	assert_true(sum > BUDGET / 2);
}

static void a_distance_has_its_bound(void **state)
{
	assert_int_equal(allot_shift(1e30, 1), EK_SAMPLE_SHIFT_MAX);
	assert_int_equal(allot_shift(0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_little_is_seen_in_full),
		cmocka_unit_test(a_quiet_service_is_seen_beside_a_busy_one),
		cmocka_unit_test(busy_ones_share_alike),
		cmocka_unit_test(no_rates_exceed_the_budget),
		cmocka_unit_test(a_distance_has_its_bound),
	};

	return cmocka_run_group_tests_name("allot", tests, NULL, NULL);
}
