// SPDX-License-Identifier: GPL-2.0
/* Neighbours, by rtnetlink. */
#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

#include "net/rtnl.h"

bool nl_neigh_parse(struct neigh_report *out, const struct nlmsghdr *message)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr[NDA_MAX + 1];
	struct neigh_report r = {};

	if ((info->ndm_family != AF_INET && info->ndm_family != AF_INET6) ||
	    info->ndm_flags & NTF_PROXY)
		return false;
	nl_parse(message, sizeof(*info), attr, NDA_MAX);
	if (!nl_get_addr(&r.addr, attr[NDA_DST], info->ndm_family))
		return false;
	r.ifindex = (unsigned int)info->ndm_ifindex;
	r.state = info->ndm_state;
	r.deleted = message->nlmsg_type == RTM_DELNEIGH;
	/* The kernel signs what it found out itself with port 0. */
	r.requested = message->nlmsg_pid != 0;
	if (attr[NDA_LLADDR] && mnl_attr_get_payload_len(attr[NDA_LLADDR]) == sizeof(r.mac)) {
		memcpy(r.mac, mnl_attr_get_payload(attr[NDA_LLADDR]), sizeof(r.mac));
		r.has_mac = true;
	}
	*out = r;
	return true;
}

static struct nlmsghdr *neigh_request(char buffer[static NL_REQUEST_MAX], uint16_t type,
				      uint16_t flags, unsigned int ifindex,
				      const struct ek_addr *addr)
{
	struct nlmsghdr *request = nl_request(buffer, type, flags, sizeof(struct ndmsg));
	struct ndmsg *info = mnl_nlmsg_get_payload(request);

	info->ndm_family = (uint8_t)nl_family(addr);
	info->ndm_ifindex = (int)ifindex;
	nl_put_addr(request, NDA_DST, addr);
	return request;
}

static int take_neigh(const struct nlmsghdr *message, void *context)
{
	return nl_neigh_parse(context, message) ? 0 : -EPROTO;
}

int nl_neigh_get(struct nl *nl, struct neigh_report *out, unsigned int ifindex,
		 const struct ek_addr *addr)
{
	char buffer[NL_REQUEST_MAX];
	struct nlmsghdr *request = neigh_request(buffer, RTM_GETNEIGH, NLM_F_ACK, ifindex, addr);
	struct neigh_report found = {};
	int err = nl_talk(nl, request, take_neigh, &found);

	if (err)
		return err;
	found.requested = false; /* the port is that of our question */
	*out = found;
	return 0;
}

int nl_neigh_ask(struct nl *nl, unsigned int ifindex, const struct ek_addr *addr)
{
	char buffer[NL_REQUEST_MAX];
	struct nlmsghdr *request =
		neigh_request(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, ifindex, addr);
	struct ndmsg *info = mnl_nlmsg_get_payload(request);

	info->ndm_flags = NTF_USE;
	return nl_talk(nl, request, NULL, NULL);
}
