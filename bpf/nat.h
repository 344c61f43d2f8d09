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
#include "icmp_header.h"
#include "packet.h"
#include "verdict.h"

/* What is exchanged. */
struct exchange {
	__u32 ip;        /* offset of the IP header in the frame */
	__u32 transport; /* of the transport header from there */
	int room;        /* what the packet has from there on */
	__u8 proto;      /* of the transport header; 0: there is none, as in a later fragment */
	__u8 ipv6;
	__u8 source; /* the source is exchanged, not the destination */
	__u8 hop;    /* and it is a hop: one off the TTL */
	__u8 keep;   /* the address is not exchanged after all */
};

static __always_inline struct exchange exchange_of(const struct packet *p)
{
	return (struct exchange){
		.ip = ETH_HLEN,
		.transport = p->transport,
		.room = p->room,
		.proto = p->fragment == FRAGMENT_LATER ? 0 : p->proto,
		.ipv6 = p->ipv6,
		.hop = 1,
	};
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

/* The IP header. Returns by how much the address changes a checksum, or -1: there is none. */
static __always_inline long put_address(void *at, const void *end, const struct ek_addr *to,
					const struct exchange *e)
{
	__u64 change = 0;

	if (e->ipv6) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > end)
			return -1;
		ip->hop_limit -= e->hop;
		if (e->keep)
			return 0;
		return e->source ? put_ipv6(&ip->saddr, to) : put_ipv6(&ip->daddr, to);
	}
	struct iphdr *ip = at;
	__u16 *ttl = at + offsetof(struct iphdr, ttl), before;

	if ((void *)(ip + 1) > end)
		return -1;
	before = *ttl;
	ip->ttl -= e->hop;
	if (!e->keep)
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
	int check_at = e->proto == IPPROTO_TCP ? 16 : 6;
	__sum16 *check = at + check_at;
	__be16 *ports = at;
	__sum16 before;
	__u64 ported;

	if (at + 8 > end)
		return -1;
	ported = e->source ? put_port(&ports[0], port) : put_port(&ports[1], port);
	if ((void *)(check + 1) > end || e->room < check_at + (int)sizeof(*check))
		return ported;
	before = *check;
	/* RFC 768: 0 says that there is none, so that one that comes out as 0 is sent as 0xffff. */
	if (e->proto == IPPROTO_UDP && !before)
		return ported;
	*check = checksum_change(before, change + ported);
	if (e->proto == IPPROTO_UDP && !*check)
		*check = 0xffff;
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
	ip = (void *)(long)ctx->data + (e->ip & FRAME_PART_MASK);
	change = put_address(ip, end, &to->addr, e);
	if (change < 0)
		return -1;
	if (!e->proto)
		return 0;
	ip += e->transport & FRAME_PART_MASK;
	return put_transport(ip, end, to->port, change, e) < 0 ? -1 : 0;
}

/* The same for an ICMP error. What it quotes went the other way, where the other end was the one
 * that is exchanged: `quoted` says where that is. The checksum of ICMP is over the quote, that of
 * ICMPv6 over the error's own addresses too. The sum over an IPv4 header does not change, because
 * its checksum changes against its address. */
__noinline int exchange_error(struct xdp_md *ctx, const struct ek_end *to, const struct exchange *e,
			      const struct exchange *quoted)
{
	long outer, address, transport;
	struct icmp_header *icmp;
	void *end, *ip;

	if (!to || !e || !quoted)
		return -1;
	end = (void *)(long)ctx->data_end;
	ip = (void *)(long)ctx->data + (quoted->ip & FRAME_PART_MASK);
	address = put_address(ip, end, &to->addr, quoted);
	ip += quoted->transport & FRAME_PART_MASK;
	if (address < 0)
		return -1;
	transport = put_transport(ip, end, to->port, address, quoted);
	ip = (void *)(long)ctx->data + (e->ip & FRAME_PART_MASK);
	outer = put_address(ip, end, &to->addr, e);
	icmp = ip + (e->transport & FRAME_PART_MASK);
	if (transport < 0 || outer < 0 || (void *)(icmp + 1) > end)
		return -1;
	icmp->check =
		checksum_change(icmp->check, e->ipv6 ? transport + outer + address : transport);
	return 0;
}

/* For a packet that is an error: p->proto is the quoted packet's. */
static __always_inline int exchange_related(const struct packet *p, const struct ek_end *to,
					    const struct exchange *e)
{
	const struct exchange quoted = {
		.ip = e->ip + e->transport + sizeof(struct icmp_header),
		.transport = p->quoted_transport,
		.room = p->room - (int)sizeof(struct icmp_header) - p->quoted_transport,
		.proto = p->proto,
		.ipv6 = p->ipv6,
		.source = !e->source,
	};

	return exchange_error(p->ctx, to, e, &quoted);
}

static __always_inline int exchange(const struct packet *p, const struct ek_end *to,
				    const struct exchange *e)
{
	if (p->quoted_transport)
		return exchange_related(p, to, e);
	return exchange_end(p->ctx, to, e);
}

/* On its way to a backend. */
static __always_inline int exchange_destination(const struct packet *p, const struct ek_end *to)
{
	const struct exchange e = exchange_of(p);

	if (is_last_hop(p->ctx, ETH_HLEN, p->ipv6))
		return drop(EK_DROP_HOP_LIMIT);
	return exchange(p, to, &e) ? drop(EK_DROP_INTERNAL) : NEXT;
}

#endif
