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

#include "general.h"
#include "nat.h"

/* <sys/socket.h> has no place here. */
#define FAMILY_IPV4 2
#define FAMILY_IPV6 10

#define IPV4_DONT_FRAGMENT 0x4000

enum way {
	WAY_HOST,   /* as it came */
	WAY_KERNEL, /* with its new source, which the kernel forwards */
	WAY_OUT,    /* from here */
};

static __always_inline const struct ek_return *find_return(const struct packet *p)
{
	const struct ek_end key = {
		.addr = p->src,
		.port = p->sport,
		.proto = p->proto,
		.ipv6 = p->ipv6,
	};

	return bpf_map_lookup_elem(&returns, &key);
}

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
	fib->l4_protocol = p->proto;
	fib->sport = from->port;
	fib->dport = p->dport;
	fib->tot_len = p->ip_len;
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

/* `out`: to the next hop. Else to the kernel, which takes the hop off, by the tags it came with. */
static __always_inline int give_source(struct packet *p, const struct ek_end *from,
				       const struct bpf_fib_lookup *fib, int out)
{
	const struct exchange e = {
		.ip = ETH_HLEN,
		.transport = p->transport,
		.proto = p->proto,
		.ipv6 = p->ipv6,
		.source = 1,
		.hop = out,
	};
	struct ethhdr *eth;

	STEP(pop_tags(p));
	if (exchange_end(p->ctx, from, &e))
		return drop(EK_DROP_INTERNAL);
	if (!out)
		return push_tags(p);
	eth = (void *)(long)p->ctx->data;
	if ((void *)(eth + 1) > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	__builtin_memcpy(eth->h_dest, fib->dmac, sizeof(eth->h_dest));
	__builtin_memcpy(eth->h_source, fib->smac, sizeof(eth->h_source));
	return NEXT;
}

static __always_inline int returned(int verdict)
{
	cpu_verdicts(bpf_get_smp_processor_id())->returned++;
	return verdict;
}

static __always_inline int give_back(struct xdp_md *ctx)
{
	const struct ek_return *r;
	struct bpf_fib_lookup fib;
	int sent = XDP_PASS;
	struct packet p = { .ctx = ctx };
	enum way way;

	STEP(parse_general(&p));
	r = find_return(&p);
	if (!r || p.defect)
		return pass();
	/* The kernel tells the sender of a packet whose last hop this is. */
	if (is_last_hop(ctx, ETH_HLEN + p.tags * TAG_LENGTH, p.ipv6))
		return pass();
	ask_for(&fib, &p, &r->listener);
	way = find_way(&p, &fib);
	if (way == WAY_HOST)
		return pass();
	if (way == WAY_OUT)
		sent = verdict_to(&p, fib.ifindex);
	STEP(give_source(&p, &r->listener, &fib, sent != XDP_PASS));
	return returned(sent);
}

#endif
