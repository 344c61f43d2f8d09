// SPDX-License-Identifier: GPL-2.0
/* A change that goes to a service's slots in steps, as a lease: the real program, the real tables. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "evenkeel/lease.h"
#include "flows.h"

/* Brings the fixture, which has a to d, to so many per mille of the way to a, b, c with d gone. */
static void stage(struct fixture *x, uint32_t permille)
{
	struct config *c = fixture_parse(drained);
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";

	c->services[0].staged = permille < 1000 ? permille : 0;
	for (size_t i = 0; i < 4; i++)
		c->services[0].backends[i].weight_before = 100;
	if (dp_install(x->dp, c, now_s(), &result, error))
		fail_msg("%s", error);
	config_free(x->config);
	x->config = c;
}

static void lease_until(struct fixture *x, uint32_t until_s)
{
	dp_lease_set(x->dp, (uint32_t)dp_service_index(x->dp, "web"), until_s);
}

/* Slots that d owns, of those that it had. */
static double part_of_d(const struct fixture *x)
{
	uint32_t *owned = calloc(x->dp->sizes.backends, sizeof(*owned)), d, slots;

	slots = dp_slots_count(x->dp, (uint32_t)dp_service_index(x->dp, "web"), owned, NULL, NULL);
	d = owned[index_of(x, "d")];
	free(owned);
	return 4.0 * d / slots;
}

static void a_step_moves_its_part_of_the_slots_and_no_flow(void **state)
{
	static const uint32_t steps[] = { 10, 50, 250, 500, 1000 };
	struct fixture *x = *state;
	uint32_t *owner[6];

	owner[0] = begin_flows(x, 0, 500);
	for (unsigned int i = 0; i < 5; i++) {
		double left = 1 - steps[i] / 1000.0;

		stage(x, steps[i]);
		assert_true(part_of_d(x) > left - 0.01 && part_of_d(x) < left + 0.01);
		owner[i + 1] = begin_flows(x, 500 * (i + 1), 500);
		for (unsigned int past = 0; past <= i + 1; past++)
			assert_int_equal(flows_moved(x, owner[past], 500 * past, 500), 0);
	}
	for (unsigned int i = 0; i < 6; i++)
		free(owner[i]);
}

static void installing_a_step_again_moves_nothing(void **state)
{
	struct fixture *x = *state;
	uint64_t stamp;

	stage(x, 250);
	stamp = dp_slots_stamp(x->dp, 0);
	stage(x, 250);
	assert_int_equal(dp_slots_stamp(x->dp, 0), stamp);
	assert_int_equal(dp_table_drift(x->dp, 0, &x->config->services[0]), 0);
	stage(x, 251);
	assert_int_not_equal(dp_slots_stamp(x->dp, 0), stamp);
}

static void going_back_gives_the_table_before(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), *during;

	stage(x, 500);
	during = begin_flows(x, FLOWS, FLOWS);
	fixture_install(x, four);
	assert_true(part_of_d(x) > 0.99);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	assert_int_equal(flows_moved(x, during, FLOWS, FLOWS), 0);
	free(old);
	free(during);
}

/* How many of new flows go to d. */
static unsigned int new_flows_to_d(const struct fixture *x, unsigned int from)
{
	uint32_t *owner = begin_flows(x, from, FLOWS), d = index_of(x, "d");
	unsigned int n = 0;

	for (unsigned int i = 0; i < FLOWS; i++)
		n += owner[i] == d;
	assert_int_equal(flows_moved(x, owner, from, FLOWS), 0);
	free(owner);
	return n;
}

static void while_the_lease_is_renewed_new_flows_go_to_the_new_owner(void **state)
{
	struct fixture *x = *state;

	stage(x, 1000);
	assert_int_equal(new_flows_to_d(x, 0), 0);
	lease_until(x, now_s() + EK_LEASE_S);
	assert_int_equal(new_flows_to_d(x, FLOWS), 0);
}

static void when_it_lapses_they_go_back_without_the_controller(void **state)
{
	struct fixture *x = *state;
	unsigned int d;

	stage(x, 1000);
	lease_until(x, now_s() - 1);
	d = new_flows_to_d(x, 0);
	assert_in_range(d, FLOWS / 4 - FLOWS / 20, FLOWS / 4 + FLOWS / 20);
}

static void flows_begun_before_it_lapsed_stay_where_they_are(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), *leased;

	stage(x, 500);
	lease_until(x, now_s() + EK_LEASE_S);
	leased = begin_flows(x, FLOWS, FLOWS);
	lease_until(x, now_s() - 1);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	assert_int_equal(flows_moved(x, leased, FLOWS, FLOWS), 0);
	free(old);
	free(leased);
}

/* The controller comes back and renews it: who began meanwhile is not remembered, and still def's. */
static void flows_begun_while_it_had_lapsed_stay_when_it_is_renewed(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner;

	stage(x, 1000);
	lease_until(x, now_s() - 1);
	owner = begin_flows(x, 0, FLOWS);
	lease_until(x, now_s() + EK_LEASE_S);
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	free(owner);
}

/* They are noted: or their slots would settle, and they would move. */
static void their_slots_do_not_settle_under_them(void **state)
{
	struct fixture *x = *state;
	uint32_t d = index_of(x, "d");
	unsigned int of_d = 0;

	stage(x, 1000);
	quieten(x);
	lease_until(x, now_s() - 1);
	while (syn(x, of_d) != d)
		of_d++;
	lease_until(x, 0);
	settle(x, now_s() + 1);
	assert_int_equal(data(x, of_d), d);
}

/* Else a lease that has lapsed once would undo each later change of the service. */
static void what_is_ended_does_not_lapse(void **state)
{
	struct fixture *x = *state;

	lease_until(x, now_s() - 1);
	stage(x, 1000);
	assert_int_not_equal(new_flows_to_d(x, 0), 0);
	dp_leases_end(x->dp);
	assert_int_equal(new_flows_to_d(x, FLOWS), 0);
}

static void a_dead_owner_from_before_gets_nothing_back(void **state)
{
	struct fixture *x = *state;

	stage(x, 1000);
	dp_backend_down(x->dp, index_of(x, "d"), now_s());
	lease_until(x, now_s() - 1);
	assert_int_equal(new_flows_to_d(x, 0), 0);
}

static void udp_goes_back_too(void **state)
{
	struct fixture *x = *state;
	uint32_t d = index_of(x, "d");
	unsigned int to_d = 0;

	stage(x, 1000);
	quieten(x);
	for (unsigned int i = 0; i < 400; i++)
		assert_int_not_equal(send_packet(x, i, "udp", 0, 0), d);
	lease_until(x, now_s() - 1);
	for (unsigned int i = 400; i < 800; i++)
		to_d += send_packet(x, i, "udp", 0, 0) == d;
	assert_in_range(to_d, 70, 130);
}

static void a_lease_of_one_second_is_not_over_within_it(void **state)
{
	assert_false(ek_lease_lapsed(0, 5));
	assert_false(ek_lease_lapsed(5, 5));
	assert_true(ek_lease_lapsed(5, 6));
	assert_false(ek_lease_lapsed(2, 0xfffffff0u)); /* the clock comes round */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_step_moves_its_part_of_the_slots_and_no_flow),
		TEST(installing_a_step_again_moves_nothing),
		TEST(going_back_gives_the_table_before),
		TEST(while_the_lease_is_renewed_new_flows_go_to_the_new_owner),
		TEST(when_it_lapses_they_go_back_without_the_controller),
		TEST(flows_begun_before_it_lapsed_stay_where_they_are),
		TEST(flows_begun_while_it_had_lapsed_stay_when_it_is_renewed),
		TEST(their_slots_do_not_settle_under_them),
		TEST(what_is_ended_does_not_lapse),
		TEST(a_dead_owner_from_before_gets_nothing_back),
		TEST(udp_goes_back_too),
		TEST(a_lease_of_one_second_is_not_over_within_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
