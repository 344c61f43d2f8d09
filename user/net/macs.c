// SPDX-License-Identifier: GPL-2.0
/* The Ethernet addresses that frames for this host may come to. */
#include <net/if_arp.h>
#include <string.h>

#include "net/hops_internal.h"

static bool has_ethernet(const struct link *l)
{
	static const uint8_t none[6];

	return l->type == ARPHRD_ETHER && l->has_mac && memcmp(l->mac, none, sizeof(none));
}

size_t hops_macs(const struct hops *h, unsigned int first, uint8_t (*out)[6], size_t room)
{
	size_t count = 0;

	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < h->links.count; i++) {
			const struct link *l = h->links.items[i];

			if (!has_ethernet(l) || (l->ifindex == first) != !turn)
				continue;
			if (count < room)
				memcpy(out[count], l->mac, sizeof(l->mac));
			count++;
		}
	}
	return count;
}
