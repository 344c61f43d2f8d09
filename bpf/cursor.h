/* SPDX-License-Identifier: GPL-2.0 */
/* Bounds checks in one place. */
#ifndef EVENKEEL_BPF_CURSOR_H
#define EVENKEEL_BPF_CURSOR_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Offsets of headers in a frame are below this: two chains of six extension headers of 2 KiB each
 * do not reach it. */
#define FRAME_OFFSET_MASK 0x7fff
/* And where one chain ends, counted from any place: two such offsets stay within what the verifier
 * takes for a packet, 64 KiB. */
#define FRAME_PART_MASK 0x3fff

struct cursor {
	const void *at;
	const void *end;
};

static __always_inline struct cursor cursor_at_start(const struct xdp_md *ctx)
{
	struct cursor c = {
		.at = (const void *)(long)ctx->data,
		.end = (const void *)(long)ctx->data_end,
	};

	return c;
}

/* The next `size` bytes, or NULL if the packet ends before. */
static __always_inline const void *take_bytes(struct cursor *c, __u32 size)
{
	const void *taken = c->at;

	if (taken + size > c->end)
		return NULL;
	c->at = taken + size;
	__builtin_assume(taken != NULL);
	return taken;
}

#define take(cursor, type) ((const type *)take_bytes(cursor, sizeof(type)))

#endif
