/* SPDX-License-Identifier: GPL-2.0 */
/* A backend's state, and who is checked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/health_internal.h"
#include "daemon/log.h"
#include "lib/addr.h"
#include "lib/cleanup.h"

enum backend_use { USE_FREE, USE_HERE, USE_LEAVING }; /* ek_backend_id.used */

/* ---- states ---------------------------------------------------------------------------------- */

const char *way_text(const struct health_way *w)
{
	return w->tunnel ? "tcp via tunnel" : config_check_name(w->check->type);
}

const char *unit_text(const struct health_unit *u, char text[static UNIT_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	snprintf(text, UNIT_TEXT_MAX, "%s/%s %s", u->all->daemon->dp->service_ids[u->service].name,
		 u->name, addr_text(&u->addr, addr));
	return text;
}

/* What the last failures say, one check for all; NULL if none has failed. */
static const struct health_probe *failing(const struct health_unit *u)
{
	size_t decisive = health_decisive(u->checks, u->plan->probe_count);

	if (decisive < u->plan->probe_count && u->probes[decisive].reason[0])
		return &u->probes[decisive];
	for (size_t i = 0; i < u->plan->probe_count; i++)
		if (u->probes[i].reason[0] || u->probes[i].missed[0])
			return &u->probes[i];
	return NULL;
}

/* While all is well a failure now and then is not worth a word. */
void unit_reason(const struct health_unit *u, char text[static HEALTH_TEXT_MAX])
{
	const struct health_probe *p = u->plan ? failing(u) : NULL;
	uint64_t now = health_now_ms();

	text[0] = '\0';
	if (!u->plan)
		return;
	if (health_held(&u->health))
		snprintf(text, HEALTH_TEXT_MAX,
			 "its checks succeed, but it keeps going down: held down for %llu s more",
			 (unsigned long long)(u->health.held_until_ms > now
						      ? (u->health.held_until_ms - now + 999) / 1000
						      : 0));
	else if (u->health.state == HEALTH_UP && !u->stuck)
		return;
	else if (!p && u->health.state == HEALTH_DOWN)
		snprintf(text, HEALTH_TEXT_MAX, "it was down before evenkeeld began");
	else if (p)
		snprintf(text, HEALTH_TEXT_MAX, "%s%s: %s", u->stuck ? "checks are stuck: " : "",
			 way_text(p->way), p->reason[0] ? p->reason : p->missed);
	else if (u->stuck)
		snprintf(text, HEALTH_TEXT_MAX, "checks are stuck: there is no result");
	else if (u->health.state == HEALTH_UNKNOWN)
		snprintf(text, HEALTH_TEXT_MAX, "not yet seen up");
}

static void state_changed(struct health_unit *u)
{
	char reason[HEALTH_TEXT_MAX], text[UNIT_TEXT_MAX];

	u->since = clock_wall_s();
	u->changed = true;
	u->all->dirty = true;
	unit_reason(u, reason);
	log_line(u->health.state == HEALTH_UP ? LOG_NOTICE : LOG_WARNING, "%s is %s%s%s",
		 unit_text(u, text), health_state_name(u->health.state), reason[0] ? ": " : "",
		 reason);
}

void unit_judge(struct health_unit *u)
{
	struct health *h = &u->health;
	enum health_state told = health_combine(u->checks, u->plan->probe_count, h->told);
	uint64_t due;

	if (health_update(h, told, health_now_ms()))
		state_changed(u);
	due = health_due(h);
	if (due == UINT64_MAX)
		timers_clear(&u->all->timers, &u->wake.timer);
	else
		timers_set(&u->all->timers, &u->wake.timer, due);
}

static void on_wake(struct alarm *a)
{
	unit_judge(container(a, struct health_unit, wake));
}

void health_restore(struct daemon *d, uint32_t backend)
{
	struct health_unit *u = d->healths->units[backend];

	if (!u || u->health.state != HEALTH_DOWN)
		return;
	health_init(&u->health, HEALTH_UP, true, health_now_ms());
	state_changed(u);
}

/* ---- units ----------------------------------------------------------------------------------- */

void unit_close(struct health_unit *u)
{
	if (!u)
		return;
	unit_unplan(u);
	timers_leave(&u->all->timers, &u->wake.timer);
	free(u);
}

/* What the maps say: this evenkeeld may not be the first. */
static void unit_remember(struct health_unit *u, const struct ek_backend_id *id)
{
	enum health_state state = id->died ? HEALTH_DOWN : id->seen_up ? HEALTH_UP : HEALTH_UNKNOWN;

	health_init(&u->health, state, id->seen_up, health_now_ms());
	u->start = start_of_word(id->start);
	u->start_told = u->start.part;
	if (id->died)
		u->since = clock_wall_s() - (int64_t)(clock_now_s() - id->died);
}

static struct health_unit *unit_make(struct healths *h, uint32_t index)
{
	const struct ek_backend_id *id = &h->daemon->dp->backend_ids[index];
	struct health_unit *u = calloc(1, sizeof(*u));

	if (!u || timers_join(&h->timers)) {
		free(u);
		return NULL;
	}
	u->all = h;
	u->index = index;
	u->service = id->service;
	u->addr = id->addr;
	u->port = id->port;
	u->wake.ring = on_wake;
	unit_remember(u, id);
	return u;
}

void healths_adopt(struct healths *h)
{
	for (uint32_t i = 1; i < h->daemon->dp->sizes.backends; i++)
		if (h->daemon->dp->backend_ids[i].used != USE_FREE)
			h->units[i] = unit_make(h, i);
}

static bool is_same(const struct health_unit *u, const struct ek_backend_id *id)
{
	return id->used != USE_FREE && u->service == id->service && u->port == id->port &&
	       addr_equal(&u->addr, &id->addr);
}

/* ---- plans ----------------------------------------------------------------------------------- */

static bool plan_fits(const struct health_plan *plan, const struct config_service *s)
{
	const struct config_service *p = &plan->service;

	if (p->forward != s->forward || config_gue(p) != config_gue(s) ||
	    p->listener_count != s->listener_count || !config_checks_equal(p, s))
		return false;
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct endpoint *a = &p->listeners[i].endpoint,
				      *b = &s->listeners[i].endpoint;

		if (!addr_equal(&a->addr, &b->addr) || a->port != b->port || a->proto != b->proto)
			return false;
	}
	return true;
}

static void *copy_of(const void *from, size_t count, size_t size)
{
	void *copy = calloc(count + 1, size);

	if (copy && count)
		memcpy(copy, from, count * size);
	return copy;
}

static struct health_plan *plan_make(const struct config_service *s)
{
	struct health_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->users = 1;
	plan->service = *s;
	plan->service.backends = NULL;
	plan->service.backend_count = 0;
	plan->service.checks = copy_of(s->checks, s->check_count, sizeof(*s->checks));
	plan->service.listeners = copy_of(s->listeners, s->listener_count, sizeof(*s->listeners));
	if (!plan->service.checks || !plan->service.listeners) {
		plan_release(plan);
		return NULL;
	}
	for (size_t i = 0; i < s->check_count; i++) {
		const struct config_check *k = &plan->service.checks[i];

		if (k->via & CHECK_VIA_DIRECT)
			plan->ways[plan->probe_count++] = (struct health_way){ k, false };
		if (k->via & CHECK_VIA_TUNNEL)
			plan->ways[plan->probe_count++] = (struct health_way){ k, true };
	}
	return plan;
}

/* ---- who is checked -------------------------------------------------------------------------- */

/* The services of `c` by their index. They are mostly in the same order in both. */
static const struct config_service **services_by_index(const struct dp *dp, const struct config *c)
{
	const struct config_service **at = calloc(EK_SERVICES_MAX, sizeof(void *));
	size_t next = 0;

	for (uint32_t i = 0; at && i < EK_SERVICES_MAX; i++) {
		const char *name = dp->service_ids[i].name;

		if (!name[0])
			continue;
		if (next < c->service_count && !strcmp(c->services[next].name, name))
			at[i] = &c->services[next];
		else
			at[i] = config_service(c, name);
		if (at[i])
			next = (size_t)(at[i] - c->services) + 1;
	}
	return at;
}

static void sync_plan(struct healths *h, uint32_t service, const struct config_service *s)
{
	struct health_plan **plan = &h->plans[service];

	if (*plan && s && s->check_count && plan_fits(*plan, s))
		return;
	plan_release(*plan);
	*plan = s && s->check_count ? plan_make(s) : NULL;
	if (!s) /* the index will be another service's */
		memset(&h->counts[service], 0, sizeof(h->counts[service]));
	if (s && s->check_count && !*plan)
		log_warning("service %s: out of memory: it is not checked", s->name);
}

/* Health that is off is taken for good; of a service that is not there any more the last is
 * kept. */
static void sync_unit(struct health_unit *u, struct health_plan *plan, bool configured)
{
	const struct ek_backend_id *id = &u->all->daemon->dp->backend_ids[u->index];
	char text[UNIT_TEXT_MAX];

	memcpy(u->name, id->name, sizeof(u->name));
	if (u->plan == plan && plan)
		return;
	unit_unplan(u);
	if (plan && unit_plan(u, plan) == 0)
		return;
	if (plan)
		log_warning("%s: out of memory: it is not checked", unit_text(u, text));
	timers_clear(&u->all->timers, &u->wake.timer);
	u->stuck = false;
	if (configured)
		health_init(&u->health, HEALTH_UP, true, health_now_ms());
}

static void sync_index(struct healths *h, uint32_t index, const struct config_service *const *at)
{
	const struct ek_backend_id *id = &h->daemon->dp->backend_ids[index];
	struct health_unit **u = &h->units[index];

	if (*u && !is_same(*u, id)) {
		unit_close(*u);
		*u = NULL;
	}
	if (!*u && id->used != USE_FREE)
		*u = unit_make(h, index);
	if (*u)
		sync_unit(*u, h->plans[id->service], at[id->service]);
}

void health_sync(struct daemon *d, const struct config *c)
{
	_cleanup_(free_ptr) const struct config_service **at = services_by_index(d->dp, c);

	if (!at) {
		log_warning("out of memory: checks stay as they are");
		return;
	}
	d->healths->fresh = 0;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		sync_plan(d->healths, i, at[i]);
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++)
		if (d->healths->units[i] || d->dp->backend_ids[i].used != USE_FREE)
			sync_index(d->healths, i, at);
}

/* ---- each second ----------------------------------------------------------------------------- */

static void notice_stuck(struct health_unit *u)
{
	char reason[HEALTH_TEXT_MAX], text[UNIT_TEXT_MAX];
	uint64_t now = health_now_ms();
	bool stuck = false;

	for (size_t i = 0; i < u->plan->probe_count; i++)
		stuck |= health_check_stuck(&u->checks[i], now);
	if (stuck == u->stuck)
		return;
	u->stuck = stuck;
	unit_reason(u, reason);
	if (stuck)
		log_warning("%s stays %s: %s", unit_text(u, text),
			    health_state_name(u->health.state), reason);
	else
		log_notice("%s: its checks have results again", unit_text(u, text));
}

void health_tick(struct daemon *d)
{
	struct healths *h = d->healths;

	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		struct health_unit *u = h->units[i];

		if (u && !is_same(u, &d->dp->backend_ids[i])) {
			unit_close(u);
			h->units[i] = NULL;
		} else if (u && u->plan) {
			notice_stuck(u);
		}
	}
	healths_start_tick(h);
	healths_flush(h);
}
