// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <math.h>
#include <netinet/in.h>

#include "evenkeel/hash.h"

#define SLOTS 65536u

static const struct ek_key keys[] = {
	{ { 0x0123456789abcdef, 0xfedcba9876543210 } },
	{ { 0, 0 } }, /* bad luck, but nothing may break */
	{ { 1, 0 } },
	{ { 0xffffffffffffffff, 0xffffffffffffffff } },
	{ { 0x5851f42d4c957f2d, 0x14057b7ef767814f } },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static struct ek_addr ipv4(uint32_t a)
{
	struct ek_addr addr = {};

	addr.be16[5] = 0xffff;
	addr.be32[3] = htonl(a);
	return addr;
}

static struct ek_addr ipv6(uint32_t network, uint64_t host)
{
	struct ek_addr addr = {};

	addr.be32[0] = htonl(0x20010db8);
	addr.be32[1] = htonl(network);
	addr.be32[2] = htonl(host >> 32);
	addr.be32[3] = htonl(host);
	return addr;
}

/* A flow by its number: what clients look like, many ports of few addresses or few of many. */
struct pattern {
	const char *name;
	struct ek_addr (*address)(uint32_t flow);
	uint16_t (*port)(uint32_t flow);
};

static struct ek_addr one_ipv4(uint32_t flow)
{
	return ipv4(0xc6336407 + (flow >> 16));
}
static struct ek_addr many_ipv4(uint32_t flow)
{
	return ipv4(0x0a000000 + flow);
}
static struct ek_addr spaced_ipv4(uint32_t flow)
{
	return ipv4(flow << 8 | 1);
}
static struct ek_addr one_ipv6(uint32_t flow)
{
	return ipv6(1, 7 + (flow >> 16));
}
static struct ek_addr many_ipv6(uint32_t flow)
{
	return ipv6(1, flow);
}
static struct ek_addr ipv6_networks(uint32_t flow)
{
	return ipv6(flow, 1);
}
static uint16_t any_port(uint32_t flow)
{
	return flow;
}
static uint16_t same_port(uint32_t flow)
{
	return 40000;
}

static const struct pattern patterns[] = {
	{ "IPv4, all ports of a few addresses", one_ipv4, any_port },
	{ "IPv4, neighbouring addresses, one port", many_ipv4, same_port },
	{ "IPv4, one address of each network", spaced_ipv4, same_port },
	{ "IPv6, all ports of a few addresses", one_ipv6, any_port },
	{ "IPv6, neighbouring addresses, one port", many_ipv6, same_port },
	{ "IPv6, one address of each network", ipv6_networks, same_port },
};
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static uint64_t flow_hash(const struct pattern *p, uint32_t flow, struct ek_key key, uint64_t salt)
{
	struct ek_addr a = p->address(flow);

	return ek_flow_hash(key, &a, htons(p->port(flow)), salt);
}

/* Chi-square of counts over 65536 cells has mean 65535 and standard deviation 362. Far too
 * even is as suspicious as too uneven only where flows are random; these are sequences, so
 * just the upper side is judged, at 5 deviations. */
static void assert_even(const uint32_t *counts, uint32_t total, const char *what, int bits)
{
	double expected = (double)total / SLOTS, chi = 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		chi += (counts[i] - expected) * (counts[i] - expected) / expected;
	if (chi > SLOTS - 1 + 5 * 362)
		fail_msg("%s, bits %d and on: chi-square %.0f of %u", what, bits, chi, SLOTS - 1);
}

static void flows_spread_evenly_over_slots(void **state)
{
	static uint32_t counts[SLOTS];
	static const int shifts[] = { 0, 20, 48 }; /* slots, flow buckets, fingerprints */
	uint32_t flows = 16 * SLOTS;

	for (size_t p = 0; p < PATTERNS; p++) {
		for (size_t i = 0; i < KEYS * 3; i++) {
			struct ek_key key = keys[i / 3];
			struct ek_addr vip = ipv4(0xcb00710a);
			uint64_t salt = ek_listener_salt(key, &vip, htons(443), IPPROTO_TCP,
							 EK_HASH_5TUPLE);

			memset(counts, 0, sizeof(counts));
			for (uint32_t f = 0; f < flows; f++)
				counts[flow_hash(&patterns[p], f, key, salt) >> shifts[i % 3] &
				       (SLOTS - 1)]++;
			assert_even(counts, flows, patterns[p].name, shifts[i % 3]);
		}
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void ipv4_sources_and_ports_never_collide(void **state)
{
	uint32_t count = 1u << 19;
	uint64_t *hashes = calloc(count, sizeof(*hashes));

	assert_non_null(hashes);
	for (size_t k = 0; k < KEYS; k++) {
		for (uint32_t i = 0; i < count; i++) {
			struct ek_addr a = ipv4(0x0a000000 + (i >> 12) * 65537);

			hashes[i] = ek_flow_hash(keys[k], &a, htons(i & 4095), 0x1234);
		}
		qsort(hashes, count, sizeof(*hashes), by_value);
		for (uint32_t i = 1; i < count; i++)
			assert_true(hashes[i - 1] != hashes[i]);
	}
	free(hashes);
}

static void ipv6_sources_and_ports_do_not_collide_by_pattern(void **state)
{
	uint32_t count = 1u << 18;
	uint64_t *hashes = calloc(count, sizeof(*hashes));

	assert_non_null(hashes);
	for (uint32_t i = 0; i < count; i++) {
		/* host and port count in step: where they could cancel each other */
		struct ek_addr a = ipv6(i >> 12, (uint64_t)(i >> 6 & 63) << 48);

		hashes[i] = ek_flow_hash(keys[0], &a, htons(i & 63), 0);
	}
	qsort(hashes, count, sizeof(*hashes), by_value);
	for (uint32_t i = 1; i < count; i++)
		assert_true(hashes[i - 1] != hashes[i]);
	free(hashes);
}

/* Flips input bit `bit`: 0..15 the port, from 16 on the last bytes of the address. */
static uint64_t hash_flipped(const struct pattern *p, uint32_t flow, int bit)
{
	struct ek_addr a = p->address(flow);
	uint16_t port = htons(p->port(flow));

	if (bit < 16)
		port ^= 1u << bit;
	else
		a.bytes[15 - (bit - 16) / 8] ^= 1u << (bit - 16) % 8;
	return ek_flow_hash(keys[0], &a, port, 99);
}

static void a_flipped_bit_of_a_flow_flips_half_of_its_hash(void **state)
{
	uint32_t rounds = 4096;

	for (size_t p = 0; p < PATTERNS; p += 3) { /* one of each family */
		int bits = patterns[p].address == one_ipv4 ? 16 + 32 : 16 + 96;

		for (int bit = 0; bit < bits; bit++) {
			uint32_t flips[64] = {};

			for (uint32_t i = 0; i < rounds; i++) {
				uint32_t flow = i * 2654435761u;
				uint64_t diff = flow_hash(&patterns[p], flow, keys[0], 99) ^
						hash_flipped(&patterns[p], flow, bit);

				for (int o = 0; o < 64; o++)
					flips[o] += diff >> o & 1;
			}
			/* 2048 on average; the hash is not cryptographic: 35 to 65 % will do */
			for (int o = 0; o < 64; o++)
				if (flips[o] < rounds * 35 / 100 || flips[o] > rounds * 65 / 100)
					fail_msg("%s: bit %d flips bit %d in %u of %u",
						 patterns[p].name, bit, o, flips[o], rounds);
		}
	}
}

/* Drawn keys, as installations have them, and keys that differ in one bit of the first word. (In
 * the second word the lowest bits reach few bits of a slot: keys must be drawn, not counted.) */
static struct ek_key other_key(int round)
{
	struct ek_key key = keys[0];

	if (round < 64)
		key.words[0] ^= 1ull << round;
	else
		key = (struct ek_key){ { ek_mix(round, 1), ek_mix(round, 2) } };
	return key;
}

static void different_keys_give_unrelated_slots(void **state)
{
	for (size_t p = 0; p < PATTERNS; p++) {
		for (int round = 0; round < 128; round++) {
			struct ek_key other = other_key(round);
			uint32_t same = 0;

			for (uint32_t f = 0; f < 16384; f++)
				same += ((flow_hash(&patterns[p], f, keys[0], 5) ^
					  flow_hash(&patterns[p], f, other, 5)) &
					 255) == 0;
			/* 64 by chance, +- 8; a related key would give hundreds or none */
			if (same < 16 || same > 130)
				fail_msg("%s, key %d: %u of 16384 flows in the same of 256 slots",
					 patterns[p].name, round, same);
		}
	}
}

static void the_port_matters_in_both_families(void **state)
{
	struct ek_addr four = ipv4(0x0a000001), six = ipv6(1, 1);

	assert_true(ek_flow_hash(keys[0], &four, htons(1), 0) !=
		    ek_flow_hash(keys[0], &four, htons(2), 0));
	assert_true(ek_flow_hash(keys[0], &six, htons(1), 0) !=
		    ek_flow_hash(keys[0], &six, htons(2), 0));
}

static void hash_kind_5_tuple_tells_listeners_apart(void **state)
{
	struct ek_addr a = ipv4(0xcb00710a), b = ipv4(0xcb00710b);
	uint64_t salt = ek_listener_salt(keys[0], &a, htons(443), IPPROTO_TCP, EK_HASH_5TUPLE);

	assert_true(salt != ek_listener_salt(keys[0], &b, htons(443), IPPROTO_TCP, EK_HASH_5TUPLE));
	assert_true(salt != ek_listener_salt(keys[0], &a, htons(444), IPPROTO_TCP, EK_HASH_5TUPLE));
	assert_true(salt != ek_listener_salt(keys[0], &a, htons(443), IPPROTO_UDP, EK_HASH_5TUPLE));
	assert_true(salt != ek_listener_salt(keys[4], &a, htons(443), IPPROTO_TCP, EK_HASH_5TUPLE));
}

static void hash_kind_source_dest_looks_at_the_address_only(void **state)
{
	struct ek_addr a = ipv4(0xcb00710a), b = ipv4(0xcb00710b);
	uint64_t salt = ek_listener_salt(keys[0], &a, htons(443), IPPROTO_TCP, EK_HASH_SOURCE_DEST);

	assert_int_equal(salt, ek_listener_salt(keys[0], &a, htons(80), IPPROTO_UDP,
						EK_HASH_SOURCE_DEST));
	assert_true(salt !=
		    ek_listener_salt(keys[0], &b, htons(443), IPPROTO_TCP, EK_HASH_SOURCE_DEST));
}

static void hash_kind_source_is_the_same_for_all_listeners(void **state)
{
	struct ek_addr a = ipv4(0xcb00710a), b = ipv6(1, 2);

	assert_int_equal(ek_listener_salt(keys[0], &a, htons(443), IPPROTO_TCP, EK_HASH_SOURCE),
			 ek_listener_salt(keys[0], &b, htons(80), IPPROTO_UDP, EK_HASH_SOURCE));
}

static void the_same_source_goes_to_unrelated_slots_of_two_listeners(void **state)
{
	struct ek_addr a = ipv4(0xcb00710a), b = ipv4(0xcb00710b);
	uint64_t salt_a = ek_listener_salt(keys[0], &a, htons(443), IPPROTO_TCP, EK_HASH_5TUPLE);
	uint64_t salt_b = ek_listener_salt(keys[0], &b, htons(443), IPPROTO_TCP, EK_HASH_5TUPLE);

	for (size_t p = 0; p < PATTERNS; p++) {
		uint32_t same = 0;

		for (uint32_t f = 0; f < 16384; f++)
			same += ((flow_hash(&patterns[p], f, keys[0], salt_a) ^
				  flow_hash(&patterns[p], f, keys[0], salt_b)) &
				 255) == 0;
		assert_in_range(same, 16, 130); /* 64 by chance */
	}
}

/* The data path and every earlier version compute these very numbers. */
static void known_flows_have_known_hashes(void **state)
{
	struct ek_addr four = ipv4(0xc6336407), six = ipv6(7, 9), vip = ipv4(0xcb00710a);
	uint64_t salt = ek_listener_salt(keys[0], &vip, htons(443), IPPROTO_TCP, EK_HASH_5TUPLE);

	assert_int_equal(salt, 0x5d98a0034f4b5661);
	assert_int_equal(ek_flow_hash(keys[0], &four, htons(40000), salt), 0xe332524dc30bfd4a);
	assert_int_equal(ek_flow_hash(keys[0], &six, htons(40000), salt), 0xa3edde1325ba29a9);
	assert_int_equal(ek_directory_hash(&vip, htons(443), IPPROTO_TCP, 1), 0x5bb9cf5ce2e67bc9);
}

static void listeners_spread_over_directory_buckets(void **state)
{
	static uint8_t counts[8192];
	uint64_t word = ek_directory_word(0, 1 << 15, 1 << 13, 0);

	memset(counts, 0, sizeof(counts));
	for (uint32_t i = 0; i < 16384; i++) {
		struct ek_addr a = ipv4(0xcb007100 + i / 4);
		uint64_t h = ek_directory_hash(&a, htons(443 + i % 4), IPPROTO_TCP, 0);

		counts[ek_directory_bucket(h, word)]++;
	}
	for (size_t i = 0; i < 8192; i++)
		assert_in_range(counts[i], 0, 14); /* Poisson with mean 2: beyond 14 is 1 in 10^8 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_spread_evenly_over_slots),
		cmocka_unit_test(ipv4_sources_and_ports_never_collide),
		cmocka_unit_test(ipv6_sources_and_ports_do_not_collide_by_pattern),
		cmocka_unit_test(a_flipped_bit_of_a_flow_flips_half_of_its_hash),
		cmocka_unit_test(different_keys_give_unrelated_slots),
		cmocka_unit_test(the_port_matters_in_both_families),
		cmocka_unit_test(hash_kind_5_tuple_tells_listeners_apart),
		cmocka_unit_test(hash_kind_source_dest_looks_at_the_address_only),
		cmocka_unit_test(hash_kind_source_is_the_same_for_all_listeners),
		cmocka_unit_test(the_same_source_goes_to_unrelated_slots_of_two_listeners),
		cmocka_unit_test(known_flows_have_known_hashes),
		cmocka_unit_test(listeners_spread_over_directory_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
