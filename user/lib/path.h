/* SPDX-License-Identifier: GPL-2.0 */
/* Backend entries ready to copy: builds the header template of struct ek_path. Pure. */
#ifndef EVENKEEL_LIB_PATH_H
#define EVENKEEL_LIB_PATH_H

#include "evenkeel/abi.h"

/* What a path is made from: the next hop as net/ resolved it, without depending on net/. */
struct path_hop {
	uint8_t source_mac[6], dest_mac[6];
	uint32_t ifindex;
	uint32_t mtu;
	struct ek_addr source; /* outer source address; ignored by l2 */
};

/* Builds the path to `backend`. L2 needs a direct hop (the caller checks that). The outer
 * family is the backend's. -EINVAL: source and backend of different families. `out` is
 * untouched on failure. flags get EK_PATH_NEXT_HOP. */
int path_build(struct ek_path *out, enum ek_forward forward, const struct ek_addr *backend,
	       const struct path_hop *hop);

/* Bytes that a forwarding mode adds in front of a packet for a backend of that family. */
uint32_t path_overhead(enum ek_forward forward, const struct ek_addr *backend);

#endif
