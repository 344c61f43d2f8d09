/* SPDX-License-Identifier: GPL-2.0 */
/* Service > slot > backend. A settled slot answers by itself; an unsettled one asks the rules
 * of affinity.h. */
#ifndef EVENKEEL_BPF_SELECT_H
#define EVENKEEL_BPF_SELECT_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>

#include "evenkeel/lease.h"
#include "evenkeel/table.h"
#include "cursor.h"
#include "flow.h"
#include "packet.h"
#include "tail.h"
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

/* A miss relies on def: notes the second, at most one write each. 0: the slot settled meanwhile.
 * Whoever changed it else noted the same, or is the controller catching up, once after a change:
 * the second try may fail only where another packet's note came between. */
static __always_inline int touch_slot(__u64 *slot, __u64 word, __u32 now_s)
{
	__u64 touched = ek_slot_touch(word, now_s), found;

	if (touched == word)
		return 1;
	found = __sync_val_compare_and_swap(slot, word, touched);
	if (found == word)
		return 1;
	if (!ek_slot_keeps(found))
		return 0;
	__sync_val_compare_and_swap(slot, found, ek_slot_touch(found, now_s));
	return 1;
}

/* What the unsettled path is given: a copy, so that the hot path keeps its own in registers. No
 * pointers and no padding: the verifier looks at a global function once, whoever calls it, but
 * lets nothing else pass into it. */
struct question {
	__u64 table;
	__u64 word;
	__u64 hash;
	struct ek_flow_id id;
	__u32 slot; /* index in `slots` */
	__u32 service;
	__u32 packet; /* enum ek_packet */
	__u32 seq;
};
_Static_assert(sizeof(struct question) == 80, "no padding");

static __always_inline struct ek_flow_id flow_id(const struct packet *p)
{
	return (struct ek_flow_id){ p->src, p->dst, p->sport, p->dport, p->proto, {} };
}

/* The slot hash where the listener's salt is not for this table. */
__noinline __u64 rehash(const struct ek_flow_id *id, __u64 table)
{
	if (!id)
		return 0;
	return ek_table_flow_hash(table, id, core.global.keys);
}

__noinline __u64 flow_tag(const struct ek_flow_id *id, __u64 table, __u64 hash, __u32 service)
{
	if (!id)
		return 0;
	return ek_table_flow_tag(table, id, core.global.keys, hash, service);
}

/* def of a flow whose slot says that its service's old table has it; *f gets the flow, if it is
 * remembered under that table. */
static __always_inline __u32 old_def(const struct question *q, struct ek_flow **f)
{
	__u64 old = load_once(core_element(services, q->service)->old_table), hash = q->hash, *slot,
	      word;
	int same = ek_table_flavour(old) == ek_table_flavour(q->table);

	if (!old)
		return EK_NO_BACKEND; /* cannot be: see struct ek_service */
	if (!same)
		hash = rehash(&q->id, old);
	slot = element(slots, ek_table_base(old) + ((__u32)hash & ek_table_mask(old)));
	if (!slot)
		return EK_NO_BACKEND;
	word = load_once(*slot);
	if (ek_old_slot_remembers(word) && !same && !*f)
		*f = flow_find(flow_tag(&q->id, old, hash, q->service));
	return ek_old_slot_def(word);
}

/* The flow, where it began under a table that was gone back from. Looked for first: what is remembered
 * of it beside that is of a flow before it. */
static __always_inline struct ek_flow *undone_flow(const struct question *q, __u64 undone)
{
	if (!undone || undone == q->table)
		return NULL;
	return flow_find(flow_tag(&q->id, undone, rehash(&q->id, undone), q->service));
}

/* Carries out what the rules decided; returns the backend. */
static __always_inline __u32 remember(const struct ek_situation *s, struct ek_decision d,
				      struct ek_flow *f, const struct question *q, __u64 tag)
{
	__u64 *slot = element(slots, q->slot);

	if (d.act == EK_ACT_UPDATE && f) {
		__u64 found = __sync_val_compare_and_swap(&f->state, s->entry, d.state);

		if (found != s->entry)
			d = ek_affinity_lost(s, &d, found);
	} else if (d.act == EK_ACT_STORE) {
		/* Beside an entry that is being written or swept a second one would be hidden. */
		if (!f && flow_store(tag, d.state))
			count_stored();
		else
			d = ek_affinity_unstored(s);
	}
	if (d.used_def && slot && !touch_slot(slot, q->word, s->now_s))
		return EK_NO_BACKEND;
	return d.backend;
}

/* The lease on a change has lapsed: who begins now belongs to def, unremembered, as those do that came
 * before the change; def is relied on. */
static __always_inline __u32 belongs_to_def(const struct question *q, const struct ek_situation *s,
					    __u32 backend)
{
	__u64 *slot = element(slots, q->slot);

	if (backend && backend == s->def && slot && !touch_slot(slot, q->word, s->now_s))
		return EK_NO_BACKEND;
	return backend;
}

/* Not inlined: the common packet shall not pay for its registers. */
__noinline __u32 select_unsettled(const struct question *q)
{
	__u64 now = bpf_ktime_get_coarse_ns(), tag;
	struct ek_situation s = { .now_s = now / NS_PER_S };
	struct ek_service *service;
	struct ek_flow *f;
	__u32 backend;
	int lapsed;

	if (!q)
		return EK_NO_BACKEND;
	s.packet = q->packet;
	s.cur = ek_slot_cur(q->word);
	s.def = ek_slot_def(q->word);
	s.seq = q->seq;
	service = core_element(services, q->service);
	s.udp_grace = ek_slot_udp_grace(q->word, service->idle_s, s.now_s);
	tag = flow_tag(&q->id, q->table, q->hash, q->service);
	f = undone_flow(q, load_once(service->undone_table));
	if (!f)
		f = flow_find(tag);
	if (s.def == EK_DEF_OLD_TABLE)
		s.def = old_def(q, &f);
	s.entry = f ? load_once(f->state) : 0;
	s.def_live = backend_live(s.def);
	s.entry_live = s.entry && backend_live(ek_flow_backend(s.entry));
	lapsed = ek_lease_lapsed(load_once(service->lease_s), s.now_s) && s.def_live &&
		 s.cur != s.def;
	if (lapsed)
		s.cur = s.def;
	backend = remember(&s, ek_affinity_decide(&s), f, q, tag);
	return lapsed ? belongs_to_def(q, &s, backend) : backend;
}

static __always_inline enum ek_packet packet_kind(const struct packet *p)
{
	if (p->related || p->fragment != FRAGMENT_NONE)
		return EK_PACKET_RELATED;
	if (p->proto == IPPROTO_UDP)
		return p->initial ? EK_PACKET_INITIAL : EK_PACKET_UDP;
	return p->syn ? EK_PACKET_SYN : EK_PACKET_TCP;
}

/* Read where it is needed, or all packets would pay for it. A TCP packet that has come so far has
 * its header; an error about one has none. */
static __always_inline __u32 sequence_number(const struct packet *p)
{
	__u32 offset = ETH_HLEN + p->tags * TAG_LENGTH + p->transport;
	const struct tcphdr *tcp = (void *)(long)p->ctx->data + (offset & FRAME_OFFSET_MASK);

	if (p->proto != IPPROTO_TCP || p->related ||
	    (void *)(tcp + 1) > (void *)(long)p->ctx->data_end)
		return 0;
	return bpf_ntohl(tcp->seq);
}

/* The flow hash, as the table asks for it. */
static __always_inline void hash_flow(struct packet *p, __u64 table)
{
	__u8 flavour = ek_table_flavour(table);

	if (__builtin_expect(flavour == p->flavour, 1)) {
		int ports = ek_flavour_hash(flavour) == EK_HASH_5TUPLE;

		p->hash = ek_flow_hash(p->global->key, &p->src, ports ? p->sport : 0, p->salt);
	} else {
		/* The table was switched a moment ago, and the listeners are about to be; or the
		 * packet is QUIC, which the listener says in the same place. */
		struct ek_flow_id id = flow_id(p);

		if (p->flavour & EK_LISTENER_QUIC && !p->related)
			tail(p, TAIL_QUIC);
		p->hash = rehash(&id, table);
	}
}

static __always_inline int pick(struct packet *p)
{
	struct ek_service *s = core_element(services, p->service);
	__u64 table = load_once(s->table);
	__u64 *slot, word;
	__u32 index;

	if (!table)
		return drop(EK_DROP_INTERNAL);
	hash_flow(p, table);
	index = ek_table_base(table) + ((__u32)p->hash & ek_table_mask(table));
	slot = element(slots, index);
	if (!slot)
		return drop(EK_DROP_INTERNAL);
	word = load_once(*slot);
	p->backend = ek_slot_cur(word);
	if (word & EK_SLOT_UNSETTLED) {
		struct question q = {
			.table = table,
			.slot = index,
			.word = word,
			.hash = p->hash,
			.id = flow_id(p),
			.service = p->service,
			.packet = packet_kind(p),
			.seq = sequence_number(p),
		};

		p->backend = select_unsettled(&q);
		if (!p->backend && ek_slot_cur(word))
			return drop(EK_DROP_NOT_REMEMBERED);
	}
	return p->backend ? NEXT : drop(EK_DROP_NO_BACKEND);
}

#endif
