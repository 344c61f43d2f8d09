/* SPDX-License-Identifier: GPL-2.0 */
/* Checking one backend: when its checks begin, what their results say. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/health_internal.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "lib/addr.h"

/* ---- results --------------------------------------------------------------------------------- */

static struct health_check *check_of(const struct health_probe *p)
{
	return &p->unit->checks[p - p->unit->probes];
}

static void count(const struct health_probe *p, enum check_outcome outcome, uint32_t latency_us)
{
	struct health_unit *u = p->unit;
	size_t kind = p->way->tunnel ? CHECK_TYPES : p->way->check->type;
	struct check_counts *n = &u->all->counts[u->service].of[kind];

	switch (outcome) {
	case CHECK_PASSED:
		latency_add(&n->latency, latency_us);
		return;
	case CHECK_FAILED:
		n->failed++;
		u->failures++;
		return;
	case CHECK_MISSED:
		n->missed++;
		return;
	}
}

static void take_result(struct health_probe *p, enum check_outcome outcome, uint32_t latency_us,
			const char *reason)
{
	struct health_check *k = check_of(p);
	uint64_t now = health_now_ms();

	count(p, outcome, latency_us);
	p->missed[0] = '\0';
	if (outcome == CHECK_MISSED) {
		snprintf(p->missed, sizeof(p->missed), "%s", reason);
		health_check_missed(k, now, health_chance(p->unit->all));
	} else {
		p->results++;
		snprintf(p->reason, sizeof(p->reason), "%s", reason);
		if (outcome == CHECK_PASSED)
			p->latency_us = latency_us;
		health_check_result(k, outcome == CHECK_PASSED, now, health_chance(p->unit->all));
	}
	timers_set(&p->unit->all->timers, &p->next.timer, k->due_ms);
	unit_judge(p->unit);
}

static void on_checked(void *context, const struct check_result *result)
{
	take_result(context, result->outcome, result->latency_us, result->reason);
}

/* ---- through the tunnel ---------------------------------------------------------------------- */

static struct endpoint tunnel_target(const struct health_probe *p)
{
	const struct config_service *s = &p->unit->plan->service;
	struct endpoint to = config_listener_of(s, IPPROTO_TCP)->endpoint;

	if (p->way->check->port)
		to.port = (uint16_t)p->way->check->port;
	to.proto = 0; /* all of them are tcp: not worth a word */
	return to;
}

static void on_knock_heard(void *context, enum probe_verdict verdict)
{
	struct health_probe *p = context;
	struct endpoint to = tunnel_target(p);
	char text[ENDPOINT_TEXT_MAX], reason[CHECK_REASON_MAX];
	uint64_t latency_us = uv_hrtime() / 1000 - p->begun_us;

	if (verdict == PROBE_ANSWERED) {
		take_result(p, CHECK_PASSED, (uint32_t)latency_us, "");
		return;
	}
	snprintf(reason, sizeof(reason), "%s: it decapsulates, but nothing listens there",
		 endpoint_text(&to, text));
	take_result(p, CHECK_FAILED, 0, reason);
}

/* What keeps a packet from being sent is the backend's trouble, if its next hop is. */
static void knock_failed(struct health_probe *p, int err, const struct hop *hop)
{
	const struct health_unit *u = p->unit;
	char reason[NEXTHOP_REASON_MAX] = "no next hop", shown[CHECK_REASON_MAX];

	if (err == -EHOSTUNREACH) {
		nexthop_problem(u->all->daemon, reason, u->plan->service.forward, &u->addr, hop);
		snprintf(shown, sizeof(shown), "%.180s", reason);
		take_result(p, CHECK_FAILED, 0, shown);
		return;
	}
	snprintf(shown, sizeof(shown), "cannot be sent: %s",
		 err == -EADDRNOTAVAIL ? "this host has no address of the service's family"
				       : strerror(-err));
	take_result(p, CHECK_MISSED, 0, shown);
}

static void knock_begin(struct health_probe *p)
{
	const struct health_unit *u = p->unit;
	const struct hop *hop = nexthop_find(u->all->daemon, u->index);
	struct endpoint to = tunnel_target(p);
	int err = u->all->knocks_error;

	p->begun_us = uv_hrtime() / 1000;
	if (!err)
		err = knock_send(p->knock, &to, dp_path(u->all->daemon->dp, u->index), hop);
	if (err)
		knock_failed(p, err, hop);
	else
		timers_set(&u->all->timers, &p->next.timer,
			   health_now_ms() + p->way->check->timeout_ms);
}

/* Another check of the backend that passes says that it is there. */
static bool answers_directly(const struct health_unit *u)
{
	for (size_t i = 0; i < u->plan->probe_count; i++)
		if (!u->probes[i].way->tunnel && u->checks[i].state == HEALTH_UP)
			return true;
	return false;
}

static void knock_late(struct health_probe *p)
{
	const struct health_unit *u = p->unit;
	struct endpoint to = tunnel_target(p);
	char text[ENDPOINT_TEXT_MAX], reason[CHECK_REASON_MAX];
	const char *why =
		u->plan->service.forward == EK_FORWARD_L2
			? "it does not have the service's address"
			: "it does not decapsulate, or does not have the service's address";

	knock_forget(p->knock);
	snprintf(reason, sizeof(reason), "%s: no answer within %u ms%s%s", endpoint_text(&to, text),
		 p->way->check->timeout_ms,
		 answers_directly(u) ? ", though it answers directly: " : "",
		 answers_directly(u) ? why : "");
	take_result(p, CHECK_FAILED, 0, reason);
}

/* ---- one round ------------------------------------------------------------------------------- */

static void on_next(struct alarm *a)
{
	struct health_probe *p = container(a, struct health_probe, next);
	struct health_check *k = check_of(p);

	if (k->running) {
		knock_late(p);
		return;
	}
	health_check_begin(k, health_now_ms());
	if (p->way->tunnel)
		knock_begin(p);
	else
		checker_begin(p->checker);
}

void health_hint(struct daemon *d, uint32_t backend, bool again)
{
	struct health_unit *u = d->healths->units[backend];

	for (size_t i = 0; u && u->plan && i < u->plan->probe_count; i++)
		if (health_check_hurry(&u->checks[i], again, health_now_ms()))
			timers_set(&d->healths->timers, &u->probes[i].next.timer,
				   u->checks[i].due_ms);
}

/* ---- plans ----------------------------------------------------------------------------------- */

void plan_release(struct health_plan *plan)
{
	if (!plan || --plan->users)
		return;
	free(plan->service.checks);
	free(plan->service.listeners);
	free(plan);
}

static uint16_t port_of(const struct health_unit *u, const struct config_check *k)
{
	struct config_backend b = { .port = u->port };

	return config_check_port(&u->plan->service, &b, k);
}

static int probe_open(struct health_unit *u, size_t i)
{
	struct health_probe *p = &u->probes[i];
	const struct config_check *k;
	struct check_target target = { u->plan->service.name, u->name, u->addr, 0 };
	struct healths *all = u->all;

	p->unit = u;
	p->way = &u->plan->ways[i];
	p->next.ring = on_next;
	k = p->way->check;
	target.port = port_of(u, k);
	if (timers_join(&all->timers))
		return -ENOMEM;
	if (p->way->tunnel)
		return all->knocks ? knock_make(&p->knock, all->knocks, on_knock_heard, p) : 0;
	return checker_make(&p->checker, all->checks, k, &target, on_checked, p);
}

static void probe_close(struct health_probe *p)
{
	if (!p->unit)
		return;
	timers_leave(&p->unit->all->timers, &p->next.timer);
	checker_free(p->checker);
	knock_free(p->knock);
}

void unit_unplan(struct health_unit *u)
{
	for (size_t i = 0; u->plan && u->probes && i < u->plan->probe_count; i++)
		probe_close(&u->probes[i]);
	free(u->probes);
	free(u->checks);
	plan_release(u->plan);
	u->probes = NULL;
	u->checks = NULL;
	u->plan = NULL;
}

/* First checks of many new backends are this far apart, or they would be late by themselves. */
#define FIRST_PER_MS 2

static void begin_check(struct health_unit *u, size_t i)
{
	uint64_t now = health_now_ms();
	const struct config_check *k = u->probes[i].way->check;
	struct health_times times = { k->interval_ms, k->down_interval_ms, k->timeout_ms, k->rise,
				      k->fall };

	if (u->health.state == HEALTH_UNKNOWN)
		now += u->all->fresh++ / FIRST_PER_MS;
	health_check_init(&u->checks[i], &times, u->health.state, now, health_chance(u->all));
	timers_set(&u->all->timers, &u->probes[i].next.timer, u->checks[i].due_ms);
}

int unit_plan(struct health_unit *u, struct health_plan *plan)
{
	int err = 0;

	plan->users++;
	u->plan = plan;
	u->probes = calloc(plan->probe_count, sizeof(*u->probes));
	u->checks = calloc(plan->probe_count, sizeof(*u->checks));
	if (!u->probes || !u->checks)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < plan->probe_count; i++)
		err = probe_open(u, i);
	if (err) {
		unit_unplan(u);
		return err;
	}
	for (size_t i = 0; i < plan->probe_count; i++)
		begin_check(u, i);
	return 0;
}
