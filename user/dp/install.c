// SPDX-License-Identifier: GPL-2.0
/* Bringing the maps to a configuration: everything that can fail first, then one store a
 * service, then one for all listeners. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "dp/draft.h"
#include "dp/index.h"
#include "dp/install.h"
#include "dp/listeners.h"
#include "dp/object.h"
#include "evenkeel/affinity.h"
#include "lib/cleanup.h"

#define NS_PER_S 1000000000ull

static void store_word(__u64 *at, uint64_t word)
{
	__atomic_store_n(at, word, __ATOMIC_RELEASE);
}

/* The new region is the old one with each slot changed by the rule; a new service's slots are
 * settled from the start. */
static void write_region(struct dp *dp, const struct draft_service *s, uint32_t now_s)
{
	uint32_t old = ek_table_base(s->table), new = ek_table_base(s->new_table);

	for (uint32_t i = 0; i < s->slots; i++) {
		uint32_t owner = s->owners[i];
		uint64_t word = ek_slot_word(owner, owner, 0, 0);

		if (s->table)
			word = ek_slot_change(__atomic_load_n(&dp->slots[old + i],
							      __ATOMIC_RELAXED),
					      owner, now_s);
		dp->slots[new + i] = word;
	}
}

/* During a service's UDP grace period an unknown UDP flow is taken for an old one. It lasts as
 * long as a flow may be idle and still be a flow, from the latest change on: were it not
 * restarted, the flows that a second change moves would have had less. */
static uint64_t udp_grace_end(const struct draft_service *s, uint32_t now_s)
{
	return ((uint64_t)now_s + s->config->idle_s) * NS_PER_S;
}

static void switch_service(struct dp *dp, const struct draft_service *s, uint32_t now_s)
{
	struct ek_service *record = &dp->services[s->index];

	dp->service_ids[s->index].forward = s->config->forward;
	if (s->new_table == s->table)
		return;
	write_region(dp, s, now_s);
	if (s->table)
		store_word(&record->udp_grace_ns, udp_grace_end(s, now_s));
	record->generation++;
	store_word(&record->table, s->new_table);
}

/* Services that the configuration no longer has: their listeners are gone, and so, after the
 * grace period, are the packets that found them. */
static uint32_t remove_services(struct dp *dp, const struct draft *d)
{
	uint32_t removed = 0;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		if (!dp->service_ids[i].name[0] || draft_has_service(d, i))
			continue;
		dp->services[i] = (struct ek_service){};
		dp->service_ids[i] = (struct ek_service_id){};
		removed++;
	}
	return removed;
}

static const struct draft_service *service_of(const struct draft *d, uint32_t index)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->services[i].index == index)
			return &d->services[i];
	return NULL;
}

static const struct config_backend *backend_at(const struct config_service *s,
					       const struct ek_addr *addr)
{
	for (size_t i = 0; i < s->backend_count; i++)
		if (addr_equal(&s->backends[i].addr, addr))
			return &s->backends[i];
	return NULL;
}

/* Who is not named any more begins to leave; who is named again stays; names follow. */
static void mark_backends(struct dp *dp, const struct draft *d, uint32_t now_s)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		struct ek_backend_id *id = &dp->backend_ids[i];
		const struct draft_service *s;
		const struct config_backend *b;

		if (id->used == BACKEND_FREE)
			continue;
		s = service_of(d, id->service);
		b = s ? backend_at(s->config, &id->addr) : NULL;
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

int dp_install(struct dp *dp, const struct config *c, uint32_t now_s,
	       struct dp_install_result *result, char error[static DP_ERROR_MAX])
{
	_cleanup_(draft_release) struct draft d = {};
	uint64_t listeners = 0;
	int err = dp_reserve(dp, c, now_s, error);

	err = err ?: draft_make(&d, dp, c, error);
	err = err ?: listeners_prepare(dp, &d, &listeners, error);
	if (err)
		return err;
	for (size_t i = 0; i < d.count; i++)
		switch_service(dp, &d.services[i], now_s);
	store_word(&dp->global->directory, listeners);
	/* Packets under way may still read what was in force; only then is it free again. */
	err = dp_grace_period();
	if (err)
		return dp_fail(error, err, "no grace period: %s", strerror(-err));
	*result = (struct dp_install_result){
		.services_added = services_new(&d),
		.services_removed = remove_services(dp, &d),
		.services_switched = d.switched,
		.slots_moved = d.slots_moved,
	};
	mark_backends(dp, &d, now_s);
	dp->priv->quiet = false;
	return 0;
}
