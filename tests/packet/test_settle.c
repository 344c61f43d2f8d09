// SPDX-License-Identifier: GPL-2.0
/* When slots settle, flows are forgotten and backends leave: the real program, the real tables. */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "flows.h"

static void slots_settle_when_their_old_owner_is_quiet(void **state)
{
	struct fixture *x = *state;
	uint32_t leaving = index_of(x, "d"), end;
	struct dp_settled s;

	fixture_install(x, three);
	assert_true(settle(x, now_s() + 1).slots_unsettled > 0);
	assert_int_equal(x->dp->backend_ids[leaving].used, 2);
	end = now_s() + IDLE_S + 5;
	s = settle(x, end);
	assert_int_equal(s.slots_unsettled, 0);
	assert_true(s.slots_settled > 0);
	settle(x, end + 1);
	settle(x, end + 2);
	assert_int_equal(x->dp->backend_ids[leaving].used, 0);
	assert_int_equal(dp_path(x->dp, leaving)->flags, 0);
}

static void a_slot_whose_old_owner_is_used_does_not_settle(void **state)
{
	struct fixture *x = *state;
	uint32_t leaving = index_of(x, "d");
	unsigned int of_leaving = flow_of(x, leaving);
	struct dp_settled s;

	install_ago(x, three, IDLE_S + 10);
	assert_int_equal(data(x, of_leaving), leaving);
	s = settle(x, now_s() + 1);
	assert_int_equal(s.slots_unsettled, 1);
	assert_true(s.slots_settled > 1);
	assert_int_equal(data(x, of_leaving), leaving);
}

/* The controller read the clock, then the second turned, then the packet came. */
static void what_came_after_the_sweep_read_its_clock_is_kept(void **state)
{
	struct fixture *x = *state;
	uint32_t leaving = index_of(x, "d"), owner[500];
	unsigned int of_leaving = flow_of(x, leaving);

	install_ago(x, three, 2 * IDLE_S);
	assert_int_equal(data(x, of_leaving), leaving);
	for (unsigned int i = 0; i < 500; i++)
		owner[i] = syn(x, 1000 + i);
	settle(x, now_s() - 1);
	assert_int_equal(data(x, of_leaving), leaving);
	assert_int_equal(flows_moved(x, owner, 1000, 500), 0);
}

static void an_entry_that_is_just_being_freed_breaks_no_flow(void **state)
{
	struct fixture *x = *state;
	struct ek_flow *left = NULL;
	unsigned int flow = 0;

	fixture_install(x, three);
	while (!fixture_verdicts(x).stored)
		syn(x, ++flow);
	for (uint32_t b = 0; b < x->dp->sizes.flow_buckets; b++)
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++)
			if (x->dp->flows[b].flow[i].tag)
				left = &x->dp->flows[b].flow[i];
	assert_non_null(left);
	left->state = (uint64_t)EK_PHASE_GONE << 24;
	assert_int_equal(data(x, flow), syn(x, flow));
}

static void a_remembered_flow_holds_its_slot_until_it_is_idle(void **state)
{
	struct fixture *x = *state;
	uint32_t *during;
	struct dp_settled s;

	fixture_install(x, three);
	during = begin_flows(x, 0, 500);
	fixture_install(x, four);
	assert_int_equal(flows_moved(x, during, 0, 500), 0);
	s = settle(x, now_s() + 1);
	assert_true(s.flows_remembered > 0);
	assert_true(s.slots_unsettled > 0);
	s = settle(x, now_s() + 4 * IDLE_S);
	assert_int_equal(s.flows_remembered, 0);
	free(during);
}

static void the_end_of_the_drain_time_breaks_what_is_left_and_counts_it(void **state)
{
	struct fixture *x = *state;
	struct dp_settled s;
	uint32_t *during, leaving;
	uint64_t of_leaving = 0;

	fixture_install(x, five);
	leaving = index_of(x, "e");
	during = begin_flows(x, 0, FLOWS);
	for (unsigned int i = 0; i < FLOWS; i++)
		of_leaving += during[i] == leaving;
	assert_true(of_leaving > 0);
	install_ago(x, four, DRAIN_S - 2);
	assert_int_equal(flows_moved(x, during, 0, FLOWS), 0);
	assert_int_equal(settle(x, now_s()).flows_broken, 0);
	assert_int_equal(flows_moved(x, during, 0, FLOWS), 0);
	s = settle(x, now_s() + 5);
	assert_int_equal(s.flows_broken, of_leaving);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_not_equal(data(x, i), leaving);
	free(during);
}

static void the_end_of_the_drain_time_counts_slots_whose_old_flows_nobody_remembers(void **state)
{
	struct fixture *x = *state;
	uint32_t leaving = index_of(x, "d");
	unsigned int of_leaving = flow_of(x, leaving);
	struct dp_settled s;

	install_ago(x, three, DRAIN_S + 5);
	assert_int_equal(data(x, of_leaving), leaving);
	s = settle(x, now_s());
	assert_int_equal(s.flows_broken, 0);
	assert_int_equal(s.slots_broken, 1);
	assert_int_not_equal(data(x, of_leaving), leaving);
}

/* A packet that began within the grace period, by a clock that lags, may store a flow for def. */
static void slots_settle_a_second_after_the_udp_grace_period(void **state)
{
	struct fixture *x = *state;
	uint32_t last = now_s() + IDLE_S + 2 * EK_CLOCK_LAG_S;

	install_ago(x, three, 0);
	assert_int_equal(settle(x, last).slots_settled, 0);
	assert_true(settle(x, last + 2).slots_settled > 0);
}

#define TCP_ONLY(backends)                                                                         \
	"services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    idle_time: 40\n"           \
	"    backends: { " backends " }\n"

static void another_change_does_not_begin_a_slots_idle_time_anew(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, TCP_ONLY(WEB_ABC ", d: 10.0.0.4"));
	install_ago(x, TCP_ONLY(WEB_ABC), 2 * IDLE_S);
	/* It moves other slots. */
	fixture_install(x, TCP_ONLY(WEB_ABC ", f: 10.0.0.6"));
	assert_true(settle(x, now_s() + 1).slots_settled > 0);
}

static void nothing_is_given_up_of_a_service_whose_times_are_unknown(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), *new;
	struct config *known, none = {};
	struct dp_settled s;

	fixture_install(x, three);
	new = begin_flows(x, FLOWS, FLOWS);
	for (unsigned int i = 0; i < FLOWS; i++)
		syn(x, 2 * FLOWS + i); /* pending */
	known = x->config;
	x->config = &none;
	s = settle(x, now_s() + 10 * DRAIN_S);
	x->config = known;
	assert_int_equal(s.slots_settled, 0);
	assert_int_equal(s.flows_broken, 0);
	assert_int_equal(s.flows_remembered, fixture_verdicts(x).stored);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	assert_int_equal(flows_moved(x, new, FLOWS, FLOWS), 0);
	free(old);
	free(new);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(slots_settle_when_their_old_owner_is_quiet),
		CLAIM(a_slot_whose_old_owner_is_used_does_not_settle),
		CLAIM(what_came_after_the_sweep_read_its_clock_is_kept),
		CLAIM(an_entry_that_is_just_being_freed_breaks_no_flow),
		CLAIM(a_remembered_flow_holds_its_slot_until_it_is_idle),
		CLAIM(the_end_of_the_drain_time_breaks_what_is_left_and_counts_it),
		CLAIM(the_end_of_the_drain_time_counts_slots_whose_old_flows_nobody_remembers),
		CLAIM(slots_settle_a_second_after_the_udp_grace_period),
		CLAIM(another_change_does_not_begin_a_slots_idle_time_anew),
		CLAIM(nothing_is_given_up_of_a_service_whose_times_are_unknown),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
