// SPDX-License-Identifier: GPL-2.0
/* Freeing remembered flows under the data path's eyes. */
#include <stdlib.h>

#include "dp/flows.h"
#include "dp/index.h"
#include "dp/install.h"
#include "dp/object.h"
#include "evenkeel/table.h"
#include "lib/cleanup.h"

static bool is_of(uint64_t tag, uint64_t table)
{
	return ek_tag_parity(tag) == ek_flavour_parity(ek_table_flavour(table));
}

uint64_t *flow_slot(const struct dp *dp, uint64_t tag, uint32_t backend, bool *old)
{
	const struct ek_backend_id *id = &dp->backend_ids[backend];
	uint64_t table = dp->services[id->service].table, before = dp_old_table(dp, id->service),
		 undone = dp_undone_table(dp, id->service);

	if (id->used == BACKEND_FREE || !table)
		return NULL;
	*old = !is_of(tag, table);
	if (*old && before && is_of(tag, before))
		table = before;
	else if (*old && (!undone || !is_of(tag, undone)))
		return NULL;
	/* Of the slots there all are as unsettled as here, as long as one such flow is remembered. */
	return &dp->slots[ek_table_base(table) + (tag & ek_table_mask(table))];
}

bool flow_change(struct ek_flow *f, uint64_t state, uint64_t next)
{
	__u64 expected = state;

	return __atomic_compare_exchange_n(&f->state, &expected, next, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* GONE first, so that nobody writes the state; the tag last, which frees the entry. */
bool flow_forget(struct ek_flow *f, uint64_t state)
{
	if (!flow_change(f, state, EK_FLOW_GONE))
		return false;
	__atomic_store_n(&f->tag, 0, __ATOMIC_RELEASE);
	return true;
}

/* The tag of an entry that is GONE; 0 if it is not. */
static uint64_t gone_tag(const struct ek_flow *f)
{
	uint64_t tag = __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE);
	uint64_t state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);

	return ek_flow_phase(state) == EK_PHASE_GONE ? tag : 0;
}

static struct ek_flow *entry_at(const struct dp *dp, size_t i)
{
	return &dp->flows[i / EK_FLOWS_PER_BUCKET].flow[i % EK_FLOWS_PER_BUCKET];
}

/* GONE with a tag: claimed by the data path this very moment, or left so. A claim is over after a
 * grace period, and nobody claims an entry that has a tag: who is unchanged then was left. Left
 * entries cost room and nothing else, so that no failure here matters. */
void flows_free_left(struct dp *dp)
{
	size_t count = (size_t)dp->sizes.flow_buckets * EK_FLOWS_PER_BUCKET;
	_cleanup_(free_ptr) uint64_t *tags = calloc(count, sizeof(*tags));
	bool any = false;

	for (size_t i = 0; tags && i < count; i++) {
		tags[i] = gone_tag(entry_at(dp, i));
		any |= !!tags[i];
	}
	if (!any || grace_wait(dp))
		return;
	for (size_t i = 0; i < count; i++) {
		struct ek_flow *f = entry_at(dp, i);

		if (tags[i] && gone_tag(f) == tags[i])
			__atomic_store_n(&f->tag, 0, __ATOMIC_RELEASE);
	}
}
