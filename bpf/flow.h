/* SPDX-License-Identifier: GPL-2.0 */
/* The table of remembered flows: only unsettled slots come here.
 *
 * A flow may stand in either of two buckets, four entries each. An entry is claimed by
 * compare-and-swap of its tag from 0 and changed by compare-and-swap of its state; user space, and
 * who turns a SYN away (shed.h), frees it by making the state GONE first and the tag 0 afterwards, so
 * that a claim never meets a late write of the one before. Nothing is ever displaced: a full table refuses. */
#ifndef EVENKEEL_BPF_FLOW_H
#define EVENKEEL_BPF_FLOW_H

#include "evenkeel/hash.h"
#include "packet.h"

static __always_inline struct ek_flow_bucket *flow_bucket(__u64 tag, int second)
{
	return element(flows, ek_flow_bucket(tag, second, opt_flow_mask));
}

/* The entry with this tag, or NULL. Written flat because bounded loops over a pointer from a
 * map cost the verifier of 6.1 more than they save here. */
static __always_inline struct ek_flow *flow_in(struct ek_flow_bucket *b, __u64 tag)
{
	if (load_once(b->flow[0].tag) == tag)
		return &b->flow[0];
	if (load_once(b->flow[1].tag) == tag)
		return &b->flow[1];
	if (load_once(b->flow[2].tag) == tag)
		return &b->flow[2];
	if (load_once(b->flow[3].tag) == tag)
		return &b->flow[3];
	return NULL;
}

static __always_inline struct ek_flow *flow_find(__u64 tag)
{
	struct ek_flow_bucket *b = flow_bucket(tag, 0);
	struct ek_flow *f = b ? flow_in(b, tag) : NULL;

	if (f)
		return f;
	b = flow_bucket(tag, 1);
	return b ? flow_in(b, tag) : NULL;
}

static __always_inline struct ek_flow *flow_claim(struct ek_flow *f, __u64 tag)
{
	return load_once(f->tag) || __sync_val_compare_and_swap(&f->tag, 0, tag) ? NULL : f;
}

static __always_inline struct ek_flow *flow_claim_in(struct ek_flow_bucket *b, __u64 tag)
{
	struct ek_flow *f = flow_claim(&b->flow[0], tag);

	if (!f)
		f = flow_claim(&b->flow[1], tag);
	if (!f)
		f = flow_claim(&b->flow[2], tag);
	return f ? f : flow_claim(&b->flow[3], tag);
}

static __always_inline int flow_count(const struct ek_flow_bucket *b, __u64 tag)
{
	return (load_once(b->flow[0].tag) == tag) + (load_once(b->flow[1].tag) == tag) +
	       (load_once(b->flow[2].tag) == tag) + (load_once(b->flow[3].tag) == tag);
}

static __always_inline __u64 flow_free(const struct ek_flow_bucket *b)
{
	return is_zero(load_once(b->flow[0].tag)) + is_zero(load_once(b->flow[1].tag)) +
	       is_zero(load_once(b->flow[2].tag)) + is_zero(load_once(b->flow[3].tag));
}

/* 1: stored. 0: both buckets are full, or another packet of the flow is storing it, too: one of
 * two entries would be hidden, and come to light when the other one is over.
 *
 * The emptier bucket is taken (Azar et al., "Balanced allocations", STOC 1994): at half load
 * next to nothing is refused, where the first one that has room would refuse one flow in 300.
 *
 * Not static: so it is verified once, by itself, and not on every way that leads here. */
__noinline int flow_store(__u64 tag, __u64 state)
{
	struct ek_flow_bucket *first = flow_bucket(tag, 0);
	struct ek_flow_bucket *second = flow_bucket(tag, 1);
	struct ek_flow *f;

	if (!first || !second)
		return 0;
	if (flow_free(second) > flow_free(first)) {
		f = flow_claim_in(second, tag);
		if (!f)
			f = flow_claim_in(first, tag);
	} else {
		f = flow_claim_in(first, tag);
		if (!f)
			f = flow_claim_in(second, tag);
	}
	if (!f)
		return 0;
	store_once(f->state, state);
	if (flow_count(first, tag) + flow_count(second, tag) == 1)
		return 1;
	store_once(f->state, EK_FLOW_GONE);
	store_once(f->tag, 0);
	return 0;
}

#endif
