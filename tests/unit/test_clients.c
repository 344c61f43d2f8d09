// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "balance_case.h"
#include "lib/cleanup.h"
#include "lib/clients.h"

#define CAPACITY 1200
#define WINDOW_S 60
#define QUOTA (CAPACITY / WINDOW_S)
#define WEB 3
#define DNS 4

static struct clients *opened(void)
{
	struct clients *c = NULL;

	assert_int_equal(clients_open(&c, CAPACITY, WINDOW_S, 0x5eed), 0);
	return c;
}

static void add(struct clients *c, uint32_t service, uint32_t client, uint32_t backend, float bytes,
		uint32_t at_s)
{
	clients_add(c, &(struct client_packet){ .client = case_addr(client),
						.service = service,
						.backend = backend,
						.at_s = at_s,
						.packets = 1,
						.bytes = bytes });
}

static size_t count_of(const struct clients *c, uint32_t now_s)
{
	size_t at = 0, count = 0;

	while (clients_next(c, now_s, &at))
		count++;
	return count;
}

/* Who sent most, by the way of the daemon. */
static int heaviest(const struct clients *c, uint32_t service, uint32_t now_s,
		    struct client_sum *out, size_t most, struct client_total *total)
{
	_cleanup_(client_index_release) struct client_index index = {};
	struct client_view view;

	assert_int_equal(client_index_make(&index, c, now_s), 0);
	view = client_index_view(&index, service);
	return clients_heaviest(&view, out, most, total);
}

static void a_store_of_less_than_one_a_second_is_refused(void **state)
{
	struct clients *c;

	assert_int_equal(clients_open(&c, 59, 60, 1), -EINVAL);
	assert_int_equal(clients_open(&c, 60, 0, 1), -EINVAL);
}

static void what_is_new_is_empty(void **state)
{
	_cleanup_(clients_release) struct clients *c = opened();
	struct client_total total;
	struct client_sum top[2];

	assert_int_equal(count_of(c, 5), 0);
	assert_int_equal(heaviest(c, WEB, 5, top, 2, &total), 0);
	assert_true(total.packets == 0 && total.clients == 0);
}

static void the_heaviest_come_first_with_their_backend(void **state)
{
	_cleanup_(clients_release) struct clients *c = opened();
	struct client_total total;
	struct client_sum top[2];

	add(c, WEB, 1, 10, 100, 7);
	add(c, WEB, 2, 10, 500, 7);
	add(c, WEB, 2, 11, 700, 7);
	add(c, WEB, 2, 10, 400, 7);
	add(c, WEB, 3, 11, 300, 7);
	add(c, DNS, 9, 20, 9999, 7);
	clients_end_second(c);
	assert_int_equal(heaviest(c, WEB, 8, top, 2, &total), 2);
	assert_true(!memcmp(&top[0].client, &(struct ek_addr[]){ case_addr(2) },
			    sizeof(top[0].client)));
	assert_true(top[0].bytes == 1600 && top[0].packets == 3 && top[0].samples == 3);
	assert_int_equal(top[0].backend, 10);
	assert_true(top[0].backend_bytes == 900);
	assert_true(top[1].bytes == 300);
	assert_true(total.bytes == 2000 && total.packets == 5 && total.clients == 3);
}

static void syns_are_flows(void **state)
{
	_cleanup_(clients_release) struct clients *c = opened();
	struct client_packet p = {
		.client = case_addr(1), .service = WEB, .packets = 4, .at_s = 1
	};
	struct client_total total;
	struct client_sum top[1];

	clients_add(c, &p);
	p.syn = true;
	clients_add(c, &p);
	clients_end_second(c);
	assert_int_equal(heaviest(c, WEB, 1, top, 1, &total), 1);
	assert_true(top[0].flows == 4 && total.flows == 4 && total.packets == 8);
}

/* Of a busy second a part is kept, and stands for all of it. */
static void it_is_bounded_and_its_weights_add_up(void **state)
{
	_cleanup_(clients_release) struct clients *c = opened();
	struct client_total total;
	struct client_sum top[1];

	for (uint32_t s = 1; s <= 3 * WINDOW_S; s++) {
		for (unsigned int i = 0; i < 1000; i++)
			add(c, WEB, i, 1, 50, s);
		clients_end_second(c);
	}
	assert_int_equal(count_of(c, 3 * WINDOW_S), CAPACITY);
	heaviest(c, WEB, 3 * WINDOW_S, top, 1, &total);
	assert_true(fabs(total.packets / (1000.0 * WINDOW_S) - 1) < 1e-3);
	assert_true(fabs(total.bytes / (50000.0 * WINDOW_S) - 1) < 1e-3);
	assert_int_equal(total.seconds, WINDOW_S - 1);
}

/* One client in ten of 100,000 packets, whenever in its second it sends: 120 of 1200. */
static void what_is_kept_is_drawn_evenly(void **state)
{
	for (unsigned int from = 0; from < 1000; from += 300) {
		_cleanup_(clients_release) struct clients *c = opened();
		unsigned int kept = 0;
		const struct client_packet *p;
		size_t at = 0;

		for (uint32_t s = 1; s <= WINDOW_S; s++) {
			for (unsigned int i = 0; i < 1000; i++)
				add(c, WEB, 1, i >= from && i < from + 100, 1, s);
			clients_end_second(c);
		}
		while ((p = clients_next(c, WINDOW_S, &at)))
			kept += p->backend;
		assert_in_range(kept, 120 - 5 * 11, 120 + 5 * 11);
	}
}

static void what_is_older_than_the_window_is_forgotten(void **state)
{
	_cleanup_(clients_release) struct clients *c = opened();

	add(c, WEB, 1, 1, 1, 100);
	clients_end_second(c);
	assert_int_equal(count_of(c, 100 + WINDOW_S), 1);
	assert_int_equal(count_of(c, 101 + WINDOW_S), 0);
}

static void a_service_that_ends_is_forgotten(void **state)
{
	bool gone[EK_SERVICES_MAX] = {};
	_cleanup_(clients_release) struct clients *c = opened();

	add(c, WEB, 1, 1, 1, 1);
	add(c, DNS, 1, 1, 1, 1);
	clients_end_second(c);
	gone[WEB] = true;
	clients_forget(c, gone);
	assert_int_equal(count_of(c, 1), 1);
}

static void the_index_has_each_services_packets_and_no_others(void **state)
{
	_cleanup_(clients_release) struct clients *c = opened();
	_cleanup_(client_index_release) struct client_index index = {};
	const uint32_t services[] = { 0, WEB, DNS, EK_SERVICES_MAX - 1 };

	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t k = 0; k <= i; k++)
			add(c, services[i], k, 1, 1, 1 + i);
	clients_end_second(c);
	add(c, WEB, 9, 1, 1, 2 + WINDOW_S); /* the first second is out of the window */
	assert_int_equal(client_index_make(&index, c, 2 + WINDOW_S), 0);
	assert_true(index.seconds == WINDOW_S);
	for (uint32_t i = 0; i < 4; i++) {
		const struct client_view v = client_index_view(&index, services[i]);

		assert_int_equal(v.count, i == 0 ? 0 : i + 1 + (i == 1));
		for (size_t k = 0; k < v.count; k++)
			assert_int_equal(v.packets[k]->service, services[i]);
	}
	assert_int_equal(client_index_view(&index, 1).count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_of_less_than_one_a_second_is_refused),
		cmocka_unit_test(what_is_new_is_empty),
		cmocka_unit_test(the_heaviest_come_first_with_their_backend),
		cmocka_unit_test(syns_are_flows),
		cmocka_unit_test(it_is_bounded_and_its_weights_add_up),
		cmocka_unit_test(what_is_kept_is_drawn_evenly),
		cmocka_unit_test(what_is_older_than_the_window_is_forgotten),
		cmocka_unit_test(a_service_that_ends_is_forgotten),
		cmocka_unit_test(the_index_has_each_services_packets_and_no_others),
	};

	return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
