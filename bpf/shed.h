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
#define BORROW_TRIES 4

enum newcomer_kind { NEWCOMER_SYN, NEWCOMER_INITIAL, NEWCOMER_DATAGRAM };

/* What the path to here knows of a packet, as one word: were it asked there, the verifier would walk
 * the rest of the path once for each answer. 0..15 where the transport header is, from the IP
 * header on; 24..31 the protocol, 0: it stands in the IP header; and between them: */
#define PACKET_IPV6 (1u << 16)
#define PACKET_SYN (1u << 17)
#define PACKET_INITIAL (1u << 18)
#define PACKET_RELATED (1u << 19)
#define PACKET_FRAGMENT (1u << 20)
#define PACKET_CONFIRMED (1u << 21) /* of a flow that is_confirmed() */
#define PACKET_ELSEWHERE (1u << 22) /* if it is a newcomer, another program is to judge it: */
#define ELSEWHERE (NEXT - 1)        /* the verdict that says so */
#define SHED_AGAIN (NEXT - 2)       /* and that of one that is shed, and was let in before */

/* Who asks to be let in. */
struct newcomer {
	struct ek_flow_id id;
	__u32 service;
	__u32 what; /* enum newcomer_kind */
};
_Static_assert(sizeof(struct newcomer) == 48, "no padding: it is passed to a global function");

/* The fast program does not know the protocol any more; its packets have it in their IP header. */
static __always_inline __u8 protocol_of(struct xdp_md *ctx, __u32 word)
{
	struct cursor c = cursor_at_start(ctx);
	const struct iphdr *ip;

	if (word >> 24)
		return word >> 24;
	if (!take_bytes(&c, ETH_HLEN))
		return 0;
	ip = take(&c, struct iphdr);
	if (!ip)
		return 0;
	return word & PACKET_IPV6 ? ((const struct ipv6hdr *)ip)->nexthdr : ip->protocol;
}

/* What follows a flow (errors, later fragments) goes where the flow goes; so do a datagram's first
 * fragment, whose others could not be told apart, and whatever belongs to a flow that is there. */
static __always_inline int is_newcomer(struct xdp_md *ctx, __u32 word, struct newcomer *n)
{
	if (word & (PACKET_RELATED | PACKET_CONFIRMED))
		return 0;
	n->id.proto = protocol_of(ctx, word);
	if (word & PACKET_SYN) {
		n->what = NEWCOMER_SYN;
		return 1;
	}
	n->what = word & PACKET_INITIAL ? NEWCOMER_INITIAL : NEWCOMER_DATAGRAM;
	return n->id.proto == IPPROTO_UDP &&
	       (n->what == NEWCOMER_INITIAL || !(word & PACKET_FRAGMENT));
}

/* Reads the flow and its service anew: so the fast program need not keep them for the end of its
 * path, and the packets that never come here pay nothing. 0: the frame has them not, or a change
 * has just taken the listener away. Not static, as the next: the verifier judges it once, by
 * itself. */
__noinline int identify(struct xdp_md *ctx, __u32 word, struct newcomer *n)
{
	struct cursor c = cursor_at_start(ctx);
	const struct ek_listener *l;
	const __be16 *ports;
	struct packet p;

	if (!n || !take_bytes(&c, ETH_HLEN))
		return 0;
	p.global = &core.global;
	p.ipv6 = !!(word & PACKET_IPV6);
	if (p.ipv6) {
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
	c.at += (ETH_HLEN + (word & 0xffff)) & FRAME_OFFSET_MASK;
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

__noinline __u32 borrow(__u32 backend, __u32 packets, __u32 rate, __u64 now_ns)
{
	struct ek_capacity *c = element(capacities, backend);
	__u64 *spent_ns;

	if (!c)
		return 0;
	spent_ns = packets ? &c->packets_spent_ns : &c->flows_spent_ns;
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

static __always_inline int spend_flow(__u32 backend, __u32 rate, struct ek_purse *p, __u64 now_ns)
{
	if (p->flows_of != (__u16)rate) {
		p->flows_of = rate;
		p->flows = 0;
	}
	if (!p->flows)
		p->flows = borrow(backend, 0, rate, now_ns);
	if (!p->flows)
		return 0;
	p->flows--;
	return 1;
}

static __always_inline int is_of(const struct ek_flow *f, __u32 backend)
{
	__u64 state = f ? load_once(f->state) : 0;

	return ek_flow_known(state) && ek_flow_phase(state) == EK_PHASE_CONFIRMED &&
	       ek_flow_backend(state) == backend;
}

static __always_inline int is_confirmed_under(__u64 table, __u64 hash, const struct newcomer *n,
					      __u32 backend)
{
	return is_of(flow_find(flow_tag(&n->id, table, hash, n->service)), backend);
}

/* Is the flow remembered, in this table, as the backend's, and confirmed? */
static __always_inline int is_confirmed_in(__u64 table, const struct newcomer *n, __u32 backend)
{
	__u64 hash, *slot;

	if (!table)
		return 0;
	hash = rehash(&n->id, table);
	slot = element(slots, ek_table_base(table) + ((__u32)hash & ek_table_mask(table)));
	/* Nothing remembers the flows of a settled slot. */
	if (!slot || !(load_once(*slot) & EK_SLOT_UNSETTLED))
		return 0;
	return is_confirmed_under(table, hash, n, backend);
}

/* A SYN of a flow that is there? A function beside judge_newcomer(): each has the stack that is
 * left to itself. */
__noinline int is_confirmed(struct xdp_md *ctx, __u32 word, __u32 backend)
{
	struct newcomer n = {};
	const struct ek_service *s;
	__u64 undone;

	if (!(word & PACKET_SYN) || !is_newcomer(ctx, word, &n) || !identify(ctx, word, &n))
		return 0;
	s = core_element(services, n.service);
	undone = load_once(s->undone_table);
	return is_confirmed_in(load_once(s->table), &n, backend) ||
	       is_confirmed_in(load_once(s->old_table), &n, backend) ||
	       (undone && is_confirmed_under(undone, rehash(&n.id, undone), &n, backend));
}

static __always_inline struct ek_note_bucket *note_bucket(__u64 hash)
{
	return element(shed_notes, (__u32)(hash >> 32) & opt_note_mask);
}

/* Of note_claim(): the flow was let in before. */
#define CLAIM_REACHED (1u << 31)

/* The note of the flow, or that to be written over: its claim, and in the lowest bits its place. */
__noinline __u32 note_claim(__u64 hash, __u32 now_ms)
{
	const struct ek_note_bucket *b = note_bucket(hash);
	__u32 best = 0, reached = 0;

	if (!b)
		return 0;
#pragma unroll
	for (int i = 0; i < EK_NOTES_PER_BUCKET; i++) {
		__u32 claim = ek_note_claim(load_once(b->note[i]), hash, now_ms);

		reached |= ek_note_reached(load_once(b->note[i]), hash);
		claim = claim * EK_NOTES_PER_BUCKET + i;
		if (claim > best)
			best = claim;
		/* One after another, or clang holds eight of everything on the stack. */
		barrier_var(best);
	}
	return best | reached * CLAIM_REACHED;
}

/* Two CPUs that meet in a bucket lose one of two notes: that flow's verdict is then given anew. */
static __always_inline int flow_admitted(const struct newcomer *n, __u32 backend,
					 const struct ek_capacity *c, struct ek_purse *p,
					 __u32 *reached)
{
	__u64 now_ns = bpf_ktime_get_coarse_ns(), note, hash;
	__u32 now_ms = now_ns / NS_PER_MS, claim, limit;
	__u32 rate = ek_capacity_flows(c, now_ns / NS_PER_S);
	struct ek_note_bucket *b;
	int admitted;

	if (!rate)
		return 1;
	hash = ek_mix(ek_id_hash(&n->id, &core.global.key, EK_HASH_5TUPLE), backend);
	b = note_bucket(hash);
	if (!b)
		return 1;
	claim = note_claim(hash, now_ms);
	*reached = claim & CLAIM_REACHED;
	claim &= ~CLAIM_REACHED;
	note = load_once(b->note[claim % EK_NOTES_PER_BUCKET]);
	if (claim / EK_NOTES_PER_BUCKET >= EK_CLAIM_OWN) {
		limit = n->what == NEWCOMER_SYN ? EK_SYN_REPEATS : EK_INITIAL_REPEATS;
		if (ek_note_repeats(note) >= limit)
			return 0;
		store_once(b->note[claim % EK_NOTES_PER_BUCKET], ek_note_repeated(note));
		return !!(note & EK_NOTE_ADMITTED);
	}
	admitted = spend_flow(backend, rate, p, now_ns);
	note = ek_note(hash, now_ms, admitted) | (*reached ? EK_NOTE_BEFORE : 0);
	store_once(b->note[claim % EK_NOTES_PER_BUCKET], note);
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
static __always_inline int packet_admitted(const struct newcomer *n, __u32 backend,
					   struct ek_capacity *c, struct ek_purse *p)
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
		p->packets = borrow(backend, 1, rate, now_ns);
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

/* NEXT: it may go to its backend. */
__noinline int judge_newcomer(struct xdp_md *ctx, __u32 word, __u32 backend)
{
	struct newcomer n = {};
	struct ek_capacity *c;
	struct ek_purse *p;
	__u32 reached = 0;
	int verdict;

	if (!is_newcomer(ctx, word, &n))
		return NEXT;
	if (word & PACKET_ELSEWHERE)
		return ELSEWHERE;
	c = element(capacities, backend);
	p = purse_of(backend);
	if (!c || !p || !identify(ctx, word, &n))
		return NEXT;
	if (n.what == NEWCOMER_DATAGRAM) {
		/* Of a service whose servers are named, it is QUIC's. */
		if (!load_once(c->packets) || load_once(core_element(services, n.service)->quic))
			return NEXT;
		return packet_admitted(&n, backend, c, p) ? NEXT : shed(p, EK_DROP_SHED_PACKET);
	}
	if (flow_admitted(&n, backend, c, p, &reached))
		return NEXT;
	verdict = shed(p, EK_DROP_SHED_FLOW);
	return reached ? SHED_AGAIN : verdict;
}

/* A SYN that is turned away, as all before it were, is on its way to nobody: when it comes again it is to be decided anew, for
 * slots may have moved. A function beside judge_newcomer(), as is_confirmed() is. */
__noinline int forget_shed(struct xdp_md *ctx, __u32 word, __u32 backend)
{
	struct newcomer n = {};
	__u64 table, hash, *slot, state;
	struct ek_flow *f;

	if (!(word & PACKET_SYN) || !is_newcomer(ctx, word, &n) || !identify(ctx, word, &n))
		return 0;
	table = load_once(core_element(services, n.service)->table);
	hash = rehash(&n.id, table);
	slot = element(slots, ek_table_base(table) + ((__u32)hash & ek_table_mask(table)));
	if (!slot || !(load_once(*slot) & EK_SLOT_UNSETTLED))
		return 0;
	f = flow_find(flow_tag(&n.id, table, hash, n.service));
	if (!f)
		return 0;
	state = load_once(f->state);
	if (ek_flow_phase(state) != EK_PHASE_PENDING || ek_flow_backend(state) != backend ||
	    __sync_val_compare_and_swap(&f->state, state, EK_FLOW_GONE) != state)
		return 0;
	store_once(f->tag, 0);
	return 1;
}

/* A packet for a backend with a capacity. */
static __always_inline int admit(struct packet *p, const struct ek_path *path)
{
	__u32 word = p->transport | p->syn * PACKET_SYN;
	int verdict;

	word |= p->ipv6 ? PACKET_IPV6 : 0;
	word |= p->initial ? PACKET_INITIAL : 0;
	word |= p->related ? PACKET_RELATED : 0;
	word |= p->fragment != FRAGMENT_NONE ? PACKET_FRAGMENT : 0;
	if (p->general)
		word |= (__u32)p->proto << 24;
	else
		/* What this mode may leave to another program is not to be judged twice. */
		word |= (path->encap & EK_ENCAP_GUE_CHECKSUM) *
			(PACKET_ELSEWHERE / EK_ENCAP_GUE_CHECKSUM);
	word |= is_confirmed(p->ctx, word, p->backend) * PACKET_CONFIRMED;
	verdict = judge_newcomer(p->ctx, word, p->backend);
	if (verdict == ELSEWHERE) {
		tail(p, TAIL_GENERAL);
		return drop(EK_DROP_INTERNAL);
	}
	if (verdict == SHED_AGAIN)
		return XDP_DROP;
	if (verdict != NEXT)
		forget_shed(p->ctx, word, p->backend);
	return verdict;
}

#endif
