// SPDX-License-Identifier: GPL-2.0
/* Settling: forgetting flows that are over, giving slots back to their owners for good, and
 * letting leaving backends go. One round:
 *
 *   1. which backends are dead, and for longer than the hold time        (holds_judge)
 *   2. which backends do slots name                                      (count_references)
 *   3. sweep the remembered flows: forget, or mark their slot foreign    (sweep)
 *   4. settle unsettled slots that are not foreign and whose def is quiet (settle_slots)
 *   5. drop old tables that no slot refers to any more                   (drop_old_tables)
 *   6. free the indexes of leaving backends that nothing names any more  (leaving_judge)
 *
 * The slot of a flow that is remembered under an old table is not known in the present one. While
 * there is one, nothing of its service settles; such flows end, or become idle.
 *
 * The data path goes on meanwhile. It can only make a slot less settled by a miss that uses
 * def (which changes the slot word, so that 4's compare-and-swap fails) or by an entry for
 * another backend than cur: by UDP alone, and only within the grace period, during which
 * nothing settles of a service that has a UDP listener.
 *
 * The data path reads the coarse clock, which lags behind by up to a tick: what it notes as of
 * one second may have been in the next, and its grace period ends that much later. A round
 * therefore judges by a clock that is a second late. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dp/flows.h"
#include "dp/index.h"
#include "dp/nat.h"
#include "dp/object.h"
#include "dp/settling.h"
#include "evenkeel/table.h"
#include "lib/cleanup.h"

#define NS_PER_S 1000000000ull

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

static bool has_udp(const struct config_service *s)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (s->listeners[i].endpoint.proto == IPPROTO_UDP)
			return true;
	return false;
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
			s->times[index] = (struct times){ config->idle_s, config->drain_s,
							  config->hold_s, has_udp(config) };
	}
	return 0;
}

static void count_references(const struct dp *dp, struct dp_settling *s)
{
	memset(s->references, 0, dp->sizes.backends * sizeof(*s->references));
	memset(s->entries, 0, dp->sizes.backends * sizeof(*s->entries));
	memset(s->foreign, 0, dp->sizes.slots);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		dp_slots_count(dp, i, s->references, s->references);
}

/* May the entry be forgotten, whatever its slot says? */
static bool is_over(uint64_t state, enum fate fate, uint32_t idle_s, uint32_t now_s)
{
	if (idle_s == UNKNOWN_S || fate == FATE_HELD)
		return false;
	if (fate == FATE_LOST)
		return true;
	if (ek_flow_phase(state) == EK_PHASE_PENDING)
		return ek_flow_pending_age(state, now_s) > EK_PENDING_S;
	return now_s - ek_flow_seen(state) > idle_s && ek_flow_seen(state) <= now_s;
}

struct sweep {
	struct dp *dp;
	struct dp_settling *memory;
	uint32_t now_s;
	uint64_t remembered;
};

/* Counts a flow that stays remembered. */
static void keep(struct sweep *w, uint32_t backend, const uint64_t *slot, uint64_t word, bool old)
{
	w->remembered++;
	w->memory->entries[backend]++;
	if (old)
		w->memory->remains[w->dp->backend_ids[backend].service].flows++;
	else if (backend != ek_slot_cur(word))
		w->memory->foreign[slot - w->dp->slots] = 1;
}

static void sweep_flow(struct sweep *w, struct ek_flow *f)
{
	uint64_t tag = __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE);
	uint64_t state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);
	uint32_t backend = ek_flow_backend(state), service;
	uint64_t *slot = NULL, word;
	bool old = false;

	/* What is claimed but not written yet is the next round's. */
	if (!tag || ek_flow_phase(state) == EK_PHASE_NONE || ek_flow_phase(state) == EK_PHASE_GONE)
		return;
	if (backend < w->dp->sizes.backends)
		slot = flow_slot(w->dp, tag, backend, &old);
	word = slot ? __atomic_load_n(slot, __ATOMIC_RELAXED) : 0;
	service = slot ? w->dp->backend_ids[backend].service : 0;
	if (!(word & EK_SLOT_UNSETTLED) || is_over(state, fate_of(w->dp, w->memory, backend),
						   w->memory->times[service].idle_s, w->now_s))
		flow_forget(f, state);
	else
		keep(w, backend, slot, word, old);
}

static void sweep(struct sweep *w)
{
	for (uint32_t b = 0; b < w->dp->sizes.flow_buckets; b++)
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++)
			sweep_flow(w, &w->dp->flows[b].flow[i]);
}

/* ---- slots ------------------------------------------------------------------------------------- */

/* One service in a round. */
struct settler {
	struct dp *dp;
	struct dp_settling *memory;
	uint32_t service;
	uint32_t now_s;
	bool settling; /* may any of its slots settle? */
};

/* Within the UDP grace period a flow that is met for the first time is remembered for def,
 * perhaps between this round's sweep and its settling. */
static bool is_settling(const struct settler *t)
{
	const struct times *times = &t->memory->times[t->service];

	return times->idle_s != UNKNOWN_S && !t->memory->remains[t->service].flows &&
	       (!times->udp || t->now_s * NS_PER_S >= t->dp->services[t->service].udp_grace_ns);
}

static bool is_quiet(const struct settler *t, uint64_t word)
{
	return ek_slot_quiet_s(word, t->now_s) > t->memory->times[t->service].idle_s;
}

static bool may_settle(const struct settler *t, uint32_t slot, uint64_t word)
{
	uint32_t def = ek_slot_def(word);

	if (!t->settling || t->memory->foreign[slot])
		return false;
	if (def == ek_slot_cur(word) || def == EK_NO_BACKEND)
		return true;
	if (def == EK_DEF_OLD_TABLE ? t->memory->remains[t->service].held
				    : fate_of(t->dp, t->memory, def) == FATE_HELD)
		return false;
	return is_quiet(t, word);
}

static void settle_slot(const struct settler *t, uint32_t slot, struct dp_settled *result)
{
	struct remains *remains = &t->memory->remains[t->service];
	uint64_t word = __atomic_load_n(&t->dp->slots[slot], __ATOMIC_RELAXED);
	uint32_t cur = ek_slot_cur(word);

	if (!(word & EK_SLOT_UNSETTLED))
		return;
	if (fate_of(t->dp, t->memory, ek_slot_def(word)) == FATE_LOST) {
		slot_release(&t->dp->slots[slot], ek_slot_def(word));
		word = ek_slot_word(cur, cur, 1, ek_slot_epoch(word));
	}
	if (may_settle(t, slot, word) &&
	    __atomic_compare_exchange_n(&t->dp->slots[slot], &word, ek_slot_word(cur, cur, 0, 0),
					false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		result->slots_settled++;
		return;
	}
	result->slots_unsettled++;
	if (ek_slot_def(word) != EK_DEF_OLD_TABLE)
		return;
	remains->slots++;
	remains->busy += !is_quiet(t, word);
}

static void settle_slots(struct dp *dp, struct dp_settling *s, uint32_t service, uint32_t now_s,
			 struct dp_settled *result)
{
	struct settler t = { .dp = dp, .memory = s, .service = service, .now_s = now_s };
	uint64_t table = dp->services[service].table;

	t.settling = is_settling(&t);
	for (uint32_t i = 0; table && i <= ek_table_mask(table); i++)
		settle_slot(&t, ek_table_base(table) + i, result);
}

/* Packets that read a slot before it settled may look into the old table still: it goes a grace
 * period later. Its region may be read for another: the next change waits for that. Returns how
 * many old tables no slot refers to and yet are there. */
static uint32_t drop_old_tables(struct dp *dp, const struct dp_settling *s)
{
	uint32_t unused = 0;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		unused += dp->services[i].old_table && !s->remains[i].slots;
	if (!unused || grace_wait(dp))
		return unused;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (!s->remains[i].slots)
			__atomic_store_n(&dp->services[i].old_table, 0, __ATOMIC_RELEASE);
	dp->priv->grace_owed = true;
	return 0;
}

static int prepare(struct dp_settling *s, struct dp *dp, const struct config *c, uint32_t now_s)
{
	int err = s ? times_read(s, dp, c) : -ENOMEM;

	if (err)
		return err;
	holds_judge(dp, s, now_s);
	count_references(dp, s);
	return 0;
}

int dp_settle(struct dp *dp, const struct config *c, uint32_t now_s, struct dp_settled *result)
{
	struct dp_settled done = {};
	struct dp_settling *s = dp->priv->quiet ? NULL : settling_of(dp);
	struct sweep w = { .dp = dp, .memory = s, .now_s = now_s - 1 }; /* late: see above */
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
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		settle_slots(dp, s, i, w.now_s, &done);
	left = drop_old_tables(dp, s);
	left += leaving_judge(dp, s, w.now_s, &done);
	dp->priv->quiet =
		!done.slots_unsettled && !done.flows_remembered && !left && !done.slots_settled;
	*result = done;
	return 0;
}
