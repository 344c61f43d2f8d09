// SPDX-License-Identifier: GPL-2.0
/* Ten million sources that nobody knows, in steady state and during a change. The table of
 * remembered flows is small, so that a flood that is stored at all fills it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "scale.h"

#define MILLION 1000000u
#define FLOOD (10 * MILLION)
#define FLOWS (1u << 18)
#define BUCKETS (1u << 16)

struct flood {
	struct scale s;
	struct scale_pool pool;
	enum scale_flood kind;
	uint32_t flows, at_once, capacity;
	uint64_t remembered_max;
};
static struct flood flooded; /* beyond a test that fails, for scale_teardown() */

static uint64_t stored(const struct flood *f)
{
	return fixture_verdicts(&f->s.x).stored;
}

static void remove_and_install(struct flood *f, uint32_t backend)
{
	f->pool.member[backend].present = false;
	assert_int_equal(scale_install(&f->s, &f->pool), 0);
}

/* A tenth of it, a second of settling, and every flow speaks. */
static void a_tenth(struct flood *f, uint32_t i, uint32_t begun)
{
	uint64_t before = stored(f);
	struct scale_tally t = scale_flood(&f->s, f->kind, i * f->at_once, f->at_once);
	struct dp_settled settled;

	if (f->kind == FLOOD_ACK)
		assert_int_equal(stored(f), before);
	assert_int_equal(t.lost, 0);
	assert_int_equal(t.sent, (f->kind == FLOOD_PAIR ? 2 : 1) * (uint64_t)f->at_once);
	settled = scale_settle(&f->s, 1, 1);
	if (settled.flows_remembered > f->remembered_max)
		f->remembered_max = settled.flows_remembered;
	scale_assert_kept(&f->s, scale_ask(&f->s, 0, begun));
}

static void flood_begin(struct flood *f, enum scale_flood kind)
{
	*f = (struct flood){ .pool = scale_pool(10), .kind = kind };
	f->at_once = scale_share(FLOOD) / 10;
	f->flows = scale_share(FLOWS);
	f->capacity = scale_share(BUCKETS) * EK_FLOWS_PER_BUCKET;
	scale_open(&f->s, &f->pool, f->flows, scale_share(BUCKETS));
	scale_assert_kept(&f->s, scale_begin(&f->s, 0, f->flows / 2));
}

static void in_steady_state_nothing_is_stored(struct flood *f)
{
	for (uint32_t i = 0; i < 10; i++)
		a_tenth(f, i, f->flows / 2);
	assert_int_equal(stored(f), 0);
	assert_int_equal(f->remembered_max, 0);
}

/* Half of the flows are older than the changes, a quarter began between them, a quarter begins amid
 * the flood, when the table may be full: whoever is not stored has a backend all the same. */
static void during_a_change_no_flow_is_lost(struct flood *f)
{
	uint32_t quarter = f->flows / 4;
	uint64_t before;

	remove_and_install(f, 1);
	remove_and_install(f, 2);
	remove_and_install(f, 3);
	scale_assert_kept(&f->s, scale_begin(&f->s, 2 * quarter, quarter));
	before = stored(f);
	assert_true(before > 0);
	for (uint32_t i = 0; i < 10; i++) {
		if (i == 5)
			remove_and_install(f, 4);
		if (i == 6)
			scale_assert_kept(&f->s, scale_begin(&f->s, 3 * quarter, quarter));
		a_tenth(f, i, i < 6 ? 3 * quarter : 4 * quarter);
	}
	print_message("# of %u sources and %u flows %llu were stored during the flood; at most "
		      "%llu remembered, there is room for %u\n",
		      10 * f->at_once, quarter, (unsigned long long)(stored(f) - before),
		      (unsigned long long)f->remembered_max, f->capacity);
}

static void flood_end(struct flood *f)
{
	uint32_t asked = 0;
	struct dp_settled settled;

	assert_int_equal(scale_sample(&f->s, 0, 511, &asked), 0);
	assert_true(asked > 0);
	/* The flood is forgotten while the flows go on. */
	for (int i = 0; i < 3; i++) {
		settled = scale_settle(&f->s, 3, 10);
		scale_assert_kept(&f->s, scale_ask(&f->s, 0, f->flows));
	}
	assert_true(settled.flows_remembered <= f->flows);
	settled = scale_settle(&f->s, 12, 10);
	assert_int_equal(settled.flows_remembered, 0);
	assert_int_equal(settled.slots_unsettled, 0);
}

static void flood(enum scale_flood kind, bool fills)
{
	struct flood *f = &flooded;

	flood_begin(f, kind);
	in_steady_state_nothing_is_stored(f);
	during_a_change_no_flow_is_lost(f);
	assert_true(f->remembered_max <= f->capacity);
	if (fills)
		assert_true(f->remembered_max > f->capacity / 10 * 9);
	flood_end(f);
}

static void syns_lose_no_flow(void **state)
{
	(void)state;
	flood(FLOOD_SYN, true);
}

static void acks_lose_no_flow(void **state)
{
	(void)state;
	flood(FLOOD_ACK, false);
}

static void datagrams_lose_no_flow(void **state)
{
	(void)state;
	flood(FLOOD_UDP, true);
}

static void syns_and_what_follows_them_lose_no_flow(void **state)
{
	(void)state;
	flood(FLOOD_PAIR, true);
}

/* Who could not stay with a backend that comes back is refused, by name and counted. */
static void what_cannot_be_stored_while_the_default_is_dead_is_dropped_and_counted(void **state)
{
	struct flood *f = &flooded;
	struct scale_tally t;
	uint64_t stored_before, dropped;

	(void)state;
	flood_begin(f, FLOOD_SYN);
	scale_down(&f->s, 1);
	assert_int_equal(scale_install(&f->s, &f->pool), 0);
	stored_before = stored(f);
	t = scale_flood(&f->s, FLOOD_SYN, 0, 10 * f->at_once);
	dropped = fixture_dropped(&f->s.x, EK_DROP_NOT_REMEMBERED);
	print_message("# %llu stored, %llu refused\n",
		      (unsigned long long)(stored(f) - stored_before), (unsigned long long)dropped);
	assert_true(stored(f) - stored_before <= f->capacity);
	assert_true(dropped > 0);
	assert_int_equal(t.lost, dropped);
	assert_int_equal(t.to_dead, 0);
	t = scale_ask(&f->s, 0, f->flows / 2);
	assert_int_equal(t.moved, 0);
	assert_int_equal(t.to_dead, 0);
	scale_up(&f->s, 1);
	assert_int_equal(scale_install(&f->s, &f->pool), 0);
	assert_int_equal(scale_ask(&f->s, 0, f->flows / 2).moved, 0);
}

#define CLAIM(name) cmocka_unit_test_teardown(name, scale_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(syns_lose_no_flow),
		CLAIM(acks_lose_no_flow),
		CLAIM(datagrams_lose_no_flow),
		CLAIM(syns_and_what_follows_them_lose_no_flow),
		CLAIM(what_cannot_be_stored_while_the_default_is_dead_is_dropped_and_counted),
	};

	return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
