// SPDX-License-Identifier: GPL-2.0
/* Revisions: looked up, listed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

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
	int err = journal_prepare(j, &s, sql);

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, parameter))
		return journal_failed(j, "journal");
	err = journal_step_row(j, s);
	if (err)
		return err;
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
