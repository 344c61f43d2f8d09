/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/approvers.h"
#include "daemon/change_warn.h"
#include "daemon/drains.h"
#include "daemon/gating.h"
#include "daemon/health.h"
#include "daemon/log.h"
#include "daemon/nexthop.h"
#include "daemon/pipeline.h"
#include "daemon/proposals.h"
#include "daemon/rehearse.h"
#include "dp/install.h"
#include "lib/cleanup.h"
#include "lib/config_diff.h"

/* How long a change waits for the kernel to find new backends' neighbours. An answer takes a
 * round trip; who has not answered by then is warned of. */
#define RESOLVE_MS 1000

/* And for the first results of their checks, without which they get no flows: who is healthy
 * answers at once, who is not is waited for no longer than this. */
#define FIRST_RESULTS_MS 2000

/* Who takes something back does not wait for newcomers: those get flows when their results come. */
#define URGENT_MS 200

/* ---- the data path --------------------------------------------------------------------------- */

int change_install(struct daemon *d, const struct config *c, bool urgent,
		   struct dp_install_result *result, char error[static DP_ERROR_MAX])
{
	int err = dp_reserve(d->dp, c, clock_now_s(), error);

	if (err)
		return err;
	nexthops_sync(d);
	nexthops_wait(d, urgent ? URGENT_MS : RESOLVE_MS);
	health_sync(d, c);
	health_wait(d, urgent ? URGENT_MS : FIRST_RESULTS_MS);
	err = urgent ? 0 : rehearse_candidate(d, c, error);
	err = err ?: health_install(d, c, result, error);
	nexthops_sync(d); /* a forwarding mode may have changed */
	return err || urgent ? err : rehearse_in_force(d, c, error);
}

void change_reinstall(struct daemon *d, struct reply *reply)
{
	char error[DP_ERROR_MAX] = "";
	struct dp_install_result result;

	if (!d->config)
		return;
	health_sync(d, d->config);
	if (health_install(d, d->config, &result, error) == 0)
		return;
	snprintf(d->trouble, sizeof(d->trouble), "revision %lld could not be put back: %s",
		 (long long)d->revision.number, error);
	log_line(LOG_ERR, "%s", d->trouble);
	if (reply)
		reply_message(reply, "%s", d->trouble);
}

/* ---- the journal ----------------------------------------------------------------------------- */

static void check_places_clear(struct config_check *k)
{
	k->place = k->timeout_place = k->down_interval_place = k->via_place = (struct place){};
}

/* Places belong to the text that was read: what a command changes later has none. */
void change_places_clear(struct config *c)
{
	for (size_t i = 0; i < c->service_count; i++) {
		struct config_service *s = &c->services[i];

		s->place = s->gue_place = s->quic_place = s->backup_place = (struct place){};
		s->rebalance.ask.place = (struct place){};
		for (size_t k = 0; k < s->check_count; k++)
			check_places_clear(&s->checks[k]);
		for (size_t k = 0; k < s->listener_count; k++)
			s->listeners[k].place = (struct place){};
		for (size_t k = 0; k < s->backend_count; k++) {
			struct config_backend *b = &s->backends[k];

			b->place = b->addr_place = b->weight_place = (struct place){};
			b->port_place = b->quic_id_place = (struct place){};
		}
	}
}

static void abandon(struct daemon *d, int64_t number, const char *why, struct reply *reply)
{
	change_reinstall(d, reply);
	if (journal_fail(d->journal, number, why, clock_wall_s()))
		log_warning("revision %lld is not marked as failed: %s", (long long)number,
			    journal_error(d->journal));
	if (!reply->exit) /* else it was said */
		reply_refuse(reply, "nothing changed (revision %lld stays): %s",
			     (long long)d->revision.number, why);
}

/* Should it not be readable, what is known of it must do: it is in force. */
void change_adopt_revision(struct daemon *d, int64_t number, const struct config *c)
{
	struct journal_revision r = {};

	if (journal_in_force(d->journal, &r)) {
		log_warning("revision %lld cannot be read back: %s", (long long)number,
			    journal_error(d->journal));
		r = (struct journal_revision){ .number = number, .state = JOURNAL_IN_FORCE };
		r.time = clock_wall_s();
		r.text = config_text(c);
	}
	journal_revision_release(&d->revision);
	d->revision = r;
	d->trouble[0] = '\0';
	gating_adopted(d);
}

/* Revision number `number` is in the journal as being applied: do it, and decide it. */
static bool decide(struct daemon *d, struct config *c, int64_t number, bool urgent,
		   struct reply *reply)
{
	struct dp_install_result done = {};
	char error[DP_ERROR_MAX] = "";
	int err = change_install(d, c, urgent, &done, error);

	if (err) {
		abandon(d, number, error[0] ? error : strerror(-err), reply);
		return false;
	}
	err = journal_commit(d->journal, number, "it is not watched", NULL, clock_wall_s());
	if (err) {
		snprintf(error, sizeof(error), "the journal cannot record it: %.400s",
			 journal_error(d->journal));
		abandon(d, number, error, reply);
		return false;
	}
	config_free(d->config);
	d->config = c;
	change_adopt_revision(d, number, c);
	log_notice("revision %lld is in force: %u services added, %u removed, %u changed, %u slots "
		   "moved",
		   (long long)number, done.services_added, done.services_removed,
		   done.services_switched, done.slots_moved);
	if (done.services_rebuilt)
		reply_message(reply,
			      "%u services have a table of another size or hash now: all of their "
			      "slots are unsettled until their older flows have ended or been idle "
			      "(evenkeel status)",
			      done.services_rebuilt);
	return true;
}

static json_t *warnings_json(struct diag *diag)
{
	json_t *warnings = json_array();

	diag_sort(diag);
	for (size_t i = 0; i < diag->count; i++) {
		_cleanup_(free_ptr) char *line = diag_line(diag, i);

		json_array_append_new(warnings, json_string(line ? line : "out of memory"));
	}
	return warnings;
}

static void plan_put(struct reply *reply)
{
	if (reply->plan)
		json_put(reply->result, "plan", json_incref(reply->plan));
}

static void reply_changed(struct reply *reply, const struct daemon *d, bool changed,
			  struct diag *diag)
{
	json_t *warnings = warnings_json(diag);

	reply_diagnostics(reply, diag);
	reply->result = json_pack("{s:I, s:b, s:o}", "revision", (json_int_t)d->revision.number,
				  "changed", changed, "warnings", warnings);
	plan_put(reply);
}

/* Of a difference in the journal. */
#define CHANGE_TEXT_MAX 2048

static bool begin(struct request *r, const char *text, const struct config_diff *diff,
		  int64_t *number, struct reply *reply)
{
	struct daemon *d = r->daemon;
	char change[CHANGE_TEXT_MAX];

	config_diff_summary(diff, change, sizeof(change));
	if (journal_begin(d->journal, text, change, &r->actor, clock_wall_s(), number)) {
		reply_refuse(reply, "nothing changed: the journal cannot be written: %s",
			     journal_error(d->journal));
		return false;
	}
	return true;
}

/* What was possible when it came and is no more must not stand in a rollback's way. */
static bool policy_is_new(const struct daemon *d, const struct config_policy *p)
{
	const struct config_policy *now = d->config ? &d->config->policy : NULL;

	return !now || now->approvals != p->approvals || strcmp(now->group, p->group) != 0 ||
	       strcmp(now->signers, p->signers) != 0;
}

static bool guarded(const struct daemon *d, const struct config *c, struct diag *diag,
		    struct reply *reply)
{
	char why[APPROVERS_WHY_MAX];

	change_guard(d, c, diag);
	if (policy_is_new(d, &c->policy) && approvers_check(&c->policy, why))
		diag_error(diag, c->policy.place.line, c->policy.place.column,
			   "%s: nobody could approve", why);
	if (!diag_failed(diag))
		return true;
	reply_diagnostics(reply, diag);
	reply_message(reply, "nothing changed (revision %lld stays)",
		      (long long)d->revision.number);
	return false;
}

/* Staged and watched, or as a whole at once. Takes `c` over. */
static bool bring(struct request *r, struct config *c, int64_t number,
		  const struct config_diff *diff, const struct change_options *o,
		  struct reply *reply)
{
	if (pipeline_wants(r->daemon, c, diff, o))
		return pipeline_begin(r, c, number, diff, o, reply);
	if (decide(r->daemon, c, number, o->urgent, reply))
		return true;
	config_free(c);
	return false;
}

/* Gates, and those who are to agree to it. */
static bool let_through(struct request *r, const struct config *c, const char *text,
			const struct config_diff *diff, const struct change_options *o,
			struct diag *diag, struct reply *reply)
{
	_cleanup_(gate_seen_release) struct gate_seen seen = {};
	const struct gate_change gate = { r, c, diag->file, o->urgent, &seen };
	char change[CHANGE_TEXT_MAX];
	const struct proposal_change proposal = {
		.request = r,
		.text = text,
		.summary = config_diff_summary(diff, change, sizeof(change)),
		.file = diag->file,
		.config = c,
		.seen = &seen,
		.options = o,
	};

	if (gate_change(r->daemon, &gate, diag, reply))
		return proposals_pass(r->daemon, &proposal, reply);
	if (o->run)
		o->run->stopped = true;
	return false;
}

void change_run(struct request *r, struct config *candidate, struct diag *diag,
		const struct change_options *o, struct reply *reply)
{
	_cleanup_(config_release) struct config *c = candidate;
	struct daemon *d = r->daemon;
	_cleanup_(config_diff_release) struct config_diff diff = {};
	_cleanup_(free_ptr) char *text = config_text(c);
	int64_t number = 0;

	if (!text) {
		reply_refuse(reply, "out of memory");
		return;
	}
	drains_lay(d, c);
	if (!pipeline_is_free(d, reply) || !guarded(d, c, diag, reply))
		return;
	if (d->revision.text && !d->trouble[0] && strcmp(text, d->revision.text) == 0) {
		reply_changed(reply, d, false, diag);
		return;
	}
	/* A text that an older version wrote may not be comparable: all of it is new then. */
	if (config_diff_make(&diff, d->revision.text ? d->revision.text : "{}", text))
		config_diff_make(&diff, "{}", text);
	if (!let_through(r, c, text, &diff, o, diag, reply) ||
	    !begin(r, text, &diff, &number, reply))
		return;
	if (o->run)
		proposals_begun(d, o->run, number);
	if (!bring(r, take_ptr(c), number, &diff, o, reply))
		return;
	drains_forget(d, &r->actor);
	change_warn(d, d->config, diag);
	change_places_clear(d->config);
	reply_changed(reply, d, true, diag);
	json_put(reply->result, "change", pipeline_json(d));
}

/* ---- drains by hand -------------------------------------------------------------------------- */

/* Durable first: what is acknowledged survives. */
void change_drains(struct request *r, struct config *candidate, struct reply *reply)
{
	_cleanup_(config_release) struct config *c = candidate;
	struct daemon *d = r->daemon;
	struct dp_install_result result;
	_cleanup_(diag_release) struct diag diag = {};
	_cleanup_(gate_seen_release) struct gate_seen seen = {};
	const struct gate_change gate = { r, c, NULL, true, &seen };
	char error[DP_ERROR_MAX] = "";
	size_t changed = 0;

	if (!gate_change(d, &gate, &diag, reply))
		return;
	if (seen.forced && proposals_asked(d)) {
		reply_refuse(reply,
			     "nothing changed: a drain by hand beyond what the guards allow needs "
			     "approval, too: apply a file with `drain: true`");
		return;
	}
	if (drains_take(d, c, &r->actor, &changed)) {
		reply_refuse(reply, "nothing changed: the journal cannot be written: %s",
			     journal_error(d->journal));
		return;
	}
	if (changed && change_install(d, c, true, &result, error)) {
		if (drains_take(d, d->config, &d->self, &changed))
			log_warning("a drain that could not be made stays in the journal: %s",
				    journal_error(d->journal));
		change_reinstall(d, reply);
		reply_refuse(reply, "nothing changed: %s", error);
		return;
	}
	config_free(d->config);
	d->config = take_ptr(c);
	gating_adopted(d);
	pipeline_rebase(d, reply);
	reply_diagnostics(reply, &diag);
	reply->result =
		json_pack("{s:I, s:b, s:o, s:b}", "revision", (json_int_t)d->revision.number,
			  "changed", changed != 0, "warnings", warnings_json(&diag), "overlay", 1);
	plan_put(reply);
}

/* ---- at start -------------------------------------------------------------------------------- */

static int restore(struct daemon *d)
{
	_cleanup_(diag_release) struct diag diag = { .file = "journal" };
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "";
	int err = journal_in_force(d->journal, &d->revision);

	if (err == -ENOENT && daemon_has_services(d)) {
		snprintf(
			d->trouble, sizeof(d->trouble),
			"the journal in %s has no revision, but the pinned maps hold services: they "
			"are left forwarding; apply a configuration to take them over",
			d->options.state);
		return -ENOENT;
	}
	if (err == -ENOENT) {
		d->config = config_new();
		if (!d->config)
			snprintf(d->trouble, sizeof(d->trouble), "out of memory");
		return d->config ? 0 : -ENOMEM;
	}
	if (err) {
		snprintf(d->trouble, sizeof(d->trouble), "the journal cannot be read: %.500s",
			 journal_error(d->journal));
		return err;
	}
	err = config_parse(&d->config, d->revision.text, strlen(d->revision.text), &diag);
	if (err) {
		snprintf(
			d->trouble, sizeof(d->trouble),
			"revision %lld of the journal is not a configuration to this version: %.400s",
			(long long)d->revision.number,
			diag.count ? diag.entries[0].text : strerror(-err));
		return err;
	}
	change_places_clear(d->config);
	drains_lay(d, d->config);
	err = change_install(d, d->config, false, &result, error);
	if (err)
		snprintf(d->trouble, sizeof(d->trouble),
			 "revision %lld cannot be installed: %.500s", (long long)d->revision.number,
			 error);
	else if (result.slots_moved || result.services_added || result.services_removed)
		log_notice(
			"revision %lld was restored: %u services added, %u removed, %u slots moved",
			(long long)d->revision.number, result.services_added,
			result.services_removed, result.slots_moved);
	return err;
}

struct config *change_config(const struct daemon *d, const char *text)
{
	_cleanup_(diag_release) struct diag diag = { .file = "journal" };
	struct config *c = NULL;

	if (config_parse(&c, text, strlen(text), &diag))
		return NULL;
	change_places_clear(c);
	drains_lay(d, c);
	return c;
}

void change_restore(struct daemon *d)
{
	nexthops_sync(d); /* also when there is nothing to restore: what is pinned forwards */
	d->settling = true;
	if (restore(d))
		log_line(LOG_ERR, "%s", d->trouble);
	else
		pipeline_restore(d);
}
