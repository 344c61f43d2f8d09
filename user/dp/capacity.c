// SPDX-License-Identifier: GPL-2.0
/* Declared capacities. The data path asks for one where a backend's path says so; what it keeps
 * beside it is its own. */
#include "dp/capacity.h"

#include "dp/draft.h"
#include "dp/install.h"
#include "dp/memory.h"
#include "dp/object.h"

struct dp_capacity capacity_now(const struct dp *dp, uint32_t backend)
{
	const struct ek_capacity *c = &dp->capacities[backend];

	return (struct dp_capacity){ c->flows, c->packets };
}

bool capacity_is_asked(const struct dp *dp, uint32_t backend)
{
	return dp->backends[backend].path[0].flags & EK_PATH_CAPACITY;
}

/* First the numbers, then the flag that lets them be read, and the other way round. */
void capacity_store(struct dp *dp, uint32_t backend, const struct dp_capacity *to)
{
	struct ek_capacity *c = &dp->capacities[backend];
	__u8 *flags = &dp->backends[backend].path[0].flags;
	uint32_t held = dp->priv->memory->caps[backend];
	bool any = to->flows || to->packets || held;

	if (!any)
		__atomic_fetch_and(flags, (__u8)~EK_PATH_CAPACITY, __ATOMIC_RELEASE);
	__atomic_store_n(&c->flows, to->flows, __ATOMIC_RELAXED);
	__atomic_store_n(&c->packets, to->packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->held, held, __ATOMIC_RELAXED);
	if (any)
		__atomic_fetch_or(flags, EK_PATH_CAPACITY, __ATOMIC_RELEASE);
}

void dp_cap(struct dp *dp, uint32_t backend, uint32_t flows, uint32_t until_s)
{
	struct dp_memory *m = dp->priv->memory;

	__atomic_store_n(&dp->capacities[backend].held_until_s, until_s, __ATOMIC_RELAXED);
	if (m->caps[backend] == flows)
		return;
	m->caps[backend] = flows;
	capacity_store(dp, backend, &m->capacities[backend]);
}

void capacities_write(struct dp *dp, const struct draft *d)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct config_backend *b = d->backend_at[i];
		struct dp_capacity *remembered = &dp->priv->memory->capacities[i];
		const struct draft_service *s;
		struct config_capacity c;

		if (!b)
			continue;
		s = d->service_at[dp->backend_ids[i].service];
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it has the backend */
		c = config_capacity(s->config, b);
		if (c.flows == remembered->flows && c.packets == remembered->packets)
			continue;
		*remembered = (struct dp_capacity){ c.flows, c.packets };
		capacity_store(dp, i, remembered);
	}
}

void capacity_clear(struct dp *dp, uint32_t backend)
{
	dp->capacities[backend] = (struct ek_capacity){};
	dp->priv->memory->capacities[backend] = (struct dp_capacity){};
	dp->priv->memory->caps[backend] = 0;
}

void capacities_adopt(struct dp *dp)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		struct dp_capacity now = capacity_now(dp, i);

		if (!dp->backend_ids[i].used)
			continue;
		dp->priv->memory->capacities[i] = now;
		if (dp->capacities[i].held)
			capacity_store(dp, i, &now);
	}
}
