// SPDX-License-Identifier: GPL-2.0
/* Next hops follow routes and links. */
#define STORY_REFRESHES false
#include "story.h"

/* ---- routes ------------------------------------------------------------------------------- */

static void check_gateway_moves(const struct lab *lab, const char *family, const char *net,
				const char *address, const char *first, const char *second)
{
	struct ek_addr gateway = addr(first);
	struct story s;

	run_in_peer(lab, "ip addr add %s dev ekn1 %s", second,
		    addr_is_ipv4(&gateway) ? "" : "nodad");
	run("ip %s route add %s via %s", family, net, first);
	begin(&s, address);
	wait_ready(&s);
	assert_true(addr_equal(&s.last.gateway, &gateway));
	assert_false(s.last.direct);
	run("ip %s route replace %s via %s", family, net, second);
	gateway = addr(second);
	wait_for(&s, addr_equal(&s.last.gateway, &gateway) && s.last.state == HOP_READY);
	run("ip %s route del %s", family, net);
	wait_for(&s, s.last.state == HOP_NO_ROUTE);
	run("ip %s route add unreachable %s", family, net);
	catch_up(&s, 300);
	assert_int_equal(s.last.state, HOP_NO_ROUTE);
	hops_close(s.hops);
}

static void a_route_moved_to_another_gateway_is_reported(void **state)
{
	check_gateway_moves(*state, "-4", "10.20.0.0/16", "10.20.3.4", "10.9.0.2", "10.9.0.3");
	check_gateway_moves(*state, "-6", "fd20::/32", "fd20::34", "fd09::2", "fd09::3");
}

static void a_route_moved_to_another_interface_is_reported(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	lab_pair(lab, "ekn2", "ekn3");
	run("ip addr add 10.8.0.1/24 dev ekn2");
	run_in_peer(lab, "ip addr add 10.8.0.2/24 dev ekn3");
	run("ip route add 10.20.0.0/16 via 10.9.0.2");
	begin(&s, "10.20.3.4");
	wait_ready(&s);
	/* by a longer prefix, back, and by a rule */
	run("ip route add 10.20.3.0/24 via 10.8.0.2");
	wait_for(&s, !strcmp(s.last.interface, "ekn2") && s.last.state == HOP_READY);
	run("ip route del 10.20.3.0/24");
	wait_for(&s, !strcmp(s.last.interface, "ekn0") && s.last.state == HOP_READY);
	run("ip route add 10.20.0.0/16 via 10.8.0.2 table 77");
	catch_up(&s, 100);
	assert_string_equal(s.last.interface, "ekn0");
	run("ip rule add to 10.20.0.0/16 table 77");
	wait_for(&s, !strcmp(s.last.interface, "ekn2") && s.last.state == HOP_READY);
	hops_close(s.hops);
}

/* IPv4 removes such routes without a notification (with an address: kernels before 6.6). */
static void a_route_lost_with_its_link_or_source_gives_way_to_the_next(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	lab_pair(lab, "ekn2", "ekn3");
	run("ip addr add 10.8.0.1/24 dev ekn2; ip addr add 10.8.0.5/32 dev lo");
	run_in_peer(lab, "ip addr add 10.8.0.2/24 dev ekn3");
	run("ip route add 10.20.0.0/16 via 10.9.0.2 src 10.8.0.5 metric 1");
	run("ip route add 10.20.0.0/16 via 10.9.0.2 metric 2");
	run("ip route add 10.20.0.0/16 via 10.8.0.2 metric 3");
	begin(&s, "10.20.3.4");
	wait_ready(&s);
	assert_int_equal(s.last.source.bytes[15], 5);
	run("ip addr del 10.8.0.5/32 dev lo");
	wait_for(&s, s.last.source.bytes[15] == 1);
	run("ip link set ekn0 down");
	wait_for(&s, !strcmp(s.last.interface, "ekn2") && s.last.state == HOP_READY);
	hops_close(s.hops);
}

static void a_nexthop_object_that_changes_is_reported(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	run_in_peer(lab, "ip addr add 10.9.0.3/24 dev ekn1");
	/* Else the kernel announces the routes that use it as well. */
	run("echo 0 > /proc/sys/net/ipv4/nexthop_compat_mode");
	run("ip nexthop add id 5 via 10.9.0.2 dev ekn0; ip route add 10.20.0.0/16 nhid 5");
	begin(&s, "10.20.3.4");
	wait_ready(&s);
	run("ip nexthop replace id 5 via 10.9.0.3 dev ekn0");
	wait_for(&s, s.last.gateway.bytes[15] == 3 && s.last.state == HOP_READY);
	hops_close(s.hops);
}

static void an_ipv4_route_may_have_an_ipv6_gateway(void **state)
{
	struct ek_addr gateway = addr("fd09::2");
	struct story s;

	run("ip route add 10.20.0.0/16 via inet6 fd09::2 dev ekn0");
	begin(&s, "10.20.3.4");
	wait_ready(&s);
	assert_true(addr_equal(&s.last.gateway, &gateway));
	assert_false(s.last.direct);
	hops_close(s.hops);
}

static void the_smaller_mtu_of_route_and_link_counts(void **state)
{
	struct story s;

	run("ip route add 10.20.0.0/16 via 10.9.0.2 mtu 1400");
	begin(&s, "10.20.3.4");
	wait_ready(&s);
	assert_int_equal(s.last.mtu, 1400);
	run("ip link set ekn0 mtu 1300");
	wait_for(&s, s.last.mtu == 1300);
	hops_close(s.hops);
}

static void own_addresses_are_local(void **state)
{
	struct story s;

	begin(&s, "10.9.0.1");
	assert_int_equal(s.last.state, HOP_LOCAL);
	hops_close(s.hops);
	begin(&s, "10.9.0.2");
	wait_ready(&s);
	run("ip addr add 10.9.0.2/32 dev lo");
	wait_for(&s, s.last.state == HOP_LOCAL);
	run("ip addr del 10.9.0.2/32 dev lo");
	wait_ready(&s);
	hops_close(s.hops);
}

static void an_interface_without_ethernet_has_no_mac(void **state)
{
	struct story s;

	run("ip route add 10.20.0.0/16 dev lo");
	begin(&s, "10.20.3.4");
	assert_int_equal(s.last.state, HOP_NO_MAC);
	hops_close(s.hops);
}

/* ---- links -------------------------------------------------------------------------------- */

static void check_down_and_up(const struct lab *lab, const char *address)
{
	struct story s;

	begin(&s, address);
	wait_ready(&s);
	run("ip link set ekn0 down");
	wait_for(&s, s.last.state == HOP_LINK_DOWN);
	assert_string_equal(s.last.interface, "ekn0");
	/* IPv6 addresses do not survive it */
	run("ip link set ekn0 up; ip addr replace fd09::1/64 dev ekn0 nodad");
	wait_ready(&s);
	run_in_peer(lab, "ip link set ekn1 down");
	wait_for(&s, s.last.state == HOP_LINK_DOWN);
	run_in_peer(lab, "ip link set ekn1 up; ip addr replace fd09::2/64 dev ekn1 nodad");
	wait_ready(&s);
	hops_close(s.hops);
}

static void a_link_that_goes_down_and_returns_is_reported(void **state)
{
	check_down_and_up(*state, "10.9.0.2");
	check_down_and_up(*state, "fd09::2");
}

static void what_was_known_before_a_link_went_down_is_not_believed_after(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	run_in_peer(lab, "ip link set ekn1 arp off");
	run("ip link set ekn0 down; ip link set ekn0 up");
	wait_for(&s, s.last.state == HOP_UNKNOWN);
	catch_up(&s, 300);
	assert_int_equal(s.in_state[HOP_READY], 1);
	hops_close(s.hops);
}

static void bring_back(const struct lab *lab, const char *how)
{
	run("ip link add ekn0 %s type veth peer name ekn1 netns /proc/%d/fd/%d", how, getpid(),
	    lab->peer);
	run("ip link set ekn0 up; ip addr add 10.9.0.1/24 dev ekn0");
	run_in_peer(lab, "ip link set ekn1 up; ip addr add 10.9.0.2/24 dev ekn1");
}

static void an_interface_that_returns_is_followed(void **state, bool same_index)
{
	const struct lab *lab = *state;
	uint8_t here[6], there[6];
	char how[32] = "index 4242";
	unsigned int first;
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	first = s.last.ifindex;
	run("ip link del ekn0");
	if (same_index) /* and without a look in between */
		snprintf(how, sizeof(how), "index %u", first);
	else
		wait_for(&s, s.last.state == HOP_LINK_DOWN);
	bring_back(lab, how);
	mac_of(here, "ekn0");
	peer_mac(there, lab, "ekn1");
	wait_for(&s, s.last.state == HOP_READY && !memcmp(s.last.source_mac, here, 6) &&
			     !memcmp(s.last.dest_mac, there, 6));
	assert_int_equal(s.last.ifindex, same_index ? first : 4242);
	hops_close(s.hops);
}

static void an_interface_that_returns_with_a_new_index_is_followed(void **state)
{
	an_interface_that_returns_is_followed(state, false);
}

static void an_interface_that_takes_over_the_index_is_followed(void **state)
{
	an_interface_that_returns_is_followed(state, true);
}

static void a_permanent_neighbour_survives_the_loss_of_carrier(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	run("ip neigh add 10.9.0.7 lladdr 02:00:00:00:00:07 dev ekn0");
	begin(&s, "10.9.0.7");
	run_in_peer(lab, "ip link set ekn1 down");
	wait_for(&s, s.last.state == HOP_LINK_DOWN);
	run_in_peer(lab, "ip link set ekn1 up");
	wait_ready(&s);
	catch_up(&s, 500);
	assert_int_equal(kernel_state(&s, "10.9.0.7"), NUD_PERMANENT);
	hops_close(s.hops);
}

static void the_own_mac_that_changes_is_reported(void **state)
{
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	run("ip link set ekn0 address 02:00:00:00:00:44");
	wait_for(&s, s.last.source_mac[5] == 0x44 && s.last.state == HOP_READY);
	hops_close(s.hops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_route_moved_to_another_gateway_is_reported),
		story(a_route_moved_to_another_interface_is_reported),
		story(a_route_lost_with_its_link_or_source_gives_way_to_the_next),
		story(a_nexthop_object_that_changes_is_reported),
		story(an_ipv4_route_may_have_an_ipv6_gateway),
		story(the_smaller_mtu_of_route_and_link_counts),
		story(own_addresses_are_local),
		story(an_interface_without_ethernet_has_no_mac),
		story(a_link_that_goes_down_and_returns_is_reported),
		story(what_was_known_before_a_link_went_down_is_not_believed_after),
		story(an_interface_that_returns_with_a_new_index_is_followed),
		story(an_interface_that_takes_over_the_index_is_followed),
		story(a_permanent_neighbour_survives_the_loss_of_carrier),
		story(the_own_mac_that_changes_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
