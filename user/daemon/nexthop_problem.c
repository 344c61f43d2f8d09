// SPDX-License-Identifier: GPL-2.0
/* Why nothing can be sent to a backend. */
#include <stdio.h>

#include "daemon/attachment.h"
#include "daemon/nexthop.h"
#include "lib/addr.h"

static void unready_text(char buf[static NEXTHOP_REASON_MAX], const char *to, const struct hop *hop)
{
	switch (hop->state) {
	case HOP_NO_ROUTE:
		snprintf(buf, NEXTHOP_REASON_MAX, "this host has no route to %s", to);
		return;
	case HOP_NO_NEIGHBOUR:
		snprintf(buf, NEXTHOP_REASON_MAX, "nobody answers ARP or ND for %s on %s", to,
			 hop->interface);
		return;
	case HOP_LINK_DOWN:
		snprintf(buf, NEXTHOP_REASON_MAX, "%s, the way to %s, is down or gone",
			 hop->interface[0] ? hop->interface : "the interface", to);
		return;
	case HOP_LOCAL:
		snprintf(buf, NEXTHOP_REASON_MAX,
			 "%s is an address of this host, and only other hosts can be backends", to);
		return;
	case HOP_NO_MAC:
		snprintf(buf, NEXTHOP_REASON_MAX, "%s, the way to %s, is no Ethernet interface",
			 hop->interface, to);
		return;
	case HOP_UNKNOWN:
	case HOP_READY:
		break;
	}
	snprintf(buf, NEXTHOP_REASON_MAX, "the kernel has not yet found the way to %s", to);
}

bool nexthop_lost(const struct daemon *d, const struct hop *hop, const struct attachment **from)
{
	/* In generic mode any interface takes what is redirected: it is sent as the host's own. */
	*from = hop->no_redirect[0] ? attachment_driver_beside(d, hop->egress) : NULL;
	return *from;
}

const char *nexthop_problem(const struct daemon *d, char buf[static NEXTHOP_REASON_MAX],
			    enum ek_forward forward, const struct ek_addr *addr,
			    const struct hop *hop)
{
	const struct attachment *from;

	static const struct hop unknown = { .state = HOP_UNKNOWN };
	char text[ADDR_TEXT_MAX], gateway[ADDR_TEXT_MAX];

	addr_text(addr, text);
	if (!hop)
		hop = &unknown;
	if (hop->state != HOP_READY) {
		unready_text(buf, text, hop);
		return buf;
	}
	if (forward == EK_FORWARD_L2 && !hop->direct) {
		snprintf(
			buf, NEXTHOP_REASON_MAX,
			"l2 needs %s on a network of this host, but the route goes by %s; use ipip",
			text, addr_text(&hop->gateway, gateway));
		return buf;
	}
	/* What comes in by the egress itself is sent back (XDP_TX), which any interface can. */
	if (nexthop_lost(d, hop, &from) && !attachment_known(d, hop->egress)) {
		snprintf(buf, NEXTHOP_REASON_MAX,
			 "%s (%s), the way to %s, takes no frames from %.15s in driver mode: "
			 "attach %.15s with --generic, or route by an interface that does",
			 hop->interface, hop->no_redirect, text, from->name, from->name);
		return buf;
	}
	return NULL;
}
