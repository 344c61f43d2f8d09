// SPDX-License-Identifier: GPL-2.0
/* Connections that are found by their servers' numbers, while pools and numbers change. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "flows.h"
#include "quic_case.h"

#define HEAD                                                                                       \
	"services:\n"                                                                              \
	"  q:\n"                                                                                   \
	"    listen: [\"203.0.113.10:443/udp\", \"[2001:db8::10]:443/udp\"]\n"                     \
	"    idle_time: 40\n"
#define DRAIN "    drain_time: 100\n"
#define LONG_DRAIN "    drain_time: 100000\n"
#define A "a: { address: 10.0.0.1, quic_id: 1 }"
#define B "b: { address: 10.0.0.2, quic_id: 2 }"
#define C "c: { address: 10.0.0.3, quic_id: 3 }"
#define D "d: { address: 10.0.0.4, quic_id: 4 }"
#define POOL(members) "    quic: {}\n    backends: { " members " }\n"

static const char three_servers[] = HEAD DRAIN POOL(A ", " B ", " C);
static const char two_servers[] = HEAD DRAIN POOL(A ", " B);
static const char with_d[] = HEAD DRAIN POOL(A ", " B ", " D);
static const char nothing[] = "services:\n"
			      "  other:\n"
			      "    listen: [\"203.0.113.11:443/tcp\"]\n"
			      "    backends: { a: 10.0.0.1 }\n";
#define CLIENTS 16

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	fixture_open(x, three_servers);
	*state = x;
	return 0;
}

/* The backend that a packet of client k goes to whose connection ID has the number. */
static uint32_t send_named(const struct fixture *x, unsigned int k, uint32_t number)
{
	const struct cid cid = { .length = 8, .offset = 1, .size = 2, .number = number };
	struct datagram d;
	char flow[96];

	quic_short(&d, QUIC_SHORT, &cid);
	return quic_send(x, "q", quic_flow(flow, k, 443), &d);
}

/* All that say the number go to the backend. */
static bool names(const struct fixture *x, uint32_t number, uint32_t backend)
{
	unsigned int there = 0;

	for (unsigned int k = 0; k < CLIENTS; k++)
		there += send_named(x, k, number) == backend;
	assert_int_not_equal(backend, EK_NO_BACKEND);
	return there == CLIENTS;
}

/* All that say the number go where they would go without. */
static bool names_nobody(const struct fixture *x, uint32_t number)
{
	unsigned int there = 0;
	char flow[96];

	for (unsigned int k = 0; k < CLIENTS; k++) {
		uint32_t owner = quic_owner(x, "q", quic_flow(flow, k, 443));

		there += send_named(x, k, number) == owner;
	}
	return there == CLIENTS;
}

static uint32_t unsettled(const struct fixture *x)
{
	struct dp_service_view view;
	int service = dp_service_index(x->dp, "q");

	assert_int_equal(dp_service_view(x->dp, (uint32_t)service, &view), 0);
	return view.unsettled;
}

/* ---- a server that is removed --------------------------------------------------------------- */

/* Its slots settle: nothing but its packets tells that it has connections. */
static void a_removed_server_stays_while_it_has_packets(void **state)
{
	struct fixture *x = *state;
	uint32_t c = index_of(x, "c"), at = now_s();

	fixture_install_at(x, HEAD LONG_DRAIN POOL(A ", " B), at);
	for (unsigned int passed = 0; passed <= 400; passed += 20) {
		assert_true(names(x, 3, c));
		assert_int_equal(settle(x, at + passed).backends_gone, 0);
	}
	assert_int_equal(unsettled(x), 0);
	at += 400;
	assert_int_equal(settle(x, at + IDLE_S).quic_ids_left, 1);
	assert_true(names(x, 3, c));
	assert_int_equal(settle(x, at + IDLE_S + 1).quic_ids_left, 1);
	at += IDLE_S + 1;
	assert_int_equal(settle(x, at + IDLE_S).quic_ids_left, 1);
	assert_int_equal(settle(x, at + IDLE_S + 1).quic_ids_left, 0);
	assert_true(names_nobody(x, 3));
	assert_int_equal(settle(x, at + IDLE_S + 2).backends_gone, 1);
	assert_true(names(x, 1, index_of(x, "a")));
	assert_true(names(x, 2, index_of(x, "b")));
}

/* A change counts its times from its end, rounded up to a second. */
static void its_drain_time_ends_that(void **state)
{
	struct fixture *x = *state;
	uint32_t c = index_of(x, "c"), at = now_s();

	fixture_install_at(x, two_servers, at);
	for (unsigned int passed = 0; passed < DRAIN_S; passed += 10) {
		assert_int_equal(settle(x, at + passed).backends_gone, 0);
		assert_true(names(x, 3, c));
	}
	assert_int_equal(settle(x, at + DRAIN_S + 3).quic_ids_left, 0);
	assert_true(names_nobody(x, 3));
	assert_int_equal(settle(x, at + DRAIN_S + 4).backends_gone, 1);
}

static void its_index_is_nobody_elses_meanwhile(void **state)
{
	struct fixture *x = *state;
	uint32_t c = index_of(x, "c"), at = now_s();

	fixture_install_at(x, two_servers, at);
	for (unsigned int passed = 0; passed < 2 * IDLE_S; passed += 10) {
		assert_true(names(x, 3, c));
		settle(x, at + passed);
	}
	assert_int_equal(unsettled(x), 0);
	fixture_install_at(x, with_d, at + 2 * IDLE_S);
	assert_true(names(x, 3, c));
	assert_true(names(x, 4, index_of(x, "d")));
	assert_int_not_equal(index_of(x, "d"), c);
}

static void one_that_is_back_before_that_stays(void **state)
{
	struct fixture *x = *state;
	uint32_t c = index_of(x, "c");

	fixture_install(x, two_servers);
	fixture_install(x, three_servers);
	assert_int_equal(settle(x, now_s() + 10 * DRAIN_S).quic_ids_left, 0);
	assert_true(names(x, 3, c));
}

/* The next controller installs what is in force: it is not told what is leaving. */
static void a_controller_that_returns_goes_on_with_the_drain_time(void **state)
{
	struct fixture *x = *state;
	uint32_t c = index_of(x, "c"), at = now_s();

	fixture_install_at(x, two_servers, at);
	fixture_install_at(x, two_servers, at + DRAIN_S - 10);
	assert_int_equal(settle(x, at + DRAIN_S - 5).quic_ids_left, 1);
	assert_true(names(x, 3, c));
	assert_int_equal(settle(x, at + DRAIN_S + 3).quic_ids_left, 0);
}

static void a_removed_services_numbers_go_at_once(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, nothing);
	assert_int_equal(settle(x, now_s()).quic_ids_left, 0);
	assert_int_equal(settle(x, now_s()).backends_gone, 3);
	fixture_install(x, three_servers);
	assert_true(names(x, 3, index_of(x, "c")));
}

/* ---- slots that are not settled -------------------------------------------------------------- */

static void who_is_named_is_remembered_nowhere(void **state)
{
	struct fixture *x = *state;
	struct dp_service_view view;
	uint64_t *words;
	size_t bytes;

	fixture_install(x, two_servers);
	assert_int_equal(dp_service_view(x->dp, 0, &view), 0);
	assert_true(view.unsettled);
	bytes = view.slots * sizeof(*words);
	words = malloc(bytes);
	memcpy(words, &x->dp->slots[view.base], bytes);
	for (uint32_t number = 1; number <= 3; number++)
		for (unsigned int k = 0; k < 100; k++)
			send_named(x, k, number);
	assert_int_equal(fixture_verdicts(x).stored, 0);
	assert_memory_equal(words, &x->dp->slots[view.base], bytes);
	free(words);
	/* What is not named goes by the rules for UDP. */
	for (unsigned int k = 0; k < 100; k++)
		send_named(x, k, 9);
	assert_in_range(fixture_verdicts(x).stored, 10, 60);
}

/* A flow that is remembered for its addresses does not hold a connection that names another. */
static void a_number_goes_before_what_is_remembered(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, two_servers);
	for (unsigned int k = 0; k < 100; k++)
		send_named(x, k, 9);
	assert_true(fixture_verdicts(x).stored);
	for (unsigned int k = 0; k < 100; k++) {
		assert_int_equal(send_named(x, k, 1), index_of(x, "a"));
		assert_int_equal(send_named(x, k, 3), index_of(x, "c"));
	}
}

static uint32_t send_long(const struct fixture *x, uint8_t first, unsigned int k, uint32_t number)
{
	const struct cid cid = { .length = 8, .offset = 1, .size = 2, .number = number };
	struct datagram d;
	char flow[96];

	quic_long(&d, first, QUIC_V1, &cid);
	return quic_send(x, "q", quic_flow(flow, k, 443), &d);
}

static uint32_t explained(const struct fixture *x, unsigned int k)
{
	struct dp_explanation said;
	struct flow_spec flow;
	const char *why;
	char text[96];

	assert_int_equal(flow_spec_parse(&flow, quic_flow(text, k, 443), &why), 0);
	assert_int_equal(dp_explain(x->dp, &flow, now_s(), &said), 0);
	return said.new_backend;
}

/* UDP's grace period is over for them as soon as it begins; what follows them follows them, whether
 * it names a server or not. */
static void connections_begin_at_the_new_owner_at_once(void **state)
{
	static const uint8_t beginnings[] = { 0xc0, 0xd0 }; /* Initial, 0-RTT */
	struct fixture *x = *state;
	uint32_t c = index_of(x, "c");
	uint64_t stored = 0;

	fixture_install(x, two_servers);
	for (unsigned int k = 0; k < 200; k++) {
		uint32_t said = explained(x, k), went;

		went = send_long(x, beginnings[k / 2 % 2], k, 3);
		assert_int_equal(went, said);
		assert_int_not_equal(went, c);
		assert_int_equal(send_long(x, 0xc0, k, 3), went);
		assert_int_equal(send_long(x, 0xe0, k, 9), went);
		assert_int_equal(send_named(x, k, 9), went);
		stored = fixture_verdicts(x).stored;
	}
	assert_in_range(stored, 30, 110);
	/* Whoever goes on without is taken for an old flow. */
	stored = 0;
	for (unsigned int k = 200; k < 400; k++)
		stored += send_named(x, k, 9) == c;
	assert_in_range(stored, 30, 110);
}

/* ---- other numbers --------------------------------------------------------------------------- */

static void a_server_keeps_its_old_number_for_the_drain_time(void **state)
{
	struct fixture *x = *state;
	uint32_t c = index_of(x, "c"), at = now_s();

	fixture_install_at(x, HEAD DRAIN POOL(A ", " B ", c: { address: 10.0.0.3, quic_id: 7 }"),
			   at);
	assert_true(names(x, 3, c) && names(x, 7, c));
	settle(x, at + IDLE_S + 10); /* quiet, but it is no reason here */
	assert_int_equal(settle(x, at + DRAIN_S - 1).quic_ids_left, 1);
	assert_true(names(x, 3, c) && names(x, 7, c));
	assert_int_equal(settle(x, at + DRAIN_S + 3).quic_ids_left, 0);
	assert_true(names_nobody(x, 3) && names(x, 7, c));
}

static void a_number_that_another_server_has_now_names_that(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, HEAD DRAIN POOL(A ", " B ", d: { address: 10.0.0.4, quic_id: 3 }"));
	assert_true(names(x, 3, index_of(x, "d")));
	assert_int_equal(settle(x, now_s()).quic_ids_left, 0);
	fixture_install(x, HEAD DRAIN POOL("a: { address: 10.0.0.1, quic_id: 2 }, "
					   "b: { address: 10.0.0.2, quic_id: 1 }"));
	assert_true(names(x, 1, index_of(x, "b")) && names(x, 2, index_of(x, "a")));
}

static void another_layout_is_in_force_at_once(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, HEAD DRAIN "    quic: { offset: 0, length: 3 }\n    backends: { " A
				      ", b: { address: 10.0.0.2, quic_id: 15597571 }, " C " }\n");
	assert_int_equal(settle(x, now_s()).quic_ids_left, 0);
	assert_true(names_nobody(x, 1));
	assert_true(names(x, 3, index_of(x, "b"))); /* 15597571 is 0xee0003 */
}

static void without_quic_connection_ids_are_nothing(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, HEAD "    backends: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 }\n");
	assert_int_equal(settle(x, now_s()).quic_ids_left, 0);
	assert_true(names_nobody(x, 3));
	fixture_install(x, three_servers);
	assert_true(names(x, 3, index_of(x, "c")));
}

/* ---- no room --------------------------------------------------------------------------------- */

static char *many_servers(uint32_t first_number)
{
	size_t size = 64 * 1024, length;
	char *yaml = malloc(size);

	length = (size_t)snprintf(yaml, size, "%s    quic: {}\n    backends:\n", HEAD);
	for (uint32_t i = 0; i < 400; i++)
		length += (size_t)snprintf(yaml + length, size - length,
					   "      s%u: { address: 10.0.%u.%u, quic_id: %u }\n", i,
					   1 + i / 200, 1 + i % 200, first_number + i);
	return yaml;
}

static int install_many(struct fixture *x, uint32_t first_number, char error[static DP_ERROR_MAX])
{
	char *yaml = many_servers(first_number);
	struct diag d = { .file = "test.yaml" };
	struct dp_install_result result;
	struct config *c = NULL;
	int err;

	assert_int_equal(config_parse(&c, yaml, strlen(yaml), &d), 0);
	err = dp_install(x->dp, c, now_s(), &result, error);
	diag_release(&d);
	config_free(c);
	free(yaml);
	return err;
}

/* 1024 are known at once. What is refused has changed nothing. */
static void more_numbers_than_there_is_room_for_are_refused(void **state)
{
	char error[DP_ERROR_MAX] = "";
	struct fixture *x = *state;

	fixture_install(x, nothing);
	assert_int_equal(install_many(x, 1000, error), 0);
	assert_int_equal(install_many(x, 2000, error), 0);
	assert_int_equal(install_many(x, 2399, error), -ENOSPC);
	assert_non_null(strstr(error, "quic: 399 more servers' numbers"));
	fixture_paths(x);
	assert_true(names(x, 2399, index_of(x, "s399")));
	assert_true(names_nobody(x, 2400));
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, flows_teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_removed_server_stays_while_it_has_packets),
		EACH(its_drain_time_ends_that),
		EACH(its_index_is_nobody_elses_meanwhile),
		EACH(one_that_is_back_before_that_stays),
		EACH(a_controller_that_returns_goes_on_with_the_drain_time),
		EACH(a_removed_services_numbers_go_at_once),
		EACH(who_is_named_is_remembered_nowhere),
		EACH(a_number_goes_before_what_is_remembered),
		EACH(connections_begin_at_the_new_owner_at_once),
		EACH(a_server_keeps_its_old_number_for_the_drain_time),
		EACH(a_number_that_another_server_has_now_names_that),
		EACH(another_layout_is_in_force_at_once),
		EACH(without_quic_connection_ids_are_nothing),
		EACH(more_numbers_than_there_is_room_for_are_refused),
	};

	return cmocka_run_group_tests_name("quic changes", tests, NULL, NULL);
}
