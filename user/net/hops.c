// SPDX-License-Identifier: GPL-2.0
/* Next hops of watched addresses: what is marked as possibly changed is looked up, compared with
 * what was reported last, and reported if it differs. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "net/hops_internal.h"

const char *hop_state_name(enum hop_state state)
{
	switch (state) {
	case HOP_UNKNOWN:
		return "unknown";
	case HOP_READY:
		return "ready";
	case HOP_NO_ROUTE:
		return "no route";
	case HOP_NO_NEIGHBOUR:
		return "no neighbour";
	case HOP_LINK_DOWN:
		return "link down";
	case HOP_LOCAL:
		return "local";
	case HOP_NO_MAC:
		return "no mac";
	}
	return "invalid";
}

/* ---- from route, link and neighbour to hop ------------------------------------------------ */

/* Without a route: the interface it went through may be why, and is what the operator looks for. */
static void judge_no_route(const struct hops *h, const struct target *t, struct hop *hop)
{
	const struct link *l = sorted_find(&h->links, &t->last_ifindex);

	hop->state = HOP_NO_ROUTE;
	if (!t->last_ifindex || (l && (link_usable(l) || strcmp(l->name, t->last_name))))
		return;
	hop->state = HOP_LINK_DOWN;
	hop->ifindex = t->last_ifindex;
	memcpy(hop->interface, t->last_name, sizeof(hop->interface));
}

/* What leaves by a vlan leaves by the interface that it is on, with a tag, if that one takes
 * frames: the vlan itself never does. The data path puts one tag on, not two. */
static const struct link *judge_egress(const struct hops *h, const struct link *l, struct hop *hop)
{
	const struct link *lower = l->vlan_type ? sorted_find(&h->links, &l->lower) : NULL;
	bool stacked = lower && lower->vlan_type;

	if (lower && link_takes_redirects(lower)) {
		hop->tag_type = l->vlan_type;
		hop->tag = l->vlan;
		l = lower;
	} else if (!link_takes_redirects(l)) {
		snprintf(hop->no_redirect, sizeof(hop->no_redirect), "%s",
			 stacked ? "a vlan on a vlan" : l->kind);
	}
	hop->egress = l->ifindex;
	memcpy(hop->egress_interface, l->name, sizeof(hop->egress_interface));
	return l;
}

static void judge_unicast(const struct hops *h, struct target *t, struct hop *hop)
{
	const struct route *r = &t->route;
	const struct link *l = sorted_find(&h->links, &r->ifindex), *egress;

	hop->ifindex = r->ifindex;
	hop->gateway = r->gateway;
	hop->direct = r->direct;
	hop->source = r->source;
	hop->mtu = r->mtu;
	hop->state = HOP_LINK_DOWN;
	if (t->last_ifindex == r->ifindex)
		memcpy(hop->interface, t->last_name, sizeof(hop->interface));
	if (!l)
		return;
	t->last_ifindex = l->ifindex;
	memcpy(t->last_name, l->name, sizeof(t->last_name));
	memcpy(hop->interface, l->name, sizeof(hop->interface));
	egress = judge_egress(h, l, hop);
	if (!hop->mtu || l->mtu < hop->mtu)
		hop->mtu = l->mtu;
	if (!link_usable(l) || !link_usable(egress))
		return;
	hop->state = HOP_NO_MAC;
	if (l->type != ARPHRD_ETHER || !l->has_mac)
		return;
	hop->state = t->neighbour ? t->neighbour->state : HOP_UNKNOWN;
	if (hop->state != HOP_READY)
		return;
	memcpy(hop->source_mac, l->mac, sizeof(hop->source_mac));
	memcpy(hop->dest_mac, t->neighbour->mac, sizeof(hop->dest_mac));
}

/* Zeroes padding as well: hops are compared as bytes. */
static void judge(const struct hops *h, struct target *t, struct hop *hop)
{
	memset(hop, 0, sizeof(*hop));
	switch (t->route.kind) {
	case ROUTE_NONE:
		judge_no_route(h, t, hop);
		break;
	case ROUTE_LOCAL:
		hop->state = HOP_LOCAL;
		hop->gateway = t->addr;
		hop->direct = true;
		break;
	case ROUTE_UNICAST:
		judge_unicast(h, t, hop);
		break;
	}
}

/* The caller may watch and unwatch from within: `t` may be gone afterwards. */
static void report(struct hops *h, struct target *t)
{
	struct ek_addr addr = t->addr;
	struct hop hop;

	t->judge = false;
	judge(h, t, &hop);
	if (t->reported && !memcmp(&hop, &t->hop, sizeof(hop)))
		return;
	t->reported = true;
	memcpy(&t->hop, &hop, sizeof(hop));
	h->changed(h->context, &addr, &hop);
}

/* ---- settling --------------------------------------------------------------------------- */

static int resolve(struct hops *h, struct target *t)
{
	struct neighbour *neighbour = NULL;
	struct route route;
	int err = nl_route_lookup(&h->query, &route, &t->addr);

	if (err)
		return err;
	if (route.kind == ROUTE_UNICAST) {
		struct neighbour_key key = { .ifindex = route.ifindex, .addr = route.gateway };

		err = neighbour_acquire(h, &neighbour, &key);
		if (err)
			return err;
	}
	/* The new one first: what both are must not be forgotten in between. */
	neighbour_release(h, t->neighbour);
	t->neighbour = neighbour;
	memcpy(&t->route, &route, sizeof(route));
	t->lookup = false;
	t->judge = true;
	return 0;
}

/* The first error; those that failed stay marked for the next turn. */
static int resolve_marked(struct hops *h)
{
	int first_err = 0;

	for (size_t i = 0; i < h->targets.count; i++) {
		struct target *t = h->targets.items[i];
		int err;

		t->lookup |= h->lookup_all;
		if (!t->lookup)
			continue;
		err = resolve(h, t);
		if (err && !first_err)
			first_err = err;
	}
	h->lookup_all = false;
	return first_err;
}

/* Hands the marks of links and neighbours on to the addresses behind them. */
static void mark_behind(struct hops *h)
{
	for (size_t i = 0; i < h->targets.count; i++) {
		struct target *t = h->targets.items[i];
		const struct link *l = sorted_find(&h->links, &t->route.ifindex);
		const struct link *egress = sorted_find(&h->links, &t->hop.egress);

		t->judge |= (t->neighbour && t->neighbour->changed) || (l && l->changed) ||
			    (egress && egress->changed);
	}
	for (size_t i = 0; i < h->neighbours.count; i++)
		((struct neighbour *)h->neighbours.items[i])->changed = false;
	for (size_t i = 0; i < h->links.count; i++)
		((struct link *)h->links.items[i])->changed = false;
}

static void report_marked(struct hops *h)
{
	unsigned long generation = h->generation;

	for (size_t i = 0; i < h->targets.count;) {
		struct target *t = h->targets.items[i++];

		if (t->judge)
			report(h, t);
		if (generation != h->generation) {
			generation = h->generation;
			i = 0; /* places have moved; what is done is not marked any more */
		}
	}
}

static int settle(struct hops *h)
{
	int err = h->resync ? events_resync(h) : 0;
	int later;

	later = resolve_marked(h);
	if (!err)
		err = later;
	later = neighbours_ask(h);
	mark_behind(h);
	report_marked(h);
	return err ? err : later;
}

/* ---- the public face ---------------------------------------------------------------------- */

static void release(struct hops **h)
{
	hops_close(*h);
}

int hops_open(struct hops **out, hop_changed changed, void *context)
{
	_cleanup_(release) struct hops *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->changed = changed;
	h->context = context;
	h->targets.key_size = sizeof(struct ek_addr);
	h->neighbours.key_size = sizeof(struct neighbour_key);
	h->links.key_size = sizeof(unsigned int);
	err = nl_open(&h->query, NETLINK_ROUTE);
	if (!err)
		err = events_open(h);
	if (err)
		return err;
	*out = take_ptr(h);
	return 0;
}

void hops_close(struct hops *h)
{
	if (!h)
		return;
	sorted_release(&h->targets);
	sorted_release(&h->neighbours);
	sorted_release(&h->links);
	nl_close(&h->events);
	nl_close(&h->query);
	free(h);
}

int hops_watch(struct hops *h, const struct ek_addr *addr)
{
	_cleanup_(free_ptr) struct target *t = NULL;
	struct target *known = sorted_find(&h->targets, addr);
	int err;

	if (known) {
		known->refs++;
		return 0;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->addr = *addr;
	t->refs = 1;
	err = resolve(h, t);
	if (err)
		return err;
	err = sorted_add(&h->targets, t);
	if (err) {
		neighbour_release(h, t->neighbour);
		return err;
	}
	h->generation++;
	if (t->neighbour && t->neighbour->ask)
		neighbour_ask(h, t->neighbour); /* if it fails, hops_refresh() tries again */
	report(h, take_ptr(t));
	return 0;
}

void hops_unwatch(struct hops *h, const struct ek_addr *addr)
{
	struct target *t = sorted_find(&h->targets, addr);

	if (!t || --t->refs)
		return;
	sorted_remove(&h->targets, t);
	h->generation++;
	neighbour_release(h, t->neighbour);
	free(t);
}

const struct hop *hops_find(const struct hops *h, const struct ek_addr *addr)
{
	const struct target *t = sorted_find(&h->targets, addr);

	return t ? &t->hop : NULL;
}

int hops_fd(const struct hops *h)
{
	return mnl_socket_get_fd(h->events.socket);
}

int hops_process(struct hops *h)
{
	int err = events_receive(h);
	int later = settle(h);

	return err ? err : later;
}

int hops_refresh(struct hops *h)
{
	size_t count = h->targets.count;

	neighbours_refresh(h);
	for (size_t i = 0; i < count && i < ROUTES_PER_REFRESH; i++) {
		struct target *t = h->targets.items[h->next_target++ % count];

		t->lookup = true;
	}
	return settle(h);
}
