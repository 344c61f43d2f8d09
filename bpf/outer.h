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
 * cannot know their alignment, and every machine that runs XDP takes unaligned stores. Spelled out:
 * it makes a loop of a loop, whatever the pragma says. */
static __always_inline void copy_words(void *to, const void *from, int words)
{
	__u64 *t = to;
	const __u64 *f = from;

#define COPY_WORD(i)                                                                               \
	if (words > (i))                                                                           \
		t[i] = f[i];
	COPY_WORD(0)
	COPY_WORD(1)
	COPY_WORD(2)
	COPY_WORD(3)
	COPY_WORD(4)
	COPY_WORD(5)
	COPY_WORD(6)
	COPY_WORD(7)
	COPY_WORD(8)
	COPY_WORD(9)
#undef COPY_WORD
}

static __always_inline __u8 inner_protocol(const struct packet *p)
{
	return p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
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
 * `protocol` what the template lacks, 0 where it has one. What is the packet's own joins the
 * template's words before they are written: length and protocol in the third, checksum and source
 * in the fourth. */
static __always_inline void write_outer_ipv4(const struct packet *p, const struct ek_path *path,
					     void *data, __u32 length, __u8 protocol)
{
	const __u64 *from = (const void *)path->header;
	__u64 *to = data, third = from[2];
	__u64 bits = ek_source_bits(p->hash, ek_path_mask(path, EK_PATH_MASK_IPV4));
	__be16 tot_len = bpf_htons(length);
	__u16 check = checksum(path->csum + bits + tot_len + bpf_htons(protocol));

	copy_words(to, from, 2);
	to[2] = (third & ~0xffffull) | tot_len | (__u64)protocol << 56;
	to[3] = from[3] | check | bits << 32;
	*(__u16 *)(data + 32) = *(const __u16 *)(path->header + 32);
}

/* Ethernet and IPv6 at `data`. `length` is what follows them. The flow label lets routers spread
 * tunnelled flows (RFC 6438). */
static __always_inline void write_outer_ipv6(const struct packet *p, const struct ek_path *path,
					     void *data, __u32 length, __u8 protocol)
{
	const __u64 *from = (const void *)path->header;
	__u64 bits = ek_source_bits(p->hash, ek_path_mask(path, EK_PATH_MASK_IPV6));
	__u64 label = bpf_htonl(p->hash >> 32 & 0xfffff);
	__u64 *to = data, third = from[2];

	copy_words(to, from, 6);
	to[1] = from[1] | label << 48;
	to[2] = (third & ~0xffffffffull) | label >> 16 | (__u64)bpf_htons(length) << 16 |
		(__u64)protocol << 32;
	to[4] = from[4] | bits << 32;
	*(__u32 *)(data + 48) = *(const __u32 *)(path->header + 48);
	*(__u16 *)(data + 52) = *(const __u16 *)(path->header + 52);
}

#endif
