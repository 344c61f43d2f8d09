/* SPDX-License-Identifier: GPL-2.0 */
/* The packet path as one function, for the entry program and for the benchmark around it. */
#ifndef EVENKEEL_BPF_BALANCE_H
#define EVENKEEL_BPF_BALANCE_H

#include "packet.h"
#include "parse.h"
#include "service.h"
#include "select.h"
#include "forward.h"

static __always_inline int find_backend(struct packet *p, struct cursor *c)
{
	STEP(parse_plain_transport(p, c));
	STEP(find_service(p));
	return pick(p);
}

static __always_inline int balance(struct xdp_md *ctx)
{
	struct cursor c = cursor_at_start(ctx);
	struct packet p;
	__be16 type;

	p.ctx = ctx;
	p.general = 0;
	p.tags = 0;
	p.related = 0;
	p.quoted_transport = 0;
	STEP(parse_ethernet(&p, &c, &type));
	/* Up to its backend a packet goes by one text and a path of its own by family: where the
	 * compiler knows which one it is, half of an IPv4 address is a constant. */
	if (type == bpf_htons(ETH_P_IP)) {
		STEP(parse_ipv4(&p, &c));
		STEP(find_backend(&p, &c));
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		STEP(parse_ipv6(&p, &c));
		STEP(find_backend(&p, &c));
	} else {
		return not_ip(&p, type);
	}
	return forward(&p);
}

#endif
