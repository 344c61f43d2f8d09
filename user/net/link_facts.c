// SPDX-License-Identifier: GPL-2.0
/* What preflight wants to know of an interface. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/cleanup.h"
#include "net/ethtool.h"
#include "net/net.h"
#include "net/rtnl.h"
#include "net/sorted.h"

static void release_links(struct sorted *s)
{
	sorted_release(s);
}

static int keep_link(const struct nlmsghdr *message, void *context)
{
	_cleanup_(free_ptr) struct link *l = calloc(1, sizeof(*l));
	struct sorted *links = context;
	struct link *known;
	int err;

	if (!l)
		return -ENOMEM;
	if (!nl_link_parse(l, message))
		return 0;
	known = sorted_find(links, &l->ifindex);
	if (known) { /* seen in an interrupted dump */
		*known = *l;
		return 0;
	}
	err = sorted_add(links, l);
	if (!err)
		(void)take_ptr(l);
	return err;
}

/* ---- stacked interfaces ------------------------------------------------------------------- */

/* How deep interfaces are stacked at most (vlan on bridge on bond on port is 4). */
#define STACK_DEPTH 8

/* True if what leaves through `upper` leaves through `base`: they are the same, or `base` is
 * somewhere below it. */
static bool carries(const struct sorted *links, unsigned int base, unsigned int upper, int depth)
{
	const struct link *u, *b;

	if (base == upper)
		return true;
	if (!upper || !depth)
		return false;
	u = sorted_find(links, &upper);
	if (u && u->lower && carries(links, base, u->lower, depth - 1))
		return true;
	b = sorted_find(links, &base);
	return b && b->master && carries(links, b->master, upper, depth - 1);
}

static void name_lower(struct link_facts *out, const struct sorted *links, const struct link *l)
{
	const struct link *lower = l->lower ? sorted_find(links, &l->lower) : NULL;
	bool bundles = !strcmp(l->kind, "bond") || !strcmp(l->kind, "team");

	for (size_t i = 0; bundles && i < links->count && !lower; i++) {
		const struct link *port = links->items[i];

		if (port->master == l->ifindex)
			lower = port;
	}
	if (lower)
		memcpy(out->lower, lower->name, sizeof(lower->name));
}

/* ---- ways through it ---------------------------------------------------------------------- */

static int find_default(struct nl *nl, const struct sorted *links, struct link_facts *out)
{
	for (size_t i = 0; i < links->count && !out->default_route; i++) {
		const struct link *upper = links->items[i];
		int found;

		if (!carries(links, out->ifindex, upper->ifindex, STACK_DEPTH))
			continue;
		found = nl_route_default_through(nl, upper->ifindex);
		if (found < 0)
			return found;
		out->default_route = found;
	}
	return 0;
}

static int find_session(struct nl *nl, const struct sorted *links, const struct ek_addr *session,
			struct link_facts *out)
{
	struct route route;
	int err;

	if (!session)
		return 0;
	err = nl_route_lookup(nl, &route, session);
	if (err)
		return err;
	out->session = route.kind == ROUTE_UNICAST &&
		       carries(links, out->ifindex, route.ifindex, STACK_DEPTH);
	return 0;
}

static void take_link(struct link_facts *out, const struct link *l)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memcpy(out->name, l->name, sizeof(l->name));
	memcpy(out->kind, l->kind, sizeof(l->kind));
	out->ifindex = l->ifindex;
	out->up = l->up;
	out->ethernet = l->type == ARPHRD_ETHER;
	out->mtu = l->mtu;
	out->xdp_program = l->xdp_program;
	out->cpus = cpus > 0 ? (uint32_t)cpus : 1;
	/* Where the driver does not tell and there is but one, that one is in use. */
	if (l->rx_queues_max == 1)
		out->rx_queues = out->max_queues = 1;
}

int net_link_facts(struct link_facts *out, const char *interface, const struct ek_addr *session)
{
	_cleanup_(release_links) struct sorted links = { .key_size = sizeof(unsigned int) };
	_cleanup_(nl_close) struct nl nl = {};
	struct link_facts facts = {};
	struct link self;
	int err = nl_open(&nl, NETLINK_ROUTE);

	if (!err)
		err = nl_link_get(&nl, &self, interface);
	if (!err)
		err = nl_link_dump(&nl, keep_link, &links);
	if (err)
		return err;
	take_link(&facts, &self);
	name_lower(&facts, &links, &self);
	err = ethtool_facts(&facts);
	if (!err)
		err = find_session(&nl, &links, session, &facts);
	if (!err)
		err = find_default(&nl, &links, &facts);
	if (err)
		return err;
	*out = facts;
	return 0;
}
