// SPDX-License-Identifier: GPL-2.0
/* Interfaces and the host's own addresses, by rtnetlink. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <string.h>

#include "lib/cleanup.h"
#include "net/net.h"
#include "net/rtnl.h"

/* ALTIFNAMSIZ of linux/if.h, which does not go together with net/if.h */
#define ALTERNATIVE_NAME_SIZE 128

unsigned int nl_link_ifindex(const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	return (unsigned int)info->ifi_index;
}

/* A program in any mode; several modes at once have an attribute each. */
static uint32_t xdp_program(const struct nlattr *nest)
{
	static const unsigned int modes[] = { IFLA_XDP_PROG_ID, IFLA_XDP_DRV_PROG_ID,
					      IFLA_XDP_SKB_PROG_ID, IFLA_XDP_HW_PROG_ID };
	const struct nlattr *xdp[IFLA_XDP_MAX + 1];
	uint32_t id = 0;

	if (!nest)
		return 0;
	nl_parse_nested(nest, xdp, IFLA_XDP_MAX);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]) && !id; i++)
		id = nl_u32(xdp[modes[i]]);
	return id;
}

/* What the kernel calls to send a redirected frame is ndo_xdp_xmit. Of the kinds of virtual
 * interfaces only these have it, in Linux 6.1 to 6.18: no bridge, vlan, macvlan, ipvlan, vxlan,
 * geneve, team, dummy, ifb, vrf, wireguard, and no tunnel. (The kernel tells by itself only from
 * 6.3 on: NETDEV_XDP_ACT_NDO_XMIT.) What has no kind is hardware or like it (virtio, xen, hyperv),
 * and nearly every driver with XDP has it. */
bool link_takes_redirects(const struct link *l)
{
	static const char *const kinds[] = { "", "veth", "tun", "bond" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(l->kind, kinds[i]))
			return true;
	return false;
}

static void parse_vlan(struct link *out, const struct nlattr *nest)
{
	const struct nlattr *vlan[IFLA_VLAN_MAX + 1];

	if (!nest)
		return;
	nl_parse_nested(nest, vlan, IFLA_VLAN_MAX);
	out->vlan = nl_u16(vlan[IFLA_VLAN_ID]);
	out->vlan_type = ntohs(nl_u16(vlan[IFLA_VLAN_PROTOCOL]));
	if (out->vlan_type != ETH_P_8021Q && out->vlan_type != ETH_P_8021AD)
		out->vlan_type = 0;
}

static void parse_kind(struct link *out, const struct nlattr *nest)
{
	const struct nlattr *info[IFLA_INFO_MAX + 1];

	if (!nest)
		return;
	nl_parse_nested(nest, info, IFLA_INFO_MAX);
	nl_text(out->kind, sizeof(out->kind), info[IFLA_INFO_KIND]);
	if (!strcmp(out->kind, "vlan"))
		parse_vlan(out, info[IFLA_INFO_DATA]);
}

static void parse_mac(struct link *out, const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != sizeof(out->mac))
		return;
	memcpy(out->mac, mnl_attr_get_payload(attribute), sizeof(out->mac));
	out->has_mac = true;
}

bool nl_link_parse(struct link *out, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *link[IFLA_MAX + 1];

	if (info->ifi_family != AF_UNSPEC)
		return false;
	nl_parse(message, sizeof(*info), link, IFLA_MAX);
	out->ifindex = (unsigned int)info->ifi_index;
	out->type = info->ifi_type;
	out->up = info->ifi_flags & IFF_UP;
	out->running = info->ifi_flags & IFF_RUNNING;
	if (!link[IFLA_IFNAME])
		return true; /* a wireless event: nothing but flags and its own data */
	nl_text(out->name, sizeof(out->name), link[IFLA_IFNAME]);
	out->kind[0] = 0;
	out->vlan = out->vlan_type = 0;
	parse_kind(out, link[IFLA_LINKINFO]);
	parse_mac(out, link[IFLA_ADDRESS]);
	out->mtu = nl_u32(link[IFLA_MTU]);
	out->rx_queues_max = nl_u32(link[IFLA_NUM_RX_QUEUES]);
	out->master = nl_u32(link[IFLA_MASTER]);
	out->xdp_program = xdp_program(link[IFLA_XDP]);
	/* A veth's IFLA_LINK is its peer, which is beside it and not below; another namespace's
	 * numbers mean nothing here. */
	out->lower = nl_u32(link[IFLA_LINK]);
	if (link[IFLA_LINK_NETNSID] || !strcmp(out->kind, "veth") || out->lower == out->ifindex)
		out->lower = 0;
	return true;
}

int nl_link_dump(struct nl *nl, nl_each each, void *context)
{
	char buffer[NL_REQUEST_MAX];
	struct nlmsghdr *request =
		nl_request(buffer, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));

	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_talk(nl, request, each, context);
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	nl_link_parse(context, message);
	return 0;
}

int nl_link_get(struct nl *nl, struct link *out, const char *name)
{
	char buffer[NL_REQUEST_MAX];
	struct nlmsghdr *request =
		nl_request(buffer, RTM_GETLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
	struct link found = {};
	int err;

	if (!*name || strlen(name) >= ALTERNATIVE_NAME_SIZE)
		return -ENODEV;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	mnl_attr_put_strz(request, strlen(name) < IF_NAMESIZE ? IFLA_IFNAME : IFLA_ALT_IFNAME,
			  name);
	err = nl_talk(nl, request, take_link, &found);
	if (err)
		return err;
	if (!found.ifindex)
		return -ENODEV;
	*out = found;
	return 0;
}

bool nl_host_addr_parse(struct host_addr *out, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr[IFA_MAX + 1];

	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return false;
	nl_parse(message, sizeof(*info), attr, IFA_MAX);
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	if (!nl_get_addr(&out->addr, attr[attr[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS],
			 info->ifa_family))
		return false;
	out->ifindex = info->ifa_index;
	out->flags = attr[IFA_FLAGS] ? nl_u32(attr[IFA_FLAGS]) : info->ifa_flags;
	out->scope = info->ifa_scope;
	return true;
}

int nl_host_addr_dump(struct nl *nl, int family, nl_each each, void *context)
{
	char buffer[NL_REQUEST_MAX];
	struct nlmsghdr *request =
		nl_request(buffer, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *info = mnl_nlmsg_get_payload(request);

	info->ifa_family = (uint8_t)family;
	return nl_talk(nl, request, each, context);
}

struct local_search {
	const struct ek_addr *addr;
	unsigned int ifindex; /* 0: not found */
};

static int match_local(const struct nlmsghdr *message, void *context)
{
	struct local_search *search = context;
	struct host_addr own;

	if (nl_host_addr_parse(&own, message) && addr_equal(&own.addr, search->addr))
		search->ifindex = own.ifindex;
	return 0;
}

bool net_address_local(const struct ek_addr *addr, unsigned int *ifindex)
{
	struct local_search search = { .addr = addr };
	_cleanup_(nl_close) struct nl nl = {};

	if (nl_open(&nl, NETLINK_ROUTE) ||
	    nl_host_addr_dump(&nl, nl_family(addr), match_local, &search) || !search.ifindex)
		return false;
	if (ifindex)
		*ifindex = search.ifindex;
	return true;
}
