// SPDX-License-Identifier: GPL-2.0
/* What the XDP program does with a packet, in steady state. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"
#include "two_services.h"

static int setup(void **state)
{
	return fixture_begin(state, TWO_SERVICES);
}

/* What the frame must look like after encapsulation, made without the data path's code. */
static void expect_encapsulated(const struct fixture *x, const struct frame *in,
				const struct frame *out)
{
	uint32_t backend = fixture_backend_of(x, "web", out);
	const struct ek_backend_id *id = &x->dp->backend_ids[backend];
	bool outer_ipv4 = out->bytes[13] == 0x00;
	size_t outer = outer_ipv4 ? 20 : 40;
	uint8_t inner = in->bytes[FRAME_IP] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	const uint8_t *ip = out->bytes + FRAME_IP;

	assert_int_not_equal(backend, EK_NO_BACKEND);
	assert_int_equal(out->length, in->length + outer);
	assert_memory_equal(out->bytes + FRAME_IP + outer, in->bytes + FRAME_IP,
			    in->length - FRAME_IP);
	assert_true(frame_is_sound(out, FRAME_IP));
	assert_int_equal(out->bytes[5], backend & 0xff);
	assert_memory_equal(out->bytes + 6, x->hop4.source_mac, 6);
	if (outer_ipv4) {
		assert_int_equal(ip[0], 0x45);
		assert_int_equal(ip[9], inner);
		assert_memory_equal(ip + 12, x->hop4.source.bytes + 12, 4);
		assert_memory_equal(ip + 16, id->addr.bytes + 12, 4);
	} else {
		assert_int_equal(ip[6], inner);
		assert_memory_equal(ip + 8, x->hop6.source.bytes, 16);
		assert_memory_equal(ip + 24, id->addr.bytes, 16);
	}
}

static void ipip_wraps_either_family_in_either_family(void **state)
{
	const struct fixture *x = *state;
	bool seen[2][2] = {};

	for (unsigned int i = 0; i < 200; i++) {
		char flow[96];
		struct frame in, out;

		snprintf(flow, sizeof(flow),
			 i % 2 ? "198.51.100.7:%u > 203.0.113.10:443/tcp"
			       : "[2001:db8:1::7]:%u > [2001:db8::10]:443/tcp",
			 10000 + i);
		frame_build(&in,
			    &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK, .payload = i });
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		expect_encapsulated(x, &in, &out);
		seen[i % 2][out.bytes[13] == 0] = true;
	}
	assert_true(seen[0][0] && seen[0][1] && seen[1][0] && seen[1][1]);
}

static void l2_changes_the_addresses_and_nothing_else(void **state)
{
	static const char *const flows[] = { DNS4, DNS6 };
	const struct fixture *x = *state;

	for (size_t i = 0; i < 2; i++) {
		struct frame in, out;
		uint32_t backend;

		frame_build(&in, &(struct segment){ .flow = flows[i], .payload = 33 });
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		backend = fixture_backend_of(x, "dns", &out);
		assert_int_equal(out.length, in.length);
		assert_memory_equal(out.bytes, x->hop4.dest_mac, 4);
		assert_memory_equal(out.bytes + 6, x->hop4.source_mac, 6);
		assert_memory_equal(out.bytes + 12, in.bytes + 12, in.length - 12);
		assert_string_not_equal(fixture_backend_name(x, backend), "");
	}
}

/* ---- rows: what is not for a service is passed, what is wrong is dropped by name ---------- */

struct row {
	const char *situation;
	const char *flow;
	struct change {
		uint8_t offset,
			value; /* a byte of the frame, from the IP header, modulo 256: 0xf2 is its first */
		uint8_t mask; /* bits to replace; 0: none, the change is absent */
	} changes[3];
	uint16_t cut; /* bytes to cut off the end */
	int verdict;
	enum ek_drop reason; /* where the verdict is XDP_DROP */
	uint8_t tcp_flags;
};

#define BYTE(offset_, value_)                                                                      \
	{                                                                                          \
		.offset = (offset_), .value = (value_), .mask = 0xff                               \
	}
#define PASSED .verdict = XDP_PASS
#define DROPPED(why) .verdict = XDP_DROP, .reason = EK_DROP_##why

static const struct row rows[] = {
	{ "another port", "198.51.100.7:40000 > 203.0.113.10:444/tcp", PASSED },
	{ "another port, IPv6", "[2001:db8:1::7]:40000 > [2001:db8::10]:444/tcp", PASSED },
	{ "the port, but UDP", "198.51.100.7:40000 > 203.0.113.10:443/udp", PASSED },
	{ "the port, but UDP, IPv6", "[2001:db8:1::7]:40000 > [2001:db8::10]:443/udp", PASSED },
	{ "a neighbouring address", "198.51.100.7:40000 > 203.0.113.13:443/tcp", PASSED },
	{ "a neighbouring address, IPv6", "[2001:db8:1::7]:40000 > [2001:db8::13]:443/tcp",
	  PASSED },
	{ "a broadcast frame", WEB4, { BYTE(0xf2, 0xff) }, PASSED },
	{ "a multicast frame, IPv6", WEB6, { BYTE(0xf2, 0x33) }, PASSED },
	{ "the other way", "203.0.113.10:443 > 198.51.100.7:40000/tcp", PASSED },
	{ "ARP", WEB4, { BYTE(0xff, 6) }, PASSED },
	{ "ICMP", WEB4, { BYTE(9, IPPROTO_ICMP) }, PASSED },
	{ "ICMPv6", WEB6, { BYTE(6, IPPROTO_ICMPV6) }, PASSED },
	{ "SCTP", WEB4, { BYTE(9, IPPROTO_SCTP) }, PASSED },
	{ "version 5", WEB4, { BYTE(0, 0x55) }, PASSED },
	{ "version 4 under the IPv6 type", WEB6, { BYTE(0, 0x40) }, PASSED },
	{ "IPv4 header of 16 bytes", WEB4, { BYTE(0, 0x44) }, PASSED },
	{ "IPv4 header beyond the packet", WEB4, { BYTE(0, 0x4f) }, PASSED },
	{ "a later fragment", WEB4, { BYTE(6, 0x00), BYTE(7, 0x10) }, PASSED },
	{ "a first fragment to another port",
	  "198.51.100.7:40000 > 203.0.113.10:444/tcp",
	  { BYTE(6, 0x20) },
	  PASSED },
	{ "IPv4 length beyond the packet", WEB4, { BYTE(3, 90) }, DROPPED(TRUNCATED) },
	{ "IPv4 length beyond the packet, another port",
	  "198.51.100.7:40000 > 203.0.113.10:444/tcp",
	  { BYTE(3, 90) },
	  PASSED },
	{ "IPv6 length beyond the packet", WEB6, { BYTE(5, 90) }, DROPPED(TRUNCATED) },
	{ "IPv6 length beyond the packet, another port",
	  "[2001:db8:1::7]:40000 > [2001:db8::10]:444/tcp",
	  { BYTE(5, 90) },
	  PASSED },
	{ "IPv4 length that ends in the TCP header", WEB4, { BYTE(3, 39) }, DROPPED(TRUNCATED) },
	{ "IPv6 length that ends in the TCP header", WEB6, { BYTE(5, 19) }, DROPPED(TRUNCATED) },
	{ "IPv4 length without room for ports", WEB4, { BYTE(3, 23) }, PASSED },
	{ "IPv4 length shorter than its header", WEB4, { BYTE(3, 19) }, PASSED },
	{ "IPv6 length without room for ports", WEB6, { BYTE(5, 3) }, PASSED },
	{ "TCP data offset of 4", WEB4, { BYTE(32, 0x40) }, DROPPED(BAD_LENGTH) },
	{ "TCP data offset of 4, IPv6", WEB6, { BYTE(52, 0x40) }, DROPPED(BAD_LENGTH) },
	{ "TCP data offset beyond the packet", WEB4, { BYTE(32, 0xf0) }, DROPPED(BAD_LENGTH) },
	{ "UDP length of 7", DNS4, { BYTE(25, 7) }, DROPPED(BAD_LENGTH) },
	{ "UDP length of 7, IPv6", DNS6, { BYTE(45, 7) }, DROPPED(BAD_LENGTH) },
	{ "UDP length beyond the packet", DNS4, { BYTE(25, 90) }, DROPPED(BAD_LENGTH) },
	{ "UDP length 0, IPv6", DNS6, { BYTE(45, 0) }, DROPPED(BAD_LENGTH) },
	{ "source port 0", WEB4, { BYTE(20, 0), BYTE(21, 0) }, DROPPED(ZERO_PORT) },
	{ "source port 0, IPv6", WEB6, { BYTE(40, 0), BYTE(41, 0) }, DROPPED(ZERO_PORT) },
	{ "source port 0, another port",
	  "198.51.100.7:40000 > 203.0.113.10:444/tcp",
	  { BYTE(20, 0), BYTE(21, 0) },
	  PASSED },
	{ "source is the service", "203.0.113.10:40000 > 203.0.113.10:443/tcp",
	  DROPPED(BAD_SOURCE) },
	{ "source is the service, IPv6", "[2001:db8::10]:40000 > [2001:db8::10]:443/tcp",
	  DROPPED(BAD_SOURCE) },
	{ "source is multicast", WEB4, { BYTE(12, 224) }, DROPPED(BAD_SOURCE) },
	{ "source is the loopback", WEB4, { BYTE(12, 127) }, DROPPED(BAD_SOURCE) },
	{ "source is in 0.0.0.0/8", WEB4, { BYTE(12, 0) }, DROPPED(BAD_SOURCE) },
	{ "source is multicast, IPv6", WEB6, { BYTE(8, 0xff) }, DROPPED(BAD_SOURCE) },
	{ "source in 223/8, the last unicast", WEB4, { BYTE(12, 223) }, .verdict = XDP_TX },
	{ "SYN", WEB4, .tcp_flags = TCP_SYN, .verdict = XDP_TX },
	{ "SYN, IPv6", WEB6, .tcp_flags = TCP_SYN, .verdict = XDP_TX },
	{ "RST", WEB4, .tcp_flags = TCP_RST, .verdict = XDP_TX },
	{ "no TCP flags at all", WEB4, .verdict = XDP_TX },
	{ "wrong TCP checksum is the backend's to judge",
	  WEB4,
	  { BYTE(36, 0x12) },
	  .verdict = XDP_TX },
};

static void row_build(struct frame *f, const struct row *r)
{
	frame_build(f, &(struct segment){ .flow = r->flow, .tcp_flags = r->tcp_flags });
	for (size_t i = 0; i < 3 && r->changes[i].mask; i++)
		f->bytes[(uint8_t)(FRAME_IP + r->changes[i].offset)] = r->changes[i].value;
	f->length -= r->cut;
}

static void each_row_gets_its_verdict_and_counter(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct ek_verdicts before = fixture_verdicts(x), after;
		struct frame in, out;
		int verdict;

		row_build(&in, r);
		verdict = fixture_run(x, &in, &out);
		after = fixture_verdicts(x);
		if (verdict != r->verdict)
			fail_msg("%s: verdict %d instead of %d", r->situation, verdict, r->verdict);
		if (verdict == XDP_PASS && after.passed != before.passed + 1)
			fail_msg("%s: not counted as passed", r->situation);
		if (verdict == XDP_PASS &&
		    (out.length != in.length || memcmp(out.bytes, in.bytes, in.length) != 0))
			fail_msg("%s: passed, but not untouched", r->situation);
		if (verdict == XDP_DROP &&
		    after.dropped[r->reason] != before.dropped[r->reason] + 1)
			fail_msg("%s: not counted under its reason", r->situation);
		if (verdict == XDP_TX && after.sent != before.sent + 1)
			fail_msg("%s: not counted as sent", r->situation);
	}
}

/* An IPv6 packet whose addresses look like IPv4 ones is no IPv4 packet. */
static void a_mapped_address_on_the_wire_is_not_the_ipv4_one(void **state)
{
	static const uint8_t mapped_service[16] = { [10] = 0xff, 0xff, 203, 0, 113, 10 };
	static const uint8_t mapped_source[16] = { [10] = 0xff, 0xff, 198, 51, 100, 7 };
	const struct fixture *x = *state;
	uint64_t before = fixture_dropped(x, EK_DROP_BAD_SOURCE);
	struct frame in, out;

	frame_build(&in, &(struct segment){ .flow = WEB6 });
	memcpy(in.bytes + FRAME_IP + 24, mapped_service, 16);
	assert_int_equal(fixture_run(x, &in, &out), XDP_PASS);
	frame_build(&in, &(struct segment){ .flow = WEB6 });
	memcpy(in.bytes + FRAME_IP + 8, mapped_source, 16);
	assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(x, EK_DROP_BAD_SOURCE), before + 1);
}

static uint64_t verdicts_in_all(const struct fixture *x)
{
	struct ek_verdicts v = fixture_verdicts(x);
	uint64_t all = v.passed + v.sent + v.redirected;

	for (int i = 0; i < EK_DROP_COUNT; i++)
		all += v.dropped[i];
	return all;
}

/* A frame cut at every length: never forwarded unless whole, always counted once. */
static void a_frame_cut_anywhere_is_never_forwarded(void **state)
{
	static const char *const flows[] = { WEB4, WEB6, DNS4, DNS6 };
	const struct fixture *x = *state;

	for (size_t i = 0; i < 4; i++) {
		struct frame whole, cut, out;

		frame_build(&whole, &(struct segment){ .flow = flows[i], .payload = 5 });
		/* The kernel's test run takes no frame shorter than an Ethernet header. */
		for (size_t length = 14; length < whole.length; length++) {
			uint64_t counted = verdicts_in_all(x);
			int verdict;

			cut = whole;
			cut.length = length;
			verdict = fixture_run(x, &cut, &out);
			assert_true(verdict == XDP_PASS || verdict == XDP_DROP);
			assert_int_equal(verdicts_in_all(x), counted + 1);
			if (verdict == XDP_PASS)
				assert_memory_equal(out.bytes, cut.bytes, length);
		}
		assert_int_equal(fixture_run(x, &whole, &out), XDP_TX);
	}
}

static void ipv4_options_are_carried_along(void **state)
{
	const struct fixture *x = *state;
	struct frame plain, in, out, plain_out;

	frame_build(&plain, &(struct segment){ .flow = WEB4, .tcp_flags = TCP_ACK, .payload = 9 });
	in = plain;
	memmove(in.bytes + FRAME_IP + 24, plain.bytes + FRAME_IP + 20,
		plain.length - FRAME_IP - 20);
	memset(in.bytes + FRAME_IP + 20, 1, 4); /* no-operation options */
	in.bytes[FRAME_IP] = 0x46;
	in.bytes[FRAME_IP + 3] = (uint8_t)(in.bytes[FRAME_IP + 3] + 4);
	in.bytes[FRAME_IP + 10] = in.bytes[FRAME_IP + 11] = 0;
	uint16_t check = (uint16_t)~frame_sum(in.bytes + FRAME_IP, 24, 0);
	in.bytes[FRAME_IP + 10] = (uint8_t)(check >> 8);
	in.bytes[FRAME_IP + 11] = (uint8_t)check;
	in.length += 4;
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	expect_encapsulated(x, &in, &out);
	assert_int_equal(fixture_run(x, &plain, &plain_out), XDP_TX);
	assert_int_equal(fixture_backend_of(x, "web", &out),
			 fixture_backend_of(x, "web", &plain_out));
}

static void ethernet_padding_does_not_count_as_packet(void **state)
{
	const struct fixture *x = *state;
	struct frame in, out;

	frame_build(&in, &(struct segment){ .flow = WEB4, .tcp_flags = TCP_ACK });
	in.length += 6; /* a 54-byte frame arrives as 60 */
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	assert_true(frame_is_sound(&out, FRAME_IP));
}

static void a_backend_without_next_hop_gets_nothing(void **state)
{
	struct fixture *x = *state;
	struct frame in, out;
	uint32_t backend;
	uint64_t before = fixture_dropped(x, EK_DROP_NO_NEXT_HOP);

	frame_build(&in, &(struct segment){ .flow = WEB4 });
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	backend = fixture_backend_of(x, "web", &out);
	fixture_path_remove(x, backend);
	assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(x, EK_DROP_NO_NEXT_HOP), before + 1);
	fixture_paths(x);
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
}

static void a_changed_path_takes_effect_whole(void **state)
{
	struct fixture *x = *state;
	struct path_hop before = x->hop4;
	struct frame in, out;

	frame_build(&in, &(struct segment){ .flow = DNS4 });
	x->hop4.dest_mac[1] = 0x77; /* the neighbour alone */
	fixture_paths(x);
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	assert_int_equal(out.bytes[1], 0x77);
	x->hop4.source_mac[5] = 0x78; /* all of it */
	fixture_paths(x);
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	assert_int_equal(out.bytes[11], 0x78);
	assert_int_equal(out.bytes[1], 0x77);
	x->hop4 = before;
	fixture_paths(x);
}

static void traffic_is_counted_by_backend(void **state)
{
	const struct fixture *x = *state;
	struct dp_traffic before, after;
	struct frame in, out;
	uint32_t backend;

	frame_build(&in, &(struct segment){ .flow = WEB4, .tcp_flags = TCP_SYN, .payload = 100 });
	fixture_run(x, &in, &out);
	backend = fixture_backend_of(x, "web", &out);
	dp_traffic(x->dp, backend, &before);
	fixture_run(x, &in, &out);
	frame_build(&in, &(struct segment){ .flow = WEB4, .tcp_flags = TCP_ACK, .payload = 100 });
	fixture_run(x, &in, &out);
	dp_traffic(x->dp, backend, &after);
	assert_int_equal(after.packets, before.packets + 2);
	assert_int_equal(after.bytes, before.bytes + 2 * 140);
	assert_int_equal(after.flows, before.flows + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipip_wraps_either_family_in_either_family),
		cmocka_unit_test(l2_changes_the_addresses_and_nothing_else),
		cmocka_unit_test(each_row_gets_its_verdict_and_counter),
		cmocka_unit_test(a_mapped_address_on_the_wire_is_not_the_ipv4_one),
		cmocka_unit_test(a_frame_cut_anywhere_is_never_forwarded),
		cmocka_unit_test(ipv4_options_are_carried_along),
		cmocka_unit_test(ethernet_padding_does_not_count_as_packet),
		cmocka_unit_test(a_backend_without_next_hop_gets_nothing),
		cmocka_unit_test(a_changed_path_takes_effect_whole),
		cmocka_unit_test(traffic_is_counted_by_backend),
	};

	return cmocka_run_group_tests_name("balance", tests, setup, fixture_end);
}
