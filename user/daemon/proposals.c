// SPDX-License-Identifier: GPL-2.0
#include "daemon/proposals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/approvers.h"
#include "daemon/log.h"
#include "daemon/origin.h"
#include "daemon/pipeline.h"
#include "evenkeel/ctl.h"
#include "lib/cleanup.h"

/* More than anybody reads. */
#define WAITING_MAX 32u
/* Of the lines on a plan that are kept for those who are asked. */
#define PLAN_MAX (64u << 10)

struct proposals {
	size_t waiting;
	int64_t next_ms;  /* when the first of them has waited for too long */
	int64_t revision; /* in force when they were looked at */
	char boot[40];
};

int proposals_open(struct daemon *d)
{
	struct proposals *p = calloc(1, sizeof(*p));
	_cleanup_(free_ptr) int64_t *numbers = NULL;

	if (!p)
		return log_err(-ENOMEM, "out of memory");
	d->proposals = p;
	boot_id(p->boot);
	p->revision = -1; /* all are looked at in the first second */
	return journal_proposals(d->journal, &numbers, &p->waiting)
		       ? log_err(-EIO, "%s", journal_error(d->journal))
		       : 0;
}

void proposals_close(struct proposals *p)
{
	free(p);
}

size_t proposals_waiting(const struct daemon *d)
{
	return d->proposals->waiting;
}

bool proposals_asked(const struct daemon *d)
{
	return d->config && d->revision.number && d->config->policy.approvals;
}

static void release(struct journal_proposal *p)
{
	journal_proposal_release(p);
}

/* ---- is it still what was agreed to? --------------------------------------------------------- */

bool proposals_lapsed(const struct daemon *d, const struct journal_proposal *p, char **text,
		      char why[static APPROVAL_WHY_MAX])
{
	struct journal_revision base = {};
	_cleanup_(free_ptr) char *merged = NULL;
	int err;

	if (approval_over(p->boot, p->until_ms, d->proposals->boot, clock_boot_ms(), why))
		return true;
	err = journal_revision(d->journal, p->base, &base);
	err = err
		      ?: approval_rebase(&merged, why, base.text, p->text,
					 d->revision.text ? d->revision.text : "{}");
	journal_revision_release(&base);
	if (err && err != -ESTALE)
		snprintf(why, APPROVAL_WHY_MAX,
			 "revision %lld, which it was made of, cannot be "
			 "compared with: %s",
			 (long long)p->base, strerror(-err));
	if (!err && text)
		*text = take_ptr(merged);
	return err;
}

bool proposals_end(struct daemon *d, const struct journal_proposal *p,
		   enum journal_proposal_state state, const struct journal_actor *actor,
		   const char *why, struct reply *reply)
{
	if (journal_proposal_end(d->journal, p, state, actor, why, 0, clock_wall_s())) {
		if (reply)
			reply_refuse(reply, "the journal cannot be written: %s",
				     journal_error(d->journal));
		return false;
	}
	d->proposals->waiting -= d->proposals->waiting > 0;
	log_notice("change p%lld is %s: %s", (long long)p->number,
		   journal_proposal_state_name(state), why);
	return true;
}

static void look_at(struct daemon *d, int64_t number)
{
	_cleanup_(release) struct journal_proposal p = {};
	char why[APPROVAL_WHY_MAX];

	if (journal_proposal(d->journal, number, &p))
		return;
	if (proposals_lapsed(d, &p, NULL, why))
		proposals_end(d, &p, JOURNAL_PROPOSAL_LAPSED, &d->self, why, NULL);
	else if (p.until_ms < d->proposals->next_ms)
		d->proposals->next_ms = p.until_ms;
}

void proposals_tick(struct daemon *d)
{
	struct proposals *p = d->proposals;
	_cleanup_(free_ptr) int64_t *numbers = NULL;
	size_t count = 0;
	bool changed = p->revision != d->revision.number;

	if (changed && d->config)
		approvers_admit(d->options.socket, &d->config->policy);
	p->revision = d->revision.number;
	if (!p->waiting || (!changed && clock_boot_ms() < p->next_ms) ||
	    journal_proposals(d->journal, &numbers, &count))
		return;
	p->waiting = count;
	p->next_ms = INT64_MAX;
	for (size_t i = 0; i < count; i++)
		look_at(d, numbers[i]);
}

/* ---- proposing ------------------------------------------------------------------------------- */

static json_t *removed_json(const struct config *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->removal_count; i++)
		json_array_append_new(list, json_string(c->removals[i].what));
	return list;
}

static char *way_text(const struct daemon *d, const struct proposal_change *c)
{
	const struct config_policy *p = &d->config->policy;
	const struct change_options *o = c->options;
	char gates[GATE_SET_TEXT_MAX];
	json_t *j = json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:I, s:I, s:o}",
			      "approvals", (json_int_t)p->approvals, "group", p->group, "signers",
			      p->signers, "forced", gate_set_text(gates, c->request->forced),
			      "reason", json_clean(c->request->reason ? c->request->reason : ""),
			      "file", json_clean(c->file ? c->file : ""), "at_once", o->at_once,
			      "urgent", o->urgent, "watch_s",
			      o->watch_given ? (json_int_t)o->watch_s : (json_int_t)-1, "confirm_s",
			      (json_int_t)o->confirm_s, "removed", removed_json(c->config));
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	return text;
}

/* Texts are allocated; what is missing is found by the caller. */
static void proposal_fill(struct journal_proposal *p, const struct daemon *d,
			  const struct proposal_change *c)
{
	const struct approval_way way = {
		.forced = c->request->forced,
		.at_once = c->options->at_once,
		.watch_s = c->options->watch_given ? (int64_t)c->options->watch_s : -1,
	};
	char text_hash[SHA256_TEXT_SIZE];
	uint32_t uids[APPROVAL_PEOPLE_MAX];
	uint32_t expires = d->config->policy.expires_s;

	*p = (struct journal_proposal){
		.base = d->revision.number,
		.until = clock_wall_s() + expires,
		.until_ms = clock_boot_ms() + expires * 1000ll,
		.actor = c->request->actor,
		.text = strdup(c->text),
		.way = way_text(d, c),
		.shares = json_dumps(c->seen->shares, JSON_COMPACT),
		.plan = strndup(c->seen->plan, PLAN_MAX),
		.change = strdup(c->summary),
	};
	snprintf(p->boot, sizeof(p->boot), "%s", d->proposals->boot);
	approval_uids_text(p->people, sizeof(p->people), uids,
			   origin_people(&p->actor, uids, APPROVAL_PEOPLE_MAX));
	sha256_text(text_hash, c->text, strlen(c->text));
	approval_content(p->content, d->revision.hash, text_hash, &way);
}

/* The one with that content which waits already. -ENOENT: there is none. */
static int waiting_find(struct daemon *d, const char *content, struct journal_proposal *out)
{
	_cleanup_(free_ptr) int64_t *numbers = NULL;
	size_t count = 0;
	int err = journal_proposals(d->journal, &numbers, &count);

	for (size_t i = 0; !err && i < count; i++) {
		struct journal_proposal p = {};

		err = journal_proposal(d->journal, numbers[i], &p);
		if (!err && !strcmp(p.content, content)) {
			*out = p;
			return 0;
		}
		journal_proposal_release(&p);
	}
	return err ?: -ENOENT;
}

static void propose(struct daemon *d, const struct proposal_change *c, struct reply *reply)
{
	_cleanup_(release) struct journal_proposal p = {}, waiting = {};

	proposal_fill(&p, d, c);
	if (!p.text || !p.way || !p.shares || !p.plan || !p.change) {
		reply_refuse(reply, "nothing changed: out of memory");
		return;
	}
	if (!waiting_find(d, p.content, &waiting)) {
		proposals_go(c->request, &waiting, reply);
		return;
	}
	if (d->proposals->waiting >= WAITING_MAX) {
		reply_refuse(reply,
			     "nothing changed: %zu changes wait for approvals already; evenkeel "
			     "reject ends one",
			     d->proposals->waiting);
		return;
	}
	if (journal_propose(d->journal, &p, clock_wall_s())) {
		reply_refuse(reply, "nothing changed: the journal cannot be written: %s",
			     journal_error(d->journal));
		return;
	}
	d->proposals->waiting++;
	if (p.until_ms < d->proposals->next_ms)
		d->proposals->next_ms = p.until_ms;
	log_notice("change p%lld waits for approvals: %s", (long long)p.number, p.change);
	reply->result = proposal_json(d, &p, false);
	reply->exit = EK_EXIT_AWAITS_APPROVAL;
}

bool proposals_pass(struct daemon *d, const struct proposal_change *c, struct reply *reply)
{
	const struct change_options *o = c->options;
	json_t *then;
	bool differs;

	if (!o->run) {
		/* Who takes something back is in need; but not beyond what the guards allow. */
		if (!proposals_asked(d) || (o->urgent && !c->seen->forced))
			return true;
		propose(d, c, reply);
		return false;
	}
	then = json_loads(o->run->proposal->shares, 0, NULL);
	differs = approval_shares_differ(then, c->seen->shares, APPROVAL_TOLERANCE, o->run->why);
	json_decref(then);
	if (!differs)
		return true;
	o->run->stopped = true;
	reply_refuse(reply, "nothing changed (revision %lld stays): %s",
		     (long long)d->revision.number, o->run->why);
	return false;
}

/* ---- going on -------------------------------------------------------------------------------- */

void proposals_begun(struct daemon *d, struct proposal_run *run, int64_t number)
{
	const struct journal_proposal *p = run->proposal;
	char why[256];

	snprintf(why, sizeof(why), "as revision %lld, approved by %.200s", (long long)number,
		 run->approvers);
	run->number = number;
	if (journal_proposal_end(d->journal, p, JOURNAL_PROPOSAL_WENT_ON, run->actor, why, number,
				 clock_wall_s()))
		log_warning("that change p%lld went on is not in the journal: %s",
			    (long long)p->number, journal_error(d->journal));
	else
		d->proposals->waiting -= d->proposals->waiting > 0;
}

/* What a gate has said: the first line of its reply is what became of the change. */
static const char *reason_of(const struct proposal_run *run, const struct reply *reply)
{
	const char *second = json_string_value(json_array_get(reply->messages, 1));
	const char *first = json_string_value(json_array_get(reply->messages, 0));

	if (run->why[0])
		return run->why;
	return second ? second + strspn(second, " ") : first ? first : "it was refused";
}

static struct config *candidate_of(const char *text, const struct proposal_way *w,
				   struct reply *reply)
{
	_cleanup_(diag_release) struct diag diag = { .file = "journal" };
	struct config *c = NULL;
	int err = config_parse(&c, text, strlen(text), &diag);

	if (err) {
		reply_diagnostics(reply, &diag);
		reply_refuse(reply, "nothing changed: it does not go with what is in force now");
		return NULL;
	}
	change_places_clear(c);
	if (request_removed(c, w->removed, reply))
		return c;
	config_free(c);
	return NULL;
}

static void bring(struct request *r, struct proposal_run *run, const char *text,
		  struct proposal_way *w, struct reply *reply)
{
	const struct journal_proposal *p = run->proposal;
	_cleanup_(diag_release) struct diag diag = { .file = w->file[0] ? w->file : NULL };
	struct request as = {
		.daemon = r->daemon,
		.arguments = r->arguments,
		.actor = p->actor,
		.forced = w->forced,
		.reason = w->reason,
	};
	struct config *c = candidate_of(text, w, reply);

	w->options.run = run;
	if (c)
		change_run(&as, c, &diag, &w->options, reply);
	else
		run->stopped = true;
}

/* Who has approved, as "ada, bob"; returns how many. */
static size_t approvers_of(struct daemon *d, const struct journal_proposal *p,
			   char names[static 256])
{
	_cleanup_(free_ptr) struct journal_approval *list = NULL;
	size_t count = 0, used = 0;

	names[0] = '\0';
	if (journal_approvals(d->journal, p->number, &list, &count))
		return 0;
	for (size_t i = 0; i < count && used < 256; i++)
		used += (size_t)snprintf(names + used, 256 - used, "%s%s", i ? ", " : "",
					 list[i].name);
	return count;
}

void proposals_go(struct request *r, const struct journal_proposal *p, struct reply *reply)
{
	_cleanup_(proposal_way_release) struct proposal_way w = {};
	_cleanup_(free_ptr) char *text = NULL;
	char why[APPROVAL_WHY_MAX], names[256];
	struct daemon *d = r->daemon;
	struct proposal_run run = { .proposal = p, .approvers = names, .actor = &r->actor };

	if (proposals_lapsed(d, p, &text, why)) {
		reply_refuse(reply, "change p%lld has lapsed: %s; propose it again",
			     (long long)p->number, why);
		proposals_end(d, p, JOURNAL_PROPOSAL_LAPSED, &d->self, why, reply);
		return;
	}
	if (proposal_way_read(&w, p)) {
		reply_refuse(reply, "change p%lld cannot be read", (long long)p->number);
		return;
	}
	if (approvers_of(d, p, names) < w.policy.approvals) {
		reply->result = proposal_json(d, p, false);
		reply->exit = EK_EXIT_AWAITS_APPROVAL;
		return;
	}
	if (pipeline_is_free(d, reply))
		bring(r, &run, text, &w, reply);
	if (run.stopped) {
		const char *reason = reason_of(&run, reply);

		snprintf(why, sizeof(why), "%s", reason);
		if (proposals_end(d, p, JOURNAL_PROPOSAL_LAPSED, &d->self, why, reply))
			reply_message(reply, "change p%lld has lapsed: propose it again",
				      (long long)p->number);
	} else if (!run.number && reply->exit) {
		reply_message(reply,
			      "change p%lld has its approvals and still waits: evenkeel "
			      "approve p%lld tries again",
			      (long long)p->number, (long long)p->number);
	}
}
