// SPDX-License-Identifier: GPL-2.0
/* Going back from another hash choice at once, as a rollback must, under live flows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "flows.h"

#define ABC_D(d) "    backends: { " WEB_ABC ", d: " d " }\n"
static const char source[] = WEB_HEAD "    hash: source\n" ABC_D("10.0.0.4");
static const char source_dest[] = WEB_HEAD "    hash: source-dest\n" ABC_D("10.0.0.4");

/* Flows of before the change, of while it was in force, and of after it was undone. */
struct flights {
	uint32_t *before, *meanwhile, *after;
};
enum { BEFORE, MEANWHILE = FLOWS, AFTER = 2 * FLOWS };

static struct flights there_and_back(struct fixture *x)
{
	struct flights f = { .before = begin_flows(x, BEFORE, FLOWS) };

	fixture_install(x, source);
	f.meanwhile = begin_flows(x, MEANWHILE, FLOWS);
	fixture_install(x, four);
	f.after = begin_flows(x, AFTER, FLOWS);
	return f;
}

static unsigned int flights_moved(const struct fixture *x, const struct flights *f)
{
	return flows_moved(x, f->before, BEFORE, FLOWS) +
	       flows_moved(x, f->meanwhile, MEANWHILE, FLOWS) +
	       flows_moved(x, f->after, AFTER, FLOWS);
}

static void flights_free(struct flights *f)
{
	free(f->before);
	free(f->meanwhile);
	free(f->after);
}

static void going_back_moves_no_flow(void **state)
{
	struct fixture *x = *state;
	struct flights f = there_and_back(x);

	assert_int_equal(flights_moved(x, &f), 0);
	settle(x, now_s() + 1);
	assert_int_equal(flights_moved(x, &f), 0);
	flights_free(&f);
}

static void changes_of_the_pool_afterwards_move_none_either(void **state)
{
	static const char *const pools[] = { drained, four, five, three, reordered };
	struct fixture *x = *state;
	struct flights f = there_and_back(x);

	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		fixture_install(x, pools[i]);
		settle(x, now_s() + 1);
		assert_int_equal(flights_moved(x, &f), 0);
	}
	flights_free(&f);
}

static void slots_that_were_unsettled_before_keep_their_flows(void **state)
{
	struct fixture *x = *state;
	uint32_t *of_four = begin_flows(x, 3 * FLOWS, FLOWS);
	struct flights f;

	fixture_install(x, drained);
	f.before = begin_flows(x, BEFORE, FLOWS);
	fixture_install(x,
			WEB_HEAD "    hash: source\n" ABC_D("{ address: 10.0.0.4, drain: true }"));
	f.meanwhile = begin_flows(x, MEANWHILE, FLOWS);
	fixture_install(x, drained);
	f.after = begin_flows(x, AFTER, FLOWS);
	assert_int_equal(flights_moved(x, &f), 0);
	assert_int_equal(flows_moved(x, of_four, 3 * FLOWS, FLOWS), 0);
	fixture_install(x, four);
	assert_int_equal(flights_moved(x, &f), 0);
	assert_int_equal(flows_moved(x, of_four, 3 * FLOWS, FLOWS), 0);
	flights_free(&f);
	free(of_four);
}

static void new_flows_are_where_they_were_before(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS);

	fixture_install(x, source);
	fixture_install(x, four);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_equal(syn(x, i), owner[i]);
	free(owner);
}

static void there_cannot_be_a_third_table_until_all_has_settled(void **state)
{
	struct fixture *x = *state;
	struct flights f = there_and_back(x);
	char error[DP_ERROR_MAX] = "";

	assert_int_equal(try_install(x, source, error), -EBUSY);
	assert_non_null(strstr(error, "another hash or key must wait"));
	assert_int_equal(try_install(x, source_dest, error), -EBUSY);
	assert_int_equal(flights_moved(x, &f), 0);
	assert_int_equal(settle(x, now_s() + 2 * IDLE_S).flows_remembered, 0);
	settle(x, now_s() + 2 * IDLE_S + 1);
	assert_int_equal(dp_undone_table(x->dp, 0), 0);
	assert_int_equal(dp_old_table(x->dp, 0), 0);
	assert_int_equal(settle(x, now_s() + 2 * IDLE_S + 2).slots_unsettled, 0);
	assert_int_equal(try_install(x, source, error), 0);
	flights_free(&f);
}

/* Under which table the flows of a settled slot began is not remembered. */
static void once_slots_have_settled_there_is_no_way_back_at_once(void **state)
{
	struct fixture *x = *state;
	char error[DP_ERROR_MAX] = "";
	uint32_t unsettled;

	fixture_install(x, source);
	quieten(x);
	for (unsigned int i = 0; i < 50; i++) /* some of them had another owner in the old table */
		data(x, i);
	unsettled = settle(x, now_s() + 1).slots_unsettled;
	assert_in_range(unsettled, 1, 50);
	assert_int_equal(try_install(x, four, error), -EBUSY);
}

static void none_settles_while_the_change_is_watched(void **state)
{
	struct fixture *x = *state;
	char error[DP_ERROR_MAX] = "";

	fixture_install(x, source);
	dp_keep_old_tables(x->dp, true);
	quieten(x);
	assert_int_equal(settle(x, now_s() + 1).slots_unsettled, 16384);
	assert_int_equal(try_install(x, four, error), 0);
	dp_keep_old_tables(x->dp, false);
}

/* What it has stored by then says that the table in force is the undone one: which means none. */
static void a_controller_that_dies_before_the_switch_has_undone_nothing(void **state)
{
	struct fixture *x = *state;
	uint32_t *before = begin_flows(x, BEFORE, FLOWS), *meanwhile;

	fixture_install(x, source);
	meanwhile = begin_flows(x, MEANWHILE, FLOWS);
	x->dp->services[0].undone_table = x->dp->services[0].table;
	assert_int_equal(flows_moved(x, before, BEFORE, FLOWS), 0);
	assert_int_equal(flows_moved(x, meanwhile, MEANWHILE, FLOWS), 0);
	fixture_install(x, four);
	assert_int_equal(flows_moved(x, before, BEFORE, FLOWS), 0);
	assert_int_equal(flows_moved(x, meanwhile, MEANWHILE, FLOWS), 0);
	free(before);
	free(meanwhile);
}

static void what_a_dead_controller_stored_does_not_bar_the_way_back(void **state)
{
	struct fixture *x = *state;
	uint32_t *before = begin_flows(x, BEFORE, FLOWS), *meanwhile;
	char error[DP_ERROR_MAX] = "";

	fixture_install(x, source);
	x->dp->services[0].undone_table = x->dp->services[0].table;
	fixture_install(x,
			WEB_HEAD "    hash: source\n" ABC_D("{ address: 10.0.0.4, drain: true }"));
	meanwhile = begin_flows(x, MEANWHILE, FLOWS);
	assert_int_equal(try_install(x, four, error), 0);
	assert_int_equal(flows_moved(x, before, BEFORE, FLOWS), 0);
	assert_int_equal(flows_moved(x, meanwhile, MEANWHILE, FLOWS), 0);
	free(before);
	free(meanwhile);
}

/* Flows of slots that have just settled stay remembered for a second more. */
static void who_used_a_flows_addresses_before_the_change_does_not_claim_it(void **state)
{
	struct fixture *x = *state;
	uint32_t *meanwhile;

	fixture_install(x, drained);
	free(begin_flows(x, 0, FLOWS));
	quieten(x);
	assert_int_equal(settle(x, now_s() + 1).slots_unsettled, 0);
	fixture_install(x, source);
	meanwhile = begin_flows(x, 0, FLOWS);
	fixture_install(x, drained);
	assert_int_equal(flows_moved(x, meanwhile, 0, FLOWS), 0);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_equal(explain_flow(x, i).known_backend, meanwhile[i]);
	free(meanwhile);
}

static void explain_knows_flows_of_what_was_undone(void **state)
{
	struct fixture *x = *state;
	struct flights f = there_and_back(x);

	for (unsigned int i = 0; i < 200; i++) {
		struct dp_explanation e = explain_flow(x, MEANWHILE + i);

		assert_int_equal(e.known_backend, f.meanwhile[i]);
	}
	flights_free(&f);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(going_back_moves_no_flow),
		CLAIM(changes_of_the_pool_afterwards_move_none_either),
		CLAIM(slots_that_were_unsettled_before_keep_their_flows),
		CLAIM(new_flows_are_where_they_were_before),
		CLAIM(there_cannot_be_a_third_table_until_all_has_settled),
		CLAIM(once_slots_have_settled_there_is_no_way_back_at_once),
		CLAIM(none_settles_while_the_change_is_watched),
		CLAIM(a_controller_that_dies_before_the_switch_has_undone_nothing),
		CLAIM(what_a_dead_controller_stored_does_not_bar_the_way_back),
		CLAIM(who_used_a_flows_addresses_before_the_change_does_not_claim_it),
		CLAIM(explain_knows_flows_of_what_was_undone),
	};

	return cmocka_run_group_tests_name("back", tests, NULL, NULL);
}
