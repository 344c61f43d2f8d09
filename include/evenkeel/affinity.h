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
 * 0..23 backend, 24..26 phase, then
 *   pending, contested: 27..32 second it was stored or last renewed (modulo 64), 33..63 the
 *                       SYN's ISN without its lowest bit
 *   confirmed:          32..63 second it was last seen (CLOCK_MONOTONIC)                     */

enum ek_phase {
	EK_PHASE_NONE,      /* claimed, not yet written */
	EK_PHASE_PENDING,   /* a SYN was seen; anybody can forge one */
	EK_PHASE_CONFIRMED, /* a packet that knows the SYN's sequence number followed */
	EK_PHASE_GONE,      /* being swept: matches nothing, may not be written */
	EK_PHASE_CONTESTED, /* confirmed, then its backend died, then a SYN was seen */
};
#define EK_FLOW_GONE ((__u64)EK_PHASE_GONE << 24)

static inline __u32 ek_flow_backend(__u64 state)
{
	return state & EK_BACKEND_INDEX_MAX;
}
static inline enum ek_phase ek_flow_phase(__u64 state)
{
	return (enum ek_phase)(state >> 24 & 7);
}
/* Is there a flow, rather than an entry that is being written or swept? */
static inline int ek_flow_known(__u64 state)
{
	enum ek_phase phase = ek_flow_phase(state);

	return phase != EK_PHASE_NONE && phase != EK_PHASE_GONE;
}
static inline __u32 ek_flow_isn(__u64 state)
{
	return (__u32)(state >> 33) << 1;
}
static inline __u32 ek_flow_seen(__u64 state)
{
	return state >> 32;
}
static inline __u64 ek_flow_syn(__u32 backend, __u32 isn, __u32 now_s, enum ek_phase phase)
{
	return (__u64)(isn >> 1) << 33 | (__u64)(now_s & 63) << 27 | (__u64)phase << 24 | backend;
}
static inline __u64 ek_flow_pending(__u32 backend, __u32 isn, __u32 now_s)
{
	return ek_flow_syn(backend, isn, now_s, EK_PHASE_PENDING);
}
static inline __u64 ek_flow_contested(__u32 backend, __u32 isn, __u32 now_s)
{
	return ek_flow_syn(backend, isn, now_s, EK_PHASE_CONTESTED);
}
static inline __u64 ek_flow_confirmed(__u32 backend, __u32 now_s)
{
	return (__u64)now_s << 32 | (__u64)EK_PHASE_CONFIRMED << 24 | backend;
}

/* ---- time ------------------------------------------------------------------------------------
 * Seconds of CLOCK_MONOTONIC. What is noted of a packet may be this much older than the packet:
 * the second had begun before, the coarse clock lags by a tick, the packet was under way. */
#define EK_CLOCK_LAG_S 1u

/* And it may be ahead of what the controller judges by, which reads the clock once a round, and may
 * be kept from going on then. So much ahead counts as now: what the words have room for, beyond
 * the longest idle time (8 hours) and the longest handshake. */
#define EK_EPOCH_AHEAD_S 3600u
#define EK_SYN_AHEAD_S 24u

/* Seconds from `then` to `now_s`, both modulo mask + 1. */
static inline __u32 ek_seconds_since(__u32 then, __u32 now_s, __u32 mask, __u32 ahead_s)
{
	__u32 seconds = (now_s - then) & mask;

	return seconds > mask - ahead_s ? 0 : seconds;
}

/* Seconds since a pending or contested flow's SYN, modulo 64. */
static inline __u32 ek_flow_syn_age(__u64 state, __u32 now_s)
{
	return ek_seconds_since((__u32)(state >> 27), now_s, 63, EK_SYN_AHEAD_S);
}

/* Seconds since a miss last used def, modulo 32768. */
static inline __u32 ek_slot_quiet_s(__u64 slot, __u32 now_s)
{
	return ek_seconds_since(ek_slot_epoch(slot), now_s, EK_EPOCH_MASK, EK_EPOCH_AHEAD_S);
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

/* ---- the rules: a packet in an unsettled slot -----------------------------------------------
 * tests/model searches these exhaustively, and proves of each that something breaks without it. */

enum ek_packet {
	EK_PACKET_SYN,     /* TCP SYN without ACK */
	EK_PACKET_TCP,     /* any other TCP segment */
	EK_PACKET_UDP,     /* no beginning can be told from the packet */
	EK_PACKET_RELATED, /* ICMP errors, fragments: follow a flow, never make one */
	EK_PACKET_INITIAL, /* QUIC's: UDP that begins a flow, where most of those follow numbers */
};

/* What is known when a packet reaches an unsettled slot. */
struct ek_situation {
	enum ek_packet packet;
	__u32 cur, def;
	__u64 entry; /* state word of the remembered flow, 0: none */
	__u32 seq;   /* TCP sequence number, host order */
	__u32 now_s; /* CLOCK_MONOTONIC seconds */
	__u8 def_live, entry_live;
	__u8 udp_grace; /* ek_slot_udp_grace() */
};

enum ek_act {
	EK_ACT_NONE,
	EK_ACT_STORE,  /* put `state` into a free entry; if there is none: ek_affinity_unstored() */
	EK_ACT_UPDATE, /* replace the entry's state by `state`; if it changed: ek_affinity_lost() */
};

struct ek_decision {
	__u32 backend; /* EK_NO_BACKEND: drop */
	enum ek_act act;
	__u64 state;
	/* A miss relies on def: ek_slot_touch(), or else the slot may settle under the flow. */
	__u8 used_def;
};

static inline struct ek_decision ek_affinity_remember(__u32 backend, __u64 state, enum ek_act act)
{
	struct ek_decision d = { .backend = backend, .act = act, .state = state };

	return d;
}

/* A packet of a flow that is not remembered, or cannot be: it belongs to def. */
static inline struct ek_decision ek_affinity_miss(const struct ek_situation *s)
{
	struct ek_decision d = { .act = EK_ACT_NONE };

	d.used_def = s->def_live && s->def != s->cur;
	d.backend = s->def_live ? s->def : s->cur;
	return d;
}

/* Is the packet the one that follows the remembered SYN? */
static inline int ek_affinity_fits(const struct ek_situation *s)
{
	return s->packet == EK_PACKET_TCP && s->seq - ek_flow_isn(s->entry) - 1 < EK_ISN_WINDOW;
}

/* The flow is remembered, and its backend lives. */
static inline struct ek_decision ek_affinity_known(const struct ek_situation *s)
{
	enum ek_phase phase = ek_flow_phase(s->entry);
	__u32 owner = ek_flow_backend(s->entry);
	__u64 confirmed = ek_flow_confirmed(owner, s->now_s);

	if (phase == EK_PHASE_PENDING && s->packet == EK_PACKET_SYN)
		return ek_affinity_remember(owner, ek_flow_pending(owner, s->seq, s->now_s),
					    EK_ACT_UPDATE);
	/* Anybody can send a SYN: who does not know its sequence number is another flow, def's. */
	if (phase == EK_PHASE_PENDING && !ek_affinity_fits(s))
		return ek_affinity_miss(s);
	if (s->packet == EK_PACKET_RELATED)
		return ek_affinity_remember(owner, 0, EK_ACT_NONE);
	return ek_affinity_remember(owner, confirmed, EK_ACT_UPDATE);
}

static inline int ek_affinity_udp(const struct ek_situation *s)
{
	return s->packet == EK_PACKET_UDP || s->packet == EK_PACKET_INITIAL;
}

/* The flow is remembered, but its backend is dead. It may come back, and its flows with it; who
 * begins meanwhile must not be claimed by it then. */
static inline struct ek_decision ek_affinity_orphan(const struct ek_situation *s)
{
	struct ek_decision d = ek_affinity_miss(s);
	enum ek_phase phase = ek_flow_phase(s->entry);

	if (d.backend == EK_NO_BACKEND)
		return d;
	if (ek_affinity_udp(s) || (phase != EK_PHASE_CONFIRMED && ek_affinity_fits(s)))
		return ek_affinity_remember(d.backend, ek_flow_confirmed(d.backend, s->now_s),
					    EK_ACT_UPDATE);
	if (s->packet != EK_PACKET_SYN)
		return d;
	if (phase == EK_PHASE_PENDING)
		return ek_affinity_remember(d.backend, ek_flow_pending(d.backend, s->seq, s->now_s),
					    EK_ACT_UPDATE);
	/* Anybody can send a SYN: it must not take the flow away. Only who also knows its
	 * sequence number is believed. */
	d.act = EK_ACT_UPDATE;
	d.state = ek_flow_contested(ek_flow_backend(s->entry), s->seq, s->now_s);
	return d;
}

/* The flow is not remembered. */
static inline struct ek_decision ek_affinity_unknown(const struct ek_situation *s)
{
	__u32 to = s->cur;

	/* Where old and new flows have the same backend nothing is remembered; nor if the pool
	 * is empty. */
	if (s->cur == s->def || s->cur == EK_NO_BACKEND)
		return ek_affinity_miss(s);
	if (s->packet == EK_PACKET_SYN)
		return ek_affinity_remember(to, ek_flow_pending(to, s->seq, s->now_s),
					    EK_ACT_STORE);
	if (!ek_affinity_udp(s))
		return ek_affinity_miss(s);
	/* UDP has no SYN: while flows of def may be among them, whoever speaks is taken for one;
	 * afterwards, and an Initial always, for a new one. Either way it is remembered, and
	 * confirmed at once. */
	if (s->packet == EK_PACKET_UDP && s->udp_grace && s->def_live)
		to = s->def;
	return ek_affinity_remember(to, ek_flow_confirmed(to, s->now_s), EK_ACT_STORE);
}

/* Where a packet in an unsettled slot goes, and what is to be remembered of it. */
static inline struct ek_decision ek_affinity_decide(const struct ek_situation *s)
{
	struct ek_decision d;

	if (!ek_flow_known(s->entry))
		return ek_affinity_unknown(s);
	d = s->entry_live ? ek_affinity_known(s) : ek_affinity_orphan(s);
	if (d.state == s->entry)
		d.act = EK_ACT_NONE; /* so a busy flow's entry is written once a second at most */
	return d;
}

/* A new flow found no free entry, or one of its own that is just being written or swept. It
 * goes where its next packets will go as misses; while def is dead they would not stay there
 * when it returns: dropped. */
static inline struct ek_decision ek_affinity_unstored(const struct ek_situation *s)
{
	struct ek_decision miss = ek_affinity_miss(s);

	if (!s->def_live)
		miss.backend = EK_NO_BACKEND;
	return miss;
}

/* The entry to be updated is not what was read any more, it is `found`. If it has the same backend,
 * well: another packet of the flow was quicker. If it has just been swept, the flow is not
 * remembered. Else the packet is dropped, and the next one sees what became of it. */
static inline struct ek_decision ek_affinity_lost(const struct ek_situation *s,
						  const struct ek_decision *d, __u64 found)
{
	struct ek_decision lost = *d;

	if (!ek_flow_known(found))
		return ek_affinity_unstored(s);
	if (ek_flow_backend(found) != ek_flow_backend(d->state))
		lost.backend = EK_NO_BACKEND;
	return lost;
}

/* Has def been quiet for so long that whatever flow it had is idle beyond its idle time? Until
 * then UDP without an entry is taken for its flow: a change begins this period for the slots that
 * it moves, and what relies on def prolongs it. */
static inline int ek_slot_udp_grace(__u64 slot, __u32 idle_s, __u32 now_s)
{
	return ek_slot_quiet_s(slot, now_s) <= idle_s + EK_CLOCK_LAG_S;
}

/* A miss relied on def in this second. */
static inline __u64 ek_slot_touch(__u64 slot, __u32 now_s)
{
	return ek_slot_word(ek_slot_cur(slot), ek_slot_def(slot), 1, now_s);
}

/* The slot to be touched is not what was read any more, it is `found`. If it settled, nobody
 * goes to def again: the packet is dropped, for it would be the last one there. Else it is to be
 * touched as it is now. */
static inline int ek_slot_keeps(__u64 found)
{
	return (found & EK_SLOT_UNSETTLED) != 0;
}

/* ---- the rules: a change -------------------------------------------------------------------- */

/* Packets that read the old table go on noting there that they rely on def, until the grace
 * period after the switch is over. So the new table's slots are written with a time ahead of the
 * clock, which counts as just now; ek_slot_catch_up() replaces it. If the controller dies before,
 * it passes. */
#define EK_CHANGE_AHEAD_S 4u
_Static_assert(EK_CHANGE_AHEAD_S + EK_CLOCK_LAG_S <= EK_EPOCH_AHEAD_S, "counts as just now");

/* The slot as it is in the new table, with this owner. Its default stays what it was while it is
 * unsettled: older flows that are not remembered are still its. Whom nobody had, nobody loses. */
static inline __u64 ek_slot_change(__u64 slot, __u32 owner, __u32 now_s)
{
	__u32 cur = ek_slot_cur(slot);

	if (slot & EK_SLOT_UNSETTLED)
		return ek_slot_word(owner, ek_slot_def(slot), 1, now_s + EK_CHANGE_AHEAD_S);
	if (owner == cur || cur == EK_NO_BACKEND)
		return ek_slot_word(owner, owner, 0, 0);
	return ek_slot_word(owner, cur, 1, now_s + EK_CHANGE_AHEAD_S);
}

/* The slot in the new table, written at `written_s`, after the grace period: `old` is what has
 * become of it in the old one. Def has been quiet for as long as there, if new flows were not
 * its too, and unless a packet has noted otherwise in the new one. Of a def that is to be looked up
 * in a table before these nobody knows whether they were: who was the owner may have been. Nor what
 * it means that the time written ahead stands there, once that time has come. */
static inline __u64 ek_slot_catch_up(__u64 slot, __u64 old, __u32 written_s, __u32 now_s)
{
	__u32 ahead_s = written_s + EK_CHANGE_AHEAD_S;

	if (slot != ek_slot_touch(slot, ahead_s))
		return slot;
	if (now_s >= ahead_s)
		return ek_slot_touch(slot, now_s);
	if (!(old & EK_SLOT_UNSETTLED) || ek_slot_cur(old) == ek_slot_def(old))
		return ek_slot_touch(slot, now_s);
	if (ek_slot_def(old) == EK_DEF_OLD_TABLE && ek_slot_cur(old) != ek_slot_cur(slot))
		return ek_slot_touch(slot, now_s);
	return ek_slot_touch(slot, ek_slot_epoch(old));
}

/* ---- the rules: a table of another size, hash choice or key ----------------------------------
 * Which slot a flow had in the table before cannot be told from its slot in this one, only from one
 * of its packets: def is looked up there. That table stays as it was when it was switched from,
 * until no slot refers to it any more, and meanwhile there is no other such change. Flows that are
 * remembered under it, where the hash was another, keep all slots from settling. */

/* A slot of such a table. */
static inline __u64 ek_slot_rebuilt(__u32 owner, __u32 now_s)
{
	return ek_slot_word(owner, EK_DEF_OLD_TABLE, 1, now_s + EK_CHANGE_AHEAD_S);
}

/* Def of the flows of a slot in the old table: who had the older ones there. */
static inline __u32 ek_old_slot_def(__u64 old)
{
	return old & EK_SLOT_UNSETTLED ? ek_slot_def(old) : ek_slot_cur(old);
}

/* Going back to the old table's shape, before any slot of the present one has settled: what began under
 * that one is remembered under it, and all else is def's in the old table, whose slots these are. A slot
 * of such a table; `old` is what it is there. */
static inline __u64 ek_slot_gone_back(__u64 old, __u32 owner, __u32 now_s)
{
	return ek_slot_word(owner, ek_old_slot_def(old), 1, now_s + EK_CHANGE_AHEAD_S);
}

/* May a flow be remembered under that slot, as its owner's? */
static inline int ek_old_slot_remembers(__u64 old)
{
	return (old & EK_SLOT_UNSETTLED) != 0;
}

/* The backend is given up: its flows there are the new slots' owners'. */
static inline __u64 ek_old_slot_release(__u64 old, __u32 backend)
{
	if (ek_old_slot_def(old) != backend)
		return old;
	if (old & EK_SLOT_UNSETTLED)
		return ek_slot_word(ek_slot_cur(old), EK_NO_BACKEND, 1, ek_slot_epoch(old));
	return ek_slot_word(EK_NO_BACKEND, EK_NO_BACKEND, 0, 0);
}

/* ---- the rules: settling, about every second ------------------------------------------------
 * A round reads the clock, waits until the packets that began before are through, sweeps the
 * remembered flows, settles slots, and lets backends go. */

/* What becomes of a remembered flow: itself, EK_FLOW_GONE, or what else its state shall be. */
static inline __u64 ek_flow_swept(__u64 state, __u64 slot, __u32 idle_s, __u32 now_s)
{
	__u32 backend = ek_flow_backend(state), seen = ek_flow_seen(state);
	enum ek_phase phase = ek_flow_phase(state);

	if (!(slot & EK_SLOT_UNSETTLED))
		return EK_FLOW_GONE;
	if (phase != EK_PHASE_CONFIRMED && ek_flow_syn_age(state, now_s) <= EK_PENDING_S)
		return state;
	if (phase == EK_PHASE_PENDING)
		return EK_FLOW_GONE;
	if (phase == EK_PHASE_CONTESTED)
		return ek_flow_confirmed(backend, now_s); /* nobody followed the SYN */
	return now_s > (__u64)seen + idle_s + EK_CLOCK_LAG_S ? EK_FLOW_GONE : state;
}

/* Does the flow keep its slot from settling? Once settled, it would be its owner's. */
static inline int ek_flow_foreign(__u64 state, __u64 slot)
{
	return ek_flow_backend(state) != ek_slot_cur(slot);
}

/* May the slot settle? `foreign`: this round's sweep found a flow in it that is. A packet that
 * began before def was quiet may still store a flow for def after the sweep: one lag more. */
static inline int ek_slot_may_settle(__u64 slot, int foreign, __u32 idle_s, __u32 now_s)
{
	return !foreign && (ek_slot_def(slot) == ek_slot_cur(slot) ||
			    ek_slot_quiet_s(slot, now_s) > idle_s + 2 * EK_CLOCK_LAG_S);
}
static inline __u64 ek_slot_settled(__u64 slot)
{
	return ek_slot_word(ek_slot_cur(slot), ek_slot_cur(slot), 0, 0);
}

/* The backend is given up: its drain time is over, or it has been dead for the hold time. What
 * is not remembered is the owner's from now on; what is remembered for it is to be forgotten
 * after that. */
static inline __u64 ek_slot_release(__u64 slot, __u32 backend)
{
	if (!(slot & EK_SLOT_UNSETTLED) || ek_slot_def(slot) != backend)
		return slot;
	return ek_slot_word(ek_slot_cur(slot), ek_slot_cur(slot), 1, ek_slot_epoch(slot));
}

/* Is a drain or hold time over that began at since_s? Not a second too early. */
static inline int ek_time_over(__u64 since_s, __u32 least_s, __u32 now_s)
{
	return now_s > since_s + least_s;
}

/* An index is free when no slot named it and no flow was remembered for it in so many rounds
 * in a row: the packets that read one which did are through since the last one began. */
#define EK_ROUNDS_UNNAMED 2u
static inline int ek_backend_gone(__u32 rounds_unnamed)
{
	return rounds_unnamed >= EK_ROUNDS_UNNAMED;
}

#endif
