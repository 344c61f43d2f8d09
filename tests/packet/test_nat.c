// SPDX-License-Identifier: GPL-2.0
/* nat: what goes to a backend, and that checksums are right there and back. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "nat_scene.h"
#include "lib/addr.h"

/* ---- to the backend -------------------------------------------------------------------------- */

static void a_packet_goes_to_its_backends_address_and_port(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct ek_verdicts before = fixture_verdicts(x), after;
		struct frame in, out, want;

		nat_build(&in, nat_flows[i].flow);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		nat_build(&want, nat_flows[i].inside[nat_backend_of(x, &nat_flows[i], &out)]);
		nat_hop(&want);
		nat_assert_same(&out, &want);
		assert_true(frame_is_sound(&out, FRAME_IP));
		after = fixture_verdicts(x);
		assert_int_equal(after.sent, before.sent + 1);
	}
}

static void its_last_hop_is_here(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		uint64_t before = fixture_dropped(x, EK_DROP_HOP_LIMIT);
		struct frame in, out;

		nat_build(&in, nat_flows[i].flow);
		nat_hop_to_last(&in);
		assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
		assert_int_equal(fixture_dropped(x, EK_DROP_HOP_LIMIT), before + 1);
	}
}

static void a_packet_as_large_as_the_mtu_fits(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct segment s = nat_segment(nat_flows[i].flow);
		struct frame in, out;
		uint64_t answered;

		frame_build(&in, &s);
		s.payload += 1500 - (in.length - FRAME_IP);
		frame_build(&in, &s);
		assert_int_equal(in.length, FRAME_IP + 1500);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		assert_true(frame_is_sound(&out, FRAME_IP));
		s.payload++;
		frame_build(&in, &s);
		answered = fixture_verdicts(x).answered_too_big;
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		assert_int_equal(fixture_verdicts(x).answered_too_big, answered + 1);
	}
}

static uint8_t *udp_check(struct frame *f)
{
	return f->bytes + FRAME_IP + frame_ip_header(f->bytes + FRAME_IP) + 6;
}

static void a_udp_packet_without_checksum_gets_none(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 2; i < NAT_FLOWS; i++) {
		struct frame in, out, want;

		nat_build(&in, nat_flows[i].flow);
		memset(udp_check(&in), 0, 2);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		nat_build(&want, nat_flows[i].inside[nat_backend_of(x, &nat_flows[i], &out)]);
		memset(udp_check(&want), 0, 2);
		nat_hop(&want);
		nat_assert_same(&out, &want);
	}
}

/* ---- checksums on the edge ------------------------------------------------------------------- */

static size_t check_at(const struct frame *f, uint8_t proto)
{
	return FRAME_IP + frame_ip_header(f->bytes + FRAME_IP) + (proto == IPPROTO_TCP ? 16 : 6);
}

static uint8_t proto_of(const struct frame *f)
{
	const uint8_t *ip = f->bytes + FRAME_IP;

	return ip[0] >> 4 == 4 ? ip[9] : ip[6];
}

/* Sets the first two bytes of payload so that the checksum comes out as 0, and the checksum to
 * how that is sent; UDP's is then 0xffff. */
static uint16_t make_zero(struct frame *f)
{
	uint8_t proto = proto_of(f);
	size_t at = check_at(f, proto);
	size_t payload = at + (proto == IPPROTO_TCP ? 4 : 2);
	uint16_t check = (uint16_t)(f->bytes[at] << 8 | f->bytes[at + 1]);
	uint32_t word = (uint32_t)(f->bytes[payload] << 8 | f->bytes[payload + 1]) + check;

	word = (word & 0xffff) + (word >> 16);
	f->bytes[payload] = (uint8_t)(word >> 8);
	f->bytes[payload + 1] = (uint8_t)word;
	memset(f->bytes + at, proto == IPPROTO_UDP ? 0xff : 0, 2);
	assert_true(frame_is_sound(f, FRAME_IP));
	return (uint16_t)word;
}

/* The flow's frame with that first word of payload. */
static void build_with(struct frame *f, const char *flow, uint16_t word)
{
	size_t at;
	uint16_t old, check;

	nat_build(f, flow);
	at = check_at(f, proto_of(f));
	size_t payload = at + (proto_of(f) == IPPROTO_TCP ? 4 : 2);

	old = (uint16_t)(f->bytes[payload] << 8 | f->bytes[payload + 1]);
	check = (uint16_t)(f->bytes[at] << 8 | f->bytes[at + 1]);
	uint32_t sum = (uint32_t)(uint16_t)~check + (uint16_t)~old + word;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	check = (uint16_t)~sum;
	f->bytes[payload] = (uint8_t)(word >> 8);
	f->bytes[payload + 1] = (uint8_t)word;
	f->bytes[at] = (uint8_t)(check >> 8);
	f->bytes[at + 1] = (uint8_t)check;
	assert_true(frame_is_sound(f, FRAME_IP));
}

static void a_checksum_that_comes_out_as_zero_is_sent_as_its_protocol_wants(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in, out, want;
		uint16_t word;

		nat_build(&in, nat_flows[i].flow);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		nat_build(&want, nat_flows[i].inside[nat_backend_of(x, &nat_flows[i], &out)]);
		word = make_zero(&want);
		nat_hop(&want);
		build_with(&in, nat_flows[i].flow, word);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		nat_assert_same(&out, &want);

		/* And one that is zero, or 0xffff, when it comes. */
		nat_build(&in, nat_flows[i].flow);
		word = make_zero(&in);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		build_with(&want, nat_flows[i].inside[nat_backend_of(x, &nat_flows[i], &out)],
			   word);
		nat_hop(&want);
		nat_assert_same(&out, &want);
	}
}

/* ---- 10,000 packets -------------------------------------------------------------------------- */

static uint32_t state_of_chance = 12345;

static uint32_t chance(void)
{
	state_of_chance = state_of_chance * 1664525 + 1013904223;
	return state_of_chance >> 8;
}

static void random_client(struct endpoint *e, bool ipv4)
{
	if (ipv4) {
		e->addr.be32[3] = htonl(198u << 24 | 51 << 16 | 100 << 8 | (1 + chance() % 250));
	} else {
		for (int i = 8; i < 16; i++)
			e->addr.bytes[i] = (uint8_t)chance();
	}
	e->port = (uint16_t)(1 + chance() % 65535);
}

static void ten_thousand_packets_go_there_and_back_with_right_checksums(void **state)
{
	const struct fixture *x = *state;

	for (int i = 0; i < 10000; i++) {
		const struct nat_flow *row = &nat_flows[chance() % NAT_FLOWS];
		struct segment s = { .tcp_flags = TCP_ACK, .seq = chance() };
		struct flow_spec flow, inside, back;
		struct frame in, out, want;
		const char *why;

		s.payload = chance() % 200;
		assert_int_equal(flow_spec_parse(&flow, row->flow, &why), 0);
		random_client(&flow.source, addr_is_ipv4(&flow.dest.addr));
		frame_build_flow(&in, &flow, &s);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		assert_int_equal(flow_spec_parse(&inside, row->inside[nat_backend_of(x, row, &out)],
						 &why),
				 0);
		inside.source = flow.source;
		frame_build_flow(&want, &inside, &s);
		nat_hop(&want);
		nat_assert_same(&out, &want);

		back = (struct flow_spec){ .source = inside.dest, .dest = inside.source };
		back.dest.proto = inside.dest.proto;
		frame_build_flow(&in, &back, &s);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		back.source = flow.dest;
		frame_build_flow(&want, &back, &s);
		nat_hop(&want);
		nat_assert_same(&out, &want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_goes_to_its_backends_address_and_port),
		cmocka_unit_test(its_last_hop_is_here),
		cmocka_unit_test(a_packet_as_large_as_the_mtu_fits),
		cmocka_unit_test(a_udp_packet_without_checksum_gets_none),
		cmocka_unit_test(a_checksum_that_comes_out_as_zero_is_sent_as_its_protocol_wants),
		cmocka_unit_test(ten_thousand_packets_go_there_and_back_with_right_checksums),
	};

	return cmocka_run_group_tests_name("nat", tests, nat_setup, nat_teardown);
}
