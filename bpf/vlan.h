/* SPDX-License-Identifier: GPL-2.0 */
/* VLAN tags: read, taken off, put on. A frame leaves with the tags it came with, unless its
 * path says otherwise (EK_PATH_TAGGED, EK_PATH_UNTAGGED). */
#ifndef EVENKEEL_BPF_VLAN_H
#define EVENKEEL_BPF_VLAN_H

#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "cursor.h"
#include "packet.h"
#include "parse.h"
#include "verdict.h"

#define MACS_LENGTH (2 * ETH_ALEN)

/* What stands behind a tag's TPID: its TCI, then the next TPID or the type. */
struct tag_rest {
	__be16 tci;
	__be16 type;
};

static __always_inline int parse_tags(struct packet *p, struct cursor *c, __be16 *type)
{
	p->tags = 0;
	p->tag[0] = p->tag[1] = 0; /* the verifier wants no register saved that is not set */
#pragma unroll
	for (int i = 0; i < TAGS_MAX; i++) {
		const struct tag_rest *t;

		if (!is_vlan(*type))
			break;
		t = take(c, struct tag_rest);
		if (!t)
			return pass();
		p->tag[i] = *type | (__u32)t->tci << 16;
		p->tags = i + 1;
		*type = t->type;
	}
	return NEXT;
}

/* Moves the two MAC addresses to the new beginning of the frame, `tags` tags later. */
static __always_inline int pop_tags_of(struct packet *p, int tags)
{
	void *data = (void *)(long)p->ctx->data;
	__u32 macs[3];

	if (data + MACS_LENGTH > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	__builtin_memcpy(macs, data, sizeof(macs));
	if (bpf_xdp_adjust_head(p->ctx, tags * TAG_LENGTH))
		return drop(EK_DROP_INTERNAL);
	data = (void *)(long)p->ctx->data;
	if (data + MACS_LENGTH > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	__builtin_memcpy(data, macs, sizeof(macs));
	return NEXT;
}

static __always_inline int pop_tags(struct packet *p)
{
	if (p->tags == 1)
		return pop_tags_of(p, 1);
	return p->tags == 2 ? pop_tags_of(p, 2) : NEXT;
}

/* The tags of the path, where it has an opinion. */
static __always_inline void tags_of_path(struct packet *p, const struct ek_path *path)
{
	__u8 flags = load_once(path->flags);

	if (flags & EK_PATH_TAGGED) {
		p->tags = 1;
		p->tag[0] = (flags & EK_PATH_SERVICE_TAG ? bpf_htons(ETH_P_8021AD)
							 : bpf_htons(ETH_P_8021Q)) |
			    (__u32) * (const __be16 *)(path->header + MACS_LENGTH) << 16;
	} else if (flags & EK_PATH_UNTAGGED) {
		p->tags = 0;
	}
}

/* The type that belongs to the IP packet, where the path's header has a tag in its place. */
static __always_inline __be16 type_of(const void *data)
{
	return *(const __u8 *)(data + ETH_HLEN) >> 4 == 6 ? bpf_htons(ETH_P_IPV6)
							  : bpf_htons(ETH_P_IP);
}

static __always_inline int push_tags_of(struct packet *p, int tags)
{
	void *data = (void *)(long)p->ctx->data;
	__u32 macs[3];
	__be16 type;

	if (data + ETH_HLEN + 1 > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	__builtin_memcpy(macs, data, sizeof(macs));
	type = type_of(data);
	if (bpf_xdp_adjust_head(p->ctx, -tags * TAG_LENGTH))
		return drop(EK_DROP_NO_HEADROOM);
	data = (void *)(long)p->ctx->data;
	if (data + ETH_HLEN + tags * TAG_LENGTH > (void *)(long)p->ctx->data_end)
		return drop(EK_DROP_INTERNAL);
	__builtin_memcpy(data, macs, sizeof(macs));
	/* No loop: an index that is not plainly constant would keep all of *p in memory. */
	*(__u32 *)(data + MACS_LENGTH) = p->tag[0];
	if (tags == 2)
		*(__u32 *)(data + MACS_LENGTH + TAG_LENGTH) = p->tag[1];
	*(__be16 *)(data + MACS_LENGTH + tags * TAG_LENGTH) = type;
	return NEXT;
}

static __always_inline int push_tags(struct packet *p)
{
	if (p->tags == 1)
		return push_tags_of(p, 1);
	return p->tags == 2 ? push_tags_of(p, 2) : NEXT;
}

#endif
