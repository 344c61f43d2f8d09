// SPDX-License-Identifier: GPL-2.0
/* A client that has another address: its packets reach the server that they name in every mode, and
 * with nat the answers find back, which need no memory of either address. */
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "nat_scene.h"
#include "quic_case.h"

#define CLIENTS 16
#define POOL(a, b)                                                                                 \
	"    quic: {}\n"                                                                           \
	"    backends: { a: { address: \"" a "\", quic_id: 7 },\n"                                 \
	"                b: { address: \"" b "\", quic_id: 9 } }\n"
#define ANY                                                                                        \
	"services:\n"                                                                              \
	"  q:\n"                                                                                   \
	"    listen: [\"203.0.113.10:443/udp\", \"[2001:db8::10]:443/udp\"]\n"
#define V4 POOL("10.0.0.1", "10.0.0.2")
#define V6 POOL("fd00::1", "fd00::2")

static const char *const modes[] = {
	ANY "    forward: l2\n" V4,   ANY "    forward: l2\n" V6,  ANY "    forward: ipip\n" V4,
	ANY "    forward: ipip\n" V6, ANY "    forward: gue\n" V4, ANY "    forward: gue\n" V6,
};

static const char nat[] = "services:\n"
			  "  nat4:\n"
			  "    listen: [\"203.0.113.10:443/udp\"]\n"
			  "    forward: nat\n" V4 "  nat6:\n"
			  "    listen: [\"[2001:db8::10]:443/udp\"]\n"
			  "    forward: nat\n" V6;

static void naming(struct datagram *d, uint32_t number)
{
	const struct cid cid = { .length = 8, .offset = 1, .size = 2, .number = number };

	quic_short(d, QUIC_SHORT, &cid);
}

/* Which of the two it went to. */
static int went_to(const struct fixture *x, const struct frame *out)
{
	/* The fixture gives each backend a MAC address that ends with its index. */
	const char *name = fixture_backend_name(x, (uint32_t)out->bytes[4] << 8 | out->bytes[5]);

	assert_true(!strcmp(name, "a") || !strcmp(name, "b"));
	return name[0] == 'b';
}

static void carry(const struct fixture *x, unsigned int client, bool b)
{
	struct frame in, out;
	struct datagram d;
	char flow[96];
	size_t packet;

	naming(&d, b ? 9 : 7);
	quic_build(&in, quic_flow(flow, client, 443), &d);
	packet = in.length - FRAME_IP;
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	assert_int_equal(went_to(x, &out), b);
	assert_memory_equal(out.bytes + out.length - packet, in.bytes + FRAME_IP, packet);
}

static void every_mode_carries_it_to_its_server(void **state)
{
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		struct fixture x;

		fixture_open(&x, modes[m]);
		for (unsigned int i = 0; i < 2 * CLIENTS; i++)
			carry(&x, i / 2, i % 2);
		fixture_close(&x);
	}
}

static void nat_exchanges_addresses_there_and_back(void **state)
{
	static const char *const inside[][2] = { { "10.0.0.1", "10.0.0.2" },
						 { "[fd00::1]", "[fd00::2]" } };
	static const char *const clients[] = { "198.51.100", "[2001:db8:1:" };
	static const char *const vips[] = { "203.0.113.10", "[2001:db8::10]" };
	struct fixture *x = *state;

	fixture_install(x, nat);
	for (unsigned int i = 0; i < 4 * CLIENTS; i++) {
		const char *server = inside[i / 2 % 2][i % 2], *vip = vips[i / 2 % 2];
		char client[64], flow[160];
		struct frame in, out, want;
		struct datagram d;

		snprintf(client, sizeof(client), i / 2 % 2 ? "%s:%u]:40000" : "%s.%u:40000",
			 clients[i / 2 % 2], 1 + i / 4);
		naming(&d, i % 2 ? 9 : 7);
		snprintf(flow, sizeof(flow), "%s > %s:443/udp", client, vip);
		quic_build(&in, flow, &d);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		assert_int_equal(went_to(x, &out), i % 2);
		snprintf(flow, sizeof(flow), "%s > %s:443/udp", client, server);
		quic_build(&want, flow, &d);
		nat_hop(&want);
		nat_assert_same(&out, &want);

		snprintf(flow, sizeof(flow), "%s:443 > %s/udp", server, client);
		quic_build(&in, flow, &d);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		snprintf(flow, sizeof(flow), "%s:443 > %s/udp", vip, client);
		quic_build(&want, flow, &d);
		nat_hop(&want);
		nat_assert_same(&out, &want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_carries_it_to_its_server),
		cmocka_unit_test(nat_exchanges_addresses_there_and_back),
	};

	return cmocka_run_group_tests_name("quic in each mode", tests, nat_setup, nat_teardown);
}
