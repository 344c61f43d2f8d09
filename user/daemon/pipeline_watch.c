/* SPDX-License-Identifier: GPL-2.0 */
/* Which backends are watched while a change is under way, and what is seen of them. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/facts.h"
#include "daemon/health.h"
#include "daemon/pipeline_internal.h"
#include "daemon/sample.h"
#include "dp/moved.h"
#include "lib/cleanup.h"
#include "lib/transition.h"

/* Weights of a pool in both revisions. */
struct pool {
	uint64_t before, after;
	bool touched, beyond, judged_anew;
	uint32_t place; /* in the pipeline's */
};

static void pool_sum(struct pool *out, const struct config_service *s,
		     const struct config_diff *diff)
{
	*out = (struct pool){
		.touched = config_diff_touches(diff, s->name, NULL),
		.beyond = config_diff_beyond_pool(diff, s->name),
		.judged_anew = config_diff_touches(diff, s->name, "health"),
	};
	for (size_t i = 0; i < s->backend_count; i++) {
		out->before += s->backends[i].weight_before;
		out->after += config_backend_weight(&s->backends[i]);
	}
}

/* More by a fiftieth: less is what rounding and chance make of it. */
static bool gets_more(const struct pool *p, const struct config_backend *b)
{
	return p->beyond ||
	       50 * config_backend_weight(b) * p->before > 51ull * b->weight_before * p->after;
}

static void add_pool(struct daemon *d, struct pool *pool, uint32_t service,
		     const struct config_service *s)
{
	struct pipeline *p = d->pipeline;

	pool->place = (uint32_t)p->pool_count;
	p->watched_pools[p->pool_count] = (struct watched_pool){
		.service = service,
		.proves = transition_moves(s) && facts_has_traffic(d, s->name),
	};
	p->pools[p->pool_count++] = (struct watch_pool){
		.service = d->dp->service_ids[service].name,
		.before = p->handshakes[service],
	};
}

static void add(struct daemon *d, uint32_t index, const struct config_backend *b,
		const struct pool *pool, bool was_up)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[index];
	struct pipeline *p = d->pipeline;
	struct watch_pool *watched = &p->pools[pool->place];
	uint64_t packets, flows;

	p->watched[p->count] = (struct watched){ .index = index, .pool = watched };
	p->backends[p->count++] = (struct watch_backend){
		.service = watched->service,
		.name = id->name,
		.pool = watched,
		.touched = gets_more(pool, b),
		.judged_anew = pool->judged_anew,
		.was_up = was_up,
		.is_up = was_up,
		.before = b->drain_by_hand ? 0 : b->weight_before,
		.after = config_backend_weight(b),
		.sampled_before = p->own[index].handshakes,
		.sheds_before = p->own[index].sheds,
	};
	p->places[index] = (uint32_t)p->count;
	samples_window(d->samples, index, &packets, &flows);
	p->flows_rate += (double)flows / SAMPLE_WINDOW_S;
}

static int allocate(struct pipeline *p, const struct dp *dp)
{
	p->backends = calloc(dp->sizes.backends, sizeof(*p->backends));
	p->watched = calloc(dp->sizes.backends, sizeof(*p->watched));
	p->places = calloc(dp->sizes.backends, sizeof(*p->places));
	p->pools = calloc(EK_SERVICES_MAX, sizeof(*p->pools));
	p->watched_pools = calloc(EK_SERVICES_MAX, sizeof(*p->watched_pools));
	if (!p->backends || !p->watched || !p->places || !p->pools || !p->watched_pools)
		return -ENOMEM;
	return dp_moved_open(&p->moved, dp);
}

int facts_begin(struct daemon *d, const struct config_diff *diff, const bool *was_up)
{
	struct pipeline *p = d->pipeline;
	_cleanup_(free_ptr) struct pool *pools = calloc(EK_SERVICES_MAX, sizeof(*pools));
	int err = pools ? 0 : -ENOMEM;

	facts_end(p);
	err = err ?: allocate(p, d->dp);
	if (err)
		return err;
	for (size_t i = 0; i < d->config->service_count; i++) {
		const struct config_service *s = &d->config->services[i];
		int service = dp_service_index(d->dp, s->name);

		if (service < 0)
			continue;
		pool_sum(&pools[service], s, diff);
		if (pools[service].touched)
			add_pool(d, &pools[service], (uint32_t)service, s);
	}
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &d->dp->backend_ids[i];
		const struct config_backend *b;

		if (!id->used || id->service >= EK_SERVICES_MAX || !pools[id->service].touched)
			continue;
		b = backend_config(d, i);
		if (b)
			add(d, i, b, &pools[id->service], was_up && was_up[i]);
	}
	return caps_begin(d);
}

void facts_end(struct pipeline *p)
{
	probes_end(p);
	dp_moved_close(p->moved);
	free(p->backends);
	free(p->watched);
	free(p->caps);
	free(p->places);
	free(p->pools);
	free(p->watched_pools);
	p->moved = NULL;
	p->backends = NULL;
	p->watched = NULL;
	p->caps = NULL;
	p->places = NULL;
	p->pools = NULL;
	p->watched_pools = NULL;
	p->count = p->pool_count = 0;
	p->flows = p->drops = p->drops_before = 0;
	p->flows_rate = 0;
	p->elapsed_s = 0;
}

void facts_rebase(struct daemon *d)
{
	struct pipeline *p = d->pipeline;

	for (size_t i = 0; i < p->count; i++) {
		const struct config_backend *b = backend_config(d, p->watched[i].index);

		if (!b)
			continue;
		p->backends[i].before = b->drain_by_hand ? 0 : b->weight_before;
		p->backends[i].after = config_backend_weight(b);
	}
}

/* A service whose slots move, and that has too few, is not judged yet, however many others have. */
uint64_t facts_moved(const struct daemon *d)
{
	const struct pipeline *p = d->pipeline;
	double least = 0;
	bool any = false;

	for (size_t i = 0; i < p->pool_count; i++) {
		double seen = outcome_all(&p->pools[i].moved.all);

		if (!p->watched_pools[i].proves)
			continue;
		least = any && least < seen ? least : seen;
		any = true;
	}
	return (uint64_t)least;
}

void facts_restore_health(struct daemon *d)
{
	struct pipeline *p = d->pipeline;

	for (size_t i = 0; i < p->count; i++)
		if (p->backends[i].judged_anew && p->backends[i].was_up)
			health_restore(d, p->watched[i].index);
}

struct watch_facts facts_of(struct daemon *d)
{
	struct pipeline *p = d->pipeline;

	for (size_t i = 0; i < p->count; i++) {
		struct watch_backend *b = &p->backends[i];
		struct health_view view = { .state = HEALTH_UP };

		health_view(d, p->watched[i].index, &view);
		/* One whose first result is not there yet is not down. */
		b->is_up = view.state != HEALTH_DOWN;
		b->was_up |= view.state == HEALTH_UP;
	}
	caps_hold(d);
	return (struct watch_facts){
		.backends = p->backends,
		.count = p->count,
		.pools = p->pools,
		.pool_count = p->pool_count,
		.flows = p->flows,
		.drops = p->drops,
		.flows_before = (uint64_t)(p->flows_rate * p->elapsed_s),
		.drops_before = p->drops_before,
	};
}
