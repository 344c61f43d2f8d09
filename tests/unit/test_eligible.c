// SPDX-License-Identifier: GPL-2.0
/* Who gets new flows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "evenkeel/hash.h"
#include "lib/eligible.h"

#define COUNT 10
#define UP(w)                                                                                      \
	{                                                                                          \
		w, HEALTH_UP, true, true                                                           \
	}
#define DOWN(w)                                                                                    \
	{                                                                                          \
		w, HEALTH_DOWN, true, true                                                         \
	}
#define NEW(w)                                                                                     \
	{                                                                                          \
		w, HEALTH_UNKNOWN, false, false                                                    \
	}
#define NEVER(w)                                                                                   \
	{                                                                                          \
		w, HEALTH_DOWN, false, false                                                       \
	}

struct row {
	const char *situation;
	struct eligible_member members[COUNT];
	uint32_t panic;
	enum config_on_empty on_empty;
	enum eligible_mode mode;
	uint32_t weights[COUNT];
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		uint32_t weights[COUNT];
		enum eligible_mode mode =
			eligible_weights(weights, r->members, COUNT, r->panic, r->on_empty);

		if (mode != r->mode || memcmp(weights, r->weights, sizeof(weights)))
			fail_msg("%s: mode %s", r->situation, eligible_mode_name(mode));
	}
}

static void the_named_situations_end_as_they_should(void **state)
{
	static const struct row rows[] = {
		{ "all are up", { UP(1), UP(2), UP(3) }, 50, 0, ELIGIBLE_HEALTHY, { 1, 2, 3 } },
		{ "the first one is down",
		  { DOWN(5), UP(5), UP(5), UP(5) },
		  50,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 0, 5, 5, 5 } },
		{ "one of two is down: half is not below half",
		  { DOWN(7), UP(7) },
		  50,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 0, 7 } },
		{ "nine of ten are down: panic",
		  { UP(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1),
		    DOWN(1) },
		  50,
		  0,
		  ELIGIBLE_PANIC,
		  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 } },
		{ "nine of ten are down, without panic",
		  { UP(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1), DOWN(1),
		    DOWN(1) },
		  0,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 1 } },
		{ "all are down: panic", { DOWN(1), DOWN(2) }, 50, 0, ELIGIBLE_PANIC, { 1, 2 } },
		{ "all are down, without panic: those who had flows last",
		  { DOWN(1), { 2, HEALTH_DOWN, true, false } },
		  0,
		  ON_EMPTY_KEEP,
		  ELIGIBLE_KEPT,
		  { 1, 0 } },
		{ "all are down, without panic: dropped on request",
		  { DOWN(1), DOWN(2) },
		  0,
		  ON_EMPTY_DROP,
		  ELIGIBLE_NOBODY,
		  { 0 } },
		{ "weights count, not heads",
		  { UP(9), DOWN(1), DOWN(1), DOWN(1) },
		  75,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 9 } },
		{ "a lower threshold", { UP(3), DOWN(7) }, 30, 0, ELIGIBLE_HEALTHY, { 3 } },
		{ "just below it", { UP(3), DOWN(7) }, 31, 0, ELIGIBLE_PANIC, { 3, 7 } },
	};

	check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void what_was_never_up_gets_nothing_in_panic_neither(void **state)
{
	static const struct row rows[] = {
		{ "a new pool", { NEW(1), NEW(1) }, 50, ON_EMPTY_KEEP, ELIGIBLE_NOBODY, { 0 } },
		{ "one of four has begun: no panic",
		  { UP(1), NEW(1), NEVER(1), NEW(1) },
		  50,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 1 } },
		{ "panic", { DOWN(1), NEVER(1), NEW(1) }, 50, 0, ELIGIBLE_PANIC, { 1 } },
		{ "nobody was ever up and the table had one, by whatever accident",
		  { { 1, HEALTH_DOWN, false, true } },
		  50,
		  ON_EMPTY_KEEP,
		  ELIGIBLE_NOBODY,
		  { 0 } },
	};

	check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void the_drained_get_nothing_and_count_for_nothing(void **state)
{
	static const struct row rows[] = {
		{ "the only one that is up is drained: panic",
		  { UP(0), DOWN(4) },
		  50,
		  0,
		  ELIGIBLE_PANIC,
		  { 0, 4 } },
		{ "the drained one is down: nothing is lost",
		  { DOWN(0), UP(4) },
		  100,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 0, 4 } },
		{ "who had flows last is drained now",
		  { { 0, HEALTH_DOWN, true, true }, { 4, HEALTH_DOWN, true, false } },
		  0,
		  ON_EMPTY_KEEP,
		  ELIGIBLE_NOBODY,
		  { 0 } },
	};

	check(rows, sizeof(rows) / sizeof(rows[0]));
}

static bool any_up(const struct eligible_member *members)
{
	bool any = false;

	for (size_t i = 0; i < COUNT; i++)
		any |= members[i].weight && members[i].ever_up && members[i].state == HEALTH_UP;
	return any;
}

/* Whatever the pool, its health and its policy. */
static void nobody_known_dead_is_chosen_while_another_is_eligible_outside_panic(void **state)
{
	for (uint64_t run = 0; run < 200000; run++) {
		struct eligible_member m[COUNT];
		uint32_t weights[COUNT], panic = ek_mix(run, 1) % 3 ? ek_mix(run, 2) % 101 : 0;
		enum eligible_mode mode;

		for (size_t i = 0; i < COUNT; i++) {
			uint64_t random = ek_mix(run, 3 + i);

			m[i] = (struct eligible_member){ random % 4 ? random >> 8 & 65535 : 0,
							 random >> 24 & 1 ? HEALTH_UP
									  : (random >> 25) % 3,
							 random >> 28 & 1, random >> 29 & 1 };
		}
		mode = eligible_weights(weights, m, COUNT, panic, ek_mix(run, 20) & 1);
		for (size_t i = 0; i < COUNT; i++) {
			assert_true(weights[i] == 0 || weights[i] == m[i].weight);
			assert_true(weights[i] == 0 || m[i].ever_up);
			if (weights[i] && m[i].state != HEALTH_UP)
				assert_true(mode == ELIGIBLE_PANIC || !any_up(m));
			/* The load of who is missing goes to all of the others by weight. */
			if (m[i].ever_up && m[i].state == HEALTH_UP && mode != ELIGIBLE_KEPT)
				assert_int_equal(weights[i], m[i].weight);
		}
		assert_true(panic || mode != ELIGIBLE_PANIC);
		assert_true(mode != ELIGIBLE_NOBODY || !any_up(m));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_named_situations_end_as_they_should),
		cmocka_unit_test(what_was_never_up_gets_nothing_in_panic_neither),
		cmocka_unit_test(the_drained_get_nothing_and_count_for_nothing),
		cmocka_unit_test(
			nobody_known_dead_is_chosen_while_another_is_eligible_outside_panic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
