// SPDX-License-Identifier: GPL-2.0
/* Backends that go down and come back: the real program, the real tables. */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "flows.h"

#define HOLD_S 60u

static void down_at(struct fixture *x, const char *name, uint32_t at_s)
{
	dp_backend_down(x->dp, index_of(x, name), at_s);
}

static void up(struct fixture *x, const char *name)
{
	dp_backend_up(x->dp, index_of(x, name));
	fixture_install(x, four);
}

static unsigned int flows_of(const uint32_t *owner, uint32_t backend)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FLOWS; i++)
		n += owner[i] == backend;
	return n;
}

/* Of flows that the backend had, who is elsewhere now. */
static unsigned int flows_lost(const struct fixture *x, const uint32_t *owner, unsigned int from,
			       unsigned int count, uint32_t backend)
{
	unsigned int lost = 0;

	for (unsigned int i = 0; i < count; i++)
		lost += owner[i] == backend && data(x, from + i) != backend;
	return lost;
}

static void a_dead_backends_packets_go_to_the_owner_at_once(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS), *new, dead = index_of(x, "d");

	down_at(x, "d", now_s());
	fixture_install(x, four);
	new = begin_flows(x, FLOWS, FLOWS);
	assert_int_equal(flows_of(new, dead), 0);
	for (unsigned int i = 0; i < FLOWS; i++) {
		uint32_t to = data(x, i);

		if (owner[i] == dead)
			assert_int_not_equal(to, dead);
		else
			assert_int_equal(to, owner[i]);
	}
	free(owner);
	free(new);
}

/* A flow that left a slot with a change is the dead backend's by def alone. */
static void a_dead_def_gives_way_before_any_change(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS), dead = index_of(x, "d");

	fixture_install(x, three);
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	down_at(x, "d", now_s());
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_not_equal(data(x, i), dead);
	free(owner);
}

static void who_comes_back_within_the_hold_time_has_its_remembered_flows_again(void **state)
{
	struct fixture *x = *state;
	uint32_t *stored, *meanwhile, dead = index_of(x, "d");

	fixture_install(x, three);
	fixture_install(x, four); /* what begins now with d is remembered */
	stored = begin_flows(x, 0, FLOWS);
	assert_true(flows_of(stored, dead) > 0);
	down_at(x, "d", now_s());
	fixture_install(x, four);
	meanwhile = begin_flows(x, FLOWS, FLOWS);
	/* Longer than the idle time, within the hold time. */
	settle(x, now_s() + IDLE_S + 10);
	settle(x, now_s() + HOLD_S - 2);
	up(x, "d");
	assert_int_equal(flows_lost(x, stored, 0, FLOWS, dead), 0);
	free(stored);
	free(meanwhile);
}

static void flows_that_were_its_owners_alone_are_its_again(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), *meanwhile, dead = index_of(x, "d");

	assert_true(flows_of(old, dead) > 0);
	down_at(x, "d", now_s());
	fixture_install(x, four);
	settle(x, now_s() + HOLD_S - 2);
	meanwhile = begin_flows(x, FLOWS, FLOWS);
	up(x, "d");
	assert_int_equal(flows_lost(x, old, 0, FLOWS, dead), 0);
	assert_int_equal(flows_moved(x, meanwhile, FLOWS, FLOWS), 0);
	free(old);
	free(meanwhile);
}

static void after_the_hold_time_its_flows_are_the_owners(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), dead = index_of(x, "d");

	down_at(x, "d", now_s());
	fixture_install(x, four);
	settle(x, now_s() + HOLD_S + 2);
	for (unsigned int i = 0; i < FLOWS; i++)
		old[i] = data(x, i);
	assert_int_equal(flows_of(old, dead), 0);
	up(x, "d");
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	free(old);
}

static void a_dead_backend_that_is_removed_is_gone_after_the_hold_time(void **state)
{
	struct fixture *x = *state;
	uint32_t dead = index_of(x, "d");

	fixture_install(x, three);
	fixture_install(x, four);
	free(begin_flows(x, 0, FLOWS));
	down_at(x, "d", now_s());
	fixture_install(x, three);
	settle(x, now_s() + HOLD_S - 2);
	settle(x, now_s() + HOLD_S - 1);
	assert_int_equal(x->dp->backend_ids[dead].used, 2);
	for (uint32_t i = 2; i < 6; i++)
		settle(x, now_s() + HOLD_S + i);
	assert_int_equal(x->dp->backend_ids[dead].used, 0);
	assert_int_equal(x->dp->backends[dead].path[0].flags, 0);
}

static void a_new_path_does_not_bring_the_dead_back(void **state)
{
	struct fixture *x = *state;
	uint32_t dead = index_of(x, "d");

	down_at(x, "d", now_s());
	x->hop4.dest_mac[0] = 6;
	fixture_paths(x);
	x->hop4.mtu = 1400;
	fixture_paths(x);
	assert_true(x->dp->backends[dead].path[0].flags & EK_PATH_DEAD);
	fixture_path_remove(x, dead);
	assert_int_equal(x->dp->backends[dead].path[0].flags, EK_PATH_DEAD);
	dp_backend_up(x->dp, dead);
	fixture_paths(x);
	assert_int_equal(x->dp->backends[dead].path[0].flags, EK_PATH_NEXT_HOP);
}

static void a_pool_that_is_all_dead_keeps_its_shares(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS);

	for (unsigned int i = 0; i < 4; i++)
		down_at(x, names[i], now_s());
	fixture_install(x, four);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	free(old);
}

static void dying_and_coming_back_again_and_again_loses_no_flow(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner[6];

	owner[0] = begin_flows(x, 0, 500);
	for (unsigned int i = 0; i < 5; i++) {
		down_at(x, "d", now_s());
		fixture_install(x, four);
		owner[i + 1] = begin_flows(x, 500 * (i + 1), 500);
		settle(x, now_s() + 1);
		up(x, "d");
		for (unsigned int past = 0; past <= i + 1; past++)
			assert_int_equal(flows_moved(x, owner[past], 500 * past, 500), 0);
	}
	for (unsigned int i = 0; i < 6; i++)
		free(owner[i]);
}

static void the_hold_time_counts_for_flows_in_an_old_table_too(void **state)
{
	static const char source[] =
		WEB_HEAD "    hash: source\n    backends: { " WEB_ABC ", d: 10.0.0.4 }\n";
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), dead = index_of(x, "d");

	fixture_install(x, source);
	down_at(x, "d", now_s());
	fixture_install(x, source);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_not_equal(data(x, i), dead);
	quieten(x);
	assert_int_equal(settle(x, now_s() + HOLD_S - 2).slots_settled, 0);
	dp_backend_up(x->dp, dead);
	fixture_install(x, source);
	assert_int_equal(flows_lost(x, old, 0, FLOWS, dead), 0);
	down_at(x, "d", now_s());
	fixture_install(x, source);
	quieten(x);
	assert_true(settle(x, now_s() + HOLD_S + 2).slots_settled > 0);
	dp_backend_up(x->dp, dead);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_true(old[i] != dead || data(x, i) != dead);
	free(old);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_dead_backends_packets_go_to_the_owner_at_once),
		CLAIM(a_dead_def_gives_way_before_any_change),
		CLAIM(who_comes_back_within_the_hold_time_has_its_remembered_flows_again),
		CLAIM(flows_that_were_its_owners_alone_are_its_again),
		CLAIM(after_the_hold_time_its_flows_are_the_owners),
		CLAIM(a_dead_backend_that_is_removed_is_gone_after_the_hold_time),
		CLAIM(a_new_path_does_not_bring_the_dead_back),
		CLAIM(a_pool_that_is_all_dead_keeps_its_shares),
		CLAIM(dying_and_coming_back_again_and_again_loses_no_flow),
		CLAIM(the_hold_time_counts_for_flows_in_an_old_table_too),
	};

	return cmocka_run_group_tests_name("death", tests, NULL, NULL);
}
