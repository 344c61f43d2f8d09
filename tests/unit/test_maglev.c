// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>

#include "evenkeel/hash.h"
#include "lib/maglev.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MEMBERS_MAX 1001

static const struct ek_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

/* Big, hence not on the stack; each test writes them before it reads them. */
static struct maglev_member pool[MEMBERS_MAX], rest[MEMBERS_MAX];
static uint32_t table[EK_TABLE_SLOTS_MAX], other[EK_TABLE_SLOTS_MAX];
static uint32_t owned[MEMBERS_MAX + 1];

static struct maglev_member member(uint32_t ipv4, uint32_t weight, uint32_t index)
{
	struct maglev_member m = { .weight = weight, .index = index };

	m.addr.be16[5] = 0xffff;
	m.addr.be32[3] = htonl(ipv4);
	return m;
}

/* 10.0.0.0 and the following, indexes from 1. */
static void pool_equal(size_t count, uint32_t weight)
{
	for (size_t i = 0; i < count; i++)
		pool[i] = member(0x0a000000 + i, weight, i + 1);
}

static void pool_weighted(size_t count, uint64_t seed, uint32_t weight_max)
{
	for (size_t i = 0; i < count; i++)
		pool[i] = member(0x0a000000 + i, 1 + ek_mix(seed, i + 1) % weight_max, i + 1);
}

static void count_owned(uint32_t slots, size_t count)
{
	memset(owned, 0, sizeof(owned));
	for (uint32_t s = 0; s < slots; s++) {
		assert_in_range(table[s], 1, count);
		owned[table[s]]++;
	}
}

/* Every member's slots are its share to within one slot. */
static void assert_exact(uint32_t slots, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += pool[i].weight;
	assert_int_equal(maglev_fill(table, slots, pool, count, key), 0);
	count_owned(slots, count);
	for (size_t i = 0; i < count; i++) {
		int64_t off = (int64_t)(owned[i + 1] * sum) - (int64_t)slots * pool[i].weight;

		if (llabs(off) > (int64_t)sum)
			fail_msg("member %zu of %zu, weight %u: %u of %u slots", i, count,
				 pool[i].weight, owned[i + 1], slots);
	}
}

static void shares_equal_weights_to_within_one_slot(void **state)
{
	static const struct {
		size_t count;
		uint32_t weights[4];
	} rows[] = {
		{ 1, { 7 } },
		{ 2, { 1, 10 } },
		{ 2, { 65535, 1 } },
		{ 2, { 1, 1 } },
		{ 3, { 1, 1, 1 } },
		{ 4, { 100, 100, 100, 65535 } },
		{ 4, { 97, 1, 1, 1 } },
		{ 4, { 100, 100, 100, 100000 } }, /* beyond what a file may say */
	};

	for (uint32_t slots = EK_TABLE_SLOTS_MIN; slots <= EK_TABLE_SLOTS_MAX; slots *= 2) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			for (size_t j = 0; j < rows[i].count; j++)
				pool[j] = member(0x0a000000 + j, rows[i].weights[j], j + 1);
			assert_exact(slots, rows[i].count);
		}
	}
}

static void random_weights_get_exact_shares_too(void **state)
{
	static const size_t counts[] = { 5, 40, 163, 655 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		pool_weighted(counts[i], 11 + i, 10);
		assert_exact(maglev_size(counts[i]), counts[i]);
		pool_weighted(counts[i], 23 + i, 1000);
		for (size_t j = 0; j < counts[i]; j++)
			pool[j].weight += 50; /* shares of one slot at least */
		assert_exact(maglev_size(counts[i]), counts[i]);
	}
}

static void one_to_ten_is_not_half_to_half(void **state)
{
	pool[0] = member(0x0a000001, 1, 1);
	pool[1] = member(0x0a000002, 10, 2);
	assert_int_equal(maglev_fill(table, 4096, pool, 2, key), 0);
	count_owned(4096, 2);
	assert_int_equal(owned[1], 372); /* 4096 / 11 = 372.4 */
	assert_int_equal(owned[2], 3724);
}

static void nobody_with_a_weight_starves(void **state)
{
	pool_equal(1000, 1);
	pool[1000] = member(0x0b000000, EK_WEIGHT_MAX, 1001);
	assert_int_equal(maglev_fill(table, 4096, pool, 1001, key), 0);
	count_owned(4096, 1001);
	for (size_t i = 1; i <= 1000; i++)
		assert_int_equal(owned[i], 1);
	assert_int_equal(owned[1001], 3096);
}

static void small_tables_are_filled_whatever_their_size(void **state)
{
	for (uint32_t slots = 1; slots <= 4096; slots *= 2) {
		pool_weighted(100, slots, 50);
		assert_int_equal(maglev_fill(table, slots, pool, 100, key), 0);
		count_owned(slots, 100);
		for (size_t i = 1; slots >= 128 && i <= 100; i++)
			assert_true(owned[i]);
	}
}

static void quotas_are_what_the_table_holds(void **state)
{
	static uint32_t quota[100];
	uint32_t sum = 0;

	pool_weighted(100, 5, 65535);
	pool[7].weight = 0;
	assert_int_equal(maglev_quotas(quota, pool, 100, 16384), 0);
	assert_int_equal(maglev_fill(table, 16384, pool, 100, key), 0);
	count_owned(16384, 100);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(quota[i], owned[i + 1]);
		sum += quota[i];
	}
	assert_int_equal(sum, 16384);
	assert_int_equal(quota[7], 0);
}

static void a_pool_without_weight_owns_nothing(void **state)
{
	uint32_t quota[3] = { 9, 9, 9 };

	pool_equal(3, 0);
	for (size_t count = 0; count <= 3; count += 3) {
		memset(table, 0xff, sizeof(table));
		assert_int_equal(maglev_fill(table, 4096, pool, count, key), 0);
		for (uint32_t s = 0; s < 4096; s++)
			assert_int_equal(table[s], EK_NO_BACKEND);
		assert_int_equal(table[4096], UINT32_MAX); /* nothing beyond is touched */
	}
	assert_int_equal(maglev_quotas(quota, pool, 3, 4096), 0);
	assert_int_equal(quota[0] + quota[1] + quota[2], 0);
}

static void weight_zero_is_as_good_as_absent(void **state)
{
	pool_weighted(20, 3, 100);
	pool[4].weight = 0;
	assert_int_equal(maglev_fill(table, 4096, pool, 20, key), 0);
	memmove(&pool[4], &pool[5], 15 * sizeof(pool[0]));
	assert_int_equal(maglev_fill(other, 4096, pool, 19, key), 0);
	assert_memory_equal(table, other, 4096 * sizeof(table[0]));
}

static void the_order_of_members_does_not_matter(void **state)
{
	static const size_t counts[] = { 2, 3, 10, 100 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		for (uint32_t weights = 1; weights <= 100; weights += 99) {
			size_t n = counts[i];

			pool_weighted(n, 7, weights); /* equal weights: remainders tie */
			assert_int_equal(maglev_fill(table, 4096, pool, n, key), 0);
			for (size_t j = 0; j < n; j++)
				rest[n - 1 - j] = pool[j];
			assert_memory_not_equal(rest, pool, n * sizeof(pool[0]));
			assert_int_equal(maglev_fill(other, 4096, rest, n, key), 0);
			assert_memory_equal(table, other, 4096 * sizeof(table[0]));
		}
	}
}

static void indexes_are_labels_only(void **state)
{
	pool_weighted(50, 9, 100);
	assert_int_equal(maglev_fill(table, 8192, pool, 50, key), 0);
	for (size_t i = 0; i < 50; i++)
		pool[i].index = 5000 - pool[i].index;
	assert_int_equal(maglev_fill(other, 8192, pool, 50, key), 0);
	for (uint32_t s = 0; s < 8192; s++)
		assert_int_equal(other[s], 5000 - table[s]);
}

static void another_key_makes_another_table(void **state)
{
	for (int word = 0; word < 2; word++) {
		struct ek_key changed = key;
		uint32_t same = 0;

		changed.words[word] ^= 1;
		pool_equal(100, 100);
		assert_int_equal(maglev_fill(table, 16384, pool, 100, key), 0);
		assert_int_equal(maglev_fill(other, 16384, pool, 100, changed), 0);
		for (uint32_t s = 0; s < 16384; s++)
			same += table[s] == other[s];
		assert_in_range(same, 100, 230); /* 1 % by chance, 164 +- 13 */
	}
}

/* A fleet of balancers of different versions must agree: a change here is a change of the ABI. */
static void the_table_of_a_known_pool_never_changes(void **state)
{
	uint64_t sum = 0;

	pool_weighted(37, 1, 100);
	assert_int_equal(maglev_fill(table, 4096, pool, 37, key), 0);
	for (uint32_t s = 0; s < 4096; s++)
		sum = (sum ^ table[s]) * 0x100000001b3;
	assert_int_equal(sum, 0x1909f246061582f);
}

/* Slots of `table` that have another owner in `other` though theirs is not member `gone`. */
static uint32_t moved_beyond(uint32_t slots, uint32_t gone)
{
	uint32_t moved = 0;

	for (uint32_t s = 0; s < slots; s++)
		moved += table[s] != gone && table[s] != other[s];
	return moved;
}

struct movement {
	double average, worst; /* percent of all slots */
};

/* Fills `table` from `pool`, and `other` with each `step`-th member removed in turn. */
static struct movement removals(size_t count, uint32_t slots, size_t step, struct ek_key k)
{
	struct movement m = {};
	size_t rounds = 0;

	assert_int_equal(maglev_fill(table, slots, pool, count, k), 0);
	for (size_t gone = 0; gone < count; gone += step, rounds++) {
		double percent;

		memcpy(rest, pool, gone * sizeof(pool[0]));
		memcpy(&rest[gone], &pool[gone + 1], (count - gone - 1) * sizeof(pool[0]));
		assert_int_equal(maglev_fill(other, slots, rest, count - 1, k), 0);
		percent = 100.0 * moved_beyond(slots, pool[gone].index) / slots;
		m.average += percent;
		if (percent > m.worst)
			m.worst = percent;
	}
	m.average /= (double)rounds;
	return m;
}

static void assert_movement(size_t count, uint32_t slots, double average, double worst)
{
	for (uint64_t k = 0; k < 3; k++) {
		struct movement m = removals(count, slots, count > 10 ? count / 10 : 1,
					     (struct ek_key){ { ek_mix(k, 1), ek_mix(k, 2) } });

		if (m.average > average || m.worst > worst)
			fail_msg("%zu members, %u slots: %.3f %% on average, %.3f %% at worst",
				 count, slots, m.average, m.worst);
	}
}

static void removing_one_backend_moves_only_its_share(void **state)
{
	static const size_t counts[] = { 10, 100, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		pool_equal(counts[i], 100);
		assert_movement(counts[i], EK_TABLE_SLOTS_MAX, 0.45, 0.6);
		pool_weighted(counts[i], 3, 100);
		assert_movement(counts[i], EK_TABLE_SLOTS_MAX, 0.45, 0.6);
	}
}

/* What is moved for the quotas' sake grows as slots get fewer, with 1 / sqrt(slots). */
static void removal_is_gentle_in_the_default_sizes_too(void **state)
{
	pool_equal(10, 100);
	assert_movement(10, maglev_size(10), 0.5, 0.8);
	pool_equal(100, 100);
	assert_movement(100, maglev_size(100), 0.5, 0.7);
	pool_equal(1000, 100);
	assert_movement(1000, maglev_size(1000), 0.45, 0.6);
}

static void reweighting_one_backend_moves_little_more_than_the_difference(void **state)
{
	uint32_t moved = 0;
	size_t count = 100;

	pool_equal(count, 100);
	assert_int_equal(maglev_fill(table, 65536, pool, count, key), 0);
	pool[42].weight = 150;
	assert_int_equal(maglev_fill(other, 65536, pool, count, key), 0);
	for (uint32_t s = 0; s < 65536; s++)
		moved += table[s] != other[s];
	/* from 655 to 978 slots: 323 must move; 0.6 % of all are 393 */
	assert_in_range(moved, 322, 323 + 393);
}

/* Corrected weights are in 256ths: a pool where nothing is corrected must not move for that. The
 * largest are 41 bits together with the slots. */
static void the_unit_of_weights_does_not_matter(void **state)
{
	pool_weighted(100, 5, EK_WEIGHT_MAX);
	pool[0].weight = EK_WEIGHT_MAX;
	assert_int_equal(maglev_fill(table, EK_TABLE_SLOTS_MAX, pool, 100, key), 0);
	for (size_t i = 0; i < 100; i++)
		pool[i].weight *= 256;
	assert_int_equal(maglev_fill(other, EK_TABLE_SLOTS_MAX, pool, 100, key), 0);
	assert_memory_equal(table, other, sizeof(table));
}

static void sizes_are_at_least_two_hundred_times_the_backends(void **state)
{
	static const struct {
		size_t members;
		uint32_t slots;
	} rows[] = { { 0, 16384 },   { 1, 16384 },   { 81, 16384 },  { 82, 32768 },
		     { 163, 32768 }, { 164, 65536 }, { 327, 65536 }, { 10000, 65536 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(maglev_size(rows[i].members), rows[i].slots);
}

static void sizes_that_are_no_power_of_two_are_refused(void **state)
{
	static const uint32_t sizes[] = { 0, 3, 4095, 65537, 2 * EK_TABLE_SLOTS_MAX };

	pool_equal(3, 100);
	memset(table, 0xff, sizeof(table));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(maglev_fill(table, sizes[i], pool, 3, key), -EINVAL);
		assert_int_equal(table[0], UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_equal_weights_to_within_one_slot),
		cmocka_unit_test(random_weights_get_exact_shares_too),
		cmocka_unit_test(one_to_ten_is_not_half_to_half),
		cmocka_unit_test(nobody_with_a_weight_starves),
		cmocka_unit_test(small_tables_are_filled_whatever_their_size),
		cmocka_unit_test(quotas_are_what_the_table_holds),
		cmocka_unit_test(a_pool_without_weight_owns_nothing),
		cmocka_unit_test(weight_zero_is_as_good_as_absent),
		cmocka_unit_test(the_order_of_members_does_not_matter),
		cmocka_unit_test(indexes_are_labels_only),
		cmocka_unit_test(another_key_makes_another_table),
		cmocka_unit_test(the_table_of_a_known_pool_never_changes),
		cmocka_unit_test(removing_one_backend_moves_only_its_share),
		cmocka_unit_test(removal_is_gentle_in_the_default_sizes_too),
		cmocka_unit_test(reweighting_one_backend_moves_little_more_than_the_difference),
		cmocka_unit_test(the_unit_of_weights_does_not_matter),
		cmocka_unit_test(sizes_are_at_least_two_hundred_times_the_backends),
		cmocka_unit_test(sizes_that_are_no_power_of_two_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
