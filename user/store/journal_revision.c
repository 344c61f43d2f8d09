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

/* The event about a revision that has moved: by whoever proposed it. */
static int revision_tell(struct journal *j, int64_t number, const char *kind, const char *text,
			 int64_t now)
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
		err = revision_tell(j, number, "failed", why, now);
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

	if (err || !sqlite3_changes(j->db))
		return err;
	return revision_tell(j, number, "known good", why, now);
}

int journal_good(struct journal *j, int64_t number, const char *why, int64_t now)
{
	int err = journal_begin_transaction(j);

	return err ?: journal_end_transaction(j, revision_good(j, number, why, now));
}

int journal_commit(struct journal *j, int64_t number, const char *good, int64_t now)
{
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	err = revision_move(j, 0, JOURNAL_IN_FORCE, JOURNAL_REPLACED, "", now);
	if (!err)
		err = revision_move(j, number, JOURNAL_APPLYING, JOURNAL_IN_FORCE, "", now);
	if (!err)
		err = revision_tell(j, number, "in force", "", now);
	if (!err && good)
		err = revision_good(j, number, good, now);
	return journal_end_transaction(j, err);
}

int journal_fail_interrupted(struct journal *j)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int64_t now = time(NULL), number;
	int err = 0;

	while (!err) {
		err = journal_prepare(j, &s, "SELECT number FROM revision WHERE state = ?1");
		if (err || sqlite3_bind_int(s, 1, JOURNAL_APPLYING))
			return err ?: journal_failed(j, "journal");
		if (sqlite3_step(s) != SQLITE_ROW)
			return 0;
		number = sqlite3_column_int64(s, 0);
		sqlite3_finalize(s);
		s = NULL;
		err = journal_fail(j, number, "evenkeeld ended while applying it", now);
	}
	return err;
}

/* ---- reading -------------------------------------------------------------------------------- */

#define REVISION_COLUMNS "number, state, time, hash, uid, pid, user, command, origin, detail, good"

static void revision_read(sqlite3_stmt *s, struct journal_revision *out)
{
	*out = (struct journal_revision){
		.number = sqlite3_column_int64(s, 0),
		.state = (enum journal_state)sqlite3_column_int(s, 1),
		.time = sqlite3_column_int64(s, 2),
		.good = sqlite3_column_int64(s, 10),
	};
	journal_column_copy(s, 3, out->hash, sizeof(out->hash));
	journal_column_actor(s, 4, &out->actor);
	journal_column_copy(s, 9, out->detail, sizeof(out->detail));
}

/* The one row of a statement whose one parameter is `parameter`, with its text. */
static int revision_one(struct journal *j, const char *sql, int64_t parameter,
			struct journal_revision *out)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	const unsigned char *text;
	char *copy;
	int rc, err = journal_prepare(j, &s, sql);

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, parameter))
		return journal_failed(j, "journal");
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return -ENOENT;
	if (rc != SQLITE_ROW)
		return journal_failed(j, "journal");
	text = sqlite3_column_text(s, 11);
	copy = text ? strdup((const char *)text) : NULL;
	if (!copy)
		return -ENOMEM;
	revision_read(s, out);
	out->text = copy;
	return 0;
}

int journal_in_force(struct journal *j, struct journal_revision *out)
{
	return revision_one(j, "SELECT " REVISION_COLUMNS ", text FROM revision WHERE state = ?1",
			    JOURNAL_IN_FORCE, out);
}

int journal_revision(struct journal *j, int64_t number, struct journal_revision *out)
{
	return revision_one(j, "SELECT " REVISION_COLUMNS ", text FROM revision WHERE number = ?1",
			    number, out);
}

int journal_good_before(struct journal *j, int64_t number, struct journal_revision *out)
{
	return revision_one(j,
			    "SELECT " REVISION_COLUMNS ", text FROM revision"
			    " WHERE number < ?1 AND good IS NOT NULL AND hash IS NOT"
			    " (SELECT hash FROM revision WHERE number = ?1)"
			    " ORDER BY number DESC LIMIT 1",
			    number, out);
}

int journal_revisions(struct journal *j, size_t limit, struct journal_revision **out, size_t *count)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	_cleanup_(free_ptr) struct journal_revision *list = NULL;
	size_t n = 0, capacity = 0;
	int rc, err = journal_prepare(j, &s,
				      "SELECT " REVISION_COLUMNS
				      " FROM revision ORDER BY number DESC LIMIT ?1");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, (sqlite3_int64)limit))
		return journal_failed(j, "journal");
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (n == capacity) {
			size_t more = capacity ? 2 * capacity : 16;
			struct journal_revision *grown = reallocarray(list, more, sizeof(*list));

			if (!grown)
				return -ENOMEM;
			list = grown;
			capacity = more;
		}
		revision_read(s, &list[n++]);
	}
	if (rc != SQLITE_DONE)
		return journal_failed(j, "journal");
	*out = take_ptr(list);
	*count = n;
	return 0;
}
