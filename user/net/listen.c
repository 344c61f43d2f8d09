// SPDX-License-Identifier: GPL-2.0
/* Which sockets of this host listen, by sock_diag. */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/cleanup.h"
#include "net/net.h"
#include "net/rtnl.h"

struct listen_search {
	const struct ek_addr *addr;
	__be16 port;
	bool any_address; /* sockets on the wildcard address count */
	bool found;
};

static bool is_wildcard(const struct ek_addr *a, int family)
{
	return family == AF_INET ? !a->be32[3] : !a->words[0] && !a->words[1];
}

/* A wildcard socket of IPv6 takes IPv4 too, unless it was told not to. */
static bool wildcard_takes(int family, const struct nlattr *v6only, const struct ek_addr *addr)
{
	if (family == AF_INET)
		return addr_is_ipv4(addr);
	return !addr_is_ipv4(addr) || !v6only || !mnl_attr_get_u8(v6only);
}

static int match_socket(const struct nlmsghdr *message, void *context)
{
	const struct inet_diag_msg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr[INET_DIAG_MAX + 1];
	struct listen_search *search = context;
	struct ek_addr bound;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return -EPROTO;
	if (info->id.idiag_sport != search->port)
		return 0;
	nl_parse(message, sizeof(*info), attr, INET_DIAG_MAX);
	bound = nl_addr(info->idiag_family, info->id.idiag_src);
	if (is_wildcard(&bound, info->idiag_family))
		search->found |=
			search->any_address &&
			wildcard_takes(info->idiag_family, attr[INET_DIAG_SKV6ONLY], search->addr);
	else
		search->found |= addr_equal(&bound, search->addr);
	return 0;
}

static int dump_sockets(struct nl *nl, int family, uint8_t proto, struct listen_search *search)
{
	char buffer[NL_REQUEST_MAX];
	struct nlmsghdr *request = nl_request(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP,
					      sizeof(struct inet_diag_req_v2));
	struct inet_diag_req_v2 *diag = mnl_nlmsg_get_payload(request);

	diag->sdiag_family = (uint8_t)family;
	diag->sdiag_protocol = proto;
	/* A UDP socket that takes packets from anybody is in the state "closed". */
	diag->idiag_states = 1u << (proto == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
	diag->id.idiag_sport = search->port;
	return nl_talk(nl, request, match_socket, search);
}

int net_socket_listens(const struct ek_addr *addr, uint16_t port, uint8_t proto)
{
	struct listen_search search = { .addr = addr, .port = htons(port) };
	_cleanup_(nl_close) struct nl nl = {};
	int err;

	search.any_address = net_address_local(addr, NULL);
	err = nl_open(&nl, NETLINK_SOCK_DIAG);
	if (err)
		return err;
	/* An IPv6 socket may hold an IPv4 address (::ffff:a.b.c.d) or all of them (::). */
	if (addr_is_ipv4(addr))
		err = dump_sockets(&nl, AF_INET, proto, &search);
	if (!err && !search.found)
		err = dump_sockets(&nl, AF_INET6, proto, &search);
	return err ? err : search.found;
}
