// SPDX-License-Identifier: GPL-2.0
/* Forwarding mode `gue`: what goes out, byte by byte, and every checksum of it. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "gue_case.h"

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

/* ---- corners of the checksum ----------------------------------------------------------------- */

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
			assert_int_not_equal(gue_sum(&out), 0xffff);
		}
	}
}

/* ---- ports ----------------------------------------------------------------------------------- */

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

/* ---- sizes ----------------------------------------------------------------------------------- */

static void what_fits_the_mtu_with_all_its_headers_goes_and_no_byte_more(void **state)
{
	struct fixture *x = *state;

	for (size_t w = 0; w < WAYS; w++) {
		for (enum inner i = 0; i < INNERS; i++) {
			size_t headers = (inner_is_ipv6(i) ? 40 : 20) + (inner_is_tcp(i) ? 20 : 8);
			size_t most = 1500 - overhead(&ways[w]) - headers;
			uint64_t before = fixture_verdicts(x).answered_too_big;
			struct frame in, out;

			build(&in, i, &ways[w], 40000, most);
			run(x, &in, &out);
			assert_int_equal(out.length, FRAME_IP + 1500);
			expect_gue(&out, &in, &ways[w]);
			build(&in, i, &ways[w], 40000, most + 1);
			assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
			assert_int_equal(fixture_verdicts(x).answered_too_big, before + 1);
			assert_int_equal(get16(out.bytes + FRAME_IP + (inner_is_ipv6(i) ? 46 : 26)),
					 1500 - overhead(&ways[w]));
		}
	}
}

static void a_jumbo_packet_is_summed_to_its_end(void **state)
{
	struct fixture x;

	fixture_open(&x, gue_configuration);
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
		cmocka_unit_test(padding_is_not_part_of_the_tunnel),
		cmocka_unit_test(a_checksum_of_zero_is_sent_as_all_ones),
		cmocka_unit_test(a_damaged_segment_is_not_given_a_right_outer_checksum),
		cmocka_unit_test(a_flow_has_one_source_port_and_flows_have_many),
		cmocka_unit_test(what_fits_the_mtu_with_all_its_headers_goes_and_no_byte_more),
		cmocka_unit_test(a_jumbo_packet_is_summed_to_its_end),
	};

	return cmocka_run_group_tests_name("gue", tests, gue_setup, fixture_end);
}
