/* SPDX-License-Identifier: GPL-2.0 */
/* The rules that keep a flow on its backend while tables change (docs/architecture.md,
 * "Affinity"). Pure: the data path, the controller and the tests compile this very text.
 *
 * A slot is {cur, def, U, epoch}. While it is settled (not U), cur takes every packet and
 * nothing is stored. A change makes it unsettled: flows that began before it belong to def and
 * are stored nowhere; flows that begin now go to cur and are remembered. */
#ifndef EVENKEEL_AFFINITY_H
#define EVENKEEL_AFFINITY_H

#include "evenkeel/abi.h"

/* ---- a remembered flow's state word -------------------------------------------------------
 * 0..23 backend, 24..25 phase, then
 *   pending:   26..31 second it was stored or last renewed (modulo 64), 32..63 the SYN's ISN
 *   confirmed: 32..63 second it was last seen (CLOCK_MONOTONIC)                              */

enum ek_phase {
	EK_PHASE_NONE,      /* claimed, not yet written */
	EK_PHASE_PENDING,   /* a SYN was seen; anybody can forge one */
	EK_PHASE_CONFIRMED, /* a packet that knows the SYN's sequence number followed */
	EK_PHASE_GONE,      /* being swept: matches nothing, may not be written */
};

static inline __u32 ek_flow_backend(__u64 state)
{
	return state & EK_BACKEND_INDEX_MAX;
}
static inline enum ek_phase ek_flow_phase(__u64 state)
{
	return (enum ek_phase)(state >> 24 & 3);
}
static inline __u32 ek_flow_isn(__u64 state)
{
	return state >> 32;
}
static inline __u32 ek_flow_seen(__u64 state)
{
	return state >> 32;
}
static inline __u64 ek_flow_pending(__u32 backend, __u32 isn, __u32 now_s)
{
	return (__u64)isn << 32 | (__u64)(now_s & 63) << 26 | (__u64)EK_PHASE_PENDING << 24 |
	       backend;
}
static inline __u64 ek_flow_confirmed(__u32 backend, __u32 now_s)
{
	return (__u64)now_s << 32 | (__u64)EK_PHASE_CONFIRMED << 24 | backend;
}
/* The data path and the controller read the same clock, but not at the same moment: what one of
 * them noted may be ahead of what the other read a little before. So much ahead counts as now. */
#define EK_CLOCK_AHEAD_S 8u

/* Seconds from `then` to `now_s`, both modulo mask + 1. */
static inline __u32 ek_seconds_since(__u32 then, __u32 now_s, __u32 mask)
{
	__u32 seconds = (now_s - then) & mask;

	return seconds > mask - EK_CLOCK_AHEAD_S ? 0 : seconds;
}

/* Seconds since a pending flow was stored or renewed, modulo 64. */
static inline __u32 ek_flow_pending_age(__u64 state, __u32 now_s)
{
	return ek_seconds_since((__u32)(state >> 26), now_s, 63);
}

/* A pending flow is forgotten after this many seconds: a real handshake is over by then, and
 * a renewed SYN renews it. Less than the 64 its age is counted in, less one sweep interval. */
#define EK_PENDING_S 30u

/* The packet after a SYN carries the ISN plus 1, or a little more when it got lost: at most
 * an initial window (RFC 6928: 10 segments), here with jumbo segments. */
#define EK_ISN_WINDOW 65536u

/* The fingerprint under which a flow is remembered. Its low 16 bits are those of the slot
 * hash, so that the sweep knows an entry's slot; the others are the flow's own and the
 * service's, because a listener may move to another service. 0 means a free entry and is
 * avoided. */
static inline __u64 ek_flow_tag(__u64 flow_hash, __u64 slot_hash, __u32 service)
{
	__u64 flow = flow_hash ^ (service + 1) * 0x9e3779b97f4a7c15ull;
	__u64 tag = (flow & ~0xffffull) | (slot_hash & 0xffff);

	return tag ? tag : 1ull << 63;
}

/* The two buckets a flow may stand in. The low 20 bits of a tag choose its slot, or nearly so:
 * the buckets come from the others, or the flows of one unsettled slot would meet in few. */
static inline __u32 ek_flow_bucket(__u64 tag, int second, __u32 mask)
{
	__u32 bucket = tag >> 20;

	return (second ? bucket ^ (__u32)(tag >> 44 | 1) * 0x5bd1e995u : bucket) & mask;
}

/* ---- the rules ---------------------------------------------------------------------------- */

enum ek_packet {
	EK_PACKET_SYN,     /* TCP SYN without ACK */
	EK_PACKET_TCP,     /* any other TCP segment */
	EK_PACKET_UDP,     /* no beginning can be told from the packet */
	EK_PACKET_RELATED, /* ICMP errors, fragments: follow a flow, never make one */
};

/* What is known when a packet reaches an unsettled slot. */
struct ek_situation {
	enum ek_packet packet;
	__u32 cur, def;
	__u64 entry; /* state word of the remembered flow, 0: none */
	__u32 seq;   /* TCP sequence number, host order */
	__u32 now_s; /* CLOCK_MONOTONIC seconds */
	__u8 def_live, entry_live;
	__u8 udp_grace; /* the grace period after the last settled state is not over */
};

enum ek_act {
	EK_ACT_NONE,
	EK_ACT_STORE,  /* put `state` into a free entry; if there is none: ek_affinity_unstored() */
	EK_ACT_UPDATE, /* replace the entry's state by `state`, if it still is what was read */
};

struct ek_decision {
	__u32 backend; /* EK_NO_BACKEND: drop */
	enum ek_act act;
	__u64 state;
	__u8 used_def; /* a miss relied on def: the slot may not settle for the idle time */
};

/* A packet of a flow that is not remembered, or cannot be: it belongs to def. */
static inline struct ek_decision ek_affinity_miss(const struct ek_situation *s)
{
	struct ek_decision d = { .act = EK_ACT_NONE };

	d.used_def = s->def_live && s->def != s->cur;
	d.backend = s->def_live ? s->def : s->cur;
	return d;
}

static inline struct ek_decision ek_affinity_store(__u32 backend, __u64 state, enum ek_act act)
{
	struct ek_decision d = { .backend = backend, .act = act, .state = state };

	return d;
}

/* Where a packet in an unsettled slot goes, and what is to be remembered of it. */
static inline struct ek_decision ek_affinity_decide(const struct ek_situation *s)
{
	enum ek_phase phase = ek_flow_phase(s->entry);
	__u32 owner = ek_flow_backend(s->entry);
	int known = phase == EK_PHASE_PENDING || phase == EK_PHASE_CONFIRMED;

	if (known && s->entry_live && phase == EK_PHASE_CONFIRMED) {
		if (s->packet == EK_PACKET_RELATED || ek_flow_seen(s->entry) == s->now_s)
			return ek_affinity_store(owner, 0, EK_ACT_NONE);
		return ek_affinity_store(owner, ek_flow_confirmed(owner, s->now_s), EK_ACT_UPDATE);
	}
	if (known && s->entry_live && s->packet == EK_PACKET_SYN)
		return ek_affinity_store(owner, ek_flow_pending(owner, s->seq, s->now_s),
					 EK_ACT_UPDATE);
	if (known && s->entry_live && s->packet == EK_PACKET_TCP &&
	    s->seq - ek_flow_isn(s->entry) - 1 < EK_ISN_WINDOW)
		return ek_affinity_store(owner, ek_flow_confirmed(owner, s->now_s), EK_ACT_UPDATE);

	if (s->cur == EK_NO_BACKEND)
		return ek_affinity_miss(s); /* the pool is empty: nobody to remember */
	if (s->packet == EK_PACKET_SYN && (!known || !s->entry_live)) {
		/* An entry of a dead backend is replaced even where cur = def: were it kept and
		 * the backend to return, it would claim the new flow. */
		if (known)
			return ek_affinity_store(s->cur, ek_flow_pending(s->cur, s->seq, s->now_s),
						 EK_ACT_UPDATE);
		if (s->cur == s->def)
			return ek_affinity_store(s->cur, 0, EK_ACT_NONE);
		return ek_affinity_store(s->cur, ek_flow_pending(s->cur, s->seq, s->now_s),
					 EK_ACT_STORE);
	}
	if (s->packet == EK_PACKET_UDP && (known || s->cur != s->def)) {
		/* UDP has no SYN: during the grace period whoever speaks is taken for an old flow,
		 * afterwards for a new one. Either way it is remembered, and confirmed at once. An
		 * entry of a dead backend is replaced, as above. */
		__u32 to = s->udp_grace && s->def_live ? s->def : s->cur;

		return ek_affinity_store(to, ek_flow_confirmed(to, s->now_s),
					 known ? EK_ACT_UPDATE : EK_ACT_STORE);
	}
	return ek_affinity_miss(s);
}

/* The flow of `d` (act EK_ACT_STORE) found no free entry, or one of its own that is just being
 * written or swept. */
static inline struct ek_decision ek_affinity_unstored(const struct ek_situation *s,
						      const struct ek_decision *d)
{
	struct ek_decision miss = ek_affinity_miss(s);

	if (s->packet == EK_PACKET_UDP) {
		miss.backend = d->backend;
		miss.used_def = d->backend == s->def;
		return miss;
	}
	if (!s->def_live)
		miss.backend = EK_NO_BACKEND;
	return miss;
}

/* The slot gets another owner: Change to N. `now_s` starts the idle time of the new def. */
static inline __u64 ek_slot_change(__u64 slot, __u32 owner, __u32 now_s)
{
	__u32 def = slot & EK_SLOT_UNSETTLED ? ek_slot_def(slot) : ek_slot_cur(slot);

	if (owner == ek_slot_cur(slot))
		return slot;
	return ek_slot_word(owner, def, 1, now_s);
}

/* Seconds since a miss last used def, modulo 32768. */
static inline __u32 ek_slot_quiet_s(__u64 slot, __u32 now_s)
{
	return ek_seconds_since(ek_slot_epoch(slot), now_s, EK_EPOCH_MASK);
}

#endif
