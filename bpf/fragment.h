/* SPDX-License-Identifier: GPL-2.0 */
/* Fragments go where the first one of their datagram went. The first one has the ports; that it
 * was sent to a backend is noted in a table that all CPUs share, because a NIC that spreads by
 * ports puts the others on another queue. The table is bounded: a note is forgotten when its
 * time is over, or for a younger one. */
#ifndef EVENKEEL_BPF_FRAGMENT_H
#define EVENKEEL_BPF_FRAGMENT_H

#include "evenkeel/hash.h"
#include "packet.h"
#include "service.h"
#include "verdict.h"

/* Which note gives way: our own before, a free place, the oldest (ages are below 256). */
enum { PLACE_IS_FREE = 1000, PLACE_IS_OURS = 2000 };

static __always_inline __u32 second_now(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000000ull;
}

static __always_inline __u64 fragment_hash(const struct packet *p)
{
	return ek_fragment_hash(p->global->key, &p->src, &p->dst, p->fragment_id,
				p->ipv6 ? 0 : p->proto);
}

/* Notes where the first fragment goes; nowhere (EK_NO_BACKEND) ends what an earlier datagram
 * with the same identification left. Two CPUs that meet here lose one of two notes. Not static,
 * as the next: so the verifier judges it once, and not once for each way to it. */
__noinline int fragment_note(__u64 hash, __u32 backend)
{
	__u32 tag = ek_fragment_tag(hash), now_s = second_now();
	struct ek_fragment_bucket *b = element(fragments, ek_fragment_bucket(hash));
	__u32 best = 0, place;

	if (!b)
		return 0;
#pragma unroll
	for (int i = 0; i < EK_FRAGMENTS_PER_BUCKET; i++) {
		__u64 note = load_once(b->note[i]);
		__u32 claim = ek_fragment_age(note, now_s) + PLACE_IS_FREE * is_zero(note) +
			      PLACE_IS_OURS * is_zero(ek_fragment_note_tag(note) ^ tag);

		claim = claim * EK_FRAGMENTS_PER_BUCKET + i;
		if (claim > best)
			best = claim;
	}
	place = best % EK_FRAGMENTS_PER_BUCKET;
	if (backend)
		store_once(b->note[place], ek_fragment_note(tag, backend, now_s));
	else if (best / EK_FRAGMENTS_PER_BUCKET >= PLACE_IS_OURS)
		store_once(b->note[place], 0);
	return 0;
}

/* Where the first fragment went, or EK_NO_BACKEND. */
__noinline __u32 fragment_backend(__u64 hash)
{
	__u32 tag = ek_fragment_tag(hash), now_s = second_now();
	struct ek_fragment_bucket *b = element(fragments, ek_fragment_bucket(hash));

	if (!b)
		return EK_NO_BACKEND;
#pragma unroll
	for (int i = 0; i < EK_FRAGMENTS_PER_BUCKET; i++) {
		__u64 note = load_once(b->note[i]);

		if (note && ek_fragment_note_tag(note) == tag &&
		    ek_fragment_age(note, now_s) <= EK_FRAGMENT_S)
			return ek_fragment_backend(note);
	}
	return EK_NO_BACKEND;
}

/* One that comes before the first, or without it, cannot be told from the host's own: it is
 * passed, and counted. */
static __always_inline int fragment_early(const struct packet *p)
{
	if (!is_service_address(p))
		return not_for_a_service(p);
	cpu_verdicts(bpf_get_smp_processor_id())->early_fragments++;
	return pass();
}

static __always_inline int fragment_follow(struct packet *p)
{
	p->hash = fragment_hash(p);
	p->backend = fragment_backend(p->hash);
	if (!p->backend)
		return fragment_early(p);
	p->syn = 0;
	p->related = 1;
	return p->defect ? drop(p->defect - 1) : NEXT;
}

#endif
