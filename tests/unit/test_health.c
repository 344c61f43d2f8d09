// SPDX-License-Identifier: GPL-2.0
/* From results to states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "evenkeel/hash.h"
#include "lib/health.h"

#define T0 1000000u
#define MIDDLE (1u << 31) /* random: no jitter */

static const struct health_times times = {
	.interval_ms = 2000,
	.down_interval_ms = 4000,
	.timeout_ms = 1000,
	.rise = 2,
	.fall = 3,
};

/* The check begins when it is due, and has this result 10 ms later. */
static bool result(struct health_check *k, bool ok)
{
	uint64_t now = k->due_ms;

	health_check_begin(k, now);
	return health_check_result(k, ok, now + 10, MIDDLE);
}

static struct health_check check_with(enum health_state prior)
{
	struct health_check k;

	health_check_init(&k, &times, prior, T0, 0);
	return k;
}

/* ---- one check ------------------------------------------------------------------------------- */

static void the_first_result_of_a_new_one_decides(void **state)
{
	struct health_check up = check_with(HEALTH_UNKNOWN), down = up;

	assert_false(up.told);
	assert_true(result(&up, true));
	assert_int_equal(up.state, HEALTH_UP);
	assert_true(up.told);
	assert_true(result(&down, false));
	assert_int_equal(down.state, HEALTH_DOWN);
}

static void down_needs_fall_failures_in_a_row(void **state)
{
	struct health_check k = check_with(HEALTH_UP);

	assert_false(result(&k, false));
	assert_false(result(&k, false));
	assert_false(result(&k, true)); /* begins anew */
	assert_false(result(&k, false));
	assert_false(result(&k, false));
	assert_int_equal(k.state, HEALTH_UP);
	assert_true(result(&k, false));
	assert_int_equal(k.state, HEALTH_DOWN);
}

static void up_needs_rise_successes_in_a_row(void **state)
{
	struct health_check k = check_with(HEALTH_DOWN);

	assert_false(result(&k, true));
	assert_false(result(&k, false));
	assert_false(result(&k, true));
	assert_int_equal(k.state, HEALTH_DOWN);
	assert_true(result(&k, true));
	assert_int_equal(k.state, HEALTH_UP);
}

static void the_last_known_state_is_kept_until_results_speak_against_it(void **state)
{
	struct health_check k = check_with(HEALTH_UP);

	assert_int_equal(k.state, HEALTH_UP);
	assert_false(k.told);
	result(&k, false);
	assert_int_equal(k.state, HEALTH_UP);
	assert_true(k.told);
}

static void what_is_down_is_asked_less_often_unless_it_seems_to_come_back(void **state)
{
	struct health_check k = check_with(HEALTH_UP);
	uint64_t begun = k.due_ms;

	result(&k, false);
	assert_int_equal(k.due_ms, begun + 2000);
	result(&k, false);
	begun = k.due_ms;
	result(&k, false);
	assert_int_equal(k.due_ms, begun + 4000);
	begun = k.due_ms;
	result(&k, true);
	assert_int_equal(k.due_ms, begun + 2000);
}

static void rounds_differ_by_a_tenth_and_by_chance(void **state)
{
	struct health_check k = check_with(HEALTH_UP);

	health_check_begin(&k, T0);
	health_check_result(&k, true, T0 + 10, 0);
	assert_int_equal(k.due_ms, T0 + 1800);
	health_check_begin(&k, T0);
	health_check_result(&k, true, T0 + 10, UINT32_MAX);
	assert_int_equal(k.due_ms, T0 + 2199);
	health_check_begin(&k, T0);
	health_check_result(&k, true, T0 + 5000, 0); /* late: at once */
	assert_int_equal(k.due_ms, T0 + 5000);
}

static void those_known_from_before_do_not_begin_all_together_the_others_at_once(void **state)
{
	struct health_check k;

	health_check_init(&k, &times, HEALTH_UP, T0, UINT32_MAX);
	assert_int_equal(k.due_ms, T0 + 1999);
	health_check_init(&k, &times, HEALTH_UNKNOWN, T0, UINT32_MAX);
	assert_int_equal(k.due_ms, T0);
}

static void a_check_without_a_result_is_noticed(void **state)
{
	struct health_check k = check_with(HEALTH_UP);

	assert_false(health_check_stuck(&k, T0 + 6400));
	assert_true(health_check_stuck(&k, T0 + 6401)); /* it was not even begun */
	health_check_begin(&k, T0 + 6401);
	assert_true(health_check_stuck(&k, T0 + 6401));
	health_check_result(&k, true, T0 + 7000, 0);
	assert_false(health_check_stuck(&k, T0 + 7000 + 6400));
}

static void what_could_not_be_made_is_no_result_and_is_tried_again(void **state)
{
	struct health_check k = check_with(HEALTH_UP);

	for (uint64_t now = T0; now < T0 + 6400; now = k.due_ms) {
		assert_false(health_check_stuck(&k, now));
		health_check_begin(&k, now);
		health_check_missed(&k, now, MIDDLE);
		assert_int_equal(k.due_ms, now + 2000);
		assert_int_equal(k.state, HEALTH_UP);
		assert_false(k.told);
	}
	assert_true(health_check_stuck(&k, k.due_ms));
}

/* ---- several checks -------------------------------------------------------------------------- */

static void any_check_that_is_down_is_decisive(void **state)
{
	struct health_check checks[3] = { check_with(HEALTH_UP), check_with(HEALTH_DOWN),
					  check_with(HEALTH_UNKNOWN) };

	assert_int_equal(health_combine(checks, 3, HEALTH_UP), HEALTH_DOWN);
	assert_int_equal(health_decisive(checks, 3), 1);
	checks[1].state = HEALTH_UP;
	assert_int_equal(health_combine(checks, 3, HEALTH_UNKNOWN), HEALTH_UNKNOWN);
	assert_int_equal(health_combine(checks, 3, HEALTH_UP), HEALTH_UP);
	checks[2].state = HEALTH_UP;
	assert_int_equal(health_combine(checks, 3, HEALTH_UNKNOWN), HEALTH_UP);
	assert_int_equal(health_decisive(checks, 3), 3);
}

/* ---- damping --------------------------------------------------------------------------------- */

static struct health up_at(uint64_t now)
{
	struct health h;

	health_init(&h, HEALTH_UP, true, now);
	return h;
}

/* Down, and as soon as it may up again; how long that took. */
static uint64_t flap(struct health *h, uint64_t *now)
{
	uint64_t begun = *now;

	assert_true(health_update(h, HEALTH_DOWN, *now));
	while (!health_update(h, HEALTH_UP, *now)) {
		assert_true(health_held(h));
		*now = health_due(h);
	}
	assert_int_equal(h->state, HEALTH_UP);
	assert_true(health_due(h) == UINT64_MAX);
	return *now - begun;
}

static void who_keeps_falling_is_held_down_ever_longer_and_not_for_ever(void **state)
{
	static const uint64_t held_s[] = { 0, 0, 10, 20, 40, 80, 160, 300, 300, 300 };
	struct health h = up_at(T0);
	uint64_t now = T0;

	for (size_t i = 0; i < sizeof(held_s) / sizeof(held_s[0]); i++) {
		assert_int_equal(flap(&h, &now), held_s[i] * 1000);
		now += 1000;
	}
}

static void who_stays_up_is_forgiven_one_fall_after_the_other(void **state)
{
	struct health h = up_at(T0);
	uint64_t now = T0;

	for (int i = 0; i < 4; i++)
		flap(&h, &now);
	now += HEALTH_DECAY_MS;
	assert_int_equal(flap(&h, &now), 20000); /* as the fourth time */
	now += 2 * HEALTH_DECAY_MS;
	assert_int_equal(flap(&h, &now), 10000);
	now += 100 * HEALTH_DECAY_MS;
	assert_int_equal(flap(&h, &now), 0);
}

static void who_is_down_longer_than_it_would_be_held_loses_nothing(void **state)
{
	struct health h = up_at(T0);
	uint64_t now = T0;

	flap(&h, &now);
	flap(&h, &now);
	assert_true(health_update(&h, HEALTH_DOWN, now));
	assert_true(health_update(&h, HEALTH_UP, now + HEALTH_HOLD_MS));
}

static void falling_while_held_down_is_not_held_against_it(void **state)
{
	struct health h = up_at(T0);
	uint64_t now = T0, until;

	flap(&h, &now);
	flap(&h, &now);
	assert_true(health_update(&h, HEALTH_DOWN, now));
	until = h.held_until_ms;
	for (int i = 0; i < 9; i++) {
		assert_false(health_update(&h, HEALTH_UP, now += 100));
		assert_false(health_update(&h, HEALTH_DOWN, now += 100));
	}
	assert_int_equal(h.held_until_ms, until);
	assert_true(health_due(&h) == UINT64_MAX); /* its checks are down as well */
	assert_true(health_update(&h, HEALTH_UP, until));
}

static void having_been_up_is_never_forgotten(void **state)
{
	struct health h;

	health_init(&h, HEALTH_UNKNOWN, false, T0);
	health_update(&h, HEALTH_DOWN, T0);
	assert_false(h.ever_up);
	health_update(&h, HEALTH_UP, T0 + 1);
	assert_true(h.ever_up);
	health_update(&h, HEALTH_DOWN, T0 + 2);
	assert_true(h.ever_up);
	assert_int_equal(h.since_ms, T0 + 2);
}

/* ---- anything may happen --------------------------------------------------------------------- */

struct world {
	uint64_t now, seed, step;
	struct health_check checks[2];
	struct health health;
	bool last[2][8]; /* results of each check, the latest first */
};

static uint32_t chance(struct world *w)
{
	return (uint32_t)(ek_mix(w->seed, ++w->step) >> 16);
}

/* The last n results were all `ok`. */
static bool in_a_row(const struct world *w, size_t check, bool ok, uint32_t n)
{
	bool all = true;

	for (uint32_t i = 0; i < n; i++)
		all &= w->last[check][i] == ok;
	return all;
}

static void round_of(struct world *w, size_t i)
{
	struct health_check *k = &w->checks[i];
	enum health_state before = k->state;
	bool ok = chance(w) % 4 >= (w->seed & 3);
	bool changed;

	health_check_begin(k, w->now);
	memmove(&w->last[i][1], &w->last[i][0], sizeof(w->last[i]) - sizeof(bool));
	w->last[i][0] = ok;
	changed = health_check_result(k, ok, w->now + chance(w) % 1000, chance(w));
	assert_int_equal(changed, k->state != before);
	if (changed && before != HEALTH_UNKNOWN)
		assert_true(in_a_row(w, i, ok, ok ? k->times.rise : k->times.fall));
	assert_true(k->due_ms >= w->now + k->times.interval_ms * 9 / 10);
	assert_true(k->due_ms <= w->now + k->times.down_interval_ms * 11 / 10);
}

static void judge(struct world *w)
{
	struct health *h = &w->health;
	enum health_state before = h->state, told = health_combine(w->checks, 2, h->told);
	bool changed = health_update(h, told, w->now);

	assert_int_equal(changed, h->state != before);
	assert_true(h->state != HEALTH_UP || (told == HEALTH_UP && h->ever_up));
	assert_true(told != HEALTH_DOWN || h->state == HEALTH_DOWN);
	assert_true(h->falls <= HEALTH_FALLS_MAX);
	/* Nobody is held for longer than the bound, and who is, wakes up by itself. */
	if (health_held(h)) {
		assert_true(health_due(h) > w->now);
		assert_true(health_due(h) <= h->since_ms + HEALTH_HOLD_MAX_MS);
	}
}

static void the_state_follows_from_the_results_whatever_they_are(void **state)
{
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct world w = { .now = T0, .seed = seed };

		for (size_t i = 0; i < 2; i++)
			health_check_init(&w.checks[i], &times, HEALTH_UNKNOWN, T0, chance(&w));
		health_init(&w.health, HEALTH_UNKNOWN, false, T0);
		for (int i = 0; i < 1000; i++) {
			size_t next = w.checks[1].due_ms < w.checks[0].due_ms;
			uint64_t wakes = health_due(&w.health);

			w.now = w.checks[next].due_ms;
			if (wakes <= w.now)
				w.now = wakes;
			else
				round_of(&w, next);
			judge(&w);
		}
	}
}

/* ---- hints ----------------------------------------------------------------------------------- */

static struct health_check checked(bool ok)
{
	static const struct health_times every_5_s = { 5000, 20000, 1000, 2, 3 };
	struct health_check k;

	health_check_init(&k, &every_5_s, HEALTH_UP, 0, 0);
	health_check_begin(&k, 0);
	health_check_result(&k, ok, 10, 0);
	return k;
}

static void a_hint_brings_the_next_check_forward_and_nothing_else(void **state)
{
	struct health_check k = checked(true), before = k;

	assert_true(health_check_hurry(&k, false, 1000));
	assert_int_equal(k.due_ms, 1000);
	before.due_ms = 1000;
	assert_memory_equal(&k, &before, sizeof(k));
}

static void a_hint_that_lasts_is_worth_a_check_only_while_checks_fail(void **state)
{
	struct health_check k = checked(true);

	assert_false(health_check_hurry(&k, true, 1000));
	k = checked(false);
	assert_true(health_check_hurry(&k, true, 1000));
}

static void a_hint_never_delays_a_check(void **state)
{
	struct health_check k = checked(true);

	assert_false(health_check_hurry(&k, false, k.due_ms + 1));
	health_check_begin(&k, 900);
	assert_false(health_check_hurry(&k, false, 1000));
	assert_int_equal(k.due_ms, 900);
}

static void who_is_down_is_checked_as_before(void **state)
{
	struct health_check k = checked(false);

	k.state = HEALTH_DOWN;
	assert_false(health_check_hurry(&k, false, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_result_of_a_new_one_decides),
		cmocka_unit_test(down_needs_fall_failures_in_a_row),
		cmocka_unit_test(up_needs_rise_successes_in_a_row),
		cmocka_unit_test(the_last_known_state_is_kept_until_results_speak_against_it),
		cmocka_unit_test(what_is_down_is_asked_less_often_unless_it_seems_to_come_back),
		cmocka_unit_test(rounds_differ_by_a_tenth_and_by_chance),
		cmocka_unit_test(
			those_known_from_before_do_not_begin_all_together_the_others_at_once),
		cmocka_unit_test(a_check_without_a_result_is_noticed),
		cmocka_unit_test(what_could_not_be_made_is_no_result_and_is_tried_again),
		cmocka_unit_test(any_check_that_is_down_is_decisive),
		cmocka_unit_test(who_keeps_falling_is_held_down_ever_longer_and_not_for_ever),
		cmocka_unit_test(who_stays_up_is_forgiven_one_fall_after_the_other),
		cmocka_unit_test(who_is_down_longer_than_it_would_be_held_loses_nothing),
		cmocka_unit_test(falling_while_held_down_is_not_held_against_it),
		cmocka_unit_test(having_been_up_is_never_forgotten),
		cmocka_unit_test(the_state_follows_from_the_results_whatever_they_are),
		cmocka_unit_test(a_hint_brings_the_next_check_forward_and_nothing_else),
		cmocka_unit_test(a_hint_that_lasts_is_worth_a_check_only_while_checks_fail),
		cmocka_unit_test(a_hint_never_delays_a_check),
		cmocka_unit_test(who_is_down_is_checked_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
