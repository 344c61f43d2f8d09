// SPDX-License-Identifier: GPL-2.0
/* Each handshake on a slot that moved is told once, by the real program and the real tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dp/moved.h"
#include "evenkeel/affinity.h"
#include "flows.h"

#define WAIT_S 3u
#define MANY 400u

struct tally {
	unsigned int completed, failed;
	unsigned int of[8]; /* by backend */
};

static void count(void *context, uint32_t backend, bool completed)
{
	struct tally *t = context;

	t->completed += completed;
	t->failed += !completed;
	t->of[backend & 7]++;
}

static struct tally read_at(struct dp_moved *m, const struct fixture *x, uint32_t at_s)
{
	struct tally t = {};

	dp_moved_read(m, x->dp, at_s, WAIT_S, count, &t);
	return t;
}

/* d's slots have moved to the others. Flow i is on one of them if d had it before. */
struct scene {
	struct fixture *x;
	struct dp_moved *moved;
	bool is_moved[MANY];
	unsigned int count; /* of them */
};

static void scene_open(struct scene *s, void **state)
{
	uint32_t d;

	*s = (struct scene){ .x = *state };
	d = index_of(s->x, "d");
	for (unsigned int i = 0; i < MANY; i++) {
		s->is_moved[i] = data(s->x, i) == d;
		s->count += s->is_moved[i];
	}
	fixture_install(s->x, drained);
	assert_int_equal(dp_moved_open(&s->moved, s->x->dp), 0);
	assert_true(s->count > 50 && s->count < 150);
}

static void scene_close(struct scene *s)
{
	dp_moved_close(s->moved);
}

static void those_on_moved_slots_are_told_and_no_others(void **state)
{
	struct scene s;
	struct tally t;

	scene_open(&s, state);
	for (unsigned int i = 0; i < MANY; i++) {
		syn(s.x, i);
		data(s.x, i);
	}
	t = read_at(s.moved, s.x, now_s());
	assert_int_equal(t.completed, s.count);
	assert_int_equal(t.failed, 0);
	assert_int_equal(t.of[index_of(s.x, "d")], 0);
	t = read_at(s.moved, s.x, now_s() + 1);
	assert_int_equal(t.completed + t.failed, 0);
	scene_close(&s);
}

static void one_that_nothing_follows_has_failed_once(void **state)
{
	struct scene s;
	struct tally t;
	uint32_t now;

	scene_open(&s, state);
	for (unsigned int i = 0; i < MANY; i++)
		syn(s.x, i);
	now = now_s();
	t = read_at(s.moved, s.x, now);
	assert_int_equal(t.completed + t.failed, 0);
	/* Sent again, as clients do: it is as old as it was. */
	for (unsigned int i = 0; i < MANY; i++)
		syn(s.x, i);
	t = read_at(s.moved, s.x, now + WAIT_S);
	assert_int_equal(t.failed, s.count);
	t = read_at(s.moved, s.x, now + WAIT_S + 1);
	assert_int_equal(t.completed + t.failed, 0);
	scene_close(&s);
}

static void one_that_is_answered_late_has_failed(void **state)
{
	struct scene s;
	struct tally t;

	scene_open(&s, state);
	for (unsigned int i = 0; i < MANY; i++)
		syn(s.x, i);
	assert_int_equal(read_at(s.moved, s.x, now_s() + WAIT_S).failed, s.count);
	for (unsigned int i = 0; i < MANY; i++)
		data(s.x, i);
	t = read_at(s.moved, s.x, now_s() + WAIT_S + 1);
	assert_int_equal(t.completed + t.failed, 0);
	scene_close(&s);
}

static void those_of_before_are_not_told(void **state)
{
	struct scene s;
	struct dp_moved *later;
	struct tally t;

	scene_open(&s, state);
	for (unsigned int i = 0; i < MANY; i++)
		syn(s.x, i);
	assert_int_equal(dp_moved_open(&later, s.x->dp), 0);
	t = read_at(later, s.x, now_s() + WAIT_S);
	assert_int_equal(t.completed + t.failed, 0);
	dp_moved_close(later);
	scene_close(&s);
}

/* An entry that is free and taken by another flow is another flow's. */
static void who_comes_after_in_the_same_place_is_told(void **state)
{
	struct scene s;

	scene_open(&s, state);
	for (unsigned int i = 0; i < MANY; i++)
		syn(s.x, i);
	assert_int_equal(read_at(s.moved, s.x, now_s() + WAIT_S).failed, s.count);
	settle(s.x, now_s() + EK_PENDING_S + 2); /* the slots do not settle yet */
	assert_int_equal(read_at(s.moved, s.x, now_s()).failed, 0);
	for (unsigned int i = 0; i < MANY; i++) {
		syn(s.x, i);
		data(s.x, i);
	}
	assert_int_equal(read_at(s.moved, s.x, now_s()).completed, s.count);
	scene_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(those_on_moved_slots_are_told_and_no_others),
		TEST(one_that_nothing_follows_has_failed_once),
		TEST(one_that_is_answered_late_has_failed),
		TEST(those_of_before_are_not_told),
		TEST(who_comes_after_in_the_same_place_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
