// SPDX-License-Identifier: GPL-2.0
/* Many watched addresses, lost notifications, a set that changes. */
#include "story.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

/* ---- scale and loss ----------------------------------------------------------------------- */

static void silent(void *context, const struct ek_addr *a, const struct hop *hop)
{
	unsigned int *reports = context;

	(*reports)++;
}

static struct ek_addr numbered(unsigned int i)
{
	struct ek_addr a = addr("10.20.0.0");

	a.bytes[14] = (uint8_t)(i >> 8);
	a.bytes[15] = (uint8_t)i;
	return a;
}

static void drain(struct hops *h)
{
	struct pollfd readable = { .fd = hops_fd(h), .events = POLLIN };

	do
		assert_int_equal(hops_process(h), 0);
	while (poll(&readable, 1, 300) == 1);
}

static void an_unrelated_route_costs_no_lookup(void **state)
{
	unsigned int reports = 0;
	struct hops *h = NULL;
	uint32_t before;

	/* The end of duplicate address detection would be one more change to look at. */
	run("ip link set ekn0 addrgenmode none; ip -6 addr flush dev ekn0");
	run("ip route add 10.20.0.0/16 via 10.9.0.2");
	assert_int_equal(hops_open(&h, silent, &reports), 0);
	for (unsigned int i = 0; i < 2000; i++) {
		struct ek_addr a = numbered(i);

		assert_int_equal(hops_watch(h, &a), 0);
	}
	drain(h);
	assert_int_equal(reports, 4000); /* unknown, then ready */
	before = h->query.sequence;
	run("for i in $(seq 0 99); do echo route add 10.21.$i.0/24 via 10.9.0.2; done | ip -b -");
	drain(h);
	assert_int_equal(h->query.sequence - before, 0);
	/* One that concerns 256 of them is looked up for these. */
	run("ip route add 10.20.3.0/24 via 10.9.0.2");
	drain(h);
	assert_int_equal(h->query.sequence - before, 256);
	assert_int_equal(reports, 4000);
	/* And a neighbour's change reaches all, without a lookup. */
	run("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:99 dev ekn0 nud reachable");
	drain(h);
	assert_int_equal(h->query.sequence - before, 256);
	assert_int_equal(reports, 6000);
	hops_close(h);
}

static unsigned int drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size), 0);
	return info[SK_MEMINFO_DROPS];
}

static void shrink_buffer(int fd)
{
	int size = 1; /* the kernel makes it its minimum */

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

static void lost_notifications_lead_to_a_resync(void **state)
{
	const struct lab *lab = *state;
	struct story s;

	run_in_peer(lab, "ip addr add 10.9.0.3/24 dev ekn1");
	run("ip route add 10.20.0.0/16 via 10.9.0.2");
	begin(&s, "10.20.3.4");
	wait_ready(&s);
	shrink_buffer(hops_fd(s.hops));
	run("for i in $(seq 0 99); do echo route add 10.21.$i.0/24 via 10.9.0.2; done | ip -b -");
	run("ip route replace 10.20.0.0/16 via 10.9.0.3; ip link set ekn0 mtu 1280");
	run("ip link add name ekn7 type bridge; ip link del ekn7");
	assert_true(drops(hops_fd(s.hops)) > 0);
	assert_int_equal(hops_process(s.hops), 0);
	assert_int_equal(s.last.gateway.bytes[15], 3);
	assert_int_equal(s.last.mtu, 1280);
	wait_ready(&s);
	hops_close(s.hops);
}

static void an_interface_deleted_unnoticed_is_gone_after_the_resync(void **state)
{
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	shrink_buffer(hops_fd(s.hops));
	run("for i in $(seq 0 99); do echo route add 10.21.$i.0/24 via 10.9.0.2; done | ip -b -");
	run("ip link del ekn0");
	assert_true(drops(hops_fd(s.hops)) > 0);
	assert_int_equal(hops_process(s.hops), 0);
	assert_int_equal(s.last.state, HOP_LINK_DOWN);
	hops_close(s.hops);
}

/* ---- the watched set ------------------------------------------------------------------------ */

static void watching_is_counted(void **state)
{
	struct ek_addr a = addr("10.9.0.2");
	struct story s;

	begin(&s, "10.9.0.2");
	assert_int_equal(hops_watch(s.hops, &a), 0);
	assert_int_equal(s.reports, 1);
	hops_unwatch(s.hops, &a);
	assert_non_null(hops_find(s.hops, &a));
	hops_unwatch(s.hops, &a);
	assert_null(hops_find(s.hops, &a));
	hops_unwatch(s.hops, &a);
	assert_int_equal(s.hops->neighbours.count, 0);
	hops_close(s.hops);
}

struct meddler {
	struct hops *hops;
	unsigned int ready;
};

/* Ends the watch of what became ready, and begins another. */
static void meddle(void *context, const struct ek_addr *a, const struct hop *hop)
{
	struct meddler *m = context;
	struct ek_addr next = numbered(1000 + m->ready);

	if (hop->state != HOP_READY || m->ready == 50)
		return;
	m->ready++;
	hops_unwatch(m->hops, a);
	assert_int_equal(hops_watch(m->hops, &next), 0);
}

static void the_set_may_change_while_it_is_reported(void **state)
{
	struct meddler m = {};

	run("ip route add 10.20.0.0/16 via 10.9.0.2");
	assert_int_equal(hops_open(&m.hops, meddle, &m), 0);
	for (unsigned int i = 0; i < 40; i++) {
		struct ek_addr a = numbered(i);

		assert_int_equal(hops_watch(m.hops, &a), 0);
	}
	drain(m.hops);
	assert_int_equal(m.ready, 50);
	assert_int_equal(m.hops->targets.count, 40);
	hops_close(m.hops);
}

/* ---- what can be redirected into ------------------------------------------------------------ */

static void interfaces_that_take_no_redirected_frames_are_named_by_kind(void **state)
{
	static const char *const kinds[] = { "bridge", "ifb", "macvlan", "vxlan" };
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	assert_string_equal(s.last.no_redirect, ""); /* veth */
	hops_close(s.hops);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *own = i == 2 ? "link ekn0" : "";

		run("ip link add ekx %s type %s %s", own, kinds[i],
		    i == 3 ? "id 5 dstport 4789" : "");
		run("ip addr add 10.10.0.1/24 dev ekx; ip link set ekx up");
		begin(&s, "10.10.0.2");
		assert_string_equal(s.last.no_redirect, kinds[i]);
		hops_close(s.hops);
		run("ip link del ekx");
	}
	run("ip tuntap add ekx mode tap; ip addr add 10.10.0.1/24 dev ekx; ip link set ekx up");
	begin(&s, "10.10.0.2");
	assert_string_equal(s.last.interface, "ekx");
	assert_string_equal(s.last.no_redirect, ""); /* tun */
	hops_close(s.hops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(an_unrelated_route_costs_no_lookup),
		story(lost_notifications_lead_to_a_resync),
		story(an_interface_deleted_unnoticed_is_gone_after_the_resync),
		story(watching_is_counted),
		story(interfaces_that_take_no_redirected_frames_are_named_by_kind),
		story(the_set_may_change_while_it_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
