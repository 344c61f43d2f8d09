// SPDX-License-Identifier: GPL-2.0
/* Makes frames, and ends them. `generate` runs by BPF_PROG_TEST_RUN with live frames: what it
 * returns is done with each of them, so they leave by the interface they seem to come from. The
 * kernel uses the same frames again and again and restores their bounds alone, so all of their
 * headers are written anew each time. */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frames.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct frames_job);
} jobs SEC(".maps");

static __always_inline struct frames_job *the_job(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&jobs, &zero);
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	__u64 *data = (void *)(long)ctx->data;
	struct frames_job *job = the_job();

	if (!job || (void *)data + FRAMES_LENGTH > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
#pragma unroll
	for (int i = 0; i < FRAMES_LENGTH / 8; i++)
		data[i] = job->frame[i];
	/* The TCP source port: no checksum that anybody on the way looks at covers it. */
	*(__u16 *)((void *)data + 34) = bpf_htons(FRAMES_FIRST_PORT + (job->made & job->flow_mask));
	if (job->made == FRAMES_WARM)
		job->start_ns = bpf_ktime_get_ns();
	if (job->made == FRAMES_WARM + FRAMES_TIMED)
		job->end_ns = bpf_ktime_get_ns();
	job->made++;
	return XDP_TX;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	struct frames_job *job = the_job();

	if (job) {
		job->seen++;
		job->bytes += ctx->data_end - ctx->data;
	}
	return XDP_DROP;
}

SEC("xdp")
int bounce(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
