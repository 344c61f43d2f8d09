/* SPDX-License-Identifier: GPL-2.0 */
/* Netlink conversations: a request and its answers; what this layer asks of rtnetlink. Private
 * to net/. */
#ifndef EVENKEEL_NET_RTNL_H
#define EVENKEEL_NET_RTNL_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

/* ---- conversations ---------------------------------------------------------------------- */

struct nl {
	struct mnl_socket *socket;
	uint32_t sequence;
};

/* Holds any request of this layer: a header and a few addresses. */
#define NL_REQUEST_MAX 256
/* The kernel fills dumps up to 32 KiB a datagram when the reader's buffer takes that much. */
#define NL_ANSWER_MAX 32768

/* Opens a socket to a netlink family (NETLINK_ROUTE, NETLINK_SOCK_DIAG). */
int nl_open(struct nl *out, int family);
void nl_close(struct nl *nl);

/* Called with each message of an answer; a negative result is what nl_talk() returns, after the
 * rest of the answer has been read. */
typedef int (*nl_each)(const struct nlmsghdr *message, void *context);

/* Sends `request` and hands the answer to `each` (may be NULL). A dump that the kernel says was
 * overtaken by a change is repeated: `each` must bear seeing an object twice. Returns 0, the
 * kernel's error, or -errno. */
int nl_talk(struct nl *nl, struct nlmsghdr *request, nl_each each, void *context);

/* Begins a request in `buffer` with a family header of `size` zeroed bytes, found at
 * mnl_nlmsg_get_payload(). NLM_F_REQUEST is added to `flags`. */
struct nlmsghdr *nl_request(char buffer[static NL_REQUEST_MAX], uint16_t type, uint16_t flags,
			    size_t size);

/* ---- attributes ------------------------------------------------------------------------- */

/* Attributes by type; those above `max` are of a newer kernel and skipped. `table` has max + 1
 * elements, and the pointers are into the message. */
void nl_parse(const struct nlmsghdr *message, size_t header, const struct nlattr **table,
	      unsigned int max);
void nl_parse_nested(const struct nlattr *nest, const struct nlattr **table, unsigned int max);

/* The value, or 0 if the attribute is missing or too short. */
uint16_t nl_u16(const struct nlattr *attribute);
uint32_t nl_u32(const struct nlattr *attribute);
/* Copies text, cut to `size` with its NUL; leaves `out` alone if the attribute is missing. */
void nl_text(char *out, size_t size, const struct nlattr *attribute);

int nl_family(const struct ek_addr *addr); /* AF_INET or AF_INET6 */
struct ek_addr nl_addr(int family, const void *bytes);
void nl_put_addr(struct nlmsghdr *message, uint16_t type, const struct ek_addr *addr);
/* False if the attribute is missing or has another length than the family's addresses. */
bool nl_get_addr(struct ek_addr *out, const struct nlattr *attribute, int family);

/* ---- links ------------------------------------------------------------------------------ */

struct link {
	unsigned int ifindex; /* first: the key in a struct sorted */
	char name[IF_NAMESIZE];
	char kind[32];
	unsigned int lower;  /* what a vlan or macvlan sits on, 0: none in this namespace */
	unsigned int master; /* bond or bridge it belongs to */
	uint32_t mtu;
	uint32_t rx_queues_max;
	uint32_t xdp_program;
	uint16_t type;            /* ARPHRD_* */
	uint16_t vlan_type, vlan; /* a vlan's tag, 0x8100 or 0x88a8 and its id; 0: it is none */
	uint8_t mac[6];
	bool has_mac;
	bool up;      /* as the administrator wants it */
	bool running; /* with carrier */
	bool seen;    /* for resynchronisation */
	bool changed;
};

/* Reads an RTM_NEWLINK or RTM_DELLINK over *out: what the message leaves out stays. Returns
 * false if it is about something else than the link itself (a bridge port's settings). */
bool nl_link_parse(struct link *out, const struct nlmsghdr *message);
unsigned int nl_link_ifindex(const struct nlmsghdr *message);
int nl_link_dump(struct nl *nl, nl_each each, void *context);
/* By name or alternative name. -ENODEV if there is none. */
int nl_link_get(struct nl *nl, struct link *out, const char *name);

/* Can XDP in driver mode redirect frames into it? */
bool link_takes_redirects(const struct link *l);

static inline bool link_usable(const struct link *l)
{
	return l && l->up && l->running;
}

/* ---- addresses of this host ------------------------------------------------------------- */

struct host_addr {
	struct ek_addr addr;
	unsigned int ifindex;
	uint32_t flags; /* IFA_F_* */
	uint8_t scope;  /* RT_SCOPE_* */
};
bool nl_host_addr_parse(struct host_addr *out, const struct nlmsghdr *message);
/* family AF_INET or AF_INET6 */
int nl_host_addr_dump(struct nl *nl, int family, nl_each each, void *context);

/* ---- routes ----------------------------------------------------------------------------- */

enum route_kind {
	ROUTE_NONE, /* also unreachable, blackhole, prohibit, broadcast, multicast */
	ROUTE_LOCAL,
	ROUTE_UNICAST,
};
struct route {
	enum route_kind kind;
	unsigned int ifindex;
	uint32_t mtu;           /* 0: the route has none of its own */
	struct ek_addr gateway; /* the address itself if direct */
	struct ek_addr source;  /* zero if the host has none to offer */
	bool direct;
};

/* What the kernel would do with a packet to `addr`. That there is no way is an answer, not an
 * error. */
int nl_route_lookup(struct nl *nl, struct route *out, const struct ek_addr *addr);
/* The prefix an RTM_NEWROUTE or RTM_DELROUTE is about, as a prefix of struct ek_addr (0..128
 * bits). False for what is no route of the tables (cached routes, other families). */
bool nl_route_prefix(struct ek_addr *prefix, unsigned int *bits, const struct nlmsghdr *message);
/* 1 if a default route leaves through the interface, 0 if not, or -errno. */
int nl_route_default_through(struct nl *nl, unsigned int ifindex);

/* ---- neighbours ------------------------------------------------------------------------- */

struct neigh_report {
	unsigned int ifindex;
	struct ek_addr addr;
	uint16_t state; /* NUD_* */
	bool deleted;
	bool requested; /* somebody asked for this change: no finding of the kernel */
	bool has_mac;
	uint8_t mac[6];
};

bool nl_neigh_parse(struct neigh_report *out, const struct nlmsghdr *message);
/* -ENOENT if the kernel has no entry. */
int nl_neigh_get(struct nl *nl, struct neigh_report *out, unsigned int ifindex,
		 const struct ek_addr *addr);
/* Tells the kernel that the entry is in use: it is made and resolved if missing, probed if
 * stale, and left alone otherwise. */
int nl_neigh_ask(struct nl *nl, unsigned int ifindex, const struct ek_addr *addr);

#endif
