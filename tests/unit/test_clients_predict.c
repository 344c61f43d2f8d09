// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "balance_case.h"
#include "lib/cleanup.h"
#include "lib/clients_predict.h"

#define SLOTS 16384u
#define BACKENDS 4
#define WEB 3

static uint32_t owners[SLOTS];
static const struct ek_key key = { { 0x1234, 0x5678 } };

static int setup(void **state)
{
	struct clients *c;

	for (uint32_t i = 0; i < SLOTS; i++)
		owners[i] = i % BACKENDS;
	*state = clients_open(&c, 16384, 60, 7) ? NULL : c;
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	clients_close(*state);
	return 0;
}

static void add(struct clients *c, uint32_t client, uint16_t port)
{
	clients_add(c, &(struct client_packet){ .client = case_addr(client),
						.dest = case_addr(1u << 20),
						.service = WEB,
						.sport = htons(port),
						.dport = htons(443),
						.proto = IPPROTO_TCP,
						.syn = port % 2,
						.at_s = 1,
						.packets = 2,
						.bytes = 1000 });
	clients_end_second(c);
}

static uint32_t predict(const struct clients *c, enum ek_hash_kind hash,
			struct client_load load[BACKENDS])
{
	const struct client_table t = { owners, SLOTS, hash, key };

	for (size_t i = 0; i < BACKENDS; i++)
		load[i] = (struct client_load){};
	return clients_predict(c, WEB, 1, &t, load, BACKENDS);
}

static double most_of(const struct client_load load[BACKENDS])
{
	double most = 0;

	for (size_t i = 0; i < BACKENDS; i++)
		most = load[i].bytes > most ? load[i].bytes : most;
	return most;
}

static void one_proxy_is_spread_by_ports_and_not_by_addresses(void **state)
{
	struct client_load load[BACKENDS];

	for (uint16_t port = 1; port <= 2000; port++)
		add(*state, 1, port);
	assert_int_equal(predict(*state, EK_HASH_5TUPLE, load), 2000);
	assert_true(most_of(load) < 1.2 * 2000 * 1000 / BACKENDS);
	assert_int_equal(predict(*state, EK_HASH_SOURCE, load), 2000);
	assert_true(most_of(load) == 2000 * 1000);
}

static void many_clients_are_spread_by_either(void **state)
{
	struct client_load load[BACKENDS];

	for (uint32_t client = 1; client <= 2000; client++)
		add(*state, client, 40000);
	predict(*state, EK_HASH_SOURCE_DEST, load);
	assert_true(most_of(load) < 1.2 * 2000 * 1000 / BACKENDS);
}

static void packets_bytes_and_flows_are_those_of_the_samples(void **state)
{
	struct client_load load[BACKENDS], sum = {};

	for (uint16_t port = 1; port <= 100; port++)
		add(*state, port, port);
	predict(*state, EK_HASH_5TUPLE, load);
	for (size_t i = 0; i < BACKENDS; i++) {
		sum.packets += load[i].packets;
		sum.bytes += load[i].bytes;
		sum.flows += load[i].flows;
	}
	assert_true(sum.packets == 200 && sum.bytes == 100000 && sum.flows == 100);
}

static void who_has_no_port_is_left_out_where_ports_count(void **state)
{
	struct client_load load[BACKENDS];

	add(*state, 1, 0);
	assert_int_equal(predict(*state, EK_HASH_5TUPLE, load), 0);
	assert_int_equal(predict(*state, EK_HASH_SOURCE, load), 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_proxy_is_spread_by_ports_and_not_by_addresses),
		T(many_clients_are_spread_by_either),
		T(packets_bytes_and_flows_are_those_of_the_samples),
		T(who_has_no_port_is_left_out_where_ports_count),
	};

	return cmocka_run_group_tests_name("clients_predict", tests, NULL, NULL);
}
