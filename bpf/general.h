/* SPDX-License-Identifier: GPL-2.0 */
/* The packet path for what the fast program does not take: VLAN tags, IPv4 options, IPv6
 * extension headers, fragments. The same steps, behind a parser that costs more.
 *
 * Tags are taken off once the packet is known to be for a service and put on again when it
 * leaves, so that the steps between see the frame that they see in the fast program. */
#ifndef EVENKEEL_BPF_GENERAL_H
#define EVENKEEL_BPF_GENERAL_H

#include "parse.h"
#include "service.h"
#include "select.h"
#include "vlan.h"
#include "fragment.h"
#include "forward.h"

/* Hop-by-hop options, destination options twice and a routing header are what RFC 8200 section
 * 4.1 allows before a transport header or a fragment header; two more for good measure. */
#define EXTENSION_HEADERS_MAX 6

struct extension {
	__u8 next;
	__u8 length; /* in 8 bytes, without the first 8 */
	__u8 type;   /* routing header: its type */
	__u8 segments_left;
	__be32 rest;
};

static __always_inline enum fragment fragment_kind(int offset, int more)
{
	if (offset)
		return FRAGMENT_LATER;
	return more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

static __always_inline int parse_options_ipv4(struct packet *p, struct cursor *c)
{
	const struct iphdr *ip = take(c, struct iphdr);
	__u32 header;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return pass();
	p->fragment = fragment_kind(ip->frag_off & bpf_htons(IPV4_OFFSET),
				    ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS));
	p->fragment_id = ip->id;
	STEP(set_ipv4_header(p, ip, c));
	header = ip->ihl * 4;
	p->transport = header;
	p->room = p->ip_len - (int)header;
	/* Options are skipped; that the header fits is seen when the transport is taken. */
	c->at = (const void *)ip + header;
	return NEXT;
}

/* What a chain of extension headers comes to. */
struct chain {
	__u32 proto;  /* of what follows it */
	__u32 length; /* of all headers */
	__u32 fragment;
	__be32 fragment_id;
};

/* One extension header. NEXT: look at what follows it. */
static __always_inline int walk_extension(struct chain *h, struct cursor *c)
{
	const struct extension *x = take(c, struct extension);
	__u32 length;

	if (!x)
		return pass();
	length = sizeof(*x) + x->length * 8;
	if (h->proto == IPPROTO_FRAGMENT) {
		const struct ipv6_fragment {
			__u8 next, reserved;
			__be16 offset;
			__be32 id;
		} *f = (const void *)x;

		h->fragment =
			fragment_kind(f->offset & bpf_htons(0xfff8), f->offset & bpf_htons(1));
		h->fragment_id = f->id;
		length = sizeof(*f);
	} else if (h->proto == IPPROTO_ROUTING && x->segments_left) {
		return pass(); /* this host is a stop on its way, not its end */
	}
	h->proto = x->next;
	h->length += length;
	c->at = (const void *)x + length;
	return NEXT;
}

/* The chain that begins at `offset` of the frame with a header of type `proto`. Not static: so the
 * verifier judges it once, and goes on with one state instead of one for each length of a chain. */
__noinline int walk_extensions(struct xdp_md *ctx, __u32 offset, __u32 proto, struct chain *out)
{
	struct chain h = { .proto = proto, .fragment = FRAGMENT_NONE };
	struct cursor c = cursor_at_start(ctx);

	if (!out)
		return pass();
	c.at += offset & FRAME_OFFSET_MASK;
	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		/* What follows the header of a later fragment is not a header. */
		if (h.fragment == FRAGMENT_LATER)
			break;
		if (h.proto != IPPROTO_HOPOPTS && h.proto != IPPROTO_ROUTING &&
		    h.proto != IPPROTO_DSTOPTS && h.proto != IPPROTO_FRAGMENT)
			break;
		STEP(walk_extension(&h, &c));
	}
	*out = h;
	return NEXT;
}

static __always_inline int parse_extensions_ipv6(struct packet *p, struct cursor *c)
{
	const struct ipv6hdr *ip = take(c, struct ipv6hdr);
	struct cursor start = cursor_at_start(p->ctx);
	struct chain h = {};
	__u32 offset;

	if (!ip || ip->version != 6)
		return pass();
	STEP(set_ipv6_header(p, ip, c));
	offset = c->at - start.at;
	STEP(walk_extensions(p->ctx, offset, p->proto, &h));
	p->proto = h.proto;
	p->fragment = h.fragment;
	p->fragment_id = h.fragment_id;
	p->transport = sizeof(*ip) + h.length;
	p->room -= (int)h.length;
	*c = start;
	c->at += (offset + h.length) & FRAME_OFFSET_MASK;
	return NEXT;
}

/* Everything up to what follows the IP header and its extensions, where the cursor is then. */
static __always_inline int parse_network(struct packet *p, struct cursor *c)
{
	__be16 type;

	p->general = 1;
	p->related = 0;
	p->initial = 0;
	p->quoted_transport = 0;
	STEP(parse_ethernet(p, c, &type));
	STEP(parse_tags(p, c, &type));
	if (type == bpf_htons(ETH_P_IP))
		STEP(parse_options_ipv4(p, c));
	else if (type == bpf_htons(ETH_P_IPV6))
		STEP(parse_extensions_ipv6(p, c));
	else
		return pass();
	/* Of a later fragment nothing more is taken: what is shorter than its headers ends here. */
	return p->room < 0 || c->at > c->end ? pass() : NEXT;
}

static __always_inline int parse_general(struct packet *p)
{
	struct cursor c = cursor_at_start(p->ctx);

	STEP(parse_network(p, &c));
	return p->fragment == FRAGMENT_LATER ? NEXT : parse_transport(p, &c);
}

/* The fragments that follow go where the first one goes. */
static __always_inline void note_first(const struct packet *p, int verdict)
{
	if (p->fragment == FRAGMENT_FIRST)
		fragment_note(fragment_hash(p), verdict == NEXT ? p->backend : EK_NO_BACKEND);
}

static __always_inline int choose(struct packet *p)
{
	int verdict = find_service(p);

	if (verdict == NEXT)
		verdict = pick(p);
	note_first(p, verdict);
	return verdict;
}

static __always_inline int general(struct xdp_md *ctx)
{
	struct packet p = { .ctx = ctx }; /* whole: steps are left before all is known */

	STEP(parse_general(&p));
	if (p.fragment == FRAGMENT_LATER)
		STEP(fragment_follow(&p));
	else
		STEP(choose(&p));
	STEP(pop_tags(&p));
	return forward(&p);
}

#endif
