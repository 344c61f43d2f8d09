// SPDX-License-Identifier: GPL-2.0
/* SYNs of sampled flows are noted, and the packets that follow them. */
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/sample.h"
#include "error_frames.h"
#include "flows.h"

#define WAIT_S 3u

struct tally {
	unsigned int followed, alone;
	uint32_t backend; /* of the last */
};

static void count(void *context, uint32_t backend, bool followed)
{
	struct tally *t = context;

	t->followed += followed;
	t->alone += !followed;
	t->backend = backend;
}

static struct tally read_at(const struct fixture *x, uint32_t at_s)
{
	struct tally t = {};

	dp_handshakes_read(x->dp, at_s, WAIT_S, count, &t);
	return t;
}

static unsigned int noted(const struct fixture *x)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < EK_HANDSHAKES; i++)
		n += x->dp->handshakes[i] != 0;
	return n;
}

/* The first flow from `i` on that is in the sample; its SYN has been sent. */
static unsigned int sampled_from(const struct fixture *x, unsigned int i)
{
	unsigned int before = noted(x);

	while (syn(x, i), noted(x) == before)
		i++;
	return i;
}

static void one_flow_in_64_is_noted_to_every_backend(void **state)
{
	const struct fixture *x = *state;
	unsigned int of[8] = {};

	for (unsigned int i = 0; i < 12800; i++)
		syn(x, i);
	for (uint32_t i = 0; i < EK_HANDSHAKES; i++)
		if (x->dp->handshakes[i])
			of[ek_handshake_backend(x->dp->handshakes[i])]++;
	/* 200 expected, less those few that met; deviation 14. */
	assert_in_range(noted(x), 130, 260);
	for (uint32_t b = 1; b <= 4; b++)
		assert_in_range(of[b], 20, 90);
}

static void a_second_packet_marks_its_syn(void **state)
{
	const struct fixture *x = *state;
	unsigned int i = sampled_from(x, 0);
	uint32_t owner = data(x, i), now = now_s();
	struct tally t = read_at(x, now);

	assert_int_equal(t.followed, 1);
	assert_int_equal(t.backend, owner);
	assert_int_equal(noted(x), 0);
	/* What comes without a SYN before it is not noted. */
	data(x, i);
	assert_int_equal(noted(x), 0);
}

static void a_syn_that_is_only_sent_again_is_not_followed(void **state)
{
	const struct fixture *x = *state;
	unsigned int i = sampled_from(x, 0);
	uint32_t now = now_s();
	struct tally t;

	syn(x, i);
	syn(x, i);
	t = read_at(x, now + WAIT_S - 2);
	assert_int_equal(t.followed + t.alone, 0);
	t = read_at(x, now + WAIT_S + 1);
	assert_int_equal(t.alone, 1);
	assert_int_equal(t.followed, 0);
	assert_int_equal(noted(x), 0);
}

static void packets_of_other_flows_do_not_follow(void **state)
{
	const struct fixture *x = *state;
	unsigned int i = sampled_from(x, 0);

	for (unsigned int other = 0; other < 6400; other++)
		if (other != i)
			data(x, other);
	assert_int_equal(read_at(x, now_s()).followed, 0);
}

static void an_error_about_the_flow_does_not_follow(void **state)
{
	const struct fixture *x = *state;
	unsigned int port = 1000;
	struct frame in, out, error;

	do {
		struct ends e = { false, ++port, 443, "tcp" };
		char flow[96];

		snprintf(flow, sizeof(flow), "198.51.100.7:%u > " VIP4 ":443/tcp", port);
		frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = TCP_SYN });
		fixture_run(x, &in, &out);
		from_backend(&in, &e);
	} while (!noted(x));
	fragmentation_needed(&error, &in, least(&in));
	assert_int_equal(fixture_run(x, &error, &out), XDP_TX);
	assert_int_equal(read_at(x, now_s()).followed, 0);
	assert_int_equal(noted(x), 1);
}

static void udp_is_not_noted(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int i = 0; i < 1000; i++)
		send_packet(x, i, "udp", TCP_SYN, 0);
	assert_int_equal(noted(x), 0);
}

/* Its backend never gets it. */
static void a_syn_that_is_shed_is_not_noted(void **state)
{
	static const char little[] = WEB_HEAD "    capacity: 20\n    backends: { " WEB_ABC " }\n";
	unsigned int sent = 0;
	struct fixture x;

	fixture_open(&x, little);
	for (unsigned int i = 0; i < 6400; i++) {
		char flow[96];
		struct frame in, out;

		snprintf(flow, sizeof(flow), "198.51.%u.%u:1000 > " VIP4 ":443/tcp", i >> 8,
			 i & 255);
		frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = TCP_SYN });
		sent += fixture_run(&x, &in, &out) == XDP_TX;
	}
	assert_true(sent < 1600);
	assert_true(noted(&x) <= sent / 16);
	fixture_close(&x);
}

/* The hash of such a service leaves the port out: notes do not. */
static void flows_of_one_client_are_told_apart_where_its_hash_is_one(void **state)
{
	static const char by_source[] =
		WEB_HEAD "    hash: source\n    backends: { " WEB_ABC " }\n";
	struct frame in, out;
	struct fixture x;
	char flow[96];

	fixture_open(&x, by_source);
	for (unsigned int i = 0; !noted(&x); i++) {
		snprintf(flow, sizeof(flow), "198.51.%u.%u:1000 > " VIP4 ":443/tcp", i >> 8,
			 i & 255);
		frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = TCP_SYN });
		fixture_run(&x, &in, &out);
	}
	strstr(flow, ":1000")[4] = '1';
	frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK });
	fixture_run(&x, &in, &out);
	assert_int_equal(read_at(&x, now_s()).followed, 0);
	fixture_close(&x);
}

/* A flood of forged SYNs: what is noted is bounded, and what is read makes room. */
static void a_flood_takes_no_more_than_its_places(void **state)
{
	const struct fixture *x = *state;
	struct tally t;

	for (uint32_t i = 0; i < EK_HANDSHAKES; i++)
		x->dp->handshakes[i] = ek_handshake_note(1ull << 40, 1, now_s());
	for (unsigned int i = 0; i < 1000; i++) {
		syn(x, i);
		data(x, i);
	}
	t = read_at(x, now_s() + WAIT_S + 1);
	assert_int_equal(t.alone, EK_HANDSHAKES);
	assert_int_equal(noted(x), 0);
	sampled_from(x, 5000);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, flows_setup, flows_teardown)
	const struct CMUnitTest tests[] = {
		T(one_flow_in_64_is_noted_to_every_backend),
		T(a_second_packet_marks_its_syn),
		T(a_syn_that_is_only_sent_again_is_not_followed),
		T(packets_of_other_flows_do_not_follow),
		T(an_error_about_the_flow_does_not_follow),
		T(udp_is_not_noted),
		T(a_syn_that_is_shed_is_not_noted),
		T(flows_of_one_client_are_told_apart_where_its_hash_is_one),
		T(a_flood_takes_no_more_than_its_places),
	};

	return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
