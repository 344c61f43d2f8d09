/* SPDX-License-Identifier: GPL-2.0 */
/* ICMP and ICMPv6. An error about a service's flow goes to the backend that has the flow; an echo
 * request to a service's address is answered (echo.h); what is neither (neighbour discovery, MLD,
 * ...) is the host's.
 *
 * An error quotes the packet that it is about. A backend sent that, from the service's address
 * to the client's: the flow is the quote turned around. */
#ifndef EVENKEEL_BPF_ICMP_H
#define EVENKEEL_BPF_ICMP_H

#include <linux/icmpv6.h>

#include "echo.h"
#include "general.h"

static __always_inline int is_error(const struct packet *p, __u8 type)
{
	if (p->ipv6)
		return type == ICMPV6_DEST_UNREACH || type == ICMPV6_PKT_TOOBIG ||
		       type == ICMPV6_TIME_EXCEED || type == ICMPV6_PARAMPROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

/* What an error quotes: the packet as its sender saw it. */
struct quote {
	struct ek_addr src, dst;
	__be16 sport, dport;
	__u32 proto;
	__u32 length; /* up to the end of QUOTED_TRANSPORT */
};

/* What RFC 792 promises of the quoted packet behind its IP header: ports, sequence number. */
#define QUOTED_TRANSPORT 8

/* Reads the quote at `offset`. Not static: the verifier then looks at it once, and not once for
 * each way to get here, which is a million steps. */
__noinline int read_quote(struct xdp_md *ctx, __u32 offset, __u32 ipv6, struct quote *q)
{
	struct cursor c = cursor_at_start(ctx);
	const __be16 *ports;
	struct packet p;

	if (!q || !take_bytes(&c, offset & FRAME_OFFSET_MASK))
		return pass();
	p.ctx = ctx;
	p.general = 1;
	p.defect = 0; /* of the quote: it may well be cut short */
	if (ipv6)
		STEP(parse_extensions_ipv6(&p, &c));
	else
		STEP(parse_options_ipv4(&p, &c));
	if (p.fragment == FRAGMENT_LATER)
		return pass(); /* it has no ports */
	ports = take_bytes(&c, QUOTED_TRANSPORT);
	if (!ports || (p.proto != IPPROTO_TCP && p.proto != IPPROTO_UDP))
		return pass();
	q->src = p.src;
	q->dst = p.dst;
	q->sport = ports[0];
	q->dport = ports[1];
	q->proto = p.proto;
	q->length = p.transport + QUOTED_TRANSPORT;
	return NEXT;
}

/* Puts the quoted packet's flow, turned around, in place of the error's addresses; the lengths
 * remain the error's. */
static __always_inline int parse_quote(struct packet *p, __u32 offset)
{
	struct quote q;

	STEP(read_quote(p->ctx, offset, p->ipv6, &q));
	if ((int)q.length + (int)sizeof(struct icmp_header) > p->room)
		return pass();
	/* Who is told of a packet has sent it, or the quote is not to be believed. */
	if (q.src.words[0] != p->dst.words[0] || q.src.words[1] != p->dst.words[1])
		return pass();
	p->src = q.dst;
	p->sport = q.dport;
	p->dport = q.sport;
	p->proto = q.proto;
	p->quoted_transport = q.length - QUOTED_TRANSPORT;
	p->syn = 0;
	p->related = 1;
	return NEXT;
}

static __always_inline int forward_error(struct packet *p, __u32 offset)
{
	int bad = bad_source(p);

	STEP(parse_quote(p, offset));
	STEP(find_service(p));
	if (bad)
		return drop(EK_DROP_BAD_SOURCE);
	STEP(pick(p));
	STEP(pop_tags(p));
	return forward(p);
}

static __always_inline int icmp(struct xdp_md *ctx)
{
	struct cursor c = cursor_at_start(ctx);
	const void *start = c.at;
	const struct icmp_header *h;
	struct packet p = { .ctx = ctx }; /* whole: steps are left before all is known */

	STEP(parse_network(&p, &c));
	h = take(&c, struct icmp_header);
	/* A part of one tells nothing, and the host can put the parts together. */
	if (!h || p.room < (int)sizeof(*h) || p.fragment)
		return pass();
	if (p.proto != (p.ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return pass();
	if (is_echo_request(&p, h->type))
		return echo(&p, (const void *)h - start);
	return is_error(&p, h->type) ? forward_error(&p, c.at - start) : pass();
}

#endif
