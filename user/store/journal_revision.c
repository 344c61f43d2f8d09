/* SPDX-License-Identifier: GPL-2.0 */
/* Revisions: proposed, decided, listed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/audit_chain.h"
#include "lib/cleanup.h"
#include "store/journal_db.h"

const char *journal_state_name(enum journal_state state)
{
	switch (state) {
	case JOURNAL_APPLYING:
		return "applying";
	case JOURNAL_IN_FORCE:
		return "in force";
	case JOURNAL_REPLACED:
		return "replaced";
	case JOURNAL_FAILED:
		return "failed";
	case JOURNAL_ROLLED_BACK:
		return "rolled back";
	}
	return "unknown";
}

void journal_revision_release(struct journal_revision *r)
{
	free(r->text);
	r->text = NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int revision_insert(struct journal *j, const char *text, const char *hash,
			   const struct journal_actor *actor, int64_t now)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "INSERT INTO revision"
				  " (state, time, hash, text, uid, pid, user, command, origin)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

	if (err)
		return err;
	if (sqlite3_bind_int(s, 1, JOURNAL_APPLYING) || sqlite3_bind_int64(s, 2, now) ||
	    sqlite3_bind_text(s, 3, hash, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 4, text, -1, SQLITE_STATIC) || journal_bind_actor(s, 5, actor))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

int journal_begin(struct journal *j, const char *text, const char *change,
		  const struct journal_actor *actor, int64_t now, int64_t *number)
{
	char hash[SHA256_TEXT_SIZE];
	struct journal_entry e = {
		.kind = "proposed",
		.text = change,
		.content = hash,
		.time = now,
	};
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	sha256_text(hash, text, strlen(text));
	err = revision_insert(j, text, hash, actor, now);
	e.revision = sqlite3_last_insert_rowid(j->db);
	err = err ?: journal_append(j, actor, &e);
	err = journal_end_transaction(j, err);
	if (!err)
		*number = e.revision;
	return err;
}

/* Moves revision `number` (0: any) from one state to another and stamps it. */
static int revision_move(struct journal *j, int64_t number, enum journal_state from,
			 enum journal_state to, const char *detail, int64_t now)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "UPDATE revision SET state = ?1, detail = ?2, ended = ?3"
				  " WHERE state = ?4 AND ?5 IN (0, number)");

	if (err)
		return err;
	if (sqlite3_bind_int(s, 1, to) || sqlite3_bind_text(s, 2, detail, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int64(s, 3, now) || sqlite3_bind_int(s, 4, from) ||
	    sqlite3_bind_int64(s, 5, number))
		return journal_failed(j, "journal");
	err = journal_step_done(j, s);
	if (err || number == 0 || sqlite3_changes(j->db) == 1)
		return err;
	snprintf(j->error, sizeof(j->error), "journal: revision %lld is not %s", (long long)number,
		 journal_state_name(from));
	return -ENOENT;
}

int journal_tell(struct journal *j, int64_t number, const char *kind, const char *text, int64_t now)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	struct journal_actor actor = {};
	char hash[SHA256_TEXT_SIZE];
	const struct journal_entry e = {
		.kind = kind,
		.text = text,
		.content = hash,
		.revision = number,
		.time = now,
	};
	int err = journal_prepare(j, &s,
				  "SELECT hash, uid, pid, user, command, origin FROM revision"
				  " WHERE number = ?1");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, number) || sqlite3_step(s) != SQLITE_ROW)
		return journal_failed(j, "journal");
	journal_column_copy(s, 0, hash, sizeof(hash));
	journal_column_actor(s, 1, &actor);
	return journal_append(j, &actor, &e);
}

int journal_fail(struct journal *j, int64_t number, const char *why, int64_t now)
{
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	err = revision_move(j, number, JOURNAL_APPLYING, JOURNAL_FAILED, why, now);
	if (!err)
		err = journal_tell(j, number, "failed", why, now);
	err = err ?: journal_change_forget(j, number);
	return journal_end_transaction(j, err);
}

static int good_set(struct journal *j, int64_t number, int64_t now)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(
		j, &s, "UPDATE revision SET good = ?1 WHERE number = ?2 AND good IS NULL");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, now) || sqlite3_bind_int64(s, 2, number))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

static int revision_good(struct journal *j, int64_t number, const char *why, int64_t now)
{
	int err = good_set(j, number, now);

	if (!err && sqlite3_changes(j->db))
		err = journal_tell(j, number, "known good", why, now);
	return err ?: journal_change_forget(j, number);
}

int journal_good(struct journal *j, int64_t number, const char *why, int64_t now)
{
	int err = journal_begin_transaction(j);

	return err ?: journal_end_transaction(j, revision_good(j, number, why, now));
}

int journal_commit(struct journal *j, int64_t number, const char *good,
		   const struct journal_change *watch, int64_t now)
{
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	err = revision_move(j, 0, JOURNAL_IN_FORCE, JOURNAL_REPLACED, "", now);
	if (!err)
		err = revision_move(j, number, JOURNAL_APPLYING, JOURNAL_IN_FORCE, "", now);
	if (!err)
		err = journal_tell(j, number, "in force", "", now);
	if (!err && good)
		err = revision_good(j, number, good, now);
	else if (!err && watch)
		err = journal_change_store(j, watch);
	return journal_end_transaction(j, err);
}

/* The new revision with the old content: in force and good at once, for it was that before. */
static int revision_revive(struct journal *j, int64_t base, int64_t undone,
			   const struct journal_actor *actor, int64_t now, int64_t *number)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	char text[64];
	int err = journal_prepare(j, &s,
				  "INSERT INTO revision (state, time, ended, good, hash, text,"
				  " uid, pid, user, command, origin)"
				  " SELECT ?1, ?2, ?2, ?2, hash, text, ?3, ?4, ?5, ?6, ?7"
				  " FROM revision WHERE number = ?8");

	if (err)
		return err;
	if (sqlite3_bind_int(s, 1, JOURNAL_IN_FORCE) || sqlite3_bind_int64(s, 2, now) ||
	    journal_bind_actor(s, 3, actor) || sqlite3_bind_int64(s, 8, base))
		return journal_failed(j, "journal");
	err = journal_step_done(j, s);
	if (err)
		return err;
	*number = sqlite3_last_insert_rowid(j->db);
	snprintf(text, sizeof(text), "as revision %lld, instead of %lld", (long long)base,
		 (long long)undone);
	return journal_tell(j, *number, "in force", text, now);
}

int journal_roll_back(struct journal *j, int64_t number, int64_t base, const char *why,
		      const struct journal_actor *actor, int64_t now, int64_t *now_in_force)
{
	int64_t revived = base;
	int err = journal_begin_transaction(j), was_in_force;

	if (err)
		return err;
	err = revision_move(j, number, JOURNAL_IN_FORCE, JOURNAL_ROLLED_BACK, why, now);
	was_in_force = !err;
	if (err == -ENOENT)
		err = revision_move(j, number, JOURNAL_APPLYING, JOURNAL_ROLLED_BACK, why, now);
	err = err ?: journal_tell(j, number, "rolled back", why, now);
	if (!err && was_in_force)
		err = revision_revive(j, base, number, actor, now, &revived);
	err = err ?: journal_change_forget(j, number);
	err = journal_end_transaction(j, err);
	if (!err)
		*now_in_force = revived;
	return err;
}

/* Was it being staged? Then it has had its slots, and is rolled back. */
static int interrupted_end(struct journal *j, int64_t number, int64_t now)
{
	static const char staged[] = "evenkeeld ended while it was being staged";
	struct journal_change change;
	int64_t in_force;
	int err = journal_change(j, &change);

	if (err == -ENOENT || (!err && change.revision != number))
		return journal_fail(j, number, "evenkeeld ended while applying it", now);
	return err
		       ?: journal_roll_back(j, number, change.base, staged,
					    &(struct journal_actor){ .user = "evenkeeld" }, now,
					    &in_force);
}

int journal_fail_interrupted(struct journal *j)
{
	int64_t number = 0;
	int err = 0;

	while (!err) {
		_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;

		err = journal_prepare(j, &s, "SELECT number FROM revision WHERE state = ?1");
		if (err || sqlite3_bind_int(s, 1, JOURNAL_APPLYING))
			return err ?: journal_failed(j, "journal");
		if (sqlite3_step(s) != SQLITE_ROW)
			return 0;
		number = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
		err = interrupted_end(j, number, time(NULL));
	}
	return err;
}
