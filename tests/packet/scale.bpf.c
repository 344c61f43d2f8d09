// SPDX-License-Identifier: GPL-2.0
/* Millions of flows through the data path, from within the kernel. The object contains the
 * product's own source; its maps are those of the program under test, which user space puts in
 * their places. Each packet is made anew, judged by the outer header that the path puts on, and
 * stripped of it.
 *
 * The clock is the tests': what takes minutes is over in a moment. */
#define TAIL_CALL(ctx, program)
#include "maps.h"
#include "scale_job.h"

EK_TABLE(scale_jobs, struct scale_job, 1);
EK_TABLE(scale_owners, __u64, 1); /* by flow: its backend; 0: none */

static __always_inline __u64 scale_now_ns(void)
{
	struct scale_job *job = element(scale_jobs, 0);

	return job ? job->now_ns : 0;
}
#define bpf_ktime_get_coarse_ns scale_now_ns
#include "../../bpf/evenkeel.bpf.c"

struct loop {
	struct xdp_md *ctx;
	struct scale_job *job;
};

/* The IPv4 header checksum and that of the transport are left stale: the path does not read
 * them. */
static __always_inline int make_packet(struct loop *l, __u32 flow, __u32 kind)
{
	void *data = (void *)(long)l->ctx->data;
	struct scale_job *job = l->job;
	__u32 source = scale_source(flow), seq = scale_isn(flow) + (job->packet != SCALE_SYN);
	__u8 flags = job->packet == SCALE_SYN ? 0x02 : 0x10;

	if (data + SCALE_RESTORED > (void *)(long)l->ctx->data_end)
		return 0;
	copy_words(data, job->frame[kind & (SCALE_KINDS - 1)], SCALE_RESTORED / 8);
	if (kind & SCALE_IPV6) {
		*(__u32 *)(data + 34) = job->net | source << 8;
		*(__u16 *)(data + 54) = bpf_htons(SCALE_PORT + (source & 0xff));
	} else {
		*(__u32 *)(data + 26) = job->net | source << 8;
		*(__u16 *)(data + 34) = bpf_htons(SCALE_PORT + (source & 0xff));
	}
	if (kind & SCALE_UDP)
		return 1;
	if (kind & SCALE_IPV6) {
		*(__u32 *)(data + 58) = bpf_htonl(seq);
		*(__u8 *)(data + 67) = flags;
	} else {
		*(__u32 *)(data + 38) = bpf_htonl(seq);
		*(__u8 *)(data + 47) = flags;
	}
	return 1;
}

/* The backend whose address is in the outer header, 0 if there is none; takes that off. */
static __always_inline __u32 unwrap(struct loop *l, int verdict)
{
	void *data = (void *)(long)l->ctx->data;
	int growth = (int)(l->ctx->data_end - l->ctx->data) - SCALE_FRAME;
	__u32 to = 0;

	if (verdict == XDP_TX && growth == sizeof(struct iphdr) &&
	    data + 34 <= (void *)(long)l->ctx->data_end)
		to = bpf_ntohs(*(__u16 *)(data + 32)) & (SCALE_BACKENDS - 1);
	if (growth)
		bpf_xdp_adjust_head(l->ctx, growth);
	if (to)
		return to;
	if (verdict == XDP_DROP)
		l->job->tally.lost++;
	else
		l->job->tally.wrong++;
	return 0;
}

static __always_inline int is_dead(const struct scale_job *job, __u32 backend)
{
	return job->dead[backend >> 6 & (SCALE_BACKENDS / 64 - 1)] >> (backend & 63) & 1;
}

static __always_inline void judge(struct scale_job *job, __u64 *owner, __u32 flow, __u32 kind,
				  __u32 to)
{
	if (*owner == to) {
		job->tally.kept++;
	} else if (is_dead(job, *owner)) {
		job->tally.strays++;
		if (job->adopt + (kind & SCALE_UDP) >= 2)
			*owner = to;
	} else {
		job->tally.moved++;
		job->moved_flow = flow;
	}
}

static long one_packet(__u32 i, struct loop *l)
{
	struct scale_job *job = l->job;
	__u32 flow = job->first + i, kind = scale_kind(flow, job->protocols), to;
	__u64 *owner = NULL;

	if (job->mode != SCALE_COUNT) {
		owner = element(scale_owners, flow);
		if (!owner || (job->mode == SCALE_CHECK && !*owner))
			return 0;
	}
	if (!make_packet(l, flow, kind))
		return 1;
	job->tally.sent++;
	to = unwrap(l, balance(l->ctx));
	if (to && is_dead(job, to))
		job->tally.to_dead++;
	if (owner && job->mode == SCALE_RECORD)
		*owner = to;
	else if (owner && to)
		judge(job, owner, flow, kind, to);
	return 0;
}

SEC("xdp") int scale(struct xdp_md *ctx)
{
	struct loop l = { .ctx = ctx, .job = element(scale_jobs, 0) };

	if (l.job)
		bpf_loop(l.job->count, one_packet, &l, 0);
	return XDP_PASS;
}
