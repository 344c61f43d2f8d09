// SPDX-License-Identifier: GPL-2.0
/* Times the data path from within the kernel. The object contains the product's own source and
 * its maps; around it, each packet is made anew from a template with a source of its own, and
 * what the path added is taken off again. (BPF_PROG_TEST_RUN repeated on one buffer would feed
 * the path with its own output: an ever longer packet that is for no service.)
 *
 * The floors go through the very same loop, so that its cost is in all of them alike. */
#define TAIL_CALL(ctx, program)
#include "../../bpf/evenkeel.bpf.c"
#include "bench.h"

EK_TABLE(bench_jobs, struct bench_job, BENCH_CPUS);
EK_TABLE(bench_returned, struct bench_returned, BENCH_CPUS);
EK_TABLE(bench_shared, __u64, 1);

struct loop {
	struct xdp_md *ctx;
	struct bench_job *job;
	struct bench_packet *packet; /* the one at hand */
};

/* Any 2^n consecutive steps of this generator (Knuth's MMIX) visit every value of its n low bits
 * once; in what order does not matter, because the path hashes them. */
static __always_inline __u32 next_flow(struct bench_job *job)
{
	job->random = job->random * 6364136223846793005ull + 1442695040888963407ull;
	return (__u32)job->random;
}

/* Restores the headers and gives the packet its flow: source 10.x.x.x or that at the end of an
 * IPv6 address, and a port. The IPv4 header checksum is left stale: the path does not read it. */
static __always_inline int make_packet(struct loop *l, int mixed)
{
	void *data = (void *)(long)l->ctx->data;
	struct bench_job *job = l->job;
	__u32 random = next_flow(job);
	__u32 flow = random & job->flow_mask;

	if (data + BENCH_RESTORED > (void *)(long)l->ctx->data_end)
		return 0;
	/* A bit that the generator's low ones do not foretell. */
	l->packet = &job->packet[mixed && job->random >> 50 & 1];
	copy_words(data, l->packet->frame, BENCH_RESTORED / 8);
	if (l->packet->ipv6) {
		*(__u32 *)(data + 34) = flow;
		if (!l->packet->keep_port)
			*(__u16 *)(data + 54) = 4 | flow << 8;
	} else {
		*(__u32 *)(data + 26) = 10 | flow << 8;
		if (!l->packet->keep_port)
			*(__u16 *)(data + 34) = 4 | flow << 8;
		*(__u32 *)(data + 30) = *(const __u32 *)((const void *)l->packet->frame + 30) +
					bpf_htonl(random & job->service_mask);
	}
	return 1;
}

/* Compares with what was expected, and takes off what was put on. */
static __always_inline void undo(struct loop *l, int verdict)
{
	int growth = (int)(l->ctx->data_end - l->ctx->data) - BENCH_FRAME;

	if (verdict != (int)l->packet->verdict || growth != l->packet->growth) {
		l->job->seen_verdict = verdict;
		l->job->seen_growth = growth;
		l->job->wrong++;
	}
	if (growth)
		bpf_xdp_adjust_head(l->ctx, growth);
}

/* ---- floors -------------------------------------------------------------------------------- */

static __always_inline int transmit(struct xdp_md *ctx, const struct bench_job *job)
{
	return XDP_TX;
}

static __always_inline int swap(struct xdp_md *ctx, const struct bench_job *job)
{
	void *data = (void *)(long)ctx->data;
	__u16 *mac = data;
	__u16 a, b, c;

	if (data + ETH_HLEN > (void *)(long)ctx->data_end)
		return XDP_DROP;
	a = mac[0], b = mac[1], c = mac[2];
	mac[0] = mac[3], mac[1] = mac[4], mac[2] = mac[5];
	mac[3] = a, mac[4] = b, mac[5] = c;
	return XDP_TX;
}

/* A constant header in front: what no tunnel can do without. */
static __always_inline int encapsulate4(struct xdp_md *ctx, const struct bench_job *job)
{
	void *data;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	if (data + ETH_HLEN + sizeof(struct iphdr) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	copy_words(data, job->outer, 4);
	*(__u16 *)(data + 32) = *(const __u16 *)&job->outer[4];
	return XDP_TX;
}

static __always_inline int encapsulate6(struct xdp_md *ctx, const struct bench_job *job)
{
	void *data;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct ipv6hdr)))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	if (data + ETH_HLEN + sizeof(struct ipv6hdr) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	copy_words(data, job->outer, 6);
	*(__u32 *)(data + 48) = *(const __u32 *)&job->outer[6];
	*(__u16 *)(data + 52) = *((const __u16 *)&job->outer[6] + 2);
	return XDP_TX;
}

/* One access to a table of a size of its own. The next one depends on it, so that none
 * hides behind another: what a packet pays for memory that nobody has touched lately. */
static __always_inline int miss(struct xdp_md *ctx, struct bench_job *job)
{
	__u64 *word = element(slots, job->random >> 32 & job->table_mask);

	/* Bits that do not choose the flow, of a word that is the same in every run. */
	if (word)
		job->random ^= load_once(*word) << 40;
	return XDP_TX;
}

/* What two CPUs pay for writing one cache line: shows that the rows for both would show it. */
static __always_inline int share(struct xdp_md *ctx, struct bench_job *job)
{
	__u64 *count = element(bench_shared, 0);

	if (count)
		store_once(*count, load_once(*count) + 1);
	return XDP_TX;
}

/* ---- what is measured -------------------------------------------------------------------- */

static __always_inline int whole_path(struct xdp_md *ctx, const struct bench_job *job)
{
	return balance(ctx);
}

/* Of a packet that is not plain, without the tail call that brings it there. */
static __always_inline int general_path(struct xdp_md *ctx, const struct bench_job *job)
{
	return general(ctx);
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* A program per candidate, so that none pays for choosing between them. */
#define BENCH_ANY(name, path, mixed)                                                               \
	static long name##_packet(__u32 i, struct loop *l)                                         \
	{                                                                                          \
		if (!make_packet(l, mixed))                                                        \
			return 1;                                                                  \
		undo(l, path(l->ctx, l->job));                                                     \
		return 0;                                                                          \
	}                                                                                          \
	static long name##_batch(__u32 i, struct loop *l)                                          \
	{                                                                                          \
		__u64 start = bpf_ktime_get_ns();                                                  \
                                                                                                   \
		bpf_loop(BENCH_BATCH, name##_packet, l, 0);                                        \
		if (i < BENCH_BATCHES)                                                             \
			l->job->batch_ns[i] = bpf_ktime_get_ns() - start;                          \
		return 0;                                                                          \
	}                                                                                          \
	SEC("xdp") int bench_##name(struct xdp_md *ctx)                                            \
	{                                                                                          \
		struct loop l = {                                                                  \
			.ctx = ctx,                                                                \
			.job = element(bench_jobs, bpf_get_smp_processor_id()),                    \
		};                                                                                 \
                                                                                                   \
		if (l.job)                                                                         \
			bpf_loop(BENCH_BATCHES, name##_batch, &l, 0);                              \
		return XDP_PASS;                                                                   \
	}
#define BENCH(name, path) BENCH_ANY(name, path, 0)

BENCH(tx, transmit)
BENCH(swap, swap)
BENCH(miss, miss)
BENCH(share, share)
BENCH(encap4, encapsulate4)
BENCH(encap6, encapsulate6)
BENCH(balance, whole_path)
BENCH_ANY(mixed, whole_path, 1)
BENCH(general, general_path)

/* ---- live frames --------------------------------------------------------------------------- */

/* Sends frames out of a veth, where they are made by test runs (BPF_F_TEST_XDP_LIVE_FRAMES). */
SEC("xdp") int bench_generate(struct xdp_md *ctx)
{
	struct loop l = {
		.ctx = ctx,
		.job = element(bench_jobs, bpf_get_smp_processor_id()),
	};

	return l.job && make_packet(&l, 0) ? XDP_TX : XDP_ABORTED;
}

/* At the same end: counts what came back. */
SEC("xdp") int bench_return(struct xdp_md *ctx)
{
	struct bench_returned *r = element(bench_returned, bpf_get_smp_processor_id());

	if (r)
		r->frames++;
	return XDP_DROP;
}

/* At the other end: the least that sends a frame back. */
SEC("xdp") int bench_bounce(struct xdp_md *ctx)
{
	return XDP_TX;
}
