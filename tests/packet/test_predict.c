// SPDX-License-Identifier: GPL-2.0
/* What user space predicts for a packet is what the kernel does with it. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/hash.h"
#include "fixture.h"
#include "lib/addr.h"

/* Every forwarding mode, protocol and kind of hash. */
static const char configuration[] =
	"services:\n"
	"  web:\n"
	"    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"
	"    forward: ipip\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: \"fd00::3\", d: \"fd00::4\" }\n"
	"  dns:\n"
	"    listen: [\"203.0.113.10:53/udp\", \"[2001:db8::10]:53/udp\"]\n"
	"    forward: l2\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 }\n"
	"  sticky:\n"
	"    listen: [\"203.0.113.11:80/tcp\", \"[2001:db8::11]:80/tcp\"]\n"
	"    forward: ipip\n"
	"    hash: source\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: \"fd00::3\" }\n"
	"  pairs:\n"
	"    listen: [\"203.0.113.12:80/tcp\", \"203.0.113.12:81/udp\"]\n"
	"    forward: l2\n"
	"    hash: source-dest\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2 }\n"
	"  games:\n"
	"    listen: [\"203.0.113.13:27015/udp\", \"[2001:db8::13]:27015/udp\",\n"
	"             \"203.0.113.13:27015/tcp\", \"[2001:db8::13]:27015/tcp\"]\n"
	"    forward: gue\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: \"fd00::3\", d: \"fd00::4\" }\n"
	"  calls:\n"
	"    listen: [\"203.0.113.14:5060/udp\", \"[2001:db8::14]:5060/udp\"]\n"
	"    forward: gue\n"
	"    gue: { variant: 0, checksum: false }\n"
	"    hash: source\n"
	"    backends: { a: 10.0.0.1, b: \"fd00::2\", c: \"fd00::3\" }\n"
	"  inside4:\n"
	"    listen: [\"203.0.113.15:443/tcp\", \"203.0.113.15:53/udp\"]\n"
	"    forward: nat\n"
	"    backends: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3 }\n"
	"  inside6:\n"
	"    listen: [\"[2001:db8::15]:443/tcp\", \"[2001:db8::15]:53/udp\"]\n"
	"    forward: nat\n"
	"    hash: source-dest\n"
	"    backends: { a: \"fd00::1\", b: \"fd00::2\", c: \"fd00::3\" }\n";

static int setup(void **state)
{
	return fixture_begin(state, configuration);
}

/* ---- random packets -------------------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random_bits(void)
{
	random_state += 0x9e3779b97f4a7c15ull;
	return (uint32_t)(ek_mix(random_state, 0) >> 16);
}

static const struct config_service *random_flow(const struct fixture *x, struct flow_spec *flow)
{
	const struct config_service *s =
		&x->config->services[random_bits() % x->config->service_count];

	flow->dest = s->listeners[random_bits() % s->listener_count].endpoint;
	flow->source.port = (uint16_t)(1 + random_bits() % 65535);
	flow->source.proto = 0;
	flow->source.addr = flow->dest.addr;
	if (addr_is_ipv4(&flow->dest.addr)) {
		flow->source.addr.be32[3] = random_bits();
		flow->source.addr.bytes[12] = (uint8_t)(1 + random_bits() % 126);
	} else {
		for (int i = 0; i < 4; i++)
			flow->source.addr.be32[i] = random_bits();
		flow->source.addr.bytes[0] = 0x20;
	}
	return s;
}

static struct segment random_segment(size_t payload)
{
	static const uint8_t flags[] = { TCP_SYN, TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST };

	return (struct segment){ .tcp_flags = flags[random_bits() % 4],
				 .seq = random_bits(),
				 .payload = payload };
}

/* Options of IPv4 or extension headers of IPv6 at offset FRAME_IP. */
static void random_headers(struct frame *f)
{
	static const uint8_t nops[40] = { 1, 1, 1, 1 };
	static const uint8_t types[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS };

	if (f->bytes[FRAME_IP] >> 4 == 4) {
		frame_options(f, FRAME_IP, nops, 4 + 4 * (random_bits() % 10));
		return;
	}
	for (uint32_t i = random_bits() % 3 + 1; i; i--)
		frame_extend(f, FRAME_IP, types[random_bits() % 3], random_bits() % 4, 0);
}

/* What a router says of a packet that the backend has sent to the flow's client: of some kind, with
 * a quote of some length. */
static void random_error(struct frame *f, const struct flow_spec *flow)
{
	static const uint8_t types4[] = { 3, 3, 11, 12 }, types6[] = { 1, 2, 3, 4 };
	bool ipv4 = addr_is_ipv4(&flow->dest.addr);
	struct flow_spec back = { flow->dest, flow->source };
	struct segment answer = random_segment(random_bits() % 400);
	char service[ADDR_TEXT_MAX];
	struct frame about;
	size_t beyond; /* what RFC 792 promises of it */

	back.dest.proto = flow->dest.proto;
	frame_build_flow(&about, &back, &answer);
	beyond = about.length - FRAME_IP - frame_ip_header(about.bytes + FRAME_IP) - 8;
	if (random_bits() % 4 == 0)
		random_headers(&about);
	frame_build_icmp(f, &(struct message){ .from = ipv4 ? "192.0.2.1" : "2001:db8:ffff::1",
					       .to = addr_text(&flow->dest.addr, service),
					       .type = (ipv4 ? types4 : types6)[random_bits() % 4],
					       .code = ipv4 ? 4 : 0,
					       .rest = 1400,
					       .body = about.bytes + FRAME_IP,
					       .length = about.length - FRAME_IP -
							 random_bits() % (beyond + 1) });
}

enum shape { PLAIN, HEADERS, FRAGMENTS, FRAGMENTS_HEADERS, ERROR, ERROR_HEADERS, SHAPES };

/* Frames that must all go the way of their flow; returns how many. */
static size_t random_frames(struct frame out[2], enum shape shape, const struct flow_spec *flow)
{
	struct segment s = random_segment(random_bits() % 64);
	size_t count = 1;

	if (shape == FRAGMENTS || shape == FRAGMENTS_HEADERS) {
		uint16_t id = (uint16_t)random_bits();
		struct frame whole;
		size_t all;

		s.payload += 80;
		frame_build_flow(&whole, flow, &s);
		all = whole.length - FRAME_IP - frame_ip_header(whole.bytes + FRAME_IP);
		frame_fragment(&out[0], &whole, id, 0, 64);
		frame_fragment(&out[1], &whole, id, 64, all - 64);
		count = 2;
	} else if (shape == ERROR || shape == ERROR_HEADERS) {
		random_error(&out[0], flow);
	} else {
		frame_build_flow(&out[0], flow, &s);
	}
	for (size_t i = 0; i < count; i++)
		if (shape == HEADERS || shape == FRAGMENTS_HEADERS || shape == ERROR_HEADERS)
			random_headers(&out[i]);
	return count;
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* The backend that the frame goes to, with so many tags. */
static uint32_t backend_of(const struct fixture *x, const struct config_service *s,
			   struct frame *in, size_t tags)
{
	struct frame out;

	frame_tag(in, tags);
	assert_int_equal(fixture_run(x, in, &out), XDP_TX);
	memmove(out.bytes + 12, out.bytes + 12 + 4 * tags, out.length - 12 - 4 * tags);
	out.length -= 4 * tags;
	return fixture_backend_of(x, s->name, &out);
}

static void user_space_and_kernel_agree_on_100000_packets(void **state)
{
	struct fixture *x = *state;

	random_state = 42;
	for (unsigned int i = 0; i < 100000; i++) {
		enum shape shape = i % 8 < SHAPES ? i % 8 : PLAIN;
		size_t tags = random_bits() % 3;
		struct dp_explanation why;
		struct flow_spec flow;
		const struct config_service *s = random_flow(x, &flow);
		struct frame in[2];
		size_t count = random_frames(in, shape, &flow);

		assert_int_equal(dp_explain(x->dp, &flow, x->now_s, &why), 0);
		assert_true(why.for_service);
		assert_string_equal(x->dp->service_ids[why.service].name, s->name);
		assert_int_equal(why.new_backend, why.known_backend);
		for (size_t k = 0; k < count; k++)
			assert_int_equal(backend_of(x, s, &in[k], tags), why.known_backend);
	}
}

#define WEB(backends)                                                                              \
	"services:\n"                                                                              \
	"  web:\n"                                                                                 \
	"    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/udp\"]\n"                     \
	"    backends: { " backends " }\n"

/* What a flow meets in an unsettled slot depends on what came before: each packet is predicted
 * just before it is sent. */
static void user_space_and_kernel_agree_during_a_change_too(void **state)
{
	struct flow_spec flows[500];
	bool differ = false;
	struct fixture x;

	fixture_open(&x, WEB("a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3"));
	fixture_install(&x, WEB("a: 10.0.0.1, d: 10.0.0.4, e: 10.0.0.5"));
	random_state = 43;
	for (unsigned int i = 0; i < 500; i++)
		random_flow(&x, &flows[i]);
	for (unsigned int i = 0; i < 10000; i++) {
		const struct flow_spec *flow = &flows[random_bits() % 500];
		bool syn = random_bits() % 2;
		struct dp_explanation why;
		struct frame in;

		/* What is not a SYN is just above one. */
		frame_build_flow(&in, flow,
				 &(struct segment){ .tcp_flags = syn ? TCP_SYN : TCP_ACK,
						    .seq = 1000 + !syn });
		assert_int_equal(dp_explain(x.dp, flow, now_s(), &why), 0);
		differ |= why.new_backend != why.known_backend;
		assert_int_equal(backend_of(&x, &x.config->services[0], &in, 0),
				 syn ? why.new_backend : why.known_backend);
	}
	assert_true(differ);
	assert_true(fixture_verdicts(&x).stored > 0);
	fixture_close(&x);
}

static void a_source_hash_ignores_the_port(void **state)
{
	const struct fixture *x = *state;
	uint32_t first = 0;

	for (unsigned int port = 1; port < 60000; port += 997) {
		char flow[96];
		struct frame in, out;

		snprintf(flow, sizeof(flow), "198.51.100.7:%u > 203.0.113.11:80/tcp", port);
		frame_build(&in, &(struct segment){ .flow = flow });
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		first = first ?: fixture_backend_of(x, "sticky", &out);
		assert_int_equal(fixture_backend_of(x, "sticky", &out), first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_space_and_kernel_agree_on_100000_packets),
		cmocka_unit_test(a_source_hash_ignores_the_port),
		cmocka_unit_test(user_space_and_kernel_agree_during_a_change_too),
	};

	return cmocka_run_group_tests_name("predict", tests, setup, fixture_end);
}
