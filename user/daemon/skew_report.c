/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/skew_report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/alert.h"
#include "daemon/facts.h"
#include "daemon/log.h"
#include "daemon/skews.h"
#include "lib/addr.h"

/* Told in a second at most, the rest in the next: each is on disk before the loop goes on. */
#define TOLD_MAX 8u

/* New flows for each backend within the slow horizon that are enough to say that all is well.
 * Chance makes 120 of 60 as rarely as it may raise an alarm: twice its share would have been
 * one. */
#define FLOWS_ENOUGH 60

#define TIME_TEXT_MAX 32

/* "9 days" */
static const char *duration_text(int64_t seconds, char out[static TIME_TEXT_MAX])
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds < 2 * units[i].seconds)
			continue;
		snprintf(out, TIME_TEXT_MAX, "%lld %s", (long long)(seconds / units[i].seconds),
			 units[i].name);
		return out;
	}
	snprintf(out, TIME_TEXT_MAX, "%lld seconds", (long long)(seconds > 0 ? seconds : 0));
	return out;
}

static const char *time_text(int64_t unix_s, char out[static TIME_TEXT_MAX])
{
	time_t t = unix_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, TIME_TEXT_MAX, "%lld", (long long)unix_s);
	return out;
}

static const char *name_of(const struct daemon *d, uint32_t backend)
{
	return d->dp->backend_ids[backend].name;
}

/* ---- telling -------------------------------------------------------------------------------- */

static int64_t since(const struct daemon *d, const struct skew_finding *f)
{
	return clock_wall_s() - (int64_t)((skews_time(d->skews) - f->since_ms) / 1000);
}

static void tell_over(struct daemon *d, struct skew_told *t)
{
	char stood[TIME_TEXT_MAX];

	duration_text(clock_wall_s() - t->since, stood);
	log_notice("skew: %s: over: %s, after %s", t->service, skew_kind_name(t->kind), stood);
	daemon_event(d, "skew", &d->self, "%s: over: %s, after %s", t->service,
		     skew_kind_name(t->kind), stood);
	t->any = false;
}

static void tell_finding(struct daemon *d, struct skew_told *t, uint32_t service,
			 enum skew_kind kind, const struct skew_finding *f)
{
	char text[SKEW_TEXT_MAX], came[TIME_TEXT_MAX];

	*t = (struct skew_told){
		.any = true, .kind = kind, .backend = f->backend, .since = since(d, f)
	};
	snprintf(t->service, sizeof(t->service), "%s", d->dp->service_ids[service].name);
	skew_describe(text, kind, f, name_of(d, f->backend));
	time_text(d->revision.time, came);
	log_warning("skew: %s: %s: %s; revision %lld is in force since %s", t->service,
		    skew_kind_name(kind), text, (long long)d->revision.number, came);
	daemon_event(d, "skew", &d->self, "%s: %s: %s; revision %lld is in force since %s",
		     t->service, skew_kind_name(kind), text, (long long)d->revision.number, came);
}

/* The one that counting finds most off may be another each second; by arithmetic it is another one
 * only after a change. */
static bool is_told(const struct skew_told *t, enum skew_kind kind, const struct skew_finding *f)
{
	bool arithmetic = kind == SKEW_ASKED || kind == SKEW_HEALTH;

	return t->any && t->kind == kind && (!arithmetic || t->backend == f->backend);
}

/* Tells what has changed; how much was told. */
static unsigned int tell(struct daemon *d, uint32_t service)
{
	const struct skew *s = skews_of(d->skews, service);
	enum skew_kind kind = s ? skew_leading(s) : SKEW_KIND_COUNT;
	struct skew_told *t = skews_told(d->skews, service);
	bool other = strcmp(t->service, d->dp->service_ids[service].name) != 0;
	unsigned int count = 0;

	if (t->any && (kind == SKEW_KIND_COUNT || other)) {
		tell_over(d, t);
		count++;
	}
	if (kind != SKEW_KIND_COUNT && !is_told(t, kind, skew_finding(s, kind))) {
		tell_finding(d, t, service, kind, skew_finding(s, kind));
		count++;
	}
	return count;
}

/* By the one that was named when it began, though another may be more off by now. */
static void note_alert(struct daemon *d, uint32_t service)
{
#define ALERT_KIND(id, name, text) "skew_" name,
	static const char *const kinds[] = { SKEW_KINDS(ALERT_KIND) };
#undef ALERT_KIND
	const struct skew_told *t = skews_told(d->skews, service);
	const struct skew *s = skews_of(d->skews, service);
	const struct skew_finding *f = t->any && s ? skew_finding(s, t->kind) : NULL;
	char text[SKEW_TEXT_MAX];

	if (!f)
		return;
	skew_describe(text, t->kind, f, name_of(d, f->backend));
	alert_note(d, &(struct alert_fact){ .kind = kinds[t->kind],
					    .level = ALERT_WARNING,
					    .service = t->service,
					    .backend = t->kind == SKEW_MAP ? ""
									   : name_of(d, t->backend),
					    .text = text });
}

void skew_check(struct daemon *d)
{
	const struct skews_view view = {
		.dp = d->dp,
		.samples = d->samples,
		.config = d->config,
		.revision = d->revision.number,
		.now_ms = uv_hrtime() / 1000000,
	};
	unsigned int told = 0;

	if (skews_tick(d->skews, &view))
		log_warning("skew: out of memory: not every service is judged");
	for (uint32_t i = 0; i < EK_SERVICES_MAX && told < TOLD_MAX; i++)
		told += tell(d, i);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		note_alert(d, i);
}

/* ---- answering ------------------------------------------------------------------------------ */

/* Who explains it; empty for other kinds. */
static json_t *clients_json(const struct daemon *d, enum skew_kind kind,
			    const struct skew_finding *f)
{
	json_t *list = json_array();

	for (size_t i = 0; kind == SKEW_CLIENTS && i < f->client_count; i++) {
		char text[ADDR_TEXT_MAX];

		json_array_append_new(list, json_pack("{s:s, s:s, s:f}", "address",
						      addr_text(&f->clients[i].addr, text),
						      "backend", name_of(d, f->clients[i].backend),
						      "share", f->clients[i].share));
	}
	return list;
}

json_t *skew_json(const struct daemon *d, uint32_t service)
{
	const struct skew *s = skews_of(d->skews, service);
	enum skew_kind kind = s ? skew_leading(s) : SKEW_KIND_COUNT;
	const struct skew_told *t = skews_told(d->skews, service);
	const struct skew_finding *f;
	char text[SKEW_TEXT_MAX];
	json_t *j;

	if (kind == SKEW_KIND_COUNT)
		return json_null();
	f = skew_finding(s, kind);
	skew_describe(text, kind, f, name_of(d, f->backend));
	j = json_pack("{s:s, s:I, s:s, s:s}", "kind", skew_kind_name(kind), "since",
		      (json_int_t)(is_told(t, kind, f) ? t->since : since(d, f)), "measure",
		      skew_measure_name(f->measure), "text", text);
	json_put(j, "backend",
		 kind == SKEW_MAP ? json_null() : json_string(name_of(d, f->backend)));
	json_put(j, "actual", kind == SKEW_MAP ? json_null() : json_real(f->actual));
	json_put(j, "expected", kind == SKEW_MAP ? json_null() : json_real(f->expected));
	json_put(j, "clients", clients_json(d, kind, f));
	return j;
}

json_t *skew_shares_json(const struct daemon *d, uint32_t backend)
{
	const struct skew *s = skews_of(d->skews, d->dp->backend_ids[backend].service);
	json_t *j = json_object();

	for (enum skew_measure m = 0; m < SKEW_MEASURE_COUNT; m++) {
		double actual, expected;
		bool known =
			s && skew_seen(s, m) >= 1 && skew_share(s, backend, m, &actual, &expected);

		json_put(j, skew_measure_name(m),
			 known ? json_pack("{s:f, s:f}", "actual", actual, "expected", expected)
			       : json_null());
	}
	return j;
}

/* ---- the doctor ----------------------------------------------------------------------------- */

static void remedy_of(char *out, size_t size, enum skew_kind kind, const char *service,
		      const char *backend)
{
	switch (kind) {
	case SKEW_MAP:
		snprintf(out, size, "evenkeel history --events: who writes the maps?");
		return;
	case SKEW_HEALTH:
		snprintf(out, size, "evenkeel status: bring the backends back that are down");
		return;
	case SKEW_ASKED:
		snprintf(out, size, "evenkeel backend set %s %s --weight N", service, backend);
		return;
	case SKEW_CLIENTS:
		snprintf(out, size,
			 "evenkeel clients %s: who are they, and could they use more "
			 "connections?",
			 service);
		return;
	case SKEW_UNEXPLAINED:
	case SKEW_KIND_COUNT:
		snprintf(out, size,
			 "on %s: who connects, and is every SYN answered? One that is sent again "
			 "is counted again",
			 backend);
		return;
	}
}

static size_t members(const struct config_service *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->backend_count; i++)
		count += config_backend_weight(&s->backends[i]) > 0;
	return count;
}

static void exonerate(struct findings *f, const struct daemon *d, const struct config_service *s,
		      const struct skew *skew)
{
	double flows = skew_seen(skew, SKEW_FLOWS), enough = FLOWS_ENOUGH * (double)members(s);
	char unchanged[TIME_TEXT_MAX];

	duration_text(clock_wall_s() - d->revision.time, unchanged);
	if (s->hash != EK_HASH_5TUPLE)
		finding_add(f, FINDING_OK, "skew", s->name, "",
			    "not judged: hash %s keeps the flows of a client together",
			    config_hash_name(s->hash));
	else if (members(s) < 2)
		finding_add(f, FINDING_OK, "skew", s->name, "",
			    "not judged: there is one backend at most");
	else if (flows < enough)
		finding_add(f, FINDING_OK, "skew", s->name, "",
			    "not judged: %.0f new TCP flows within a minute, of %.0f that it takes",
			    flows, enough);
	else
		finding_add(f, FINDING_OK, "skew", s->name, "",
			    "the spread of %.0f new flows matches revision %lld, unchanged for %s: "
			    "look elsewhere",
			    flows, (long long)d->revision.number, unchanged);
}

void skew_examine(struct findings *f, const struct daemon *d, const struct config_service *s,
		  uint32_t service)
{
	const struct skew *skew = skews_of(d->skews, service);
	char text[SKEW_TEXT_MAX], came[TIME_TEXT_MAX], remedy[256];
	enum skew_kind kind;
	const char *backend;

	if (!skew)
		return; /* it came within this second */
	kind = skew_leading(skew);
	if (kind == SKEW_KIND_COUNT) {
		exonerate(f, d, s, skew);
		return;
	}
	backend = name_of(d, skew_finding(skew, kind)->backend);
	skew_describe(text, kind, skew_finding(skew, kind), backend);
	remedy_of(remedy, sizeof(remedy), kind, s->name, backend);
	duration_text(clock_wall_s() - d->revision.time, came);
	finding_add(f, FINDING_WARNING, "skew", s->name, remedy, "%s; revision %lld came %s ago",
		    text, (long long)d->revision.number, came);
}
