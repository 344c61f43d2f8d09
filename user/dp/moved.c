// SPDX-License-Identifier: GPL-2.0
#include "dp/moved.h"

#include <errno.h>
#include <stdlib.h>

#include "evenkeel/affinity.h"

/* Of each entry of the table what is known of the flow in it: 0..7 the second of its first SYN, modulo 256,
 * 8 waiting, 9 told, 10..31 bits of its tag. 0: nothing. A flow that is sent again renews its entry: so the
 * table does not say when it began. */
struct dp_moved {
	size_t count;
	uint32_t known[];
};
#define WAITING (1u << 8)
#define TOLD (1u << 9)
#define TAG_MASK (~0u << 10)

static uint32_t tag_bits(uint64_t tag)
{
	return (uint32_t)(tag >> 32) & TAG_MASK;
}

static const struct ek_flow *entry_at(const struct dp *dp, size_t i)
{
	return &dp->flows[i / EK_FLOWS_PER_BUCKET].flow[i % EK_FLOWS_PER_BUCKET];
}

int dp_moved_open(struct dp_moved **out, const struct dp *dp)
{
	size_t count = (size_t)dp->sizes.flow_buckets * EK_FLOWS_PER_BUCKET;
	struct dp_moved *m = calloc(1, sizeof(*m) + count * sizeof(m->known[0]));

	if (!m)
		return -ENOMEM;
	m->count = count;
	for (size_t i = 0; i < count; i++) {
		uint64_t tag = __atomic_load_n(&entry_at(dp, i)->tag, __ATOMIC_RELAXED);

		m->known[i] = tag ? tag_bits(tag) | TOLD : 0;
	}
	*out = m;
	return 0;
}

void dp_moved_close(struct dp_moved *m)
{
	free(m);
}

/* What is known of the flow now; *completed and TOLD, where that is new, are to be told. */
static uint32_t look(uint32_t known, uint64_t tag, uint64_t state, uint32_t now_s, uint32_t wait_s,
		     bool *completed)
{
	bool is_pending = ek_flow_phase(state) == EK_PHASE_PENDING;
	uint32_t began = is_pending ? now_s - ek_flow_syn_age(state, now_s) : now_s;

	if (!known || (known & TAG_MASK) != tag_bits(tag))
		known = tag_bits(tag) | WAITING | (began & 0xff);
	*completed = !is_pending;
	if (!is_pending || ((now_s - known) & 0xff) >= wait_s)
		known |= TOLD;
	return known;
}

void dp_moved_read(struct dp_moved *m, const struct dp *dp, uint32_t now_s, uint32_t wait_s,
		   dp_moved_reader read, void *context)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct ek_flow *f = entry_at(dp, i);
		uint64_t tag = __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE), state;
		uint32_t was = m->known[i];
		bool completed;

		if (!tag) {
			if (was)
				m->known[i] = 0;
			continue;
		}
		state = __atomic_load_n(&f->state, __ATOMIC_RELAXED);
		/* Being written, or swept; and a backend's death or its end says nothing here. */
		if (!ek_flow_known(state) || ek_flow_phase(state) == EK_PHASE_CONTESTED ||
		    ek_flow_backend(state) >= dp->sizes.backends)
			continue;
		m->known[i] = look(was, tag, state, now_s, wait_s, &completed);
		if (m->known[i] & TOLD && !(was & TOLD && (was & TAG_MASK) == tag_bits(tag)))
			read(context, ek_flow_backend(state), completed);
	}
}
