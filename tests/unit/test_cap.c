/* SPDX-License-Identifier: GPL-2.0 */
/* What a backend is held to while a change is watched: what it is known to bear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "lib/cap.h"

#define POOL 4

/* A pool in which each has so many new flows a second. */
struct scene {
	struct cap_fact facts[POOL];
	uint32_t caps[POOL];
};

static struct scene scene_make(double recent)
{
	struct scene s = {};

	for (size_t i = 0; i < POOL; i++)
		s.facts[i] = (struct cap_fact){ .weight = 100, .recent = recent };
	return s;
}

static void work_out(struct scene *s)
{
	assert_int_equal(caps_work_out(s->facts, POOL, s->caps), 0);
}

static void without_history_half_as_much_again_may_come(void **state)
{
	struct scene s = scene_make(100);

	work_out(&s);
	for (size_t i = 0; i < POOL; i++)
		assert_int_equal(s.caps[i], 150);
}

static void a_quarter_more_than_the_best_minute_of_the_week_may_come(void **state)
{
	struct scene s = scene_make(100);

	s.facts[2].best = 400;
	work_out(&s);
	assert_int_equal(s.caps[2], 500);
	assert_int_equal(s.caps[0], 150);
}

static void a_new_backend_may_have_what_its_peers_may(void **state)
{
	struct scene s = scene_make(100);

	s.facts[3] = (struct cap_fact){};
	s.facts[0].recent = 40; /* a canary */
	work_out(&s);
	assert_int_equal(s.caps[3], 150);
	assert_int_equal(s.caps[0], 150);
}

static void of_two_pools_each_has_its_own(void **state)
{
	struct scene s = scene_make(100);

	s.facts[1].pool = s.facts[3].pool = 7;
	s.facts[1].recent = s.facts[3].recent = 1000;
	work_out(&s);
	assert_int_equal(s.caps[0], 150);
	assert_int_equal(s.caps[1], 1500);
	assert_int_equal(s.caps[2], 150);
	assert_int_equal(s.caps[3], 1500);
}

/* Who dies meanwhile leaves his load to the others, whatever the change does. */
static void what_would_come_anyway_is_never_turned_away(void **state)
{
	struct scene s = scene_make(100);

	s.facts[1].weight = s.facts[2].weight = 0;
	work_out(&s);
	assert_in_range(s.caps[0], 220, 221); /* 200, and a tenth for chance */
}

static void what_is_declared_in_force_is_the_bound(void **state)
{
	struct scene s = scene_make(100);

	s.facts[0].declared = 90;
	work_out(&s);
	assert_int_equal(s.caps[0], 90);
	assert_int_equal(s.caps[1], 150);
}

static void where_nothing_is_known_nobody_is_held(void **state)
{
	struct scene s = scene_make(0);

	work_out(&s);
	assert_int_equal(s.caps[0], 0);
}

static void hardly_any_traffic_is_never_too_much(void **state)
{
	struct scene s = scene_make(0.5);

	work_out(&s);
	assert_int_equal(s.caps[0], CAP_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_history_half_as_much_again_may_come),
		cmocka_unit_test(a_quarter_more_than_the_best_minute_of_the_week_may_come),
		cmocka_unit_test(a_new_backend_may_have_what_its_peers_may),
		cmocka_unit_test(of_two_pools_each_has_its_own),
		cmocka_unit_test(what_would_come_anyway_is_never_turned_away),
		cmocka_unit_test(what_is_declared_in_force_is_the_bound),
		cmocka_unit_test(where_nothing_is_known_nobody_is_held),
		cmocka_unit_test(hardly_any_traffic_is_never_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
