/* SPDX-License-Identifier: GPL-2.0 */
/* How long a frame is. Packet pointers reach what is in its first buffer, where headers are. */
#ifndef EVENKEEL_BPF_FRAME_H
#define EVENKEEL_BPF_FRAME_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps.h"

/* Bytes in the first buffer: all, unless the programs are loaded for more (opt_frags). */
static __always_inline long first_bytes(const struct xdp_md *ctx)
{
	long length = (long)ctx->data_end - (long)ctx->data;

	/* Or clang adds to one pointer what is compared later, in 32 bits: the verifier refuses. */
	barrier_var(length);
	return length;
}

static __always_inline long frame_bytes(struct xdp_md *ctx)
{
	return opt_frags ? (long)bpf_xdp_get_buff_len(ctx) : first_bytes(ctx);
}

#endif
