/* SPDX-License-Identifier: GPL-2.0 */
/* Is it safe to attach to this interface? Facts in, findings out. Pure. */
#ifndef EVENKEEL_LIB_PREFLIGHT_H
#define EVENKEEL_LIB_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

/* What was found out about an interface (net_link_facts()). */
struct link_facts {
	char name[64];
	unsigned int ifindex;
	char driver[32]; /* ethtool -i; "" if unknown */
	char kind[32];   /* IFLA_INFO_KIND: "veth", "vlan", "bond", "bridge"; "" for hardware */
	char lower[64];  /* the interface a vlan sits on; the first slave of a bond */
	bool up;
	bool ethernet;        /* link type ARPHRD_ETHER */
	bool rx_vlan_offload; /* tags are stripped before XDP sees them */
	bool lro;
	bool hw_gro; /* rx-gro-hw */
	uint32_t mtu;
	uint32_t rx_queues;   /* channels in use; 0 unknown */
	uint32_t max_queues;  /* 0 unknown */
	uint32_t cpus;        /* online */
	uint32_t xdp_program; /* id of an attached XDP program, 0: none */
	bool jumbo;           /* set by the caller: programs take more than one buffer */
	bool xdp_is_ours;     /* set by the caller: that program is a pinned evenkeel link's */
	bool default_route;   /* a default route leaves through it */
	bool session;         /* the caller's SSH session comes through it */
};

enum finding_level {
	FINDING_OK,
	FINDING_WARNING, /* works, but not as well as it should */
	FINDING_ERROR,   /* attach refuses */
};

/* One thing found: what, why it matters, the command that mends it ("" if none). Used by
 * attach and by doctor. `subject` is what it is about ("eth0", "web/web-1"). */
struct finding {
	enum finding_level level;
	char check[32]; /* stable name: "vlan_offload", for --json */
	char subject[192];
	char text[256];
	char remedy[256];
};
struct findings {
	struct finding *entries;
	size_t count, capacity;
	bool out_of_memory;
};

/* Appends; never fails (see out_of_memory). `format` is the text. */
void finding_add(struct findings *f, enum finding_level level, const char *check,
		 const char *subject, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
void findings_release(struct findings *f);
bool findings_failed(const struct findings *f); /* any error */

/* Judges an interface before (or after) attaching. `generic`: generic mode was asked for.
 * Also adds FINDING_OK entries, so that doctor can show what was looked at. */
void preflight_link(struct findings *f, const struct link_facts *l, bool generic);

/* Largest MTU with which a driver takes single-buffer XDP, 0 if not known to us. Sources are
 * in the table beside it. */
uint32_t preflight_driver_mtu(const char *driver);

/* Does attaching to this driver reset the link (queues are reallocated)? */
bool preflight_driver_flaps(const char *driver);

#endif
