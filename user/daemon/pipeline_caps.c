/* SPDX-License-Identifier: GPL-2.0 */
/* What backends are held to while a change is staged and watched (lib/cap.h). */
#include <errno.h>
#include <stdlib.h>

#include "daemon/facts.h"
#include "daemon/health.h"
#include "daemon/load.h"
#include "daemon/pipeline_internal.h"
#include "daemon/sample.h"
#include "dp/install.h"
#include "evenkeel/lease.h"
#include "lib/cleanup.h"

/* What it has declared by the revision before. */
static uint32_t declared_before(const struct daemon *d, const struct watch_backend *w,
				const struct config_backend *b)
{
	const struct config_service *s = config_service(d->pipeline->before, w->service);
	const struct config_backend *was = s ? config_backend(s, w->name) : NULL;

	if (!was || !addr_equal(&was->addr, &b->addr) || was->port != b->port)
		return 0;
	return config_capacity(s, was).flows;
}

/* Before anything is installed: those that are there already. What the change declares is not believed
 * before it is known to be good. */
void caps_prepare(struct daemon *d, const struct config_diff *diff)
{
	_cleanup_(free_ptr) struct cap_fact *facts = calloc(d->dp->sizes.backends, sizeof(*facts));
	_cleanup_(free_ptr) uint32_t *indexes = calloc(d->dp->sizes.backends, sizeof(*indexes));
	_cleanup_(free_ptr) uint32_t *caps = calloc(d->dp->sizes.backends, sizeof(*caps));
	size_t n = 0;

	for (uint32_t i = 1; facts && indexes && caps && i < d->dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &d->dp->backend_ids[i];
		const struct config_backend *b = id->used ? backend_config(d, i) : NULL;

		if (!b || !config_diff_touches(diff, d->dp->service_ids[id->service].name, NULL))
			continue;
		indexes[n] = i;
		facts[n++] = (struct cap_fact){
			.pool = id->service,
			.weight = health_is_up(d, i) ? config_backend_weight(b) : 0,
			.recent = loads_recent(d, i),
			.best = loads_best(d, i),
			.declared = config_capacity(service_config(d, id->service), b).flows,
		};
	}
	if (!caps || caps_work_out(facts, n, caps))
		return;
	for (size_t i = 0; i < n; i++)
		dp_cap(d->dp, indexes[i], caps[i], clock_now_s() + EK_LEASE_S);
}

static void cap_begin(struct daemon *d, size_t i)
{
	struct pipeline *p = d->pipeline;
	const struct config_backend *b = backend_config(d, p->watched[i].index);

	p->caps[i] = (struct cap_fact){ .pool = d->dp->backend_ids[p->watched[i].index].service };
	if (!b)
		return;
	p->caps[i].recent = loads_recent(d, p->watched[i].index);
	p->caps[i].best = loads_best(d, p->watched[i].index);
	p->caps[i].declared = declared_before(d, &p->backends[i], b);
}

int caps_begin(struct daemon *d)
{
	struct pipeline *p = d->pipeline;

	p->caps = calloc(p->count + 1, sizeof(*p->caps));
	if (!p->caps)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		cap_begin(d, i);
	caps_hold(d);
	return 0;
}

/* What it would have by the old revision now. */
static double weight_anyway(const struct daemon *d, size_t i)
{
	const struct watch_backend *w = &d->pipeline->backends[i];
	const struct config_backend *b = backend_config(d, d->pipeline->watched[i].index);
	bool alive = w->judged_anew ? w->was_up : w->is_up;

	return alive && b && !b->drain_by_hand ? w->before : 0;
}

void caps_hold(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	_cleanup_(free_ptr) uint32_t *caps = calloc(p->count + 1, sizeof(*caps));

	for (size_t i = 0; p->caps && i < p->count; i++)
		p->caps[i].weight = weight_anyway(d, i);
	if (!caps || !p->caps || caps_work_out(p->caps, p->count, caps))
		return; /* those of the second before hold */
	for (size_t i = 0; i < p->count; i++) {
		struct dp_traffic second;

		dp_cap(d->dp, p->watched[i].index, caps[i], clock_now_s() + EK_LEASE_S);
		samples_second(d->samples, p->watched[i].index, &second);
		p->backends[i].cap = caps[i];
		p->backends[i].second =
			(struct outcome){ (double)second.flows, (double)second.shed };
	}
}

void caps_lift(struct daemon *d)
{
	struct pipeline *p = d->pipeline;

	for (uint32_t i = 1; i < d->dp->sizes.backends; i++)
		dp_cap(d->dp, i, 0, 0);
	free(p->caps);
	p->caps = NULL;
}
