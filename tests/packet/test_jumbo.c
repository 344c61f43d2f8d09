// SPDX-License-Identifier: GPL-2.0
/* Frames of more than one buffer, with programs loaded for them. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"
#include "mtu_case.h"

#define MTU 9000

static int setup(void **state)
{
	static struct fixture x;

	fixture_open_jumbo(&x, MTU_SERVICES);
	x.hop4.mtu = x.hop6.mtu = MTU;
	fixture_paths(&x);
	*state = &x;
	return 0;
}

static void frames_of_all_sizes_arrive_whole(void **state)
{
	static const size_t sizes[] = { 60, 1500, 3500, 3600, 4095, 4097, 8192, 8900, MTU };

	for (size_t i = 0; i < WAYS; i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			size_t length = sizes[k] == MTU ? MTU - ways[i].outer : sizes[k];
			struct frame in, out;

			packet(&in, &ways[i], length);
			assert_int_equal(fixture_run(*state, &in, &out), XDP_TX);
			assert_int_equal(out.length, in.length + ways[i].outer);
			assert_memory_equal(out.bytes + FRAME_IP + ways[i].outer,
					    in.bytes + FRAME_IP, length);
			assert_true(frame_is_sound(&out, FRAME_IP));
		}
	}
}

static void tags_are_kept(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct frame in, out;

		packet(&in, &ways[i], 8000);
		frame_tag(&in, 1);
		assert_int_equal(fixture_run(*state, &in, &out), XDP_TX);
		assert_int_equal(out.length, in.length + ways[i].outer);
		assert_memory_equal(out.bytes + 12, in.bytes + 12, 4);
		assert_true(frame_is_sound(&out, FRAME_IP + 4));
	}
}

static void one_byte_too_many_is_answered(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t before = fixture_verdicts(*state).answered_too_big;
		bool ipv6 = is_ipv6(&ways[i]);
		struct frame in, out;

		packet(&in, &ways[i], MTU - ways[i].outer + 1);
		assert_int_equal(fixture_run(*state, &in, &out), XDP_TX);
		assert_int_equal(fixture_verdicts(*state).answered_too_big, before + 1);
		assert_int_equal(out.length, FRAME_IP + (ipv6 ? 1280 : 576));
		assert_true(frame_is_sound(&out, FRAME_IP));
		assert_int_equal(out.bytes[out.length - 1],
				 in.bytes[FRAME_IP + (ipv6 ? 1232 : 548) - 1]);
	}
}

static void a_packet_longer_than_its_frame_is_dropped(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t before = fixture_dropped(*state, EK_DROP_TRUNCATED);
		struct frame in, out;

		packet(&in, &ways[i], 8000);
		in.length--;
		assert_int_equal(fixture_run(*state, &in, &out), XDP_DROP);
		assert_int_equal(fixture_dropped(*state, EK_DROP_TRUNCATED), before + 1);
	}
}

static void bytes_behind_the_packet_beyond_the_mtu_are_a_bad_length(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t before = fixture_dropped(*state, EK_DROP_BAD_LENGTH);
		struct frame in, out;

		packet(&in, &ways[i], 5000);
		memset(in.bytes + in.length, 0, FRAME_IP + MTU + 1 - in.length);
		in.length = FRAME_IP + MTU + 1;
		assert_int_equal(fixture_run(*state, &in, &out), XDP_DROP);
		assert_int_equal(fixture_dropped(*state, EK_DROP_BAD_LENGTH), before + 1);
	}
}

static void a_large_echo_request_is_answered(void **state)
{
	static uint8_t body[8000];

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame in, out;

		frame_build_icmp(&in,
				 &(struct message){ .from = ipv6 ? "2001:db8:1::7" : "8.8.8.8",
						    .to = ipv6 ? "2001:db8::10" : "203.0.113.10",
						    .type = ipv6 ? 128 : 8,
						    .body = body,
						    .length = sizeof(body) });
		assert_int_equal(fixture_run(*state, &in, &out), XDP_TX);
		assert_int_equal(out.length, in.length);
		assert_true(frame_is_sound(&out, FRAME_IP));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_all_sizes_arrive_whole),
		cmocka_unit_test(tags_are_kept),
		cmocka_unit_test(one_byte_too_many_is_answered),
		cmocka_unit_test(a_packet_longer_than_its_frame_is_dropped),
		cmocka_unit_test(bytes_behind_the_packet_beyond_the_mtu_are_a_bad_length),
		cmocka_unit_test(a_large_echo_request_is_answered),
	};

	return cmocka_run_group_tests_name("jumbo", tests, setup, fixture_end);
}
