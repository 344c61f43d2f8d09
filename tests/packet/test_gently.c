// SPDX-License-Identifier: GPL-2.0
/* Tables that come gently, and tables that are refused: the real program, the real tables. */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/drift.h"
#include "evenkeel/affinity.h"
#include "flows.h"

/* What the table is to be, by the backends' names a to e. */
static struct {
	uint32_t weights[5];
	bool gently, refused;
	struct dp_move asked; /* last; without its arrays */
	uint32_t now, then;   /* slots of d in it */
} want;

static void weigh(void *context, const struct config_service *s, const uint32_t *indexes,
		  struct dp_weights *weights)
{
	for (size_t i = 0; i < s->backend_count; i++)
		weights->each[i] = want.weights[s->backends[i].name[0] - 'a'];
	weights->gently = want.gently;
}

static bool allow(void *context, const struct dp_move *move)
{
	want.asked = *move;
	want.now = move->now[move->indexes[3]];
	want.then = move->then[move->indexes[3]];
	return !want.refused;
}

static void weights(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	want.weights[0] = a;
	want.weights[1] = b;
	want.weights[2] = c;
	want.weights[3] = d;
}

static int setup(void **state)
{
	struct fixture *x;

	flows_setup(state);
	x = *state;
	memset(&want, 0, sizeof(want));
	weights(100, 100, 100, 0);
	dp_weigh_by(x->dp, weigh, NULL);
	fixture_install(x, four);
	settle(x, now_s() + 2 * IDLE_S);
	settle(x, now_s() + 2 * IDLE_S + 1);
	want.gently = true;
	return 0;
}

static uint64_t *slots(const struct fixture *x)
{
	return &x->dp->slots[ek_table_base(x->dp->services[0].table)];
}

static uint32_t size(const struct fixture *x)
{
	return ek_table_mask(x->dp->services[0].table) + 1;
}

static uint64_t *slots_copy(const struct fixture *x)
{
	uint64_t *copy = malloc(size(x) * sizeof(*copy));

	assert_non_null(copy);
	memcpy(copy, slots(x), size(x) * sizeof(*copy));
	return copy;
}

static uint32_t owned(const struct fixture *x, const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < size(x); i++)
		n += ek_slot_cur(slots(x)[i]) == index_of(x, name);
	return n;
}

static uint32_t waiting(const struct fixture *x)
{
	return dp_slots_waiting(x->dp, 0);
}

static void drift(void *context, const char *subject, const char *text)
{
	fail_msg("%s: %s", subject, text);
}

static void ignore(void *context, const char *subject, const char *text)
{
}

static void is_no_drift(struct fixture *x)
{
	uint32_t wrong;

	assert_int_equal(dp_drift_service(x->dp, 0, &x->config->services[0], &wrong, drift, NULL),
			 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(dp_table_drift(x->dp, 0, &x->config->services[0]), 0);
}

static void a_tenth_of_the_slots_moves_in_one_go_at_most(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS), before = 0;

	weights(100, 100, 100, 300);
	fixture_install(x, four);
	assert_in_range(owned(x, "d"), size(x) / DP_GENTLE_PART - 20, size(x) / DP_GENTLE_PART);
	assert_in_range(waiting(x), 1, size(x));
	is_no_drift(x);
	for (int round = 0; waiting(x) && round < 10; round++) {
		assert_true(owned(x, "d") > before);
		before = owned(x, "d");
		fixture_install(x, four);
	}
	assert_int_equal(waiting(x), 0);
	assert_in_range(owned(x, "d"), size(x) / 2 - 1, size(x) / 2 + 1);
	is_no_drift(x);
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	free(owner);
}

static void a_step_that_is_small_comes_whole(void **state)
{
	struct fixture *x = *state;

	weights(100, 100, 100, 15);
	fixture_install(x, four);
	assert_int_equal(waiting(x), 0);
	assert_in_range(owned(x, "d"), size(x) * 15 / 315 - 1, size(x) * 15 / 315 + 1);
}

static void what_is_unsettled_stays_or_returns_to_its_default(void **state)
{
	struct fixture *x = *state;
	uint64_t *before;
	uint32_t stayed = 0, returned = 0, fresh = 0;

	want.gently = false;
	weights(200, 100, 100, 0);
	fixture_install(x, four);
	before = slots_copy(x);
	want.gently = true;
	weights(100, 100, 200, 0);
	fixture_install(x, four);
	for (uint32_t i = 0; i < size(x); i++) {
		uint64_t then = before[i], now = slots(x)[i];

		if (ek_slot_cur(now) == ek_slot_cur(then)) {
			stayed += !!(then & EK_SLOT_UNSETTLED);
			continue;
		}
		fresh += !(then & EK_SLOT_UNSETTLED);
		returned += !!(then & EK_SLOT_UNSETTLED);
		if (then & EK_SLOT_UNSETTLED)
			assert_int_equal(ek_slot_cur(now), ek_slot_def(then));
	}
	assert_true(stayed && returned && fresh);
	assert_true(fresh <= size(x) / DP_GENTLE_PART);
	free(before);
}

static void what_waits_moves_when_it_has_settled(void **state)
{
	struct fixture *x = *state;

	want.gently = false;
	weights(300, 100, 100, 0);
	fixture_install(x, four);
	want.gently = true;
	weights(100, 300, 100, 0);
	for (int round = 0; round < 10; round++)
		fixture_install(x, four);
	assert_in_range(waiting(x), 1, size(x));
	settle(x, now_s() + 2 * IDLE_S);
	settle(x, now_s() + 2 * IDLE_S + 1);
	for (int round = 0; waiting(x) && round < 10; round++)
		fixture_install(x, four);
	assert_int_equal(waiting(x), 0);
	assert_in_range(owned(x, "b"), size(x) * 3 / 5 - 1, size(x) * 3 / 5 + 1);
}

static void who_is_to_have_nothing_any_more_loses_all_at_once(void **state)
{
	struct fixture *x = *state;

	weights(0, 100, 100, 100);
	fixture_install(x, four);
	assert_int_equal(owned(x, "a"), 0);
}

/* All slots are unsettled, and have their default in the old table. */
static void who_comes_gets_flows_though_all_slots_are_unsettled(void **state)
{
	struct fixture *x = *state;
	static const char other[] =
		WEB_HEAD "    hash: source\n    backends: { " WEB_ABC ", d: 10.0.0.4 }\n";

	fixture_install(x, other);
	weights(100, 100, 100, 20);
	fixture_install(x, other);
	assert_in_range(owned(x, "d"), size(x) * 20 / 320 - 1, size(x) * 20 / 320 + 1);
}

static void a_refused_table_changes_nothing_and_is_asked_for_again(void **state)
{
	struct fixture *x = *state;
	uint64_t *before = slots_copy(x);

	dp_allow_by(x->dp, allow, NULL);
	want.gently = false;
	want.refused = true;
	weights(100, 100, 100, 100);
	fixture_install(x, four);
	assert_memory_equal(slots(x), before, size(x) * sizeof(*before));
	assert_in_range(waiting(x), size(x) / 4 - 1, size(x));
	assert_int_equal(want.asked.moved, waiting(x));
	assert_int_equal(want.asked.unsettling, waiting(x));
	assert_int_equal(want.now, 0);
	assert_int_equal(want.then, size(x) / 4);
	is_no_drift(x);
	want.refused = false;
	fixture_install(x, four);
	assert_int_equal(waiting(x), 0);
	assert_int_equal(owned(x, "d"), size(x) / 4);
	want.asked.moved = 0;
	fixture_install(x, four);
	assert_int_equal(want.asked.moved, 0); /* nothing moves: nobody is asked */
	free(before);
}

static void a_slot_written_by_hand_meanwhile_is_set_right(void **state)
{
	struct fixture *x = *state;
	uint32_t at = 0, wrong, owner, d;

	weights(100, 100, 100, 300);
	fixture_install(x, four);
	d = index_of(x, "d");
	while (ek_slot_cur(slots(x)[at]) == d || slots(x)[at] & EK_SLOT_UNSETTLED)
		at++;
	owner = ek_slot_cur(slots(x)[at]);
	slots(x)[at] = ek_slot_word(d, d, 0, 0);
	assert_int_equal(dp_drift_service(x->dp, 0, &x->config->services[0], &wrong, ignore, NULL),
			 0);
	assert_int_equal(ek_slot_cur(slots(x)[at]), owner);
	assert_int_equal(wrong, 1);
	is_no_drift(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, flows_teardown)
		TEST(a_tenth_of_the_slots_moves_in_one_go_at_most),
		TEST(a_step_that_is_small_comes_whole),
		TEST(what_is_unsettled_stays_or_returns_to_its_default),
		TEST(what_waits_moves_when_it_has_settled),
		TEST(who_is_to_have_nothing_any_more_loses_all_at_once),
		TEST(who_comes_gets_flows_though_all_slots_are_unsettled),
		TEST(a_refused_table_changes_nothing_and_is_asked_for_again),
		TEST(a_slot_written_by_hand_meanwhile_is_set_right),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
