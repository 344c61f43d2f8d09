// SPDX-License-Identifier: GPL-2.0
/* Forwarding mode `gue`: packets that headers alone do not tell the sum of. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "gue_case.h"

static int setup(void **state)
{
	static struct fixture x;

	fixture_open(&x, gue_configuration);
	*state = &x;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	return 0;
}

static void insert(struct frame *f, size_t offset, const void *bytes, size_t length)
{
	memmove(f->bytes + offset + length, f->bytes + offset, f->length - offset);
	memcpy(f->bytes + offset, bytes, length);
	f->length += length;
}

static void ipv4_sum(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~frame_sum(ip, frame_ip_header(ip), 0));
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
	ipv4_sum(ip);
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
				ipv4_sum(ip);
			}
			run(x, &in, &out);
			expect_gue(&out, &in, &ways[w]);
		}
	}
}

/* What a router says of a packet from the service to that client, whose beginning it quotes. */
static void build_error(struct frame *f, bool ipv6, const struct way *w)
{
	size_t header = ipv6 ? 40 : 20, quoted = header + 8;
	uint8_t *ip = f->bytes + FRAME_IP, *icmp = ip + header;
	struct frame quote;
	char flow[96];

	snprintf(flow, sizeof(flow),
		 ipv6 ? "[2001:db8::10]:%u > [2001:db8:1::7]:40000/tcp"
		      : "203.0.113.10:%u > 198.51.100.7:40000/tcp",
		 w->port);
	frame_build(&quote, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK });
	build(f, ipv6 ? UDP6 : UDP4, w, 1, quoted); /* UDP's header is as long as ICMP's */
	ip[header - 1 - (ipv6 ? 16 : 4)] = 99;      /* from a router, not from the client */
	ip[ipv6 ? 6 : 9] = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	memset(icmp, 0, 8);
	icmp[0] = ipv6 ? 2 : 3;
	icmp[1] = ipv6 ? 0 : 4;
	put16(icmp + 6, 1400);
	memcpy(icmp + 8, quote.bytes + FRAME_IP, quoted);
	if (!ipv6)
		ipv4_sum(ip);
}

static void an_icmp_error_goes_the_way_of_its_flow(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			size_t port = FRAME_IP + (ways[w].ipv6 ? 40 : 20);
			struct frame in, out, flow;

			build(&in, ipv6 ? TCP6 : TCP4, &ways[w], 40000, 0);
			run(x, &in, &flow);
			build_error(&in, ipv6, &ways[w]);
			run(x, &in, &out);
			expect_gue(&out, &in, &ways[w]);
			assert_memory_equal(out.bytes + port, flow.bytes + port, 2);
		}
	}
}

/* Makes it one fragment of a datagram: `offset` in bytes. */
static void make_fragment(struct frame *f, enum inner i, unsigned int offset, bool more)
{
	uint8_t *ip = f->bytes + FRAME_IP;
	uint8_t header[8] = {
		ip[6], 0, (uint8_t)(offset >> 8), (uint8_t)(offset | more), 1, 2, 3, 4
	};

	if (inner_is_ipv6(i)) {
		ip[6] = IPPROTO_FRAGMENT;
		put16(ip + 4, get16(ip + 4) + 8);
		insert(f, FRAME_IP + 40, header, sizeof(header));
		return;
	}
	put16(ip + 4, 0x1234);
	put16(ip + 6, (more ? 0x2000 : 0) | offset / 8);
	ipv4_sum(ip);
}

static void fragments_are_summed(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame first, later, out;

			build(&first, i, &ways[w], 40000, 84);
			later = first;
			make_fragment(&first, i, 0, true);
			run(x, &first, &out);
			expect_gue(&out, &first, &ways[w]);
			make_fragment(&later, i, 104, false);
			run(x, &later, &out);
			expect_gue(&out, &later, &ways[w]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_extension_headers_are_summed),
		cmocka_unit_test(bytes_behind_the_datagram_are_summed),
		cmocka_unit_test(an_icmp_error_goes_the_way_of_its_flow),
		cmocka_unit_test(fragments_are_summed),
		cmocka_unit_test(a_tagged_frame_keeps_its_tag_around_the_tunnel),
	};

	return cmocka_run_group_tests_name("gue, rare packets", tests, setup, teardown);
}
