/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/alert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/facts.h"
#include "daemon/health.h"
#include "daemon/hook.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "daemon/request.h"
#include "daemon/webhook.h"
#include "daemon/sample.h"
#include "dp/install.h"
#include "lib/cleanup.h"

/* A neighbour that is asked for answers within seconds. */
#define NO_NEXT_HOP_S 5
/* A burst that is over is shown by counters alone. */
#define SHEDDING_S 3
/* Long connections keep slots unsettled for hours, and that is well. */
#define SETTLING_S (12 * 3600)

struct alerting {
	struct alerts alerts;
	struct hooks *hooks;     /* NULL: no program */
	struct webhook *webhook; /* NULL: no URL */
	uint64_t not_remembered;
	bool counted;        /* the one above is of a second ago */
	bool full, was_full; /* no room for more, this second and the one before */
};

int alerting_open(struct alerting **out, struct daemon *d)
{
	const char *program = d->options.alert_exec;
	struct alerting *a;
	int err = 0;

	if (program && (program[0] != '/' || access(program, X_OK) < 0))
		return log_err(
			-EINVAL,
			"--alert-exec %s: must be the path, from / on, of a program that can "
			"be executed%s%s",
			program, program[0] == '/' ? ": " : "",
			program[0] == '/' ? strerror(errno) : "");
	a = calloc(1, sizeof(*a));
	if (!a)
		return log_err(-ENOMEM, "out of memory");
	*out = a; /* closed by the caller, also after a failure */
	if (d->options.alert_webhook)
		err = webhook_open(&a->webhook, d, d->options.alert_webhook);
	if (!err && program)
		err = hooks_open(&a->hooks, &d->loop, program);
	return err;
}

void alerting_close(struct alerting *a)
{
	if (!a)
		return;
	hooks_close(a->hooks);
	webhook_close(a->webhook);
	free(a);
}

void alert_note(struct daemon *d, const struct alert_fact *fact)
{
	bool noted = alerts_note(&d->alerting->alerts, fact, clock_now_s());

	if (!noted && !d->alerting->full && !d->alerting->was_full)
		log_warning("more than %d alerts at once: the others are not told", ALERTS_MAX);
	d->alerting->full |= !noted;
}

/* ---- what is wrong --------------------------------------------------------------------------- */

/* The kind of what is wrong with a backend, and why; NULL: nothing, or it is not to get flows. */
static const char *backend_wrong(const struct daemon *d, uint32_t i,
				 char text[static ALERT_TEXT_MAX])
{
	const struct ek_backend_id *id = &d->dp->backend_ids[i];
	bool has_hop = dp_path(d->dp, i)->flags & EK_PATH_NEXT_HOP;
	char reason[NEXTHOP_REASON_MAX] = "its path is not set";
	struct health_view health = {};
	bool down = health_view(d, i, &health) && health.state == HEALTH_DOWN;
	const struct config_backend *b = down || !has_hop ? backend_config(d, i) : NULL;

	if (!b || !config_backend_weight(b))
		return NULL;
	if (!down)
		nexthop_problem(d, reason, d->dp->service_ids[id->service].forward, &id->addr,
				nexthop_find(d, i));
	snprintf(text, ALERT_TEXT_MAX, "%.*s", ALERT_TEXT_MAX - 1, down ? health.reason : reason);
	return down ? "down" : "no_next_hop";
}

static void note_backends(struct daemon *d)
{
	const struct dp *dp = d->dp;

	for (uint32_t i = 1; i < dp->sizes.backends && !d->alerting->full; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];
		char text[ALERT_TEXT_MAX];
		const char *kind = id->used == 1 ? backend_wrong(d, i, text) : NULL;
		bool down = kind && !strcmp(kind, "down");

		if (!kind)
			continue;
		alert_note(d, &(struct alert_fact){ .kind = kind,
						    .level = down ? ALERT_WARNING : ALERT_CRITICAL,
						    .service = dp->service_ids[id->service].name,
						    .backend = id->name,
						    .text = text,
						    .for_s = down ? 0 : NO_NEXT_HOP_S });
	}
}

static void note_shedding(struct daemon *d)
{
	const struct dp *dp = d->dp;

	for (uint32_t i = 1; i < dp->sizes.backends && !d->alerting->full; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];
		char text[ALERT_TEXT_MAX], capacity[CAPACITY_TEXT_MAX];
		struct dp_traffic second;

		if (!id->used)
			continue;
		samples_second(d->samples, i, &second);
		if (!second.shed)
			continue;
		snprintf(
			text, sizeof(text),
			"%llu packets were shed in a second, and %llu new flows let in: it takes "
			"%s; is that all it can take, are there too few backends, or is it a flood?",
			(unsigned long long)second.shed, (unsigned long long)second.flows,
			capacity_text(&dp->capacities[i], capacity));
		alert_note(d, &(struct alert_fact){ .kind = "shedding",
						    .level = ALERT_CRITICAL,
						    .service = dp->service_ids[id->service].name,
						    .backend = id->name,
						    .text = text,
						    .for_s = SHEDDING_S });
	}
}

/* A table that is not simply made of those that are up. */
static void note_pool(struct daemon *d, uint32_t service)
{
	static const struct {
		const char *kind;
		enum alert_level level;
	} modes[] = {
		[ELIGIBLE_BACKUP] = { "backup", ALERT_WARNING },
		[ELIGIBLE_PANIC] = { "panic", ALERT_CRITICAL },
		[ELIGIBLE_KEPT] = { "nobody_up", ALERT_CRITICAL },
		[ELIGIBLE_NOBODY] = { "nobody_up", ALERT_CRITICAL },
	};
	struct health_pool_view pool;
	char text[ALERT_TEXT_MAX];

	health_pool_view(d, service, &pool);
	snprintf(text, sizeof(text),
		 "%u of %u backends and %u of %u spares are up; %u get new flows", pool.up,
		 pool.count, pool.spares_up, pool.spares, pool.in_table);
	alert_note(d, &(struct alert_fact){ .kind = modes[pool.mode].kind,
					    .level = modes[pool.mode].level,
					    .service = d->dp->service_ids[service].name,
					    .backend = "",
					    .text = text });
}

static void note_pools(struct daemon *d)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX && !d->alerting->full; i++)
		if (d->dp->service_ids[i].name[0] && health_mode(d, i) != ELIGIBLE_HEALTHY)
			note_pool(d, i);
}

static void note_not_remembered(struct daemon *d)
{
	struct alerting *a = d->alerting;
	struct ek_verdicts v;
	uint64_t before = a->not_remembered, now;
	char text[ALERT_TEXT_MAX];

	dp_verdicts(d->dp, &v);
	now = v.dropped[EK_DROP_NOT_REMEMBERED];
	a->not_remembered = now;
	if (a->counted && now > before) {
		snprintf(text, sizeof(text),
			 "%llu packets were dropped in a second: flows of unsettled slots could "
			 "not be remembered; evenkeeld --flows makes room",
			 (unsigned long long)(now - before));
		alert_note(d, &(struct alert_fact){ .kind = "not_remembered",
						    .level = ALERT_WARNING,
						    .service = "",
						    .backend = "",
						    .text = text });
	}
	a->counted = true;
}

static void note_daemon(struct daemon *d)
{
	if (d->trouble[0])
		alert_note(d, &(struct alert_fact){ .kind = "trouble",
						    .level = ALERT_CRITICAL,
						    .service = "",
						    .backend = "",
						    .text = d->trouble });
	if (d->settling)
		alert_note(d,
			   &(struct alert_fact){ .kind = "unsettled",
						 .level = ALERT_WARNING,
						 .service = "",
						 .backend = "",
						 .text = "slots have been unsettled, or backends "
							 "leaving, for 12 hours without a break",
						 .for_s = SETTLING_S });
}

/* ---- telling it ------------------------------------------------------------------------------ */

static json_t *alert_json(const struct daemon *d, const struct alert *x)
{
	/* Seconds of the monotonic clock are for us alone. */
	int64_t since = clock_wall_s() - (clock_now_s() - x->since_s);

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "kind", x->kind, "level",
			 alert_level_name(x->level), "service", json_text(x->service), "backend",
			 json_text(x->backend), "text", json_text(x->text), "since",
			 (json_int_t)since);
}

const struct alerts *alerts_of(const struct daemon *d)
{
	return &d->alerting->alerts;
}

uint64_t alerts_lost(const struct daemon *d)
{
	return webhook_lost(d->alerting->webhook);
}

json_t *alerts_json(const struct daemon *d)
{
	const struct alerts *a = alerts_of(d);
	json_t *list = json_array();

	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].told)
			json_array_append_new(list, alert_json(d, &a->list[i]));
	return list;
}

/* What program and webhook get: one line. */
static char *message(const struct daemon *d, const struct alert *x)
{
	json_t *j = alert_json(d, x);
	_cleanup_(free_ptr) char *text = NULL;
	char host[256] = "", *line = NULL;

	gethostname(host, sizeof(host) - 1);
	json_put(j, "version", json_integer(1));
	json_put(j, "state", json_string(x->told ? "raised" : "cleared"));
	json_put(j, "time", json_integer(clock_wall_s()));
	json_put(j, "host", json_text(host));
	json_put(j, "revision", json_integer(d->revision.number));
	json_put(j, "revision_time",
		 d->revision.number ? json_integer(d->revision.time) : json_null());
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text && asprintf(&line, "%s\n", text) > 0 ? line : NULL;
}

static void tell_program(struct alerting *a, char *text)
{
	hook_run(a->hooks, text);
}

static void tell_webhook(struct alerting *a, char *text)
{
	webhook_tell(a->webhook, text);
}

static void pass_on(struct daemon *d, const struct alert *x,
		    void (*to)(struct alerting *a, char *text))
{
	char *text = message(d, x);

	if (text)
		to(d->alerting, text);
	else
		log_warning("alert: out of memory: it is in the log alone");
}

static void tell(void *context, const struct alert *x)
{
	struct daemon *d = context;
	const char *slash = x->backend[0] ? "/" : "";

	log_line(x->told ? LOG_WARNING : LOG_NOTICE,
		 "alert %s: kind=%s level=%s subject=%s%s%s revision=%lld since=%us: %s",
		 x->told ? "raised" : "cleared", x->kind, alert_level_name(x->level), x->service,
		 slash, x->backend, (long long)d->revision.number, clock_now_s() - x->since_s,
		 x->text);
	daemon_event(d, "alert", &d->self, "%s: %s%s%s%s%s: %s", x->told ? "raised" : "cleared",
		     x->kind, x->service[0] ? " " : "", x->service, slash, x->backend, x->text);
	if (d->alerting->hooks)
		pass_on(d, x, tell_program);
	if (d->alerting->webhook)
		pass_on(d, x, tell_webhook);
}

void alerting_tick(struct daemon *d)
{
	note_pools(d);
	note_backends(d);
	note_shedding(d);
	note_not_remembered(d);
	note_daemon(d);
	alerts_tell(&d->alerting->alerts, clock_now_s(), tell, d);
	d->alerting->was_full = d->alerting->full;
	d->alerting->full = false;
}
