// SPDX-License-Identifier: GPL-2.0
#include "shed_case.h"

#define NS_PER_MS 1000000

bool shed_spend(struct shed_host *h, uint32_t cpu, uint64_t now_ns)
{
	if (h->of[cpu] != h->rate)
		h->purses[cpu] = 0; /* borrowed under another number */
	h->of[cpu] = h->rate;
	if (!h->purses[cpu])
		h->purses[cpu] = ek_borrow(&h->spent_ns, h->rate, h->cpus, now_ns);
	if (!h->purses[cpu])
		return false;
	h->purses[cpu]--;
	return true;
}

bool shed_admit(struct shed_host *h, struct ek_note_bucket *notes, uint32_t buckets, uint64_t hash,
		uint32_t cpu, uint64_t now_ns)
{
	__u64 *bucket = notes[hash >> 32 & (buckets - 1)].note, *note = bucket;
	uint32_t now_ms = (uint32_t)(now_ns / NS_PER_MS), most = 0;
	bool admitted;

	for (int i = 0; i < EK_NOTES_PER_BUCKET; i++) {
		uint32_t claim = ek_note_claim(bucket[i], hash, now_ms);

		note = claim > most ? &bucket[i] : note;
		most = claim > most ? claim : most;
	}
	if (most & EK_CLAIM_OWN) {
		if (ek_note_repeats(*note) >= EK_SYN_REPEATS)
			return false;
		*note = ek_note_repeated(*note);
		return *note & EK_NOTE_ADMITTED;
	}
	admitted = shed_spend(h, cpu, now_ns);
	*note = ek_note(hash, now_ms, admitted);
	return admitted;
}
