/* SPDX-License-Identifier: GPL-2.0 */
/* Capacity: a new flow, or a packet of plain UDP, for a backend that has declared what it can take
 * (evenkeel/shed.h). Who has declared nothing is not asked: forward.h looks at a bit that it looks
 * at anyway. Nothing here is inlined into a path that a packet of an established flow takes. */
#ifndef EVENKEEL_BPF_SHED_H
#define EVENKEEL_BPF_SHED_H

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "parse.h"
#include "select.h"
#include "service.h"

#define NS_PER_MS 1000000ull

/* CPUs that borrow at the same moment: one of them gets it at each try. */
#define BORROW_TRIES 8

enum newcomer { NEWCOMER_SYN, NEWCOMER_INITIAL, NEWCOMER_DATAGRAM };

/* As struct question: without pointers and padding. */
struct newcomer_question {
	struct ek_flow_id id;
	__u32 service;
	__u32 backend;
	__u32 what; /* enum newcomer */
	__u32 pad;
};
_Static_assert(sizeof(struct newcomer_question) == 56, "no padding");

/* Reads the flow and its service anew: so the fast program need not keep them for the end of its
 * path, and the packets that never come here pay nothing. 0: the frame has them not, or a change
 * has just taken the listener away. Not static: the verifier judges it once, by itself. */
__noinline int identify(struct xdp_md *ctx, __u32 transport, __u32 ipv6,
			struct newcomer_question *n)
{
	struct cursor c = cursor_at_start(ctx);
	const struct ek_listener *l;
	const __be16 *ports;
	struct packet p;

	if (!n || !take_bytes(&c, ETH_HLEN))
		return 0;
	p.global = &core.global;
	p.ipv6 = !!ipv6;
	if (ipv6) {
		const struct ipv6hdr *ip = take(&c, struct ipv6hdr);

		if (!ip)
			return 0;
		set_ipv6(&p.src, &ip->saddr);
		set_ipv6(&p.dst, &ip->daddr);
	} else {
		const struct iphdr *ip = take(&c, struct iphdr);

		if (!ip)
			return 0;
		set_ipv4(&p.src, ip->saddr);
		set_ipv4(&p.dst, ip->daddr);
	}
	c = cursor_at_start(ctx);
	c.at += (ETH_HLEN + transport) & FRAME_OFFSET_MASK;
	ports = take_bytes(&c, 2 * sizeof(*ports));
	if (!ports)
		return 0;
	n->id.src = p.src;
	n->id.dst = p.dst;
	n->id.sport = ports[0];
	n->id.dport = ports[1];
	l = find_listener(&p, n->id.dport, n->id.proto);
	n->service = l->service;
	return is_listener(l, &p, n->id.dport, n->id.proto);
}

static __always_inline __u32 borrow(__u64 *spent_ns, __u32 rate, __u64 now_ns)
{
	for (int i = 0; i < BORROW_TRIES; i++) {
		__u64 before = load_once(*spent_ns), after = before;
		__u32 tokens = ek_borrow(&after, rate, core.global.cpus, now_ns);

		if (!tokens || __sync_val_compare_and_swap(spent_ns, before, after) == before)
			return tokens;
	}
	return 0;
}

static __always_inline struct ek_purse *purse_of(__u32 backend)
{
	return element(purses, bpf_get_smp_processor_id() * opt_backends + backend);
}

/* ---- new flows ------------------------------------------------------------------------------- */

static __always_inline int spend_flow(struct ek_capacity *c, struct ek_purse *p, __u64 now_ns)
{
	__u32 rate = load_once(c->flows);

	if (p->flows_of != (__u16)rate) {
		p->flows_of = rate;
		p->flows = 0;
	}
	if (!p->flows)
		p->flows = borrow(&c->flows_spent_ns, rate, now_ns);
	if (!p->flows)
		return 0;
	p->flows--;
	return 1;
}

/* A SYN of a flow that is remembered, and confirmed? Nothing remembers the flows of a settled slot.
 * Not static, and not called by judge_newcomer(): each has the stack that is left to itself. */
__noinline int is_confirmed(const struct newcomer_question *n)
{
	struct question q = {};
	__u64 *slot, word, state;
	struct ek_flow *f;

	if (!n)
		return 0;
	q.table = load_once(core_element(services, n->service)->table);
	q.id = n->id;
	q.hash = rehash(&q.id, q.table);
	q.service = n->service;
	slot = element(slots, ek_table_base(q.table) + ((__u32)q.hash & ek_table_mask(q.table)));
	word = slot ? load_once(*slot) : 0;
	if (!(word & EK_SLOT_UNSETTLED))
		return 0;
	f = flow_find(flow_tag(&q.id, q.table, q.hash, q.service));
	if (ek_slot_def(word) == EK_DEF_OLD_TABLE)
		old_def(&q, &f);
	state = f ? load_once(f->state) : 0;
	return ek_flow_known(state) && ek_flow_phase(state) == EK_PHASE_CONFIRMED &&
	       ek_flow_backend(state) == n->backend;
}

static __always_inline struct ek_note_bucket *note_bucket(__u64 hash)
{
	return element(shed_notes, (__u32)(hash >> 32) & opt_note_mask);
}

/* The note of the flow, or that to be written over: its claim, and in the lowest bits its place. */
__noinline __u32 note_claim(__u64 hash, __u32 now_ms)
{
	const struct ek_note_bucket *b = note_bucket(hash);
	__u32 best = 0;

	if (!b)
		return 0;
#pragma unroll
	for (int i = 0; i < EK_NOTES_PER_BUCKET; i++) {
		__u32 claim = ek_note_claim(load_once(b->note[i]), hash, now_ms);

		claim = claim * EK_NOTES_PER_BUCKET + i;
		if (claim > best)
			best = claim;
		/* One after another, or clang holds eight of everything on the stack. */
		barrier_var(best);
	}
	return best;
}

/* Two CPUs that meet in a bucket lose one of two notes: that flow's verdict is then given anew. */
static __always_inline int flow_admitted(const struct newcomer_question *n, struct ek_capacity *c,
					 struct ek_purse *p)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns(), note, hash;
	__u32 now_ms = now_ns / NS_PER_MS, claim, limit;
	struct ek_note_bucket *b;
	int admitted;

	hash = ek_mix(ek_id_hash(&n->id, &core.global.key, EK_HASH_5TUPLE), n->backend);
	b = note_bucket(hash);
	if (!b)
		return 1;
	claim = note_claim(hash, now_ms);
	note = load_once(b->note[claim % EK_NOTES_PER_BUCKET]);
	if (claim / EK_NOTES_PER_BUCKET >= EK_CLAIM_OWN) {
		limit = n->what == NEWCOMER_SYN ? EK_SYN_REPEATS : EK_INITIAL_REPEATS;
		if (ek_note_repeats(note) >= limit)
			return 0;
		store_once(b->note[claim % EK_NOTES_PER_BUCKET], ek_note_repeated(note));
		return !!(note & EK_NOTE_ADMITTED);
	}
	admitted = spend_flow(c, p, now_ns);
	store_once(b->note[claim % EK_NOTES_PER_BUCKET], ek_note(hash, now_ms, admitted));
	return admitted;
}

/* ---- plain UDP ------------------------------------------------------------------------------- */

/* The share's word for now; whoever comes first after a tenth of a second makes it. */
static __always_inline __u64 share_now(struct ek_capacity *c, __u32 rate, __u64 now_ns)
{
	__u64 word = load_once(c->share), step = ek_share_step(word, rate, now_ns), found;

	if (step == word)
		return word;
	found = __sync_val_compare_and_swap(&c->share, word, step);
	return found == word ? step : found;
}

static __always_inline void count_wanted(struct ek_capacity *c, struct ek_purse *p, __u32 rate,
					 __u64 word)
{
	if (++p->wanted < ek_batch(rate, core.global.cpus))
		return;
	if (ek_share_wanted(word) < EK_SHARE_WANTED_MAX)
		__sync_fetch_and_add(&c->share, p->wanted);
	p->wanted = 0;
}

/* The tokens are the bound; the share sees to it that they suffice for the flows that it admits. */
static __always_inline int packet_admitted(const struct newcomer_question *n, struct ek_capacity *c,
					   struct ek_purse *p)
{
	__u64 hash = ek_id_hash(&n->id, &core.global.key, EK_HASH_5TUPLE);
	__u64 now_ns = bpf_ktime_get_coarse_ns(), word;
	__u32 rate = load_once(c->packets);

	word = share_now(c, rate, now_ns);
	if (!ek_share_has(word, hash))
		return 0;
	count_wanted(c, p, rate, word);
	if (p->packets_of != (__u16)rate) {
		p->packets_of = rate;
		p->packets = 0;
	}
	if (!p->packets)
		p->packets = borrow(&c->packets_spent_ns, rate, now_ns);
	if (!p->packets)
		return 0;
	p->packets--;
	return 1;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static __always_inline int shed(struct ek_purse *p, enum ek_drop reason)
{
	p->shed++;
	return drop(reason);
}

/* NEXT: it may go to its backend. Not static: the verifier judges it once, by itself. */
__noinline int judge_newcomer(const struct newcomer_question *n)
{
	struct ek_capacity *c;
	struct ek_purse *p;

	if (!n)
		return NEXT;
	c = element(capacities, n->backend);
	p = purse_of(n->backend);
	if (!c || !p)
		return NEXT;
	if (n->what == NEWCOMER_DATAGRAM) {
		/* Of a service whose servers are named, it is QUIC's. */
		if (!load_once(c->packets) || load_once(core_element(services, n->service)->quic))
			return NEXT;
		return packet_admitted(n, c, p) ? NEXT : shed(p, EK_DROP_SHED_PACKET);
	}
	if (!load_once(c->flows))
		return NEXT;
	return flow_admitted(n, c, p) ? NEXT : shed(p, EK_DROP_SHED_FLOW);
}

/* The fast program does not know it any more; its packets have it in their IP header. */
static __always_inline __u8 protocol_of(const struct packet *p)
{
	const __u8 *at =
		(void *)(long)p->ctx->data + ETH_HLEN +
		(p->ipv6 ? offsetof(struct ipv6hdr, nexthdr) : offsetof(struct iphdr, protocol));

	if (p->general)
		return p->proto;
	return (void *)(at + 1) > (void *)(long)p->ctx->data_end ? 0 : *at;
}

/* A packet for a backend with a capacity. What follows a flow (errors, later fragments) goes where
 * the flow goes; so do a datagram's first fragment, whose others could not be told apart, and
 * whatever belongs to a flow that is there. */
static __always_inline int admit(struct packet *p, const struct ek_path *path)
{
	struct newcomer_question n = {};
	__u8 proto = IPPROTO_TCP;

	if (p->related)
		return NEXT;
	if (!p->syn) {
		proto = protocol_of(p);
		if (proto != IPPROTO_UDP || (!p->initial && p->fragment != FRAGMENT_NONE))
			return NEXT;
	}
	/* What this mode may leave to the program for rare packets is not to be judged twice. */
	if (!p->general && path->encap & EK_ENCAP_GUE_CHECKSUM) {
		tail(p, TAIL_GENERAL);
		return drop(EK_DROP_INTERNAL);
	}
	n.backend = p->backend;
	n.id.proto = proto;
	n.what = p->initial             ? NEWCOMER_INITIAL
		 : proto == IPPROTO_UDP ? NEWCOMER_DATAGRAM
					: NEWCOMER_SYN;
	if (!identify(p->ctx, p->transport, p->ipv6, &n))
		return NEXT;
	return n.what == NEWCOMER_SYN && is_confirmed(&n) ? NEXT : judge_newcomer(&n);
}

#endif
