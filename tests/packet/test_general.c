// SPDX-License-Identifier: GPL-2.0
/* What the XDP program does with packets that are not plain: VLAN tags, IPv4 options, IPv6
 * extension headers; and with frames that were not sent to this host. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"
#include "two_services.h"

#define OTHER4 "198.51.100.7:40000 > 203.0.113.10:444/tcp"
#define OTHER6 "[2001:db8:1::7]:40000 > [2001:db8::10]:444/tcp"

static const char *const flows[] = { WEB4, WEB6, DNS4, DNS6 };
#define FLOWS (sizeof(flows) / sizeof(flows[0]))

static int setup(void **state)
{
	return fixture_begin(state, TWO_SERVICES);
}

static void tagged(struct frame *out, const char *flow, size_t tags)
{
	frame_build(out, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK, .payload = 40 });
	frame_tag(out, tags);
}

/* The frame that goes out is the one that goes out for the packet without tags, tags inserted. */
static void a_tagged_frame_leaves_as_the_untagged_one_would_with_its_tags(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < FLOWS; i++) {
		struct frame plain, expected, in, out;

		frame_build(&plain, &(struct segment){ .flow = flows[i],
						       .tcp_flags = TCP_ACK,
						       .payload = 40 });
		for (size_t tags = 1; tags <= 2; tags++) {
			assert_int_equal(fixture_run(x, &plain, &expected), XDP_TX);
			frame_tag(&expected, tags);
			tagged(&in, flows[i], tags);
			assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
			assert_int_equal(out.length, expected.length);
			assert_memory_equal(out.bytes, expected.bytes, expected.length);
		}
	}
}

static void a_tagged_frame_for_nobody_is_passed_untouched(void **state)
{
	static const char *const others[] = { OTHER4, OTHER6 };
	const struct fixture *x = *state;

	for (size_t i = 0; i < 4; i++) {
		struct frame in, out;

		tagged(&in, others[i % 2], 1 + i / 2);
		assert_int_equal(fixture_run(x, &in, &out), XDP_PASS);
		assert_int_equal(out.length, in.length);
		assert_memory_equal(out.bytes, in.bytes, in.length);
	}
}

static void three_tags_are_passed(void **state)
{
	static const uint8_t third[] = { 0x81, 0x00, 0x00, 0x07 };
	const struct fixture *x = *state;
	struct frame in, out;

	tagged(&in, WEB4, 2);
	frame_insert(&in, 12, third, sizeof(third));
	assert_int_equal(fixture_run(x, &in, &out), XDP_PASS);
}

/* ---- the path's own opinion ----------------------------------------------------------------- */

/* Sets a path flag, and the tag where it is one, for all backends. */
static void set_paths(const struct fixture *x, uint8_t flags, uint16_t tci)
{
	for (uint32_t i = 1; i < x->dp->sizes.backends; i++) {
		struct ek_path *path = &x->dp->backends[i].path[0];

		if (!(path->flags & EK_PATH_NEXT_HOP))
			continue;
		path->flags |= flags;
		if (flags & EK_PATH_TAGGED) {
			path->header[12] = (uint8_t)(tci >> 8);
			path->header[13] = (uint8_t)tci;
		}
	}
}

static void expect_tagged(const struct fixture *x, const struct frame *in,
			  const struct frame *untagged, const uint8_t *tag, size_t length)
{
	struct frame expected = *untagged, out;

	frame_insert(&expected, 12, tag, length);
	assert_int_equal(fixture_run(x, in, &out), XDP_TX);
	assert_int_equal(out.length, expected.length);
	assert_memory_equal(out.bytes, expected.bytes, expected.length);
}

static void a_path_decides_the_tag_where_it_has_one(void **state)
{
	static const uint8_t own[] = { 0x81, 0x00, 0x00, 0x2a };
	static const uint8_t service[] = { 0x88, 0xa8, 0x00, 0x2a };
	struct fixture x;

	fixture_open(&x, TWO_SERVICES);
	for (size_t i = 0; i < FLOWS; i++) {
		struct frame plain, in, untagged;

		frame_build(&plain, &(struct segment){ .flow = flows[i],
						       .tcp_flags = TCP_ACK,
						       .payload = 40 });
		fixture_paths(&x);
		assert_int_equal(fixture_run(&x, &plain, &untagged), XDP_TX);
		set_paths(&x, EK_PATH_TAGGED, 42);
		expect_tagged(&x, &plain, &untagged, own, sizeof(own));
		tagged(&in, flows[i], 2);
		expect_tagged(&x, &in, &untagged, own, sizeof(own));
		set_paths(&x, EK_PATH_TAGGED | EK_PATH_SERVICE_TAG, 42);
		expect_tagged(&x, &plain, &untagged, service, sizeof(service));
		expect_tagged(&x, &in, &untagged, service, sizeof(service));
	}
	fixture_close(&x);
}

static const char stripping[] =
	"services:\n"
	"  web:\n"
	"    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"
	"    vlan: strip\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: \"fd00::3\", d: \"fd00::4\" }\n"
	"  dns:\n"
	"    listen: [\"203.0.113.10:53/udp\", \"[2001:db8::10]:53/udp\"]\n"
	"    forward: l2\n"
	"    vlan: strip\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 }\n";

static void a_service_that_strips_tags_sends_none(void **state)
{
	struct fixture x;

	fixture_open(&x, stripping);
	for (size_t i = 0; i < FLOWS; i++) {
		struct frame plain, in, untagged;

		frame_build(&plain, &(struct segment){ .flow = flows[i],
						       .tcp_flags = TCP_ACK,
						       .payload = 40 });
		assert_int_equal(fixture_run(&x, &plain, &untagged), XDP_TX);
		tagged(&in, flows[i], 1);
		expect_tagged(&x, &in, &untagged, (const uint8_t *)"", 0);
	}
	fixture_close(&x);
}

static void stripping_begins_with_the_change_that_says_so(void **state)
{
	struct frame in, out;
	struct fixture x;

	fixture_open(&x, TWO_SERVICES);
	tagged(&in, WEB4, 1);
	assert_int_equal(fixture_run(&x, &in, &out), XDP_TX);
	assert_int_equal(out.bytes[12], 0x81);
	fixture_install(&x, stripping);
	assert_int_equal(fixture_run(&x, &in, &out), XDP_TX);
	assert_int_not_equal(out.bytes[12], 0x81);
	fixture_install(&x, TWO_SERVICES);
	assert_int_equal(fixture_run(&x, &in, &out), XDP_TX);
	assert_int_equal(out.bytes[12], 0x81);
	fixture_close(&x);
}

/* ---- whose frame is it? ---------------------------------------------------------------------- */

static int run_to(const struct fixture *x, const uint8_t mac[6], const char *flow)
{
	struct frame in, out;

	frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK });
	memcpy(in.bytes, mac, 6);
	return fixture_run(x, &in, &out);
}

static void a_frame_to_another_hosts_address_is_passed(void **state)
{
	static const uint8_t ours[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 3 };
	struct fixture x;

	fixture_open(&x, TWO_SERVICES);
	for (size_t i = 0; i < FLOWS; i++) {
		assert_int_equal(dp_macs_set(x.dp, ours, 2), 0);
		assert_int_equal(run_to(&x, ours[0], flows[i]), XDP_TX);
		assert_int_equal(run_to(&x, ours[1], flows[i]), XDP_TX);
		assert_int_equal(run_to(&x, other, flows[i]), XDP_PASS);
		assert_int_equal(dp_macs_set(x.dp, &other, 1), 0);
		assert_int_equal(run_to(&x, other, flows[i]), XDP_TX);
		assert_int_equal(run_to(&x, ours[1], flows[i]), XDP_PASS);
		assert_int_equal(dp_macs_set(x.dp, NULL, 0), 0);
		assert_int_equal(run_to(&x, ours[1], flows[i]), XDP_TX);
	}
	fixture_close(&x);
}

/* ---- what stands behind the packet ----------------------------------------------------------- */

static void padding_beyond_the_mtu_is_dropped_as_a_bad_length(void **state)
{
	struct fixture *x = *state;

	for (size_t i = 0; i < FLOWS; i++) {
		uint64_t before = fixture_dropped(x, EK_DROP_BAD_LENGTH);
		struct frame in, out;

		frame_build(&in, &(struct segment){ .flow = flows[i], .tcp_flags = TCP_ACK });
		in.length = FRAME_IP + 1500 + 1; /* whatever is put in front of it */
		assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
		assert_int_equal(fixture_dropped(x, EK_DROP_BAD_LENGTH), before + 1);
	}
}

/* ---- IPv6 extension headers ------------------------------------------------------------------ */

#define HOP_BY_HOP 0
#define ROUTING 43
#define DESTINATION 60

static uint32_t backend_of(const struct fixture *x, const struct frame *in)
{
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_TX);
	assert_memory_equal(out.bytes + out.length - (in->length - FRAME_IP), in->bytes + FRAME_IP,
			    in->length - FRAME_IP);
	return fixture_backend_of(x, "web", &out);
}

static void extension_headers_are_seen_through(void **state)
{
	static const uint8_t types[] = { HOP_BY_HOP, ROUTING, DESTINATION };
	const struct fixture *x = *state;
	struct frame plain;
	uint32_t expected;

	frame_build(&plain, &(struct segment){ .flow = WEB6, .tcp_flags = TCP_ACK, .payload = 9 });
	expected = backend_of(x, &plain);
	for (size_t i = 0; i < 3; i++) {
		struct frame in = plain;

		frame_extend(&in, FRAME_IP, types[i], 0, 0);
		assert_int_equal(backend_of(x, &in), expected);
		frame_extend(&in, FRAME_IP, types[(i + 1) % 3], 3, 0);
		assert_int_equal(backend_of(x, &in), expected);
		frame_extend(&in, FRAME_IP, types[(i + 2) % 3], 1, 0);
		assert_int_equal(backend_of(x, &in), expected);
	}
}

static void a_packet_with_a_further_stop_is_passed(void **state)
{
	const struct fixture *x = *state;
	struct frame in, out;

	frame_build(&in, &(struct segment){ .flow = WEB6, .tcp_flags = TCP_ACK });
	frame_extend(&in, FRAME_IP, ROUTING, 0, 1);
	assert_int_equal(fixture_run(x, &in, &out), XDP_PASS);
}

static void more_extension_headers_than_anyone_sends_are_passed(void **state)
{
	const struct fixture *x = *state;
	struct frame in, out;

	frame_build(&in, &(struct segment){ .flow = WEB6, .tcp_flags = TCP_ACK });
	for (int i = 0; i < 7; i++)
		frame_extend(&in, FRAME_IP, DESTINATION, 0, 0);
	assert_int_equal(fixture_run(x, &in, &out), XDP_PASS);
}

/* A frame cut at every length is never forwarded unless whole, and always counted once. */
static void a_frame_cut_anywhere_is_never_forwarded(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < 3; i++) {
		struct frame whole, cut, out;

		frame_build(&whole, &(struct segment){ .flow = i ? WEB6 : WEB4, .payload = 5 });
		if (i == 2) {
			frame_extend(&whole, FRAME_IP, DESTINATION, 1, 0);
			frame_extend(&whole, FRAME_IP, HOP_BY_HOP, 0, 0);
		}
		frame_tag(&whole, 2);
		for (size_t length = 14; length < whole.length; length++) {
			struct ek_verdicts before = fixture_verdicts(x), after;
			int verdict;

			cut = whole;
			cut.length = length;
			verdict = fixture_run(x, &cut, &out);
			after = fixture_verdicts(x);
			if (verdict == XDP_PASS)
				assert_int_equal(after.passed, before.passed + 1);
			else
				assert_int_equal(verdict, XDP_DROP);
		}
		assert_int_equal(fixture_run(x, &whole, &out), XDP_TX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tagged_frame_leaves_as_the_untagged_one_would_with_its_tags),
		cmocka_unit_test(a_tagged_frame_for_nobody_is_passed_untouched),
		cmocka_unit_test(three_tags_are_passed),
		cmocka_unit_test(a_path_decides_the_tag_where_it_has_one),
		cmocka_unit_test(a_service_that_strips_tags_sends_none),
		cmocka_unit_test(stripping_begins_with_the_change_that_says_so),
		cmocka_unit_test(a_frame_to_another_hosts_address_is_passed),
		cmocka_unit_test(padding_beyond_the_mtu_is_dropped_as_a_bad_length),
		cmocka_unit_test(extension_headers_are_seen_through),
		cmocka_unit_test(a_packet_with_a_further_stop_is_passed),
		cmocka_unit_test(more_extension_headers_than_anyone_sends_are_passed),
		cmocka_unit_test(a_frame_cut_anywhere_is_never_forwarded),
	};

	return cmocka_run_group_tests_name("general", tests, setup, fixture_end);
}
