// SPDX-License-Identifier: GPL-2.0
/* approve, reject, proposals: changes that wait until others have agreed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/approvers.h"
#include "daemon/origin.h"
#include "daemon/proposals.h"
#include "lib/cleanup.h"

static void release(struct journal_proposal *p)
{
	journal_proposal_release(p);
}

static bool find(struct request *r, json_int_t number, struct journal_proposal *out,
		 struct reply *reply)
{
	int err = journal_proposal(r->daemon->journal, number, out);

	if (err)
		reply_refuse(reply, "there is no change p%lld: %s", (long long)number,
			     err == -ENOENT ? "evenkeel proposals lists those that wait"
					    : journal_error(r->daemon->journal));
	return !err;
}

static bool find_waiting(struct request *r, json_int_t number, struct journal_proposal *out,
			 struct reply *reply)
{
	if (!find(r, number, out, reply))
		return false;
	if (out->state == JOURNAL_PROPOSAL_WAITS)
		return true;
	reply_refuse(reply, "change p%lld does not wait any more: it %s%s: %s", (long long)number,
		     out->state == JOURNAL_PROPOSAL_REJECTED ? "was " : "",
		     journal_proposal_state_name(out->state), out->detail);
	return false;
}

/* ---- who ------------------------------------------------------------------------------------- */

static size_t people_of(const struct journal_proposal *p,
			struct approval_person people[static APPROVAL_PEOPLE_MAX])
{
	uint32_t uids[APPROVAL_PEOPLE_MAX];
	size_t count = approval_uids(p->people, uids, APPROVAL_PEOPLE_MAX);

	for (size_t i = 0; i < count; i++) {
		people[i].uid = uids[i];
		approvers_name(uids[i], people[i].user);
	}
	return count;
}

static bool refuse(const struct journal_proposal *p, const struct proposal_way *w,
		   const struct approval *a, enum approval_verdict verdict, struct reply *reply)
{
	switch (verdict) {
	case APPROVAL_COUNTS:
		return false;
	case APPROVAL_ROOT:
		reply_refuse(reply, "uid 0 cannot approve: it says nothing of who that is; approve "
				    "as yourself, or with --signature");
		break;
	case APPROVAL_PROPOSER:
		reply_refuse(reply,
			     "%s cannot approve: change p%lld was proposed by %s, and somebody "
			     "else must agree",
			     a->name, (long long)p->number, p->actor.user);
		break;
	case APPROVAL_STRANGER:
		reply_refuse(reply, "%s (uid %u) cannot approve: %s%s", a->name, a->uids[0],
			     *w->policy.group ? "not in group "
					      : "the policy in force asks for "
						"signatures",
			     w->policy.group);
		break;
	case APPROVAL_AGAIN:
		reply_refuse(reply, "%s has approved change p%lld already: somebody else must, too",
			     a->name, (long long)p->number);
		break;
	}
	return true;
}

/* ---- approve --------------------------------------------------------------------------------- */

/* Every name of the key must be somebody else's; the first one is what is kept. */
static enum approval_verdict judge(const struct daemon *d, const struct journal_proposal *p,
				   const struct proposal_way *w, const struct signer *signer,
				   struct approval *a)
{
	struct approval_person people[APPROVAL_PEOPLE_MAX];
	size_t people_count = people_of(p, people), count = 0;
	_cleanup_(free_ptr) struct journal_approval *list = NULL;
	_cleanup_(free_ptr) struct approval *given = NULL;
	bool member = a->uid_count && approvers_has(w->policy.group, a->uids[0]);
	enum approval_verdict verdict = APPROVAL_STRANGER;

	if (journal_approvals(d->journal, p->number, &list, &count))
		return verdict;
	given = calloc(count + 1, sizeof(*given));
	for (size_t i = 0; given && i < count; i++) {
		given[i].is_signed = list[i].is_signed;
		given[i].uid_count =
			approval_uids(list[i].people, given[i].uids, APPROVAL_PEOPLE_MAX);
		memcpy(given[i].name, list[i].name, sizeof(given[i].name));
		memcpy(given[i].key, list[i].key, sizeof(given[i].key));
	}
	for (size_t i = signer ? signer->count : 1; given && i-- > 0;) {
		if (signer)
			memcpy(a->name, signer->names[i], sizeof(a->name));
		verdict = approval_judge(a, member, people, people_count, given, count);
		if (verdict != APPROVAL_COUNTS)
			break;
	}
	return verdict;
}

/* By a signature, or by whom the kernel names. */
static bool approver_find(const struct request *r, const struct journal_proposal *p,
			  const struct proposal_way *w, const char *signature,
			  struct signer *signer, struct approval *a, struct reply *reply)
{
	struct config_policy files = w->policy;
	char why[APPROVERS_WHY_MAX];

	*a = (struct approval){};
	a->uid_count = origin_people(&r->actor, a->uids, APPROVAL_PEOPLE_MAX);
	snprintf(a->name, sizeof(a->name), "%s", r->actor.user);
	if (!signature)
		return true;
	files.group[0] = '\0';
	if (!*w->policy.signers) {
		reply_refuse(reply, "the policy in force names no file of signers");
		return false;
	}
	if (approvers_check(&files, why) ||
	    signature_verify(signer, why, w->policy.signers, p->content, signature)) {
		reply_refuse(reply, "%s", why);
		return false;
	}
	*a = (struct approval){ .is_signed = true };
	memcpy(a->key, signer->key, sizeof(a->key));
	return true;
}

static bool keep(struct request *r, const struct journal_proposal *p, const struct approval *a,
		 struct reply *reply)
{
	struct journal_approval kept = {
		.is_signed = a->is_signed,
		.actor = r->actor,
	};

	approval_uids_text(kept.people, sizeof(kept.people), a->uids, a->uid_count);
	memcpy(kept.name, a->name, sizeof(kept.name));
	memcpy(kept.key, a->key, sizeof(kept.key));
	if (!journal_approve(r->daemon->journal, p, &kept, clock_wall_s()))
		return true;
	reply_refuse(reply, "it is not approved: the journal cannot be written: %s",
		     journal_error(r->daemon->journal));
	return false;
}

/* Are all there? Then who has approved may try again what could not begin. */
static bool is_complete(const struct daemon *d, const struct journal_proposal *p,
			const struct proposal_way *w)
{
	_cleanup_(free_ptr) struct journal_approval *list = NULL;
	size_t count = 0;

	return !journal_approvals(d->journal, p->number, &list, &count) &&
	       count >= w->policy.approvals;
}

void request_approve(struct request *r, struct reply *reply)
{
	_cleanup_(release) struct journal_proposal p = {};
	_cleanup_(proposal_way_release) struct proposal_way w = {};
	enum approval_verdict verdict;
	struct signer signer = {};
	const char *signature = NULL;
	json_int_t number = 0;
	struct approval a;

	if (!request_arguments(r, reply, "{s:I, s?s}", "proposal", &number, "signature",
			       &signature))
		return;
	request_command(r, "approve p%lld", (long long)number);
	origin_find(&r->actor);
	if (!find_waiting(r, number, &p, reply))
		return;
	if (proposal_way_read(&w, &p)) {
		reply_refuse(reply, "change p%lld cannot be read", (long long)number);
		return;
	}
	if (!approver_find(r, &p, &w, signature, &signer, &a, reply))
		return;
	verdict = judge(r->daemon, &p, &w, signature ? &signer : NULL, &a);
	if (verdict == APPROVAL_AGAIN && is_complete(r->daemon, &p, &w)) {
		proposals_go(r, &p, reply);
		return;
	}
	if (refuse(&p, &w, &a, verdict, reply)) {
		/* Who has no say cannot fill the log. */
		if (verdict == APPROVAL_ROOT || verdict == APPROVAL_PROPOSER)
			daemon_event(r->daemon, "not approved", &r->actor, "change p%lld: %s",
				     (long long)number,
				     json_string_value(json_array_get(reply->messages, 0)));
		return;
	}
	if (keep(r, &p, &a, reply))
		proposals_go(r, &p, reply);
}

/* ---- reject ---------------------------------------------------------------------------------- */

static bool may_reject(const struct request *r, const struct journal_proposal *p,
		       const struct proposal_way *w)
{
	struct approval_person people[APPROVAL_PEOPLE_MAX];
	size_t count = people_of(p, people);

	for (size_t i = 0; i < count; i++)
		if (people[i].uid == r->actor.uid)
			return true;
	return !r->actor.uid || approvers_has(w->policy.group, r->actor.uid);
}

void request_reject(struct request *r, struct reply *reply)
{
	_cleanup_(release) struct journal_proposal p = {};
	_cleanup_(proposal_way_release) struct proposal_way w = {};
	const char *reason = NULL;
	json_int_t number = 0;
	char why[256];

	if (!request_arguments(r, reply, "{s:I, s?s}", "proposal", &number, "reason", &reason))
		return;
	request_command(r, "reject p%lld", (long long)number);
	origin_find(&r->actor);
	if (!find_waiting(r, number, &p, reply))
		return;
	if (proposal_way_read(&w, &p) || !may_reject(r, &p, &w)) {
		reply_refuse(reply,
			     "%s (uid %u) cannot reject: root, who proposed it, and those "
			     "who may approve it can",
			     r->actor.user, r->actor.uid);
		return;
	}
	snprintf(why, sizeof(why), "by %s%s%.160s", r->actor.user, reason ? ": " : "",
		 reason ? reason : "");
	if (proposals_end(r->daemon, &p, JOURNAL_PROPOSAL_REJECTED, &r->actor, why, reply))
		reply->result = json_pack("{s:I, s:s}", "proposal", number, "state", "rejected");
}

/* ---- proposals ------------------------------------------------------------------------------- */

void request_proposals(struct request *r, struct reply *reply)
{
	struct daemon *d = r->daemon;
	_cleanup_(free_ptr) int64_t *numbers = NULL;
	json_int_t number = 0;
	size_t count = 0;
	json_t *list;

	if (!request_arguments(r, reply, "{s?I}", "proposal", &number))
		return;
	if (number) {
		_cleanup_(release) struct journal_proposal p = {};

		if (find(r, number, &p, reply))
			reply->result = proposal_json(d, &p, true);
		return;
	}
	if (journal_proposals(d->journal, &numbers, &count)) {
		reply_refuse(reply, "the journal cannot be read: %s", journal_error(d->journal));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		_cleanup_(release) struct journal_proposal p = {};

		if (!journal_proposal(d->journal, numbers[i], &p))
			json_array_append_new(list, proposal_json(d, &p, false));
	}
	reply->result = json_pack("{s:o}", "proposals", list);
}
