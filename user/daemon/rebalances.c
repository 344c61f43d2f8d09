/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/rebalances.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alert.h"
#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/feedback.h"
#include "daemon/pipeline.h"
#include "daemon/sample.h"
#include "dp/install.h"
#include "lib/cleanup.h"
#include "lib/rebalance.h"

/* At most so many of a service's slots are unsettled because of this: new flows of unsettled slots
 * are remembered one by one, and this much is left for other changes. */
#define UNSETTLED_MAX 0.5

/* A step moves no more than what the guard lets an automatic change move; a tenth less, for a table
 * moves a little more than the shares say. */
#define STEP_MAX (0.9 / DP_GENTLE_PART)

/* Slots settle, mostly. */
#define HELD_S 60u

/* A noisy measurement is given up after so many times its least time. */
#define MEASURE_MAX_TIMES 12

struct entry {
	struct rebalance *loop; /* NULL: off */
	struct config_rebalance settings;
	char name[EK_NAME_MAX + 1];
	struct rebalance_backend *members; /* in the order of the revision */
	size_t count;
	struct feedback *feedback; /* NULL: backends are not asked for theirs */
	bool frozen, stepped;
	enum rebalance_state verdict; /* of the last measurement */
};

struct rebalances {
	uint64_t last_ms;
	bool pending; /* factors have changed that no table has yet */
	bool failed;  /* it could not be made, which was said */
	struct entry entries[EK_SERVICES_MAX];
};

int rebalances_open(struct rebalances **out)
{
	struct rebalances *r = calloc(1, sizeof(*r));

	if (!r)
		return log_err(-ENOMEM, "out of memory");
	*out = r;
	return 0;
}

static void entry_close(struct entry *e)
{
	rebalance_close(e->loop);
	feedback_close(e->feedback);
	free(e->members);
	*e = (struct entry){};
}

void rebalances_close(struct rebalances *r)
{
	for (size_t i = 0; r && i < EK_SERVICES_MAX; i++)
		entry_close(&r->entries[i]);
	free(r);
}

/* ---- weights --------------------------------------------------------------------------------- */

static double factor_of(const struct dp *dp, uint32_t backend)
{
	uint16_t factor = dp->backend_ids[backend].factor;

	return factor ? (double)factor / REBALANCE_SCALE : 1;
}

static struct rebalance_tuning tuning_of(const struct config_rebalance *c)
{
	struct rebalance_tuning t = rebalance_tuning_default;

	t.low = c->min / 100.0;
	t.high = c->max / 100.0;
	t.wait_s = c->wait_ms / 1000.0;
	t.measure_s = c->measure_ms / 1000.0;
	if (c->by == CONFIG_LOAD_TOLD) { /* each is asked within a measurement */
		t.measure_s = fmax(t.measure_s, c->ask.interval_s);
		t.load_stale_s = FEEDBACK_STALE_INTERVALS * (double)c->ask.interval_s;
	}
	t.measure_max_s = t.measure_s * MEASURE_MAX_TIMES;
	return t;
}

static bool asks_equal(const struct config_ask *a, const struct config_ask *b)
{
	return a->port == b->port && a->interval_s == b->interval_s &&
	       a->timeout_ms == b->timeout_ms && !strcmp(a->path, b->path);
}

static bool settings_equal(const struct config_rebalance *a, const struct config_rebalance *b)
{
	return a->by == b->by && asks_equal(&a->ask, &b->ask) && a->wait_ms == b->wait_ms &&
	       a->measure_ms == b->measure_ms && a->min == b->min && a->max == b->max;
}

/* What is switched off goes on as it was, until its factors are back at 1. */
static int loop_open(struct entry *e, const struct dp *dp, const struct config_service *s,
		     const uint32_t *indexes)
{
	const struct config_rebalance *c = &s->rebalance;
	bool off = c->mode == REBALANCE_OFF;
	struct rebalance_tuning tuning = off ? rebalance_tuning_default : tuning_of(c);
	struct rebalance *loop;
	int err;

	if (e->loop && (off || settings_equal(&e->settings, c))) {
		e->settings.mode = c->mode;
		return 0;
	}
	err = rebalance_open(&loop, &tuning);
	for (size_t i = 0; !err && i < s->backend_count; i++)
		err = rebalance_set(loop, indexes[i], factor_of(dp, indexes[i]));
	if (err) {
		rebalance_close(loop);
		return err;
	}
	rebalance_close(e->loop);
	feedback_close(e->feedback); /* they are asked in another way, if they are */
	e->feedback = NULL;
	e->loop = loop;
	e->settings = *c;
	e->verdict = REBALANCE_MEASURING;
	return 0;
}

/* Without its backends' answers a loop stands still. */
static int feedback_sync(struct entry *e, struct daemon *d, const struct config_service *s,
			 const uint32_t *indexes)
{
	int err = 0;

	if (e->settings.mode == REBALANCE_OFF || e->settings.by != CONFIG_LOAD_TOLD) {
		feedback_close(e->feedback);
		e->feedback = NULL;
		return 0;
	}
	if (!e->feedback)
		err = feedback_open(&e->feedback, d, s);
	return err ?: feedback_follow(e->feedback, s, indexes);
}

static int entry_follow(struct entry *e, struct daemon *d, const struct config_service *s,
			const uint32_t *indexes, const double *weights)
{
	struct rebalance_backend *members = calloc(s->backend_count + 1, sizeof(*members));
	int err;

	if (!members)
		return -ENOMEM;
	if (strcmp(e->name, s->name))
		entry_close(e);
	err = loop_open(e, d->dp, s, indexes) ?: feedback_sync(e, d, s, indexes);
	if (err) {
		free(members);
		return err;
	}
	for (size_t i = 0; i < s->backend_count; i++)
		members[i] = (struct rebalance_backend){
			.id = indexes[i],
			.weight = weights[i],
			.load = -1,
			.capacity = config_capacity(s, &s->backends[i]).flows,
		};
	free(e->members);
	e->members = members;
	e->count = s->backend_count;
	memcpy(e->name, s->name, sizeof(e->name));
	return 0;
}

void rebalances_note(struct daemon *d, const struct config_service *s, const uint32_t *indexes,
		     const double *weights, bool frozen)
{
	uint32_t service = s->backend_count ? d->dp->backend_ids[indexes[0]].service : 0;
	struct entry *e = &d->rebalances->entries[service];
	bool corrected = false;

	if (!s->backend_count)
		return;
	for (size_t i = 0; i < s->backend_count; i++)
		corrected |= factor_of(d->dp, indexes[i]) != 1;
	if (s->rebalance.mode == REBALANCE_OFF && !corrected) {
		entry_close(e);
		return;
	}
	if (entry_follow(e, d, s, indexes, weights))
		log_warning("rebalance: out of memory: service %s is left as it is", s->name);
	e->frozen = frozen;
}

/* ---- ticks ----------------------------------------------------------------------------------- */

static double traffic_of(const struct samples *samples, uint32_t backend, enum config_load by)
{
	struct dp_traffic t;

	samples_second(samples, backend, &t);
	switch (by) {
	case CONFIG_LOAD_FLOWS:
		return (double)t.flows;
	case CONFIG_LOAD_PACKETS:
	case CONFIG_LOAD_TOLD: /* which says only that there is any */
		return (double)t.packets;
	case CONFIG_LOAD_BYTES:
		return (double)t.bytes;
	}
	return 0;
}

static double budget_of(const struct dp *dp, uint32_t service)
{
	struct dp_service_view view;

	if (dp_service_view(dp, service, &view))
		return 0;
	return fmax(fmin(UNSETTLED_MAX - (double)view.unsettled / view.slots, STEP_MAX), 0);
}

static void factors_store(const struct entry *e, struct dp *dp)
{
	for (size_t i = 0; i < e->count; i++) {
		uint32_t backend = e->members[i].id;
		double factor = rebalance_factor(e->loop, backend);

		dp->backend_ids[backend].factor =
			factor == 1 ? 0 : (uint16_t)round(factor * REBALANCE_SCALE);
	}
}

static void note_held(struct daemon *d, const struct entry *e)
{
	const struct rebalance_report *report = rebalance_report(e->loop);
	char text[GUARD_TEXT_MAX] = "its slots are unsettled, or it has moved far within an hour";

	if (report->breach.rule != GUARD_RULE_COUNT)
		guard_breach_text(&report->breach, d->dp->backend_ids[report->breach.backend].name,
				  text);
	alert_note(d, &(struct alert_fact){ .kind = "rebalance_held",
					    .level = ALERT_WARNING,
					    .service = e->name,
					    .backend = d->dp->backend_ids[report->backend].name,
					    .text = text,
					    .for_s = HELD_S });
}

static void note_state(struct daemon *d, struct entry *e)
{
	enum rebalance_state state = rebalance_report(e->loop)->state;

	if (state == REBALANCE_IDLE) {
		entry_close(e);
		return;
	}
	if (state != REBALANCE_WAITING && state != REBALANCE_MEASURING)
		e->verdict = state;
	if (e->verdict == REBALANCE_HELD)
		note_held(d, e);
	if (state != REBALANCE_STEPPED)
		return;
	factors_store(e, d->dp);
	e->stepped = d->rebalances->pending = true;
}

static void member_fill(struct rebalance_backend *m, struct daemon *d, const struct entry *e)
{
	struct load_view view;

	m->traffic = traffic_of(d->samples, m->id, e->settings.by);
	m->load = -1;
	if (!e->feedback || !feedback_view(e->feedback, m->id, &view))
		return;
	m->load = view.load;
	m->load_age_s = view.age_s;
}

static void entry_tick(struct daemon *d, struct entry *e, uint32_t service, uint64_t now_ms)
{
	struct rebalances *r = d->rebalances;
	struct rebalance_input in = {
		.now_ms = now_ms,
		.mode = e->settings.mode,
		.backends = e->members,
		.count = e->count,
		.age_s = r->last_ms ? (double)(now_ms - r->last_ms) / 1000 : 0,
		/* A change that is staged or watched is not to be disturbed, nor measured. */
		.panic = e->frozen || d->trouble[0] || pipeline_can_undo(d, 0),
		.guard = &guard_limits_default,
		.by_load = e->settings.by == CONFIG_LOAD_TOLD,
	};

	if (in.by_load) /* older answers are used than the last tick's */
		in.response_s = FEEDBACK_STALE_INTERVALS * (double)e->settings.ask.interval_s;
	for (size_t i = 0; i < e->count; i++) {
		member_fill(&e->members[i], d, e);
		in.demand += traffic_of(d->samples, e->members[i].id, CONFIG_LOAD_FLOWS);
	}
	if (e->feedback)
		feedback_tick(e->feedback);
	if (rebalance_is_due(e->loop, &in)) /* reading a table costs more than all the rest */
		in.budget = budget_of(d->dp, service);
	if (rebalance_tick(e->loop, &in)) {
		log_warning("rebalance: out of memory: service %s is left as it is", e->name);
		return;
	}
	note_state(d, e);
}

/* ---- telling --------------------------------------------------------------------------------- */

/* What was corrected in one second, as far as it fits. */
struct story {
	char text[800];
	size_t used, left_out;
};

static void tell(struct story *story, const struct dp *dp, const struct entry *e)
{
	const struct rebalance_report *report = rebalance_report(e->loop);
	char line[3 * EK_NAME_MAX + 160];
	size_t length;

	length = (size_t)snprintf(line, sizeof(line),
				  "%s%s: %.1f %% of the slots; %s had %.2f times its load, x%.2f",
				  story->used ? "; " : "", e->name, 100 * report->moved,
				  report->backend ? dp->backend_ids[report->backend].name : "-",
				  report->worst, rebalance_factor(e->loop, report->backend));
	if (story->used + length >= sizeof(story->text)) {
		story->left_out++;
		return;
	}
	memcpy(story->text + story->used, line, length + 1);
	story->used += length;
}

static void tell_steps(struct daemon *d)
{
	struct story story = {};
	char more[48] = "";

	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		struct entry *e = &d->rebalances->entries[i];

		if (e->loop && e->stepped)
			tell(&story, d->dp, e);
		e->stepped = false;
	}
	if (story.left_out)
		snprintf(more, sizeof(more), " and %zu more services", story.left_out);
	log_info("rebalance: %s%s", story.text, more);
	daemon_event(d, "rebalance", &d->self, "%s%s", story.text, more);
}

static void install(struct daemon *d)
{
	struct rebalances *r = d->rebalances;
	char error[DP_ERROR_MAX] = "";

	if (health_reinstall(d, error)) {
		if (!r->failed)
			log_line(LOG_ERR, "rebalance: tables cannot be made: %s", error);
		r->failed = true;
		return;
	}
	r->pending = r->failed = false;
	tell_steps(d);
}

/* While a table is to be made that was not, nothing measured means anything. */
void rebalances_tick(struct daemon *d)
{
	struct rebalances *r = d->rebalances;
	uint64_t now_ms = uv_hrtime() / 1000000;
	bool waits = r->pending;

	for (uint32_t i = 0; !waits && i < EK_SERVICES_MAX; i++) {
		struct entry *e = &r->entries[i];

		if (!e->loop)
			continue;
		if (strcmp(e->name, d->dp->service_ids[i].name))
			entry_close(e);
		else
			entry_tick(d, e, i, now_ms);
	}
	r->last_ms = now_ms;
	if (r->pending && d->config && !d->trouble[0])
		install(d);
}

/* ---- what is known --------------------------------------------------------------------------- */

const struct rebalance *rebalances_of(const struct daemon *d, uint32_t service)
{
	return d->rebalances->entries[service].loop;
}

enum rebalance_mode rebalances_mode(const struct daemon *d, uint32_t service)
{
	return d->rebalances->entries[service].settings.mode;
}

enum rebalance_state rebalances_verdict(const struct daemon *d, uint32_t service)
{
	return d->rebalances->entries[service].verdict;
}

const struct feedback *rebalances_feedback(const struct daemon *d, uint32_t service)
{
	return d->rebalances->entries[service].feedback;
}

bool rebalances_load(const struct daemon *d, uint32_t backend, struct load_view *out)
{
	const struct feedback *feedback =
		rebalances_feedback(d, d->dp->backend_ids[backend].service);

	return feedback && feedback_view(feedback, backend, out);
}

double rebalances_factor(const struct daemon *d, uint32_t backend)
{
	return factor_of(d->dp, backend);
}
