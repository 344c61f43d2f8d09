// SPDX-License-Identifier: GPL-2.0
/* Neighbours are asked for, believed and given up. */
#include "story.h"

/* ---- neighbours --------------------------------------------------------------------------- */

static void check_missing(const struct lab *lab, const char *address, const char *source)
{
	struct ek_addr a = addr(address), from = addr(source);
	uint8_t here[6], there[6];
	struct story s;

	begin(&s, address);
	assert_int_equal(s.last.state, HOP_UNKNOWN);
	wait_ready(&s);
	mac_of(here, "ekn0");
	peer_mac(there, lab, "ekn1");
	assert_memory_equal(s.last.source_mac, here, 6);
	assert_memory_equal(s.last.dest_mac, there, 6);
	assert_string_equal(s.last.interface, "ekn0");
	assert_int_equal(s.last.ifindex, if_nametoindex("ekn0"));
	assert_int_equal(s.last.mtu, 1500);
	assert_true(s.last.direct);
	assert_true(addr_equal(&s.last.gateway, &a));
	assert_true(addr_equal(&s.last.source, &from));
	hops_close(s.hops);
}

static void a_missing_neighbour_is_asked_for(void **state)
{
	check_missing(*state, "10.9.0.2", "10.9.0.1");
	check_missing(*state, "fd09::2", "fd09::1");
}

static void a_known_neighbour_is_ready_at_once(void **state)
{
	struct story s;

	run("ip neigh add 10.9.0.7 lladdr 02:00:00:00:00:07 dev ekn0");
	begin(&s, "10.9.0.7");
	assert_int_equal(s.last.state, HOP_READY);
	assert_int_equal(s.last.dest_mac[5], 7);
	hops_close(s.hops);
}

static void check_changed_mac(const char *address)
{
	struct story s;

	begin(&s, address);
	wait_ready(&s);
	run("ip neigh replace %s lladdr 02:00:00:00:00:99 dev ekn0 nud reachable", address);
	wait_for(&s, s.last.dest_mac[5] == 0x99);
	assert_int_equal(s.last.state, HOP_READY);
	assert_int_equal(s.in_state[HOP_READY], 2);
	hops_close(s.hops);
}

static void a_changed_neighbour_mac_is_reported(void **state)
{
	check_changed_mac("10.9.0.2");
	check_changed_mac("fd09::2");
}

static void check_flush(const char *address)
{
	struct story s;

	begin(&s, address);
	wait_ready(&s);
	run("ip neigh flush dev ekn0");
	wait_for(&s, kernel_state(&s, address) == NUD_REACHABLE);
	catch_up(&s, NEIGHBOUR_KEEP_MS + 500);
	assert_int_equal(s.last.state, HOP_READY);
	assert_int_equal(s.in_state[HOP_READY], 1);
	hops_close(s.hops);
}

static void a_flush_keeps_the_mac_and_asks_again(void **state)
{
	check_flush("10.9.0.2");
	check_flush("fd09::2");
}

static void after_a_flush_a_new_mac_is_learnt(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	run_in_peer(lab, "ip link set ekn1 address 02:00:00:00:00:55");
	run("ip neigh flush dev ekn0");
	wait_for(&s, s.last.dest_mac[5] == 0x55);
	assert_int_equal(s.in_state[HOP_UNKNOWN], 1); /* the beginning */
	hops_close(s.hops);
}

static void a_flushed_neighbour_that_is_silent_is_given_up(void **state)
{
	const struct lab *lab = *state;
	struct story s;
	uint64_t flushed_ms;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	run_in_peer(lab, "ip link set ekn1 arp off");
	/* The kernel goes on asking for longer than the address is kept. */
	run("ip ntable change name arp_cache dev ekn0 mcast_probes 6");
	run("ip neigh flush dev ekn0");
	flushed_ms = clock_now_ms();
	catch_up(&s, 1000);
	assert_int_equal(s.last.state, HOP_READY);
	wait_for(&s, s.last.state == HOP_UNKNOWN);
	assert_true(clock_now_ms() - flushed_ms < NEIGHBOUR_KEEP_MS + 1000);
	wait_for(&s, s.last.state == HOP_NO_NEIGHBOUR);
	hops_close(s.hops);
}

static void a_neighbour_that_appears_late_is_found(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	begin(&s, "10.9.0.9");
	wait_for(&s, s.last.state == HOP_NO_NEIGHBOUR);
	/* being asked again is no news */
	catch_up(&s, 2500);
	assert_int_equal(s.reports, 2);
	run_in_peer(lab, "ip addr add 10.9.0.9/24 dev ekn1");
	wait_ready(&s);
	hops_close(s.hops);
}

static void stale_neighbours_are_probed_without_losing_them(void **state)
{
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	run("ip neigh change 10.9.0.2 dev ekn0 nud stale");
	wait_for(&s, kernel_state(&s, "10.9.0.2") & (NUD_DELAY | NUD_PROBE));
	wait_for(&s, kernel_state(&s, "10.9.0.2") == NUD_REACHABLE);
	assert_int_equal(s.in_state[HOP_READY], 1);
	hops_close(s.hops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_missing_neighbour_is_asked_for),
		story(a_known_neighbour_is_ready_at_once),
		story(a_changed_neighbour_mac_is_reported),
		story(a_flush_keeps_the_mac_and_asks_again),
		story(after_a_flush_a_new_mac_is_learnt),
		story(a_flushed_neighbour_that_is_silent_is_given_up),
		story(a_neighbour_that_appears_late_is_found),
		story(stale_neighbours_are_probed_without_losing_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
