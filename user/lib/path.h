/* SPDX-License-Identifier: GPL-2.0 */
/* Backend entries ready to copy: builds the header template of struct ek_path. Pure. */
#ifndef EVENKEEL_LIB_PATH_H
#define EVENKEEL_LIB_PATH_H

#include <stdbool.h>

#include "evenkeel/abi.h"

/* What a path is made from: the next hop as net/ resolved it, without depending on net/, and the
 * options of the forwarding mode, whose defaults are 0. */
struct path_hop {
	uint8_t source_mac[6], dest_mac[6];
	uint32_t ifindex;
	uint32_t mtu;
	struct ek_addr source; /* outer source address; ignored by l2, nat */
	uint8_t source_bits;   /* length of the prefix that `source` is; 0: it is an address */
	uint32_t gue;          /* EK_GUE_* */
	uint16_t port;         /* nat: the backend's, 0: the listener's */
	bool vlan_strip;       /* packets leave without the VLAN tags that they came with */
	uint16_t tag_type;     /* they leave with this one tag, whatever they came with: 0x8100, */
	uint16_t tag;          /* 0x88a8 or 0 for none; `tag` is the VLAN's id */
};

/* Builds the path to `backend`. L2 needs a direct hop (the caller checks that). The outer
 * family is the backend's. -EINVAL: source and backend of different families. `out` is
 * untouched on failure. flags get EK_PATH_NEXT_HOP,
 * EK_PATH_TAGGED where there is a tag, and EK_PATH_UNTAGGED where tags are stripped. */
int path_build(struct ek_path *out, enum ek_forward forward, const struct ek_addr *backend,
	       const struct path_hop *hop);

/* Bytes that a forwarding mode adds in front of a packet for a backend of that family; `gue` as
 * in path_hop. */
uint32_t path_overhead(enum ek_forward forward, uint32_t gue, const struct ek_addr *backend);

/* The mask of those of a source prefix's last 16 bits that are the flow's, as in the address. */
uint16_t path_source_mask(const struct ek_addr *prefix, uint8_t bits);

#endif
