// SPDX-License-Identifier: GPL-2.0
/* Lints that compare: with the revision in force, with what probes found, and times with times. */
#include <string.h>

#include "lib/lint_internal.h"

/* ---- what goes ------------------------------------------------------------------------------- */

static bool is_said(const struct config *c, const char *what)
{
	for (size_t i = 0; i < c->removal_count; i++)
		if (!strcmp(c->removals[i].what, what))
			return true;
	return false;
}

static bool listens(const struct config_service *s, const struct endpoint *e)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct endpoint *o = &s->listeners[i].endpoint;

		if (addr_equal(&o->addr, &e->addr) && o->port == e->port && o->proto == e->proto)
			return true;
	}
	return false;
}

static const struct config_service *who_listens(const struct config *c, const struct endpoint *e)
{
	for (size_t i = 0; i < c->service_count; i++)
		if (listens(&c->services[i], e))
			return &c->services[i];
	return NULL;
}

/* `now` is the same service in the new configuration. */
static void listeners_gone(struct lint_report *r, const struct config *c,
			   const struct config_service *old, const struct config_service *now)
{
	for (size_t i = 0; i < old->listener_count; i++) {
		const struct endpoint *e = &old->listeners[i].endpoint;
		const struct config_service *taker;
		char text[ENDPOINT_TEXT_MAX];

		if (listens(now, e) || is_said(c, endpoint_text(e, text)))
			continue;
		taker = who_listens(c, e);
		lint_add(r, LINT_DISAPPEARS, now->place, now, NULL,
			 "service %s: listener %s %s%s; if it is meant: --remove %s, or removed: "
			 "[\"%s\"]",
			 now->name, text, taker ? "goes to service " : "disappears",
			 taker ? taker->name : "", text, text);
	}
}

static void service_gone(struct lint_report *r, const struct config *c,
			 const struct config_service *old)
{
	if (!is_said(c, old->name))
		lint_add(r, LINT_DISAPPEARS, (struct place){}, old, NULL,
			 "service %s disappears; if it is meant: --remove %s, or removed: [%s]",
			 old->name, old->name, old->name);
}

static size_t takers(const struct config_service *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->backend_count; i++)
		count += config_backend_weight(&s->backends[i]) > 0;
	return count;
}

static void shrinks(struct lint_report *r, const struct config_service *old,
		    const struct config_service *now)
{
	size_t before = takers(old), after = takers(now);

	if (before < 2 || after >= before || (2 * after > before && after > 1))
		return;
	lint_add(r, LINT_POOL_SHRINKS, now->place, now, NULL,
		 "service %s: %zu backend%s would get new flows, and %zu do now", now->name, after,
		 after == 1 ? "" : "s", before);
}

void lint_change(struct lint_report *r, const struct lint_input *in)
{
	for (size_t i = 0; in->old && i < in->old->service_count; i++) {
		const struct config_service *old = &in->old->services[i];
		const struct config_service *now = config_service(in->config, old->name);

		if (!now) {
			service_gone(r, in->config, old);
			continue;
		}
		listeners_gone(r, in->config, old, now);
		shrinks(r, old, now);
	}
}

/* ---- what answers ---------------------------------------------------------------------------- */

struct pool_live {
	size_t asked, pass;
	const char *reason;
};

static void live_backend(struct lint_report *r, const struct config_service *s,
			 const struct lint_live *l, struct pool_live *pool)
{
	const struct config_backend *b = config_backend(s, l->backend);

	if (!b || !config_backend_weight(b))
		return;
	pool->asked++;
	pool->pass += l->passes;
	if (l->passes)
		return;
	pool->reason = l->reason;
	lint_add(r, LINT_UNREACHABLE, b->addr_place, s, b, "%s/%s: %s", s->name, b->name,
		 l->reason);
}

void lint_live(struct lint_report *r, const struct lint_input *in)
{
	for (size_t i = 0; in->live && i < in->config->service_count; i++) {
		const struct config_service *s = &in->config->services[i];
		struct pool_live pool = {};

		for (size_t k = 0; k < in->live_count; k++)
			if (!strcmp(in->live[k].service, s->name))
				live_backend(r, s, &in->live[k], &pool);
		/* Only new ones may have been asked. */
		if (pool.asked && pool.asked == config_weighty(s) && !pool.pass)
			lint_add(r, LINT_NONE_HEALTHY,
				 s->check_count ? s->checks[0].place : s->place, s, NULL,
				 "service %s: none of %zu backends passes its checks: %s", s->name,
				 pool.asked, pool.reason);
	}
}

/* ---- times ----------------------------------------------------------------------------------- */

static struct place place_or(struct place p, const struct config_service *s)
{
	return p.line ? p : s->place;
}

/* How long a backend that is back takes to be seen up, in milliseconds. */
static uint32_t return_ms(const struct config_check *k)
{
	return k->rise * (k->down_interval_ms + k->timeout_ms);
}

static void check_times(struct lint_report *r, const struct config_service *s,
			const struct config_check *k)
{
	if (s->hold_s && return_ms(k) > 1000 * s->hold_s)
		lint_add(
			r, LINT_TIMEOUTS, place_or(k->down_interval_place, s), s, NULL,
			"service %s: its flows are given up %u s after a backend died (hold_time), "
			"and seeing it up again takes up to %u s (rise %u times down_interval)",
			s->name, s->hold_s, (return_ms(k) + 999) / 1000, k->rise);
}

void lint_times(struct lint_report *r, const struct lint_input *in)
{
	for (size_t i = 0; i < in->config->service_count; i++) {
		const struct config_service *s = &in->config->services[i];

		if (!lint_looks_at(in, s))
			continue;
		if (s->drain_s && s->drain_s < s->idle_s)
			lint_add(r, LINT_TIMEOUTS, s->place, s, NULL,
				 "service %s: a removal breaks flows after drain_time, %u s, and "
				 "they count as alive for idle_time, %u s",
				 s->name, s->drain_s, s->idle_s);
		for (size_t k = 0; k < s->check_count; k++)
			check_times(r, s, &s->checks[k]);
	}
}
