/* SPDX-License-Identifier: GPL-2.0 */
/* What is known of servers and traffic, as facts for a plan. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ask.h"
#include "daemon/gating.h"
#include "daemon/health.h"
#include "daemon/load.h"
#include "daemon/sample.h"
#include "daemon/sampling.h"
#include "dp/install.h"
#include "lib/cleanup.h"

void known_release(struct known *k)
{
	free(k->facts);
	free(k->services);
	client_index_release(&k->clients);
}

static enum plan_answer answer_of(const struct health_view *v)
{
	if (!v->checked || v->state == HEALTH_UP)
		return PLAN_UP;
	return v->state == HEALTH_UNKNOWN ? PLAN_UNKNOWN : PLAN_DOWN;
}

/* Nothing is added where nothing is known: a new backend that nobody has asked yet. */
static void backend_add(struct known *k, const struct daemon *d, const struct config_service *s,
			const struct config_backend *b)
{
	int service = dp_service_index(d->dp, s->name);
	uint32_t index =
		service < 0 ? 0 : dp_backend_index(d->dp, (uint32_t)service, &b->addr, b->port);
	struct plan_fact f = { .service = s->name, .addr = b->addr, .port = b->port };
	uint64_t packets, flows;
	struct health_view view;

	if (!index || !health_view(d, index, &view))
		return;
	samples_window(d->samples, index, &packets, &flows);
	f.index = index;
	f.answer = answer_of(&view);
	f.ever_up = view.ever_up;
	f.has_rate = true;
	f.rate = (double)flows / SAMPLE_WINDOW_S;
	f.best = loads_best(d, index);
	k->facts[k->fact_count++] = f;
}

static void service_add(struct known *k, const struct daemon *d, const struct config_service *s)
{
	int index = dp_service_index(d->dp, s->name);
	uint64_t table = index < 0 ? 0 : d->dp->services[index].table;
	struct plan_service_fact *f = &k->services[k->service_count];

	if (!table)
		return;
	*f = (struct plan_service_fact){
		.service = s->name,
		.slots = ek_table_mask(table) + 1,
		.peak = loads_peak(d, (uint32_t)index),
	};
	if (d->options.samples)
		f->clients = client_index_view(&k->clients, (uint32_t)index);
	k->service_count++;
}

static size_t count_backends(const struct config *c)
{
	size_t count = 0;

	for (size_t i = 0; c && i < c->service_count; i++)
		count += c->services[i].backend_count;
	return count;
}

/* Backends of `old` that are not in `now` as well. */
static void old_add(struct known *k, const struct daemon *d, const struct config_service *old,
		    const struct config_service *now)
{
	for (size_t i = 0; i < old->backend_count; i++) {
		const struct config_backend *b = &old->backends[i];
		const struct config_backend *same = now ? config_backend(now, b->name) : NULL;

		/* Found twice, the facts are the same. */
		if (!same || same->port != b->port || !addr_equal(&same->addr, &b->addr))
			backend_add(k, d, old, b);
	}
}

int known_make(struct known *out, const struct daemon *d, const struct config *old,
	       const struct config *now)
{
	size_t services = now->service_count + (old ? old->service_count : 0);
	struct known k = {
		.facts = calloc(count_backends(old) + count_backends(now) + 1, sizeof(*k.facts)),
		.services = calloc(services + 1, sizeof(*k.services)),
	};

	if (!k.facts || !k.services ||
	    client_index_make(&k.clients, sampling_clients(d), clock_now_s())) {
		known_release(&k);
		return -ENOMEM;
	}
	for (size_t i = 0; i < now->service_count; i++) {
		const struct config_service *s = &now->services[i];

		service_add(&k, d, s);
		for (size_t b = 0; b < s->backend_count; b++)
			backend_add(&k, d, s, &s->backends[b]);
	}
	for (size_t i = 0; old && i < old->service_count; i++)
		old_add(&k, d, &old->services[i], config_service(now, old->services[i].name));
	*out = k;
	return 0;
}

static struct plan_fact *fact_of(struct known *k, const struct asked_backend *b)
{
	for (size_t i = 0; i < k->fact_count; i++) {
		struct plan_fact *f = &k->facts[i];

		if (f->port == b->backend->port && addr_equal(&f->addr, &b->backend->addr) &&
		    !strcmp(f->service, b->service))
			return f;
	}
	return NULL;
}

int known_take(struct known *k, const struct asked *asked)
{
	struct plan_fact *grown =
		reallocarray(k->facts, k->fact_count + asked->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	k->facts = grown;
	for (size_t i = 0; i < asked->count; i++) {
		const struct asked_backend *b = &asked->backends[i];
		struct plan_fact *f = fact_of(k, b);

		if (!b->known || !b->is_asked)
			continue;
		if (!f) {
			f = &k->facts[k->fact_count++];
			*f = (struct plan_fact){ .service = b->service,
						 .addr = b->backend->addr,
						 .port = b->backend->port };
		}
		f->was = f->answer;
		f->answer = b->passes ? PLAN_UP : PLAN_DOWN;
	}
	return 0;
}
