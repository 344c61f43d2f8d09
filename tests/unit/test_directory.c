// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "evenkeel/hash.h"
#include "lib/directory.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Both regions of each map. The maps are live memory that another layout was in: dirty. */
static struct ek_listener entries[2 * EK_DIRECTORY_ENTRIES];
static uint16_t displacement[2 * EK_DIRECTORY_BUCKETS];
static struct ek_listener listeners[EK_DIRECTORY_MAX + 1];
static uint64_t word;

static struct ek_listener listener4(uint32_t ipv4, uint16_t port, uint8_t proto, uint32_t service)
{
	struct ek_listener l = { .port = htons(port), .proto = proto, .service = service };

	l.addr.be16[5] = 0xffff;
	l.addr.be32[3] = htonl(ipv4);
	l.salt = 7ull * service;
	return l;
}

static struct ek_listener listener6(uint32_t low, uint16_t port, uint8_t proto, uint32_t service)
{
	struct ek_listener l = { .port = htons(port), .proto = proto, .service = service };

	l.addr.be32[0] = htonl(0x20010db8);
	l.addr.be32[3] = htonl(low);
	return l;
}

static int dirty_everything(void **state)
{
	memset(entries, 0xff, sizeof(entries));
	memset(displacement, 0xff, sizeof(displacement));
	word = 0;
	return 0;
}

/* What large installations look like: neighbouring addresses, few ports, both protocols and
 * families. All distinct. */
static void make_listeners(size_t count)
{
	static const uint16_t ports[] = { 80, 443, 53, 8443 };

	for (size_t i = 0; i < count; i++) {
		uint16_t port = ports[i / 4 % 4];
		uint8_t proto = i / 2 % 2 ? IPPROTO_UDP : IPPROTO_TCP;

		listeners[i] = i % 2 ? listener6(i / 16, port, proto, i)
				     : listener4(0xcb007100 + i / 16, port, proto, i);
	}
}

static const struct ek_listener *find(const struct ek_listener *l)
{
	return directory_find(entries, displacement, word, &l->addr, l->port, l->proto);
}

static void assert_all_found(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ek_listener *found = find(&listeners[i]);

		assert_non_null(found);
		assert_memory_equal(found, &listeners[i], sizeof(*found));
	}
}

static void every_listener_is_found_in_dirty_memory(void **state)
{
	static const size_t counts[] = { 1, 2, 3, 8, 9, 100, 1000, 4095, 8193, EK_DIRECTORY_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		make_listeners(counts[i]);
		assert_int_equal(
			directory_build(entries, displacement, &word, listeners, counts[i], 0), 0);
		assert_all_found(counts[i]);
	}
}

static void what_is_nearly_a_listener_is_not_found(void **state)
{
	size_t count = 1000;

	make_listeners(count);
	assert_int_equal(directory_build(entries, displacement, &word, listeners, count, 0), 0);
	for (size_t i = 0; i < count; i++) {
		struct ek_listener near = listeners[i];

		near.port ^= htons(4096);
		assert_null(find(&near));
		near = listeners[i];
		near.addr.bytes[12] ^= 0x80;
		assert_null(find(&near));
		near = listeners[i];
		near.addr.bytes[4] ^= 1;
		assert_null(find(&near));
		near = listeners[i];
		near.proto = IPPROTO_ICMP;
		assert_null(find(&near));
		near.proto = 0;
		assert_null(find(&near));
	}
}

static void an_empty_directory_finds_nothing(void **state)
{
	struct ek_listener nothing = {};

	assert_int_equal(directory_build(entries, displacement, &word, NULL, 0, 0), 0);
	assert_true(word >> 63);
	listeners[0] = listener4(0xcb007101, 80, IPPROTO_TCP, 0);
	assert_null(find(&listeners[0]));
	assert_null(find(&nothing)); /* equals an empty entry */
	for (size_t i = 0; i <= ek_directory_entry_mask(word); i++)
		assert_int_equal(entries[i].proto, 0);
}

static void the_order_of_listeners_does_not_matter(void **state)
{
	size_t count = 777;
	uint64_t first_word;
	_Static_assert(sizeof(struct ek_listener) == 32, "no padding to compare");
	struct ek_listener *first = calloc(2048, sizeof(*first));

	assert_non_null(first);
	make_listeners(count);
	assert_int_equal(directory_build(entries, displacement, &first_word, listeners, count, 0),
			 0);
	memcpy(first, entries, 2048 * sizeof(*first));
	for (size_t i = 0; i < count / 2; i++) {
		struct ek_listener swap = listeners[i];

		listeners[i] = listeners[count - 1 - i];
		listeners[count - 1 - i] = swap;
	}
	dirty_everything(NULL);
	assert_int_equal(directory_build(entries, displacement, &word, listeners, count, 0), 0);
	assert_int_equal(word, first_word);
	assert_memory_equal(entries, first, 2048 * sizeof(*first));
	free(first);
}

static void sizes_follow_the_count_and_nothing_beyond_is_written(void **state)
{
	static const struct {
		size_t count;
		uint32_t entries, buckets;
	} rows[] = {
		{ 0, 16, 1 },        { 8, 16, 4 },        { 9, 32, 4 },
		{ 1000, 2048, 512 }, { 1025, 4096, 512 }, { EK_DIRECTORY_MAX, 32768, 8192 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		dirty_everything(NULL);
		make_listeners(rows[i].count);
		assert_int_equal(directory_build(entries, displacement, &word, listeners,
						 rows[i].count, 0),
				 0);
		assert_int_equal(ek_directory_entry_mask(word) + 1, rows[i].entries);
		assert_int_equal(ek_directory_bucket_mask(word) + 1, rows[i].buckets);
		assert_true(rows[i].entries <= EK_DIRECTORY_ENTRIES);
		assert_true(rows[i].buckets <= EK_DIRECTORY_BUCKETS);
		if (rows[i].entries < EK_DIRECTORY_ENTRIES)
			assert_int_equal(entries[rows[i].entries].proto, 0xff);
		assert_int_equal(displacement[rows[i].buckets], 0xffff);
	}
}

static void the_word_names_the_region_and_the_other_one_is_not_written(void **state)
{
	make_listeners(5);
	for (unsigned int region = 0; region < 2; region++) {
		size_t other = !region;

		dirty_everything(NULL);
		assert_int_equal(
			directory_build(entries, displacement, &word, listeners, 5, region), 0);
		assert_int_equal(ek_directory_region(word), region);
		assert_int_equal(directory_first_entry(word), region * EK_DIRECTORY_ENTRIES);
		assert_all_found(5);
		for (size_t i = 0; i < EK_DIRECTORY_ENTRIES; i++)
			assert_int_equal(entries[other * EK_DIRECTORY_ENTRIES + i].proto, 0xff);
		for (size_t i = 0; i < EK_DIRECTORY_BUCKETS; i++)
			assert_int_equal(displacement[other * EK_DIRECTORY_BUCKETS + i], 0xffff);
	}
}

static void the_same_listener_twice_is_refused(void **state)
{
	make_listeners(50);
	listeners[49] = listeners[3];
	listeners[49].service = 1234;
	listeners[49].salt = 99;
	assert_int_equal(directory_build(entries, displacement, &word, listeners, 50, 0), -EEXIST);
	assert_int_equal(word, 0);
	assert_int_equal(entries[0].proto, 0xff);
	assert_int_equal(displacement[0], 0xffff);
}

static void too_many_listeners_are_refused(void **state)
{
	make_listeners(EK_DIRECTORY_MAX + 1);
	assert_int_equal(directory_build(entries, displacement, &word, listeners,
					 EK_DIRECTORY_MAX + 1, 0),
			 -E2BIG);
	assert_int_equal(word, 0);
	assert_int_equal(entries[0].proto, 0xff);
}

/* The first seeds fail for some sets (two listeners that always meet): another is taken. */
static void some_sets_need_another_seed(void **state)
{
	bool reseeded = false;

	for (uint32_t round = 0; round < 40; round++) {
		for (uint32_t i = 0; i < 512; i++)
			listeners[i] =
				listener4(ek_mix(i, round), ek_mix(i, ~round), IPPROTO_TCP, i);
		assert_int_equal(directory_build(entries, displacement, &word, listeners, 512, 0),
				 0);
		assert_all_found(512);
		reseeded |= (uint32_t)word != 0;
	}
	assert_true(reseeded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_listener_is_found_in_dirty_memory, dirty_everything),
		cmocka_unit_test_setup(what_is_nearly_a_listener_is_not_found, dirty_everything),
		cmocka_unit_test_setup(an_empty_directory_finds_nothing, dirty_everything),
		cmocka_unit_test_setup(the_order_of_listeners_does_not_matter, dirty_everything),
		cmocka_unit_test(sizes_follow_the_count_and_nothing_beyond_is_written),
		cmocka_unit_test(the_word_names_the_region_and_the_other_one_is_not_written),
		cmocka_unit_test_setup(the_same_listener_twice_is_refused, dirty_everything),
		cmocka_unit_test_setup(too_many_listeners_are_refused, dirty_everything),
		cmocka_unit_test_setup(some_sets_need_another_seed, dirty_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
