// SPDX-License-Identifier: GPL-2.0
/* Connection IDs that name servers: who is believed, who follows addresses and ports. */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "error_frames.h"
#include "quic_case.h"

#define POOL(a, b, c)                                                                              \
	"    backends:\n"                                                                          \
	"      a: { address: 10.0.0.1, quic_id: " a " }\n"                                         \
	"      b: { address: 10.0.0.2, quic_id: " b " }\n"                                         \
	"      c: { address: 10.0.0.3, quic_id: " c " }\n"
#define LISTEN(port)                                                                               \
	"    listen: [\"203.0.113.10:" port "/udp\", \"[2001:db8::10]:" port "/udp\"]\n"

static const char configuration[] =
	"services:\n"
	"  q:\n"
	"    listen: [\"203.0.113.10:443/udp\", \"[2001:db8::10]:443/udp\",\n"
	"             \"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"
	"    quic: {}\n" POOL("0", "4660", "65535") /* those of servers[] */
	"  least:\n" LISTEN("1") "    quic: { offset: 0, length: 1 }\n" POOL("0", "18", "255") "  three:\n" LISTEN("2") "    quic: { offset: 7, length: 3 }\n" POOL("0", "1", "16777215") "  four:\n" LISTEN("3") "    quic: { offset: 16, length: 4 }\n" POOL(
		"0", "256",
		"4294967295") "  last:\n" LISTEN("4") "    quic: { offset: 19, length: 1 }\n" POOL("0",
												   "1",
												   "255") "  plain:\n" LISTEN("53") "    backends: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 }\n";

static const char *const servers[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };
static const uint32_t numbers[] = { 0, 0x1234, 0xffff };
#define SERVERS 3
#define CLIENTS 16

static int setup(void **state)
{
	static struct fixture x;

	fixture_open(&x, configuration);
	*state = &x;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	return 0;
}

static uint32_t server(const struct fixture *x, const char *service, unsigned int i)
{
	struct ek_addr a;
	const char *why;

	assert_int_equal(addr_parse(&a, servers[i], &why), 0);
	return dp_backend_index(x->dp, (uint32_t)dp_service_index(x->dp, service), &a, 0);
}

/* Of every client in turn: the datagram goes to the server that it names, or none does. */
static void expect(const struct fixture *x, const char *what, unsigned int i,
		   const struct datagram *d, bool named)
{
	unsigned int elsewhere = 0;
	char flow[96];

	for (unsigned int k = 0; k < CLIENTS; k++) {
		uint32_t owner = quic_owner(x, "q", quic_flow(flow, k, 443));
		uint32_t went = quic_send(x, "q", flow, d);

		if (went != (named ? server(x, "q", i) : owner))
			fail_msg("%s, %zu bytes, naming %u: %s went to %u, its owner is %u", what,
				 d->length, i, flow, went, owner);
		elsewhere += owner != server(x, "q", i);
	}
	assert_in_range(elsewhere, 1, CLIENTS - 1); /* or nothing is shown */
}

/* The usual connection ID of server i, of so many bytes. */
static struct cid cid_of(unsigned int i, uint8_t length)
{
	return (struct cid){ .length = length, .offset = 1, .size = 2, .number = numbers[i] };
}

/* ---- headers --------------------------------------------------------------------------------- */

struct row {
	const char *what;
	uint8_t first;
	uint32_t version; /* 0 and a short header: none */
	uint8_t length;
	bool named;
};

static const struct row rows[] = {
	{ "short header", QUIC_SHORT, 0, 8, true },
	{ "short header, all bits that are protected", 0x7f, 0, 20, true },
	{ "short header, the fixed bit greased (RFC 9287)", 0x00, 0, 8, true },
	{ "short header, the least connection ID", QUIC_SHORT, 0, 3, true },
	{ "Handshake", 0xe0, QUIC_V1, 8, true },
	{ "Handshake, the fixed bit greased", 0xa3, QUIC_V1, 8, true },
	{ "Handshake, the longest connection ID", 0xef, QUIC_V1, 20, true },
	{ "Handshake, the least connection ID", 0xe0, QUIC_V1, 3, true },
	{ "Handshake, a connection ID too short for the number", 0xe0, QUIC_V1, 2, false },
	{ "Handshake, no connection ID", 0xe0, QUIC_V1, 0, false },
	{ "Handshake, a connection ID longer than any", 0xe0, QUIC_V1, 21, false },
	{ "Initial", 0xc0, QUIC_V1, 8, false },
	{ "0-RTT", 0xd0, QUIC_V1, 8, false },
	{ "Retry", 0xf0, QUIC_V1, 8, false },
	{ "version 2, Handshake", 0xf0, QUIC_V2, 8, true },
	{ "version 2, Initial", 0xd0, QUIC_V2, 8, false },
	{ "version 2, 0-RTT", 0xe0, QUIC_V2, 8, false },
	{ "version 2, Retry", 0xc0, QUIC_V2, 8, false },
	{ "Version Negotiation", 0xe0, 0, 8, false },
	{ "a version that is not known, as Handshake", 0xe0, 0xff00001d, 8, false },
	{ "the same, as Handshake of version 2", 0xf0, 2, 8, false },
	{ "version 1 in another byte order", 0xe0, 0x01000000, 8, false },
};

static void build(struct datagram *d, const struct row *row, unsigned int i)
{
	const struct cid cid = cid_of(i, row->length);

	if (row->first & 0x80)
		quic_long(d, row->first, row->version, &cid);
	else
		quic_short(d, row->first, &cid);
}

static void servers_choose_the_ids_of_some_headers_only(void **state)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (unsigned int i = 0; i < SERVERS; i++) {
			struct datagram d;

			build(&d, &rows[r], i);
			expect(*state, rows[r].what, i, &d, rows[r].named);
		}
}

/* Cut after each byte: never dropped for that, and named only by what is there. */
static void a_datagram_cut_anywhere_is_forwarded(void **state)
{
	static const struct row short_header = { "short header", QUIC_SHORT, 0, 8, true };
	static const struct row handshake = { "Handshake", 0xe0, QUIC_V1, 8, true };

	for (size_t length = 0; length <= 20; length++) {
		struct datagram d;

		build(&d, &short_header, 1);
		d.length = length;
		expect(*state, "short header", 1, &d, length >= 1 + 1 + 2);
		build(&d, &handshake, 1);
		d.length = length;
		expect(*state, "Handshake", 1, &d, length >= 6 + 8);
	}
}

/* Ethernet's padding is not the datagram's. */
static void what_stands_behind_the_datagram_names_nobody(void **state)
{
	const struct fixture *x = *state;
	char flow[96];

	for (unsigned int k = 0; k < CLIENTS; k++) {
		struct frame in, out;
		struct datagram d;
		const struct cid cid = cid_of(2, 8);

		quic_short(&d, QUIC_SHORT, &cid);
		d.length = 3; /* half of the number */
		quic_build(&in, quic_flow(flow, k, 443), &d);
		memset(in.bytes + in.length, 0xff, 20);
		in.length += 20;
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		assert_int_equal(fixture_backend_of(x, "q", &out), quic_owner(x, "q", flow));
	}
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void a_number_has_its_place_and_length(void **state)
{
	static const struct place_row {
		const char *service;
		unsigned int port, offset, size;
		uint32_t number[SERVERS];
	} places[] = {
		{ "least", 1, 0, 1, { 0, 18, 255 } },
		{ "three", 2, 7, 3, { 0, 1, 16777215 } },
		{ "four", 3, 16, 4, { 0, 256, 4294967295 } },
		{ "last", 4, 19, 1, { 0, 1, 255 } },
	};

	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++)
		for (unsigned int i = 0; i < SERVERS * CLIENTS; i++) {
			const struct place_row *at = &places[p];
			const struct cid cid = { 20, at->offset, at->size,
						 at->number[i % SERVERS] };
			uint32_t named = server(*state, at->service, i % SERVERS);
			struct datagram d;
			char flow[96];

			quic_flow(flow, i / SERVERS, at->port);
			quic_short(&d, QUIC_SHORT, &cid);
			assert_int_equal(quic_send(*state, at->service, flow, &d), named);
			quic_long(&d, 0xe0, QUIC_V1, &cid);
			assert_int_equal(quic_send(*state, at->service, flow, &d), named);
			/* The datagram ends with the number, and one byte before. */
			quic_short(&d, QUIC_SHORT, &cid);
			d.length = 1 + at->offset + at->size;
			assert_int_equal(quic_send(*state, at->service, flow, &d), named);
			d.length--;
			assert_int_equal(quic_send(*state, at->service, flow, &d),
					 quic_owner(*state, at->service, flow));
		}
}

static void a_number_that_nobody_has_names_nobody(void **state)
{
	static const uint32_t unknown[] = { 1, 0x1233, 0x3412, 0xfffe, 0xff00 };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		const struct cid cid = { 8, 1, 2, unknown[i] };
		struct datagram d;

		quic_short(&d, QUIC_SHORT, &cid);
		expect(*state, "unknown number", 0, &d, false);
	}
}

static void the_dead_are_not_found_until_they_are_back(void **state)
{
	const struct fixture *x = *state;
	const struct cid cid = cid_of(1, 8);
	uint32_t b = server(x, "q", 1);
	struct datagram d;
	char flow[96];

	quic_short(&d, QUIC_SHORT, &cid);
	dp_backend_down(x->dp, b, now_s());
	for (unsigned int k = 0; k < CLIENTS; k++) {
		uint32_t owner = quic_owner(x, "q", quic_flow(flow, k, 443));

		assert_int_equal(quic_send(x, "q", flow, &d), owner);
	}
	dp_backend_up(x->dp, b);
	expect(x, "back", 1, &d, true);
}

/* ---- packets that are not plain -------------------------------------------------------------- */

static void dress(struct frame *f, unsigned int how)
{
	static const uint8_t tag[] = { 0x81, 0x00, 0x60, 0x64 };
	static const uint8_t options[] = { 1, 1, 1, 0 };
	bool ipv4 = f->bytes[FRAME_IP] >> 4 == 4;

	if (how & 1 && ipv4)
		frame_options(f, FRAME_IP, options, sizeof(options));
	else if (how & 1)
		frame_extend(f, FRAME_IP, IPPROTO_DSTOPTS, 2, 0);
	for (unsigned int i = 0; i < how / 2; i++)
		frame_insert(f, 12, tag, sizeof(tag));
}

static void tags_and_options_hide_no_connection_id(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int i = 0; i < SERVERS * CLIENTS * 6; i++) {
		const struct cid cid = cid_of(i % SERVERS, 8);
		unsigned int how = i / SERVERS / CLIENTS, tags = how / 2;
		struct frame in, out, untagged;
		struct datagram d;
		char flow[96];

		quic_short(&d, QUIC_SHORT, &cid);
		quic_build(&in, quic_flow(flow, i / SERVERS % CLIENTS, 443), &d);
		dress(&in, how);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		untagged.length = out.length - 4 * tags;
		memcpy(untagged.bytes + 12, out.bytes + 12 + 4 * tags, untagged.length - 12);
		assert_int_equal(fixture_backend_of(x, "q", &untagged),
				 server(x, "q", i % SERVERS));
		assert_true(frame_is_sound(&untagged, FRAME_IP));
	}
}

/* Nobody sends QUIC in fragments (RFC 9000 section 14); whoever does keeps them together. */
static void fragments_follow_their_first_one_to_its_server(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int i = 0; i < SERVERS * CLIENTS; i++) {
		const struct cid cid = cid_of(i % SERVERS, 8);
		struct frame whole, part, out;
		struct datagram d;
		char flow[96];

		quic_short(&d, QUIC_SHORT, &cid);
		quic_build(&whole, quic_flow(flow, i / SERVERS, 443), &d);
		for (size_t from = 0; from < 32; from += 16) {
			frame_fragment(&part, &whole, (uint16_t)(100 + i), from, 16);
			assert_int_equal(fixture_run(x, &part, &out), XDP_TX);
			assert_int_equal(fixture_backend_of(x, "q", &out),
					 server(x, "q", i % SERVERS));
		}
	}
}

/* An error quotes a server's packet, whose connection ID is the client's. */
static void an_icmp_error_follows_addresses_and_ports(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int i = 0; i < SERVERS * CLIENTS; i++) {
		const struct ends ends = { i % 2, 40000 + i, 443, "udp" };
		const struct cid cid = cid_of(i % SERVERS, 8);
		struct frame ours, theirs, error, out;
		struct datagram d;
		uint8_t *udp;

		quic_short(&d, QUIC_SHORT, &cid);
		from_client(&ours, &ends);
		assert_int_equal(fixture_run(x, &ours, &out), XDP_TX);
		from_backend(&theirs, &ends);
		udp = theirs.bytes + FRAME_IP + frame_ip_header(theirs.bytes + FRAME_IP);
		memcpy(udp + 8, d.bytes, d.length);
		fragmentation_needed(&error, &theirs, 200);
		ours = out;
		assert_int_equal(fixture_run(x, &error, &out), XDP_TX);
		assert_int_equal(fixture_backend_of(x, "q", &out),
				 fixture_backend_of(x, "q", &ours));
	}
}

/* ---- neighbours ------------------------------------------------------------------------------ */

static void other_services_do_not_look(void **state)
{
	const struct cid cid = cid_of(1, 8);
	unsigned int elsewhere = 0;
	struct datagram d;
	char flow[96];

	quic_short(&d, QUIC_SHORT, &cid);
	for (unsigned int k = 0; k < CLIENTS; k++) {
		uint32_t owner = quic_owner(*state, "plain", quic_flow(flow, k, 53));

		assert_int_equal(quic_send(*state, "plain", flow, &d), owner);
		elsewhere += owner != server(*state, "plain", 1);
	}
	assert_true(elsewhere);
}

static void a_tcp_listener_of_the_service_does_not_look(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int k = 0; k < 2 * CLIENTS; k++) {
		struct segment s = { .tcp_flags = TCP_ACK, .payload = 40 };
		struct frame in, out;
		uint32_t owner;
		char flow[96];

		s.flow = flow;
		snprintf(flow, sizeof(flow),
			 k % 2 ? "[2001:db8:1::7]:%u > [2001:db8::10]:443/tcp"
			       : "198.51.100.7:%u > 203.0.113.10:443/tcp",
			 40000 + k);
		frame_build(&in, &s);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		owner = fixture_backend_of(x, "q", &out);
		memset(in.bytes + in.length - 40, 0, 40); /* a's number everywhere */
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		assert_int_equal(fixture_backend_of(x, "q", &out), owner);
	}
}

/* What is wrong about a packet is wrong whatever it names. */
static void a_bad_packet_is_dropped_as_ever(void **state)
{
	const struct fixture *x = *state;
	const struct cid cid = cid_of(1, 8);
	uint64_t before;
	struct frame in, out;
	struct datagram d;

	quic_short(&d, QUIC_SHORT, &cid);
	before = fixture_dropped(x, EK_DROP_ZERO_PORT);
	quic_build(&in, "198.51.100.7:1 > 203.0.113.10:443/udp", &d);
	in.bytes[FRAME_IP + 20 + 1] = 0;
	assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(x, EK_DROP_ZERO_PORT), before + 1);
	before = fixture_dropped(x, EK_DROP_BAD_LENGTH);
	quic_build(&in, "[2001:db8:1::7]:40000 > [2001:db8::10]:443/udp", &d);
	in.bytes[FRAME_IP + 40 + 5]++; /* UDP's length */
	assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(x, EK_DROP_BAD_LENGTH), before + 1);
	before = fixture_dropped(x, EK_DROP_BAD_SOURCE);
	quic_build(&in, "203.0.113.10:40000 > 203.0.113.10:443/udp", &d);
	assert_int_equal(fixture_run(x, &in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(x, EK_DROP_BAD_SOURCE), before + 1);
}

static void what_is_found_by_number_is_counted_once(void **state)
{
	const struct fixture *x = *state;
	const struct cid cid = cid_of(2, 8);
	struct ek_verdicts before = fixture_verdicts(x), after;
	uint32_t c = server(x, "q", 2);
	struct dp_traffic was, is;
	struct datagram d;
	char flow[96];

	quic_short(&d, QUIC_SHORT, &cid);
	dp_traffic(x->dp, c, &was);
	for (unsigned int k = 0; k < CLIENTS; k++)
		assert_int_equal(quic_send(x, "q", quic_flow(flow, k, 443), &d), c);
	dp_traffic(x->dp, c, &is);
	after = fixture_verdicts(x);
	assert_int_equal(is.packets - was.packets, CLIENTS);
	assert_int_equal(is.bytes - was.bytes,
			 CLIENTS * (8 + d.length) + CLIENTS / 2 * 20 + CLIENTS / 2 * 40);
	before.sent += CLIENTS;
	assert_memory_equal(&after, &before, sizeof(after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_choose_the_ids_of_some_headers_only),
		cmocka_unit_test(a_datagram_cut_anywhere_is_forwarded),
		cmocka_unit_test(what_stands_behind_the_datagram_names_nobody),
		cmocka_unit_test(a_number_has_its_place_and_length),
		cmocka_unit_test(a_number_that_nobody_has_names_nobody),
		cmocka_unit_test(the_dead_are_not_found_until_they_are_back),
		cmocka_unit_test(tags_and_options_hide_no_connection_id),
		cmocka_unit_test(fragments_follow_their_first_one_to_its_server),
		cmocka_unit_test(an_icmp_error_follows_addresses_and_ports),
		cmocka_unit_test(other_services_do_not_look),
		cmocka_unit_test(a_tcp_listener_of_the_service_does_not_look),
		cmocka_unit_test(a_bad_packet_is_dropped_as_ever),
		cmocka_unit_test(what_is_found_by_number_is_counted_once),
	};

	return cmocka_run_group_tests_name("quic", tests, setup, teardown);
}
