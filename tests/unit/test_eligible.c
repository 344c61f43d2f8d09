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
#define MEMBER(w, s, ever, in_table)                                                               \
	{                                                                                          \
		.weight = (w), .state = (s), .ever_up = (ever), .had = (in_table)                  \
	}
#define UP(w) MEMBER(w, HEALTH_UP, true, true)
#define DOWN(w) MEMBER(w, HEALTH_DOWN, true, true)
#define NEW(w) MEMBER(w, HEALTH_UNKNOWN, false, false)
#define NEVER(w) MEMBER(w, HEALTH_DOWN, false, false)
/* Spares: idle, and called in. */
#define SPARE(w, s, called)                                                                        \
	{                                                                                          \
		.weight = (w), .state = (s), .ever_up = true, .had = (called), .backup = true      \
	}
#define IDLE(w) SPARE(w, HEALTH_UP, false)
#define CALLED(w) SPARE(w, HEALTH_UP, true)
#define SICK(w) SPARE(w, HEALTH_DOWN, false)

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
		struct eligible_policy policy = { r->panic, 50, r->on_empty };
		enum eligible_mode mode = eligible_weights(weights, r->members, COUNT, &policy);

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
		  { DOWN(1), MEMBER(2, HEALTH_DOWN, true, false) },
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
		  { MEMBER(1, HEALTH_DOWN, false, true) },
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
		  { MEMBER(0, HEALTH_DOWN, true, true), MEMBER(4, HEALTH_DOWN, true, false) },
		  0,
		  ON_EMPTY_KEEP,
		  ELIGIBLE_NOBODY,
		  { 0 } },
	};

	check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void spares_come_when_too_few_of_the_others_are_up(void **state)
{
	static const struct row rows[] = {
		{ "nobody needs them",
		  { UP(5), UP(5), IDLE(9) },
		  50,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 5, 5 } },
		{ "half is not below half",
		  { UP(5), DOWN(5), IDLE(9) },
		  50,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 5 } },
		{ "below half: beside those that are left",
		  { UP(4), DOWN(6), IDLE(3) },
		  50,
		  0,
		  ELIGIBLE_BACKUP,
		  { 4, 0, 3 } },
		{ "those that are down do not come",
		  { UP(4), DOWN(6), SICK(1), IDLE(3) },
		  50,
		  0,
		  ELIGIBLE_BACKUP,
		  { 4, 0, 0, 3 } },
		{ "too few all the same: panic, spares too",
		  { UP(1), DOWN(9), IDLE(1), SICK(1) },
		  50,
		  0,
		  ELIGIBLE_PANIC,
		  { 1, 9, 1, 1 } },
		{ "nobody else is left: they take all, however little that is",
		  { DOWN(5), DOWN(5), IDLE(1) },
		  50,
		  0,
		  ELIGIBLE_BACKUP,
		  { 0, 0, 1 } },
		{ "nobody at all: panic",
		  { DOWN(5), DOWN(5), SICK(1) },
		  50,
		  0,
		  ELIGIBLE_PANIC,
		  { 5, 5, 1 } },
		{ "all others are drained",
		  { UP(0), UP(0), IDLE(2) },
		  50,
		  0,
		  ELIGIBLE_BACKUP,
		  { 0, 0, 2 } },
		{ "a drained one stays away",
		  { DOWN(5), UP(1), IDLE(0) },
		  0,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 0, 1 } },
	};

	check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void spares_stay_until_clearly_more_is_up_and_warm(void **state)
{
	static const struct row rows[] = {
		{ "at the threshold they stay",
		  { UP(5), DOWN(5), CALLED(3) },
		  50,
		  0,
		  ELIGIBLE_BACKUP,
		  { 5, 0, 3 } },
		{ "ten points above it they go",
		  { UP(6), DOWN(4), CALLED(3) },
		  50,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 6 } },
		{ "not while those that came back start slowly",
		  { UP(5),
		    { .weight = 5, .state = HEALTH_UP, .ever_up = true, .had = true, .start = 0.1 },
		    CALLED(3) },
		  50,
		  0,
		  ELIGIBLE_BACKUP,
		  { 5, 5, 3 } },
		{ "but when they have grown",
		  { UP(5),
		    { .weight = 5, .state = HEALTH_UP, .ever_up = true, .had = true, .start = 0.2 },
		    CALLED(3) },
		  50,
		  0,
		  ELIGIBLE_HEALTHY,
		  { 5, 5 } },
	};

	check(rows, sizeof(rows) / sizeof(rows[0]));
}

static bool is_up(const struct eligible_member *m)
{
	return m->weight && m->ever_up && m->state == HEALTH_UP;
}

/* Spares or not. */
static bool any_up(const struct eligible_member *members)
{
	bool any = false;

	for (size_t i = 0; i < COUNT; i++)
		any |= is_up(&members[i]);
	return any;
}

static void random_pool(struct eligible_member *m, uint64_t run)
{
	for (size_t i = 0; i < COUNT; i++) {
		uint64_t random = ek_mix(run, 3 + i);

		m[i] = (struct eligible_member){
			.weight = random % 4 ? random >> 8 & 65535 : 0,
			.state = random >> 24 & 1 ? HEALTH_UP : (random >> 25) % 3,
			.ever_up = random >> 28 & 1,
			.had = random >> 29 & 1,
			.backup = !(random >> 30 & 3),
			.start = random >> 32 & 1 ? 0 : (double)(random >> 40 & 255) / 256,
		};
	}
}

/* Whatever the pool, its health and its policy. */
static void nobody_known_dead_is_chosen_while_another_is_eligible_outside_panic(void **state)
{
	for (uint64_t run = 0; run < 200000; run++) {
		struct eligible_member m[COUNT];
		struct eligible_policy policy = { ek_mix(run, 2) % 101, 1 + ek_mix(run, 21) % 100,
						  ek_mix(run, 20) & 1 };
		uint32_t weights[COUNT];
		enum eligible_mode mode;

		policy.panic = ek_mix(run, 1) % 3 ? policy.panic : 0;
		random_pool(m, run);
		mode = eligible_weights(weights, m, COUNT, &policy);
		for (size_t i = 0; i < COUNT; i++) {
			assert_true(weights[i] == 0 || weights[i] == m[i].weight);
			assert_true(weights[i] == 0 || m[i].ever_up);
			if (weights[i] && m[i].state != HEALTH_UP)
				assert_true(mode == ELIGIBLE_PANIC || !any_up(m));
			/* The load of who is missing goes to all of the others by weight. */
			if (is_up(&m[i]) && !m[i].backup && mode != ELIGIBLE_KEPT)
				assert_int_equal(weights[i], m[i].weight);
			if (is_up(&m[i]) && mode == ELIGIBLE_BACKUP)
				assert_int_equal(weights[i], m[i].weight);
			if (m[i].backup)
				assert_true(!weights[i] || mode != ELIGIBLE_HEALTHY);
		}
		assert_true(policy.panic || mode != ELIGIBLE_PANIC);
		assert_true(mode != ELIGIBLE_NOBODY || !any_up(m));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_named_situations_end_as_they_should),
		cmocka_unit_test(what_was_never_up_gets_nothing_in_panic_neither),
		cmocka_unit_test(the_drained_get_nothing_and_count_for_nothing),
		cmocka_unit_test(spares_come_when_too_few_of_the_others_are_up),
		cmocka_unit_test(spares_stay_until_clearly_more_is_up_and_warm),
		cmocka_unit_test(
			nobody_known_dead_is_chosen_while_another_is_eligible_outside_panic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
