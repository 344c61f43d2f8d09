// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "balance_case.h"
#include "lib/cleanup.h"
#include "lib/heavy.h"

#define CAPACITY 64
#define CLIENTS 2000

static struct heavy *opened(uint32_t capacity)
{
	struct heavy *h = NULL;

	assert_int_equal(heavy_open(&h, capacity, 0x5eed), 0);
	return h;
}

static const struct heavy_item *item_of(const struct heavy *h, uint32_t client, uint32_t backend)
{
	const struct heavy_item *items;
	size_t count = heavy_items(h, &items);
	struct ek_addr addr = case_addr(client);

	for (size_t i = 0; i < count; i++)
		if (items[i].backend == backend && !memcmp(&items[i].client, &addr, sizeof(addr)))
			return &items[i];
	return NULL;
}

/* Adds `n` packets of Zipf clients and keeps the truth in `truth`. */
static void add_zipf(struct heavy *h, double *truth, unsigned int n, uint64_t *seed)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t client = case_zipf(seed, CLIENTS);
		struct ek_addr addr = case_addr(client);
		double weight = 64 + case_random(seed) * 1400;

		heavy_add(h, &addr, 1, weight);
		truth[client] += weight;
	}
}

static void assert_bounds(const struct heavy *h, const double *truth)
{
	double total = heavy_total(h), sum = 0, squares, largest, true_squares = 0;
	const struct heavy_item *items;
	size_t count = heavy_items(h, &items);

	for (size_t i = 0; i < count; i++)
		sum += items[i].weight;
	assert_true(fabs(sum - total) < 1e-6 * total);
	for (uint32_t c = 0; c < CLIENTS; c++) {
		const struct heavy_item *item = item_of(h, c, 1);

		true_squares += truth[c] / total * (truth[c] / total);
		if (truth[c] > total / CAPACITY)
			assert_non_null(item);
		if (!item)
			continue;
		assert_true(item->weight >= truth[c] * (1 - 1e-9));
		assert_true(item->weight - item->error <= truth[c] * (1 + 1e-9));
	}
	heavy_spread(h, &squares, &largest);
	assert_true(squares >= true_squares * (1 - 1e-9));
}

static void an_item_is_within_its_error_and_no_heavy_client_is_missing(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		_cleanup_(heavy_release) struct heavy *h = opened(CAPACITY);
		double truth[CLIENTS] = { 0 };
		uint64_t random = seed;

		for (int second = 0; second < 20; second++) {
			add_zipf(h, truth, 500, &random);
			assert_bounds(h, truth);
			heavy_decay(h, 0.9);
			for (uint32_t c = 0; c < CLIENTS; c++)
				truth[c] *= 0.9;
		}
	}
}

static void a_client_counts_apart_at_each_backend(void **state)
{
	_cleanup_(heavy_release) struct heavy *h = opened(CAPACITY);
	struct ek_addr addr = case_addr(7);

	heavy_add(h, &addr, 1, 10);
	heavy_add(h, &addr, 2, 5);
	heavy_add(h, &addr, 1, 1);
	assert_true(item_of(h, 7, 1)->weight == 11);
	assert_true(item_of(h, 7, 2)->weight == 5);
	assert_null(item_of(h, 7, 3));
	assert_true(heavy_samples(h) == 3);
}

static void what_ceased_is_forgotten(void **state)
{
	_cleanup_(heavy_release) struct heavy *h = opened(CAPACITY);
	struct ek_addr old = case_addr(1), young = case_addr(2);
	const struct heavy_item *items;

	for (int i = 0; i < 1000; i++)
		heavy_add(h, &old, 1, 1);
	for (int second = 0; second < 60; second++) {
		heavy_decay(h, 0.8);
		heavy_add(h, &young, 1, 1);
	}
	assert_true(item_of(h, 2, 1)->weight > 100 * item_of(h, 1, 1)->weight);
	for (int second = 0; second < 200; second++)
		heavy_decay(h, 0.8);
	assert_int_equal(heavy_items(h, &items), 0);
	assert_true(heavy_total(h) == 0);
}

static void the_spread_counts_equals(void **state)
{
	_cleanup_(heavy_release) struct heavy *h = opened(CAPACITY);
	double squares, largest;

	heavy_spread(h, &squares, &largest);
	assert_true(squares == 1 && largest == 1);
	for (uint32_t c = 0; c < 50; c++) {
		struct ek_addr addr = case_addr(c);

		heavy_add(h, &addr, 1, 3);
	}
	heavy_spread(h, &squares, &largest);
	assert_true(fabs(squares - 1.0 / 50) < 1e-12);
	assert_true(fabs(largest - 1.0 / 50) < 1e-12);
}

static void impossible_capacities_are_refused(void **state)
{
	struct heavy *h = NULL;

	assert_int_equal(heavy_open(&h, 0, 1), -EINVAL);
	assert_int_equal(heavy_open(&h, HEAVY_CAPACITY_MAX + 1, 1), -EINVAL);
	assert_null(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_is_within_its_error_and_no_heavy_client_is_missing),
		cmocka_unit_test(a_client_counts_apart_at_each_backend),
		cmocka_unit_test(what_ceased_is_forgotten),
		cmocka_unit_test(the_spread_counts_equals),
		cmocka_unit_test(impossible_capacities_are_refused),
	};

	return cmocka_run_group_tests_name("heavy", tests, NULL, NULL);
}
