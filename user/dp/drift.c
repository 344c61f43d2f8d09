// SPDX-License-Identifier: GPL-2.0
/* Finding drift, and setting it right. */
#include "dp/drift.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/capacity.h"
#include "dp/draft.h"
#include "dp/index.h"
#include "dp/install.h"
#include "dp/memory.h"
#include "dp/object.h"
#include "evenkeel/affinity.h"
#include "lib/cleanup.h"

/* Whom findings are told to. */
struct listener {
	dp_drift_fn *found;
	void *context;
};

static void tell(const struct listener *l, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(const struct listener *l, const char *subject, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	l->found(l->context, subject, text);
}

/* ---- the global record and the listeners ----------------------------------------------------- */

/* A field of the global record, all of which are whole words. */
static const struct global_field {
	const char *name;
	size_t at, size;
} global_fields[] = {
#define FIELD(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct ek_global, name), sizeof(((struct ek_global *)0)->name)     \
	}
	FIELD(abi),   FIELD(flags),        FIELD(key),       FIELD(directory),
	FIELD(mac),   FIELD(cpus),         FIELD(keys),      FIELD(backends),
	FIELD(slots), FIELD(flow_buckets), FIELD(key_index),
#undef FIELD
};

/* Word by word, because packets are reading: each was right a moment ago. */
static void restore_words(void *to, const void *from, size_t size)
{
	if (size == sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, from, sizeof(word));
		__atomic_store_n((uint32_t *)to, word, __ATOMIC_RELEASE);
		return;
	}
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, (const char *)from + i, sizeof(word));
		__atomic_store_n((uint64_t *)(void *)((char *)to + i), word, __ATOMIC_RELEASE);
	}
}

bool dp_drift_global(struct dp *dp, dp_drift_fn *found, void *context)
{
	const struct listener l = { found, context };
	struct dp_memory *m = dp->priv->memory;

	if (!m->whole)
		return false;
	for (size_t i = 0; i < sizeof(global_fields) / sizeof(global_fields[0]); i++) {
		const struct global_field *f = &global_fields[i];
		const char *right = (const char *)&m->global + f->at;
		char *now = (char *)dp->global + f->at;

		if (!memcmp(now, right, f->size))
			continue;
		restore_words(now, right, f->size);
		tell(&l, "global record", "its %s was not what it had been set to", f->name);
	}
	if (!m->lay_out && !memory_listeners_same(dp)) {
		m->lay_out = true;
		tell(&l, "listeners", "the directory of listeners was not as it had been laid out");
	}
	return m->lay_out;
}

/* ---- a service ------------------------------------------------------------------------------- */

static void check_table(__u64 *now, __u64 right, const char *what, const struct listener *l,
			const char *service)
{
	if (*now == right)
		return;
	tell(l, service, "its record named %s %#llx, not %#llx", what, (unsigned long long)*now,
	     (unsigned long long)right);
	__atomic_store_n(now, right, __ATOMIC_RELEASE);
}

static void check_record(struct dp *dp, uint32_t service, const struct listener *l)
{
	const struct ek_service *right = &dp->priv->memory->services[service].record;
	struct ek_service *now = &dp->services[service];
	const char *name = dp->service_ids[service].name;

	check_table(&now->table, right->table, "the table", l, name);
	check_table(&now->old_table, right->old_table, "the old table", l, name);
	check_table(&now->undone_table, right->undone_table, "the undone table", l, name);
	if (now->idle_s != right->idle_s) {
		tell(l, name, "its record had an idle time of %u s, not %u s", now->idle_s,
		     right->idle_s);
		__atomic_store_n(&now->idle_s, right->idle_s, __ATOMIC_RELAXED);
	}
	if (now->quic != right->quic) {
		tell(l, name, "its record had servers' numbers at %#x, not %#x", now->quic,
		     right->quic);
		__atomic_store_n(&now->quic, right->quic, __ATOMIC_RELAXED);
	}
	if (now->flags != right->flags) {
		tell(l, name, "its record had flags %#x, not %#x", now->flags, right->flags);
		__atomic_store_n(&now->flags, right->flags, __ATOMIC_RELAXED);
	}
}

static bool is_of(const struct dp *dp, uint32_t service, uint32_t backend)
{
	return backend < dp->sizes.backends && dp->backend_ids[backend].used != BACKEND_FREE &&
	       dp->backend_ids[backend].service == service;
}

static bool default_may_be(const struct dp *dp, uint32_t service, uint32_t def)
{
	if (def == EK_DEF_OLD_TABLE)
		return dp->services[service].old_table;
	return def == EK_NO_BACKEND || is_of(dp, service, def);
}

/* What can be told without working the table out: owners in the right order, defaults that are of
 * the service, and no second backend in a settled slot. */
static bool slots_same(const struct dp *dp, uint32_t service)
{
	uint64_t table = dp->services[service].table, sum = 0;
	const uint64_t *slots = &dp->slots[ek_table_base(table)];

	for (uint32_t i = 0; i <= ek_table_mask(table); i++) {
		uint64_t word = __atomic_load_n(&slots[i], __ATOMIC_RELAXED);
		uint32_t cur = ek_slot_cur(word), def = ek_slot_def(word);

		sum = owners_sum(sum, cur);
		if (def != cur &&
		    (!(word & EK_SLOT_UNSETTLED) || !default_may_be(dp, service, def)))
			return false;
	}
	return sum == dp->priv->memory->services[service].owners;
}

/* The slot as it must have been. A settled one is its owner's, whose flows have been there all
 * along, and whoever came meanwhile to another backend is cut: the fewer. */
static uint64_t slot_right(const struct dp *dp, uint32_t service, uint64_t word, uint32_t owner)
{
	uint32_t def = ek_slot_def(word);

	if (!(word & EK_SLOT_UNSETTLED))
		return ek_slot_word(owner, owner, 0, 0);
	if (!default_may_be(dp, service, def))
		def = owner;
	return ek_slot_word(owner, def, 1, ek_slot_epoch(word));
}

static int check_slots(struct dp *dp, uint32_t service, const struct config_service *s,
		       uint32_t *set_right, const struct listener *l)
{
	uint64_t table = dp->services[service].table, first = 0;
	_cleanup_(free_ptr) uint32_t *owners = NULL;
	uint64_t *slots = &dp->slots[ek_table_base(table)];
	uint32_t wrong = 0, at = 0;
	int err;

	if (slots_same(dp, service))
		return 0;
	err = draft_owners(dp, service, s, &owners);
	if (err)
		return err;
	for (uint32_t i = 0; i <= ek_table_mask(table); i++) {
		uint64_t word = __atomic_load_n(&slots[i], __ATOMIC_RELAXED), right;

		do
			/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no error, owners */
			right = slot_right(dp, service, word, owners[i]);
		while (right != word &&
		       !__atomic_compare_exchange_n(&slots[i], &word, right, false,
						    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
		if (right == word)
			continue;
		if (!wrong++) {
			at = i;
			first = word;
		}
	}
	if (wrong)
		tell(l, s->name,
		     "%u of its %u slots were not as they had been left; the first, %u, was %#llx",
		     wrong, ek_table_mask(table) + 1, at, (unsigned long long)first);
	*set_right = wrong;
	return 0;
}

int dp_drift_service(struct dp *dp, uint32_t service, const struct config_service *s,
		     uint32_t *wrong, dp_drift_fn *found, void *context)
{
	const struct listener l = { found, context };

	*wrong = 0;
	if (!dp->priv->memory->whole || !dp->priv->memory->services[service].table)
		return 0;
	check_record(dp, service, &l);
	return check_slots(dp, service, s, wrong, &l);
}

/* ---- backends -------------------------------------------------------------------------------- */

static void check_capacity(struct dp *dp, uint32_t i, const char *subject, const struct listener *l)
{
	const struct dp_capacity *right = &dp->priv->memory->capacities[i];
	const struct dp_capacity now = capacity_now(dp, i);
	uint32_t held = dp->priv->memory->caps[i];
	bool any = right->flows || right->packets || held;

	if (now.flows != right->flows || now.packets != right->packets)
		tell(l, subject,
		     "its capacity was %u new flows and %u packets of UDP a second, not %u and %u",
		     now.flows, now.packets, right->flows, right->packets);
	else if (dp->capacities[i].held != held)
		tell(l, subject, "it was held to %u new flows a second for the time being, not %u",
		     dp->capacities[i].held, held);
	else if (capacity_is_asked(dp, i) != any)
		tell(l, subject,
		     any ? "it has a capacity, and was not held to it"
			 : "it has no capacity, and was held to one");
	else
		return;
	capacity_store(dp, i, right);
}

int dp_drift_backends(struct dp *dp, dp_drift_fn *found, void *context)
{
	const struct listener l = { found, context };
	const struct dp_memory *m = dp->priv->memory;
	int err = 0;

	for (uint32_t i = 1; !err && i < dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];
		struct dp_path_change change = { .backend = i };
		char subject[2 * EK_NAME_MAX + 2];

		if (id->used == BACKEND_FREE)
			continue;
		snprintf(subject, sizeof(subject), "%s/%s", dp->service_ids[id->service].name,
			 id->name);
		check_capacity(dp, i, subject, &l);
		if (!m->paths_known[i])
			continue;
		if (!!(dp->backends[i].path[0].flags & EK_PATH_DEAD) != !!id->died) {
			tell(&l, subject,
			     id->died ? "it is down, and was sent packets"
				      : "it is not down, and was passed over");
			death_flag(dp, i, id->died);
		}
		if (path_in_force(dp, i, &m->paths[i]))
			continue;
		tell(&l, subject, "the way to it was not as it had been set");
		change.present = m->paths[i].flags & EK_PATH_NEXT_HOP;
		change.path = m->paths[i];
		err = dp_paths_set(dp, &change, 1);
	}
	return err;
}
