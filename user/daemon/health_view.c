/* SPDX-License-Identifier: GPL-2.0 */
/* What is known of health, for whoever asks. */
#include <stdio.h>
#include <string.h>

#include "daemon/health_internal.h"
#include "daemon/request.h"
#include "lib/rebalance.h"

bool health_view(const struct daemon *d, uint32_t backend, struct health_view *out)
{
	const struct health_unit *u = d->healths->units[backend];

	if (!u)
		return false;
	*out = (struct health_view){
		.state = u->health.state,
		.checked = u->plan,
		.ever_up = u->health.ever_up,
		.held = health_held(&u->health),
		.in_table = u->had,
		.stuck = u->stuck,
		.weight = (double)u->in_force / REBALANCE_SCALE,
		.failures = u->failures,
		.since = u->since,
		.spare = u->spare,
		.start = 100 * u->start.part / START_WHOLE,
		.start_left_s = start_left_s(&u->start, u->start_s, clock_now_s()),
	};
	unit_reason(u, out->reason);
	if (u->health.state == HEALTH_DOWN && u->had && strlen(out->reason) < HEALTH_TEXT_MAX - 40)
		strcat(out->reason, "; gets new flows all the same");
	return true;
}

static void count_way(const struct healths *h, uint32_t service, const struct health_way *w,
		      bool *seen, health_count each, void *context)
{
	size_t kind = w->tunnel ? CHECK_TYPES : w->check->type;

	if (!seen[kind])
		each(context, way_text(w), &h->counts[service].of[kind]);
	seen[kind] = true;
}

void health_counted(const struct daemon *d, uint32_t service, health_count each, void *context)
{
	const struct health_plan *plan = d->healths->plans[service];
	bool seen[HEALTH_COUNTS] = {};

	for (size_t i = 0; plan && i < plan->probe_count; i++)
		count_way(d->healths, service, &plan->ways[i], seen, each, context);
}

static void pool_add(struct health_pool_view *pool, const struct health_unit *u)
{
	if (!u->weight)
		return;
	*(u->spare ? &pool->spares : &pool->count) += 1;
	*(u->spare ? &pool->spares_up : &pool->up) += u->health.state == HEALTH_UP;
	pool->in_table += u->had;
}

void health_pools_view(const struct daemon *d, struct health_pool_view *out)
{
	const struct healths *h = d->healths;

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		out[i] = (struct health_pool_view){ .mode = h->modes[i] };
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++)
		if (h->units[i])
			pool_add(&out[h->units[i]->service], h->units[i]);
}

enum eligible_mode health_mode(const struct daemon *d, uint32_t service)
{
	return d->healths->modes[service];
}

bool health_is_up(const struct daemon *d, uint32_t backend)
{
	const struct health_unit *u = d->healths->units[backend];

	return u && u->health.state == HEALTH_UP;
}

void health_pool_view(const struct daemon *d, uint32_t service, struct health_pool_view *out)
{
	const struct healths *h = d->healths;

	*out = (struct health_pool_view){ .mode = h->modes[service] };
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++)
		if (h->units[i] && h->units[i]->service == service)
			pool_add(out, h->units[i]);
}

static json_t *check_json(const struct health_check *k, const struct health_probe *p)
{
	bool good = k->told && k->state == HEALTH_UP && !p->reason[0];

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I}", "type",
			 config_check_name(p->way->check->type), "via",
			 p->way->tunnel ? "tunnel" : "direct", "state", health_state_name(k->state),
			 "latency_us", good ? json_integer(p->latency_us) : json_null(), "reason",
			 json_text(p->reason), "trouble", json_text(p->missed), "results",
			 (json_int_t)p->results);
}

json_t *health_backend_json(const struct daemon *d, uint32_t backend)
{
	const struct health_unit *u = d->healths->units[backend];
	json_t *checks = json_array(), *j;
	struct health_view view;

	if (!u || !u->plan || !health_view(d, backend, &view)) {
		json_decref(checks);
		return json_null();
	}
	for (size_t i = 0; i < u->plan->probe_count; i++)
		json_array_append_new(checks, check_json(&u->checks[i], &u->probes[i]));
	j = json_pack("{s:s, s:o, s:o, s:b, s:b, s:b, s:b}", "state", health_state_name(view.state),
		      "since", view.since ? json_integer(view.since) : json_null(), "reason",
		      json_text(view.reason), "ever_up", view.ever_up, "held", view.held,
		      "in_table", view.in_table, "stuck", view.stuck);
	json_put(j, "checks", checks);
	return j;
}

json_t *health_service_json(const struct health_pool_view *pool)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "mode", eligible_mode_name(pool->mode),
			 "up", (int)pool->up, "in_table", (int)pool->in_table, "count",
			 (int)pool->count, "spares_up", (int)pool->spares_up, "spares",
			 (int)pool->spares);
}
