// SPDX-License-Identifier: GPL-2.0
/* Giving backends up: dead beyond the hold time, leaving beyond the drain time, or leaving and not
 * named any more. */
#include "dp/flows.h"
#include "dp/index.h"
#include "dp/memory.h"
#include "dp/settling.h"
#include "evenkeel/table.h"

/* ---- old tables ------------------------------------------------------------------------------ */

/* Packets only read old tables. Returns 1 if the slot was the backend's. */
static uint32_t old_slot_release(uint64_t *slot, uint32_t backend)
{
	uint64_t word = *slot, released = ek_old_slot_release(word, backend);

	if (released == word)
		return 0;
	__atomic_store_n(slot, released, __ATOMIC_RELAXED);
	return 1;
}

static uint64_t old_slots_release(struct dp *dp, uint32_t service, uint32_t backend)
{
	uint64_t old = dp_old_table(dp, service), released = 0;

	for (uint32_t i = 0; old && i <= ek_table_mask(old); i++)
		released += old_slot_release(&dp->slots[ek_table_base(old) + i], backend);
	return released;
}

static void old_table_judge(struct dp *dp, struct dp_settling *s, uint32_t service)
{
	uint64_t old = dp_old_table(dp, service);

	s->remains[service] = (struct remains){};
	for (uint32_t i = 0; old && i <= ek_table_mask(old); i++) {
		uint64_t *slot = &dp->slots[ek_table_base(old) + i];
		uint32_t def = ek_old_slot_def(*slot);
		enum fate fate = fate_of(dp, s, def);

		s->remains[service].held |= fate == FATE_HELD;
		if (fate == FATE_LOST)
			old_slot_release(slot, def);
	}
}

/* ---- the dead -------------------------------------------------------------------------------- */

static enum fate judge(const struct ek_backend_id *id, const struct times *t, uint32_t now_s)
{
	if (id->used == BACKEND_FREE || !id->died)
		return FATE_ALIVE;
	if (t->hold_s == UNKNOWN_S || !ek_time_over(id->died, t->hold_s, now_s))
		return FATE_HELD;
	return FATE_LOST;
}

void holds_judge(struct dp *dp, struct dp_settling *s, uint32_t now_s)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];

		s->fates[i] = judge(id, &s->times[id->service], now_s);
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		old_table_judge(dp, s, i);
}

/* ---- the leaving ----------------------------------------------------------------------------- */

uint64_t slot_release(uint64_t *slot, uint32_t backend)
{
	uint64_t word = __atomic_load_n(slot, __ATOMIC_RELAXED), released;

	do {
		released = ek_slot_release(word, backend);
		if (released == word)
			return 0;
	} while (!__atomic_compare_exchange_n(slot, &word, released, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return word;
}

/* True if the slot still had flows for all that is known: a miss has used def within the idle
 * time. */
static bool break_slot(uint64_t *slot, uint32_t backend, uint32_t idle_s, uint32_t now_s)
{
	uint64_t word = slot_release(slot, backend);

	return word && ek_slot_quiet_s(word, now_s) <= idle_s;
}

static uint64_t break_slots(struct dp *dp, const struct dp_settling *s, uint32_t backend,
			    uint32_t now_s)
{
	uint32_t service = dp->backend_ids[backend].service;
	uint64_t table = dp->services[service].table;
	uint64_t broken = 0, old = old_slots_release(dp, service, backend);

	for (uint32_t i = 0; table && i <= ek_table_mask(table); i++)
		broken += break_slot(&dp->slots[ek_table_base(table) + i], backend,
				     s->times[service].idle_s, now_s);
	/* Which of the new slots had the flows of an old one is not known. */
	return broken + (s->remains[service].busy ? old : 0);
}

static uint64_t break_entries(struct dp *dp, uint32_t backend)
{
	uint64_t broken = 0;

	for (uint32_t b = 0; b < dp->sizes.flow_buckets; b++) {
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++) {
			struct ek_flow *f = &dp->flows[b].flow[i];
			uint64_t state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);

			if (f->tag && ek_flow_backend(state) == backend &&
			    ek_flow_phase(state) != EK_PHASE_GONE)
				broken += flow_forget(f, state);
		}
	}
	return broken;
}

/* If the drain time is over, what is left of the backend's flows goes to the slots' owners. */
static void end_drain(struct dp *dp, const struct dp_settling *s, uint32_t backend, uint32_t now_s,
		      struct dp_settled *result)
{
	const struct ek_backend_id *id = &dp->backend_ids[backend];
	uint32_t drain_s = s->times[id->service].drain_s;

	if (drain_s == UNKNOWN_S || !ek_time_over(id->since, drain_s, now_s))
		return;
	result->slots_broken += break_slots(dp, s, backend, now_s);
	result->flows_broken += break_entries(dp, backend);
}

uint32_t leaving_judge(struct dp *dp, struct dp_settling *s, uint32_t now_s,
		       struct dp_settled *result)
{
	uint32_t left = 0;

	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		struct ek_backend_id *id = &dp->backend_ids[i];

		if (id->used != BACKEND_LEAVING) {
			s->unnamed[i] = 0;
			continue;
		}
		left++;
		if (s->references[i] || s->entries[i]) {
			s->unnamed[i] = 0;
			end_drain(dp, s, i, now_s, result);
		} else if (ek_backend_gone(++s->unnamed[i])) {
			dp->backends[i] = (struct ek_backend){};
			memory_forget_path(dp, i);
			*id = (struct ek_backend_id){};
			s->unnamed[i] = 0;
			result->backends_gone++;
			left--;
		}
	}
	return left;
}
