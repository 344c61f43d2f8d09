/* SPDX-License-Identifier: GPL-2.0 */
/* One's complement sums of more than a few 16-bit words; see checksum.h. */
#ifndef EVENKEEL_BPF_SUM_H
#define EVENKEEL_BPF_SUM_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"

/* Bytes are copied to the stack in chunks: helpers reach what is not in the first buffer. */
#define SUM_CHUNK 128

struct summing {
	struct xdp_md *ctx;
	__u32 at, length;
	__u32 sum;
	int failed;
};

static long sum_chunk(__u32 i, void *context)
{
	struct summing *s = context;
	__u8 bytes[SUM_CHUNK] = {};
	__u32 done = i * SUM_CHUNK, left = s->length - done;

	if (left > SUM_CHUNK)
		left = SUM_CHUNK;
	/* Is what it was, in words from which the verifier of 6.1 sees that it is 1 to
	 * SUM_CHUNK. */
	left = ((left - 1) & (SUM_CHUNK - 1)) + 1;
	barrier_var(left);
	if (bpf_xdp_load_bytes(s->ctx, s->at + done, bytes, left)) {
		s->failed = 1;
		return 1;
	}
	s->sum = bpf_csum_diff(NULL, 0, (__be32 *)bytes, sizeof(bytes), s->sum);
	return 0;
}

/* The sum of `length` bytes of the frame from `at` on. -1: the frame is shorter. */
static __noinline int sum_bytes(struct xdp_md *ctx, __u32 at, __u32 length, __u32 *sum)
{
	struct summing s = { .ctx = ctx, .at = at, .length = length };

	bpf_loop((length + SUM_CHUNK - 1) / SUM_CHUNK, sum_chunk, &s, 0);
	*sum = fold(s.sum);
	return s.failed ? -1 : 0;
}

#endif
