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
 * another backend than cur (only within the UDP grace period, during which nothing settles). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/index.h"
#include "dp/install.h"
#include "dp/object.h"
#include "evenkeel/affinity.h"

#define NS_PER_S 1000000000ull

struct dp_settling {
	uint8_t *foreign;     /* by slot: an entry belongs to another backend than cur */
	uint32_t *references; /* by backend: slots that name it as cur or def */
	uint32_t *entries;    /* by backend: remembered flows */
	uint8_t *unnamed;     /* by backend: rounds in which nothing named it, in a row */
	struct ek_flow *gone; /* an entry left GONE with a tag, seen in the round before */
	uint64_t gone_tag;
};

void dp_settling_free(struct dp_settling *s)
{
	if (!s)
		return;
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
	s->foreign = calloc(dp->sizes.slots, sizeof(*s->foreign));
	s->references = calloc(dp->sizes.backends, sizeof(*s->references));
	s->entries = calloc(dp->sizes.backends, sizeof(*s->entries));
	s->unnamed = calloc(dp->sizes.backends, sizeof(*s->unnamed));
	if (!s->foreign || !s->references || !s->entries || !s->unnamed) {
		dp_settling_free(s);
		return NULL;
	}
	dp->priv->settling = s;
	return s;
}

/* The idle and drain times of a service, by index; of one that is gone: none. */
static const struct config_service *service_config(const struct dp *dp, const struct config *c,
						   uint32_t service)
{
	return config_service(c, dp->service_ids[service].name);
}

static void count_references(const struct dp *dp, struct dp_settling *s)
{
	memset(s->references, 0, dp->sizes.backends * sizeof(*s->references));
	memset(s->entries, 0, dp->sizes.backends * sizeof(*s->entries));
	memset(s->foreign, 0, dp->sizes.slots);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		dp_slots_count(dp, i, s->references, s->references);
}

/* The slot that an entry belongs to, or NULL if its service is gone. */
static uint64_t *slot_of(const struct dp *dp, uint64_t tag, uint32_t backend)
{
	uint64_t table = dp->services[dp->backend_ids[backend].service].table;

	if (dp->backend_ids[backend].used == BACKEND_FREE || !table)
		return NULL;
	return &dp->slots[ek_table_base(table) + (tag & ek_table_mask(table))];
}

/* May the entry be forgotten, whatever its slot says? */
static bool is_over(uint64_t state, uint32_t idle_s, uint32_t now_s)
{
	if (ek_flow_phase(state) == EK_PHASE_PENDING)
		return ek_flow_pending_age(state, now_s) > EK_PENDING_S;
	return now_s - ek_flow_seen(state) > idle_s && ek_flow_seen(state) <= now_s;
}

/* GONE first, so that nobody writes the state; the tag last, which frees the entry. */
static bool forget(struct ek_flow *f, uint64_t state)
{
	__u64 expected = state;

	if (!__atomic_compare_exchange_n(&f->state, &expected, (__u64)EK_PHASE_GONE << 24, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&f->tag, 0, __ATOMIC_RELEASE);
	return true;
}

struct sweep {
	struct dp *dp;
	struct dp_settling *memory;
	const uint32_t *idle_s; /* by service; 0: the service is gone */
	uint32_t now_s;
	uint64_t remembered;
};

/* GONE with a tag: claimed this very moment, or left so by a controller that died between the
 * two stores of forget(). Who still is a round later was left. There is at most one. */
static void free_left(struct dp_settling *s, struct ek_flow *f, uint64_t tag)
{
	__u64 expected = tag;

	if (s->gone == f && s->gone_tag == tag &&
	    __atomic_compare_exchange_n(&f->tag, &expected, 0, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED)) {
		s->gone = NULL;
		return;
	}
	s->gone = f;
	s->gone_tag = tag;
}

static void sweep_flow(struct sweep *w, struct ek_flow *f)
{
	uint64_t tag = __atomic_load_n(&f->tag, __ATOMIC_ACQUIRE);
	uint64_t state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);
	uint32_t backend = ek_flow_backend(state);
	uint64_t *slot, word;

	if (tag && ek_flow_phase(state) == EK_PHASE_GONE)
		free_left(w->memory, f, tag);
	/* What is claimed but not written yet is the next round's. */
	if (!tag || ek_flow_phase(state) == EK_PHASE_NONE || ek_flow_phase(state) == EK_PHASE_GONE)
		return;
	slot = backend < w->dp->sizes.backends ? slot_of(w->dp, tag, backend) : NULL;
	word = slot ? __atomic_load_n(slot, __ATOMIC_RELAXED) : 0;
	if (!(word & EK_SLOT_UNSETTLED) ||
	    is_over(state, w->idle_s[w->dp->backend_ids[backend].service], w->now_s)) {
		forget(f, state);
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

static void settle_slots(struct dp *dp, const struct dp_settling *s, uint32_t service,
			 uint32_t idle_s, uint32_t now_s, struct dp_settled *result)
{
	uint64_t table = dp->services[service].table;
	bool grace = now_s * NS_PER_S < dp->services[service].udp_grace_ns;

	for (uint32_t i = 0; table && i <= ek_table_mask(table); i++) {
		uint32_t slot = ek_table_base(table) + i;
		uint64_t word = __atomic_load_n(&dp->slots[slot], __ATOMIC_RELAXED);
		uint32_t cur = ek_slot_cur(word);

		if (!(word & EK_SLOT_UNSETTLED))
			continue;
		if (!grace && may_settle(s, slot, word, idle_s, now_s) &&
		    __atomic_compare_exchange_n(&dp->slots[slot], &word,
						ek_slot_word(cur, cur, 0, 0), false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			result->slots_settled++;
		else
			result->slots_unsettled++;
	}
}

/* The drain time is over: what is left of the backend's flows goes to the slots' owners. */
static uint64_t break_flows(struct dp *dp, uint32_t backend)
{
	uint64_t table = dp->services[dp->backend_ids[backend].service].table;
	uint64_t broken = 0;

	for (uint32_t i = 0; table && i <= ek_table_mask(table); i++) {
		uint64_t *slot = &dp->slots[ek_table_base(table) + i];
		uint64_t word = __atomic_load_n(slot, __ATOMIC_RELAXED);

		while (word & EK_SLOT_UNSETTLED && ek_slot_def(word) == backend &&
		       !__atomic_compare_exchange_n(slot, &word,
						    ek_slot_word(ek_slot_cur(word),
								 ek_slot_cur(word), 1,
								 ek_slot_epoch(word)),
						    false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			;
	}
	for (uint32_t b = 0; b < dp->sizes.flow_buckets; b++) {
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++) {
			struct ek_flow *f = &dp->flows[b].flow[i];
			uint64_t state = __atomic_load_n(&f->state, __ATOMIC_ACQUIRE);

			if (f->tag && ek_flow_backend(state) == backend &&
			    ek_flow_phase(state) != EK_PHASE_GONE)
				broken += forget(f, state);
		}
	}
	return broken;
}

static bool drain_is_over(const struct dp *dp, const struct config *c, uint32_t backend,
			  uint32_t now_s)
{
	const struct ek_backend_id *id = &dp->backend_ids[backend];
	const struct config_service *s = service_config(dp, c, id->service);

	return s && now_s >= id->since + s->drain_s;
}

/* An index is free again when no slot named it and no entry belonged to it in two rounds in a
 * row: the second began, by then, long after the last packet that could have stored one. */
static uint32_t let_go(struct dp *dp, struct dp_settling *s, const struct config *c, uint32_t now_s,
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
			if (drain_is_over(dp, c, i, now_s))
				result->flows_broken += break_flows(dp, i);
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
	uint32_t *idle_s;
	uint32_t leaving;

	if (dp->priv->quiet) {
		*result = done;
		return 0;
	}
	s = settling_of(dp);
	idle_s = calloc(EK_SERVICES_MAX, sizeof(*idle_s));
	if (!s || !idle_s) {
		free(idle_s);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		const struct config_service *config =
			dp->service_ids[i].name[0] ? service_config(dp, c, i) : NULL;

		idle_s[i] = config ? config->idle_s : 0;
	}
	count_references(dp, s);
	struct sweep w = { .dp = dp, .memory = s, .idle_s = idle_s, .now_s = now_s };
	sweep(&w);
	done.flows_remembered = w.remembered;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		settle_slots(dp, s, i, idle_s[i], now_s, &done);
	leaving = let_go(dp, s, c, now_s, &done);
	dp->priv->quiet =
		!done.slots_unsettled && !done.flows_remembered && !leaving && !done.slots_settled;
	free(idle_s);
	*result = done;
	return 0;
}
