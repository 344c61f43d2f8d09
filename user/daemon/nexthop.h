/* SPDX-License-Identifier: GPL-2.0 */
/* Keeps every backend's path in the maps equal to what the kernel's routes and neighbours say. */
#ifndef EVENKEEL_DAEMON_NEXTHOP_H
#define EVENKEEL_DAEMON_NEXTHOP_H

#include <stdbool.h>

#include "daemon/daemon.h"
#include "net/net.h"

int nexthops_open(struct daemon *d);
void nexthops_close(struct nexthops *n);

/* Watches what backends the maps hold now (leaving ones too), forgets what they no longer hold
 * and records that it is gone. True if some backend is leaving. */
bool nexthops_sync(struct daemon *d);

/* What the kernel says of routes, neighbours and links. */
const struct hops *nexthops_hops(const struct daemon *d);

/* Each second: asks for neighbours that are missing or stale. */
void nexthops_refresh(struct daemon *d);

/* Waits until the kernel has answered for every backend watched, at most timeout_ms. */
void nexthops_wait(struct daemon *d, int timeout_ms);

/* The hop of the backend with this index, NULL if it is not watched. */
const struct hop *nexthop_find(const struct daemon *d, uint32_t backend);

/* The hop as paths are made from it; false: there is none to send by now. The mode's part is left
 * out. */
struct path_hop;
bool nexthop_path_hop(const struct daemon *d, uint32_t backend, struct path_hop *out);

/* Interfaces may have been attached or detached: takes note, each second and after a request. */
void nexthops_attached(struct daemon *d);

/* Why nothing can be sent to the backend that way, as a sentence in buf; NULL if it can. */
#define NEXTHOP_REASON_MAX 256
const char *nexthop_problem(const struct daemon *d, char buf[static NEXTHOP_REASON_MAX],
			    enum ek_forward forward, const struct ek_addr *addr,
			    const struct hop *hop);

/* Would the kernel lose what comes in by an attached interface (*from) and leaves by this hop? */
struct attachment;
bool nexthop_lost(const struct daemon *d, const struct hop *hop, const struct attachment **from);
/* How many backends have no next hop for that reason; that of the first is in buf. */
size_t nexthops_lost(const struct daemon *d, char buf[static NEXTHOP_REASON_MAX]);

#endif
