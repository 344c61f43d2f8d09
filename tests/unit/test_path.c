// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>

#include "lib/addr.h"
#include "lib/path.h"

static struct ek_addr address(const char *text)
{
	struct ek_addr a = {};
	const char *why = NULL;

	if (addr_parse(&a, text, &why))
		fail_msg("%s: refused: %s", text, why);
	return a;
}

static struct path_hop hop_from(const char *source)
{
	return (struct path_hop){
		.source_mac = { 2, 0, 0, 0, 0, 1 },
		.dest_mac = { 2, 0, 0, 0, 0, 2 },
		.ifindex = 7,
		.mtu = 1500,
		.source = address(source),
	};
}

static struct ek_path path_to(enum ek_forward forward, const char *backend, const char *source)
{
	struct path_hop hop = hop_from(source);
	struct ek_addr to = address(backend);
	struct ek_path p;

	memset(&p, 0xff, sizeof(p));
	assert_int_equal(path_build(&p, forward, &to, &hop), 0);
	assert_int_equal(p.flags, EK_PATH_NEXT_HOP);
	assert_int_equal(p.egress, 7);
	assert_int_equal(p.mtu, 1500);
	return p;
}

static void l2_changes_the_ethernet_addresses_only(void **state)
{
	static const uint8_t expected[54] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	struct ek_path four = path_to(EK_FORWARD_L2, "10.0.1.1", "10.0.0.9");
	struct ek_path six = path_to(EK_FORWARD_L2, "2001:db8::1", "10.0.0.9");

	assert_int_equal(four.encap, EK_ENCAP_L2);
	assert_memory_equal(four.header, expected, sizeof(expected));
	assert_int_equal(six.encap, EK_ENCAP_L2);
	assert_memory_equal(six.header, expected, sizeof(expected));
}

static void ipip_to_ipv4_has_a_whole_outer_header(void **state)
{
	static const uint8_t expected[54] = {
		2,  0, 0,    0,    0,    2, 2, 0, 0, 0,
		0,  1, 0x08, 0x00, 0x45, 0, 0, 0, /* version 4, 5 words; length to be filled in */
		0,  0, 0x40, 0,                   /* DF */
		64, 0, 0,    0,                   /* TTL; protocol and checksum to be filled in */
		10, 0, 0,    9,    10,   0, 1, 1,
	};
	struct ek_path p = path_to(EK_FORWARD_IPIP, "10.0.1.1", "10.0.0.9");

	assert_int_equal(p.encap, EK_ENCAP_IPV4);
	assert_memory_equal(p.header, expected, sizeof(expected));
}

static void ipip_to_ipv6_has_a_whole_outer_header(void **state)
{
	static const uint8_t
		expected[54] = {
			2,    0, 0,   0,    0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0,
			0,    0,          /* version 6 */
			0,    0, 0,   64, /* length and next header to be filled in; hop limit */
			0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0,    9,
			0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0,    1,    0,    1,
		};
	struct ek_path p = path_to(EK_FORWARD_IPIP, "2001:db8::1:1", "2001:db8::9");

	assert_int_equal(p.encap, EK_ENCAP_IPV6);
	assert_memory_equal(p.header, expected, sizeof(expected));
}

/* RFC 791: the checksum over a header with a right checksum is 0xffff before inversion. */
static uint16_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void the_partial_checksum_completes_to_a_right_one(void **state)
{
	static const char *const backends[] = { "10.0.1.1", "255.255.255.254", "1.0.0.1" };

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		struct ek_path p = path_to(EK_FORWARD_IPIP, backends[i], "192.0.2.255");
		uint8_t *ip = p.header + 14;
		uint32_t sum = p.csum;
		uint16_t words[2], check;

		ip[2] = 0x05; /* as the data path will: length 1400, protocol 41 */
		ip[3] = 0x78;
		ip[9] = 41;
		memcpy(&words[0], ip + 2, 2);
		words[1] = 0;
		memcpy((uint8_t *)&words[1] + 1, ip + 9, 1);
		sum += words[0] + words[1];
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		check = ~sum;
		memcpy(ip + 10, &check, 2);
		assert_int_equal(sum_of(ip, 20), 0xffff);
	}
}

static void gue_adds_udp_to_the_outer_header(void **state)
{
	struct ek_path ipip = path_to(EK_FORWARD_IPIP, "10.0.1.1", "10.0.0.9");
	struct ek_path four = path_to(EK_FORWARD_GUE, "10.0.1.1", "10.0.0.9");
	struct ek_path six = path_to(EK_FORWARD_GUE, "2001:db8::1:1", "2001:db8::9");

	assert_int_equal(four.encap, EK_ENCAP_GUE_IPV4);
	assert_int_equal(four.header[14 + 9], 17);
	four.header[14 + 9] = 0;
	assert_memory_equal(four.header, ipip.header, sizeof(ipip.header));
	assert_int_equal(six.encap, EK_ENCAP_GUE_IPV6 | EK_ENCAP_GUE_CHECKSUM);
	assert_int_equal(six.header[14 + 6], 17);
}

static void gue_options_are_part_of_the_path(void **state)
{
	struct path_hop four = hop_from("10.0.0.9"), six = hop_from("2001:db8::9");
	struct ek_addr to4 = address("10.0.1.1"), to6 = address("2001:db8::1");
	struct ek_path p;

	four.gue = six.gue = EK_GUE_VARIANT_0 | EK_GUE_NO_CHECKSUM;
	assert_int_equal(path_build(&p, EK_FORWARD_GUE, &to4, &four), 0);
	assert_int_equal(p.encap, EK_ENCAP_GUE_IPV4 | EK_ENCAP_GUE_HEADER);
	assert_int_equal(path_build(&p, EK_FORWARD_GUE, &to6, &six), 0);
	assert_int_equal(p.encap, EK_ENCAP_GUE_IPV6 | EK_ENCAP_GUE_HEADER);
	assert_int_equal(path_build(&p, EK_FORWARD_GUE, &to6, &four), -EINVAL);
	assert_int_equal(path_build(&p, EK_FORWARD_IPIP, &to4, &four), 0);
	assert_int_equal(p.encap, EK_ENCAP_IPV4); /* not for ipip */
}

static void a_source_prefix_leaves_its_host_bits_to_the_flow(void **state)
{
	static const struct {
		const char *prefix;
		uint8_t bits;
		uint16_t mask; /* of the last 16 bits */
	} rows[] = {
		{ "192.0.2.0", 24, 0x00ff },   { "192.0.2.128", 25, 0x007f },
		{ "192.0.2.4", 31, 1 },        { "192.0.2.7", 32, 0 },
		{ "198.18.0.0", 16, 0xffff },  { "10.0.0.0", 8, 0xffff },
		{ "10.0.0.9", 0, 0 },          { "2001:db8::", 64, 0xffff },
		{ "2001:db8::", 112, 0xffff }, { "2001:db8::", 113, 0x7fff },
		{ "2001:db8::7", 128, 0 },     { "2001:db8::7", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct path_hop hop = hop_from(rows[i].prefix);
		bool ipv4 = addr_is_ipv4(&hop.source);
		struct ek_addr to = address(ipv4 ? "10.0.1.1" : "2001:db8::1:1");
		size_t at = ipv4 ? EK_PATH_MASK_IPV4 : EK_PATH_MASK_IPV6;
		struct ek_path p;

		hop.source_bits = rows[i].bits;
		assert_int_equal(path_build(&p, EK_FORWARD_IPIP, &to, &hop), 0);
		assert_int_equal(p.header[at] << 8 | p.header[at + 1], rows[i].mask);
	}
}

static void families_of_source_and_backend_must_agree(void **state)
{
	struct path_hop four = hop_from("10.0.0.9"), six = hop_from("2001:db8::9");
	struct ek_addr to4 = address("10.0.1.1"), to6 = address("2001:db8::1");
	struct ek_path p, before;

	memset(&p, 0x5a, sizeof(p));
	before = p;
	assert_int_equal(path_build(&p, EK_FORWARD_IPIP, &to6, &four), -EINVAL);
	assert_int_equal(path_build(&p, EK_FORWARD_IPIP, &to4, &six), -EINVAL);
	assert_int_equal(path_build(&p, EK_FORWARD_NONE, &to4, &four), -EINVAL);
	assert_memory_equal(&p, &before, sizeof(p));
	assert_int_equal(path_build(&p, EK_FORWARD_L2, &to4, &six), 0); /* has no outer source */
}

static void an_mtu_beyond_16_bits_is_the_largest_there_is(void **state)
{
	struct path_hop hop = hop_from("10.0.0.9");
	struct ek_addr to = address("10.0.1.1");
	struct ek_path p;

	hop.mtu = 65536; /* lo has it */
	assert_int_equal(path_build(&p, EK_FORWARD_IPIP, &to, &hop), 0);
	assert_int_equal(p.mtu, 65535);
}

static void overhead_is_the_outer_header(void **state)
{
	struct ek_addr four = address("10.0.1.1"), six = address("2001:db8::1");

	assert_int_equal(path_overhead(EK_FORWARD_IPIP, 0, &four), 20);
	assert_int_equal(path_overhead(EK_FORWARD_IPIP, 0, &six), 40);
	assert_int_equal(path_overhead(EK_FORWARD_GUE, 0, &four), 28);
	assert_int_equal(path_overhead(EK_FORWARD_GUE, 0, &six), 48);
	assert_int_equal(path_overhead(EK_FORWARD_GUE, EK_GUE_VARIANT_0, &four), 32);
	assert_int_equal(path_overhead(EK_FORWARD_GUE, EK_GUE_VARIANT_0, &six), 52);
	assert_int_equal(path_overhead(EK_FORWARD_GUE, EK_GUE_NO_CHECKSUM, &six), 48);
	assert_int_equal(path_overhead(EK_FORWARD_L2, 0, &four), 0);
	assert_int_equal(path_overhead(EK_FORWARD_L2, 0, &six), 0);
}

static void nat_changes_ethernet_and_has_the_new_destination_beside_it(void **state)
{
	static const uint8_t ethernet[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	static const char *const backends[] = { "10.0.1.1", "2001:db8::1" };

	for (size_t i = 0; i < 2; i++) {
		struct path_hop hop = hop_from("10.0.0.9"); /* of no matter */
		struct ek_addr to = address(backends[i]);
		struct ek_end end;
		struct ek_path p;

		hop.port = 8443;
		assert_int_equal(path_build(&p, EK_FORWARD_NAT, &to, &hop), 0);
		assert_int_equal(p.encap, EK_ENCAP_NAT);
		assert_memory_equal(p.header, ethernet, sizeof(ethernet));
		memcpy(&end, p.header + EK_PATH_END, sizeof(end));
		assert_true(addr_equal(&end.addr, &to));
		assert_int_equal(end.port, htons(8443));
		assert_int_equal(end.ipv6, i);
		assert_int_equal(path_overhead(EK_FORWARD_NAT, 0, &to), 0);
	}
}

static const struct {
	enum ek_forward forward;
	const char *backend, *source;
} ways[] = {
	{ EK_FORWARD_L2, "10.0.1.1", "10.0.0.9" },
	{ EK_FORWARD_IPIP, "10.0.1.1", "10.0.0.9" },
	{ EK_FORWARD_IPIP, "2001:db8::1:1", "2001:db8::9" },
	{ EK_FORWARD_GUE, "10.0.1.1", "10.0.0.9" },
	{ EK_FORWARD_GUE, "2001:db8::1:1", "2001:db8::9" },
	{ EK_FORWARD_NAT, "10.0.1.1", "10.0.0.9" },
};

/* The path with a tag is the path without, but for the type's two bytes and the flags. */
static void expect_tag(size_t way, uint16_t type, uint8_t flags)
{
	struct ek_path plain = path_to(ways[way].forward, ways[way].backend, ways[way].source);
	struct path_hop hop = hop_from(ways[way].source);
	struct ek_addr to = address(ways[way].backend);
	struct ek_path p;

	hop.tag_type = type;
	hop.tag = 0xabc;
	hop.vlan_strip =
		true; /* says what becomes of the packet's own tags, which are gone anyway */
	assert_int_equal(path_build(&p, ways[way].forward, &to, &hop), 0);
	assert_int_equal(p.flags, EK_PATH_NEXT_HOP | EK_PATH_TAGGED | flags);
	assert_int_equal(p.header[12], 0x0a);
	assert_int_equal(p.header[13], 0xbc);
	memcpy(p.header + 12, plain.header + 12, 2);
	p.flags = plain.flags;
	assert_memory_equal(&p, &plain, sizeof(p));
}

static void a_tag_stands_in_the_place_of_the_type(void **state)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		expect_tag(i, 0x8100, 0);
		expect_tag(i, 0x88a8, EK_PATH_SERVICE_TAG);
	}
}

static void vlan_0_is_a_tag_too(void **state)
{
	struct path_hop hop = hop_from("10.0.0.9");
	struct ek_addr to = address("10.0.1.1");
	struct ek_path p;

	hop.tag_type = 0x8100;
	assert_int_equal(path_build(&p, EK_FORWARD_IPIP, &to, &hop), 0);
	assert_int_equal(p.flags, EK_PATH_NEXT_HOP | EK_PATH_TAGGED);
	assert_int_equal(p.header[12] | p.header[13], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_stands_in_the_place_of_the_type),
		cmocka_unit_test(vlan_0_is_a_tag_too),
		cmocka_unit_test(l2_changes_the_ethernet_addresses_only),
		cmocka_unit_test(nat_changes_ethernet_and_has_the_new_destination_beside_it),
		cmocka_unit_test(ipip_to_ipv4_has_a_whole_outer_header),
		cmocka_unit_test(ipip_to_ipv6_has_a_whole_outer_header),
		cmocka_unit_test(the_partial_checksum_completes_to_a_right_one),
		cmocka_unit_test(gue_adds_udp_to_the_outer_header),
		cmocka_unit_test(gue_options_are_part_of_the_path),
		cmocka_unit_test(a_source_prefix_leaves_its_host_bits_to_the_flow),
		cmocka_unit_test(families_of_source_and_backend_must_agree),
		cmocka_unit_test(an_mtu_beyond_16_bits_is_the_largest_there_is),
		cmocka_unit_test(overhead_is_the_outer_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
