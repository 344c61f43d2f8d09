/* SPDX-License-Identifier: GPL-2.0 */
/* The packet path as one function, for the entry program and for the benchmark around it. */
#ifndef EVENKEEL_BPF_BALANCE_H
#define EVENKEEL_BPF_BALANCE_H

#include "packet.h"
#include "parse.h"
#include "service.h"
#include "select.h"
#include "forward.h"

/* Behind the IP header. */
static __always_inline int balance_flow(struct packet *p, struct cursor *c)
{
	STEP(parse_transport(p, c));
	STEP(find_service(p));
	STEP(pick(p));
	return forward(p);
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
	p.initial = 0;
	p.quoted_transport = 0;
	STEP(parse_ethernet(&p, &c, &type));
	/* One text, but instructions of its own for each family: where the compiler knows which one
	 * it is, half of an IPv4 address is a constant, and less waits in memory for the end. */
	if (type == bpf_htons(ETH_P_IP)) {
		STEP(parse_ipv4(&p, &c));
		return balance_flow(&p, &c);
	}
	if (type == bpf_htons(ETH_P_IPV6)) {
		STEP(parse_ipv6(&p, &c));
		return balance_flow(&p, &c);
	}
	return not_ip(&p, type);
}

#endif
