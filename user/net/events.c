// SPDX-License-Identifier: GPL-2.0
/* Notifications of rtnetlink: each marks what it concerns. */
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "net/clock.h"
#include "net/hops_internal.h"

/* Room for the notifications of a few thousand changes at once; more lead to a resync. */
#define EVENT_BUFFER_BYTES (4 << 20)
/* Reads in one turn: a flood without end must not keep the caller from everything else. */
#define READS_PER_TURN 4096

/* ---- marking ---------------------------------------------------------------------------- */

/* Marks the watched addresses within a prefix. */
static void mark_prefix(struct hops *h, const struct ek_addr *prefix, unsigned int bits)
{
	struct ek_addr low = {};
	uint8_t mask = (uint8_t)(0xff00u >> bits % 8);
	size_t whole = bits / 8;

	memcpy(low.bytes, prefix->bytes, whole);
	if (whole < sizeof(low.bytes))
		low.bytes[whole] = prefix->bytes[whole] & mask;
	for (size_t i = sorted_lower(&h->targets, &low); i < h->targets.count; i++) {
		struct target *t = h->targets.items[i];

		if (memcmp(t->addr.bytes, low.bytes, whole))
			break;
		if (whole < sizeof(low.bytes) && (t->addr.bytes[whole] & mask) != low.bytes[whole])
			break;
		t->lookup = true;
	}
}

/* Marks those of one family: addresses and rules of the other do not concern them. */
static void mark_family(struct hops *h, int family)
{
	for (size_t i = 0; i < h->targets.count; i++) {
		struct target *t = h->targets.items[i];

		if (nl_family(&t->addr) == family)
			t->lookup = true;
	}
}

static bool is_used(const struct hops *h, unsigned int ifindex)
{
	for (size_t i = 0; i < h->targets.count; i++) {
		const struct target *t = h->targets.items[i];

		if (t->route.kind == ROUTE_UNICAST && t->route.ifindex == ifindex)
			return true;
	}
	return false;
}

/* `l` was in state `before`. IPv4 routes through an interface that goes down vanish without a
 * notification, and those of a multipath route come back to life without one. */
static void link_changed(struct hops *h, struct link *l, bool before, bool after)
{
	l->changed = true;
	if (before == after)
		return;
	h->lookup_all = true;
	if (after)
		neighbours_want(h, l->ifindex);
	else
		neighbours_forget(h, l->ifindex);
}

/* ---- taking ----------------------------------------------------------------------------- */

static int take_new_link(struct hops *h, const struct nlmsghdr *message)
{
	unsigned int ifindex = nl_link_ifindex(message);
	struct link *l = sorted_find(&h->links, &ifindex);
	bool is_new = !l;
	struct link old = {};
	int err;

	if (is_new)
		l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	old = *l;
	if (!nl_link_parse(l, message)) {
		if (is_new)
			free(l);
		return 0;
	}
	l->seen = true;
	if (is_new) {
		err = sorted_add(&h->links, l);
		if (err) {
			free(l);
			return err;
		}
	}
	if (is_new || link_usable(&old) != link_usable(l) || old.mtu != l->mtu ||
	    old.type != l->type || old.lower != l->lower || old.vlan_type != l->vlan_type ||
	    old.vlan != l->vlan || memcmp(old.mac, l->mac, sizeof(l->mac)) ||
	    strcmp(old.name, l->name))
		link_changed(h, l, !is_new && link_usable(&old), link_usable(l));
	return 0;
}

static void remove_link(struct hops *h, struct link *l)
{
	link_changed(h, l, true, false);
	sorted_remove(&h->links, l);
	free(l);
}

static void take_deleted_link(struct hops *h, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	unsigned int ifindex = nl_link_ifindex(message);
	struct link *l = sorted_find(&h->links, &ifindex);

	/* With a family it is a port that leaves its bridge. */
	if (l && info->ifi_family == AF_UNSPEC)
		remove_link(h, l);
}

static void take_address(struct hops *h, const struct nlmsghdr *message)
{
	struct host_addr own;

	if (!nl_host_addr_parse(&own, message))
		return;
	/* Every container's interface has a link-local address that concerns nobody else. */
	if (own.scope == RT_SCOPE_LINK && !is_used(h, own.ifindex))
		return;
	mark_family(h, nl_family(&own.addr));
}

static void take_rule(struct hops *h, const struct nlmsghdr *message)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(message);

	mark_family(h, rule->family);
}

static void take_route(struct hops *h, const struct nlmsghdr *message)
{
	struct ek_addr prefix;
	unsigned int bits;

	if (nl_route_prefix(&prefix, &bits, message))
		mark_prefix(h, &prefix, bits);
}

static void take_neighbour(struct hops *h, const struct nlmsghdr *message)
{
	struct neigh_report r;
	struct neighbour *n;

	if (!nl_neigh_parse(&r, message))
		return;
	n = sorted_find(&h->neighbours,
			&(struct neighbour_key){ .ifindex = r.ifindex, .addr = r.addr });
	if (n)
		neighbour_report(n, &r, clock_now_ms());
}

static int take_event(const struct nlmsghdr *message, void *context)
{
	struct hops *h = context;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		return take_new_link(h, message);
	case RTM_DELLINK:
		take_deleted_link(h, message);
		return 0;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		take_address(h, message);
		return 0;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		take_route(h, message);
		return 0;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		take_neighbour(h, message);
		return 0;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		take_rule(h, message);
		return 0;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		h->lookup_all = true;
		return 0;
	default:
		return 0;
	}
}

/* ---- reading ---------------------------------------------------------------------------- */

static int subscribe(struct mnl_socket *socket)
{
	static const int groups[] = {
		RTNLGRP_LINK,       RTNLGRP_NEIGH,       RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,   RTNLGRP_NEXTHOP,
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			return -errno;
	}
	return 0;
}

int events_open(struct hops *h)
{
	int size = EVENT_BUFFER_BYTES, fd;
	int err = nl_open(&h->events, NETLINK_ROUTE);

	if (err)
		return err;
	/* Beyond the system's limit where allowed, as far as the limit where not. */
	fd = mnl_socket_get_fd(h->events.socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		return -errno;
	err = subscribe(h->events.socket);
	if (err)
		return err;
	return events_resync(h);
}

int events_receive(struct hops *h)
{
	char buffer[NL_ANSWER_MAX] __attribute__((aligned(8)));
	int fd = mnl_socket_get_fd(h->events.socket);

	for (int reads = 0; reads < READS_PER_TURN; reads++) {
		const struct nlmsghdr *message = (const void *)buffer;
		ssize_t got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
		int left = (int)got;

		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != ENOBUFS)
			return -errno;
		if (got < 0 || (size_t)got > sizeof(buffer)) {
			h->resync = true; /* lost, or longer than anything the kernel notifies */
			continue;
		}
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			/* What could not be taken for lack of memory is lost as well. */
			if (take_event(message, h))
				h->resync = true;
		}
	}
	return 0;
}

int events_resync(struct hops *h)
{
	int err;

	for (size_t i = 0; i < h->links.count; i++)
		((struct link *)h->links.items[i])->seen = false;
	err = nl_link_dump(&h->query, take_event, h);
	if (err)
		return err;
	for (size_t i = h->links.count; i-- > 0;) {
		struct link *l = h->links.items[i];

		if (!l->seen)
			remove_link(h, l);
	}
	err = neighbours_reload(h);
	if (err)
		return err;
	h->lookup_all = true;
	h->resync = false;
	return 0;
}
