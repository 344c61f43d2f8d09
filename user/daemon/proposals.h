/* SPDX-License-Identifier: GPL-2.0 */
/* Changes that wait until others have agreed (docs/changes.md): stored, approved, brought into force,
 * or lapsed. */
#ifndef EVENKEEL_DAEMON_PROPOSALS_H
#define EVENKEEL_DAEMON_PROPOSALS_H

#include "daemon/change.h"
#include "daemon/gating.h"
#include "lib/approval.h"
#include "store/journal_proposal.h"

/* A change that was agreed to, on its way. */
struct proposal_run {
	const struct journal_proposal *proposal;
	const char *approvers;             /* "ada, bob" */
	const struct journal_actor *actor; /* who gave the last approval */
	bool stopped;               /* the gates stand against it now, or it is another plan, */
	char why[APPROVAL_WHY_MAX]; /* if so, why; else said in the reply */
	int64_t number;             /* of its revision, once it has one */
};

/* Forgets nothing: those that wait are in the journal. Lets approvers connect. */
int proposals_open(struct daemon *d);
void proposals_close(struct proposals *p);

/* Does the policy in force ask others about changes? */
bool proposals_asked(const struct daemon *d);

/* A change that has passed its gates. */
struct proposal_change {
	struct request *request;
	const char *text; /* canonical */
	const char *summary;
	const char *file; /* NULL: none */
	const struct config *config;
	const struct gate_seen *seen;
	const struct change_options *options;
};
/* True if it may go on: nobody is to be asked, or all have agreed to what it is now. Else it waits from now on,
 * and the reply says for whom; or it is refused. */
bool proposals_pass(struct daemon *d, const struct proposal_change *c, struct reply *reply);
/* It has a revision. */
void proposals_begun(struct daemon *d, struct proposal_run *run, int64_t number);

/* Brings it into force if enough have agreed; else says who is missing. Ends it if it has lapsed. */
void proposals_go(struct request *r, const struct journal_proposal *p, struct reply *reply);
/* True, with the reason, if it is not what was agreed to any more. *text: what it is now, allocated; NULL: not
 * asked for. */
bool proposals_lapsed(const struct daemon *d, const struct journal_proposal *p, char **text,
		      char why[static APPROVAL_WHY_MAX]);
/* Ends it, with an event. False, and the reply says so, if the journal cannot be written. */
bool proposals_end(struct daemon *d, const struct journal_proposal *p,
		   enum journal_proposal_state state, const struct journal_actor *actor,
		   const char *why, struct reply *reply);

/* Each second: what has lapsed ends. */
void proposals_tick(struct daemon *d);

/* How it is to be done, and whom it waits for: as it was proposed. */
struct proposal_way {
	struct config_policy policy;
	unsigned int forced;
	char reason[256], file[128];
	struct change_options options;
	json_t *removed; /* borrowed from json */
	json_t *json;    /* owned */
};
int proposal_way_read(struct proposal_way *out, const struct journal_proposal *p);
void proposal_way_release(struct proposal_way *w);

/* How many wait. */
size_t proposals_waiting(const struct daemon *d);
/* For answers; `whole`: with its plan and text. */
json_t *proposal_json(const struct daemon *d, const struct journal_proposal *p, bool whole);

#endif
