/* SPDX-License-Identifier: GPL-2.0 */
/* Shedding: what a backend has declared that it can take, and who is turned away above it. The maps
 * of it, and the arithmetic, which the tests run as the data path does. docs/packet-path.md
 * ("Capacity") says what it does, and what it cannot do. */
#ifndef EVENKEEL_SHED_H
#define EVENKEEL_SHED_H

#include <linux/types.h>

#define EK_MAP_CAPACITIES "capacities"
#define EK_MAP_PURSES "purses"
#define EK_MAP_SHED_NOTES "shed_notes"

/* Per second. The most is what a nanosecond clock still counts well, and the number of an entry's
 * tokens that fits what a purse remembers; the least packets are ten in the tenth of a second for
 * which a share of the flows is admitted. */
#define EK_CAPACITY_MAX 10000000u
#define EK_PACKETS_MIN 100u

/* capacities[backend]: declared by user space, spent by all CPUs. */
struct ek_capacity {
	__u64 flows_spent_ns;   /* the tokens of new flows up to this moment are handed out */
	__u64 packets_spent_ns; /* those of packets */
	__u64 share;            /* of the flows of plain UDP: ek_share_word() */
	__u32 flows;            /* new flows a second; 0: not declared */
	__u32 packets;          /* packets of plain UDP a second; 0: not declared */
	/* New flows a second for the time being, 0: no bound; and the second of CLOCK_MONOTONIC after which
	 * it is none: who is to lift it may be dead. */
	__u32 held, held_until_s;
	__u64 pad[3];
};
_Static_assert(sizeof(struct ek_capacity) == 64, "one cache line");

/* The lesser of what is declared and what holds for the time being. */
static inline __u32 ek_capacity_flows(const struct ek_capacity *c, __u32 now_s)
{
	__u32 flows = c->flows, held = c->held;

	if (!held || (__s32)(now_s - c->held_until_s) > 0)
		return flows;
	return flows && flows < held ? flows : held;
}

/* purses[cpu * global.backends + backend]: what the CPU has borrowed and not spent, and what it has
 * shed. */
struct ek_purse {
	__u16 flows_of;   /* the declared number that the tokens are of, its low bits: of another */
	__u16 packets_of; /* one, they are void */
	__u8 flows;       /* tokens left */
	__u8 packets;
	__u8 wanted; /* packets not yet added to the share's word */
	__u8 pad;
	__u64 shed; /* packets that were not forwarded: above the capacity */
};
_Static_assert(sizeof(struct ek_purse) == 16, "four to a cache line");

/* ---- the budget: a bucket of tokens, from which CPUs borrow ----------------------------------- */

#define EK_NS_PER_S 1000000000ull

/* What may come at once after quiet: a tenth of a second's worth, so that in any second no more than
 * a tenth too many come; or ten, or a backend that takes five a second would be sent no two at
 * once. */
#define EK_BURST_PART 10u
#define EK_BURST_LEAST 10u
static inline __u32 ek_burst(__u32 rate)
{
	__u32 least = rate < EK_BURST_LEAST ? rate : EK_BURST_LEAST;

	return rate / EK_BURST_PART > least ? rate / EK_BURST_PART : least;
}

/* How many tokens a CPU borrows: so few that what lies in all purses is a sixteenth of a burst at
 * most, and one, if need be, which is spent at once. */
#define EK_BATCH_MAX 64u
#define EK_PURSES_PART 16u
static inline __u32 ek_batch(__u32 rate, __u32 cpus)
{
	__u32 batch = ek_burst(rate) / (EK_PURSES_PART * (cpus ? cpus : 1));

	if (batch > EK_BATCH_MAX)
		return EK_BATCH_MAX;
	return batch ? batch : 1;
}

/* Takes up to a batch of tokens. Returns how many, and what `spent` is after it. What lies in
 * purses counts as a part of the burst. */
static inline __u32 ek_borrow(__u64 *spent_ns, __u32 rate, __u32 cpus, __u64 now_ns)
{
	__u64 token_ns = EK_NS_PER_S / (rate ? rate : 1), from = *spent_ns;
	__u32 batch = ek_batch(rate, cpus), tokens;
	__u64 full_ns = (ek_burst(rate) - (batch - 1) * cpus) * token_ns;

	if (from + full_ns < now_ns)
		from = now_ns - full_ns;
	if (from >= now_ns)
		return 0;
	tokens = (now_ns - from) / token_ns;
	if (tokens > batch)
		tokens = batch;
	*spent_ns = from + tokens * token_ns;
	return tokens;
}

/* ---- the same verdict for a repeated packet --------------------------------------------------- */

/* For so long a flow's first verdict holds. */
#define EK_VERDICT_MS 1000u
/* But for so many packets at most, or who repeats one admitted SYN for ever is never counted. A
 * client sends a SYN again once or twice in a second; a QUIC client's first flight may be many
 * Initial and 0-RTT packets. */
#define EK_SYN_REPEATS 7u
#define EK_INITIAL_REPEATS 63u

/* A note in one word: 0..31 tag, 32..55 when (milliseconds, modulo 2^24), 56..61 repeats, 62
 * admitted, 63 one before it was. Tag and bucket come from a keyed hash of the flow and its backend. */
#define EK_NOTES_PER_BUCKET 8
struct ek_note_bucket {
	__u64 note[EK_NOTES_PER_BUCKET];
};
_Static_assert(sizeof(struct ek_note_bucket) == 64, "one cache line");

#define EK_NOTE_MS_MASK 0xffffffu
#define EK_NOTE_ADMITTED (1ull << 62)
#define EK_NOTE_BEFORE (1ull << 63)

/* As many buckets as an eighth of the backends: a note for each. */
static inline __u32 ek_note_buckets(__u32 backends)
{
	__u32 buckets = 512;

	while (buckets < backends / EK_NOTES_PER_BUCKET)
		buckets *= 2;
	return buckets;
}
static inline __u32 ek_note_tag(__u64 hash)
{
	return (__u32)hash | 1; /* a note is never 0 */
}
static inline __u64 ek_note(__u64 hash, __u32 now_ms, int admitted)
{
	return ek_note_tag(hash) | (__u64)(now_ms & EK_NOTE_MS_MASK) << 32 |
	       (admitted ? EK_NOTE_ADMITTED : 0);
}
static inline __u32 ek_note_age(__u64 note, __u32 now_ms)
{
	return (now_ms - (__u32)(note >> 32)) & EK_NOTE_MS_MASK;
}
static inline __u32 ek_note_repeats(__u64 note)
{
	return note >> 56 & 63;
}
static inline __u64 ek_note_repeated(__u64 note)
{
	return note + (1ull << 56);
}

/* Is it of that flow and backend, however old, and was a packet of it admitted? Then the backend may have
 * answered. Without branches, as the next. */
static inline __u32 ek_note_reached(__u64 note, __u64 hash)
{
	__u32 differs = (__u32)note ^ ek_note_tag(hash);

	return ~(differs | (0 - differs)) >> 31 & (__u32)((note >> 62) | (note >> 63));
}

/* How much a note is the one to be written: the flow's own; else one that is over; else the oldest
 * of those shed; else the oldest of those admitted. So a flood, whose SYNs are mostly shed, takes
 * the place of no admitted one while there is another. Without branches, for the verifier. */
#define EK_CLAIM_OWN (1u << 12)
static inline __u32 ek_note_claim(__u64 note, __u64 hash, __u32 now_ms)
{
	__u32 age = ek_note_age(note, now_ms);
	__u32 over = (EK_VERDICT_MS - 1 - age) >> 31;
	__u32 shed = (note & EK_NOTE_ADMITTED) == 0;
	__u32 differs = (__u32)note ^ ek_note_tag(hash);
	__u32 own = ~(differs | (0 - differs)) >> 31 & ~over;

	return own << 12 | over << 11 | shed << 10 | (age & 1023);
}

/* ---- plain UDP: the share of its flows that is admitted --------------------------------------- */

/* For each tenth of a second a share of all flows, by their hash: so a flow that is admitted is so
 * whole. The word: 0..23 packets of admitted flows so far, 24..47 the share, 48..63 which tenth
 * of a second. */
#define EK_SHARE_NS (EK_NS_PER_S / EK_BURST_PART)
#define EK_SHARE_ALL 0xffffffu
#define EK_SHARE_WANTED_MAX 0x7fffffu
/* After so many of them without a packet all flows are admitted. */
#define EK_SHARE_QUIET 10u
/* A CPU that read the clock and was kept from going on may be behind the word by so many: it takes
 * what it finds. */
#define EK_SHARE_BEHIND 8u

static inline __u64 ek_share_word(__u16 period, __u32 share, __u32 wanted)
{
	return (__u64)period << 48 | (__u64)(share & EK_SHARE_ALL) << 24 | (wanted & 0xffffff);
}
static inline __u16 ek_share_period(__u64 now_ns)
{
	return now_ns / EK_SHARE_NS;
}
static inline __u32 ek_share(__u64 word)
{
	return word >> 24 & EK_SHARE_ALL;
}
static inline __u32 ek_share_wanted(__u64 word)
{
	return word & 0xffffff;
}
static inline int ek_share_has(__u64 word, __u64 hash)
{
	return hash >> 40 <= ek_share(word);
}

/* The word for the present tenth of a second: the share is made so much smaller as too many packets
 * came in the one before, or larger, but at most doubled: flows differ in size. */
static inline __u64 ek_share_step(__u64 word, __u32 rate, __u64 now_ns)
{
	__u16 now = ek_share_period(now_ns);
	__u16 passed = now - (__u16)(word >> 48);
	__u64 budget = rate / EK_BURST_PART, wanted = ek_share_wanted(word), share;

	if (!passed || (word && passed > 0xffff - EK_SHARE_BEHIND))
		return word;
	if (!word || passed >= EK_SHARE_QUIET)
		return ek_share_word(now, EK_SHARE_ALL, 0);
	wanted /= passed;
	if (wanted < (budget + 1) / 2)
		wanted = (budget + 1) / 2;
	share = (ek_share(word) + 1ull) * budget / (wanted ? wanted : 1);
	return ek_share_word(now, share > EK_SHARE_ALL ? EK_SHARE_ALL : share ? share : 1, 0);
}

#endif
