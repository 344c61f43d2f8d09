/* SPDX-License-Identifier: GPL-2.0 */
/* The journal: revisions and audit events, durable in SQLite (WAL, synchronous=FULL). What a
 * function here has returned 0 for is on disk. */
#ifndef EVENKEEL_STORE_JOURNAL_H
#define EVENKEEL_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

struct journal;

#define JOURNAL_ERROR_MAX 512

/* Opens or makes STATE_FOLDER/journal.db (folder made with mode 0750 if missing) and holds an
 * exclusive lock on STATE_FOLDER/lock for the life of the process. -EBUSY: another daemon has
 * it; its pid is in `error`. -EPROTO: a newer schema. */
int journal_open(struct journal **out, const char *state_folder,
		 char error[static JOURNAL_ERROR_MAX]);
void journal_close(struct journal *j);

/* What a step of the change pipeline is recorded as. */
enum journal_state {
	JOURNAL_APPLYING, /* written before the data path is touched */
	JOURNAL_IN_FORCE,
	JOURNAL_REPLACED,    /* was in force */
	JOURNAL_FAILED,      /* never came into force */
	JOURNAL_ROLLED_BACK, /* was staged, or in force, and undone */
};
const char *journal_state_name(enum journal_state state); /* "applying", "in force", ... */

/* Who asked: from the socket's peer credentials. */
struct journal_actor {
	uint32_t uid;
	int32_t pid;
	char user[64];     /* name of uid, or the number */
	char command[128]; /* what was asked: "apply web.yaml", "backend drain web web-1" */
	char origin[96];   /* from where: "198.51.100.7, login ada", "this host"; "" if not known */
};

struct journal_revision {
	int64_t number; /* from 1 */
	enum journal_state state;
	int64_t time;  /* unix seconds when proposed */
	char hash[65]; /* SHA-256 of text, hex */
	int64_t good;  /* unix seconds when it passed its watch; 0: it has not */
	char *text;    /* canonical configuration; owned; NULL in listings */
	struct journal_actor actor;
	char detail[256]; /* why it failed; "" otherwise */
};
void journal_revision_release(struct journal_revision *r);

/* Begins a revision: stores it as JOURNAL_APPLYING and gives it the next number. `change` says
 * what it changes, for the event. */
int journal_begin(struct journal *j, const char *text, const char *change,
		  const struct journal_actor *actor, int64_t now, int64_t *number);
/* A change under way: kept, so that a daemon that begins knows what the one before was at. Times are
 * milliseconds of CLOCK_BOOTTIME, which mean something during the boot with that id alone. */
enum journal_phase { JOURNAL_STAGING, JOURNAL_WATCHING, JOURNAL_HELD };
struct journal_change {
	int64_t revision, base; /* what it was made of; 0: nothing */
	enum journal_phase phase;
	char boot[40];
	int64_t watch_until_ms, confirm_until_ms; /* 0: none */
	char reason[256];                         /* why it is held */
};
/* -ENOENT: there is none. */
int journal_change(struct journal *j, struct journal_change *out);
/* A step of it, with its event: from when this returns 0 the step may be taken. */
int journal_change_set(struct journal *j, const struct journal_change *change, const char *text,
		       int64_t now);

/* Ends a revision's way, each in one transaction, with the change under way if it is this one's: in
 * force (the one before becomes replaced), or failed. `good`: why it needs no watch to be known as good;
 * else `watch` is the change that goes on. */
int journal_commit(struct journal *j, int64_t number, const char *good,
		   const struct journal_change *watch, int64_t now);
int journal_fail(struct journal *j, int64_t number, const char *why, int64_t now);
/* It is known to be good: it passed its watch. */
int journal_good(struct journal *j, int64_t number, const char *why, int64_t now);
/* It is undone. One that is in force is replaced by a new revision with the content of `base`, whose
 * number is in *now_in_force; one that was being staged leaves that in force which is. */
int journal_roll_back(struct journal *j, int64_t number, int64_t base, const char *why,
		      const struct journal_actor *actor, int64_t now, int64_t *now_in_force);

/* The revision in force, with text. -ENOENT: none yet. Revisions still "applying" from a
 * daemon that died are marked failed by journal_open(). */
int journal_in_force(struct journal *j, struct journal_revision *out);

/* That one, with text. -ENOENT: there is none. */
int journal_revision(struct journal *j, int64_t number, struct journal_revision *out);

/* The newest revision before `number` that was known to be good and has another content, with text.
 * -ENOENT: there is none. */
int journal_good_before(struct journal *j, int64_t number, struct journal_revision *out);

/* The newest `limit` revisions, newest first, without text. *out allocated. */
int journal_revisions(struct journal *j, size_t limit, struct journal_revision **out,
		      size_t *count);

/* ---- the audit log --------------------------------------------------------------------------- */

/* Appends an event to the chain (lib/audit_chain.h); `kind` is a stable word ("attach", "start",
 * "adopt", "settled"). */
int journal_event(struct journal *j, const char *kind, const struct journal_actor *actor,
		  const char *text, int64_t now);

struct journal_audit {
	int64_t id, time, revision; /* revision 0: it is about none */
	char kind[32];
	struct journal_actor actor;
	char previous[65], hash[65]; /* of the chain */
	char content[65];            /* hash of a configuration, or "" */
	char *text;                  /* owned */
};
/* The newest `limit` events, newest first; or those after number `after`, oldest first. */
int journal_events(struct journal *j, size_t limit, struct journal_audit **out, size_t *count);
int journal_events_after(struct journal *j, int64_t after, size_t limit, struct journal_audit **out,
			 size_t *count);
void journal_events_free(struct journal_audit *events, size_t count);

/* The last event, as the log itself keeps it. id 0: there is none. */
struct journal_head {
	int64_t id;
	char hash[65];
};
int journal_head(struct journal *j, struct journal_head *out);

/* ---- drains by hand -------------------------------------------------------------------------- */

/* Laid over every revision, until it is undone. */
struct journal_drain {
	char service[EK_NAME_MAX + 1], backend[EK_NAME_MAX + 1];
	char address[64]; /* of the backend then: another server of that name is not meant */
	struct journal_actor actor;
	int64_t time;
};
/* *out allocated. */
int journal_drains(struct journal *j, struct journal_drain **out, size_t *count);
/* Begins and ends drains in one transaction, each with its event: `on` of those with that service
 * and backend. What is so already is left as it is. */
int journal_drains_set(struct journal *j, const struct journal_drain *drains, size_t count, bool on,
		       const char *why);

/* The flow hash key: read, or made from `fresh` and stored if there is none yet. If `pinned` is
 * not NULL (an adopted data path), that one is stored and returned: traffic already follows it. */
int journal_key(struct journal *j, const struct ek_key *pinned, struct ek_key fresh,
		struct ek_key *out);

/* Last error text of this journal, for messages; valid until the next call. */
const char *journal_error(const struct journal *j);

#endif
