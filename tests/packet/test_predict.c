// SPDX-License-Identifier: GPL-2.0
/* What user space predicts for a packet is what the kernel does with it. */
#include <netinet/in.h>
#include <stdio.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/hash.h"
#include "fixture.h"

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
	"    backends: { a: 10.0.0.1, b: 10.0.0.2 }\n";

static int setup(void **state)
{
	return fixture_begin(state, configuration);
}

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

static void user_space_and_kernel_agree_on_100000_packets(void **state)
{
	static const uint8_t flags[] = { TCP_SYN, TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST };
	struct fixture *x = *state;

	random_state = 42;
	for (int i = 0; i < 100000; i++) {
		struct dp_explanation why;
		struct flow_spec flow;
		const struct config_service *s = random_flow(x, &flow);
		struct frame in, out;

		frame_build_flow(&in, &flow,
				 &(struct segment){ .tcp_flags = flags[random_bits() % 4],
						    .payload = random_bits() % 64 });
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		assert_int_equal(dp_explain(x->dp, &flow, x->now_s, &why), 0);
		assert_true(why.for_service);
		assert_string_equal(x->dp->service_ids[why.service].name, s->name);
		assert_int_equal(fixture_backend_of(x, s->name, &out), why.known_backend);
		assert_int_equal(why.new_backend, why.known_backend);
	}
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
	};

	return cmocka_run_group_tests_name("predict", tests, setup, fixture_end);
}
