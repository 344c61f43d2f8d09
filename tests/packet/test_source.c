// SPDX-License-Identifier: GPL-2.0
/* Outer sources from a prefix: which addresses come out, and that every checksum counts them. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"
#include "lib/addr.h"

#define SERVICE(name, port, forward)                                                               \
	"  " name ":\n"                                                                            \
	"    listen: [\"203.0.113.10:" port "/tcp\", \"[2001:db8::10]:" port "/tcp\"]\n"           \
	"    forward: " forward "\n"

static const char configuration[] =
	"services:\n" SERVICE("ipip4", "14", "ipip") "    backends: { a: 10.0.0.1 }\n" SERVICE("ipip6", "16", "ipip") "    backends: { a: \"fd00::1\" }\n" SERVICE(
		"gue4", "24",
		"gue") "    backends: { a: 10.0.0.1 }\n" SERVICE("gue6", "26",
								 "gue") "    backends: { a: \"fd00::1\" }\n";

/* Ports of the services, by the family of the outer header. */
static const unsigned int services4[] = { 14, 24 }, services6[] = { 16, 26 };

struct row {
	const char *prefix;
	unsigned int bits, distinct; /* of 512 flows at least so many sources */
};

static const struct row rows4[] = {
	{ "192.0.2.0", 24, 200 }, /* 221 expected by chance */
	{ "192.0.2.128", 25, 120 },   { "192.0.2.4", 31, 2 }, { "192.0.2.7", 32, 1 },
	{ "198.18.0.0", 16, 490 },    { "10.0.0.0", 8, 490 }, /* the last 16 bits, no more */
	{ "255.255.254.0", 23, 300 },
};
static const struct row rows6[] = {
	{ "2001:db8:5::", 64, 490 },
	{ "2001:db8:5::", 48, 490 },
	{ "2001:db8:5::ff00", 120, 200 },
	{ "2001:db8:5::7", 128, 1 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00", 120, 200 },
};
#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static int setup(void **state)
{
	return fixture_begin(state, configuration);
}

static void set_source(struct fixture *x, const struct row *row)
{
	const char *why;
	struct path_hop *hop = strchr(row->prefix, ':') ? &x->hop6 : &x->hop4;

	assert_int_equal(addr_parse(&hop->source, row->prefix, &why), 0);
	hop->source_bits = (uint8_t)row->bits;
	fixture_paths(x);
}

static bool udp_is_sound(const uint8_t *ip, size_t length)
{
	uint32_t pseudo = frame_sum(ip + 8, 32, 0) + IPPROTO_UDP + (uint32_t)length;

	return frame_sum(ip + 40, length, pseudo) == 0xffff;
}

/* Checksums of the outer headers, and, with ipip, of the packet in it. */
static bool sound(const struct frame *out)
{
	const uint8_t *ip = out->bytes + FRAME_IP;
	bool ipv4 = ip[0] >> 4 == 4;

	if (ipv4 && frame_sum(ip, 20, 0) != 0xffff)
		return false;
	if ((ipv4 ? ip[9] : ip[6]) != IPPROTO_UDP)
		return frame_is_sound(out, FRAME_IP);
	return ipv4 || udp_is_sound(ip, out->length - FRAME_IP - 40);
}

static void one_flow(const struct fixture *x, unsigned int service, unsigned int flow,
		     struct frame *out)
{
	struct frame in;
	char text[96];

	snprintf(text, sizeof(text),
		 flow % 2 ? "198.51.100.7:%u > 203.0.113.10:%u/tcp"
			  : "[2001:db8:1::7]:%u > [2001:db8::10]:%u/tcp",
		 1024 + flow, service);
	frame_build(&in, &(struct segment){ .flow = text, .tcp_flags = TCP_ACK, .payload = flow });
	assert_int_equal(fixture_run(x, &in, out), XDP_TX);
	assert_true(sound(out));
}

/* Are the first `bits` of two addresses equal? */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	if (memcmp(a, b, bits / 8))
		return false;
	return !rest || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

static void check_row(struct fixture *x, const struct row *row, unsigned int service, bool ipv4)
{
	const struct path_hop *hop = ipv4 ? &x->hop4 : &x->hop6;
	size_t at = FRAME_IP + (ipv4 ? 12 : 8), size = ipv4 ? 4 : 16;
	const uint8_t *prefix = hop->source.bytes + 16 - size;
	static bool seen[65536];
	unsigned int distinct = 0;

	memset(seen, 0, sizeof(seen));
	set_source(x, row);
	for (unsigned int flow = 0; flow < 512; flow++) {
		struct frame out, again;
		const uint8_t *last = out.bytes + at + size - 2;
		unsigned int source;

		one_flow(x, service, flow, &out);
		one_flow(x, service, flow, &again);
		assert_memory_equal(out.bytes, again.bytes, out.length);
		source = (unsigned int)last[0] << 8 | last[1];
		assert_true(same_prefix(out.bytes + at, prefix, row->bits));
		/* What is not the prefix and not the last 16 bits is as configured. */
		assert_memory_equal(out.bytes + at, prefix, size - 2);
		distinct += !seen[source];
		seen[source] = true;
	}
	assert_in_range(distinct, row->distinct, 512);
	if (row->distinct <= 2)
		assert_int_equal(distinct, row->distinct);
}

static void outer_ipv4_sources_fill_the_prefix(void **state)
{
	for (size_t r = 0; r < ROWS(rows4); r++)
		for (size_t s = 0; s < 2; s++)
			check_row(*state, &rows4[r], services4[s], true);
}

static void outer_ipv6_sources_fill_the_prefix(void **state)
{
	for (size_t r = 0; r < ROWS(rows6); r++)
		for (size_t s = 0; s < 2; s++)
			check_row(*state, &rows6[r], services6[s], false);
}

static void without_a_prefix_every_packet_has_the_one_source(void **state)
{
	static const struct row own4 = { "192.0.2.7", 0, 1 }, own6 = { "2001:db8:5::7", 0, 1 };

	for (size_t s = 0; s < 2; s++) {
		check_row(*state, &own4, services4[s], true);
		check_row(*state, &own6, services6[s], false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outer_ipv4_sources_fill_the_prefix),
		cmocka_unit_test(outer_ipv6_sources_fill_the_prefix),
		cmocka_unit_test(without_a_prefix_every_packet_has_the_one_source),
	};

	return cmocka_run_group_tests_name("source", tests, setup, fixture_end);
}
