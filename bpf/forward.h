/* SPDX-License-Identifier: GPL-2.0 */
/* Backend > frame on the wire. The entry is ready to copy: what remains is what depends on the
 * packet, its length, its inner protocol, and the checksum of an outer IPv4 header. */
#ifndef EVENKEEL_BPF_FORWARD_H
#define EVENKEEL_BPF_FORWARD_H

#include "outer.h"
#include "gue.h"
#include "handshake.h"
#include "nat.h"
#include "shed.h"

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
	return finish(p, path);
}

/* A hop of a router, so that what goes in circles ends: an address that is exchanged here may
 * come back here. */
static __always_inline int forward_nat(struct packet *p, const struct ek_path *path)
{
	const struct ek_end *to = (const void *)(path->header + EK_PATH_END);

	if (frame_length(p) > path->mtu)
		return too_big(p, path, 0);
	if (to->ipv6 != p->ipv6)
		return drop(EK_DROP_INTERNAL);
	STEP(exchange_destination(p, to));
	return forward_l2(p, path);
}

static __always_inline int forward_ipv4(struct packet *p, const struct ek_path *path)
{
	void *data;

	if (frame_length(p) + sizeof(struct iphdr) > path->mtu)
		return too_big(p, path, sizeof(struct iphdr));
	if (bpf_xdp_adjust_head(p->ctx, -(int)sizeof(struct iphdr)))
		return drop(EK_DROP_NO_HEADROOM);
	data = (void *)(long)p->ctx->data;
	if (data + ETH_HLEN + sizeof(struct iphdr) > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	write_outer_ipv4(p, path, data, p->ip_len + sizeof(struct iphdr), inner_protocol(p));
	return finish(p, path);
}

static __always_inline int forward_ipv6(struct packet *p, const struct ek_path *path)
{
	void *data;

	if (frame_length(p) + sizeof(struct ipv6hdr) > path->mtu)
		return too_big(p, path, sizeof(struct ipv6hdr));
	if (bpf_xdp_adjust_head(p->ctx, -(int)sizeof(struct ipv6hdr)))
		return drop(EK_DROP_NO_HEADROOM);
	data = (void *)(long)p->ctx->data;
	if (data + ETH_HLEN + sizeof(struct ipv6hdr) > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	write_outer_ipv6(p, path, data, p->ip_len, inner_protocol(p));
	return finish(p, path);
}

/* What few paths ask for. */
static __always_inline int obey_flags(struct packet *p, const struct ek_path *path, __u8 flags)
{
	if (!(flags & EK_PATH_NEXT_HOP))
		return drop(EK_DROP_NO_NEXT_HOP);
	if (flags & EK_PATH_TAGGED && !p->general) {
		tail(p, TAIL_GENERAL);
		return drop(EK_DROP_INTERNAL);
	}
	return flags & EK_PATH_CAPACITY ? admit(p, path) : NEXT;
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
		flags = (flags & EK_PATH_CAPACITY) | load_once(path->flags);
	}
	if ((flags & (EK_PATH_NEXT_HOP | EK_PATH_TAGGED | EK_PATH_CAPACITY)) != EK_PATH_NEXT_HOP)
		STEP(obey_flags(p, path, flags));
	/* What is shed is not the backend's to answer. */
	if (__builtin_expect(!(p->hash & EK_HANDSHAKE_SKIP), 0) && !p->related)
		note_handshake(p->ctx, p->hash, ETH_HLEN + p->transport, p->backend, p->syn);
	switch (path->encap) {
	case EK_ENCAP_IPV4:
		return forward_ipv4(p, path);
	case EK_ENCAP_IPV6:
		return forward_ipv6(p, path);
	case EK_ENCAP_L2:
		return forward_l2(p, path);
	case EK_ENCAP_NAT:
		return forward_nat(p, path);
	default:
		return forward_gue(p, path);
	}
}

#endif
