/* SPDX-License-Identifier: GPL-2.0 */
/* The watch: who turns clients away above what he is held to, and may be held to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/watch.h"

/* Two backends that have what they had before: so may a pool of which others never come. */
struct scene {
	struct watch w;
	struct watch_pool pool;
	struct watch_backend backends[2];
	struct watch_facts facts;
	char reason[WATCH_REASON_MAX];
};

static void scene_make(struct scene *s)
{
	static const char *const names[] = { "web-1", "web-2" };

	*s = (struct scene){ .w = { .until_ms = 60000 }, .pool = { .service = "web" } };
	for (size_t i = 0; i < 2; i++)
		s->backends[i] = (struct watch_backend){
			.service = "web",
			.name = names[i],
			.pool = &s->pool,
			.was_up = true,
			.is_up = true,
			.before = 100,
			.after = 100,
		};
	s->facts = (struct watch_facts){
		.backends = s->backends,
		.count = 2,
		.pools = &s->pool,
		.pool_count = 1,
	};
}

/* web-1 is held to 100 new flows a second. */
static enum watch_verdict judge_shedding(struct scene *s, uint64_t flows, uint64_t shed)
{
	s->backends[0].cap = 100;
	s->backends[0].second = (struct outcome){ (double)flows, (double)shed };
	return watch_judge(&s->w, &s->facts, 1000, s->reason);
}

static void more_than_it_is_known_to_bear_is_harm(void **state)
{
	struct scene s;

	scene_make(&s);
	assert_int_equal(judge_shedding(&s, 100, 20), WATCH_GOES_ON);
	assert_int_equal(judge_shedding(&s, 100, 20), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "web-1 was to take 120 new flows a second, 100 is"));
}

static void far_more_is_harm_at_once(void **state)
{
	struct scene s;

	scene_make(&s);
	assert_int_equal(judge_shedding(&s, 100, 200), WATCH_ROLL_BACK);
}

static void what_chance_turns_away_is_no_harm(void **state)
{
	struct scene s;

	scene_make(&s);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(judge_shedding(&s, 100, 8), WATCH_GOES_ON);
}

static void a_burst_in_a_second_that_is_not_too_much_is_no_harm(void **state)
{
	struct scene s;

	scene_make(&s);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(judge_shedding(&s, 60, 39), WATCH_GOES_ON);
}

static void who_turned_clients_away_before_says_nothing_of_the_change(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[0].sheds_before.bad = 30;
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(judge_shedding(&s, 100, 200), WATCH_GOES_ON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_it_is_known_to_bear_is_harm),
		cmocka_unit_test(far_more_is_harm_at_once),
		cmocka_unit_test(what_chance_turns_away_is_no_harm),
		cmocka_unit_test(a_burst_in_a_second_that_is_not_too_much_is_no_harm),
		cmocka_unit_test(who_turned_clients_away_before_says_nothing_of_the_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
