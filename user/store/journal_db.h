/* SPDX-License-Identifier: GPL-2.0 */
/* What the journal's files share: the handle and thin wrappers of SQLite. */
#ifndef EVENKEEL_STORE_JOURNAL_DB_H
#define EVENKEEL_STORE_JOURNAL_DB_H

#include <sqlite3.h>

#include "store/journal.h"

struct journal {
	sqlite3 *db;
	int lock_fd;
	char error[JOURNAL_ERROR_MAX];
};

/* Keeps SQLite's error text as "WHAT: text" and returns -errno for its code. */
int journal_failed(struct journal *j, const char *what);

/* Runs statements without parameters or results. */
int journal_run(struct journal *j, const char *sql);

/* Prepares one statement; the caller finalizes it (journal_finalize with _cleanup_). */
int journal_prepare(struct journal *j, sqlite3_stmt **out, const char *sql);
static inline void journal_finalize(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}

/* Steps a statement to its one row; -ENOENT: there is none. */
int journal_step_row(struct journal *j, sqlite3_stmt *s);
/* Steps a statement that gives no rows. */
int journal_step_done(struct journal *j, sqlite3_stmt *s);

/* All between the two is on disk, or nothing. The end takes what went wrong so far, and returns it
 * or what else does. */
int journal_begin_transaction(struct journal *j);
int journal_end_transaction(struct journal *j, int err);

/* Makes the tables, or brings those of an older evenkeeld to what this one knows. */
int journal_schema(struct journal *j);
/* A daemon died between proposing and deciding: what it left is marked as failed. */
int journal_fail_interrupted(struct journal *j);

/* Appends an event within the transaction under way. `revision` 0: it is about none; `content`: a
 * configuration's hash, or "". */
struct journal_entry {
	const char *kind, *text, *content;
	int64_t revision, time;
};
int journal_append(struct journal *j, const struct journal_actor *who,
		   const struct journal_entry *e);
/* The event about a revision: by whoever proposed it. */
int journal_tell(struct journal *j, int64_t number, const char *kind, const char *text,
		 int64_t now);
/* The change under way: stored, or forgotten if it is of that revision. */
int journal_change_store(struct journal *j, const struct journal_change *change);
int journal_change_forget(struct journal *j, int64_t revision);

/* Chains the events that an older evenkeeld left without hashes. */
int journal_chain_old(struct journal *j);

/* Binds an actor to five parameters from `first` on: uid, pid, user, command, origin. */
int journal_bind_actor(sqlite3_stmt *s, int first, const struct journal_actor *actor);
/* Reads it back from five columns from `first` on. */
void journal_column_actor(sqlite3_stmt *s, int first, struct journal_actor *out);

/* Copies a text column into a field of fixed size, cut at its end if need be. */
void journal_column_copy(sqlite3_stmt *s, int column, char *out, size_t size);

#endif
