// SPDX-License-Identifier: GPL-2.0
/* The change under way. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

int journal_change(struct journal *j, struct journal_change *out)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "SELECT revision, base, phase, watch_until, confirm_until,"
				  " boot, reason FROM change");

	err = err ?: journal_step_row(j, s);
	if (err)
		return err;
	*out = (struct journal_change){
		.revision = sqlite3_column_int64(s, 0),
		.base = sqlite3_column_int64(s, 1),
		.phase = (enum journal_phase)sqlite3_column_int(s, 2),
		.watch_until_ms = sqlite3_column_int64(s, 3),
		.confirm_until_ms = sqlite3_column_int64(s, 4),
	};
	journal_column_copy(s, 5, out->boot, sizeof(out->boot));
	journal_column_copy(s, 6, out->reason, sizeof(out->reason));
	return 0;
}

int journal_change_store(struct journal *j, const struct journal_change *c)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "INSERT OR REPLACE INTO change (one, revision, base, phase,"
				  " watch_until, confirm_until, boot, reason)"
				  " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, c->revision) || sqlite3_bind_int64(s, 2, c->base) ||
	    sqlite3_bind_int(s, 3, c->phase) || sqlite3_bind_int64(s, 4, c->watch_until_ms) ||
	    sqlite3_bind_int64(s, 5, c->confirm_until_ms) ||
	    sqlite3_bind_text(s, 6, c->boot, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 7, c->reason, -1, SQLITE_STATIC))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

int journal_change_forget(struct journal *j, int64_t revision)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s, "DELETE FROM change WHERE revision = ?1");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, revision))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

int journal_change_set(struct journal *j, const struct journal_change *change, const char *text,
		       int64_t now)
{
	static const char *const kinds[] = { "stage", "watch", "held" };
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	err = journal_change_store(j, change);
	err = err ?: journal_tell(j, change->revision, kinds[change->phase], text, now);
	return journal_end_transaction(j, err);
}
