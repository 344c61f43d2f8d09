// SPDX-License-Identifier: GPL-2.0
/* What is known of the neighbours that watched addresses are reached through. */
#include <errno.h>
#include <linux/neighbour.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/hops_internal.h"

/* States in which the kernel itself would send to the address. */
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static void set_state(struct neighbour *n, enum hop_state state)
{
	n->changed |= n->state != state;
	n->state = state;
	n->kept_until_ms = 0;
	n->stale = false;
}

/* The entry is gone (flushed, or collected because the kernel does not see XDP use it): that
 * says nothing about the neighbour. */
static void lose(struct neighbour *n, uint64_t now_ms)
{
	if (n->state == HOP_READY && !n->kept_until_ms)
		n->kept_until_ms = now_ms + NEIGHBOUR_KEEP_MS;
	n->ask = true;
}

static void learn(struct neighbour *n, const struct neigh_report *r)
{
	if (memcmp(n->mac, r->mac, sizeof(n->mac)))
		n->changed = true;
	memcpy(n->mac, r->mac, sizeof(n->mac));
	set_state(n, HOP_READY);
	n->stale = r->state == NUD_STALE;
}

void neighbour_report(struct neighbour *n, const struct neigh_report *r, uint64_t now_ms)
{
	bool usable = r->state & NUD_USABLE && r->has_mac;
	/* Removal by request is announced as a failure first. An entry that is asked for as if it
	 * were new was removed unnoticed. */
	bool removed = r->deleted || (r->state == NUD_FAILED && r->requested) ||
		       (r->state != NUD_FAILED && !usable && n->state == HOP_READY);

	if (removed)
		lose(n, now_ms);
	else if (usable)
		learn(n, r);
	else if (r->state == NUD_FAILED)
		set_state(n, HOP_NO_NEIGHBOUR);
	/* Else it is being asked for; one that failed has failed until it answers. */
}

static int read_neighbour(struct hops *h, struct neighbour *n)
{
	struct neigh_report r = { .deleted = true };
	int err = nl_neigh_get(&h->query, &r, n->key.ifindex, &n->key.addr);

	/* No entry, no interface, or no such family: there is nothing to know yet. */
	if (err && err != -ENOENT && err != -ENODEV && err != -EINVAL && err != -EAFNOSUPPORT)
		return err;
	neighbour_report(n, &r, clock_now_ms());
	if (n->state != HOP_READY || n->stale)
		n->ask = true;
	return 0;
}

int neighbour_acquire(struct hops *h, struct neighbour **out, const struct neighbour_key *key)
{
	struct neighbour *n = sorted_find(&h->neighbours, key);
	int err;

	if (n) {
		n->refs++;
		*out = n;
		return 0;
	}
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->key = *key;
	n->refs = 1;
	n->state = HOP_UNKNOWN;
	err = read_neighbour(h, n);
	if (!err)
		err = sorted_add(&h->neighbours, n);
	if (err) {
		free(n);
		return err;
	}
	*out = n;
	return 0;
}

void neighbour_release(struct hops *h, struct neighbour *n)
{
	if (!n || --n->refs)
		return;
	sorted_remove(&h->neighbours, n);
	free(n);
}

/* Those of one interface stand side by side: the key begins with it. */
static size_t first_on(const struct hops *h, unsigned int ifindex)
{
	struct neighbour_key key = { .ifindex = ifindex };

	return sorted_lower(&h->neighbours, &key);
}

static struct neighbour *nth_on(const struct hops *h, size_t i, unsigned int ifindex)
{
	struct neighbour *n = i < h->neighbours.count ? h->neighbours.items[i] : NULL;

	return n && n->key.ifindex == ifindex ? n : NULL;
}

void neighbours_forget(struct hops *h, unsigned int ifindex)
{
	struct neighbour *n;

	for (size_t i = first_on(h, ifindex); (n = nth_on(h, i, ifindex)); i++)
		set_state(n, HOP_UNKNOWN);
}

void neighbours_want(struct hops *h, unsigned int ifindex)
{
	struct neighbour *n;

	for (size_t i = first_on(h, ifindex); (n = nth_on(h, i, ifindex)); i++)
		n->ask = true;
}

int neighbours_reload(struct hops *h)
{
	for (size_t i = 0; i < h->neighbours.count; i++) {
		int err = read_neighbour(h, h->neighbours.items[i]);

		if (err)
			return err;
	}
	return 0;
}

static bool is_due(const struct neighbour *n, uint64_t now_ms)
{
	bool missing = n->state != HOP_READY || n->kept_until_ms;
	uint64_t pause_ms = missing ? NEIGHBOUR_ASK_MS : NEIGHBOUR_ASK_STALE_MS;

	if (!missing && !n->stale)
		return false;
	return !n->asked_ms || now_ms - n->asked_ms >= pause_ms;
}

void neighbours_refresh(struct hops *h)
{
	uint64_t now_ms = clock_now_ms();
	size_t marked = 0, start = h->next_neighbour;

	for (size_t i = 0; i < h->neighbours.count; i++) {
		size_t at = (start + i) % h->neighbours.count;
		struct neighbour *n = h->neighbours.items[at];

		if (n->kept_until_ms && now_ms >= n->kept_until_ms)
			set_state(n, HOP_UNKNOWN);
		if (marked == NEIGHBOUR_ASKS_PER_TURN || !is_due(n, now_ms))
			continue;
		n->ask = true;
		if (++marked == NEIGHBOUR_ASKS_PER_TURN)
			h->next_neighbour = at + 1;
	}
}

int neighbour_ask(struct hops *h, struct neighbour *n)
{
	const struct link *l = sorted_find(&h->links, &n->key.ifindex);
	int err;

	n->ask = false;
	/* An interface that comes up asks for all of its neighbours. */
	if (!link_usable(l) || l->type != ARPHRD_ETHER)
		return 0;
	/* Asking for a permanent entry would make it an ordinary one. */
	err = read_neighbour(h, n);
	if (err || !n->ask)
		return err;
	n->ask = false;
	n->asked_ms = clock_now_ms();
	err = nl_neigh_ask(&h->query, n->key.ifindex, &n->key.addr);
	/* The interface may be gone already, and its notification on the way. */
	return err == -ENODEV || err == -ENETDOWN ? 0 : err;
}

int neighbours_ask(struct hops *h)
{
	size_t asked = 0;
	int first_err = 0;

	for (size_t i = 0; i < h->neighbours.count && asked < NEIGHBOUR_ASKS_PER_TURN; i++) {
		struct neighbour *n = h->neighbours.items[i];
		int err;

		if (!n->ask)
			continue;
		asked++;
		err = neighbour_ask(h, n);
		if (err && !first_err)
			first_err = err;
	}
	return first_err;
}
