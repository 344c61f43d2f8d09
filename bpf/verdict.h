/* SPDX-License-Identifier: GPL-2.0 */
/* The ways out. Every packet is counted exactly once: passed, dropped with a reason, answered,
 * returned (return.h), or forwarded, by how it left and under its backend. */
#ifndef EVENKEEL_BPF_VERDICT_H
#define EVENKEEL_BPF_VERDICT_H

#include "packet.h"
#include "sample.h"

static __always_inline struct ek_verdicts *cpu_verdicts(__u32 cpu)
{
	return core_element(verdicts, cpu);
}

/* Not for a service: the host's own, untouched. Inlined, because most packets of a host that
 * does more than balancing come here, and a call and a return cost more than the counting. */
static __always_inline int pass(void)
{
	cpu_verdicts(bpf_get_smp_processor_id())->passed++;
	return XDP_PASS;
}

/* Rare, and called from many places: a function of its own, or the compiler would keep state for
 * a common end, and the forwarded packet would pay. */
static __noinline int drop(enum ek_drop reason)
{
	cpu_verdicts(bpf_get_smp_processor_id())->dropped[reason & 31]++;
	return XDP_DROP;
}

/* The frame has become its own answer and goes back to who sent it. */
static __noinline int answer(void)
{
	cpu_verdicts(bpf_get_smp_processor_id())->answered++;
	return XDP_TX;
}

static __always_inline void count_traffic(const struct packet *p, __u32 cpu)
{
	struct ek_traffic *t = element(traffic, cpu * opt_backends + p->backend);
	__u64 packets;

	if (!t)
		return;
	packets = t->packets + 1;
	t->packets = packets;
	t->bytes += p->ip_len;
	t->flows += p->syn;
	if (__builtin_expect(packets >= t->sample_at, 0))
		sample(p->ctx, p->backend);
}

/* Sends the finished frame out of interface `ifindex`. */
static __always_inline int send(struct packet *p, __u32 ifindex)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct ek_verdicts *v = cpu_verdicts(cpu);
	int verdict = XDP_TX;

	if (ifindex != p->ctx->ingress_ifindex) {
		verdict = (int)bpf_redirect_map(&egress, ifindex, 0);
		if (verdict != XDP_REDIRECT)
			return drop(EK_DROP_NO_NEXT_HOP);
	}
	count_traffic(p, cpu);
	if (verdict == XDP_TX)
		v->sent++;
	else
		v->redirected++;
	return verdict;
}

#endif
