// SPDX-License-Identifier: GPL-2.0
/* What somebody writes into the maps behind the controller's back is found, named and set right:
 * the real program goes by what is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/drift.h"
#include "flows.h"

static struct {
	unsigned int count;
	char subject[64], text[256];
} told;

static void tell(void *context, const char *subject, const char *text)
{
	told.count++;
	snprintf(told.subject, sizeof(told.subject), "%s", subject);
	snprintf(told.text, sizeof(told.text), "%s", text);
}

static uint32_t slots_wrong; /* in the last look */

/* A whole look; how many findings. */
static unsigned int look(struct fixture *x)
{
	memset(&told, 0, sizeof(told));
	if (dp_drift_global(x->dp, tell, NULL))
		fixture_install(x, four);
	assert_int_equal(dp_drift_backends(x->dp, tell, NULL), 0);
	assert_int_equal(
		dp_drift_service(x->dp, 0, &x->config->services[0], &slots_wrong, tell, NULL), 0);
	return told.count;
}

static void assert_told(struct fixture *x, const char *subject, const char *text)
{
	assert_int_equal(look(x), 1);
	assert_string_equal(told.subject, subject);
	if (!strstr(told.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, told.text);
	assert_int_equal(look(x), 0);
}

static uint64_t *slots(const struct fixture *x)
{
	return &x->dp->slots[ek_table_base(x->dp->services[0].table)];
}

static void what_the_controller_does_is_no_drift(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(look(x), 0);
	install_ago(x, five, 1);
	assert_int_equal(look(x), 0);
	free(begin_flows(x, 0, FLOWS));
	assert_int_equal(look(x), 0);
	settle(x, now_s() + 1);
	assert_int_equal(look(x), 0);
	fixture_install(x, three);
	dp_backend_down(x->dp, index_of(x, "a"), now_s());
	assert_int_equal(look(x), 0);
	fixture_install(x, three);
	assert_int_equal(look(x), 0);
	settle(x, now_s() + 2 * IDLE_S);
	settle(x, now_s() + 2 * DRAIN_S);
	settle(x, now_s() + 2 * DRAIN_S + 1);
	assert_int_equal(look(x), 0);
	fixture_path_remove(x, index_of(x, "b"));
	assert_int_equal(look(x), 0);
}

static void a_slot_with_another_owner_is_given_back(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS), one = index_of(x, "a");
	uint64_t *at = slots(x), before = at[77];

	for (unsigned int i = 0; i < 1000; i++)
		at[i] = ek_slot_word(one, one, 0, 0);
	assert_true(flows_moved(x, owner, 0, FLOWS) > 0);
	assert_int_equal(look(x), 1);
	assert_in_range(slots_wrong, 1, 1000);
	assert_string_equal(told.subject, "web");
	assert_non_null(strstr(told.text, " of its 16384 slots were not as they had been left"));
	assert_int_equal(at[77], before);
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	assert_int_equal(look(x), 0);
	free(owner);
}

static void owners_in_another_order_are_seen(void **state)
{
	struct fixture *x = *state;
	uint64_t *at = slots(x), first;
	unsigned int other = 1;

	while (at[other] == at[0])
		other++;
	first = at[0];
	at[0] = at[other];
	at[other] = first;
	assert_told(x, "web", "2 of its 16384 slots");
	assert_int_equal(slots_wrong, 0);
	assert_int_equal(at[0], first);
}

static void an_unsettled_slot_keeps_its_default(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS), d = index_of(x, "d");
	uint64_t *at;
	unsigned int i = 0;

	install_ago(x, three, 1);
	at = slots(x);
	while (!(at[i] & EK_SLOT_UNSETTLED) || ek_slot_def(at[i]) != d)
		i++;
	at[i] = ek_slot_word(0xabcdef, d, 1, ek_slot_epoch(at[i]));
	assert_told(x, "web", "1 of its");
	assert_int_equal(ek_slot_def(at[i]), d);
	at[i] = ek_slot_word(ek_slot_cur(at[i]), 0xabcdef, 1, ek_slot_epoch(at[i]));
	assert_told(x, "web", "1 of its");
	assert_int_equal(ek_slot_def(at[i]), ek_slot_cur(at[i]));
	at[i] = ek_slot_word(ek_slot_cur(at[i]), d, 0, 0);
	assert_told(x, "web", "1 of its");
	assert_false(at[i] & EK_SLOT_UNSETTLED);
	assert_true(flows_moved(x, owner, 0, FLOWS) < FLOWS / 100);
	free(owner);
}

static void a_service_record_is_put_back(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS);
	struct ek_service *s = &x->dp->services[0], before = *s;

	s->table = ek_table_word(5, 256, ek_table_flavour(s->table));
	assert_true(flows_moved(x, owner, 0, FLOWS) > 0);
	assert_told(x, "web", "its record named the table");
	s->table = 0;
	assert_told(x, "web", "its record named the table 0, not");
	s->old_table = before.table;
	assert_told(x, "web", "old table");
	s->idle_s = 1;
	assert_told(x, "web", "an idle time of 1 s, not 40 s");
	s->quic = 0x201;
	assert_told(x, "web", "servers' numbers at 0x201, not 0");
	s->flags = 0x80;
	assert_told(x, "web", "flags 0x80, not");
	assert_memory_equal(s, &before, sizeof(before));
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	free(owner);
}

static void a_backend_entry_is_put_back(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS), d = index_of(x, "d");
	struct ek_backend *b = &x->dp->backends[d], before = *b;

	b->path[0].header[33] ^= 1; /* the outer destination's last byte */
	assert_told(x, "web/d", "the way to it was not as it had been set");
	b->path[0].flags = 0;
	assert_told(x, "web/d", "the way to it");
	b->path[0].flags |= EK_PATH_SECOND;
	assert_told(x, "web/d", "the way to it");
	b->path[0].flags |= EK_PATH_DEAD;
	assert_told(x, "web/d", "it is not down, and was passed over");
	assert_memory_equal(&b->path[0], &before.path[0], sizeof(before.path[0]));
	dp_backend_down(x->dp, d, now_s());
	b->path[0].flags &= (uint8_t)~EK_PATH_DEAD;
	assert_told(x, "web/d", "it is down, and was sent packets");
	dp_backend_up(x->dp, d);
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	free(owner);
}

static void a_capacity_is_put_back(void **state)
{
	static const char held[] =
		WEB_HEAD "    backends: { " WEB_ABC ", d: { address: 10.0.0.4, capacity: 700 } }\n";
	struct fixture *x = *state;
	uint32_t a = index_of(x, "a"), d = index_of(x, "d");

	x->dp->capacities[a].flows = 5;
	assert_told(x, "web/a",
		    "its capacity was 5 new flows and 0 packets of UDP a second, not 0 and 0");
	x->dp->backends[a].path[0].flags |= EK_PATH_CAPACITY;
	assert_told(x, "web/a", "it has no capacity, and was held to one");
	fixture_install(x, held);
	assert_int_equal(look(x), 0);
	x->dp->capacities[d].flows_spent_ns = 12345; /* the data path's own */
	assert_int_equal(look(x), 0);
	x->dp->capacities[d].packets = 9;
	assert_told(x, "web/d", "700 new flows and 9 packets of UDP a second, not 700 and 0");
	x->dp->capacities[d].flows = 0;
	assert_told(x, "web/d", "its capacity was 0 new flows");
	x->dp->backends[d].path[0].flags &= (uint8_t)~EK_PATH_CAPACITY;
	assert_told(x, "web/d", "it has a capacity, and was not held to it");
	assert_int_equal(x->dp->capacities[d].flows, 700);
	assert_true(x->dp->backends[d].path[0].flags & EK_PATH_CAPACITY);
}

static void the_global_record_is_put_back(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS);
	struct ek_global *g = x->dp->global, before = *g;

	g->key.words[1] ^= 1;
	assert_true(flows_moved(x, owner, 0, FLOWS) > 0);
	assert_told(x, "global record", "its key was not");
	g->directory = ek_directory_word(3, 16, 4, 1);
	assert_int_equal(look(x), 1);
	assert_non_null(strstr(told.text, "its directory was not"));
	g->flags ^= EK_GLOBAL_NAT;
	assert_told(x, "global record", "its flags was not");
	g->keys[0].words[0] = 0;
	assert_told(x, "global record", "its keys was not");
	assert_memory_equal(g, &before, sizeof(before));
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	free(owner);
}

static void listeners_are_laid_out_anew(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS);
	uint64_t word = x->dp->global->directory;
	uint32_t first = ek_directory_region(word) ? EK_DIRECTORY_ENTRIES : 0;

	for (uint32_t i = 0; i <= ek_directory_entry_mask(word); i++)
		x->dp->directory[first + i].service ^= 1;
	assert_told(x, "listeners", "was not as it had been laid out");
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	x->dp->displacement[ek_directory_region(x->dp->global->directory) ? EK_DIRECTORY_BUCKETS
									  : 0] ^= 7;
	assert_told(x, "listeners", "was not as it had been laid out");
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	free(owner);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_controller_does_is_no_drift),
		TEST(a_slot_with_another_owner_is_given_back),
		TEST(owners_in_another_order_are_seen),
		TEST(an_unsettled_slot_keeps_its_default),
		TEST(a_service_record_is_put_back),
		TEST(a_backend_entry_is_put_back),
		TEST(a_capacity_is_put_back),
		TEST(the_global_record_is_put_back),
		TEST(listeners_are_laid_out_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
