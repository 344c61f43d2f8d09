// SPDX-License-Identifier: GPL-2.0
/* While a table changes, flows of before are where its slots were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "skew_case.h"

/* Old flows of many clients alike, all at the first two of eight backends that have slots alike. */
static void seconds_of_old_flows(struct world *w, unsigned int n)
{
	while (n--) {
		for (uint32_t c = 0; c < 2000; c++)
			world_client_adds(w, c, c % 2, SKEW_PACKETS, 100, 400);
		world_seconds(w, 1);
	}
}

static void flows_of_before_a_change_are_nobodys_skew(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 8, 1000, 3);
	w.unsettled = 0.5;
	seconds_of_old_flows(&w, 300);
	assert_true(world_quiet(&w));
	/* Settled, there are none left that could be it. */
	w.unsettled = 0;
	seconds_of_old_flows(&w, 20);
	assert_int_equal(skew_leading(w.skew), SKEW_UNEXPLAINED);
	assert_int_equal(skew_finding(w.skew, SKEW_UNEXPLAINED)->measure, SKEW_PACKETS);
	/* A change does not make it good. */
	w.unsettled = 0.5;
	seconds_of_old_flows(&w, 60);
	assert_int_equal(skew_leading(w.skew), SKEW_UNEXPLAINED);
	world_close(&w);
}

static void new_flows_are_judged_during_a_change(void **state)
{
	struct world w;

	world_open(&w, &skew_limits_default, 8, 1000, 4);
	w.unsettled = 1;
	world_seconds(&w, 60);
	assert_true(world_quiet(&w));
	world_odds(&w, 1, 2);
	assert_in_range(world_until(&w, SKEW_UNEXPLAINED, 30), 1, 30);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_of_before_a_change_are_nobodys_skew),
		cmocka_unit_test(new_flows_are_judged_during_a_change),
	};

	return cmocka_run_group_tests_name("skew_change", tests, NULL, NULL);
}
