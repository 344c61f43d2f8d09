// SPDX-License-Identifier: GPL-2.0
#include "net/shot.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_packet.h>
#include <netinet/if_ether.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "net/rtnl.h"

/* ---- where from ------------------------------------------------------------------------- */

struct source_search {
	const struct ek_addr *service;
	unsigned int ifindex; /* preferred */
	struct ek_addr best;
	unsigned int rank; /* of `best`; 0: none yet */
};

static int rank_source(const struct nlmsghdr *message, void *context)
{
	struct source_search *search = context;
	struct host_addr own;
	unsigned int rank;

	if (!nl_host_addr_parse(&own, message) || own.scope != RT_SCOPE_UNIVERSE ||
	    own.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) ||
	    addr_equal(&own.addr, search->service))
		return 0;
	rank = own.ifindex == search->ifindex ? 4 : 2;
	if (!(own.flags & IFA_F_DEPRECATED))
		rank++;
	if (rank > search->rank) {
		search->rank = rank;
		search->best = own.addr;
	}
	return 0;
}

int shot_source(struct ek_addr *out, const struct ek_addr *service, const struct hop *hop)
{
	struct source_search search = { .service = service, .ifindex = hop->ifindex };
	_cleanup_(nl_close) struct nl nl = {};
	bool has_source = hop->source.words[0] || hop->source.words[1];
	int err;

	if (has_source && addr_is_ipv4(&hop->source) == addr_is_ipv4(service) &&
	    !addr_equal(&hop->source, service)) {
		*out = hop->source;
		return 0;
	}
	err = nl_open(&nl, NETLINK_ROUTE);
	if (!err)
		err = nl_host_addr_dump(&nl, nl_family(service), rank_source, &search);
	if (err)
		return err;
	if (!search.rank)
		return -EADDRNOTAVAIL;
	*out = search.best;
	return 0;
}

/* ---- sending ------------------------------------------------------------------------------ */

bool shot_possible(const struct ek_path *path, const struct hop *hop)
{
	return hop && hop->state == HOP_READY && path->flags & EK_PATH_NEXT_HOP;
}

int shot_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int shot_fire(int fd, const struct shot *shot, shot_writer write, const struct packet_flow *flow)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)shot->ifindex,
		.sll_halen = ETH_ALEN,
	};
	size_t header = packet_header(&shot->path), inner;
	uint8_t frame[PACKET_MAX];

	inner = write(frame + header, flow);
	packet_complete(frame, &shot->path, shot->hash, inner);
	memcpy(to.sll_addr, frame, ETH_ALEN);
	memcpy(&to.sll_protocol, frame + 2 * ETH_ALEN, sizeof(to.sll_protocol));
	if (sendto(fd, frame, header + inner, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}
