/* SPDX-License-Identifier: GPL-2.0 */
/* One packet on the way that the data path takes. Private to net/. */
#ifndef EVENKEEL_NET_SHOT_H
#define EVENKEEL_NET_SHOT_H

#include "net/net.h"
#include "lib/packet.h"

struct shot {
	struct ek_path path;
	uint64_t hash;        /* as good as the data path's: nothing but the outer header has it */
	unsigned int ifindex; /* of the route, which puts its own tag on if it is a vlan */
};

/* An address that the backend can answer to: the service's family, and not its address, which
 * this host may hold too. */
int shot_source(struct ek_addr *out, const struct ek_addr *service, const struct hop *hop);

/* Can anything be sent that way? */
bool shot_possible(const struct ek_path *path, const struct hop *hop);

int shot_socket(void); /* a descriptor to fire with, or -errno */
typedef size_t (*shot_writer)(uint8_t *out, const struct packet_flow *flow);
int shot_fire(int fd, const struct shot *shot, shot_writer write, const struct packet_flow *flow);

#endif
