// SPDX-License-Identifier: GPL-2.0
/* Routes, by rtnetlink. */
#include <errno.h>
#include <string.h>

#include "lib/addr.h"
#include "net/rtnl.h"

static enum route_kind kind_of(uint8_t type)
{
	switch (type) {
	case RTN_UNICAST:
		return ROUTE_UNICAST;
	case RTN_LOCAL:
	case RTN_ANYCAST: /* IPv6: the subnet-router address of a forwarding host */
		return ROUTE_LOCAL;
	default:
		return ROUTE_NONE;
	}
}

static void parse_gateway(struct route *out, const struct nlattr *const *attr, int family)
{
	const struct rtvia *via;

	if (nl_get_addr(&out->gateway, attr[RTA_GATEWAY], family))
		out->direct = false;
	if (!attr[RTA_VIA] || mnl_attr_get_payload_len(attr[RTA_VIA]) < sizeof(*via) + 16)
		return;
	/* RFC 5549: an IPv4 destination behind an IPv6 gateway. */
	via = mnl_attr_get_payload(attr[RTA_VIA]);
	if (via->rtvia_family != AF_INET6)
		return;
	out->gateway = nl_addr(AF_INET6, via->rtvia_addr);
	out->direct = false;
}

static int take_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr[RTA_MAX + 1], *metrics[RTAX_MAX + 1];
	struct route *out = context;

	nl_parse(message, sizeof(*info), attr, RTA_MAX);
	out->kind = kind_of(info->rtm_type);
	out->ifindex = nl_u32(attr[RTA_OIF]);
	parse_gateway(out, attr, info->rtm_family);
	nl_get_addr(&out->source, attr[RTA_PREFSRC], info->rtm_family);
	if (attr[RTA_METRICS]) {
		nl_parse_nested(attr[RTA_METRICS], metrics, RTAX_MAX);
		out->mtu = nl_u32(metrics[RTAX_MTU]);
	}
	return 0;
}

/* IPv4 says by error what IPv6 says by a route's type: no route, unreachable, prohibit,
 * blackhole; and a host without the family has no route of it. */
static bool means_no_route(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL ||
	       err == -EAFNOSUPPORT || err == -EOPNOTSUPP || err == -ENETDOWN;
}

int nl_route_lookup(struct nl *nl, struct route *out, const struct ek_addr *addr)
{
	char buffer[NL_REQUEST_MAX];
	struct nlmsghdr *request =
		nl_request(buffer, RTM_GETROUTE, NLM_F_ACK, sizeof(struct rtmsg));
	struct rtmsg *info = mnl_nlmsg_get_payload(request);
	struct route found;
	int err;

	memset(&found, 0, sizeof(found)); /* padding too: routes are compared as bytes */
	found.gateway = *addr;
	found.direct = true;
	info->rtm_family = (uint8_t)nl_family(addr);
	info->rtm_dst_len = addr_is_ipv4(addr) ? 32 : 128;
	nl_put_addr(request, RTA_DST, addr);
	err = nl_talk(nl, request, take_route, &found);
	if (err && !means_no_route(err))
		return err;
	if (err)
		found.kind = ROUTE_NONE;
	memcpy(out, &found, sizeof(found));
	return 0;
}

bool nl_route_prefix(struct ek_addr *prefix, unsigned int *bits, const struct nlmsghdr *message)
{
	static const uint8_t zero[16];
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr[RTA_MAX + 1];

	if ((info->rtm_family != AF_INET && info->rtm_family != AF_INET6) ||
	    info->rtm_flags & RTM_F_CLONED)
		return false;
	nl_parse(message, sizeof(*info), attr, RTA_MAX);
	if (!nl_get_addr(prefix, attr[RTA_DST], info->rtm_family))
		*prefix = nl_addr(info->rtm_family, zero);
	*bits = info->rtm_dst_len + (info->rtm_family == AF_INET ? 96u : 0u);
	return true;
}

static int match_default(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	bool *found = context;

	if (!info->rtm_dst_len && info->rtm_type == RTN_UNICAST &&
	    !(info->rtm_flags & RTM_F_CLONED))
		*found = true;
	return 0;
}

int nl_route_default_through(struct nl *nl, unsigned int ifindex)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int on = 1;
	bool found = false;

	/* Strict requests may filter by interface: a router has a million routes to others. */
	if (mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on)))
		return -errno;
	for (size_t i = 0; i < sizeof(families) && !found; i++) {
		char buffer[NL_REQUEST_MAX];
		struct nlmsghdr *request =
			nl_request(buffer, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
		struct rtmsg *info = mnl_nlmsg_get_payload(request);
		int err;

		info->rtm_family = families[i];
		mnl_attr_put_u32(request, RTA_OIF, ifindex);
		err = nl_talk(nl, request, match_default, &found);
		if (err && !means_no_route(err))
			return err;
	}
	return found;
}
