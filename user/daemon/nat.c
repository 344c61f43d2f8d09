/* SPDX-License-Identifier: GPL-2.0 */
/* What nat needs of this host, which is the backends' gateway. */
#include "daemon/nat.h"

#include <stdio.h>

#include "daemon/attachment.h"
#include "lib/addr.h"
#include "lib/cleanup.h"

/* Unknown is taken for yes: nobody is warned of what was not seen. */
static bool forwards(const char *interface, bool ipv4)
{
	_cleanup_(close_file) FILE *file = NULL;
	char path[128];
	int value;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/forwarding", ipv4 ? 4 : 6,
		 interface);
	file = fopen(path, "re");
	return !file || fscanf(file, "%d", &value) != 1 || value;
}

bool nat_problem(char text[static NAT_TEXT_MAX], char remedy[static NAT_TEXT_MAX],
		 const struct daemon *d, const struct ek_addr *backend, const struct hop *hop)
{
	bool ipv4 = addr_is_ipv4(backend);

	if (!attachment_known(d, hop->egress)) {
		snprintf(text, NAT_TEXT_MAX,
			 "its answers come in by %s, which is not attached: they keep its address, "
			 "and no client knows that",
			 hop->egress_interface);
		snprintf(remedy, NAT_TEXT_MAX, "evenkeel attach %s", hop->egress_interface);
		return true;
	}
	/* The program asks for the interface that it sees them on, below a vlan. */
	if (!forwards(hop->interface, ipv4) || !forwards(hop->egress_interface, ipv4)) {
		snprintf(text, NAT_TEXT_MAX,
			 "its answers come in by %s, whose packets this host does not forward",
			 forwards(hop->interface, ipv4) ? hop->egress_interface : hop->interface);
		snprintf(remedy, NAT_TEXT_MAX, "sysctl -w %s",
			 ipv4 ? "net.ipv4.ip_forward=1" : "net.ipv6.conf.all.forwarding=1");
		return true;
	}
	return false;
}
