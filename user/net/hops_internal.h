/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of struct hops. Private to net/.
 *
 * Notifications only mark what they concern; what is marked is looked up and compared once per
 * batch (hops_settle()), so that a burst costs one pass over the watched addresses. */
#ifndef EVENKEEL_NET_HOPS_INTERNAL_H
#define EVENKEEL_NET_HOPS_INTERNAL_H

#include "net/net.h"
#include "net/rtnl.h"
#include "net/sorted.h"

/* A neighbour whose entry was removed keeps its address while it is asked for again: longer than
 * an answer takes, and than the kernel's three questions a second apart. */
#define NEIGHBOUR_KEEP_MS 3000u
/* The kernel takes a few seconds over a question; asking it more often changes nothing. */
#define NEIGHBOUR_ASK_MS 1000u
#define NEIGHBOUR_ASK_STALE_MS 5000u
/* Questions in one turn: each can put a broadcast on the wire. */
#define NEIGHBOUR_ASKS_PER_TURN 1024u
/* Routes looked at again in each hops_refresh(): some changes are not notified (a path MTU
 * learnt, a nexthop of a multipath route dying). A lookup takes about 10 microseconds. */
#define ROUTES_PER_REFRESH 256u

struct neighbour_key {
	unsigned int ifindex;
	unsigned int pad; /* compared as well: keys are compared as bytes */
	struct ek_addr addr;
};
_Static_assert(sizeof(struct neighbour_key) == 24, "no hidden padding");

/* An on-link address that watched addresses are reached through. */
struct neighbour {
	struct neighbour_key key; /* first: see struct sorted */
	unsigned int refs;
	enum hop_state state; /* HOP_UNKNOWN, HOP_READY or HOP_NO_NEIGHBOUR */
	uint8_t mac[6];       /* while HOP_READY */
	bool stale;           /* the kernel no longer believes in it */
	bool ask;             /* in this turn */
	bool changed;
	uint64_t kept_until_ms; /* not 0: the entry is gone, the MAC serves until then */
	uint64_t asked_ms;      /* 0: never */
};

struct target {
	struct ek_addr addr; /* first: see struct sorted */
	unsigned int refs;
	bool lookup;   /* its route may have changed */
	bool judge;    /* its hop may have changed */
	bool reported; /* hop was given to the caller */
	struct route route;
	unsigned int last_ifindex; /* of the last route, for saying what went down */
	char last_name[IF_NAMESIZE];
	struct neighbour *neighbour; /* NULL without a unicast route */
	struct hop hop;
};

struct hops {
	hop_changed changed;
	void *context;
	struct nl events; /* subscribed, never asked */
	struct nl query;
	struct sorted targets, neighbours, links;
	size_t next_neighbour, next_target; /* where the next refresh goes on */
	unsigned long generation;           /* of the set of targets */
	bool lookup_all;
	bool resync; /* notifications were lost */
};

/* neighbours.c */

/* The neighbour, counted; made, and read from the kernel, if it is new. */
int neighbour_acquire(struct hops *h, struct neighbour **out, const struct neighbour_key *key);
void neighbour_release(struct hops *h, struct neighbour *n);
void neighbour_report(struct neighbour *n, const struct neigh_report *r, uint64_t now_ms);
/* All of an interface: what was known is void, because the interface went down or away. */
void neighbours_forget(struct hops *h, unsigned int ifindex);
/* Marks all of an interface to be asked for. */
void neighbours_want(struct hops *h, unsigned int ifindex);
/* Reads all again from the kernel. */
int neighbours_reload(struct hops *h);
/* Ends the time of kept addresses; marks those to be asked again, from where the last turn
 * ended. */
void neighbours_refresh(struct hops *h);
/* Asks the kernel for one, or for those marked, if it does not know them. The first error is
 * returned, the others are asked all the same. */
int neighbour_ask(struct hops *h, struct neighbour *n);
int neighbours_ask(struct hops *h);

/* events.c */

/* Subscribes and reads what is there. */
int events_open(struct hops *h);
/* Takes the notifications that wait. */
int events_receive(struct hops *h);
/* Starts from what the kernel says now. */
int events_resync(struct hops *h);

#endif
