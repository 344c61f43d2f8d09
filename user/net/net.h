/* SPDX-License-Identifier: GPL-2.0 */
/* The host's network as the balancer needs to know it: links, next hops, what listens. Thin
 * wrappers of rtnetlink (libmnl), ethtool and /proc in the current network namespace. */
#ifndef EVENKEEL_NET_NET_H
#define EVENKEEL_NET_NET_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"
#include "lib/addr.h"
#include "lib/preflight.h"

/* ---- links ------------------------------------------------------------------------------- */

/* Everything preflight wants to know of an interface; see lib/preflight.h. Gathers by
 * rtnetlink, ethtool ioctl and sysfs. -ENODEV if there is no such interface, other -errno.
 * `session` is the peer address of the caller's SSH session, or NULL. */
int net_link_facts(struct link_facts *out, const char *interface, const struct ek_addr *session);

/* The address of the client of the SSH session that the process runs in, or NULL. Found in its
 * environment or, since sudo clears that, in an ancestor's. Allocated. */
char *net_session(int pid);

/* Whose the process and its ancestors are, besides root's: who has become root by sudo or su is found in
 * the shell that it began in. Each uid once; returns how many, at most `max`. */
size_t net_people(int pid, uint32_t *uids, size_t max);

/* True if this host has `addr` on one of its interfaces (lo included); *ifindex (may be NULL)
 * says which. */
bool net_address_local(const struct ek_addr *addr, unsigned int *ifindex);

/* True if a socket of this host (its network namespace) listens on addr:port/proto, or on the
 * wildcard address while `addr` is one of the host's addresses. Read by sock_diag. `port` in
 * host order. On failure of the query returns -errno; else 1 or 0. */
int net_socket_listens(const struct ek_addr *addr, uint16_t port, uint8_t proto);

/* ---- next hops ---------------------------------------------------------------------------- */

enum hop_state {
	HOP_UNKNOWN,      /* asked for, not answered yet */
	HOP_READY,        /* everything below is valid */
	HOP_NO_ROUTE,     /* no route to it (or unreachable, blackhole, prohibit) */
	HOP_NO_NEIGHBOUR, /* the neighbour does not answer ARP/ND */
	HOP_LINK_DOWN,    /* the egress is down or gone */
	HOP_LOCAL,        /* the address is this host's own */
	HOP_NO_MAC,       /* the egress has no Ethernet addresses */
};

/* Where packets to an address go now. */
struct hop {
	enum hop_state state;
	unsigned int ifindex;
	char interface[IF_NAMESIZE];
	/* What frames leave by: below a vlan the interface that it is on, with its tag. */
	unsigned int egress;
	char egress_interface[IF_NAMESIZE];
	uint16_t tag_type, tag; /* 0x8100 or 0x88a8, and the id; 0: none */
	uint32_t mtu;           /* of route or interface, the smaller */
	uint8_t source_mac[6];
	uint8_t dest_mac[6];
	struct ek_addr gateway; /* the on-link address resolved; equals the address if direct */
	bool direct;            /* no gateway between */
	struct ek_addr source;  /* the address the host would send from */
	/* The kind of an egress that takes no frames redirected in driver mode ("bridge"); "" if
	 * it takes them. */
	char no_redirect[32];
};
const char *hop_state_name(enum hop_state state); /* "ready", "no route", ... */

/* Follows the next hops of a set of addresses by rtnetlink: resolves routes, asks for missing
 * neighbours (NTF_USE), listens for changes, re-asks periodically so that entries in use do
 * not age out. */
struct hops;

/* Called when a watched address' hop differs from what was last reported. */
typedef void (*hop_changed)(void *context, const struct ek_addr *addr, const struct hop *hop);

int hops_open(struct hops **out, hop_changed changed, void *context);
void hops_close(struct hops *h);

/* Starts (idempotent, counted) and stops watching an address. Watching resolves at once as far
 * as the kernel's tables go; `changed` is called from within for the first result. */
int hops_watch(struct hops *h, const struct ek_addr *addr);
void hops_unwatch(struct hops *h, const struct ek_addr *addr);

/* The hop of a watched address, or NULL. Valid until the next call of any hops_ function. */
const struct hop *hops_find(const struct hops *h, const struct ek_addr *addr);

/* The descriptor to poll for reading, and what to call when it is readable. Notifications lost
 * to a full buffer (ENOBUFS) lead to a full resynchronisation. */
int hops_fd(const struct hops *h);
int hops_process(struct hops *h);

/* The Ethernet addresses of this host's interfaces, that of interface `first` (0: none) at the
 * head. Writes at most `room`, returns how many there are. */
size_t hops_macs(const struct hops *h, unsigned int first, uint8_t (*out)[6], size_t room);

/* Re-asks for neighbours that are missing or have gone stale; call about every second. */
int hops_refresh(struct hops *h);

/* ---- probes through the forwarding path ------------------------------------------------------ */

enum probe_verdict {
	PROBE_ANSWERED, /* SYN+ACK from the service's address came back */
	PROBE_REFUSED,  /* RST from the service's address came back: decapsulated, port closed */
	PROBE_SILENT,   /* nothing within the time */
	PROBE_NO_HOP,   /* could not be sent: see hop */
};

/* Sends one TCP SYN for `service` from an address of this host, the way the data path would: with
 * the header of `path`, by `hop`. Waits up to timeout_ms for the direct answer. Blocking. Uses a
 * packet socket, so that rp_filter and the host's own sockets see nothing. -errno or 0. */
int net_probe(enum probe_verdict *out, const struct endpoint *service, const struct ek_path *path,
	      const struct hop *hop, int timeout_ms);

/* ---- knocks: many such probes, without waiting ----------------------------------------------- */

struct knocks;
int knocks_open(struct knocks **out);
/* All knocks are freed. */
void knocks_close(struct knocks *k);
/* The descriptor to poll for reading, and what to call when it is readable. */
int knocks_fd(const struct knocks *k);
void knocks_process(struct knocks *k);

/* Called for an answer: PROBE_ANSWERED or PROBE_REFUSED. Must not free the knock. */
struct knock;
typedef void (*knock_heard)(void *context, enum probe_verdict verdict);

int knock_make(struct knock **out, struct knocks *k, knock_heard heard, void *context);
/* Sends a SYN as net_probe() does, with a port of its own; whatever was sent before is forgotten.
 * -EHOSTUNREACH: there is no way to send it now. An answer is answered with RST on the same way, so
 * that the backend does not wait for a connection. */
int knock_send(struct knock *k, const struct endpoint *service, const struct ek_path *path,
	       const struct hop *hop);
/* Listens no more for the answer. */
void knock_forget(struct knock *k);
void knock_free(struct knock *k);

#endif
