// SPDX-License-Identifier: GPL-2.0
/* Bringing the maps to a configuration: everything that can fail first, then one store a
 * service, then one for all listeners. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "dp/capacity.h"
#include "dp/draft.h"
#include "dp/index.h"
#include "dp/install.h"
#include "dp/listeners.h"
#include "dp/memory.h"
#include "dp/nat.h"
#include "dp/object.h"
#include "dp/quic.h"
#include "evenkeel/affinity.h"
#include "lib/cleanup.h"

#define NS_PER_S 1000000000ull

static void store_word(__u64 *at, uint64_t word)
{
	__atomic_store_n(at, word, __ATOMIC_RELEASE);
}

/* The new region is the old one with each slot changed by the rule; a new service's slots are
 * settled from the start. Which slot a flow had in a table of another size or flavour is only known
 * when a packet of it comes: the slots of such a table refer to the old one. */
static void write_region(struct dp *dp, const struct draft_service *s, uint32_t now_s)
{
	uint32_t old = ek_table_base(s->table), new = ek_table_base(s->new_table);
	uint32_t before = ek_table_base(dp->services[s->index].old_table);

	for (uint32_t i = 0; i < s->slots; i++) {
		uint32_t owner = s->owners[i];
		uint64_t word = ek_slot_word(owner, owner, 0, 0);

		if (s->returns)
			word = ek_slot_gone_back(dp->slots[before + i], owner, now_s);
		else if (s->rebuilt)
			word = ek_slot_rebuilt(owner, now_s);
		else if (s->table)
			word = ek_slot_change(__atomic_load_n(&dp->slots[old + i],
							      __ATOMIC_RELAXED),
					      owner, now_s);
		dp->slots[new + i] = word;
	}
}

/* Working a large configuration out takes seconds: idle times and grace periods count from its
 * end, not from the moment when the caller read the clock. Rounded up. */
static uint32_t seconds_since(const struct timespec *begun)
{
	struct timespec now;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (now.tv_sec - begun->tv_sec) * (int64_t)NS_PER_S + now.tv_nsec - begun->tv_nsec;
	return (uint32_t)(((uint64_t)ns + NS_PER_S - 1) / NS_PER_S);
}

/* Tables to which nobody is switched yet: new regions, and where slots of a rebuilt table will look
 * for their def, or packets for flows that began under the one that is gone back from. A grace period,
 * and whoever will read a new table reads that too. A controller that dies in between leaves an old, or
 * undone, table that is the one in force, which means none; until there is another table. */
static int prepare_tables(struct dp *dp, const struct draft *d, uint32_t now_s)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct draft_service *s = &d->services[i];

		if (s->new_table != s->table)
			write_region(dp, s, now_s);
		if (s->returns || !dp_undone_table(dp, s->index))
			store_word(&dp->services[s->index].undone_table, s->returns ? s->table : 0);
		if (s->rebuilt && !s->returns)
			store_word(&dp->services[s->index].old_table, s->table);
	}
	return d->rebuilt ? grace_wait(dp) : 0;
}

static void switch_service(struct dp *dp, const struct draft_service *s)
{
	struct ek_service *record = &dp->services[s->index];

	dp->service_ids[s->index].forward = s->config->forward;
	dp->service_ids[s->index].gue = config_gue(s->config);
	dp->service_ids[s->index].vlan_strip = s->config->vlan_strip;
	__atomic_store_n(&record->idle_s, s->config->idle_s, __ATOMIC_RELAXED);
	__atomic_store_n(&record->quic, quic_layout(s->config), __ATOMIC_RELAXED);
	if (s->new_table == s->table)
		return;
	record->generation++;
	store_word(&record->table, s->new_table);
}

/* For whoever makes the paths: a path has its own copy. */
static void write_sources(struct ek_global *g, const struct config *c)
{
	g->source4 = c->tunnel_source4.addr;
	g->source4_bits = (uint8_t)c->tunnel_source4.bits;
	g->source6 = c->tunnel_source6.addr;
	g->source6_bits = (uint8_t)c->tunnel_source6.bits;
}

/* After the grace period: what packets noted in the table before, while they still read it. A slot
 * of a rebuilt one has no counterpart there, which counts as a settled one: def was just used. */
static void catch_up(struct dp *dp, const struct draft_service *s, uint32_t written_s,
		     uint32_t now_s)
{
	uint32_t old = ek_table_base(s->table), new = ek_table_base(s->new_table);

	if (!s->table || s->new_table == s->table)
		return;
	for (uint32_t i = 0; i < s->slots; i++) {
		uint64_t word = __atomic_load_n(&dp->slots[new + i], __ATOMIC_RELAXED);
		uint64_t before = s->rebuilt ? 0 : dp->slots[old + i];

		while (!__atomic_compare_exchange_n(&dp->slots[new + i], &word,
						    ek_slot_catch_up(word, before, written_s,
								     now_s),
						    false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			;
	}
}

/* Services that the configuration no longer has: their listeners are gone, and so, after the
 * grace period, are the packets that found them. */
static uint32_t remove_services(struct dp *dp, const struct draft *d)
{
	uint32_t removed = 0;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		if (!dp->service_ids[i].name[0] || d->service_at[i])
			continue;
		dp->services[i] = (struct ek_service){};
		dp->service_ids[i] = (struct ek_service_id){};
		removed++;
	}
	return removed;
}

/* Who is not named any more begins to leave; who is named again stays; names follow. */
static void mark_backends(struct dp *dp, const struct draft *d, uint32_t now_s)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		struct ek_backend_id *id = &dp->backend_ids[i];
		const struct config_backend *b = d->backend_at[i];

		if (id->used == BACKEND_FREE)
			continue;
		if (b) {
			memcpy(id->name, b->name, sizeof(id->name));
			id->used = BACKEND_USED;
		} else if (id->used == BACKEND_USED) {
			id->since = now_s;
			id->used = BACKEND_LEAVING;
		}
	}
}

static uint32_t services_new(const struct draft *d)
{
	uint32_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += !d->services[i].table;
	return n;
}

static int key_in_force(struct dp *dp)
{
	struct ek_key key = dp_key(dp);
	int err;

	if (!memcmp(&dp->global->key, &key, sizeof(key)))
		return 0;
	/* Every table is made with another key than the listeners in force: who comes now hashes
	 * anew. Who came before still uses the key that is to be overwritten; who comes before it
	 * is whole must be through before there are listeners for it. */
	err = grace_wait(dp);
	if (err)
		return err;
	dp->global->key = key;
	return grace_wait(dp);
}

static int no_grace(int err, char error[static DP_ERROR_MAX])
{
	return dp_fail(error, err,
		       "whether packets under way still read the tables before these is not known "
		       "(membarrier: %s): nothing is changed until it is",
		       strerror(-err));
}

void dp_lease_set(struct dp *dp, uint32_t service, uint32_t until_s)
{
	__atomic_store_n(&dp->services[service].lease_s, until_s, __ATOMIC_RELAXED);
}

void dp_leases_end(struct dp *dp)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (dp->services[i].lease_s)
			dp_lease_set(dp, i, 0);
}

int dp_install(struct dp *dp, const struct config *c, uint32_t now_s,
	       struct dp_install_result *result, char error[static DP_ERROR_MAX])
{
	_cleanup_(backend_index_free) struct backend_index *backends = NULL;
	_cleanup_(draft_release) struct draft d = {};
	uint64_t listeners = 0;
	struct timespec begun;
	uint32_t called_s = now_s;
	int err = grace_wait_owed(dp);

	if (err)
		return no_grace(err, error);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	if (backend_index_make(&backends, dp))
		return dp_fail(error, -ENOMEM, "out of memory");
	err = reserve_indexes(dp, c, backends, now_s, error);
	err = err ?: draft_make(&d, dp, c, backends, error);
	err = err ?: listeners_prepare(dp, &d, &listeners, error);
	err = err ?: nat_prepare(dp, c, error);
	err = err ?: quic_prepare(dp, &d, backends, error);
	if (err)
		return err;
	now_s += seconds_since(&begun);
	memory_begin_install(dp);
	err = prepare_tables(dp, &d, now_s);
	if (err)
		return no_grace(err, error);
	capacities_write(dp, &d);
	for (size_t i = 0; i < d.count; i++)
		switch_service(dp, &d.services[i]);
	__atomic_store_n(&dp->global->flags,
			 (dp->global->flags & EK_GLOBAL_NAT) | (uint32_t)c->echo, __ATOMIC_RELAXED);
	write_sources(dp->global, c);
	err = key_in_force(dp);
	if (err)
		return no_grace(err, error);
	store_word(&dp->global->directory, listeners);
	/* Packets under way may still read what was in force; only then is it free again. */
	err = grace_wait(dp);
	if (err)
		return no_grace(err, error);
	for (size_t i = 0; i < d.count; i++)
		catch_up(dp, &d.services[i], now_s, called_s + seconds_since(&begun));
	*result = (struct dp_install_result){
		.services_added = services_new(&d),
		.services_removed = remove_services(dp, &d),
		.services_switched = d.switched,
		.services_rebuilt = d.rebuilt,
		.slots_moved = d.slots_moved,
	};
	mark_backends(dp, &d, now_s);
	memory_note_install(dp, &d);
	dp->priv->quiet = false;
	err = nat_retire(dp, c, now_s);
	if (err)
		return dp_fail(error, err, "nat: old ways back cannot be ended: %s",
			       strerror(-err));
	err = quic_retire(dp, &d, now_s);
	return err ? dp_fail(error, err, "quic: old servers' numbers cannot be ended: %s",
			     strerror(-err))
		   : 0;
}
