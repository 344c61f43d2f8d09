// SPDX-License-Identifier: GPL-2.0
/* The rules of affinity for slots: what a change makes of them, when they settle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evenkeel/affinity.h"

enum { A = 1, B = 2, C = 3 };
#define NOW 1000u
#define ISN 0xfffffff0u

/* ---- change ---------------------------------------------------------------------------------- */

/* A change at `now_s`, all of it. */
static uint64_t changed(uint64_t slot, uint32_t owner, uint32_t now_s)
{
	return ek_slot_catch_up(ek_slot_change(slot, owner, now_s), slot, now_s, now_s);
}

static void a_change_of_a_settled_slot_makes_its_owner_the_default(void **state)
{
	uint64_t slot = changed(ek_slot_word(A, A, 0, 0), B, NOW);

	assert_int_equal(slot, ek_slot_word(B, A, 1, NOW));
}

static void a_change_of_an_unsettled_slot_keeps_its_default(void **state)
{
	uint64_t slot = changed(ek_slot_word(A, A, 0, 0), B, NOW);

	slot = changed(slot, C, NOW + 1);
	assert_int_equal(slot, ek_slot_word(C, A, 1, NOW));
	slot = changed(slot, A, NOW + 2); /* A to B to A is not settled: B has flows */
	assert_int_equal(slot, ek_slot_word(A, A, 1, NOW));
}

/* It had the new flows, too, and nothing noted them. */
static void a_default_that_was_the_owner_too_has_just_been_used(void **state)
{
	assert_int_equal(changed(ek_slot_word(A, A, 1, NOW - 99), B, NOW),
			 ek_slot_word(B, A, 1, NOW));
}

/* Whether the owner was the default too is not known of one in the old table. */
static void a_default_in_the_old_table_has_just_been_used_if_the_owner_changes(void **state)
{
	uint64_t slot = ek_slot_word(A, EK_DEF_OLD_TABLE, 1, NOW - 99);

	assert_int_equal(changed(slot, B, NOW), ek_slot_word(B, EK_DEF_OLD_TABLE, 1, NOW));
	assert_int_equal(changed(slot, A, NOW), slot);
}

static void a_slot_that_a_change_leaves_alone_is_as_before(void **state)
{
	assert_int_equal(changed(ek_slot_word(A, A, 0, 0), A, NOW), ek_slot_word(A, A, 0, 0));
	assert_int_equal(changed(ek_slot_word(A, C, 1, NOW - 5), A, NOW),
			 ek_slot_word(A, C, 1, NOW - 5));
}

static void whom_nobody_had_nobody_loses(void **state)
{
	assert_int_equal(changed(ek_slot_word(EK_NO_BACKEND, EK_NO_BACKEND, 0, 0), B, NOW),
			 ek_slot_word(B, B, 0, 0));
	assert_int_equal(changed(ek_slot_word(A, A, 0, 0), EK_NO_BACKEND, NOW),
			 ek_slot_word(EK_NO_BACKEND, A, 1, NOW));
}

/* Packets that still read the old table note there that they rely on def. */
static void a_note_in_the_old_table_is_not_lost(void **state)
{
	uint64_t old = ek_slot_word(B, A, 1, NOW - 99), slot = ek_slot_change(old, C, NOW);

	assert_int_equal(ek_slot_quiet_s(slot, NOW), 0); /* until it is known */
	assert_int_equal(ek_slot_quiet_s(slot, NOW - EK_CLOCK_LAG_S), 0);
	old = ek_slot_touch(old, NOW);
	assert_int_equal(ek_slot_catch_up(slot, old, NOW, NOW), ek_slot_word(C, A, 1, NOW));
}

static void a_note_in_the_new_table_is_not_lost(void **state)
{
	uint64_t old = ek_slot_word(B, A, 1, NOW - 99), slot = ek_slot_change(old, C, NOW);

	for (uint32_t later = 0; later <= EK_CHANGE_AHEAD_S; later++) {
		uint64_t noted = ek_slot_touch(slot, NOW + later);

		assert_int_equal(ek_slot_catch_up(noted, old, NOW, NOW + later), noted);
	}
}

static void what_was_noted_a_moment_ahead_of_the_clock_is_new(void **state)
{
	uint64_t slot = ek_slot_word(B, A, 1, NOW + 1);

	assert_int_equal(ek_slot_quiet_s(slot, NOW), 0);
	assert_int_equal(ek_slot_quiet_s(slot, NOW + 1), 0);
	assert_int_equal(ek_slot_quiet_s(slot, NOW + 2), 1);
	assert_int_equal(ek_flow_syn_age(ek_flow_pending(A, ISN, NOW + 1), NOW), 0);
	assert_int_equal(ek_flow_syn_age(ek_flow_pending(A, ISN, NOW), NOW + 35), 35);
}

static void quiet_seconds_survive_the_epochs_wrap(void **state)
{
	uint64_t slot = ek_slot_word(B, A, 1, 32760);

	assert_int_equal(ek_slot_quiet_s(slot, 32768 + 10), 18);
	assert_int_equal(ek_slot_quiet_s(slot, 5 * 32768 + 32760), 0);
}

static void each_slot_has_its_own_grace_period(void **state)
{
	uint64_t first = changed(ek_slot_word(A, A, 0, 0), B, NOW);
	uint64_t second = changed(ek_slot_word(A, A, 0, 0), B, NOW + 20);

	first = changed(first, B, NOW + 20); /* the second change leaves it alone */
	assert_true(ek_slot_udp_grace(first, 20, NOW + 20 + EK_CLOCK_LAG_S));
	assert_false(ek_slot_udp_grace(first, 20, NOW + 21 + EK_CLOCK_LAG_S));
	assert_true(ek_slot_udp_grace(second, 20, NOW + 40));
}

static void a_miss_does_not_rely_on_a_slot_that_settled(void **state)
{
	assert_true(ek_slot_keeps(ek_slot_word(B, A, 1, NOW)));
	assert_false(ek_slot_keeps(ek_slot_word(B, B, 0, 0)));
}

/* ---- settling -------------------------------------------------------------------------------- */

static void a_slot_settles_when_its_default_is_quiet_and_nobody_else_has_flows(void **state)
{
	uint64_t slot = ek_slot_word(B, A, 1, NOW);
	uint32_t quiet = NOW + 20 + 2 * EK_CLOCK_LAG_S + 1;

	assert_false(ek_slot_may_settle(slot, 0, 20, quiet - 1));
	assert_true(ek_slot_may_settle(slot, 0, 20, quiet));
	assert_false(ek_slot_may_settle(slot, 1, 20, quiet));
	assert_true(ek_slot_may_settle(ek_slot_word(B, B, 1, NOW), 0, 20, NOW));
	assert_int_equal(ek_slot_settled(slot), ek_slot_word(B, B, 0, 0));
}

static void a_flow_is_forgotten_when_it_is_idle_or_its_slot_settled(void **state)
{
	uint64_t unsettled = ek_slot_word(B, A, 1, NOW), flow = ek_flow_confirmed(C, NOW);
	uint64_t syn = ek_flow_pending(C, ISN, NOW);

	assert_int_equal(ek_flow_swept(flow, unsettled, 20, NOW + 21), flow);
	assert_int_equal(ek_flow_swept(flow, unsettled, 20, NOW + 22), EK_FLOW_GONE);
	assert_int_equal(ek_flow_swept(flow, unsettled, 20, NOW - 1), flow);
	assert_int_equal(ek_flow_swept(flow, ek_slot_settled(unsettled), 20, NOW), EK_FLOW_GONE);
	assert_int_equal(ek_flow_swept(syn, unsettled, 2, NOW + EK_PENDING_S), syn);
	assert_int_equal(ek_flow_swept(syn, unsettled, 2, NOW + EK_PENDING_S + 1), EK_FLOW_GONE);
}

/* It had read its clock, and was kept from going on: what came meanwhile is new, not old. */
static void a_controller_that_stood_still_gives_nothing_up(void **state)
{
	uint64_t slot = ek_slot_word(B, A, 1, NOW + 600);
	uint64_t flow = ek_flow_confirmed(C, NOW + 600), syn = ek_flow_pending(C, ISN, NOW + 20);

	assert_false(ek_slot_may_settle(slot, 0, 20, NOW));
	assert_int_equal(ek_flow_swept(flow, slot, 20, NOW), flow);
	assert_int_equal(ek_flow_swept(syn, slot, 20, NOW), syn);
}

static void a_contest_that_nobody_wins_is_over_after_a_handshakes_time(void **state)
{
	uint64_t unsettled = ek_slot_word(B, A, 1, NOW), flow = ek_flow_contested(C, ISN, NOW);
	uint32_t end = NOW + EK_PENDING_S + 1;

	assert_int_equal(ek_flow_swept(flow, unsettled, 300, end - 1), flow);
	assert_int_equal(ek_flow_swept(flow, unsettled, 300, end), ek_flow_confirmed(C, end));
}

static void a_backend_is_given_up_in_the_slots_it_is_the_default_of(void **state)
{
	uint64_t slot = ek_slot_word(B, A, 1, 7);

	assert_int_equal(ek_slot_release(slot, A), ek_slot_word(B, B, 1, 7));
	assert_int_equal(ek_slot_release(slot, C), slot);
	assert_int_equal(ek_slot_release(slot, B), slot);
	assert_int_equal(ek_slot_release(ek_slot_word(A, A, 0, 0), A), ek_slot_word(A, A, 0, 0));
}

static void a_time_is_over_not_a_second_too_early(void **state)
{
	assert_false(ek_time_over(NOW, 60, NOW + 60));
	assert_true(ek_time_over(NOW, 60, NOW + 61));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_of_a_settled_slot_makes_its_owner_the_default),
		cmocka_unit_test(a_change_of_an_unsettled_slot_keeps_its_default),
		cmocka_unit_test(a_default_that_was_the_owner_too_has_just_been_used),
		cmocka_unit_test(
			a_default_in_the_old_table_has_just_been_used_if_the_owner_changes),
		cmocka_unit_test(a_slot_that_a_change_leaves_alone_is_as_before),
		cmocka_unit_test(whom_nobody_had_nobody_loses),
		cmocka_unit_test(a_note_in_the_old_table_is_not_lost),
		cmocka_unit_test(a_note_in_the_new_table_is_not_lost),
		cmocka_unit_test(what_was_noted_a_moment_ahead_of_the_clock_is_new),
		cmocka_unit_test(quiet_seconds_survive_the_epochs_wrap),
		cmocka_unit_test(each_slot_has_its_own_grace_period),
		cmocka_unit_test(a_miss_does_not_rely_on_a_slot_that_settled),
		cmocka_unit_test(
			a_slot_settles_when_its_default_is_quiet_and_nobody_else_has_flows),
		cmocka_unit_test(a_flow_is_forgotten_when_it_is_idle_or_its_slot_settled),
		cmocka_unit_test(a_controller_that_stood_still_gives_nothing_up),
		cmocka_unit_test(a_contest_that_nobody_wins_is_over_after_a_handshakes_time),
		cmocka_unit_test(a_backend_is_given_up_in_the_slots_it_is_the_default_of),
		cmocka_unit_test(a_time_is_over_not_a_second_too_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
