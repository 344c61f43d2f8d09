/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of a change, and its ends. What goes forward is in the journal before it is in the data path;
 * what goes back goes first and is written afterwards, for a full disk must not keep harm in place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alert.h"
#include "daemon/drains.h"
#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "daemon/pipeline_internal.h"
#include "daemon/rehearse.h"
#include "dp/install.h"
#include "lib/cleanup.h"
#include "lib/transition.h"

/* What evenkeeld undid by itself is an alert for so long: somebody will want to know why. */
#define UNDONE_ALERT_S 60u

int pipeline_open(struct daemon *d)
{
	d->pipeline = calloc(1, sizeof(*d->pipeline));
	if (!d->pipeline)
		return log_err(-ENOMEM, "out of memory");
	boot_id(d->pipeline->boot);
	return seconds_open(d);
}

static void forget(struct pipeline *p)
{
	config_free(p->before);
	config_free(p->after);
	p->before = p->after = NULL;
	p->running = p->undone = false;
	facts_end(p);
}

void pipeline_close(struct pipeline *p)
{
	if (!p)
		return;
	forget(p);
	free(p->own);
	free(p);
}

/* ---- back ------------------------------------------------------------------------------------ */

/* The journal learns of what is undone already; until it does, it is asked each second. */
static void undo_record(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	int64_t in_force = 0;

	if (journal_roll_back(d->journal, p->record.revision, p->record.base, p->reason, &d->self,
			      clock_wall_s(), &in_force)) {
		if (!p->undone)
			log_warning("that revision %lld is rolled back is not in the journal: %s",
				    (long long)p->record.revision, journal_error(d->journal));
		p->undone = true;
		return;
	}
	change_adopt_revision(d, in_force, d->config);
	forget(p);
	drains_forget(d, &d->self);
}

void pipeline_roll_back(struct daemon *d, const char *why)
{
	struct pipeline *p = d->pipeline;
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";

	snprintf(p->reason, sizeof(p->reason), "%s", why);
	snprintf(p->undone_text, sizeof(p->undone_text),
		 "revision %lld was rolled back to %lld: %s", (long long)p->record.revision,
		 (long long)p->record.base, why);
	p->undone_until_s = clock_now_s() + UNDONE_ALERT_S;
	log_warning("revision %lld is rolled back to %lld: %s", (long long)p->record.revision,
		    (long long)p->record.base, why);
	drains_lay(d, p->before);
	caps_lift(d);
	facts_restore_health(d);
	dp_leases_end(d->dp);
	if (change_install(d, p->before, true, &result, error)) {
		snprintf(d->trouble, sizeof(d->trouble), "revision %lld could not be put back: %s",
			 (long long)p->record.base, error);
		log_line(LOG_ERR, "%s", d->trouble);
	}
	config_free(d->config);
	d->config = take_ptr(p->before);
	undo_record(d);
}

/* ---- forward --------------------------------------------------------------------------------- */

#define UNPROVEN_MAX 192
/* What there was instead of traffic; "" if there was enough. */
static const char *unproven_text(const struct pipeline *p, char text[static UNPROVEN_MAX])
{
	size_t asked, answer;

	text[0] = '\0';
	probes_count(p, &asked, &answer);
	if (p->stage.unproven && asked)
		snprintf(text, UNPROVEN_MAX,
			 "; unproven: too little traffic to judge %zu steps by; of %zu backends "
			 "probed through the tunnel %zu answer",
			 p->stage.unproven, asked, answer);
	else if (p->stage.unproven)
		snprintf(text, UNPROVEN_MAX, "; unproven: too little traffic to judge %zu steps by",
			 p->stage.unproven);
	return text;
}

/* Known to be good: what it removes leaves. */
static void finish(struct daemon *d, const char *why)
{
	struct pipeline *p = d->pipeline;
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "", text[sizeof(p->reason) + UNPROVEN_MAX];
	char unproven[UNPROVEN_MAX];

	snprintf(text, sizeof(text), "%s%s", why, unproven_text(p, unproven));
	if (journal_good(d->journal, p->record.revision, text, clock_wall_s()))
		return; /* no room: it is watched for as long as there is none */
	drains_lay(d, p->after);
	caps_lift(d);
	dp_leases_end(d->dp);
	if (change_install(d, p->after, true, &result, error))
		log_warning("what revision %lld removes does not leave: %s",
			    (long long)p->record.revision, error);
	log_notice("revision %lld is known to be good: %s", (long long)p->record.revision, text);
	config_free(d->config);
	d->config = take_ptr(p->after);
	d->revision.good = clock_wall_s();
	forget(p);
	drains_forget(d, &d->self);
}

/* The whole of it is in the data path: it comes into force, and is watched. */
static int commit(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	int64_t now = clock_boot_ms();
	int err;

	p->record.phase = JOURNAL_WATCHING;
	p->record.watch_until_ms = now + p->watch_s * 1000ll;
	p->watch.until_ms = (uint64_t)p->record.watch_until_ms;
	err = journal_commit(d->journal, p->record.revision, NULL, &p->record, clock_wall_s());
	if (err)
		return err;
	change_adopt_revision(d, p->record.revision, p->after);
	log_notice("revision %lld is in force, and watched for %u s", (long long)p->record.revision,
		   p->watch_s);
	return 0;
}

/* Brings the services that move to the step in p->stage. */
static int step_install(struct daemon *d, char error[static DP_ERROR_MAX])
{
	struct pipeline *p = d->pipeline;
	struct dp_install_result result;

	transition_step(d->config, stage_permille(&p->stage));
	return health_install(d, d->config, &result, error);
}

static int step_record(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	char text[128 + UNPROVEN_MAX], unproven[UNPROVEN_MAX];

	snprintf(text, sizeof(text), "%u.%u %% of the slots that it moves (step %zu of %zu)%s",
		 stage_permille(&p->stage) / 10, stage_permille(&p->stage) % 10, p->stage.at + 1,
		 p->stage.plan.count, unproven_text(p, unproven));
	return journal_change_set(d->journal, &p->record, text, clock_wall_s());
}

static void step_take(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	char error[DP_ERROR_MAX] = "", why[WATCH_REASON_MAX];

	stage_next(&p->stage, (uint64_t)clock_boot_ms(), facts_moved(d));
	if (step_record(d)) {
		snprintf(why, sizeof(why), "the journal cannot be written: %.200s",
			 journal_error(d->journal));
		pipeline_roll_back(d, why);
		return;
	}
	if (step_install(d, error)) {
		snprintf(why, sizeof(why), "the next step cannot be installed: %.200s", error);
		pipeline_roll_back(d, why);
	}
}

/* ---- beginning ------------------------------------------------------------------------------- */

static int plan(struct daemon *d, struct config *transition, bool at_once)
{
	static const uint16_t whole[] = { STAGE_WHOLE };
	_cleanup_(free_ptr) struct stage_share *shares = NULL;
	const struct config_stage *wanted = &d->config->stage;
	uint16_t steps[CONFIG_STEPS_MAX];
	struct stage_plan made;
	size_t count = 0;
	int err = facts_shares(d, transition, &shares, &count);

	if (err)
		return err;
	for (size_t i = 0; i < wanted->step_count; i++)
		steps[i] = (uint16_t)(wanted->steps[i] * 10);
	/* One step wanted is one step, whoever's load grows; so is what moves no slots. */
	if (at_once || wanted->step_count < 2 || !count)
		stage_plan(&made, NULL, 0, whole, 1);
	else
		stage_plan(&made, shares, count, steps, wanted->step_count);
	stage_begin(&d->pipeline->stage, &made, (uint64_t)clock_boot_ms());
	return 0;
}

static int prepare(struct request *r, struct config *after, int64_t number,
		   const struct change_options *o, struct config **transition)
{
	struct daemon *d = r->daemon;
	struct pipeline *p = d->pipeline;
	int err;

	p->after = after;
	p->before = config_copy(d->config);
	*transition = p->before ? transition_make(p->before, after) : NULL;
	if (!*transition)
		return -ENOMEM;
	p->record = (struct journal_change){
		.revision = number,
		.base = d->revision.number,
		.phase = JOURNAL_STAGING,
		.confirm_until_ms = o->confirm_s ? clock_boot_ms() + o->confirm_s * 1000ll : 0,
	};
	snprintf(p->record.boot, sizeof(p->record.boot), "%s", p->boot);
	p->actor = r->actor;
	p->begun = clock_wall_s();
	p->watch_s = o->watch_given ? o->watch_s : d->config->stage.watch_s;
	p->watch = (struct watch){ .confirm_until_ms = (uint64_t)p->record.confirm_until_ms };
	err = plan(d, *transition, o->at_once);
	return err ?: p->stage.plan.count > 1 ? step_record(d) : 0;
}

/* Nothing of it stays. */
static bool abandon(struct daemon *d, int64_t number, const char *why, struct reply *reply)
{
	caps_lift(d);
	forget(d->pipeline);
	change_reinstall(d, reply);
	dp_leases_end(d->dp);
	if (journal_fail(d->journal, number, why, clock_wall_s()))
		log_warning("revision %lld is not marked as failed: %s", (long long)number,
			    journal_error(d->journal));
	reply_refuse(reply, "nothing changed (revision %lld stays): %s",
		     (long long)d->revision.number, why);
	return false;
}

/* The whole of it is rehearsed before the first of it is installed. */
static int first_install(struct daemon *d, struct config *transition,
			 char error[static DP_ERROR_MAX])
{
	struct pipeline *p = d->pipeline;
	struct dp_install_result result;
	int err = 0;

	if (p->stage.plan.count > 1)
		err = dp_reserve(d->dp, transition, clock_now_s(), error);
	if (!err && p->stage.plan.count > 1) {
		nexthops_sync(d);
		err = rehearse_candidate(d, transition, error);
	}
	transition_step(transition, stage_permille(&p->stage));
	return err ?: change_install(d, transition, false, &result, error);
}

/* d->config stays what it was until the step is there, and after a failure. */
static int first_step(struct daemon *d, struct config *transition, const struct config_diff *diff,
		      char error[static DP_ERROR_MAX])
{
	struct pipeline *p = d->pipeline;
	_cleanup_(free_ptr) bool *was_up = facts_up(d);
	struct config *now = d->config;
	int err;

	caps_prepare(d, diff);
	err = first_install(d, transition, error);
	d->config = transition;
	err = err ?: facts_begin(d, diff, was_up);
	if (!err && p->stage.plan.count == 1) {
		err = commit(d);
		if (err)
			snprintf(error, DP_ERROR_MAX, "the journal cannot record it: %.400s",
				 journal_error(d->journal));
	}
	if (err)
		d->config = now;
	else
		lease_renew(d);
	p->running = !err;
	config_free(err ? transition : now);
	return err;
}

bool pipeline_begin(struct request *r, struct config *after, int64_t number,
		    const struct config_diff *diff, const struct change_options *o,
		    struct reply *reply)
{
	struct daemon *d = r->daemon;
	struct config *transition = NULL;
	char error[DP_ERROR_MAX] = "";
	int err = prepare(r, after, number, o, &transition);

	if (err) {
		config_free(transition);
		return abandon(d, number,
			       err == -ENOMEM ? "out of memory" : journal_error(d->journal), reply);
	}
	err = first_step(d, transition, diff, error);
	if (err)
		return abandon(d, number, error[0] ? error : strerror(-err), reply);
	change_places_clear(after);
	return true;
}

/* ---- each second ----------------------------------------------------------------------------- */

static void hold(struct daemon *d, const char *why)
{
	struct pipeline *p = d->pipeline;

	if (p->record.phase != JOURNAL_HELD) {
		/* While it is being staged it is not in force: it goes back, for want of better. */
		if (p->record.phase == JOURNAL_STAGING) {
			pipeline_roll_back(d, why);
			return;
		}
		p->record.phase = JOURNAL_HELD;
		snprintf(p->record.reason, sizeof(p->record.reason), "%s", why);
		dp_leases_end(d->dp);
		log_warning(
			"revision %lld is held: %s; the backends of revision %lld are no better "
			"now: evenkeel confirm keeps it, evenkeel rollback undoes it",
			(long long)p->record.revision, why, (long long)p->record.base);
		if (journal_change_set(d->journal, &p->record, why, clock_wall_s()))
			log_warning("that it is held is not in the journal: %s",
				    journal_error(d->journal));
	}
	alert_note(d, &(struct alert_fact){
			      .kind = "change_held",
			      .level = ALERT_CRITICAL,
			      .service = "",
			      .backend = "",
			      .text = p->record.reason,
		      });
}

static void go_on(struct daemon *d)
{
	struct pipeline *p = d->pipeline;

	lease_renew(d);
	if (p->record.phase != JOURNAL_STAGING)
		return;
	switch (stage_judge(&p->stage, (uint64_t)clock_boot_ms(), facts_moved(d))) {
	case STAGE_STAY:
		return;
	case STAGE_PROBE:
		probes_tick(d);
		return;
	case STAGE_NEXT:
		step_take(d);
		return;
	case STAGE_DONE:
		if (commit(d))
			pipeline_roll_back(d, "the journal cannot record that it is in force");
		return;
	}
}

void pipeline_tick(struct daemon *d)
{
	struct pipeline *p = d->pipeline;
	struct watch_facts facts;
	char why[WATCH_REASON_MAX] = "";

	seconds_tick(d);
	if (clock_now_s() < p->undone_until_s)
		alert_note(d, &(struct alert_fact){
				      .kind = "rolled_back",
				      .level = ALERT_CRITICAL,
				      .service = "",
				      .backend = "",
				      .text = p->undone_text,
			      });
	if (!p->running) {
		lease_forget(d);
		return;
	}
	if (p->undone) {
		undo_record(d);
		return;
	}
	facts = facts_of(d);
	switch (watch_judge(&p->watch, &facts, (uint64_t)clock_boot_ms(), why)) {
	case WATCH_GOES_ON:
		go_on(d);
		return;
	case WATCH_GOOD:
		finish(d, why);
		return;
	case WATCH_ROLL_BACK:
		pipeline_roll_back(d, why);
		return;
	case WATCH_HOLD:
		hold(d, why);
		return;
	}
}

/* ---- by hand --------------------------------------------------------------------------------- */

bool pipeline_confirm(struct daemon *d, const struct journal_actor *actor, int64_t *number)
{
	struct pipeline *p = d->pipeline;
	bool held = p->running && p->record.phase == JOURNAL_HELD;

	if (!p->running || p->undone || (!held && !p->record.confirm_until_ms))
		return false;
	*number = p->record.revision;
	p->watch.confirmed = true;
	/* A daemon that begins anew knows it by the deadline that is gone. */
	p->record.confirm_until_ms = 0;
	p->watch.confirm_until_ms = 0;
	daemon_event(d, "confirm", actor, "revision %lld", (long long)*number);
	if (held)
		finish(d, "confirmed by hand");
	else if (journal_change_set(d->journal, &p->record, "confirmed", clock_wall_s()))
		log_warning("that revision %lld is confirmed is not in the journal: %s",
			    (long long)*number, journal_error(d->journal));
	return true;
}

bool pipeline_can_undo(const struct daemon *d, int64_t base)
{
	const struct pipeline *p = d->pipeline;

	return p->running && !p->undone && (!base || base == p->record.base);
}

void pipeline_undo(struct request *r, struct reply *reply)
{
	struct daemon *d = r->daemon;
	int64_t undone = d->pipeline->record.revision;
	char why[WATCH_REASON_MAX];

	snprintf(why, sizeof(why), "by hand, by %s", r->actor.user);
	daemon_event(d, "rollback", &r->actor, "of revision %lld", (long long)undone);
	pipeline_roll_back(d, why);
	d->pipeline->undone_until_s = 0; /* who asked for it knows */
	if (d->trouble[0])
		reply_refuse(reply, "%s", d->trouble);
	if (d->pipeline->undone)
		reply_refuse(
			reply,
			"revision %lld is rolled back in the data path, and the journal cannot "
			"record it: %s",
			(long long)undone, journal_error(d->journal));
	reply->result =
		json_pack("{s:I, s:b, s:[], s:I}", "revision", (json_int_t)d->revision.number,
			  "changed", 1, "warnings", "undone", (json_int_t)undone);
}
