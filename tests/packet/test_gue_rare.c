// SPDX-License-Identifier: GPL-2.0
/* Forwarding mode `gue`: packets that headers alone do not tell the sum of. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "error_frames.h"
#include "gue_case.h"

/* Eight bytes of options in an IPv4 header; an extension header of eight behind an IPv6 one. */
static void add_options(struct frame *f, enum inner i)
{
	static const uint8_t options[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };

	if (inner_is_ipv6(i))
		frame_extend(f, FRAME_IP, IPPROTO_DSTOPTS, 0, 0);
	else
		frame_options(f, FRAME_IP, options, sizeof(options));
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
				frame_sum_ipv4(ip);
			}
			run(x, &in, &out);
			expect_gue(&out, &in, &ways[w]);
		}
	}
}

static void an_icmp_error_goes_the_way_of_its_flow(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			size_t port = FRAME_IP + (ways[w].ipv6 ? 40 : 20);
			struct ends e = { ipv6, 40000, ways[w].port, "tcp" };
			struct frame about, in, out, flow;

			from_client(&in, &e);
			run(x, &in, &flow);
			from_backend(&about, &e);
			fragmentation_needed(&in, &about, least(&about));
			run(x, &in, &out);
			expect_gue(&out, &in, &ways[w]);
			assert_memory_equal(out.bytes + port, flow.bytes + port, 2);
		}
	}
}

static void fragments_are_summed(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame whole, part, out;
			size_t all;

			build(&whole, i, &ways[w], 40000, 183);
			all = whole.length - FRAME_IP - (inner_is_ipv6(i) ? 40 : 20);
			frame_fragment(&part, &whole, 0x1234, 0, 104);
			run(x, &part, &out);
			expect_gue(&out, &part, &ways[w]);
			frame_fragment(&part, &whole, 0x1234, 104, all - 104);
			run(x, &part, &out);
			expect_gue(&out, &part, &ways[w]);
		}
	}
}

static void a_tagged_frame_keeps_its_tag_around_the_tunnel(void **state)
{
	const struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			struct frame plain, in, out, expected;

			build(&plain, i, &ways[w], 40000, 64);
			run(x, &plain, &expected);
			frame_tag(&expected, 1);
			in = plain;
			frame_tag(&in, 1);
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

	return cmocka_run_group_tests_name("gue, rare packets", tests, gue_setup, fixture_end);
}
