// SPDX-License-Identifier: GPL-2.0
/* Drains by hand: an overlay over every revision. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

static int bind_names(struct journal *j, sqlite3_stmt *s, const struct journal_drain *d)
{
	if (sqlite3_bind_text(s, 1, d->service, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 2, d->backend, -1, SQLITE_STATIC))
		return journal_failed(j, "journal");
	return 0;
}

static int drain_insert(struct journal *j, const struct journal_drain *d)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "INSERT OR IGNORE INTO drain (service, backend, address, time,"
				  " uid, pid, user, command, origin)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

	err = err ?: bind_names(j, s, d);
	if (err)
		return err;
	if (sqlite3_bind_text(s, 3, d->address, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int64(s, 4, d->time) || journal_bind_actor(s, 5, &d->actor))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

static int drain_delete(struct journal *j, const struct journal_drain *d)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s, "DELETE FROM drain WHERE service = ?1 AND backend = ?2");

	err = err ?: bind_names(j, s, d);
	return err ?: journal_step_done(j, s);
}

static int drain_set(struct journal *j, const struct journal_drain *d, bool on, const char *why)
{
	char text[256];
	const struct journal_entry e = {
		.kind = on ? "drain" : "undrain",
		.text = text,
		.content = "",
		.time = d->time,
	};
	int err = on ? drain_insert(j, d) : drain_delete(j, d);

	if (err || !sqlite3_changes(j->db))
		return err;
	snprintf(text, sizeof(text), "%s/%s %s: %s", d->service, d->backend, d->address, why);
	return journal_append(j, &d->actor, &e);
}

int journal_drains_set(struct journal *j, const struct journal_drain *drains, size_t count, bool on,
		       const char *why)
{
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	for (size_t i = 0; !err && i < count; i++)
		err = drain_set(j, &drains[i], on, why);
	return journal_end_transaction(j, err);
}

static void drain_read(sqlite3_stmt *s, struct journal_drain *out)
{
	*out = (struct journal_drain){ .time = sqlite3_column_int64(s, 3) };
	journal_column_copy(s, 0, out->service, sizeof(out->service));
	journal_column_copy(s, 1, out->backend, sizeof(out->backend));
	journal_column_copy(s, 2, out->address, sizeof(out->address));
	journal_column_actor(s, 4, &out->actor);
}

int journal_drains(struct journal *j, struct journal_drain **out, size_t *count)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	_cleanup_(free_ptr) struct journal_drain *list = NULL;
	size_t n = 0;
	int rc, err = journal_prepare(j, &s,
				      "SELECT service, backend, address, time, uid, pid, user,"
				      " command, origin FROM drain ORDER BY service, backend");

	if (err)
		return err;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct journal_drain *grown = reallocarray(list, n + 1, sizeof(*list));

		if (!grown)
			return -ENOMEM;
		list = grown;
		drain_read(s, &list[n++]);
	}
	if (rc != SQLITE_DONE)
		return journal_failed(j, "journal");
	*out = take_ptr(list);
	*count = n;
	return 0;
}
