// SPDX-License-Identifier: GPL-2.0
/* What is found out about this host: interfaces, addresses, listening sockets. */
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "net/net.h"

/* ---- links -------------------------------------------------------------------------------- */

static struct link_facts facts(const char *interface)
{
	struct link_facts f;

	assert_int_equal(net_link_facts(&f, interface, NULL), 0);
	return f;
}

static void a_veth_tells_driver_mtu_and_queues(void **state)
{
	struct link_facts f;

	run("ip link add ekn2 numrxqueues 2 numtxqueues 2 type veth peer name ekn3");
	run("ip link set ekn2 mtu 1400");
	f = facts("ekn2");
	assert_string_equal(f.name, "ekn2");
	assert_string_equal(f.driver, "veth");
	assert_string_equal(f.kind, "veth");
	assert_string_equal(f.lower, "");
	assert_int_equal(f.ifindex, if_nametoindex("ekn2"));
	assert_int_equal(f.mtu, 1400);
	assert_int_equal(f.max_queues, 2);
	assert_in_range(f.rx_queues, 1, 2);
	assert_int_equal(f.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(f.ethernet);
	assert_false(f.up);
	assert_false(f.lro || f.hw_gro);
	assert_int_equal(f.xdp_program, 0);
	run("ip link set ekn2 up");
	assert_true(facts("ekn2").up);
}

static void vlan_offload_is_read_as_it_is_set(void **state)
{
	run("ethtool -K ekn0 rxvlan off");
	assert_false(facts("ekn0").rx_vlan_offload);
	run("ethtool -K ekn0 rxvlan on");
	assert_true(facts("ekn0").rx_vlan_offload);
}

static void a_bridge_and_loopback_are_told_apart(void **state)
{
	struct link_facts f;

	run("ip link add ekn-br type bridge");
	f = facts("ekn-br");
	assert_string_equal(f.kind, "bridge");
	assert_string_equal(f.driver, "bridge");
	assert_true(f.ethernet);
	assert_false(facts("lo").ethernet);
	assert_string_equal(facts("lo").kind, "");
}

/* As a vlan does; macvlan is what the smallest kernels have, too. */
static void a_sub_interface_names_what_it_sits_on(void **state)
{
	struct link_facts f;

	run("ip link add link ekn0 name ekn0.5 type macvlan mode bridge");
	f = facts("ekn0.5");
	assert_string_equal(f.kind, "macvlan");
	assert_string_equal(f.lower, "ekn0");
}

static void an_alternative_name_finds_the_interface(void **state)
{
	run("ip link property add dev ekn0 altname evenkeel-uplink-with-a-long-name");
	assert_string_equal(facts("evenkeel-uplink-with-a-long-name").name, "ekn0");
}

static void a_missing_interface_is_enodev_and_touches_nothing(void **state)
{
	char long_name[300];
	struct link_facts f, before;

	memset(&before, 0x5a, sizeof(before));
	f = before;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	assert_int_equal(net_link_facts(&f, "ekn-none", NULL), -ENODEV);
	assert_int_equal(net_link_facts(&f, "", NULL), -ENODEV);
	assert_int_equal(net_link_facts(&f, long_name, NULL), -ENODEV);
	assert_memory_equal(&f, &before, sizeof(f));
}

static void the_default_route_is_seen_on_its_interface_only(void **state)
{
	const struct lab *lab = *state;

	lab_pair(lab, "ekn2", "ekn3");
	assert_false(facts("ekn0").default_route);
	run("ip route add default via 10.9.0.2; ip route add 10.20.0.0/16 dev ekn2");
	assert_true(facts("ekn0").default_route);
	assert_false(facts("ekn2").default_route);
	run("ip route del default; ip -6 route add default via fd09::2");
	assert_true(facts("ekn0").default_route);
	assert_false(facts("ekn2").default_route);
}

static void a_route_through_a_bridge_goes_through_its_port(void **state)
{
	const struct ek_addr session = addr("10.30.0.9");
	struct link_facts f;

	run("ip link add ekn-br type bridge; ip link set ekn-br up");
	run("ip link set ekn0 master ekn-br");
	run("ip addr add 10.30.0.1/24 dev ekn-br; ip route add default via 10.30.0.2");
	assert_int_equal(net_link_facts(&f, "ekn0", &session), 0);
	assert_true(f.default_route);
	assert_true(f.session);
}

static void a_session_comes_through_the_interface_it_is_answered_on(void **state)
{
	const struct ek_addr there = addr("10.9.0.2"), elsewhere = addr("10.77.0.1"),
			     self = addr("10.9.0.1");
	struct link_facts f;

	assert_int_equal(net_link_facts(&f, "ekn0", &there), 0);
	assert_true(f.session);
	assert_int_equal(net_link_facts(&f, "lo", &there), 0);
	assert_false(f.session);
	assert_int_equal(net_link_facts(&f, "ekn0", &elsewhere), 0);
	assert_false(f.session);
	assert_int_equal(net_link_facts(&f, "ekn0", &self), 0);
	assert_false(f.session);
}

/* ---- addresses and sockets ------------------------------------------------------------------ */

static void own_addresses_are_known_with_their_interface(void **state)
{
	const struct ek_addr own = addr("10.9.0.1"), own6 = addr("fd09::1");
	const struct ek_addr other = addr("10.9.0.2"), loopback = addr("127.0.0.1");
	unsigned int ifindex = 0;

	assert_true(net_address_local(&own, &ifindex));
	assert_int_equal(ifindex, if_nametoindex("ekn0"));
	assert_true(net_address_local(&own6, NULL));
	assert_true(net_address_local(&loopback, &ifindex));
	assert_int_equal(ifindex, if_nametoindex("lo"));
	ifindex = 7;
	assert_false(net_address_local(&other, &ifindex));
	assert_int_equal(ifindex, 7);
}

static int open_socket(int type, const char *address, uint16_t port, bool v6only)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool ipv6 = strchr(address, ':');
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, type, 0);
	int only = v6only;

	assert_true(fd >= 0);
	if (ipv6) {
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
		assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	} else {
		assert_int_equal(inet_pton(AF_INET, address, &v4.sin_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
	}
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int listens(const char *address, uint16_t port, uint8_t proto)
{
	struct ek_addr a = addr(address);

	return net_socket_listens(&a, port, proto);
}

static void a_listening_socket_is_found_by_its_address(void **state)
{
	_cleanup_(close_fd) int v4 = open_socket(SOCK_STREAM, "10.9.0.1", 80, false);
	_cleanup_(close_fd) int v6 = open_socket(SOCK_STREAM, "fd09::1", 81, false);
	_cleanup_(close_fd) int mapped = open_socket(SOCK_STREAM, "::ffff:10.9.0.1", 82, false);

	assert_int_equal(listens("10.9.0.1", 80, IPPROTO_TCP), 1);
	assert_int_equal(listens("127.0.0.1", 80, IPPROTO_TCP), 0);
	assert_int_equal(listens("10.9.0.1", 79, IPPROTO_TCP), 0);
	assert_int_equal(listens("10.9.0.1", 80, IPPROTO_UDP), 0);
	assert_int_equal(listens("fd09::1", 81, IPPROTO_TCP), 1);
	assert_int_equal(listens("fd09::1", 80, IPPROTO_TCP), 0);
	assert_int_equal(listens("10.9.0.1", 82, IPPROTO_TCP), 1);
}

static void a_wildcard_socket_takes_the_hosts_own_addresses(void **state)
{
	_cleanup_(close_fd) int v4 = open_socket(SOCK_STREAM, "0.0.0.0", 80, false);
	_cleanup_(close_fd) int both = open_socket(SOCK_STREAM, "::", 81, false);
	_cleanup_(close_fd) int only6 = open_socket(SOCK_STREAM, "::", 82, true);

	assert_int_equal(listens("10.9.0.1", 80, IPPROTO_TCP), 1);
	assert_int_equal(listens("10.9.0.2", 80, IPPROTO_TCP), 0); /* the peer's */
	assert_int_equal(listens("fd09::1", 80, IPPROTO_TCP), 0);
	assert_int_equal(listens("10.9.0.1", 81, IPPROTO_TCP), 1);
	assert_int_equal(listens("fd09::1", 81, IPPROTO_TCP), 1);
	assert_int_equal(listens("10.9.0.1", 82, IPPROTO_TCP), 0);
	assert_int_equal(listens("fd09::1", 82, IPPROTO_TCP), 1);
}

static void an_unconnected_udp_socket_is_found(void **state)
{
	_cleanup_(close_fd) int any = open_socket(SOCK_DGRAM, "0.0.0.0", 53, false);
	_cleanup_(close_fd) int v6 = open_socket(SOCK_DGRAM, "fd09::1", 54, false);

	assert_int_equal(listens("10.9.0.1", 53, IPPROTO_UDP), 1);
	assert_int_equal(listens("10.9.0.1", 53, IPPROTO_TCP), 0);
	assert_int_equal(listens("fd09::1", 54, IPPROTO_UDP), 1);
	assert_int_equal(listens("fd09::1", 53, IPPROTO_UDP), 0);
}

static void other_states_than_listening_do_not_count(void **state)
{
	_cleanup_(close_fd) int server = open_socket(SOCK_STREAM, "127.0.0.1", 80, false);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(80),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_port = htons(90),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_(close_fd) int client = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(client, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listens("127.0.0.1", 80, IPPROTO_TCP), 1);
	assert_int_equal(listens("127.0.0.1", 90, IPPROTO_TCP), 0);
}

#define story(name) cmocka_unit_test_setup_teardown(name, lab_up, lab_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_veth_tells_driver_mtu_and_queues),
		story(vlan_offload_is_read_as_it_is_set),
		story(a_bridge_and_loopback_are_told_apart),
		story(a_sub_interface_names_what_it_sits_on),
		story(an_alternative_name_finds_the_interface),
		story(a_missing_interface_is_enodev_and_touches_nothing),
		story(the_default_route_is_seen_on_its_interface_only),
		story(a_route_through_a_bridge_goes_through_its_port),
		story(a_session_comes_through_the_interface_it_is_answered_on),
		story(own_addresses_are_known_with_their_interface),
		story(a_listening_socket_is_found_by_its_address),
		story(a_wildcard_socket_takes_the_hosts_own_addresses),
		story(an_unconnected_udp_socket_is_found),
		story(other_states_than_listening_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
