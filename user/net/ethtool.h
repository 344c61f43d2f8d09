/* SPDX-License-Identifier: GPL-2.0 */
/* What a driver says of itself. Private to net/. */
#ifndef EVENKEEL_NET_ETHTOOL_H
#define EVENKEEL_NET_ETHTOOL_H

#include "lib/preflight.h"

/* Fills driver, offloads and queues of the interface out->name; what the driver does not tell
 * stays as it is. -ENODEV if the interface is gone, other -errno. */
int ethtool_facts(struct link_facts *out);

#endif
