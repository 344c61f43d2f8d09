/* SPDX-License-Identifier: GPL-2.0 */
/* Service > slot > backend. A settled slot answers by itself; an unsettled one asks the rules
 * of affinity.h. */
#ifndef EVENKEEL_BPF_SELECT_H
#define EVENKEEL_BPF_SELECT_H

#include <linux/in.h>

#include "evenkeel/affinity.h"
#include "evenkeel/hash.h"
#include "flow.h"
#include "packet.h"
#include "verdict.h"

#define NS_PER_S 1000000000ull

static __always_inline int backend_live(__u32 index)
{
	struct ek_backend *b = index ? element(backends, index) : NULL;

	return b && !(load_once(b->path[0].flags) & EK_PATH_DEAD);
}

static __always_inline void count_stored(void)
{
	cpu_verdicts(bpf_get_smp_processor_id())->stored++;
}

/* A miss relied on def: notes the second, so that the slot does not settle before the idle
 * time is over. At most one write a second; losing the race to another CPU is as good. */
static __always_inline void touch_slot(__u64 *slot, __u64 word, __u32 now_s)
{
	__u64 touched = ek_slot_word(ek_slot_cur(word), ek_slot_def(word), 1, now_s);

	if (touched != word)
		__sync_val_compare_and_swap(slot, word, touched);
}

/* What the unsettled path is given: few enough that the hot path spills nothing for it. */
struct question {
	__u64 *slot;
	__u64 word;
	__u64 tag;
	__u64 udp_grace_ns;
	enum ek_packet packet;
	__u32 seq;
};

/* Carries out what the rules decided; returns the backend. */
static __always_inline __u32 remember(const struct ek_situation *s, struct ek_decision d,
				      struct ek_flow *f, const struct question *q)
{
	if (d.act == EK_ACT_UPDATE && f) {
		__sync_val_compare_and_swap(&f->state, s->entry, d.state);
	} else if (d.act == EK_ACT_STORE) {
		/* Beside an entry that is being written or swept a second one would be hidden. */
		if (!f && flow_store(q->tag, d.state))
			count_stored();
		else
			d = ek_affinity_unstored(s, &d);
	}
	if (d.used_def)
		touch_slot(q->slot, q->word, s->now_s);
	return d.backend;
}

/* Not inlined: the common packet shall not pay for its registers. */
static __noinline __u32 select_unsettled(const struct question *q)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct ek_flow *f = flow_find(q->tag);
	struct ek_situation s = {
		.packet = q->packet,
		.cur = ek_slot_cur(q->word),
		.def = ek_slot_def(q->word),
		.entry = f ? load_once(f->state) : 0,
		.seq = q->seq,
		.now_s = now / NS_PER_S,
		.udp_grace = now < q->udp_grace_ns,
	};

	s.def_live = backend_live(s.def);
	s.entry_live = s.entry && backend_live(ek_flow_backend(s.entry));
	return remember(&s, ek_affinity_decide(&s), f, q);
}

static __always_inline enum ek_packet packet_kind(const struct packet *p)
{
	if (p->related || p->fragment != FRAGMENT_NONE)
		return EK_PACKET_RELATED;
	if (p->proto == IPPROTO_UDP)
		return EK_PACKET_UDP;
	return p->syn ? EK_PACKET_SYN : EK_PACKET_TCP;
}

/* The fingerprint names the flow by its 5-tuple also where the slot does not depend on it. */
static __always_inline __u64 flow_tag(const struct packet *p, __u8 kind)
{
	__u64 flow = p->hash;

	if (kind != EK_HASH_5TUPLE)
		flow = ek_flow_hash(p->global->key, &p->src, p->sport,
				    ek_listener_salt(p->global->key, &p->dst, p->dport, p->proto,
						     EK_HASH_5TUPLE));
	return ek_flow_tag(flow, p->hash, p->service);
}

static __always_inline int pick(struct packet *p)
{
	struct ek_service *s = core_element(services, p->service);
	__u64 table = load_once(s->table);
	__u8 kind = ek_table_hash(table);
	__u64 *slot, word;

	if (!table)
		return drop(EK_DROP_INTERNAL);
	p->hash = ek_flow_hash(p->global->key, &p->src, kind == EK_HASH_5TUPLE ? p->sport : 0,
			       p->salt);
	slot = element(slots, ek_table_base(table) + ((__u32)p->hash & ek_table_mask(table)));
	if (!slot)
		return drop(EK_DROP_INTERNAL);
	word = load_once(*slot);
	p->backend = ek_slot_cur(word);
	if (word & EK_SLOT_UNSETTLED) {
		struct question q = {
			.slot = slot,
			.word = word,
			.tag = flow_tag(p, kind),
			.udp_grace_ns = s->udp_grace_ns,
			.packet = packet_kind(p),
			.seq = p->seq,
		};

		p->backend = select_unsettled(&q);
		if (!p->backend)
			return drop(EK_DROP_NOT_REMEMBERED);
	}
	return p->backend ? NEXT : drop(EK_DROP_NO_BACKEND);
}

#endif
