// SPDX-License-Identifier: GPL-2.0
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "nat_scene.h"
#include "sandbox.h"

const char nat_configuration[] =
	"services:\n"
	"  web4:\n"
	"    listen: [\"203.0.113.10:443/tcp\"]\n"
	"    forward: nat\n"
	"    backends:\n"
	"      a: { address: 10.0.0.1, port: 8443 }\n"
	"      b: { address: 10.0.0.2, port: 8443 }\n"
	"  web6:\n"
	"    listen: [\"[2001:db8::10]:443/tcp\"]\n"
	"    forward: nat\n"
	"    backends:\n"
	"      a: { address: \"fd00::1\", port: 8443 }\n"
	"      b: { address: \"fd00::2\", port: 8443 }\n"
	"  dns4:\n"
	"    listen: [\"203.0.113.10:53/udp\"]\n"
	"    forward: nat\n"
	"    backends: { a: { address: 10.0.0.1, port: 1 }, b: { address: 10.0.0.2, port: 65535 } }\n"
	"  dns6:\n"
	"    listen: [\"[2001:db8::10]:53/udp\"]\n"
	"    forward: nat\n"
	"    backends: { a: \"fd00::1\", b: \"fd00::2\" }\n";

#define WEB4 "198.51.100.7:40000 > 203.0.113.10:443/tcp"
#define WEB6 "[2001:db8:1::7]:40000 > [2001:db8::10]:443/tcp"
#define DNS4 "198.51.100.7:40001 > 203.0.113.10:53/udp"
#define DNS6 "[2001:db8:1::7]:40001 > [2001:db8::10]:53/udp"

const struct nat_flow nat_flows[NAT_FLOWS] = {
	{ WEB4,
	  "web4",
	  { "198.51.100.7:40000 > 10.0.0.1:8443/tcp", "198.51.100.7:40000 > 10.0.0.2:8443/tcp" },
	  { "10.0.0.1:8443 > 198.51.100.7:40000/tcp", "10.0.0.2:8443 > 198.51.100.7:40000/tcp" },
	  "203.0.113.10:443 > 198.51.100.7:40000/tcp" },
	{ WEB6,
	  "web6",
	  { "[2001:db8:1::7]:40000 > [fd00::1]:8443/tcp",
	    "[2001:db8:1::7]:40000 > [fd00::2]:8443/tcp" },
	  { "[fd00::1]:8443 > [2001:db8:1::7]:40000/tcp",
	    "[fd00::2]:8443 > [2001:db8:1::7]:40000/tcp" },
	  "[2001:db8::10]:443 > [2001:db8:1::7]:40000/tcp" },
	{ DNS4,
	  "dns4",
	  { "198.51.100.7:40001 > 10.0.0.1:1/udp", "198.51.100.7:40001 > 10.0.0.2:65535/udp" },
	  { "10.0.0.1:1 > 198.51.100.7:40001/udp", "10.0.0.2:65535 > 198.51.100.7:40001/udp" },
	  "203.0.113.10:53 > 198.51.100.7:40001/udp" },
	{ DNS6,
	  "dns6",
	  { "[2001:db8:1::7]:40001 > [fd00::1]:53/udp",
	    "[2001:db8:1::7]:40001 > [fd00::2]:53/udp" },
	  { "[fd00::1]:53 > [2001:db8:1::7]:40001/udp",
	    "[fd00::2]:53 > [2001:db8:1::7]:40001/udp" },
	  "[2001:db8::10]:53 > [2001:db8:1::7]:40001/udp" },
};

const uint8_t nat_router_mac[6] = { 2, 0xcc, 0, 0, 0, 9 };

/* ---- the namespace --------------------------------------------------------------------------- */

void nat_forwarding(bool allowed)
{
	char command[160];

	for (int i = 0; i < 2; i++) {
		snprintf(command, sizeof(command), "echo %d >/proc/sys/net/%s", allowed,
			 i ? "ipv6/conf/all/forwarding" : "ipv4/ip_forward");
		shell(command);
	}
}

static void make_network(void)
{
	if (unshare(CLONE_NEWNET))
		fail_msg("no network namespace");
	shell("ip link add back type veth peer name backs");
	shell("ip link add front type veth peer name fronts");
	shell("ip link set backs up && ip link set fronts up && ip link set lo up");
	shell("ip link set back up && ip link set front address 02:00:00:00:00:ff up");
	shell("ip addr add 10.0.0.254/24 dev back && ip addr add 192.0.2.1/24 dev front");
	shell("ip addr add fd00::fe/64 dev back nodad && ip addr add 2001:db8:f::1/64 dev front nodad");
	shell("ip route add 198.51.100.0/24 via 192.0.2.9");
	shell("ip route add 2001:db8:1::/64 via 2001:db8:f::9");
	shell("ip neigh add 192.0.2.9 lladdr 02:cc:00:00:00:09 dev front nud permanent");
	shell("ip neigh add 2001:db8:f::9 lladdr 02:cc:00:00:00:09 dev front nud permanent");
	nat_forwarding(true);
}

static void open_here(struct fixture *x)
{
	char error[DP_ERROR_MAX] = "";
	int link;

	fixture_open(x, nat_configuration);
	x->ingress = if_nametoindex("back");
	x->hop4.ifindex = x->hop6.ifindex = x->ingress;
	fixture_paths(x);
	assert_int_equal(dp_egress_add(x->dp, x->ingress), 0);
	assert_int_equal(dp_egress_add(x->dp, if_nametoindex("front")), 0);
	/* A frame can be said to come in by an interface only if that runs XDP. */
	if (dp_attach(x->dp, x->ingress, DP_MODE_DRIVER, &link, error))
		fail_msg("%s", error);
}

int nat_setup(void **state)
{
	static struct fixture x;

	make_network();
	open_here(&x);
	*state = &x;
	return 0;
}

int nat_teardown(void **state)
{
	fixture_close(*state);
	return 0;
}

/* ---- frames ---------------------------------------------------------------------------------- */

void nat_hop(struct frame *f)
{
	uint8_t *ip = f->bytes + FRAME_IP;
	bool ipv4 = ip[0] >> 4 == 4;

	ip[ipv4 ? 8 : 7]--;
	if (ipv4)
		frame_sum_ipv4(ip);
}

void nat_hop_to_last(struct frame *f)
{
	const uint8_t *ip = f->bytes + FRAME_IP;

	while (ip[ip[0] >> 4 == 4 ? 8 : 7] > 1)
		nat_hop(f);
}

struct segment nat_segment(const char *flow)
{
	return (struct segment){ .flow = flow, .tcp_flags = TCP_ACK, .seq = 77, .payload = 41 };
}

void nat_build(struct frame *f, const char *flow)
{
	struct segment s = nat_segment(flow);

	frame_build(f, &s);
}

/* Equal but for the MAC addresses. */
void nat_assert_same(const struct frame *got, const struct frame *want)
{
	assert_int_equal(got->length, want->length);
	assert_memory_equal(got->bytes + 12, want->bytes + 12, want->length - 12);
}

void nat_assert_untouched(const struct fixture *x, const struct frame *in)
{
	struct ek_verdicts before = fixture_verdicts(x), after;
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_PASS);
	assert_int_equal(out.length, in->length);
	assert_memory_equal(out.bytes, in->bytes, in->length);
	after = fixture_verdicts(x);
	assert_int_equal(after.passed, before.passed + 1);
	assert_int_equal(after.returned, before.returned);
}

/* Which of the two backends has the flow: 0 or 1. */
int nat_backend_of(const struct fixture *x, const struct nat_flow *row, const struct frame *out)
{
	const char *name = fixture_backend_name(x, fixture_backend_of(x, row->service, out));

	assert_true(!strcmp(name, "a") || !strcmp(name, "b"));
	return name[0] == 'b';
}
