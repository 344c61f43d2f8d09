// SPDX-License-Identifier: GPL-2.0
/* Another table size, hash choice or key under live flows: the real program, the real tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/table.h"
#include "flows.h"

#define MANY 100000u

#define HASHED(hash, backends) WEB_HEAD "    hash: " hash "\n    backends: { " backends " }\n"
#define ABCD WEB_ABC ", d: 10.0.0.4"
static const char five_tuple[] = HASHED("5-tuple", ABCD);
static const char source[] = HASHED("source", ABCD);
static const char source_dest[] = HASHED("source-dest", ABCD);

/* a to d and 116 more: 24000 slots are wanted. */
static const char *large_pool(void)
{
	static char text[8192];
	size_t used = (size_t)sprintf(text, WEB_HEAD "    backends:\n      a: 10.0.0.1\n"
						     "      b: 10.0.0.2\n      c: 10.0.0.3\n"
						     "      d: 10.0.0.4\n");

	for (unsigned int i = 0; i < 116; i++)
		used += (size_t)sprintf(text + used, "      n%u: 10.2.0.%u\n", i, i);
	return text;
}

static uint64_t table(const struct fixture *x)
{
	return x->dp->services[0].table;
}

static uint64_t old_table(const struct fixture *x)
{
	return x->dp->services[0].old_table;
}

static void rekey(struct fixture *x)
{
	static uint64_t next = 77;
	struct ek_key key = { { ++next * 0x9e3779b97f4a7c15ull, next } };
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";

	if (dp_rekey(x->dp, key, x->config, now_s(), &result, error))
		fail_msg("%s", error);
	assert_int_equal(result.services_rebuilt, x->config->service_count);
	assert_int_equal(dp_key(x->dp).words[1], key.words[1]);
}

/* Nothing is used for longer than the idle time, by the controller's clock. */
static void settle_all(struct fixture *x)
{
	uint32_t later = now_s() + 2 * IDLE_S;

	assert_int_equal(settle(x, later).slots_unsettled, 0);
	settle(x, later + 1);
	assert_int_equal(old_table(x), 0);
}

/* Flows from before the change, and of each moment after it, stay where they were. */
static void assert_change_moves_nothing(struct fixture *x, void (*change)(struct fixture *x))
{
	uint32_t *before = begin_flows(x, 0, MANY), *after;
	uint64_t was = table(x);

	change(x);
	assert_int_equal(old_table(x), was);
	after = begin_flows(x, MANY, 20000);
	assert_int_equal(flows_moved(x, before, 0, MANY), 0);
	assert_int_equal(flows_moved(x, after, MANY, 20000), 0);
	assert_true(fixture_verdicts(x).stored > 0);
	settle(x, now_s() + 1);
	assert_int_equal(flows_moved(x, before, 0, MANY), 0);
	assert_int_equal(flows_moved(x, after, MANY, 20000), 0);
	settle_all(x);
	free(before);
	free(after);
}

static void to_large_pool(struct fixture *x)
{
	fixture_install(x, large_pool());
	assert_int_equal(ek_table_mask(table(x)) + 1, 32768);
}
static void to_source(struct fixture *x)
{
	fixture_install(x, source);
}
static void to_source_dest(struct fixture *x)
{
	fixture_install(x, source_dest);
}
static void to_five_tuple(struct fixture *x)
{
	fixture_install(x, five_tuple);
}

static void a_larger_table_moves_no_flow(void **state)
{
	assert_change_moves_nothing(*state, to_large_pool);
}

static void another_hash_choice_moves_no_flow(void **state)
{
	assert_change_moves_nothing(*state, to_source);
	assert_change_moves_nothing(*state, to_source_dest);
	assert_change_moves_nothing(*state, to_five_tuple);
}

static void another_key_moves_no_flow_and_neither_does_the_next(void **state)
{
	assert_change_moves_nothing(*state, rekey);
	assert_change_moves_nothing(*state, rekey);
	assert_change_moves_nothing(*state, rekey);
}

static void an_old_udp_flow_stays_when_the_hash_changes(void **state)
{
	struct fixture *x = *state;
	uint32_t owner[500];

	for (unsigned int i = 0; i < 500; i++)
		owner[i] = send_packet(x, i, "udp", 0, 0);
	fixture_install(x, source);
	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < 500; i++)
			assert_int_equal(send_packet(x, i, "udp", 0, 0), owner[i]);
}

/* Flows remembered under the old table are found by their old fingerprint. */
static void a_change_of_the_hash_amid_another_change_moves_no_flow(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, 3000), *during, *after;

	fixture_install(x, three);
	during = begin_flows(x, 3000, 3000);
	assert_true(fixture_verdicts(x).stored > 0);
	fixture_install(x, HASHED("source", WEB_ABC));
	after = begin_flows(x, 6000, 3000);
	assert_int_equal(flows_moved(x, old, 0, 3000), 0);
	assert_int_equal(flows_moved(x, during, 3000, 3000), 0);
	assert_int_equal(flows_moved(x, after, 6000, 3000), 0);
	settle(x, now_s() + 2);
	assert_int_equal(flows_moved(x, old, 0, 3000), 0);
	assert_int_equal(flows_moved(x, during, 3000, 3000), 0);
	assert_int_equal(flows_moved(x, after, 6000, 3000), 0);
	free(old);
	free(during);
	free(after);
}

static void a_flow_remembered_under_the_old_table_keeps_its_service_from_settling(void **state)
{
	struct fixture *x = *state;
	unsigned int flow = 0;
	uint32_t owner;
	struct dp_settled s;

	fixture_install(x, three);
	while (!fixture_verdicts(x).stored)
		owner = syn(x, ++flow);
	assert_int_equal(data(x, flow), owner);
	install_ago(x, HASHED("source", WEB_ABC), 2 * IDLE_S);
	quieten(x);
	s = settle(x, now_s());
	assert_int_equal(s.slots_settled, 0);
	assert_int_equal(s.flows_remembered, 1);
	assert_int_equal(data(x, flow), owner);
	settle_all(x);
}

static void changes_of_the_pool_go_on_while_the_old_table_is_looked_up(void **state)
{
	static const char *const steps[] = {
		HASHED("source", WEB_ABC), HASHED("source", ABCD),
		HASHED("source", WEB_ABC), HASHED("source", ABCD ", e: 10.0.0.5"),
		HASHED("source", ABCD),
	};
	struct fixture *x = *state;
	uint32_t *owner[6];

	owner[0] = begin_flows(x, 0, 1000);
	fixture_install(x, source);
	for (unsigned int i = 0; i < 5; i++) {
		fixture_install(x, steps[i]);
		owner[i + 1] = begin_flows(x, 1000 * (i + 1), 1000);
		for (unsigned int past = 0; past <= i + 1; past++)
			assert_int_equal(flows_moved(x, owner[past], 1000 * past, 1000), 0);
	}
	assert_int_not_equal(old_table(x), 0);
	for (unsigned int i = 0; i < 6; i++)
		free(owner[i]);
}

/* The old table's owner is the new one's too: nothing is noted of flows that begin there. */
static void flows_that_begin_while_both_tables_agree_stay_when_the_owner_changes(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner;

	fixture_install(x, source);
	quieten(x);
	owner = begin_flows(x, 0, FLOWS);
	fixture_install(x, HASHED("source", WEB_ABC));
	settle(x, now_s() + IDLE_S - 2);
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	free(owner);
}

static void a_second_change_of_the_hash_is_refused_with_what_is_left(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, 1000);
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";
	uint64_t was;

	fixture_install(x, source);
	was = table(x);
	assert_int_equal(try_install(x, source_dest, error), -EBUSY);
	assert_non_null(strstr(error, "service web: another hash or key must wait: 16384 of its "
				      "16384 slots"));
	assert_int_equal(dp_rekey(x->dp, (struct ek_key){ { 1, 2 } }, x->config, now_s(), &result,
				  error),
			 -EBUSY);
	assert_int_equal(table(x), was);
	assert_int_equal(flows_moved(x, owner, 0, 1000), 0);
	settle_all(x);
	assert_int_equal(try_install(x, source_dest, error), 0);
	free(owner);
}

static void a_pool_that_outgrows_its_table_meanwhile_is_taken_and_grows_later(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, 1000);

	rekey(x);
	fixture_install(x, large_pool());
	assert_int_equal(ek_table_mask(table(x)) + 1, 16384);
	assert_int_equal(flows_moved(x, owner, 0, 1000), 0);
	settle_all(x);
	fixture_install(x, large_pool());
	assert_int_equal(ek_table_mask(table(x)) + 1, 32768);
	free(owner);
}

static void a_pool_that_shrinks_keeps_its_table(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, large_pool());
	settle_all(x);
	fixture_install(x, four);
	assert_int_equal(ek_table_mask(table(x)) + 1, 32768);
	assert_int_equal(old_table(x), 0);
}

static void there_and_back_again_moves_no_flow(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, 2000), *between;

	fixture_install(x, source);
	between = begin_flows(x, 2000, 2000);
	assert_int_equal(flows_moved(x, old, 0, 2000), 0);
	settle_all(x); /* those were idle: now they are other flows */
	for (unsigned int i = 0; i < 2000; i++)
		old[i] = data(x, i);
	fixture_install(x, five_tuple);
	assert_int_equal(flows_moved(x, old, 0, 2000), 0);
	settle_all(x);
	free(old);
	free(between);
}

static void the_old_tables_region_is_free_when_all_has_settled(void **state)
{
	struct fixture *x = *state;

	/* Eight tables of this size fit: were one kept each time, the fifth would not. */
	for (unsigned int i = 0; i < 12; i++) {
		rekey(x);
		settle_all(x);
	}
}

/* A packet that finds the listeners from before the switch, or from after it, in front of a table
 * of the other kind: the switch of tables and that of listeners are two stores. */
static void tables_and_listeners_may_be_of_different_moments(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, 2000);
	uint64_t before = x->dp->global->directory, after;

	fixture_install(x, source);
	after = x->dp->global->directory;
	assert_true(before != after);
	x->dp->global->directory = before;
	assert_int_equal(flows_moved(x, old, 0, 2000), 0);
	x->dp->global->directory = after;
	assert_int_equal(flows_moved(x, old, 0, 2000), 0);
	settle_all(x);
	for (unsigned int i = 0; i < 2000; i++)
		old[i] = data(x, i);
	x->dp->global->directory = before;
	assert_int_equal(flows_moved(x, old, 0, 2000), 0);
	x->dp->global->directory = after;
	free(old);
}

static void a_controller_that_dies_before_the_switch_leaves_the_old_table_in_force(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, 2000);
	uint64_t was = table(x);

	x->dp->services[0].old_table = was; /* stored; the switch never came */
	assert_int_equal(flows_moved(x, owner, 0, 2000), 0);
	fixture_install(x, four); /* what the next controller does first */
	assert_int_equal(table(x), was);
	assert_int_equal(flows_moved(x, owner, 0, 2000), 0);
	fixture_install(x, source); /* and the change once more */
	assert_int_equal(old_table(x), was);
	assert_int_equal(flows_moved(x, owner, 0, 2000), 0);
	settle_all(x);
	x->dp->services[0].old_table = table(x);
	settle(x, now_s() + 1);
	fixture_install(x, source);
	settle(x, now_s() + 2);
	assert_int_equal(old_table(x), 0);
	free(owner);
}

#define TWO(hash)                                                                                  \
	"services:\n"                                                                              \
	"  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    hash: " hash "\n"                     \
	"    backends: { " ABCD " }\n"                                                             \
	"  other:\n    listen: [\"203.0.113.11:443/tcp\"]\n    hash: " hash "\n"                   \
	"    backends: { " ABCD " }\n"

/* One service is switched, the other not, the listeners neither. */
static void a_controller_that_dies_between_two_services_leaves_each_whole(void **state)
{
	struct fixture *x = *state;
	struct ek_service before, after;
	uint64_t directory;
	uint32_t *owner;

	fixture_install(x, TWO("5-tuple"));
	owner = begin_flows(x, 0, 2000);
	before = x->dp->services[1];
	directory = x->dp->global->directory;
	fixture_install(x, TWO("source"));
	after = x->dp->services[1];
	x->dp->services[1] = before;
	x->dp->global->directory = directory;
	assert_int_equal(flows_moved(x, owner, 0, 2000), 0);
	x->dp->services[1].old_table = before.table;
	fixture_install(x, TWO("source")); /* the next controller goes on */
	assert_int_equal(flows_moved(x, owner, 0, 2000), 0);
	assert_int_equal(x->dp->services[1].old_table, before.table);
	assert_true(ek_table_flavour(after.table) == ek_table_flavour(x->dp->services[1].table));
	free(owner);
}

static void a_rekey_that_was_begun_is_finished_by_the_next_change(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, 2000);

	x->dp->global->keys[1] = (struct ek_key){ { 5, 6 } };
	x->dp->global->key_index = 1;
	assert_int_equal(flows_moved(x, owner, 0, 2000), 0);
	fixture_install(x, four);
	assert_int_equal(ek_flavour_key(ek_table_flavour(table(x))), 1);
	assert_int_equal(x->dp->global->key.words[1], 6);
	assert_int_equal(flows_moved(x, owner, 0, 2000), 0);
	free(owner);
}

static void a_leaving_backend_waits_for_its_flows_in_the_old_table(void **state)
{
	struct fixture *x = *state;
	uint32_t leaving = index_of(x, "d"), of_leaving = flow_of(x, leaving);
	struct dp_settled s;

	fixture_install(x, source);
	install_ago(x, HASHED("source", WEB_ABC), DRAIN_S - 2);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(data(x, of_leaving), leaving);
		assert_int_equal(settle(x, now_s()).backends_gone, 0);
	}
	s = settle(x, now_s() + 5);
	assert_true(s.slots_broken > 0);
	assert_int_not_equal(data(x, of_leaving), leaving);
	settle(x, now_s() + 5);
	settle(x, now_s() + 5);
	settle(x, now_s() + 5);
	assert_int_equal(x->dp->backend_ids[leaving].used, 0);
}

static void explain_says_what_the_data_path_does_with_a_flow_of_the_old_table(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, 500);

	fixture_install(x, three);
	for (unsigned int i = 500; i < 1000; i++)
		syn(x, i);
	fixture_install(x, HASHED("source-dest", WEB_ABC));
	for (unsigned int i = 0; i < 1000; i++) {
		struct dp_explanation e = explain_flow(x, i);

		assert_int_equal(e.known_backend, data(x, i));
		assert_true(e.def < x->dp->sizes.backends);
	}
	free(old);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_larger_table_moves_no_flow),
		CLAIM(another_hash_choice_moves_no_flow),
		CLAIM(another_key_moves_no_flow_and_neither_does_the_next),
		CLAIM(an_old_udp_flow_stays_when_the_hash_changes),
		CLAIM(a_change_of_the_hash_amid_another_change_moves_no_flow),
		CLAIM(a_flow_remembered_under_the_old_table_keeps_its_service_from_settling),
		CLAIM(changes_of_the_pool_go_on_while_the_old_table_is_looked_up),
		CLAIM(flows_that_begin_while_both_tables_agree_stay_when_the_owner_changes),
		CLAIM(a_second_change_of_the_hash_is_refused_with_what_is_left),
		CLAIM(a_pool_that_outgrows_its_table_meanwhile_is_taken_and_grows_later),
		CLAIM(a_pool_that_shrinks_keeps_its_table),
		CLAIM(there_and_back_again_moves_no_flow),
		CLAIM(the_old_tables_region_is_free_when_all_has_settled),
		CLAIM(tables_and_listeners_may_be_of_different_moments),
		CLAIM(a_controller_that_dies_before_the_switch_leaves_the_old_table_in_force),
		CLAIM(a_controller_that_dies_between_two_services_leaves_each_whole),
		CLAIM(a_rekey_that_was_begun_is_finished_by_the_next_change),
		CLAIM(a_leaving_backend_waits_for_its_flows_in_the_old_table),
		CLAIM(explain_says_what_the_data_path_does_with_a_flow_of_the_old_table),
	};

	return cmocka_run_group_tests_name("rebuild", tests, NULL, NULL);
}
