/* SPDX-License-Identifier: GPL-2.0 */
/* Changes that wait for approvals, and who has given one. Each step is one transaction with its event. */
#ifndef EVENKEEL_STORE_JOURNAL_PROPOSAL_H
#define EVENKEEL_STORE_JOURNAL_PROPOSAL_H

#include "store/journal.h"

enum journal_proposal_state {
	JOURNAL_PROPOSAL_WAITS,
	JOURNAL_PROPOSAL_WENT_ON, /* as a revision */
	JOURNAL_PROPOSAL_LAPSED,
	JOURNAL_PROPOSAL_REJECTED, /* or withdrawn */
};
const char *journal_proposal_state_name(enum journal_proposal_state state);

struct journal_proposal {
	int64_t number; /* from 1; not a revision's */
	enum journal_proposal_state state;
	int64_t time;     /* unix seconds when proposed */
	int64_t base;     /* the revision that it was made of */
	int64_t revision; /* that it became; 0: none */
	int64_t until;    /* unix seconds, for people */
	int64_t until_ms; /* CLOCK_BOOTTIME of the boot with that id */
	char boot[40];
	char content[65]; /* hash that approvals are bound to */
	char people[128]; /* uids of those behind it */
	char detail[256]; /* why it ended; "" while it waits */
	struct journal_actor actor;
	/* Owned texts. */
	char *text;   /* canonical configuration */
	char *way;    /* how it is to be done, JSON */
	char *shares; /* what the plan said, JSON */
	char *plan;   /* for people */
	char *change; /* what it changes, in a line */
};
void journal_proposal_release(struct journal_proposal *p);

/* Stores it as waiting; its number, state and times of writing are filled in. */
int journal_propose(struct journal *j, struct journal_proposal *p, int64_t now);
/* That one. -ENOENT: there is none. */
int journal_proposal(struct journal *j, int64_t number, struct journal_proposal *out);
/* Numbers of those that wait, oldest first. *out allocated. */
int journal_proposals(struct journal *j, int64_t **out, size_t *count);
/* It ends: as `revision`, or as nothing. -ENOENT: it does not wait any more. */
int journal_proposal_end(struct journal *j, const struct journal_proposal *p,
			 enum journal_proposal_state state, const struct journal_actor *actor,
			 const char *why, int64_t revision, int64_t now);

struct journal_approval {
	int64_t time;
	bool is_signed;
	char people[128]; /* else: uids, its own first */
	char name[128], key[96];
	struct journal_actor actor; /* who brought it */
};
int journal_approve(struct journal *j, const struct journal_proposal *p,
		    const struct journal_approval *a, int64_t now);
/* Oldest first. *out allocated. */
int journal_approvals(struct journal *j, int64_t number, struct journal_approval **out,
		      size_t *count);

#endif
