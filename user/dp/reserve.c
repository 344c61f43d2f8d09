// SPDX-License-Identifier: GPL-2.0
/* Indexes for what a configuration names, before anything of it carries traffic. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/capacity.h"
#include "dp/index.h"
#include "dp/install.h"
#include "dp/object.h"
#include "lib/cleanup.h"

/* What reserving will write, collected first: nothing is reserved unless all of it can be. */
struct reservation {
	struct dp *dp;
	struct backend_index *index; /* the caller's */
	struct service_index *names;
	uint32_t *services; /* by position in the configuration */
	struct fresh {
		uint32_t backend;
		uint32_t service;
		const struct config_backend *config;
	} * fresh;
	size_t fresh_count;
};

static void reservation_release(struct reservation *r)
{
	service_index_free(&r->names);
	free(r->services);
	free(r->fresh);
}

static size_t backends_in(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->service_count; i++)
		n += c->services[i].backend_count;
	return n;
}

static int reserve_services(struct reservation *r, const struct config *c,
			    char error[static DP_ERROR_MAX])
{
	int next = 0;

	for (size_t i = 0; i < c->service_count; i++) {
		int index = service_index_find(r->names, c->services[i].name);

		if (index < 0) {
			index = service_index_spare(r->index, (uint32_t)next);
			next = index + 1;
		}
		if (index < 0)
			return dp_fail(error, -ENOSPC, "service %s: all %u places are taken",
				       c->services[i].name, EK_SERVICES_MAX);
		r->services[i] = (uint32_t)index;
	}
	return 0;
}

static int reserve_backends(struct reservation *r, const struct config_service *s, uint32_t service,
			    char error[static DP_ERROR_MAX])
{
	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];
		uint32_t index = backend_index_find(r->index, service, b);

		if (index)
			continue;
		index = backend_index_take(r->index, service, b);
		if (!index)
			return dp_fail(
				error, -ENOSPC,
				"service %s: backend %s is one more than the %u there is room "
				"for: start evenkeeld with a larger --backends, after `evenkeel "
				"detach`",
				s->name, b->name, r->dp->sizes.backends - 1);
		r->fresh[r->fresh_count++] = (struct fresh){ index, service, b };
	}
	return 0;
}

/* An index that was somebody else's: its counters begin anew. Nobody else writes them, since
 * no slot has named it for more than a grace period. */
static void clear_traffic(struct dp *dp, uint32_t backend)
{
	for (uint32_t cpu = 0; cpu < dp->cpus; cpu++) {
		size_t at = (size_t)cpu * dp->sizes.backends + backend;

		dp->traffic[at] = (struct ek_traffic){};
		dp->purses[at] = (struct ek_purse){};
	}
}

static void write_backend(struct dp *dp, const struct fresh *f, uint32_t now_s)
{
	struct ek_backend_id *id = &dp->backend_ids[f->backend];

	clear_traffic(dp, f->backend);
	dp->backends[f->backend] = (struct ek_backend){};
	capacity_clear(dp, f->backend);
	memset(id, 0, sizeof(*id));
	snprintf(id->name, sizeof(id->name), "%s", f->config->name);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): reserve_backends() has set it */
	id->addr = f->config->addr;
	id->port = (uint16_t)f->config->port;
	id->service = f->service;
	id->since = now_s;
	__atomic_store_n(&id->used, BACKEND_USED, __ATOMIC_RELEASE);
}

static void write_service(struct dp *dp, uint32_t index, const struct config_service *s)
{
	struct ek_service_id *id = &dp->service_ids[index];

	if (id->name[0])
		return;
	id->forward = s->forward;
	id->gue = config_gue(s);
	id->vlan_strip = s->vlan_strip;
	snprintf(id->name, sizeof(id->name), "%s", s->name);
}

int reserve_indexes(struct dp *dp, const struct config *c, struct backend_index *x, uint32_t now_s,
		    char error[static DP_ERROR_MAX])
{
	_cleanup_(reservation_release) struct reservation r = { .dp = dp, .index = x };
	int err = service_index_make(&r.names, dp);

	r.services = calloc(c->service_count + 1, sizeof(*r.services));
	r.fresh = calloc(backends_in(c) + 1, sizeof(*r.fresh));
	if (err || !r.services || !r.fresh)
		return dp_fail(error, -ENOMEM, "out of memory");
	err = reserve_services(&r, c, error);
	for (size_t i = 0; !err && i < c->service_count; i++)
		err = reserve_backends(&r, &c->services[i], r.services[i], error);
	if (err)
		return err;
	for (size_t i = 0; i < c->service_count; i++)
		write_service(dp, r.services[i], &c->services[i]);
	for (size_t i = 0; i < r.fresh_count; i++)
		write_backend(dp, &r.fresh[i], now_s);
	return 0;
}

int dp_reserve(struct dp *dp, const struct config *c, uint32_t now_s,
	       char error[static DP_ERROR_MAX])
{
	_cleanup_(backend_index_free) struct backend_index *x = NULL;

	if (backend_index_make(&x, dp))
		return dp_fail(error, -ENOMEM, "out of memory");
	return reserve_indexes(dp, c, x, now_s, error);
}
