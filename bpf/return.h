/* SPDX-License-Identifier: GPL-2.0 */
/* The way back of nat. A backend answers from its own address; this host is its gateway and gives
 * the answer the service's address. That needs no state: a (backend address, port, protocol)
 * belongs to at most one listener, which `check` sees to.
 *
 * Where the answer goes is the kernel's to say. What it says is for this host itself (answers to
 * probes, SSH to a backend) or for nobody is passed as it is; what it knows and cannot be sent
 * from here (a neighbour it has yet to find, a VLAN device, fragments to be made) is passed with
 * its new source, and the kernel forwards it. */
#ifndef EVENKEEL_BPF_RETURN_H
#define EVENKEEL_BPF_RETURN_H

#include "icmp.h"
#include "nat.h"

/* <sys/socket.h> has no place here. */
#define FAMILY_IPV4 2
#define FAMILY_IPV6 10

enum way {
	WAY_HOST,   /* as it came */
	WAY_KERNEL, /* with its new source, which the kernel forwards */
	WAY_OUT,    /* from here */
};

/* ---- what it is ------------------------------------------------------------------------------ */

/* An error is about what was sent to a backend, and turned around its quote is an answer. Its own
 * source may be a router's before the backend, and is that still. */
static __always_inline int parse_return(struct packet *p, struct exchange *e)
{
	struct cursor c = cursor_at_start(p->ctx);
	const struct icmp_header *h;
	const void *start = c.at;
	struct ek_addr source;

	e->keep = 0;
	STEP(parse_network(p, &c));
	if (p->fragment == FRAGMENT_LATER)
		return NEXT;
	if (p->proto != (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return parse_transport(p, &c);
	h = take(&c, struct icmp_header);
	if (!h || p->fragment || !is_error(p, h->type))
		return pass();
	source = p->src;
	STEP(parse_quote(p, c.at - start));
	e->keep = p->src.words[0] != source.words[0] || p->src.words[1] != source.words[1];
	return NEXT;
}

/* The others follow the first fragment. One that comes before it cannot be told from the host's
 * own. */
static __always_inline const struct ek_return *follow_fragment(const struct packet *p,
							       const struct ek_return *first)
{
	const struct ek_returning key = {
		.source = p->src,
		.dest = p->dst,
		.id = p->fragment_id,
		.proto = p->ipv6 ? 0 : p->proto,
		.ipv6 = p->ipv6,
	};
	const struct ek_return *r;
	struct ek_return lead;

	if (p->fragment == FRAGMENT_LATER) {
		r = bpf_map_lookup_elem(&returning, &key);
		return r && r->until_s >= second_now() ? r : NULL;
	}
	if (first) {
		lead = *first;
		lead.until_s = second_now() + EK_FRAGMENT_S;
		bpf_map_update_elem(&returning, &key, &lead, BPF_ANY);
	}
	return first;
}

static __always_inline const struct ek_return *find_return(const struct packet *p)
{
	const struct ek_return *r = NULL;

	if (p->fragment != FRAGMENT_LATER) {
		const struct ek_end key = {
			.addr = p->src,
			.port = p->sport,
			.proto = p->proto,
			.ipv6 = p->ipv6,
		};

		r = bpf_map_lookup_elem(&returns, &key);
	}
	return p->fragment == FRAGMENT_NONE ? r : follow_fragment(p, r);
}

/* ---- where it goes --------------------------------------------------------------------------- */

static __always_inline int may_be_fragmented(const struct packet *p)
{
	const struct iphdr *ip = (const void *)(long)p->ctx->data + ETH_HLEN + p->tags * TAG_LENGTH;

	if ((const void *)(ip + 1) > (const void *)(long)p->ctx->data_end)
		return 0;
	return !p->ipv6 && !(ip->frag_off & bpf_htons(IPV4_DONT_FRAGMENT));
}

static __always_inline void ask_for(struct bpf_fib_lookup *fib, const struct packet *p,
				    const struct ek_end *from)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->ifindex = p->ctx->ingress_ifindex;
	fib->tot_len = p->ip_len;
	if (!p->related) {
		fib->l4_protocol = p->proto;
		fib->sport = from->port;
		fib->dport = p->dport;
	}
	if (p->ipv6) {
		fib->family = FAMILY_IPV6;
		__builtin_memcpy(fib->ipv6_src, &from->addr, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, &p->dst, sizeof(fib->ipv6_dst));
	} else {
		fib->family = FAMILY_IPV4;
		fib->ipv4_src = from->addr.be32[3];
		fib->ipv4_dst = p->dst.be32[3];
	}
}

static __always_inline enum way find_way(const struct packet *p, struct bpf_fib_lookup *fib)
{
	switch (bpf_fib_lookup(p->ctx, fib, sizeof(*fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		return WAY_OUT;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_UNSUPP_LWT:
		return WAY_KERNEL;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		/* What may not be fragmented is answered by the kernel, to its sender. */
		return may_be_fragmented(p) ? WAY_KERNEL : WAY_HOST;
	default:
		return WAY_HOST;
	}
}

/* XDP_TX, XDP_REDIRECT, or XDP_PASS for an interface that frames cannot be sent to from here. */
static __always_inline int verdict_to(const struct packet *p, __u32 ifindex)
{
	if (ifindex == p->ctx->ingress_ifindex)
		return XDP_TX;
	return (int)bpf_redirect_map(&egress, ifindex, XDP_PASS);
}

/* ---- and how --------------------------------------------------------------------------------- */

/* e->hop: to the next hop. Else to the kernel, which takes the hop off, by the tags it came
 * with. */
static __always_inline int give_source(struct packet *p, const struct ek_end *from,
				       const struct bpf_fib_lookup *fib, const struct exchange *e)
{
	struct ethhdr *eth;

	STEP(pop_tags(p));
	if (exchange(p, from, e))
		return drop(EK_DROP_INTERNAL);
	if (!e->hop)
		return push_tags(p);
	eth = (void *)(long)p->ctx->data;
	if ((void *)(eth + 1) > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	__builtin_memcpy(eth->h_dest, fib->dmac, sizeof(eth->h_dest));
	__builtin_memcpy(eth->h_source, fib->smac, sizeof(eth->h_source));
	return NEXT;
}

static __always_inline int give_back(struct xdp_md *ctx)
{
	const struct ek_return *r;
	struct bpf_fib_lookup fib;
	int sent = XDP_PASS;
	struct packet p = { .ctx = ctx };
	struct exchange e;
	enum way way;
	__u8 keep;

	STEP(parse_return(&p, &e));
	keep = e.keep;
	r = p.defect ? NULL : find_return(&p);
	/* The kernel tells the sender of a packet whose last hop this is. */
	if (!r || is_last_hop(ctx, ETH_HLEN + p.tags * TAG_LENGTH, p.ipv6))
		return pass();
	ask_for(&fib, &p, &r->listener);
	way = find_way(&p, &fib);
	if (way == WAY_HOST)
		return pass();
	if (way == WAY_OUT)
		sent = verdict_to(&p, fib.ifindex);
	e = exchange_of(&p);
	e.source = 1;
	e.hop = sent != XDP_PASS;
	e.keep = keep;
	STEP(give_source(&p, &r->listener, &fib, &e));
	cpu_verdicts(bpf_get_smp_processor_id())->returned++;
	return sent;
}

#endif
