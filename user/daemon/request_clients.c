// SPDX-License-Identifier: GPL-2.0
/* clients: who sends how much to which service, from the sampled packets of the last minutes. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/request.h"
#include "daemon/sampling.h"
#include "dp/install.h"
#include "lib/addr.h"
#include "lib/cleanup.h"

#define LIMIT_MAX 1000
#define LIMIT_DEFAULT 20

/* A part of nothing is not known. */
static json_t *part(double of, double all)
{
	return all > 0 ? json_real(of / all) : json_null();
}

static json_t *client_json(const struct daemon *d, uint32_t service, const struct client_sum *c,
			   const struct client_total *all)
{
	const struct ek_backend_id *id = &d->dp->backend_ids[c->backend];
	bool known = id->used != BACKEND_FREE && id->service == service;
	char address[ADDR_TEXT_MAX];
	json_t *j;

	j = json_pack("{s:s, s:i, s:f, s:f, s:o}", "address", addr_text(&c->client, address),
		      "samples", (int)c->samples, "bytes_per_s", c->bytes / all->seconds,
		      "packets_per_s", c->packets / all->seconds, "backend",
		      known ? json_string(id->name) : json_null());
	json_put(j, "share_bytes", part(c->bytes, all->bytes));
	json_put(j, "share_packets", part(c->packets, all->packets));
	json_put(j, "share_flows", part(c->flows, all->flows));
	json_put(j, "share_to_backend", part(c->backend_bytes, c->bytes));
	return j;
}

/* NULL when memory runs out. */
static json_t *service_clients(const struct daemon *d, const struct client_index *index,
			       uint32_t service, size_t limit)
{
	_cleanup_(free_ptr) struct client_sum *top = calloc(limit, sizeof(*top));
	struct client_view view = client_index_view(index, service);
	struct client_total all;
	json_t *list, *j;
	int count;

	if (!top)
		return NULL;
	count = clients_heaviest(&view, top, limit, &all);
	if (count < 0)
		return NULL;
	list = json_array();
	for (int i = 0; i < count; i++)
		json_array_append_new(list, client_json(d, service, &top[i], &all));
	j = json_pack("{s:s, s:i, s:i, s:f}", "name", d->dp->service_ids[service].name, "samples",
		      (int)all.samples, "clients", (int)all.clients, "seconds", all.seconds);
	json_put(j, "bytes_per_s", json_real(all.bytes / all.seconds));
	json_put(j, "packets_per_s", json_real(all.packets / all.seconds));
	json_put(j, "flows_per_s", json_real(all.flows / all.seconds));
	json_put(j, "heaviest", list);
	return j;
}

static json_t *answer(const struct daemon *d, int only, size_t limit)
{
	_cleanup_(client_index_release) struct client_index index = {};
	json_t *list;

	if (client_index_make(&index, sampling_clients(d), clock_now_s()))
		return NULL;
	list = json_array();
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		json_t *one;

		if (!d->dp->service_ids[i].name[0] || (only >= 0 && i != (uint32_t)only))
			continue;
		one = service_clients(d, &index, i, limit);
		if (!one || json_array_append_new(list, one)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

void request_clients(struct request *r, struct reply *reply)
{
	const struct daemon *d = r->daemon;
	const char *name = NULL;
	int limit = LIMIT_DEFAULT, only = -1;
	json_t *list;

	if (!request_arguments(r, reply, "{s?s, s?i}", "service", &name, "limit", &limit))
		return;
	if (limit < 1 || limit > LIMIT_MAX) {
		reply_usage(reply, "limit %d: must be from 1 to %d", limit, LIMIT_MAX);
		return;
	}
	if (!d->options.samples) {
		reply_refuse(reply, "no packets are sampled, so no clients are known: evenkeeld "
				    "was started with --samples 0");
		return;
	}
	if (name)
		only = dp_service_index(d->dp, name);
	if (name && only < 0) {
		reply_refuse(reply, "no service %.64s; see evenkeel service list", name);
		return;
	}
	list = answer(d, only, (size_t)limit);
	if (list)
		reply->result = json_pack("{s:i, s:o}", "window_s", (int)SAMPLING_WINDOW_S,
					  "services", list);
	else
		reply_refuse(reply, "out of memory");
}
