// SPDX-License-Identifier: GPL-2.0
/* The commands for a backend's host: what must stand there, in each mode and family, and what
 * must not. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/setup.h"

#define V4_VIP "203.0.113.10"
#define V6_VIP "2001:db8::10"

struct scene {
	struct endpoint listeners[4];
	struct setup_source sources[2];
	struct setup_facts facts;
};

static struct ek_addr addr(const char *text)
{
	struct ek_addr a;
	const char *why;

	assert_int_equal(addr_parse(&a, text, &why), 0);
	return a;
}

/* Listens on both families; the test narrows it. */
static void scene_set(struct scene *s, enum ek_forward forward, const char *backend)
{
	*s = (struct scene){
		.listeners = { { addr(V4_VIP), 443, IPPROTO_TCP },
			       { addr(V6_VIP), 443, IPPROTO_TCP },
			       { addr(V4_VIP), 53, IPPROTO_UDP },
			       { addr(V6_VIP), 53, IPPROTO_UDP } },
		.sources = { { addr("10.0.0.2"), 0 }, { addr("2001:db8:1::2"), 0 } },
	};
	s->facts = (struct setup_facts){
		.service = "web",
		.backend = "web-1",
		.forward = forward,
		.addr = addr(backend),
		.listeners = s->listeners,
		.listener_count = 4,
		.sources = s->sources,
		.source_count = 2,
	};
}

static void only_family(struct scene *s, bool ipv4)
{
	s->listeners[0].addr = s->listeners[2].addr = addr(ipv4 ? V4_VIP : V6_VIP);
	s->facts.listener_count = 1;
}

static void has(const struct scene *s, const char *line)
{
	_cleanup_(free_ptr) char *text = setup_commands(&s->facts);

	assert_non_null(text);
	if (!strstr(text, line))
		fail_msg("\"%s\" is missing in:\n%s", line, text);
}

static void has_not(const struct scene *s, const char *part)
{
	_cleanup_(free_ptr) char *text = setup_commands(&s->facts);

	assert_non_null(text);
	if (strstr(text, part))
		fail_msg("\"%s\" should not be in:\n%s", part, text);
}

static void addresses_of_the_service_are_set_once_each(void **state)
{
	struct scene s;
	_cleanup_(free_ptr) char *text = NULL;
	const char *first;

	scene_set(&s, EK_FORWARD_L2, "10.0.1.1");
	has(&s, "\nip address replace 203.0.113.10/32 dev lo\n");
	has(&s, "\nip -6 address replace 2001:db8::10/128 dev lo nodad\n");
	text = setup_commands(&s.facts);
	first = strstr(text, "ip address replace");
	assert_non_null(first);
	assert_null(strstr(first + 1, "ip address replace"));
}

static void arp_is_silenced_before_the_address_is_there(void **state)
{
	struct scene s;
	_cleanup_(free_ptr) char *text = NULL;

	scene_set(&s, EK_FORWARD_L2, "10.0.1.1");
	has(&s, "\nsysctl -qw net/ipv4/conf/all/arp_ignore=1 \"net/ipv4/conf/$IF/arp_ignore=1\"\n");
	has(&s,
	    "\nsysctl -qw net/ipv4/conf/all/arp_announce=2 \"net/ipv4/conf/$IF/arp_announce=2\"\n");
	text = setup_commands(&s.facts);
	assert_true(strstr(text, "arp_announce=2") < strstr(text, "ip address replace"));
}

static void reverse_path_filter_is_off_in_all_and_on_the_interface(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_IPIP, "10.0.1.1");
	has(&s, "\nsysctl -qw net/ipv4/conf/all/rp_filter=0 \"net/ipv4/conf/$IF/rp_filter=0\"\n");
}

static void a_service_of_ipv6_alone_needs_no_ipv4_settings(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_IPIP, "2001:db8:1::1");
	only_family(&s, false);
	has_not(&s, "sysctl -qw net/ipv4");
	has_not(&s, "/32 dev lo");
	has_not(&s, "ip -4 route");
	has_not(&s, "meta l4proto 4 ");
}

static void the_interface_is_found_by_the_backends_address(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_IPIP, "2001:db8:1::1");
	has(&s, "\nIF=$(ip -o address show to 2001:db8:1::1 | awk '{ print $2; exit }')\n");
	has(&s, "\n(\n# The interface");
	has(&s, "\nfi\n)\n");
	has(&s, "\n: \"${IF:?no interface has 2001:db8:1::1: is this host backend web-1?}\"\n");
}

static void l2_has_no_decapsulation_and_says_where_the_backend_must_be(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_L2, "10.0.1.1");
	has(&s, "must be on the same\n# Ethernet segment as the balancer");
	has_not(&s, "decap");
	has_not(&s, "advmss");
	has_not(&s, "protocol 4");
	has_not(&s, "modprobe");
}

static void ipip_decapsulates_by_xdp_and_names_the_kernels_devices(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_IPIP, "10.0.1.1");
	has(&s, "|| evenkeel decap attach \"$IF\"\n");
	has(&s, "\n#   ip link add name evenkeel4 type ipip external\n");
	has(&s, "\n#   modprobe sit\n");
	has_not(&s, "ip6tnl");
	scene_set(&s, EK_FORWARD_IPIP, "2001:db8:1::1");
	has(&s, "\n#   ip link add name evenkeel6 type ip6tnl external\n");
	has_not(&s, "type ipip");
	has_not(&s, "modprobe sit");
}

static void gue_decapsulates_by_xdp_and_names_the_kernels_fou(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_GUE, "10.0.1.1");
	has(&s, "forward: gue. Run as root");
	has(&s, "|| evenkeel decap attach \"$IF\"\n");
	has(&s, "\n#   modprobe fou\n#   ip -4 fou add port 6080 gue\n#   modprobe ipip\n");
	has(&s, "\n#   modprobe sit\n");
	scene_set(&s, EK_FORWARD_GUE, "2001:db8:1::1");
	has(&s, "\n#   modprobe fou6\n#   ip -6 fou add port 6080 gue\n#   modprobe ip6_tunnel\n");
	scene_set(&s, EK_FORWARD_IPIP, "10.0.1.1");
	has_not(&s, "fou");
	has_not(&s, "6080");
}

/* One row per form: backend, family of the service, MTU of the way, segment size. */
static const struct {
	const char *backend;
	bool ipv4;
	uint32_t mtu, advmss;
} sizes[] = {
	{ "10.0.1.1", true, 1500, 1440 },       /* 4in4: 1500 - 20 - 40 */
	{ "10.0.1.1", false, 1500, 1420 },      /* 6in4: 1500 - 20 - 60 */
	{ "2001:db8:1::1", true, 1500, 1420 },  /* 4in6: 1500 - 40 - 40 */
	{ "2001:db8:1::1", false, 1500, 1400 }, /* 6in6: 1500 - 40 - 60 */
	{ "10.0.1.1", true, 0, 1440 },          /* not known: taken for Ethernet */
	{ "10.0.1.1", true, 1400, 1340 },
	{ "10.0.1.1", true, 1519, 1459 },
	{ "10.0.1.1", true, 1520, 0 }, /* a client's 1500 fit */
	{ "2001:db8:1::1", false, 1539, 1439 },
	{ "2001:db8:1::1", false, 1540, 0 },
	{ "10.0.1.1", true, 9000, 0 },
	{ "10.0.1.1", true, 60, 1 }, /* never zero or below */
};

static void the_segment_size_leaves_room_for_the_outer_header(void **state)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct scene s;
		char part[64];

		scene_set(&s, EK_FORWARD_IPIP, sizes[i].backend);
		only_family(&s, sizes[i].ipv4);
		s.facts.mtu = sizes[i].mtu;
		assert_int_equal(setup_advmss(&s.facts, sizes[i].ipv4), sizes[i].advmss);
		snprintf(part, sizeof(part), "ip -o -%d route show default | awk -v mss=%u '",
			 sizes[i].ipv4 ? 4 : 6, sizes[i].advmss);
		if (sizes[i].advmss)
			has(&s, part);
		else
			has_not(&s, "advmss");
	}
}

/* 1500 - outer header - inner headers, by the family of the backend and of the service. */
static void gue_leaves_room_for_udp_and_its_own_header(void **state)
{
	static const struct {
		const char *backend;
		bool ipv4;
		uint32_t gue, advmss;
	} rows[] = {
		{ "10.0.1.1", true, 0, 1432 },
		{ "10.0.1.1", false, 0, 1412 },
		{ "2001:db8:1::1", true, 0, 1412 },
		{ "2001:db8:1::1", false, 0, 1392 },
		{ "10.0.1.1", true, EK_GUE_VARIANT_0, 1428 },
		{ "2001:db8:1::1", false, EK_GUE_VARIANT_0, 1388 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		scene_set(&s, EK_FORWARD_GUE, rows[i].backend);
		s.facts.gue = rows[i].gue;
		s.facts.mtu = 1500;
		assert_int_equal(setup_advmss(&s.facts, rows[i].ipv4), rows[i].advmss);
	}
}

static void l2_asks_for_no_segment_size(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_L2, "10.0.1.1");
	s.facts.mtu = 1500;
	assert_int_equal(setup_advmss(&s.facts, true), 0);
	assert_int_equal(setup_advmss(&s.facts, false), 0);
}

static void the_firewall_opens_tunnels_to_the_balancer_alone(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_IPIP, "10.0.1.1");
	has(&s, "nft 'insert rule inet filter input ip saddr { 10.0.0.2 } ip protocol 4 accept'\n");
	has(&s,
	    "nft 'insert rule inet filter input ip saddr { 10.0.0.2 } ip protocol 41 accept'\n");
	scene_set(&s, EK_FORWARD_IPIP, "2001:db8:1::1");
	has(&s, "input ip6 saddr { 2001:db8:1::2 } meta l4proto 4 accept'\n");
	has(&s, "input ip6 saddr { 2001:db8:1::2 } meta l4proto 41 accept'\n");
	s.sources[0].addr = addr("2001:db8:1::3");
	has(&s, "ip6 saddr { 2001:db8:1::3, 2001:db8:1::2 } meta");
	s.facts.source_count = 0;
	has(&s, "insert rule inet filter input meta l4proto 4 accept'\n");
}

static void the_firewall_opens_gues_port_to_the_balancer_alone(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_GUE, "10.0.1.1");
	has(&s, "insert rule inet filter input ip saddr { 10.0.0.2 } udp dport 6080 accept'\n");
	has_not(&s, "ip protocol");
	scene_set(&s, EK_FORWARD_GUE, "2001:db8:1::1");
	has(&s,
	    "insert rule inet filter input ip6 saddr { 2001:db8:1::2 } udp dport 6080 accept'\n");
	s.facts.source_count = 0;
	has(&s, "insert rule inet filter input udp dport 6080 accept'\n");
}

static void the_firewall_takes_a_prefix_of_sources(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_IPIP, "10.0.1.1");
	s.sources[0] = (struct setup_source){ addr("192.0.2.0"), 24 };
	has(&s, "input ip saddr { 192.0.2.0/24 } ip protocol 4 accept'\n");
}

static void the_firewall_opens_each_listener(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_L2, "10.0.1.1");
	has(&s, "input ip daddr 203.0.113.10 tcp dport 443 accept'\n");
	has(&s, "input ip6 daddr 2001:db8::10 tcp dport 443 accept'\n");
	has(&s, "input ip daddr 203.0.113.10 udp dport 53 accept'\n");
	has(&s, "input ip6 daddr 2001:db8::10 udp dport 53 accept'\n");
}

static void nat_makes_the_balancer_the_gateway(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_NAT, "10.0.0.11");
	only_family(&s, true);
	s.facts.port = 8443;
	has(&s, "ip -4 route replace default via 10.0.0.2\n");
	has(&s, "ip -4 address delete " V4_VIP "/32 dev lo");
	has(&s, "ip daddr 10.0.0.11 tcp dport 8443 accept");
	has(&s, "#   sysctl -w net.ipv4.ip_forward=1\n");
	has(&s, "net.ipv4.conf.IF.send_redirects=0\n");
	has(&s, "#   sysctl -w net.ipv4.conf.all.rp_filter=2\n");
	has_not(&s, "address replace");
	has_not(&s, "arp_ignore");
	has_not(&s, "decap");
	has_not(&s, "advmss");
}

static void nat_knows_families_and_the_listeners_own_ports(void **state)
{
	struct scene s;

	scene_set(&s, EK_FORWARD_NAT, "2001:db8:2::1");
	only_family(&s, false);
	has(&s, "ip -6 route replace default via 2001:db8:1::2\n");
	has(&s, "ip -6 address delete " V6_VIP "/128 dev lo");
	has(&s, "ip6 daddr 2001:db8:2::1 tcp dport 443 accept");
	has(&s, "#   sysctl -w net.ipv6.conf.all.forwarding=1\n");
	has_not(&s, "ipv4");
	s.facts.source_count = 0;
	has(&s, "BALANCER= #");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_the_service_are_set_once_each),
		cmocka_unit_test(arp_is_silenced_before_the_address_is_there),
		cmocka_unit_test(reverse_path_filter_is_off_in_all_and_on_the_interface),
		cmocka_unit_test(a_service_of_ipv6_alone_needs_no_ipv4_settings),
		cmocka_unit_test(the_interface_is_found_by_the_backends_address),
		cmocka_unit_test(l2_has_no_decapsulation_and_says_where_the_backend_must_be),
		cmocka_unit_test(ipip_decapsulates_by_xdp_and_names_the_kernels_devices),
		cmocka_unit_test(gue_decapsulates_by_xdp_and_names_the_kernels_fou),
		cmocka_unit_test(gue_leaves_room_for_udp_and_its_own_header),
		cmocka_unit_test(the_segment_size_leaves_room_for_the_outer_header),
		cmocka_unit_test(l2_asks_for_no_segment_size),
		cmocka_unit_test(the_firewall_opens_tunnels_to_the_balancer_alone),
		cmocka_unit_test(the_firewall_opens_gues_port_to_the_balancer_alone),
		cmocka_unit_test(the_firewall_takes_a_prefix_of_sources),
		cmocka_unit_test(the_firewall_opens_each_listener),
		cmocka_unit_test(nat_makes_the_balancer_the_gateway),
		cmocka_unit_test(nat_knows_families_and_the_listeners_own_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
