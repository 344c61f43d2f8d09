// SPDX-License-Identifier: GPL-2.0
/* What a server has borne: whole minutes in which it was healthy, of a span that slides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/borne.h"

#define HOUR 3600
#define START (1000 * HOUR)

/* `seconds` with `count` each; where it ends. */
static uint64_t run(struct borne *b, uint64_t from, uint32_t seconds, uint64_t count, bool healthy)
{
	for (uint32_t i = 0; i < seconds; i++)
		borne_add(b, BORNE_WEEK_S, from + i, count, healthy);
	return from + seconds;
}

static double best(const struct borne *b, uint64_t now)
{
	return borne_best(b, BORNE_WEEK_S, now);
}

static void the_best_minute_counts(void **state)
{
	struct borne b = {};
	uint64_t now = run(&b, START, 120, 50, true);

	now = run(&b, now, 60, 80, true);
	now = run(&b, now, 61, 20, true);
	assert_true(best(&b, now) == 80);
}

static void a_peak_of_seconds_is_no_minute(void **state)
{
	struct borne b = {};
	uint64_t now = run(&b, START, 60, 10, true);

	now = run(&b, now, 6, 1000, true);
	now = run(&b, now, 55, 10, true);
	assert_true(best(&b, now) == 109);
}

static void a_minute_that_is_not_over_or_not_seen_does_not_count(void **state)
{
	struct borne b = {};
	uint64_t now = run(&b, START, 59, 50, true);

	assert_true(best(&b, now) == 0);
	b = (struct borne){};
	now = run(&b, START, 50, 50, true);
	run(&b, now + 60, 1, 50, true);
	assert_true(best(&b, now + 61) == 0);
}

static void a_minute_in_which_it_was_sick_does_not_count(void **state)
{
	struct borne b = {};
	uint64_t now = run(&b, START, 60, 50, true);

	now = run(&b, now, 30, 90, true);
	now = run(&b, now, 1, 90, false);
	now = run(&b, now, 30, 90, true);
	assert_true(best(&b, now) == 50);
}

static void what_is_older_than_the_span_is_forgotten(void **state)
{
	struct borne b = {};
	uint64_t now = run(&b, START, 120, 50, true), later;

	assert_true(best(&b, now + BORNE_WEEK_S - 7 * HOUR) == 50);
	assert_true(best(&b, now + BORNE_WEEK_S + HOUR) == 0);
	later = run(&b, now + BORNE_WEEK_S - 7 * HOUR, 121, 20, true);
	assert_true(best(&b, later) == 50);
	later = run(&b, now + BORNE_WEEK_S + HOUR, 61, 20, true);
	assert_true(best(&b, later) == 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_minute_counts),
		cmocka_unit_test(a_peak_of_seconds_is_no_minute),
		cmocka_unit_test(a_minute_that_is_not_over_or_not_seen_does_not_count),
		cmocka_unit_test(a_minute_in_which_it_was_sick_does_not_count),
		cmocka_unit_test(what_is_older_than_the_span_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
