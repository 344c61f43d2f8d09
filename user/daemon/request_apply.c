/* SPDX-License-Identifier: GPL-2.0 */
/* apply, rollback: whole configurations. */
#include <errno.h>
#include <string.h>

#include "daemon/change.h"
#include "daemon/pipeline.h"
#include "daemon/request.h"
#include "lib/cleanup.h"
#include "lib/config_diff.h"

#define SECONDS_MAX (24 * 3600)

static void release(struct journal_revision *r)
{
	journal_revision_release(r);
}

static void stays(const struct daemon *d, struct reply *reply)
{
	reply_message(reply, "nothing changed (revision %lld stays)",
		      (long long)d->revision.number);
}

/* Parses, and says what is wrong. */
static struct config *candidate_of(struct request *r, const char *text, size_t length,
				   struct diag *diag, struct reply *reply)
{
	struct config *candidate = NULL;
	int err = config_parse(&candidate, text, length, diag);

	if (!err)
		return candidate;
	if (diag_failed(diag)) {
		reply_diagnostics(reply, diag);
		stays(r->daemon, reply);
	} else {
		reply_refuse(reply, "%s: %s; nothing changed", diag->file, strerror(-err));
	}
	return NULL;
}

/* ---- a base ---------------------------------------------------------------------------------- */

/* Differences of `a` that `b` has too, or has not. */
static void differences_say(struct reply *reply, const char *title, const struct config_diff *a,
			    const struct config_diff *b, bool in_both)
{
	bool said = false;

	for (size_t i = 0; i < a->count; i++) {
		_cleanup_(free_ptr) char *line = config_difference_line(&a->entries[i]);
		const struct config_difference *other = config_diff_find(b, a->entries[i].path);

		if (!other != !in_both)
			continue;
		if (!said)
			reply_message(reply, "%s", title);
		said = true;
		if (!other || !strcmp(other->text, a->entries[i].text))
			reply_message(reply, "  %s", line ? line : "out of memory");
		else
			reply_message(reply, "  %s: in force %s, in the file %s",
				      a->entries[i].path, a->entries[i].text, other->text);
	}
}

/* What became of the base since, and what the file makes of it. */
static void base_explain(const struct daemon *d, const struct journal_revision *base,
			 const struct config *candidate, struct reply *reply)
{
	_cleanup_(config_diff_release) struct config_diff theirs = {}, yours = {};
	_cleanup_(free_ptr) char *text = config_text(candidate);

	reply_refuse(reply,
		     "nothing changed (revision %lld stays): the file is made of revision %lld, "
		     "and %s has changed that since (%s)",
		     (long long)d->revision.number, (long long)base->number, d->revision.actor.user,
		     d->revision.actor.command);
	if (!text || config_diff_make(&theirs, base->text, d->revision.text) ||
	    config_diff_make(&yours, base->text, text))
		return;
	differences_say(reply, "in force, and not in the file:", &theirs, &yours, false);
	differences_say(reply, "in the file, and not in force:", &yours, &theirs, false);
	differences_say(reply, "in both:", &theirs, &yours, true);
}

/* Is the file made of what is in force? A revision with the same content is as good. */
static bool base_holds(const struct daemon *d, json_int_t number, const struct config *candidate,
		       struct reply *reply)
{
	_cleanup_(release) struct journal_revision base = {};
	int err;

	if (number < 0 || number == d->revision.number)
		return true;
	err = journal_revision(d->journal, number, &base);
	if (err == -ENOENT)
		reply_refuse(reply,
			     "nothing changed (revision %lld stays): there is no revision "
			     "%lld",
			     (long long)d->revision.number, (long long)number);
	else if (err)
		reply_refuse(reply, "the journal cannot be read: %s", journal_error(d->journal));
	else if (strcmp(base.hash, d->revision.hash) != 0)
		base_explain(d, &base, candidate, reply);
	else
		return true;
	return false;
}

bool request_removed(struct config *c, const json_t *names, struct reply *reply)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		const char *text = json_string_value(name);

		if (!text || config_removal_add(c, text))
			reply_usage(reply, "remove: \"%.64s\" is neither a service nor a listener",
				    text ? text : "");
	}
	return !reply->exit;
}

void request_apply(struct request *r, struct reply *reply)
{
	_cleanup_(diag_release) struct diag diag = {};
	_cleanup_(config_release) struct config *candidate = NULL;
	struct change_options options = {};
	const char *text = NULL, *file = NULL, *force = NULL, *reason = NULL;
	json_int_t base = -1, watch = -1, confirm = 0;
	json_t *removed = NULL;
	int at_once = 0;
	size_t length = 0;

	if (!request_arguments(r, reply, "{s:s%, s?s, s?I, s?b, s?I, s?I, s?o, s?s, s?s}", "text",
			       &text, &length, "file", &file, "base", &base, "at_once", &at_once,
			       "watch_s", &watch, "confirm_s", &confirm, "remove", &removed,
			       "force", &force, "reason", &reason) ||
	    !request_force(r, force, reason, reply))
		return;
	if (watch > SECONDS_MAX || confirm < 0 || confirm > SECONDS_MAX) {
		reply_usage(reply, "watch_s, confirm_s: at most a day");
		return;
	}
	options = (struct change_options){
		.at_once = at_once,
		.watch_given = watch >= 0,
		.watch_s = watch >= 0 ? (uint32_t)watch : 0,
		.confirm_s = (uint32_t)confirm,
	};
	diag.file = file ? file : "configuration";
	request_command(r, "apply %.100s", diag.file);
	candidate = candidate_of(r, text, length, &diag, reply);
	if (!candidate || !request_removed(candidate, removed, reply) ||
	    !base_holds(r->daemon, base, candidate, reply))
		return;
	r->text = text;
	r->length = length;
	change_run(r, take_ptr(candidate), &diag, &options, reply);
}

/* ---- rollback -------------------------------------------------------------------------------- */

static bool target_find(struct request *r, json_int_t number, struct journal_revision *out,
			struct reply *reply)
{
	struct daemon *d = r->daemon;
	int err = number ? journal_revision(d->journal, number, out)
			 : journal_good_before(d->journal, d->revision.number, out);

	if (err == -ENOENT && number)
		reply_refuse(reply, "there is no revision %lld (evenkeel history lists them)",
			     (long long)number);
	else if (err == -ENOENT)
		reply_refuse(reply,
			     "there is no revision before %lld that was known to be good and "
			     "is another one",
			     (long long)d->revision.number);
	else if (err)
		reply_refuse(reply, "the journal cannot be read: %s", journal_error(d->journal));
	else if (out->state == JOURNAL_FAILED || out->state == JOURNAL_APPLYING)
		reply_refuse(reply, "revision %lld was never in force: it is no way back",
			     (long long)out->number);
	else
		return true;
	return false;
}

/* Nobody is asked about a way back: so it is none around those who are to be asked. */
static void policy_keep(const struct daemon *d, struct config *target, struct reply *reply)
{
	if (!d->config || !config_policy_loosened(&d->config->policy, &target->policy))
		return;
	target->policy = d->config->policy;
	reply_message(reply, "the policy in force stays: a change of it needs approval");
}

void request_rollback(struct request *r, struct reply *reply)
{
	_cleanup_(diag_release) struct diag diag = { .file = "journal" };
	_cleanup_(config_release) struct config *candidate = NULL;
	_cleanup_(release) struct journal_revision target = {};
	const struct change_options options = { .urgent = true };
	const char *force = NULL, *reason = NULL;
	json_int_t number = 0;

	if (!request_arguments(r, reply, "{s?I, s?s, s?s}", "revision", &number, "force", &force,
			       "reason", &reason) ||
	    !request_force(r, force, reason, reply))
		return;
	if (pipeline_can_undo(r->daemon, number)) {
		request_command(r, "rollback");
		pipeline_undo(r, reply);
		return;
	}
	if (!target_find(r, number, &target, reply))
		return;
	request_command(r, "rollback %lld", (long long)target.number);
	candidate = candidate_of(r, target.text, strlen(target.text), &diag, reply);
	if (!candidate)
		return;
	change_places_clear(candidate);
	policy_keep(r->daemon, candidate, reply);
	change_run(r, take_ptr(candidate), &diag, &options, reply);
}
