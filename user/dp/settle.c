// SPDX-License-Identifier: GPL-2.0
/* Settling: forgetting flows that are over, giving slots back to their owners for good, and
 * letting leaving backends go. One round:
 *
 *   1. which backends are dead, and for longer than the hold time        (holds_judge)
 *   2. which backends do slots name                                      (count_references)
 *   3. sweep the remembered flows: forget, or mark their slot foreign    (sweep)
 *   4. settle unsettled slots that are not foreign and whose def is quiet (settle_slots)
 *   5. forget numbers of servers that have left                          (quic_sweep)
 *   6. drop old tables that no slot refers to any more                   (drop_old_tables)
 *   7. free the indexes of leaving backends that nothing names any more  (leaving_judge)
 *
 * The slot of a flow that is remembered under an old table is not known in the present one. While
 * there is one, nothing of its service settles; such flows end, or become idle.
 *
 * The rules are those of affinity.h, and why each is as it is. The data path goes on meanwhile. It
 * can only make a slot less settled by a miss that relies on def (which changes the slot word, so
 * that 4's compare-and-swap fails) or by UDP that is stored for def: by a packet that began before
 * def was quiet, and so before this round, which begins with a grace period. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dp/flows.h"
#include "dp/index.h"
#include "dp/memory.h"
#include "dp/nat.h"
#include "dp/object.h"
#include "dp/quic.h"
#include "dp/settling.h"
#include "evenkeel/table.h"
#include "lib/cleanup.h"

/* Longer than anything is remembered, shorter than what the rules add to it can make wrap. */
#define ENDLESS_S (1u << 30)

void dp_settling_free(struct dp_settling *s)
{
	if (!s)
		return;
	free(s->times);
	free(s->remains);
	free(s->fates);
	free(s->foreign);
	free(s->references);
	free(s->entries);
	free(s->unnamed);
	free(s);
}

static struct dp_settling *settling_of(struct dp *dp)
{
	struct dp_settling *s = dp->priv->settling;

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->times = calloc(EK_SERVICES_MAX, sizeof(*s->times));
	s->remains = calloc(EK_SERVICES_MAX, sizeof(*s->remains));
	s->fates = calloc(dp->sizes.backends, sizeof(*s->fates));
	s->foreign = calloc(dp->sizes.slots, sizeof(*s->foreign));
	s->references = calloc(dp->sizes.backends, sizeof(*s->references));
	s->entries = calloc(dp->sizes.backends, sizeof(*s->entries));
	s->unnamed = calloc(dp->sizes.backends, sizeof(*s->unnamed));
	if (!s->times || !s->remains || !s->fates || !s->foreign || !s->references || !s->entries ||
	    !s->unnamed) {
		dp_settling_free(s);
		return NULL;
	}
	dp->priv->settling = s;
	return s;
}

static int times_read(struct dp_settling *s, const struct dp *dp, const struct config *c)
{
	_cleanup_(service_index_free) struct service_index *names = NULL;
	int err = service_index_make(&names, dp);

	if (err)
		return err;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		s->times[i] = (struct times){ .idle_s = UNKNOWN_S,
					      .drain_s = UNKNOWN_S,
					      .hold_s = UNKNOWN_S };
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *config = &c->services[i];
		int index = service_index_find(names, config->name);

		if (index >= 0)
			s->times[index] =
				(struct times){ config->idle_s, config->drain_s, config->hold_s };
	}
	return 0;
}

static void count_references(const struct dp *dp, struct dp_settling *s)
{
	memset(s->references, 0, dp->sizes.backends * sizeof(*s->references));
	memset(s->entries, 0, dp->sizes.backends * sizeof(*s->entries));
	memset(s->foreign, 0, dp->sizes.slots);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		dp_slots_count(dp, i, s->references, s->references, NULL);
}

/* For how long flows of the backend may be quiet: without end while it is not known, or while the
 * backend is dead and may come back. */
static uint32_t idle_time(const struct dp *dp, const struct dp_settling *s, uint32_t service,
			  uint32_t backend)
{
	uint32_t idle_s = s->times[service].idle_s;

	if (idle_s == UNKNOWN_S || fate_of(dp, s, backend) == FATE_HELD)
		return ENDLESS_S;
	return idle_s;
}

struct sweep {
	struct dp *dp;
	struct dp_settling *memory;
	uint32_t now_s;
	uint64_t remembered;
};

/* Counts a flow that stays remembered. */
static void keep(struct sweep *w, const uint64_t *slot, uint64_t word, uint64_t state, bool old)
{
	uint32_t backend = ek_flow_backend(state);

	w->remembered++;
	w->memory->entries[backend]++;
	if (old)
		w->memory->remains[w->dp->backend_ids[backend].service].flows++;
	else if (ek_flow_foreign(state, word))
		w->memory->foreign[slot - w->dp->slots] = 1;
}

/* What the flow's state shall be. */
static uint64_t swept(const struct sweep *w, uint64_t state, uint64_t word)
{
	uint32_t backend = ek_flow_backend(state);
	uint32_t service = w->dp->backend_ids[backend].service;

	if (fate_of(w->dp, w->memory, backend) == FATE_LOST)
		return EK_FLOW_GONE;
	if (w->memory->times[service].idle_s == UNKNOWN_S && word & EK_SLOT_UNSETTLED)
		return state;
	return ek_flow_swept(state, word, idle_time(w->dp, w->memory, service, backend), w->now_s);
}

static void sweep_flow(struct sweep *w, struct ek_flow *f)
{
	uint64_t tag = __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE);
	uint64_t state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);
	uint32_t backend = ek_flow_backend(state);
	uint64_t *slot = NULL, word, next;
	bool old = false;

	/* What is claimed but not written yet is the next round's. */
	if (!tag || !ek_flow_known(state))
		return;
	if (backend < w->dp->sizes.backends)
		slot = flow_slot(w->dp, tag, backend, &old);
	if (!slot) {
		flow_forget(f, state);
		return;
	}
	word = __atomic_load_n(slot, __ATOMIC_RELAXED);
	next = swept(w, state, word);
	/* What a packet has changed meanwhile is the next round's, and kept until then. */
	if (next == EK_FLOW_GONE && flow_forget(f, state))
		return;
	if (next != state && next != EK_FLOW_GONE)
		flow_change(f, state, next);
	keep(w, slot, word, state, old);
}

static void sweep(struct sweep *w)
{
	for (uint32_t b = 0; b < w->dp->sizes.flow_buckets; b++)
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++)
			sweep_flow(w, &w->dp->flows[b].flow[i]);
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* One service in a round. */
struct settler {
	struct dp *dp;
	struct dp_settling *memory;
	uint32_t service;
	uint32_t now_s;
};

static bool may_settle(const struct settler *t, uint32_t slot, uint64_t word)
{
	const struct remains *remains = &t->memory->remains[t->service];
	uint32_t def = ek_slot_def(word);
	uint32_t idle_s = idle_time(t->dp, t->memory, t->service, def);

	if (t->memory->times[t->service].idle_s == UNKNOWN_S || remains->flows)
		return false;
	if (def == EK_DEF_OLD_TABLE && remains->held)
		return false;
	/* What is being watched may have to go back, at once. */
	if (def == EK_DEF_OLD_TABLE && t->dp->priv->keep_old)
		return false;
	return ek_slot_may_settle(word, t->memory->foreign[slot], idle_s, t->now_s);
}

static void settle_slot(const struct settler *t, uint32_t slot, struct dp_settled *result)
{
	struct remains *remains = &t->memory->remains[t->service];
	uint64_t word = __atomic_load_n(&t->dp->slots[slot], __ATOMIC_RELAXED);

	if (!(word & EK_SLOT_UNSETTLED))
		return;
	if (fate_of(t->dp, t->memory, ek_slot_def(word)) == FATE_LOST) {
		slot_release(&t->dp->slots[slot], ek_slot_def(word));
		word = ek_slot_release(word, ek_slot_def(word));
	}
	if (may_settle(t, slot, word) &&
	    __atomic_compare_exchange_n(&t->dp->slots[slot], &word, ek_slot_settled(word), false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		result->slots_settled++;
		return;
	}
	result->slots_unsettled++;
	if (ek_slot_def(word) != EK_DEF_OLD_TABLE)
		return;
	remains->slots++;
	remains->busy += ek_slot_quiet_s(word, t->now_s) <= t->memory->times[t->service].idle_s;
}

static void settle_slots(struct dp *dp, struct dp_settling *s, uint32_t service, uint32_t now_s,
			 struct dp_settled *result)
{
	struct settler t = { .dp = dp, .memory = s, .service = service, .now_s = now_s };
	uint64_t table = dp->services[service].table;

	for (uint32_t i = 0; table && i <= ek_table_mask(table); i++)
		settle_slot(&t, ek_table_base(table) + i, result);
}

static void drop(__u64 *table, __u64 *record)
{
	__atomic_store_n(table, 0, __ATOMIC_RELEASE);
	*record = 0;
}

/* Packets that read a slot before it settled may look into the old table still: it goes a grace
 * period later. Its region may be read for another: the next change waits for that. Returns how
 * many old tables no slot refers to and yet are there. */
static uint32_t drop_old_tables(struct dp *dp, const struct dp_settling *s)
{
	uint32_t unused = 0;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		unused += dp->services[i].old_table && !s->remains[i].slots;
		unused += dp->services[i].undone_table && !s->remains[i].flows;
	}
	if (!unused || grace_wait(dp))
		return unused;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		struct ek_service *now = &dp->services[i],
				  *record = &dp->priv->memory->services[i].record;

		if (!s->remains[i].slots)
			drop(&now->old_table, &record->old_table);
		if (!s->remains[i].flows)
			drop(&now->undone_table, &record->undone_table);
	}
	dp->priv->grace_owed = true;
	return 0;
}

static int prepare(struct dp_settling *s, struct dp *dp, const struct config *c, uint32_t now_s)
{
	int err = s ? times_read(s, dp, c) : -ENOMEM;

	/* The clock is read: what packets do from now on that began before is seen below. */
	err = err ?: grace_wait(dp);
	if (err)
		return err;
	holds_judge(dp, s, now_s);
	count_references(dp, s);
	return 0;
}

void dp_keep_old_tables(struct dp *dp, bool keep)
{
	dp->priv->keep_old = keep;
}

int dp_settle(struct dp *dp, const struct config *c, uint32_t now_s, struct dp_settled *result)
{
	struct dp_settled done = {};
	struct dp_settling *s = dp->priv->quiet ? NULL : settling_of(dp);
	struct sweep w = { .dp = dp, .memory = s, .now_s = now_s };
	uint32_t left;
	int err;

	err = nat_sweep(dp, now_s, &done.returns_left);
	if (err || dp->priv->quiet) {
		*result = done;
		return err;
	}
	err = prepare(s, dp, c, w.now_s);
	if (err)
		return err;
	sweep(&w);
	done.flows_remembered = w.remembered;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		uint32_t before = done.slots_unsettled;

		settle_slots(dp, s, i, w.now_s, &done);
		dp->priv->memory->services[i].unsettled = done.slots_unsettled - before;
	}
	done.quic_ids_left = quic_sweep(dp, s, w.now_s);
	left = done.quic_ids_left + drop_old_tables(dp, s);
	left += leaving_judge(dp, s, w.now_s, &done);
	dp->priv->quiet =
		!done.slots_unsettled && !done.flows_remembered && !left && !done.slots_settled;
	*result = done;
	return 0;
}
