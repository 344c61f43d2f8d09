/* SPDX-License-Identifier: GPL-2.0 */
/* Exchanging one end of a packet: address, port, and the checksums over them, which are never
 * computed anew (RFC 1624): what was wrong on arrival is wrong when it leaves. */
#ifndef EVENKEEL_BPF_NAT_H
#define EVENKEEL_BPF_NAT_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "checksum.h"
#include "packet.h"
#include "verdict.h"

/* No IP header with its extensions is longer (general.h), and the verifier wants a bound. */
#define NAT_OFFSET_MASK 0x3fff

/* What is exchanged. */
struct exchange {
	__u32 ip;        /* offset of the IP header in the frame */
	__u32 transport; /* of the transport header from there */
	__u8 proto;      /* of the transport header; 0: there is none, as in a later fragment */
	__u8 ipv6;
	__u8 source; /* the source is exchanged, not the destination */
	__u8 hop;    /* and it is a hop: one off the TTL */
};

static __always_inline __u64 put_ipv4(__be32 *at, const struct ek_addr *to)
{
	__u64 change = change32(*at, to->be32[3]);

	*at = to->be32[3];
	return change;
}

static __always_inline __u64 put_ipv6(struct in6_addr *at, const struct ek_addr *to)
{
	__u64 *words = (__u64 *)at;
	__u64 change = change64(words[0], to->words[0]) + change64(words[1], to->words[1]);

	words[0] = to->words[0];
	words[1] = to->words[1];
	return change;
}

/* Does the packet's TTL end here? What has no header ends here too. */
static __always_inline int is_last_hop(const struct xdp_md *ctx, __u32 offset, int ipv6)
{
	const void *at = (const void *)(long)ctx->data + offset;
	const struct ipv6hdr *ip6 = at;
	const struct iphdr *ip = at;

	if (at + sizeof(*ip) > (const void *)(long)ctx->data_end)
		return 1;
	return (ipv6 ? ip6->hop_limit : ip->ttl) <= 1;
}

/* The IP header. Returns by how much the address changes a checksum, or -1: there is none. */
static __always_inline long put_address(void *at, const void *end, const struct ek_addr *to,
					const struct exchange *e)
{
	if (e->ipv6) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > end)
			return -1;
		ip->hop_limit -= e->hop;
		return e->source ? put_ipv6(&ip->saddr, to) : put_ipv6(&ip->daddr, to);
	}
	struct iphdr *ip = at;
	__u16 *ttl = at + offsetof(struct iphdr, ttl), before;
	__u64 change;

	if ((void *)(ip + 1) > end)
		return -1;
	before = *ttl;
	ip->ttl -= e->hop;
	change = e->source ? put_ipv4(&ip->saddr, to) : put_ipv4(&ip->daddr, to);
	ip->check = checksum_change(ip->check, change + change32(before, *ttl));
	return change;
}

static __always_inline __u64 put_port(__be16 *at, __be16 port)
{
	__u64 change = port ? change32(*at, port) : 0;

	if (port)
		*at = port;
	return change;
}

/* The transport header, of which a quote may hold the first eight bytes only: TCP's checksum is
 * beyond them. Returns by how much all that it writes changes a checksum over it, or -1: it ends
 * too early. */
static __always_inline long put_transport(void *at, const void *end, __be16 port, __u64 change,
					  const struct exchange *e)
{
	__be16 *ports = at;
	__sum16 *check = at + (e->proto == IPPROTO_TCP ? 16 : 6);
	__u64 ported;
	__sum16 before;

	if (at + 8 > end)
		return -1;
	ported = e->source ? put_port(&ports[0], port) : put_port(&ports[1], port);
	if ((void *)(check + 1) > end)
		return ported;
	before = *check;
	/* RFC 768: 0 says that there is none, so that one that comes out as 0 is sent as 0xffff. */
	if (e->proto != IPPROTO_UDP || before) {
		*check = checksum_change(before, change + ported);
		if (e->proto == IPPROTO_UDP && !*check)
			*check = 0xffff;
	}
	return ported + change32(before, *check);
}

/* Exchanges one end. 0, or -1: the packet ends too early, which its parser has seen to. Not
 * inlined, so that who does no nat does not pay for it; not static: the verifier then looks at it
 * once, and not once for each way to get here. */
__noinline int exchange_end(struct xdp_md *ctx, const struct ek_end *to, const struct exchange *e)
{
	void *end, *ip;
	long change;

	if (!to || !e)
		return -1;
	end = (void *)(long)ctx->data_end;
	ip = (void *)(long)ctx->data + (e->ip & NAT_OFFSET_MASK);
	change = put_address(ip, end, &to->addr, e);
	if (change < 0)
		return -1;
	if (!e->proto)
		return 0;
	return put_transport(ip + (e->transport & NAT_OFFSET_MASK), end, to->port, change, e) < 0
		       ? -1
		       : 0;
}

/* On its way to a backend. */
static __always_inline int exchange_destination(struct xdp_md *ctx, const struct ek_end *to,
						__u32 transport, __u32 proto)
{
	const struct exchange e = {
		.ip = ETH_HLEN,
		.transport = transport,
		.proto = proto,
		.ipv6 = to->ipv6,
		.hop = 1,
	};

	if (is_last_hop(ctx, ETH_HLEN, to->ipv6))
		return drop(EK_DROP_HOP_LIMIT);
	return exchange_end(ctx, to, &e) ? drop(EK_DROP_INTERNAL) : NEXT;
}

#endif
