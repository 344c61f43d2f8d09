// SPDX-License-Identifier: GPL-2.0
/* nat: ICMP errors in both directions, and fragments. */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "nat_scene.h"
#include "sandbox.h"

/* IPv4 and IPv6 in turn, as the flows are. */
static const char *const client[2] = { "198.51.100.7", "2001:db8:1::7" };
static const char *const router[2] = { "198.51.100.1", "2001:db8:1::1" };
static const char *const vip[2] = { "203.0.113.10", "2001:db8::10" };
static const char *const servers[2][2] = { { "10.0.0.1", "10.0.0.2" }, { "fd00::1", "fd00::2" } };
static const char *const inner_router[2] = { "10.0.0.77", "fd00::77" };

/* How much of the transport header and what follows is quoted: the least, TCP up to and without
 * its checksum, and more. */
static const size_t quoted[] = { 8, 16, 18, 20, 48 };
#define QUOTED (sizeof(quoted) / sizeof(quoted[0]))

/* "Fragmentation needed" or "packet too big", from `from` to `to`, about the packet of `flow`. */
static void error_about(struct frame *out, const char *from, const char *to, const char *flow,
			size_t transport)
{
	struct frame about;
	struct message m = { .from = from, .to = to, .rest = 1280 };
	bool ipv4;

	nat_build(&about, flow);
	ipv4 = about.bytes[FRAME_IP] >> 4 == 4;
	m.type = ipv4 ? 3 : 2;
	m.code = ipv4 ? 4 : 0;
	m.body = about.bytes + FRAME_IP;
	m.length = (ipv4 ? 20 : 40) + transport;
	frame_build_icmp(out, &m);
}

static void an_error_about_an_answer_reaches_the_backend_as_about_its_own(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS * QUOTED; i++) {
		const struct nat_flow *row = &nat_flows[i % NAT_FLOWS];
		size_t six = i % 2, size = quoted[i / NAT_FLOWS];
		struct frame in, out, want, packet;
		int backend;

		nat_build(&packet, row->flow);
		assert_int_equal(fixture_run(x, &packet, &out), XDP_TX);
		backend = nat_backend_of(x, row, &out);

		error_about(&in, router[six], vip[six], row->answered, size);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		error_about(&want, router[six], servers[six][backend], row->answer[backend], size);
		nat_hop(&want);
		nat_assert_same(&out, &want);
		assert_int_equal(nat_backend_of(x, row, &out), backend);
		assert_true(frame_is_sound(&out, FRAME_IP));
	}
}

static void an_error_from_a_backend_is_the_services(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS * QUOTED; i++) {
		const struct nat_flow *row = &nat_flows[i % NAT_FLOWS];
		size_t six = i % 2, size = quoted[i / NAT_FLOWS];
		struct frame in, out, want;

		error_about(&in, servers[six][i % 3 == 0], client[six], row->inside[i % 3 == 0],
			    size);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		error_about(&want, vip[six], client[six], row->flow, size);
		nat_hop(&want);
		nat_assert_same(&out, &want);
		assert_memory_equal(out.bytes, nat_router_mac, 6);
		assert_true(frame_is_sound(&out, FRAME_IP));
	}
}

/* Between this host and the backend: it is who it is, but knows the backend's address. */
static void an_error_from_a_router_before_a_backend_speaks_of_the_service(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		const struct nat_flow *row = &nat_flows[i];
		struct frame in, out, want;

		error_about(&in, inner_router[i % 2], client[i % 2], row->inside[0], 8);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		error_about(&want, inner_router[i % 2], client[i % 2], row->flow, 8);
		nat_hop(&want);
		nat_assert_same(&out, &want);
		assert_true(frame_is_sound(&out, FRAME_IP));
	}
}

static void an_error_about_nothing_of_ours_is_passed_untouched(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < 2; i++) {
		static const char *const others[2] = {
			"198.51.100.7:40000 > 10.0.0.1:8444/tcp",
			"[2001:db8:1::7]:40000 > [fd00::1]:8444/tcp",
		};
		static const char *const forged[2] = {
			"198.51.100.8:40000 > 10.0.0.1:8443/tcp",
			"[2001:db8:1::8]:40000 > [fd00::1]:8443/tcp",
		};
		struct frame in;

		/* Another port's; of a packet that its addressee did not send; too short. */
		error_about(&in, servers[i][0], client[i], others[i], 8);
		nat_assert_untouched(x, &in);
		error_about(&in, servers[i][0], client[i], forged[i], 8);
		nat_assert_untouched(x, &in);
		error_about(&in, servers[i][0], client[i], nat_flows[i].inside[0], 7);
		nat_assert_untouched(x, &in);
		/* To this host itself, which has sent that: a probe. */
		error_about(&in, servers[i][0], i ? "fd00::fe" : "10.0.0.254",
			    i ? "[fd00::fe]:40000 > [fd00::1]:8443/tcp"
			      : "10.0.0.254:40000 > 10.0.0.1:8443/tcp",
			    8);
		nat_assert_untouched(x, &in);
	}
}

static void an_echo_between_a_backend_and_anyone_is_passed_untouched(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < 4; i++) {
		struct frame in;
		struct message m = {
			.from = servers[i % 2][0],
			.to = client[i % 2],
			.type = i < 2 ? (i % 2 ? 128 : 8) : (i % 2 ? 129 : 0),
			.rest = 77,
		};

		frame_build_icmp(&in, &m);
		nat_assert_untouched(x, &in);
	}
}

/* ---- fragments ------------------------------------------------------------------------------- */

#define PAYLOAD 2000
#define FIRST 800

static void part_of(struct frame *out, const char *flow, uint16_t id, int part)
{
	struct segment s = nat_segment(flow);
	struct frame whole;
	size_t all;

	s.payload = PAYLOAD;
	frame_build(&whole, &s);
	all = whole.length - FRAME_IP - frame_ip_header(whole.bytes + FRAME_IP);
	frame_fragment(out, &whole, id, part ? FIRST : 0, part ? all - FIRST : FIRST);
}

static void fragments_go_to_the_backend_as_parts_of_what_it_is_sent(void **state)
{
	const struct fixture *x = *state;

	for (uint16_t i = 0; i < NAT_FLOWS; i++) {
		const struct nat_flow *row = &nat_flows[i];
		int backend = 0;

		for (int part = 0; part < 2; part++) {
			struct frame in, out, want;

			part_of(&in, row->flow, 100 + i, part);
			assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
			if (!part)
				backend = nat_backend_of(x, row, &out);
			part_of(&want, row->inside[backend], 100 + i, part);
			nat_hop(&want);
			nat_assert_same(&out, &want);
		}
	}
}

static void fragments_of_an_answer_have_the_services_address(void **state)
{
	const struct fixture *x = *state;

	for (uint16_t i = 0; i < NAT_FLOWS; i++) {
		for (int part = 0; part < 2; part++) {
			struct frame in, out, want;

			part_of(&in, nat_flows[i].answer[1], 200 + i, part);
			assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
			part_of(&want, nat_flows[i].answered, 200 + i, part);
			nat_hop(&want);
			nat_assert_same(&out, &want);
		}
	}
}

static void fragments_of_no_answer_are_passed_untouched(void **state)
{
	static const char *const others[2] = {
		"10.0.0.1:8444 > 198.51.100.7:40000/tcp",
		"[fd00::1]:8444 > [2001:db8:1::7]:40000/tcp",
	};
	const struct fixture *x = *state;

	for (size_t i = 0; i < 4; i++) {
		struct frame in;

		part_of(&in, others[i % 2], 300, i / 2);
		nat_assert_untouched(x, &in);
		/* An answer's, but the first one has not come. */
		part_of(&in, nat_flows[i].answer[0], 301, 1);
		nat_assert_untouched(x, &in);
	}
}

static void a_part_that_is_shorter_than_its_headers_is_passed_untouched(void **state)
{
	const struct fixture *x = *state;

	for (uint16_t i = 0; i < NAT_FLOWS; i++) {
		bool ipv6 = i % 2;
		struct frame in, out;

		part_of(&in, nat_flows[i].answer[1], 400 + i, 0);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		part_of(&in, nat_flows[i].answer[1], 400 + i, 1);
		in.bytes[FRAME_IP + (ipv6 ? 4 : 2)] = 0;
		in.bytes[FRAME_IP + (ipv6 ? 5 : 3)] = ipv6 ? 8 : 20; /* nothing behind them */
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		in.bytes[FRAME_IP + (ipv6 ? 5 : 3)]--;
		nat_assert_untouched(x, &in);
	}
}

/* ---- tags and headers between ---------------------------------------------------------------- */

static void tags_stay_toward_a_backend_and_end_toward_an_untagged_network(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in, out, want, plain;

		nat_build(&plain, nat_flows[i].flow);
		assert_int_equal(fixture_run(x, &plain, &want), XDP_TX);
		frame_tag(&want, 2);
		frame_tag(&plain, 2);
		assert_int_equal(fixture_run(x, &plain, &out), XDP_TX);
		nat_assert_same(&out, &want);

		nat_build(&in, nat_flows[i].answer[0]);
		frame_tag(&in, 2);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		nat_build(&want, nat_flows[i].answered);
		nat_hop(&want);
		nat_assert_same(&out, &want);
	}
}

static void a_tagged_answer_that_the_kernel_forwards_keeps_its_tags(void **state)
{
	const struct fixture *x = *state;

	shell("ip neigh del 192.0.2.9 dev front && ip neigh del 2001:db8:f::9 dev front");
	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in, out, want;

		nat_build(&in, nat_flows[i].answer[0]);
		frame_tag(&in, 2);
		nat_build(&want, nat_flows[i].answered);
		frame_tag(&want, 2);
		assert_int_equal(fixture_run(x, &in, &out), XDP_PASS);
		assert_int_equal(out.length, want.length);
		assert_memory_equal(out.bytes, want.bytes, want.length);
	}
	shell("ip neigh add 192.0.2.9 lladdr 02:cc:00:00:00:09 dev front nud permanent");
	shell("ip neigh add 2001:db8:f::9 lladdr 02:cc:00:00:00:09 dev front nud permanent");
}

static void with_headers(struct frame *f, const char *flow)
{
	static const uint8_t options[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };

	nat_build(f, flow);
	if (f->bytes[FRAME_IP] >> 4 == 4) {
		frame_options(f, FRAME_IP, options, sizeof(options));
	} else {
		frame_extend(f, FRAME_IP, 60, 1, 0);
		frame_extend(f, FRAME_IP, 0, 0, 0);
	}
}

static void options_and_extension_headers_stay_as_they_are(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		const struct nat_flow *row = &nat_flows[i];
		struct frame in, out, want;

		with_headers(&in, row->flow);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		with_headers(&want, row->inside[nat_backend_of(x, row, &out)]);
		nat_hop(&want);
		nat_assert_same(&out, &want);

		with_headers(&in, row->answer[0]);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		with_headers(&want, row->answered);
		nat_hop(&want);
		nat_assert_same(&out, &want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_about_an_answer_reaches_the_backend_as_about_its_own),
		cmocka_unit_test(an_error_from_a_backend_is_the_services),
		cmocka_unit_test(an_error_from_a_router_before_a_backend_speaks_of_the_service),
		cmocka_unit_test(an_error_about_nothing_of_ours_is_passed_untouched),
		cmocka_unit_test(an_echo_between_a_backend_and_anyone_is_passed_untouched),
		cmocka_unit_test(fragments_go_to_the_backend_as_parts_of_what_it_is_sent),
		cmocka_unit_test(fragments_of_an_answer_have_the_services_address),
		cmocka_unit_test(fragments_of_no_answer_are_passed_untouched),
		cmocka_unit_test(a_part_that_is_shorter_than_its_headers_is_passed_untouched),
		cmocka_unit_test(tags_stay_toward_a_backend_and_end_toward_an_untagged_network),
		cmocka_unit_test(a_tagged_answer_that_the_kernel_forwards_keeps_its_tags),
		cmocka_unit_test(options_and_extension_headers_stay_as_they_are),
	};

	return cmocka_run_group_tests_name("nat_related", tests, nat_setup, nat_teardown);
}
