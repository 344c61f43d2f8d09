/* SPDX-License-Identifier: GPL-2.0 */
/* Outer headers: what forwarding modes have in common. The path's template is copied; what
 * depends on the packet is written over it. */
#ifndef EVENKEEL_BPF_OUTER_H
#define EVENKEEL_BPF_OUTER_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "checksum.h"
#include "evenkeel/hash.h"
#include "frame.h"
#include "packet.h"
#include "verdict.h"
#include "vlan.h"

/* The packet's headers are written in 8-byte words: clang would copy byte by byte, because it
 * cannot know their alignment, and every machine that runs XDP takes unaligned stores. */
static __always_inline void copy_words(void *to, const void *from, int words)
{
	__u64 *t = to;
	const __u64 *f = from;

#pragma unroll
	for (int i = 0; i < words; i++)
		t[i] = f[i];
}

static __always_inline __u8 inner_protocol(const struct packet *p)
{
	return p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

/* The source address' bits that are the flow's own. They are added to a sum, or'ed to an
 * address: both have 0 in their place. */
static __always_inline __u16 source_bits(const struct packet *p, const struct ek_path *path,
					 __u32 mask_at)
{
	return ek_source_bits(p->hash, ek_path_mask(path, mask_at));
}

/* The frame is whole but for its tags. */
static __always_inline int finish(struct packet *p, const struct ek_path *path)
{
	if (p->general)
		tags_of_path(p, path);
	STEP(push_tags(p));
	return send(p, path->egress);
}

/* Whatever stands behind the IP packet goes out with it: the frame must fit, not the packet
 * alone. */
static __always_inline __u32 frame_length(const struct packet *p)
{
	return (p->general ? frame_bytes(p->ctx) : first_bytes(p->ctx)) - ETH_HLEN;
}

/* It does not fit behind an outer header of `outer` bytes. too_big.h tells its sender, but never
 * of an ICMP error or a later fragment. The frame must still be the one that came in, and the
 * tags must be those that were taken off it. */
static __always_inline int too_big(struct packet *p, const struct ek_path *path, __u32 outer)
{
	struct scratch *s = p->related ? NULL : element(scratch, 0);

	if (p->ip_len + outer <= path->mtu)
		return drop(EK_DROP_BAD_LENGTH);
	if (s) {
		s->mtu = path->mtu > outer ? path->mtu - outer : 0;
		s->tags = p->tags;
		if (p->general)
			__builtin_memcpy(s->tag, p->tag, sizeof(s->tag));
		tail(p, TAIL_TOO_BIG);
	}
	return drop(EK_DROP_TOO_BIG);
}

/* Ethernet and IPv4 at `data`, where there is room. `length` is that of the whole outer packet;
 * `protocol` what the template lacks, 0 where it has one. */
static __always_inline void write_outer_ipv4(const struct packet *p, const struct ek_path *path,
					     void *data, __u32 length, __u8 protocol)
{
	struct iphdr *outer = data + ETH_HLEN;
	__u16 bits = source_bits(p, path, EK_PATH_MASK_IPV4);
	__u16 *last = (__u16 *)((void *)&outer->saddr + 2);

	copy_words(data, path->header, 4);
	*(__u16 *)(data + 32) = *(const __u16 *)(path->header + 32);
	*last |= bits;
	outer->tot_len = bpf_htons(length);
	if (protocol)
		outer->protocol = protocol;
	outer->check = checksum(path->csum + bits + outer->tot_len + bpf_htons(protocol));
}

/* Ethernet and IPv6 at `data`. `length` is what follows them. */
static __always_inline void write_outer_ipv6(const struct packet *p, const struct ek_path *path,
					     void *data, __u32 length, __u8 protocol)
{
	struct ipv6hdr *outer = data + ETH_HLEN;

	copy_words(data, path->header, 6);
	*(__u32 *)(data + 48) = *(const __u32 *)(path->header + 48);
	*(__u16 *)(data + 52) = *(const __u16 *)(path->header + 52);
	outer->saddr.s6_addr16[7] |= source_bits(p, path, EK_PATH_MASK_IPV6);
	/* RFC 6438: the flow label lets routers spread tunnelled flows. */
	*(__be32 *)outer = bpf_htonl(0x60000000 | (__u32)(p->hash >> 32 & 0xfffff));
	outer->payload_len = bpf_htons(length);
	if (protocol)
		outer->nexthdr = protocol;
}

#endif
