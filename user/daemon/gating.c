/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/gating.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alert.h"
#include "daemon/ask.h"
#include "daemon/drains.h"
#include "daemon/log.h"
#include "lib/approval.h"
#include "lib/cleanup.h"

/* Configurations that were in force within the time looked back at, and the one before them. Who
 * makes more changes in half an hour is compared with what was before them all. */
#define PAST_MAX 16

struct past {
	struct config *config;
	int64_t since; /* unix seconds */
	bool forced;
};

struct gating {
	struct past past[PAST_MAX]; /* oldest first; the last one is in force */
	size_t count;
	bool forced;             /* the change that was let through last */
	char forced_text[640];   /* what was forced, for an alert, */
	uint32_t forced_until_s; /* and until when that is one */
};

/* Somebody else should know of it, who may be able to say that it is no good idea. */
#define FORCED_ALERT_S 60u

/* ---- what was in force ----------------------------------------------------------------------- */

static void past_remove(struct gating *g, size_t at)
{
	config_free(g->past[at].config);
	memmove(&g->past[at], &g->past[at + 1], (g->count - at - 1) * sizeof(g->past[0]));
	g->count--;
}

/* The first one stays until the next one is old enough to be compared with. */
static void past_trim(struct gating *g, int64_t now)
{
	while (g->count > 1 && g->past[1].since <= now - GATING_BASE_S)
		past_remove(g, 0);
}

static void past_add(struct gating *g, struct config *c, int64_t since, bool forced)
{
	if (!c)
		return;
	if (g->count == PAST_MAX)
		past_remove(g, 1);
	g->past[g->count++] = (struct past){ c, since, forced };
}

void gating_adopted(struct daemon *d)
{
	if (!d->gating)
		return; /* it is being restored */
	past_add(d->gating, config_copy(d->config), clock_wall_s(), d->gating->forced);
	past_trim(d->gating, clock_wall_s());
}

const struct config *gating_base(const struct daemon *d)
{
	past_trim(d->gating, clock_wall_s());
	return d->gating->count ? d->gating->past[0].config : NULL;
}

/* The newest of the revisions that were in force by then. 0: there is none. */
static int64_t number_before(const struct journal_revision *list, size_t count, int64_t then)
{
	int64_t oldest = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i].state != JOURNAL_REPLACED)
			continue;
		oldest = list[i].number;
		if (list[i].time <= then)
			break;
	}
	return oldest;
}

/* Of a daemon that has just begun: what was in force half an hour ago, if not what is. */
static void past_read(struct daemon *d)
{
	_cleanup_(diag_release) struct diag diag = {};
	struct journal_revision *list = NULL, r = {};
	struct config *c = NULL;
	int64_t number = 0, then = clock_wall_s() - GATING_BASE_S;
	size_t count = 0;

	if (d->revision.time <= then || journal_revisions(d->journal, 64, &list, &count))
		return;
	number = number_before(list, count, then);
	for (size_t i = 0; i < count; i++)
		journal_revision_release(&list[i]);
	free(list);
	if (!number || journal_revision(d->journal, number, &r))
		return;
	if (!config_parse(&c, r.text, strlen(r.text), &diag)) {
		drains_lay(d, c);
		past_add(d->gating, c, r.time, false);
	}
	journal_revision_release(&r);
}

int gating_open(struct daemon *d)
{
	d->gating = calloc(1, sizeof(*d->gating));
	if (!d->gating)
		return log_err(-ENOMEM, "no memory for the gates");
	if (!d->config || !d->revision.number)
		return 0;
	past_read(d);
	past_add(d->gating, config_copy(d->config), d->revision.time, false);
	return 0;
}

void gating_close(struct gating *g)
{
	while (g && g->count)
		past_remove(g, g->count - 1);
	free(g);
}

/* ---- judging --------------------------------------------------------------------------------- */

static int review_against(struct review *out, const struct daemon *d, const struct gate_change *c,
			  const struct asked *asked, const struct config *base)
{
	_cleanup_(known_release) struct known known = {};
	_cleanup_(free_ptr) struct lint_live *live = NULL;
	struct review_input in = {
		.plan = { .old = base, .now = c->config, .key = dp_key(d->dp) },
		.in_force = base ? d->config : NULL,
		.text = c->request->text,
		.length = c->request->length,
		.file = c->file,
		.forced = c->request->forced,
	};
	int err = known_make(&known, d, base, c->config);

	err = err ?: known_take(&known, asked);
	if (err)
		return err;
	live = ask_live(asked, &in.live_count);
	in.live = live;
	in.plan.facts = known.facts;
	in.plan.fact_count = known.fact_count;
	in.plan.services = known.services;
	in.plan.service_count = known.service_count;
	return review_make(out, &in);
}

/* New backends, and those whose checks are others than in force, are asked first: states change by
 * several results in a row, and a mistake would show when all of a pool are down. Compared is with
 * what was in force half an hour ago; and, if that refuses, with what somebody forced since: that
 * was accepted. */
static int review_change(struct review *out, const struct daemon *d, const struct gate_change *c)
{
	const struct gating *g = d->gating;
	_cleanup_(ask_release) struct asked asked = {};
	struct review again = {};
	int err = c->urgent ? 0 : ask_backends(&asked, d, c->config, true);

	err = err ?: review_against(out, d, c, &asked, gating_base(d));
	for (size_t i = g->count; i > 1 && !err && review_refuses(out); i--) {
		if (!g->past[i - 1].forced)
			continue;
		if (!review_against(&again, d, c, &asked, g->past[i - 1].config)) {
			if (review_refuses(&again)) {
				review_release(&again);
			} else {
				review_release(out);
				*out = again;
			}
		}
		break;
	}
	return err;
}

/* So many lines at most; false if there are more. */
static bool lines_say(struct reply *reply, const char *text, size_t most)
{
	for (; *text && most; most--) {
		size_t length = strcspn(text, "\n");

		reply_message(reply, "%.*s", (int)length, text);
		text += length + (text[length] == '\n');
	}
	return !*text;
}

static void refuse(struct daemon *d, const struct gate_change *c, const struct review *r,
		   struct reply *reply)
{
	_cleanup_(free_ptr) char *text = gate_text(&r->gates, &r->lints, c->file);

	reply_refuse(reply, "refused at plan: nothing changed (revision %lld stays)",
		     (long long)d->revision.number);
	lines_say(reply, text ? text : "  out of memory", SIZE_MAX);
	json_decref(reply->result);
	reply->result = review_json(r);
}

/* Lines of the differences, and of the plan: who waits for a change reads no more. */
#define TOLD_LINES_MAX 50
#define TOLD_BACKENDS_MAX 1000

/* What the change will do, before it does. */
static void plan_tell(const struct review *r, const char *file, struct reply *reply)
{
	_cleanup_(free_ptr) char *text = plan_text(&r->plan);
	size_t backends = 0;
	bool all;

	for (size_t i = 0; i < r->plan.service_count; i++)
		backends += r->plan.services[i].count;
	json_decref(reply->plan); /* of the same change, which was found to wait already */
	reply->plan = backends <= TOLD_BACKENDS_MAX ? plan_json(&r->plan) : NULL;
	all = lines_say(reply, r->diff, TOLD_LINES_MAX);
	all &= lines_say(reply, text ? text : "out of memory", TOLD_LINES_MAX);
	if (!all)
		reply_message(reply, "... and more: evenkeel plan %s shows all of it",
			      file ? file : "FILE");
}

/* What is in force already was told when it came. */
static void lints_tell(const struct review *r, struct diag *diag)
{
	for (size_t i = 0; i < r->lints.count; i++) {
		const struct lint_finding *f = &r->lints.findings[i];

		if (!f->silence && !lint_known(&r->known, f))
			diag_warning(diag, f->place.line, f->place.column, "%s [%s]", f->text,
				     lint_name(f->lint));
	}
}

void gating_tick(struct daemon *d)
{
	const struct gating *g = d->gating;

	if (clock_now_s() < g->forced_until_s)
		alert_note(d, &(struct alert_fact){
				      .kind = "change_forced",
				      .level = ALERT_WARNING,
				      .service = "",
				      .backend = "",
				      .text = g->forced_text,
			      });
}

static void forced_tell(struct daemon *d, const struct gate_change *c, const struct gate_breach *b)
{
	struct gating *g = d->gating;
	const char *reason = c->request->reason ? c->request->reason : "none";

	daemon_event(d, "forced", &c->request->actor, "gate %s: %s; reason: %s", gate_name(b->gate),
		     b->text, reason);
	snprintf(g->forced_text, sizeof(g->forced_text),
		 "%s (%s) forces the gate %s: %.200s; reason: %.100s", c->request->actor.user,
		 c->request->actor.command, gate_name(b->gate), b->text, reason);
	g->forced_until_s = clock_now_s() + FORCED_ALERT_S;
}

/* What did not refuse is told, and what was forced is remembered. */
static void breaches_tell(struct daemon *d, const struct gate_change *c, const struct review *r,
			  struct diag *diag)
{
	for (size_t i = 0; i < r->gates.count; i++) {
		const struct gate_breach *b = &r->gates.breaches[i];

		diag_warning(diag, b->place.line, b->place.column, "%s [%s%s]", b->text,
			     gate_name(b->gate), b->forced ? ", forced" : "");
		if (b->forced)
			forced_tell(d, c, b);
	}
}

void gate_seen_release(struct gate_seen *s)
{
	json_decref(s->shares);
	free(s->plan);
	*s = (struct gate_seen){};
}

static bool see(const struct daemon *d, const struct gate_change *c, const struct review *r)
{
	struct gate_seen *s = c->seen;

	if (!s)
		return true;
	for (size_t i = 0; i < r->gates.count; i++)
		s->forced |= r->gates.breaches[i].forced && !r->gates.breaches[i].warns;
	s->plan = review_text(r, c->file);
	s->shares = approval_shares(&r->plan, d->config);
	return s->plan && s->shares;
}

bool gate_change(struct daemon *d, const struct gate_change *c, struct diag *diag,
		 struct reply *reply)
{
	_cleanup_(review_release) struct review r = {};
	int err = review_change(&r, d, c);

	if (err) {
		reply_refuse(reply, "nothing changed (revision %lld stays): no plan: %s",
			     (long long)d->revision.number, strerror(-err));
		return false;
	}
	if (review_refuses(&r)) {
		refuse(d, c, &r, reply);
		return false;
	}
	if (!see(d, c, &r)) {
		reply_refuse(reply, "nothing changed: out of memory");
		return false;
	}
	d->gating->forced = c->request->forced;
	plan_tell(&r, c->file, reply);
	lints_tell(&r, diag);
	breaches_tell(d, c, &r, diag);
	return true;
}
