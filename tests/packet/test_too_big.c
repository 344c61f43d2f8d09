// SPDX-License-Identifier: GPL-2.0
/* A packet that does not fit the way to its backend: its sender is told the size that does. */
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"
#include "mtu_case.h"

#define MTU 1500
#define QUOTE4 548  /* 576 bytes in all */
#define QUOTE6 1232 /* 1280 */

/* The bucket of answers is full: each test has a data path of its own. */
static int setup(void **state)
{
	return fixture_begin(state, MTU_SERVICES);
}

/* `out` tells the sender of `in` that `mtu` would fit; both without tags. */
static void expect_told(const struct frame *in, const struct frame *out, unsigned int mtu)
{
	bool ipv6 = in->bytes[FRAME_IP] >> 4 == 6;
	size_t header = ipv6 ? 40 : 20, quote = ipv6 ? QUOTE6 : QUOTE4;
	size_t source = ipv6 ? 8 : 12, address = ipv6 ? 16 : 4;
	const uint8_t *was = in->bytes + FRAME_IP, *ip = out->bytes + FRAME_IP, *icmp = ip + header;

	assert_int_equal(out->length, FRAME_IP + header + 8 + quote);
	assert_memory_equal(out->bytes, in->bytes + 6, 6);
	assert_memory_equal(out->bytes + 6, in->bytes, 6);
	assert_memory_equal(out->bytes + 12, in->bytes + 12, 2);
	assert_true(frame_is_sound(out, FRAME_IP));
	assert_int_equal(ip[0], ipv6 ? 0x60 : 0x45);
	assert_int_equal(get16(ip + (ipv6 ? 4 : 2)), (ipv6 ? 0 : header) + 8 + quote);
	assert_int_equal(ip[ipv6 ? 6 : 9], ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	assert_int_equal(ip[ipv6 ? 7 : 8], 64);
	assert_memory_equal(ip + source, was + source + address, address);
	assert_memory_equal(ip + source + address, was + source, address);
	assert_int_equal(icmp[0], ipv6 ? 2 : 3);
	assert_int_equal(icmp[1], ipv6 ? 0 : 4);
	assert_int_equal(get16(icmp + 4), 0);
	assert_int_equal(get16(icmp + 6), mtu);
	assert_memory_equal(icmp + 8, was, quote);
}

static void run_told(const struct fixture *x, const struct frame *in, unsigned int mtu)
{
	struct ek_verdicts before = fixture_verdicts(x), after;
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_TX);
	after = fixture_verdicts(x);
	assert_int_equal(after.answered, before.answered + 1);
	assert_int_equal(after.answered_too_big, before.answered_too_big + 1);
	assert_int_equal(after.sent, before.sent);
	assert_int_equal(after.dropped[EK_DROP_TOO_BIG], before.dropped[EK_DROP_TOO_BIG]);
	expect_told(in, &out, mtu);
}

static void expect_dropped(const struct fixture *x, const struct frame *in)
{
	uint64_t before = fixture_dropped(x, EK_DROP_TOO_BIG);
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(x, EK_DROP_TOO_BIG), before + 1);
}

static void the_first_byte_too_many_is_answered_with_the_size_that_fits(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		unsigned int fits = MTU - ways[i].outer;
		struct frame in, out;

		packet(&in, &ways[i], fits);
		assert_int_equal(fixture_run(*state, &in, &out), XDP_TX);
		assert_int_equal(out.length, FRAME_IP + MTU);
		packet(&in, &ways[i], fits + 1);
		run_told(*state, &in, fits);
		packet(&in, &ways[i], 3000);
		run_told(*state, &in, fits);
	}
}

static void the_answer_has_the_tags_that_the_packet_came_with(void **state)
{
	for (size_t i = 0; i < 2 * WAYS; i++) {
		const struct way *w = &ways[i / 2];
		size_t length = i % 2 ? 8 : 4;
		struct frame plain, in, out;

		packet(&plain, w, 1600);
		in = plain;
		frame_tag(&in, length / 4);
		assert_int_equal(fixture_run(*state, &in, &out), XDP_TX);
		assert_memory_equal(out.bytes + 12, in.bytes + 12, length);
		memmove(out.bytes + 12, out.bytes + 12 + length, out.length - 12 - length);
		out.length -= length;
		expect_told(&plain, &out, MTU - w->outer);
	}
}

/* The path's own tag is for the backend's network. */
static void a_path_with_a_tag_does_not_tag_the_answer(void **state)
{
	const struct fixture *x = *state;

	for (uint32_t i = 1; i < x->dp->sizes.backends; i++)
		if (x->dp->backends[i].path[0].flags & EK_PATH_NEXT_HOP)
			x->dp->backends[i].path[0].flags |= EK_PATH_TAGGED;
	for (size_t i = 0; i < WAYS; i++) {
		struct frame in;

		packet(&in, &ways[i], 1600);
		run_told(x, &in, MTU - ways[i].outer);
	}
}

static void options_and_extension_headers_are_quoted(void **state)
{
	static const uint8_t nops[40] = { 1, 1, 1, 1 };

	for (size_t i = 0; i < WAYS; i++) {
		struct frame in;

		packet(&in, &ways[i], 1600);
		if (is_ipv6(&ways[i]))
			frame_extend(&in, FRAME_IP, IPPROTO_DSTOPTS, 3, 0);
		else
			frame_options(&in, FRAME_IP, nops, sizeof(nops));
		run_told(*state, &in, MTU - ways[i].outer);
	}
}

static void ipv4_that_may_be_fragmented_is_dropped(void **state)
{
	for (size_t i = 0; i < WAYS; i += 2) {
		uint64_t answered = fixture_verdicts(*state).answered;
		struct frame in;

		packet(&in, &ways[i], 1600);
		in.bytes[FRAME_IP + 6] = 0;
		expect_dropped(*state, &in);
		assert_int_equal(fixture_verdicts(*state).answered, answered);
	}
}

static void an_mtu_that_nobody_would_believe_is_not_told(void **state)
{
	struct fixture *x = *state;

	for (size_t i = 0; i < WAYS; i++) {
		const struct way *w = &ways[i];
		unsigned int least = (is_ipv6(w) ? 1280 : QUOTE4 - 1) + w->outer;
		struct frame in;

		x->hop4.mtu = x->hop6.mtu = (uint16_t)least;
		fixture_paths(x);
		packet(&in, w, least - w->outer + 1);
		run_told(x, &in, least - w->outer);
		x->hop4.mtu = x->hop6.mtu = (uint16_t)(least - 1);
		fixture_paths(x);
		packet(&in, w, least - w->outer);
		expect_dropped(x, &in);
	}
}

static void what_is_not_for_a_service_is_passed_however_large(void **state)
{
	static const struct way others[] = {
		{ "198.51.100.7:40000 > 203.0.113.10:446/tcp", 0, 40 },
		{ "[2001:db8:1::7]:40000 > [2001:db8::10]:446/tcp", 0, 60 },
	};

	for (size_t i = 0; i < 2; i++) {
		struct frame in, out;

		packet(&in, &others[i], 3000);
		assert_int_equal(fixture_run(*state, &in, &out), XDP_PASS);
	}
}

/* ---- the limit ------------------------------------------------------------------------------- */

static double clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void answers_are_limited_and_the_rest_is_dropped_by_name(void **state)
{
	const struct fixture *x = *state;
	unsigned int sent = 0;
	double begun, limit;
	cpu_set_t before, one;
	struct frame in, out;
	struct ek_verdicts v;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	begun = clock_seconds();
	do {
		for (int i = 0; i < 100; i++, sent++) {
			packet(&in, &ways[sent % WAYS], 1600);
			fixture_run(x, &in, &out);
		}
		limit = EK_ANSWERS_BURST + EK_ANSWERS_PER_S * (clock_seconds() - begun + 0.02);
	} while (sent < 2 * limit && sent < 100000);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	v = fixture_verdicts(x);
	assert_true(sent >= 2 * limit);
	assert_in_range(v.answered, EK_ANSWERS_BURST, (unsigned int)limit);
	assert_int_equal(v.dropped[EK_DROP_TOO_BIG], sent - v.answered);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(the_first_byte_too_many_is_answered_with_the_size_that_fits),
		EACH(the_answer_has_the_tags_that_the_packet_came_with),
		EACH(a_path_with_a_tag_does_not_tag_the_answer),
		EACH(options_and_extension_headers_are_quoted),
		EACH(ipv4_that_may_be_fragmented_is_dropped),
		EACH(an_mtu_that_nobody_would_believe_is_not_told),
		EACH(what_is_not_for_a_service_is_passed_however_large),
		EACH(answers_are_limited_and_the_rest_is_dropped_by_name),
	};

	return cmocka_run_group_tests_name("too_big", tests, NULL, NULL);
}
