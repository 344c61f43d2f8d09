/* SPDX-License-Identifier: GPL-2.0 */
/* Revisions: proposed, decided, listed. */
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

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

static void hash_text(char out[static 65], const char *text)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, strlen(text), (const uint8_t *)text);
	sha256_digest(&sha, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

int journal_begin(struct journal *j, const char *text, const struct journal_actor *actor,
		  int64_t now, int64_t *number)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	char hash[65];
	int err = journal_prepare(j, &s,
				  "INSERT INTO revision"
				  " (state, time, hash, text, uid, pid, user, command)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");

	if (err)
		return err;
	hash_text(hash, text);
	if (sqlite3_bind_int(s, 1, JOURNAL_APPLYING) || sqlite3_bind_int64(s, 2, now) ||
	    sqlite3_bind_text(s, 3, hash, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 4, text, -1, SQLITE_STATIC) || journal_bind_actor(s, 5, actor))
		return journal_failed(j, "journal");
	err = journal_step_done(j, s);
	if (!err)
		*number = sqlite3_last_insert_rowid(j->db);
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

int journal_commit(struct journal *j, int64_t number, int64_t now)
{
	int err = journal_run(j, "BEGIN IMMEDIATE");

	if (err)
		return err;
	err = revision_move(j, 0, JOURNAL_IN_FORCE, JOURNAL_REPLACED, "", now);
	if (!err)
		err = revision_move(j, number, JOURNAL_APPLYING, JOURNAL_IN_FORCE, "", now);
	if (!err)
		err = journal_run(j, "COMMIT");
	if (err)
		sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

int journal_fail(struct journal *j, int64_t number, const char *why, int64_t now)
{
	return revision_move(j, number, JOURNAL_APPLYING, JOURNAL_FAILED, why, now);
}

/* ---- reading -------------------------------------------------------------------------------- */

#define REVISION_COLUMNS "number, state, time, hash, uid, pid, user, command, detail"

static void revision_read(sqlite3_stmt *s, struct journal_revision *out)
{
	*out = (struct journal_revision){
		.number = sqlite3_column_int64(s, 0),
		.state = (enum journal_state)sqlite3_column_int(s, 1),
		.time = sqlite3_column_int64(s, 2),
	};
	journal_column_copy(s, 3, out->hash, sizeof(out->hash));
	journal_column_actor(s, 4, &out->actor);
	journal_column_copy(s, 8, out->detail, sizeof(out->detail));
}

int journal_in_force(struct journal *j, struct journal_revision *out)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	const unsigned char *text;
	char *copy;
	int rc, err = journal_prepare(
			j, &s, "SELECT " REVISION_COLUMNS ", text FROM revision WHERE state = ?1");

	if (err)
		return err;
	if (sqlite3_bind_int(s, 1, JOURNAL_IN_FORCE))
		return journal_failed(j, "journal");
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return -ENOENT;
	if (rc != SQLITE_ROW)
		return journal_failed(j, "journal");
	text = sqlite3_column_text(s, 9);
	copy = text ? strdup((const char *)text) : NULL;
	if (!copy)
		return -ENOMEM;
	revision_read(s, out);
	out->text = copy;
	return 0;
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
