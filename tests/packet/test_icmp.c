// SPDX-License-Identifier: GPL-2.0
/* ICMP and ICMPv6 errors about a service's flow reach the backend that has the flow. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "error_frames.h"
#include "fixture.h"
#include "two_services.h"

static const char configuration[] =
	TWO_SERVICES "  sticky:\n"
		     "    listen: [\"203.0.113.10:80/tcp\", \"[2001:db8::10]:80/tcp\"]\n"
		     "    hash: source\n"
		     "    backends: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 }\n";

#define DESTINATION 60
#define FRAGMENT 44

static int setup(void **state)
{
	return fixture_begin(state, configuration);
}

static const char *service_of(const struct ends *e)
{
	return e->service == 53 ? "dns" : e->service == 80 ? "sticky" : "web";
}

static uint32_t backend_of(const struct fixture *x, const struct ends *e, const struct frame *in)
{
	struct frame out;
	size_t packet = in->length - FRAME_IP;

	if (fixture_run(x, in, &out) != XDP_TX)
		return EK_NO_BACKEND;
	/* Whole and unchanged behind whatever it was wrapped in. */
	assert_memory_equal(out.bytes + out.length - packet, in->bytes + FRAME_IP, packet);
	assert_true(frame_is_sound(&out, FRAME_IP));
	return fixture_backend_of(x, service_of(e), &out);
}

static uint32_t owner_of(const struct fixture *x, const struct ends *e)
{
	struct frame f;

	from_client(&f, e);
	return backend_of(x, e, &f);
}

/* ---- claims ---------------------------------------------------------------------------------- */

static const struct {
	unsigned int service;
	const char *proto;
} services[] = { { 443, "tcp" }, { 53, "udp" }, { 80, "tcp" } };

static void every_flows_error_reaches_its_backend(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int i = 0; i < 3 * 2 * 100; i++) {
		struct ends e = { i / 3 % 2, 20000 + i, services[i % 3].service,
				  services[i % 3].proto };
		uint32_t owner = owner_of(x, &e);
		struct frame about, in;

		assert_int_not_equal(owner, EK_NO_BACKEND);
		from_backend(&about, &e);
		fragmentation_needed(&in, &about, least(&about));
		assert_int_equal(backend_of(x, &e, &in), owner);
		fragmentation_needed(&in, &about, 500);
		assert_int_equal(backend_of(x, &e, &in), owner);
	}
}

static const struct kind {
	uint8_t type, code;
	bool ipv6, forwarded;
} kinds[] = {
	{ 3, 0, false, true },   { 3, 1, false, true },   { 3, 3, false, true },
	{ 3, 4, false, true },   { 11, 0, false, true },  { 11, 1, false, true },
	{ 12, 0, false, true },  { 1, 0, true, true },    { 1, 4, true, true },
	{ 2, 0, true, true },    { 3, 0, true, true },    { 3, 1, true, true },
	{ 4, 0, true, true },    { 0, 0, false, false },  { 4, 0, false, false },
	{ 5, 1, false, false },  { 13, 0, false, false }, { 2, 0, false, false },
	{ 5, 0, true, false },   { 0, 0, true, false },   { 11, 0, true, false },
	{ 129, 0, true, false }, { 133, 0, true, false }, { 134, 0, true, false },
	{ 135, 0, true, false }, { 136, 0, true, false }, { 137, 0, true, false },
	{ 130, 0, true, false }, { 143, 0, true, false },
};

static void errors_are_forwarded_and_other_kinds_are_passed(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *k = &kinds[i];
		struct ends e = { k->ipv6, 40000, 443, "tcp" };
		struct frame about, in, out;
		int verdict;

		from_backend(&about, &e);
		error_about(&in, &about, k->type, k->code, 100);
		verdict = fixture_run(x, &in, &out);
		if (verdict != (k->forwarded ? XDP_TX : XDP_PASS))
			fail_msg("type %u of ICMPv%u: verdict %d", k->type, k->ipv6 ? 6 : 4,
				 verdict);
		if (verdict == XDP_PASS) {
			assert_int_equal(out.length, in.length);
			assert_memory_equal(out.bytes, in.bytes, in.length);
		}
	}
}

/* One error as a router sends it, then something about it is changed. */
struct situation {
	struct fixture *x;
	struct ends e;
	struct frame about, in;
};

static void begin(struct situation *s, struct fixture *x, bool ipv6)
{
	*s = (struct situation){ .x = x, .e = { ipv6, 40000, 443, "tcp" } };
	from_backend(&s->about, &s->e);
	fragmentation_needed(&s->in, &s->about, least(&s->about));
}

static void expect_forwarded(const struct situation *s)
{
	assert_int_equal(backend_of(s->x, &s->e, &s->in), owner_of(s->x, &s->e));
}

static void expect_passed(const struct situation *s)
{
	uint64_t before = fixture_verdicts(s->x).passed;
	struct frame out;

	assert_int_equal(fixture_run(s->x, &s->in, &out), XDP_PASS);
	assert_int_equal(fixture_verdicts(s->x).passed, before + 1);
	assert_int_equal(out.length, s->in.length);
	assert_memory_equal(out.bytes, s->in.bytes, s->in.length);
}

static void expect_dropped(const struct situation *s, enum ek_drop reason)
{
	uint64_t before = fixture_dropped(s->x, reason);
	struct frame out;

	assert_int_equal(fixture_run(s->x, &s->in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(s->x, reason), before + 1);
}

static void tags_options_and_extension_headers_are_seen_through(void **state)
{
	static const uint8_t nops[40] = { 1, 1, 1, 1 };

	for (size_t length = 4; length <= 40; length += 36) {
		struct situation s;

		begin(&s, *state, false);
		frame_options(&s.in, FRAME_IP, nops, length); /* of the error */
		expect_forwarded(&s);
		frame_options(&s.about, FRAME_IP, nops, length); /* of what it quotes */
		fragmentation_needed(&s.in, &s.about, least(&s.about));
		expect_forwarded(&s);
		begin(&s, *state, true);
		frame_extend(&s.in, FRAME_IP, DESTINATION, (uint8_t)(length / 8), 0);
		expect_forwarded(&s);
		frame_extend(&s.about, FRAME_IP, DESTINATION, (uint8_t)(length / 8), 0);
		frame_extend(&s.about, FRAME_IP, 0, 0, 0);
		fragmentation_needed(&s.in, &s.about, least(&s.about) + 16 + length / 8 * 8);
		expect_forwarded(&s);
	}
	for (unsigned int i = 0; i < 4; i++) {
		struct situation s;
		struct frame expected, out;

		begin(&s, *state, i % 2);
		assert_int_equal(fixture_run(s.x, &s.in, &expected), XDP_TX);
		frame_tag(&expected, 1 + i / 2);
		frame_tag(&s.in, 1 + i / 2);
		assert_int_equal(fixture_run(s.x, &s.in, &out), XDP_TX);
		assert_int_equal(out.length, expected.length);
		assert_memory_equal(out.bytes, expected.bytes, expected.length);
	}
}

static void an_error_about_a_first_fragment_is_forwarded_and_about_a_later_one_passed(void **state)
{
	struct situation s;

	begin(&s, *state, false);
	s.about.bytes[FRAME_IP + 6] = 0x20; /* more fragments */
	fragmentation_needed(&s.in, &s.about, 100);
	expect_forwarded(&s);
	s.about.bytes[FRAME_IP + 7] = 0x10; /* offset */
	fragmentation_needed(&s.in, &s.about, 100);
	expect_passed(&s);
	begin(&s, *state, true);
	frame_extend(&s.about, FRAME_IP, FRAGMENT, 0, 0);
	s.about.bytes[FRAME_IP + 40 + 3] = 1;
	fragmentation_needed(&s.in, &s.about, 100);
	expect_forwarded(&s);
	s.about.bytes[FRAME_IP + 40 + 3] = 0x48;
	fragmentation_needed(&s.in, &s.about, 100);
	expect_passed(&s);
}

static void an_error_in_fragments_is_passed(void **state)
{
	struct situation s;

	begin(&s, *state, false);
	s.in.bytes[FRAME_IP + 6] = 0x20;
	expect_passed(&s);
	begin(&s, *state, true);
	frame_extend(&s.in, FRAME_IP, FRAGMENT, 0, 0);
	s.in.bytes[FRAME_IP + 40 + 3] = 1;
	expect_passed(&s);
}

static void what_is_not_about_a_service_is_passed(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		size_t source = ipv6 ? 23 : 15, dest = ipv6 ? 39 : 19, type = ipv6 ? 6 : 9;
		struct situation s;

		begin(&s, *state, ipv6);
		s.e.service = 444; /* nobody's */
		from_backend(&s.about, &s.e);
		fragmentation_needed(&s.in, &s.about, 100);
		expect_passed(&s);

		begin(&s, *state, ipv6); /* TCP's port, but UDP */
		s.about.bytes[FRAME_IP + type] = IPPROTO_UDP;
		fragmentation_needed(&s.in, &s.about, 100);
		expect_passed(&s);

		begin(&s, *state, ipv6); /* about ICMP */
		s.about.bytes[FRAME_IP + type] = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		fragmentation_needed(&s.in, &s.about, 100);
		expect_passed(&s);

		begin(&s, *state, ipv6); /* about another sender's packet */
		s.about.bytes[FRAME_IP + source] ^= 1;
		fragmentation_needed(&s.in, &s.about, 100);
		expect_passed(&s);

		begin(&s, *state, ipv6); /* to another address */
		s.in.bytes[FRAME_IP + dest] ^= 1;
		expect_passed(&s);

		begin(&s, *state, ipv6); /* the client's packet, not the backend's */
		from_client(&s.about, &s.e);
		fragmentation_needed(&s.in, &s.about, 45);
		expect_passed(&s);

		begin(&s, *state, ipv6); /* the other family's */
		s.e.ipv6 = !ipv6;
		from_backend(&s.about, &s.e);
		fragmentation_needed(&s.in, &s.about, 100);
		s.in.bytes[FRAME_IP + 8 + (ipv6 ? 20 : 40)] ^= 0x20;
		expect_passed(&s);
	}
}

static void a_quote_shorter_than_the_least_is_passed(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct situation s;
		size_t whole;

		begin(&s, *state, ipv6);
		whole = least(&s.about);
		for (size_t length = 0; length < whole; length++) {
			fragmentation_needed(&s.in, &s.about, length);
			expect_passed(&s);
			/* What Ethernet pads, or a later byte of the frame, is no quote. */
			s.in.length += 60;
			expect_passed(&s);
		}
		fragmentation_needed(&s.in, &s.about, whole);
		expect_forwarded(&s);
	}
}

static void a_frame_cut_anywhere_is_never_forwarded(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct situation s;
		size_t whole;

		begin(&s, *state, ipv6);
		fragmentation_needed(&s.in, &s.about, 200);
		whole = s.in.length;
		for (size_t length = 14; length < whole; length++) {
			struct ek_verdicts before = fixture_verdicts(s.x), after;
			struct frame out;
			int verdict;

			s.in.length = length;
			verdict = fixture_run(s.x, &s.in, &out);
			after = fixture_verdicts(s.x);
			/* Without the quote it is anybody's; with it, a service's. */
			if (length < FRAME_IP + (ipv6 ? 40u : 20u) + 8 + least(&s.about))
				assert_int_equal(verdict, XDP_PASS);
			else
				assert_int_equal(verdict, XDP_DROP);
			assert_int_equal(after.passed + after.dropped[EK_DROP_TRUNCATED],
					 before.passed + before.dropped[EK_DROP_TRUNCATED] + 1);
		}
	}
}

static void an_error_from_or_to_nobody_is_dropped(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		size_t source = ipv6 ? 8 : 12, client = ipv6 ? 24 : 16;
		struct situation s;

		begin(&s, *state, ipv6);
		s.in.bytes[FRAME_IP + source] = 0xff;
		expect_dropped(&s, EK_DROP_BAD_SOURCE);
		begin(&s, *state, ipv6);
		s.about.bytes[FRAME_IP + client] = 0xff;
		fragmentation_needed(&s.in, &s.about, 100);
		expect_dropped(&s, EK_DROP_BAD_SOURCE);
		begin(&s, *state, ipv6);
		memset(s.about.bytes + FRAME_IP + (ipv6 ? 42 : 22), 0, 2);
		fragmentation_needed(&s.in, &s.about, 100);
		expect_dropped(&s, EK_DROP_ZERO_PORT);
	}
}

static void an_error_too_big_for_the_way_is_dropped(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct situation s;

		begin(&s, *state, ipv6);
		s.about.length = 1500;
		fragmentation_needed(&s.in, &s.about, 1480 - (ipv6 ? 48 : 28) + 1);
		expect_dropped(&s, EK_DROP_TOO_BIG);
	}
}

static void errors_are_counted_as_packets_of_their_backend_and_no_new_flows(void **state)
{
	struct fixture *x = *state;
	struct situation s;
	struct dp_traffic before, after;
	uint32_t backend;

	begin(&s, x, false);
	backend = owner_of(x, &s.e);
	dp_traffic(x->dp, backend, &before);
	expect_forwarded(&s);
	dp_traffic(x->dp, backend, &after);
	assert_int_equal(after.packets, before.packets + 2);
	assert_int_equal(after.flows, before.flows);
}

/* ---- unsettled slots ------------------------------------------------------------------------- */

#define ONE(name, address)                                                                         \
	"services:\n  web:\n"                                                                      \
	"    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"                     \
	"    forward: ipip\n    backends: { " name ": " address " }\n"

static uint32_t send_tcp(const struct fixture *x, const struct ends *e, uint8_t flags, uint32_t seq)
{
	struct frame f;
	char flow[96];

	snprintf(flow, sizeof(flow),
		 e->ipv6 ? "[2001:db8:1::7]:%u > [" VIP6 "]:443/tcp"
			 : "198.51.100.7:%u > " VIP4 ":443/tcp",
		 e->port);
	frame_build(&f, &(struct segment){ .flow = flow, .tcp_flags = flags, .seq = seq });
	return backend_of(x, e, &f);
}

static uint32_t send_error(const struct fixture *x, const struct ends *e)
{
	struct frame about, in;

	from_backend(&about, e);
	fragmentation_needed(&in, &about, least(&about));
	return backend_of(x, e, &in);
}

static void during_a_change_an_error_follows_its_flow_and_nothing_is_stored(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct ends old = { ipv6, 40000, 443, "tcp" }, new = { ipv6, 40001, 443, "tcp" };
		uint32_t a, b;
		struct fixture x;
		uint64_t stored;

		fixture_open(&x, ONE("a", "10.0.0.1"));
		a = send_error(&x, &old);
		fixture_install(&x, ONE("b", "10.0.0.2"));
		b = send_tcp(&x, &new, TCP_SYN, 7);
		assert_int_equal(send_tcp(&x, &new, TCP_ACK, 8), b);
		assert_int_not_equal(a, b);
		stored = fixture_verdicts(&x).stored;
		assert_int_equal(stored, 1);
		assert_int_equal(send_error(&x, &new), b);
		assert_int_equal(send_error(&x, &old), a);
		assert_int_equal(fixture_verdicts(&x).stored, stored);
		fixture_close(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flows_error_reaches_its_backend),
		cmocka_unit_test(errors_are_forwarded_and_other_kinds_are_passed),
		cmocka_unit_test(tags_options_and_extension_headers_are_seen_through),
		cmocka_unit_test(
			an_error_about_a_first_fragment_is_forwarded_and_about_a_later_one_passed),
		cmocka_unit_test(an_error_in_fragments_is_passed),
		cmocka_unit_test(what_is_not_about_a_service_is_passed),
		cmocka_unit_test(a_quote_shorter_than_the_least_is_passed),
		cmocka_unit_test(a_frame_cut_anywhere_is_never_forwarded),
		cmocka_unit_test(an_error_from_or_to_nobody_is_dropped),
		cmocka_unit_test(an_error_too_big_for_the_way_is_dropped),
		cmocka_unit_test(errors_are_counted_as_packets_of_their_backend_and_no_new_flows),
		cmocka_unit_test(during_a_change_an_error_follows_its_flow_and_nothing_is_stored),
	};

	return cmocka_run_group_tests_name("icmp", tests, setup, fixture_end);
}
