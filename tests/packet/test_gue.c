// SPDX-License-Identifier: GPL-2.0
/* Forwarding mode `gue`: what goes out, byte by byte, and every checksum of it, computed here from
 * the whole packet. The data path computes most of them from headers alone. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"
#include "lib/addr.h"

/* One service per way to encapsulate: its backends' family, variant, checksum. */
#define SERVICE(name, port, backend, options)                                                      \
	"  " name ":\n"                                                                            \
	"    listen: [\"203.0.113.10:" port "/tcp\", \"[2001:db8::10]:" port "/tcp\",\n"           \
	"             \"203.0.113.10:" port "/udp\", \"[2001:db8::10]:" port "/udp\"]\n"           \
	"    forward: gue\n" options "    backends: { a: \"" backend "\" }\n"

static const char configuration[] = "services:\n" SERVICE("four1", "41", "10.0.0.1", "")
	SERVICE("four0", "40", "10.0.0.1", "    gue: { variant: 0 }\n")
		SERVICE("six1", "61", "fd00::1", "")
			SERVICE("six0", "60", "fd00::1", "    gue: { variant: 0 }\n")
				SERVICE("bare1", "62", "fd00::1", "    gue: { checksum: false }\n")
					SERVICE("bare0", "63", "fd00::1",
						"    gue: { variant: 0, checksum: false }\n");

static const struct way {
	unsigned int port; /* of the service */
	bool ipv6;         /* the outer header */
	int variant;
	bool checksum;
} ways[] = {
	{ 41, false, 1, false }, { 40, false, 0, false }, { 61, true, 1, true },
	{ 60, true, 0, true },   { 62, true, 1, false },  { 63, true, 0, false },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static int setup(void **state)
{
	static struct fixture x;

	fixture_open(&x, configuration);
	*state = &x;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	return 0;
}

static unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* ---- what goes out --------------------------------------------------------------------------- */

static size_t overhead(const struct way *w)
{
	return (w->ipv6 ? 40 : 20) + 8 + (w->variant ? 0 : 4);
}

/* Reads the outer IP header; returns UDP's offset. */
static size_t expect_ip(const struct frame *out, const struct way *w)
{
	const uint8_t *ip = out->bytes + FRAME_IP;
	size_t length = out->length - FRAME_IP;

	if (w->ipv6) {
		assert_int_equal(get16(out->bytes + 12), 0x86dd);
		assert_int_equal(ip[0] >> 4, 6);
		assert_int_equal(get16(ip + 4), length - 40);
		assert_int_equal(ip[6], IPPROTO_UDP);
		return FRAME_IP + 40;
	}
	assert_int_equal(get16(out->bytes + 12), 0x0800);
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(get16(ip + 2), length);
	assert_int_equal(ip[9], IPPROTO_UDP);
	assert_int_equal(frame_sum(ip, 20, 0), 0xffff);
	return FRAME_IP + 20;
}

/* Of UDP at `at` over its pseudo header and all that follows it. */
static uint16_t udp_sum(const struct frame *out, size_t at)
{
	size_t length = out->length - at;
	uint32_t pseudo =
		frame_sum(out->bytes + FRAME_IP + 8, 32, 0) + IPPROTO_UDP + (uint32_t)length;

	return frame_sum(out->bytes + at, length, pseudo);
}

/* `out` is `in`, encapsulated that way. */
static void expect_gue(const struct frame *out, const struct frame *in, const struct way *w)
{
	size_t inner = in->length - FRAME_IP, at;
	const uint8_t *udp;

	assert_int_equal(out->length, in->length + overhead(w));
	at = expect_ip(out, w);
	udp = out->bytes + at;
	assert_in_range(get16(udp), 49152, 65535);
	assert_int_equal(get16(udp + 2), 6080);
	assert_int_equal(get16(udp + 4), out->length - at);
	if (w->checksum) {
		assert_int_not_equal(get16(udp + 6), 0);
		assert_int_equal(udp_sum(out, at), 0xffff);
	} else {
		assert_int_equal(get16(udp + 6), 0);
	}
	if (!w->variant) {
		const uint8_t header[4] = { 0, in->bytes[FRAME_IP] >> 4 == 4 ? 4 : 41, 0, 0 };

		assert_memory_equal(udp + 8, header, sizeof(header));
	}
	assert_memory_equal(out->bytes + out->length - inner, in->bytes + FRAME_IP, inner);
}

static void run(const struct fixture *x, const struct frame *in, struct frame *out)
{
	assert_int_equal(fixture_run(x, in, out), XDP_TX);
}

enum inner { TCP4, UDP4, BARE4, TCP6, UDP6, BARE6, INNERS };

static bool inner_is_ipv6(enum inner i)
{
	return i >= TCP6;
}

static bool inner_is_tcp(enum inner i)
{
	return i == TCP4 || i == TCP6;
}

/* A packet to that way's service; BARE: UDP without a checksum. */
static void build(struct frame *f, enum inner i, const struct way *w, unsigned int port,
		  size_t payload)
{
	char flow[96];
	size_t header = inner_is_ipv6(i) ? 40 : 20;

	snprintf(flow, sizeof(flow),
		 inner_is_ipv6(i) ? "[2001:db8:1::7]:%u > [2001:db8::10]:%u/%s"
				  : "198.51.100.7:%u > 203.0.113.10:%u/%s",
		 port, w->port, inner_is_tcp(i) ? "tcp" : "udp");
	frame_build(f, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK, .payload = payload });
	if (i == BARE4 || i == BARE6)
		put16(f->bytes + FRAME_IP + header + 6, 0);
}

static void every_packet_is_encapsulated_with_right_checksums(void **state)
{
	static const size_t payloads[] = { 0,   1,   2,   3,   46,  47,  79,   80,   99,
					   100, 127, 128, 129, 256, 511, 1023, 1024, 1387 };
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			for (size_t n = 0; n < sizeof(payloads) / sizeof(payloads[0]); n++) {
				struct frame in, out;

				build(&in, i, &ways[w], 40000 + (unsigned int)n, payloads[n]);
				run(x, &in, &out);
				expect_gue(&out, &in, &ways[w]);
			}
		}
	}
}

/* ---- packets that headers alone do not tell the sum of ------------------------------------------ */

static void insert(struct frame *f, size_t offset, const void *bytes, size_t length)
{
	memmove(f->bytes + offset + length, f->bytes + offset, f->length - offset);
	memcpy(f->bytes + offset, bytes, length);
	f->length += length;
}

/* Eight bytes of options, in an IPv4 header; an extension header of eight, behind an IPv6 one. */
static void add_options(struct frame *f, enum inner i)
{
	uint8_t *ip = f->bytes + FRAME_IP;
	uint8_t options[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };

	if (inner_is_ipv6(i)) {
		memcpy(options, (uint8_t[8]){ ip[6], 0, 1, 4 }, 8);
		ip[6] = IPPROTO_DSTOPTS;
		put16(ip + 4, get16(ip + 4) + 8);
		insert(f, FRAME_IP + 40, options, sizeof(options));
		return;
	}
	ip[0] = 0x47;
	put16(ip + 2, get16(ip + 2) + 8);
	insert(f, FRAME_IP + 20, options, sizeof(options));
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~frame_sum(ip, 28, 0));
}

static void options_and_extension_headers_are_summed(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame in, out;

			build(&in, i, &ways[w], 40000, 77);
			add_options(&in, i);
			run(x, &in, &out);
			expect_gue(&out, &in, &ways[w]);
		}
	}
}

/* UDP's own length may leave bytes of the IP packet to nobody. */
static void bytes_behind_the_datagram_are_summed(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame in, out;
			uint8_t *ip = in.bytes + FRAME_IP;

			if (inner_is_tcp(i))
				continue;
			build(&in, i, &ways[w], 40000, 33);
			memset(in.bytes + in.length, 0xe7, 5);
			in.length += 5;
			if (inner_is_ipv6(i)) {
				put16(ip + 4, get16(ip + 4) + 5);
			} else {
				put16(ip + 2, get16(ip + 2) + 5);
				put16(ip + 10, 0);
				put16(ip + 10, (uint16_t)~frame_sum(ip, 20, 0));
			}
			run(x, &in, &out);
			expect_gue(&out, &in, &ways[w]);
		}
	}
}

static void a_tagged_frame_keeps_its_tag_around_the_tunnel(void **state)
{
	static const uint8_t tag[] = { 0x81, 0x00, 0x60, 0x64 };
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame plain, in, out, expected;

			build(&plain, i, &ways[w], 40000, 64);
			run(x, &plain, &expected);
			insert(&expected, 12, tag, sizeof(tag));
			in = plain;
			insert(&in, 12, tag, sizeof(tag));
			run(x, &in, &out);
			assert_int_equal(out.length, expected.length);
			assert_memory_equal(out.bytes, expected.bytes, expected.length);
		}
	}
}

/* Ethernet's padding goes along behind the outer packet, and is in no length and no sum. */
static void padding_is_not_part_of_the_tunnel(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame in, out, padded;

			build(&in, i, &ways[w], 40000, 1);
			padded = in;
			memset(padded.bytes + padded.length, 0x5a, 7);
			padded.length += 7;
			run(x, &padded, &out);
			assert_int_equal(out.length, padded.length + overhead(&ways[w]));
			out.length -= 7;
			expect_gue(&out, &in, &ways[w]);
		}
	}
}

/* ---- corners of the checksum ------------------------------------------------------------------- */

/* A sum of 0 must be sent as 0xffff, because 0 means that there is none. The flow label, which
 * nothing else depends on, brings the sum there. */
static void a_checksum_of_zero_is_sent_as_all_ones(void **state)
{
	static const enum inner inners[] = { TCP6, UDP6, BARE6 };
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (size_t i = 0; ways[w].checksum && i < 3; i++) {
			struct frame in, out;

			build(&in, inners[i], &ways[w], 40000, 8);
			run(x, &in, &out);
			put16(in.bytes + FRAME_IP + 2, get16(out.bytes + FRAME_IP + 40 + 6));
			run(x, &in, &out);
			assert_int_equal(get16(out.bytes + FRAME_IP + 40 + 6), 0xffff);
			expect_gue(&out, &in, &ways[w]);
		}
	}
}

/* Whoever looks at either checksum drops it: damage is never mended on the way. */
static void a_damaged_segment_is_not_given_a_right_outer_checksum(void **state)
{
	static const enum inner inners[] = { TCP4, UDP4, TCP6, UDP6 };
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (size_t i = 0; ways[w].checksum && i < 4; i++) {
			struct frame in, out;

			build(&in, inners[i], &ways[w], 40000, 64);
			in.bytes[in.length - 1] ^= 0x10;
			run(x, &in, &out);
			assert_int_not_equal(udp_sum(&out, FRAME_IP + 40), 0xffff);
		}
	}
}

/* ---- ports --------------------------------------------------------------------------------------- */

static void a_flow_has_one_source_port_and_flows_have_many(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		static bool seen[65536];
		size_t distinct = 0, at = FRAME_IP + (ways[w].ipv6 ? 40 : 20);

		memset(seen, 0, sizeof(seen));
		for (unsigned int port = 1024; port < 1024 + 500; port++) {
			struct frame in, out, again;
			unsigned int source;

			build(&in, TCP4, &ways[w], port, 0);
			run(x, &in, &out);
			source = get16(out.bytes + at);
			build(&in, TCP4, &ways[w], port, 9);
			run(x, &in, &again);
			assert_int_equal(get16(again.bytes + at), source);
			distinct += !seen[source];
			seen[source] = true;
		}
		/* 500 out of 16384 at random: 492 expected. */
		assert_true(distinct > 470);
	}
}

/* ---- sizes ---------------------------------------------------------------------------------------- */

static void what_fits_the_mtu_with_all_its_headers_goes_and_no_byte_more(void **state)
{
	struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			size_t headers = (inner_is_ipv6(i) ? 40 : 20) + (inner_is_tcp(i) ? 20 : 8);
			size_t most = 1500 - overhead(&ways[w]) - headers;
			uint64_t before = fixture_dropped(x, EK_DROP_TOO_BIG);
			struct frame in, out;

			build(&in, i, &ways[w], 40000, most);
			run(x, &in, &out);
			assert_int_equal(out.length, FRAME_IP + 1500);
			expect_gue(&out, &in, &ways[w]);
			build(&in, i, &ways[w], 40000, most + 1);
			assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
			assert_int_equal(fixture_dropped(x, EK_DROP_TOO_BIG), before + 1);
		}
	}
}

static void a_jumbo_packet_is_summed_to_its_end(void **state)
{
	struct fixture x;

	fixture_open(&x, configuration);
	x.hop4.mtu = x.hop6.mtu = 3500;
	fixture_paths(&x);
	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame in, out;

			build(&in, i, &ways[w], 40000, 3301);
			run(&x, &in, &out);
			expect_gue(&out, &in, &ways[w]);
		}
	}
	fixture_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_is_encapsulated_with_right_checksums),
		cmocka_unit_test(options_and_extension_headers_are_summed),
		cmocka_unit_test(bytes_behind_the_datagram_are_summed),
		cmocka_unit_test(a_tagged_frame_keeps_its_tag_around_the_tunnel),
		cmocka_unit_test(padding_is_not_part_of_the_tunnel),
		cmocka_unit_test(a_checksum_of_zero_is_sent_as_all_ones),
		cmocka_unit_test(a_damaged_segment_is_not_given_a_right_outer_checksum),
		cmocka_unit_test(a_flow_has_one_source_port_and_flows_have_many),
		cmocka_unit_test(what_fits_the_mtu_with_all_its_headers_goes_and_no_byte_more),
		cmocka_unit_test(a_jumbo_packet_is_summed_to_its_end),
	};

	return cmocka_run_group_tests_name("gue", tests, setup, teardown);
}
