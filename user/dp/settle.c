// SPDX-License-Identifier: GPL-2.0
/* Settling: forgetting flows that are over, giving slots back to their owners for good, and
 * letting leaving backends go. One round:
 *
 *   1. which slots are unsettled, which backends do slots name       (count_references)
 *   2. sweep the remembered flows: forget, or mark their slot foreign   (sweep)
 *   3. settle unsettled slots that are not foreign and whose def is quiet (settle_slots)
 *   4. free the indexes of leaving backends that nothing names any more  (let_go)
 *
 * The data path goes on meanwhile. It can only make a slot less settled by a miss that uses
 * def (which changes the slot word, so that 3's compare-and-swap fails) or by an entry for
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
#include "dp/install.h"
#include "dp/object.h"
#include "evenkeel/affinity.h"
#include "lib/cleanup.h"

#define NS_PER_S 1000000000ull

#define UNKNOWN_S UINT32_MAX

/* What a round needs of a service's configuration. A service that the configuration in hand
 * does not have, though its tables are there, has unknown times: nothing of it is given up. */
struct times {
	uint32_t idle_s;
	uint32_t drain_s;
	bool udp;
};

struct dp_settling {
	struct times *times;  /* by service */
	uint8_t *foreign;     /* by slot: an entry belongs to another backend than cur */
	uint32_t *references; /* by backend: slots that name it as cur or def */
	uint32_t *entries;    /* by backend: remembered flows */
	uint8_t *unnamed;     /* by backend: rounds in which nothing named it, in a row */
};

void dp_settling_free(struct dp_settling *s)
{
	if (!s)
		return;
	free(s->times);
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
	s->foreign = calloc(dp->sizes.slots, sizeof(*s->foreign));
	s->references = calloc(dp->sizes.backends, sizeof(*s->references));
	s->entries = calloc(dp->sizes.backends, sizeof(*s->entries));
	s->unnamed = calloc(dp->sizes.backends, sizeof(*s->unnamed));
	if (!s->times || !s->foreign || !s->references || !s->entries || !s->unnamed) {
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
		s->times[i] = (struct times){ .idle_s = UNKNOWN_S, .drain_s = UNKNOWN_S };
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *config = &c->services[i];
		int index = service_index_find(names, config->name);

		if (index >= 0)
			s->times[index] =
				(struct times){ config->idle_s, config->drain_s, has_udp(config) };
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
static bool is_over(uint64_t state, uint32_t idle_s, uint32_t now_s)
{
	if (idle_s == UNKNOWN_S)
		return false;
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

static void sweep_flow(struct sweep *w, struct ek_flow *f)
{
	uint64_t tag = __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE);
	uint64_t state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);
	uint32_t backend = ek_flow_backend(state);
	uint64_t *slot, word;

	/* What is claimed but not written yet is the next round's. */
	if (!tag || ek_flow_phase(state) == EK_PHASE_NONE || ek_flow_phase(state) == EK_PHASE_GONE)
		return;
	slot = backend < w->dp->sizes.backends ? flow_slot(w->dp, tag, backend) : NULL;
	word = slot ? __atomic_load_n(slot, __ATOMIC_RELAXED) : 0;
	if (!(word & EK_SLOT_UNSETTLED) ||
	    is_over(state, w->memory->times[w->dp->backend_ids[backend].service].idle_s,
		    w->now_s)) {
		flow_forget(f, state);
		return;
	}
	w->remembered++;
	w->memory->entries[backend]++;
	if (backend != ek_slot_cur(word))
		w->memory->foreign[slot - w->dp->slots] = 1;
}

static void sweep(struct sweep *w)
{
	for (uint32_t b = 0; b < w->dp->sizes.flow_buckets; b++)
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++)
			sweep_flow(w, &w->dp->flows[b].flow[i]);
}

static bool may_settle(const struct dp_settling *s, uint32_t slot, uint64_t word, uint32_t idle_s,
		       uint32_t now_s)
{
	if (s->foreign[slot])
		return false;
	return ek_slot_def(word) == ek_slot_cur(word) || ek_slot_def(word) == EK_NO_BACKEND ||
	       ek_slot_quiet_s(word, now_s) > idle_s;
}

/* May slots of the service settle at all? Within the UDP grace period a flow that is met for
 * the first time is remembered for def, perhaps between this round's sweep and its settling. */
static bool is_settling(const struct dp *dp, uint32_t service, const struct times *t,
			uint32_t now_s)
{
	return t->idle_s != UNKNOWN_S &&
	       (!t->udp || now_s * NS_PER_S >= dp->services[service].udp_grace_ns);
}

static void settle_slots(struct dp *dp, const struct dp_settling *s, uint32_t service,
			 uint32_t now_s, struct dp_settled *result)
{
	uint64_t table = dp->services[service].table;
	const struct times *t = &s->times[service];
	bool settling = is_settling(dp, service, t, now_s);

	for (uint32_t i = 0; table && i <= ek_table_mask(table); i++) {
		uint32_t slot = ek_table_base(table) + i;
		uint64_t word = __atomic_load_n(&dp->slots[slot], __ATOMIC_RELAXED);
		uint32_t cur = ek_slot_cur(word);

		if (!(word & EK_SLOT_UNSETTLED))
			continue;
		if (settling && may_settle(s, slot, word, t->idle_s, now_s) &&
		    __atomic_compare_exchange_n(&dp->slots[slot], &word,
						ek_slot_word(cur, cur, 0, 0), false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			result->slots_settled++;
		else
			result->slots_unsettled++;
	}
}

/* Gives the slot to its owner if its def is the backend. True if it still had flows for all that
 * is known: a miss has used def within the idle time. */
static bool break_slot(uint64_t *slot, uint32_t backend, uint32_t idle_s, uint32_t now_s)
{
	uint64_t word = __atomic_load_n(slot, __ATOMIC_RELAXED);
	uint32_t cur;

	do {
		cur = ek_slot_cur(word);
		if (!(word & EK_SLOT_UNSETTLED) || ek_slot_def(word) != backend)
			return false;
	} while (!__atomic_compare_exchange_n(slot, &word,
					      ek_slot_word(cur, cur, 1, ek_slot_epoch(word)), false,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return ek_slot_quiet_s(word, now_s) <= idle_s;
}

static uint64_t break_slots(struct dp *dp, uint32_t backend, uint32_t idle_s, uint32_t now_s)
{
	uint64_t table = dp->services[dp->backend_ids[backend].service].table;
	uint64_t broken = 0;

	for (uint32_t i = 0; table && i <= ek_table_mask(table); i++)
		broken += break_slot(&dp->slots[ek_table_base(table) + i], backend, idle_s, now_s);
	return broken;
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
	const struct times *t = &s->times[id->service];

	if (t->drain_s == UNKNOWN_S || now_s < id->since + t->drain_s)
		return;
	result->slots_broken += break_slots(dp, backend, t->idle_s, now_s);
	result->flows_broken += break_entries(dp, backend);
}

/* An index is free again when no slot named it and no entry belonged to it in two rounds in a
 * row: the second began, by then, long after the last packet that could have stored one. */
static uint32_t let_go(struct dp *dp, struct dp_settling *s, uint32_t now_s,
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
		} else if (++s->unnamed[i] > 1) {
			dp->backends[i] = (struct ek_backend){};
			*id = (struct ek_backend_id){};
			s->unnamed[i] = 0;
			result->backends_gone++;
			left--;
		}
	}
	return left;
}

int dp_settle(struct dp *dp, const struct config *c, uint32_t now_s, struct dp_settled *result)
{
	struct dp_settled done = {};
	struct dp_settling *s;
	uint32_t leaving;
	int err;

	if (dp->priv->quiet) {
		*result = done;
		return 0;
	}
	s = settling_of(dp);
	err = s ? times_read(s, dp, c) : -ENOMEM;
	if (err)
		return err;
	now_s--; /* see above */
	count_references(dp, s);
	struct sweep w = { .dp = dp, .memory = s, .now_s = now_s };
	sweep(&w);
	done.flows_remembered = w.remembered;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		settle_slots(dp, s, i, now_s, &done);
	leaving = let_go(dp, s, now_s, &done);
	dp->priv->quiet =
		!done.slots_unsettled && !done.flows_remembered && !leaving && !done.slots_settled;
	*result = done;
	return 0;
}
