/* SPDX-License-Identifier: GPL-2.0 */
/* Forwarding mode `gue`: IP in UDP (draft-ietf-intarea-gue), so that routers and NICs, which look
 * at UDP's ports, spread tunnelled flows. Variant 1 has the IP packet directly behind UDP; variant
 * 0 has a header of four bytes between them.
 *
 * Over IPv4 there is no outer UDP checksum (RFC 768 allows that). Over IPv6 there is one, unless
 * the configuration says otherwise (RFC 6935): the IPv6 header has none of its own. It covers the
 * whole packet, but that need not be read: see sum_by_headers(). */
#ifndef EVENKEEL_BPF_GUE_H
#define EVENKEEL_BPF_GUE_H

#include <linux/tcp.h>
#include <linux/udp.h>

#include "cursor.h"
#include "outer.h"
#include "sum.h"
#include "tail.h"

/* Variant 0 without flags or options: version 0, C 0, Hlen 0, the protocol, 16 flags. */
#define GUE_HEADER_WORD(protocol) bpf_htonl((__u32)(protocol) << 16)

/* How many bytes stand between the outer IP header and the packet. */
static __always_inline __u32 gue_length(const struct ek_path *path)
{
	return sizeof(struct udphdr) + (path->encap & EK_ENCAP_GUE_HEADER ? EK_GUE_HEADER : 0);
}

/* The sum of a packet whose transport checksum is right is known from its headers (the kernel's
 * Documentation/networking/checksum-offloads.rst calls it local checksum offload): the checksum
 * makes the segment sum to the complement of its pseudo header, and an IPv4 header sums to 0. If
 * it is not right, the outer one will not be right either, and the backend drops the packet
 * because of the one or of the other.
 *
 * False if the headers do not tell: UDP without a checksum, fragments, another protocol (ICMP),
 * extension headers, bytes behind the segment. */
static __always_inline int sum_by_headers(const struct packet *p, __u32 *sum)
{
	struct cursor c = cursor_at_start(p->ctx);
	__u64 pseudo, header = 0;
	__u32 length;
	__u8 proto;

	c.at += ETH_HLEN;
	if (p->ipv6) {
		const struct ipv6hdr *ip = take(&c, struct ipv6hdr);

		if (!ip)
			return 0;
		proto = ip->nexthdr;
		length = p->ip_len - sizeof(*ip);
		/* Addresses and length are in the header and in the pseudo header: they cancel. */
		header = *(const __u32 *)ip + (__u64)((const __u16 *)ip)[3];
		pseudo = bpf_htons(proto);
	} else {
		const struct iphdr *ip = take(&c, struct iphdr);

		if (!ip || ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_OFFSET))
			return 0;
		proto = ip->protocol;
		length = p->ip_len - ip->ihl * 4;
		c.at = (const void *)ip + ip->ihl * 4;
		pseudo = (__u64)ip->saddr + ip->daddr + bpf_htons(proto) + bpf_htons(length);
	}
	if (proto == IPPROTO_UDP) {
		const struct udphdr *udp = take(&c, struct udphdr);

		if (!udp || !udp->check || udp->len != bpf_htons(length))
			return 0;
	} else if (proto != IPPROTO_TCP) {
		return 0;
	}
	*sum = fold_words(header) + (__u16)~fold_words(pseudo);
	return 1;
}

/* What the packet adds to the outer checksum. Reading all of it is left to the program for rare
 * packets. */
static __always_inline int sum_packet(struct packet *p, __u32 *sum)
{
	if (sum_by_headers(p, sum))
		return NEXT;
	if (!p->general) {
		tail(p, TAIL_GENERAL);
		return drop(EK_DROP_INTERNAL);
	}
	return sum_bytes(p->ctx, ETH_HLEN, p->ip_len, sum) ? drop(EK_DROP_TRUNCATED) : NEXT;
}

/* UDP, and the GUE header if there is one. `length` is from UDP's header on. */
static __always_inline void write_gue(const struct packet *p, const struct ek_path *path,
				      struct udphdr *udp, __u32 length)
{
	udp->source = bpf_htons(ek_gue_source_port(p->hash));
	udp->dest = bpf_htons(EK_GUE_PORT);
	udp->len = bpf_htons(length);
	udp->check = 0;
	if (path->encap & EK_ENCAP_GUE_HEADER)
		*(__be32 *)(udp + 1) = GUE_HEADER_WORD(inner_protocol(p));
}

static __always_inline int forward_gue_ipv4(struct packet *p, const struct ek_path *path)
{
	__u32 gue = gue_length(path), outer = sizeof(struct iphdr) + gue;
	void *data;

	if (frame_length(p) + outer > path->mtu)
		return too_big(p, path, outer);
	if (bpf_xdp_adjust_head(p->ctx, -(int)outer))
		return drop(EK_DROP_NO_HEADROOM);
	data = (void *)(long)p->ctx->data;
	/* With or without a GUE header, more than that follows. */
	if (data + ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr) + EK_GUE_HEADER >
	    (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	write_outer_ipv4(p, path, data, p->ip_len + outer, 0);
	write_gue(p, path, data + ETH_HLEN + sizeof(struct iphdr), p->ip_len + gue);
	return finish(p, path);
}

/* The template has the sum of what is the same for every packet of the path. UDP's length counts
 * twice, in the pseudo header and in its own. A sum of 0 is sent as 0xffff: 0 means none. */
static __always_inline __u16 gue_checksum(const struct packet *p, const struct ek_path *path,
					  const struct udphdr *udp, __u32 sum)
{
	sum += path->csum + ek_source_bits(p->hash, ek_path_mask(path, EK_PATH_MASK_IPV6));
	sum += udp->source + 2 * (__u32)udp->len;
	if (path->encap & EK_ENCAP_GUE_HEADER)
		sum += bpf_htons(inner_protocol(p));
	return checksum(sum) ?: 0xffff;
}

static __always_inline int forward_gue_ipv6(struct packet *p, const struct ek_path *path)
{
	__u32 gue = gue_length(path), outer = sizeof(struct ipv6hdr) + gue, sum = 0;
	struct udphdr *udp;
	void *data;

	if (frame_length(p) + outer > path->mtu)
		return too_big(p, path, outer);
	if (path->encap & EK_ENCAP_GUE_CHECKSUM)
		STEP(sum_packet(p, &sum));
	if (bpf_xdp_adjust_head(p->ctx, -(int)outer))
		return drop(EK_DROP_NO_HEADROOM);
	data = (void *)(long)p->ctx->data;
	udp = data + ETH_HLEN + sizeof(struct ipv6hdr);
	if ((void *)(udp + 1) + EK_GUE_HEADER > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	write_outer_ipv6(p, path, data, p->ip_len + gue, 0);
	write_gue(p, path, udp, p->ip_len + gue);
	if (path->encap & EK_ENCAP_GUE_CHECKSUM)
		udp->check = gue_checksum(p, path, udp, sum);
	return finish(p, path);
}

static __always_inline int forward_gue(struct packet *p, const struct ek_path *path)
{
	switch (path->encap & EK_ENCAP_KIND) {
	case EK_ENCAP_GUE_IPV4:
		return forward_gue_ipv4(p, path);
	case EK_ENCAP_GUE_IPV6:
		return forward_gue_ipv6(p, path);
	default:
		return drop(EK_DROP_INTERNAL);
	}
}

#endif
