/* SPDX-License-Identifier: GPL-2.0 */
/* Each second: what came of handshakes, sheds and drops, while a change is under way and before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/pipeline_internal.h"
#include "daemon/sample.h"
#include "dp/install.h"
#include "dp/moved.h"
#include "lib/handshakes.h"

/* ---- handshakes ------------------------------------------------------------------------------ */

/* Of those that are sampled: what moves is told in full by dp_moved_read(), with one exception. */
void pipeline_handshake(struct daemon *d, uint32_t backend, bool followed)
{
	const struct outcome one = { followed, !followed };
	struct pipeline *p = d->pipeline;
	uint32_t place = p->running && p->places ? p->places[backend] : 0;
	uint32_t service = d->dp->backend_ids[backend].service;

	if (place && p->backends[place - 1].touched)
		outcomes_add(&p->backends[place - 1].sampled, &one);
	else if (place)
		outcomes_add(&p->watched[place - 1].pool->unmoved, &one);
	if (p->running || service >= EK_SERVICES_MAX)
		return;
	outcome_add(&p->handshakes[service], &one);
	outcome_add(&p->own[backend].handshakes, &one);
}

static void on_moved(void *context, uint32_t backend, bool completed)
{
	struct pipeline *p = context;
	uint32_t place = p->places[backend];

	if (place)
		outcome_add(&p->watched[place - 1].second,
			    &(struct outcome){ completed, !completed });
}

static void backend_second(struct daemon *d, size_t i)
{
	struct pipeline *p = d->pipeline;
	struct watch_backend *b = &p->backends[i];
	struct watched *w = &p->watched[i];
	struct outcome sheds;
	struct dp_traffic t;

	samples_second(d->samples, w->index, &t);
	w->syns += (double)t.flows;
	if (w->second.good > w->syns)
		w->second.good = w->syns;
	w->syns -= w->second.good;
	/* Of plain UDP packets are shed, of the others what begins a flow. */
	sheds = (struct outcome){ (double)(t.flows ? t.flows : t.packets), (double)t.shed };
	outcomes_decay(&b->handshakes);
	outcomes_decay(&b->sampled);
	outcomes_decay(&b->sheds);
	outcomes_add(&b->handshakes, &w->second);
	outcomes_add(&b->sheds, &sheds);
	if (b->touched)
		outcomes_add(&w->pool->moved, &w->second);
	else
		outcomes_add(&w->pool->sheds, &sheds);
	w->second = (struct outcome){};
	p->flows += t.flows;
}

/* ---- drops ----------------------------------------------------------------------------------- */

static void losses_now(const struct daemon *d, uint64_t out[static LOSSES])
{
	struct ek_verdicts v;

	dp_verdicts(d->dp, &v);
	out[LOSS_NO_BACKEND] = v.dropped[EK_DROP_NO_BACKEND];
	out[LOSS_NO_NEXT_HOP] = v.dropped[EK_DROP_NO_NEXT_HOP];
	out[LOSS_NOT_REMEMBERED] = v.dropped[EK_DROP_NOT_REMEMBERED];
}

static bool no_backend(const struct daemon *d)
{
	const struct pipeline *p = d->pipeline;

	for (size_t i = 0; i < p->pool_count; i++) {
		struct dp_service_view view;

		if (!dp_service_view(d->dp, p->watched_pools[i].service, &view) && view.unowned)
			return true;
	}
	return false;
}

static bool no_next_hop(const struct daemon *d)
{
	const struct pipeline *p = d->pipeline;

	for (size_t i = 0; i < p->count; i++)
		if (p->backends[i].touched && p->backends[i].after &&
		    !(dp_path(d->dp, p->watched[i].index)->flags & EK_PATH_NEXT_HOP))
			return true;
	return false;
}

/* The data path does not count drops by service: a change is blamed for those for which there is a reason
 * among what it touches. Only flows of moved slots are not remembered. */
static void blame(struct daemon *d, const uint64_t losses[static LOSSES])
{
	struct pipeline *p = d->pipeline;
	const bool blamed[LOSSES] = {
		[LOSS_NO_BACKEND] = losses[LOSS_NO_BACKEND] && no_backend(d),
		[LOSS_NO_NEXT_HOP] = losses[LOSS_NO_NEXT_HOP] && no_next_hop(d),
		[LOSS_NOT_REMEMBERED] = losses[LOSS_NOT_REMEMBERED],
	};

	for (size_t k = 0; k < LOSSES; k++) {
		uint64_t before = 0;

		for (size_t i = 0; i < p->known; i++)
			before += p->seconds[i][k];
		if (!blamed[k])
			continue;
		p->drops += losses[k];
		p->drops_before += p->known ? before / p->known : 0;
	}
}

/* ---- before, and since ----------------------------------------------------------------------- */

static void remember(struct daemon *d, const uint64_t losses[static LOSSES])
{
	struct pipeline *p = d->pipeline;

	memcpy(p->seconds[p->second], losses, sizeof(p->seconds[0]));
	p->second = (p->second + 1) % PIPELINE_SECONDS;
	p->known += p->known < PIPELINE_SECONDS;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		outcome_decay(&p->handshakes[i], PIPELINE_SECONDS);
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		struct dp_traffic t;

		if (!d->dp->backend_ids[i].used) {
			p->own[i] = (struct own){};
			continue;
		}
		samples_second(d->samples, i, &t);
		outcome_decay(&p->own[i].handshakes, PIPELINE_SECONDS);
		outcome_decay(&p->own[i].sheds, PIPELINE_SECONDS);
		p->own[i].sheds.good += (double)(t.flows ? t.flows : t.packets);
		p->own[i].sheds.bad += (double)t.shed;
	}
}

int seconds_open(struct daemon *d)
{
	d->pipeline->own = calloc(d->dp->sizes.backends, sizeof(*d->pipeline->own));
	if (!d->pipeline->own)
		return log_err(-ENOMEM, "out of memory");
	losses_now(d, d->pipeline->losses);
	return 0;
}

void seconds_tick(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	uint64_t now[LOSSES], losses[LOSSES];

	losses_now(d, now);
	for (size_t k = 0; k < LOSSES; k++)
		losses[k] = now[k] - p->losses[k];
	memcpy(p->losses, now, sizeof(now));
	if (!p->running) {
		remember(d, losses);
		return;
	}
	p->elapsed_s++;
	for (size_t i = 0; i < p->pool_count; i++) {
		outcomes_decay(&p->pools[i].moved);
		outcomes_decay(&p->pools[i].unmoved);
		outcomes_decay(&p->pools[i].sheds);
	}
	dp_moved_read(p->moved, d->dp, clock_now_s(), HANDSHAKE_WAIT_S, on_moved, p);
	for (size_t i = 0; i < p->count; i++)
		backend_second(d, i);
	blame(d, losses);
}
