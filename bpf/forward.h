/* SPDX-License-Identifier: GPL-2.0 */
/* Backend > frame on the wire. The entry is ready to copy: what remains is what depends on the
 * packet, its length, its inner protocol, and the checksum of an outer IPv4 header. */
#ifndef EVENKEEL_BPF_FORWARD_H
#define EVENKEEL_BPF_FORWARD_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "checksum.h"
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

/* RFC 1071: the template's sum plus the words that were zero in it. */
static __always_inline __u16 outer_checksum(__u32 template_sum, __be16 tot_len, __u8 protocol)
{
	return checksum(template_sum + tot_len + bpf_htons(protocol));
}

/* The frame is whole but for its tags. */
static __always_inline int finish(struct packet *p, __u32 egress)
{
	STEP(push_tags(p));
	return send(p, egress);
}

/* Whatever stands behind the IP packet goes out with it: the frame must fit, not the packet
 * alone. */
static __always_inline __u32 frame_length(const struct packet *p)
{
	return p->ctx->data_end - p->ctx->data - ETH_HLEN;
}

/* It does not fit behind an outer header of `outer` bytes. */
static __always_inline int too_big(struct packet *p, const struct ek_path *path, __u32 outer)
{
	return drop(p->ip_len + outer > path->mtu ? EK_DROP_TOO_BIG : EK_DROP_BAD_LENGTH);
}

static __always_inline int forward_l2(struct packet *p, const struct ek_path *path)
{
	void *data = (void *)(long)p->ctx->data;

	if (data + ETH_HLEN > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	if (frame_length(p) > path->mtu)
		return too_big(p, path, 0);
	/* The two addresses; the type is the packet's own. */
	copy_words(data, path->header, 1);
	*(__u32 *)(data + 8) = *(const __u32 *)(path->header + 8);
	return finish(p, path->egress);
}

static __always_inline int forward_ipv4(struct packet *p, const struct ek_path *path)
{
	__u32 length = p->ip_len + sizeof(struct iphdr);
	struct iphdr *outer;
	void *data;

	if (frame_length(p) + sizeof(struct iphdr) > path->mtu)
		return too_big(p, path, sizeof(struct iphdr));
	if (bpf_xdp_adjust_head(p->ctx, -(int)sizeof(struct iphdr)))
		return drop(EK_DROP_NO_HEADROOM);
	data = (void *)(long)p->ctx->data;
	outer = data + ETH_HLEN;
	if ((void *)(outer + 1) > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	copy_words(data, path->header, 4);
	*(__u16 *)(data + 32) = *(const __u16 *)(path->header + 32);
	outer->tot_len = bpf_htons(length);
	outer->protocol = inner_protocol(p);
	outer->check = outer_checksum(path->csum, outer->tot_len, outer->protocol);
	return finish(p, path->egress);
}

static __always_inline int forward_ipv6(struct packet *p, const struct ek_path *path)
{
	struct ipv6hdr *outer;
	void *data;

	if (frame_length(p) + sizeof(struct ipv6hdr) > path->mtu)
		return too_big(p, path, sizeof(struct ipv6hdr));
	if (bpf_xdp_adjust_head(p->ctx, -(int)sizeof(struct ipv6hdr)))
		return drop(EK_DROP_NO_HEADROOM);
	data = (void *)(long)p->ctx->data;
	outer = data + ETH_HLEN;
	if ((void *)(outer + 1) > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	copy_words(data, path->header, 6);
	*(__u32 *)(data + 48) = *(const __u32 *)(path->header + 48);
	*(__u16 *)(data + 52) = *(const __u16 *)(path->header + 52);
	/* RFC 6438: the flow label lets routers spread tunnelled flows. */
	*(__be32 *)outer = bpf_htonl(0x60000000 | (__u32)(p->hash >> 32 & 0xfffff));
	outer->payload_len = bpf_htons(p->ip_len);
	outer->nexthdr = inner_protocol(p);
	return finish(p, path->egress);
}

static __always_inline int forward(struct packet *p)
{
	struct ek_backend *b = element(backends, p->backend);
	const struct ek_path *path;
	__u8 flags;

	if (!b)
		return drop(EK_DROP_INTERNAL);
	path = &b->path[0];
	flags = load_once(path->flags);
	if (flags & EK_PATH_SECOND) {
		path = &b->path[1];
		flags = load_once(path->flags);
	}
	if ((flags & (EK_PATH_NEXT_HOP | EK_PATH_TAGGED)) != EK_PATH_NEXT_HOP) {
		if (!(flags & EK_PATH_NEXT_HOP))
			return drop(EK_DROP_NO_NEXT_HOP);
		if (!p->general) {
			tail(p, TAIL_GENERAL);
			return drop(EK_DROP_INTERNAL);
		}
	}
	if (p->general)
		tags_of_path(p, path, flags);
	switch (path->encap) {
	case EK_ENCAP_IPV4:
		return forward_ipv4(p, path);
	case EK_ENCAP_IPV6:
		return forward_ipv6(p, path);
	case EK_ENCAP_L2:
		return forward_l2(p, path);
	default:
		return drop(EK_DROP_INTERNAL);
	}
}

#endif
