// SPDX-License-Identifier: GPL-2.0
/* What follows from the shares: the worst when servers fail, and hosts with several services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/plan_internal.h"

/* ---- failures -------------------------------------------------------------------------------- */

/* The heaviest ones that get new flows, first those with the most. */
#define HEAVIEST 3

static size_t heaviest(const struct plan_service *p, size_t out[static HEAVIEST])
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++) {
		uint32_t weight = p->backends[i].weight_answering;
		size_t at = count < HEAVIEST ? count : HEAVIEST;

		if (!weight)
			continue;
		while (at && p->backends[out[at - 1]].weight_answering < weight) {
			if (at < HEAVIEST)
				out[at] = out[at - 1];
			at--;
		}
		if (at < HEAVIEST)
			out[at] = i;
		count += count < HEAVIEST;
	}
	return count;
}

static double weight_of(const struct plan_service *p, size_t i)
{
	return p->backends[i].weight_answering;
}

/* `fail` of the heaviest fail but the one at `keep`, which has the most then: what is left is
 * shared by weight, so the worst is among the heaviest. */
static void worst_keeping(const struct plan_service *p, const size_t *heavy, size_t count,
			  size_t keep, size_t fail, double all, struct plan_worst *worst)
{
	struct plan_worst w = { .backend = heavy[keep] };

	for (size_t i = 0; i < count && w.fail_count < fail; i++) {
		if (i == keep)
			continue;
		w.failed[w.fail_count++] = heavy[i];
		all -= weight_of(p, heavy[i]);
	}
	w.share = weight_of(p, heavy[keep]) / all;
	if (w.share > worst->share)
		*worst = w;
}

void plan_worst(struct plan_service *p)
{
	size_t heavy[HEAVIEST], count = heaviest(p, heavy);
	double all = 0;

	for (size_t i = 0; i < p->count; i++)
		all += weight_of(p, i);
	for (size_t fail = 1; fail <= 2; fail++)
		for (size_t keep = 0; keep < count && keep <= fail; keep++)
			worst_keeping(p, heavy, count, keep, fail, all, &p->worst[fail - 1]);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

struct part {
	const struct config_backend *backend;
	const struct plan_service *service;
	const struct plan_backend *plan;
};

static int by_address(const void *a, const void *b)
{
	const struct part *l = a, *r = b;
	int order = memcmp(&l->backend->addr, &r->backend->addr, sizeof(struct ek_addr));

	return order ? order : l->plan < r->plan ? -1 : l->plan > r->plan;
}

static void host_add(struct plan_host *h, const struct part *part)
{
	h->addr = part->backend->addr;
	h->has_rate = (!h->services || h->has_rate) && part->service->has_rate;
	h->services++;
	h->rate += part->service->rate * part->plan->old_answering;
	h->new_rate += part->plan->new_rate;
	h->old_share += part->plan->old_answering;
	h->new_share += part->plan->answering;
}

int plan_hosts(struct plan *p)
{
	_cleanup_(free_ptr) struct part *parts = NULL;
	size_t count = 0, most = 0;

	for (size_t i = 0; i < p->service_count; i++)
		most += p->services[i].count;
	parts = calloc(most + 1, sizeof(*parts));
	p->hosts = calloc(most + 1, sizeof(*p->hosts));
	if (!parts || !p->hosts)
		return -ENOMEM;
	for (size_t i = 0; i < p->service_count; i++) {
		for (size_t k = 0; k < p->services[i].count; k++) {
			const struct plan_backend *b = &p->services[i].backends[k];

			parts[count++] =
				(struct part){ b->now ? b->now : b->old, &p->services[i], b };
		}
	}
	qsort(parts, count, sizeof(*parts), by_address);
	for (size_t i = 0; i < count;) {
		struct plan_host h = {};

		do
			host_add(&h, &parts[i++]);
		while (i < count && addr_equal(&parts[i].backend->addr, &h.addr));
		if (h.services > 1)
			p->hosts[p->host_count++] = h;
	}
	return 0;
}
