/* SPDX-License-Identifier: GPL-2.0 */
/* Audit events and the flow hash key. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

int journal_event(struct journal *j, const char *kind, const struct journal_actor *actor,
		  const char *text, int64_t now)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "INSERT INTO event (time, kind, text, uid, pid, user, command)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, now) || sqlite3_bind_text(s, 2, kind, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 3, text, -1, SQLITE_STATIC) || journal_bind_actor(s, 4, actor))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

void journal_events_free(struct journal_audit *events, size_t count)
{
	for (size_t i = 0; events && i < count; i++)
		free(events[i].text);
	free(events);
}

static int event_read(sqlite3_stmt *s, struct journal_audit *out)
{
	const unsigned char *text = sqlite3_column_text(s, 7);

	*out = (struct journal_audit){
		.id = sqlite3_column_int64(s, 0),
		.time = sqlite3_column_int64(s, 1),
		.text = text ? strdup((const char *)text) : NULL,
	};
	journal_column_copy(s, 2, out->kind, sizeof(out->kind));
	journal_column_actor(s, 3, &out->actor);
	return out->text ? 0 : -ENOMEM;
}

/* A list under construction, so that one cleanup frees the texts read so far. */
struct event_list {
	struct journal_audit *entries;
	size_t count, capacity;
};

static void event_list_release(struct event_list *l)
{
	journal_events_free(l->entries, l->count);
}

static int event_list_grow(struct event_list *l)
{
	size_t more = l->capacity ? 2 * l->capacity : 16;
	struct journal_audit *grown;

	if (l->count < l->capacity)
		return 0;
	grown = reallocarray(l->entries, more, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->entries = grown;
	l->capacity = more;
	return 0;
}

int journal_events(struct journal *j, size_t limit, struct journal_audit **out, size_t *count)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	_cleanup_(event_list_release) struct event_list list = {};
	int rc, err = journal_prepare(j, &s,
				      "SELECT id, time, kind, uid, pid, user, command, text"
				      " FROM event ORDER BY id DESC LIMIT ?1");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, (sqlite3_int64)limit))
		return journal_failed(j, "journal");
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		err = event_list_grow(&list);
		if (!err)
			err = event_read(s, &list.entries[list.count]);
		if (err)
			return err;
		list.count++;
	}
	if (rc != SQLITE_DONE)
		return journal_failed(j, "journal");
	*count = list.count;
	*out = take_ptr(list.entries);
	return 0;
}

/* ---- the flow hash key ----------------------------------------------------------------------- */

static int key_store(struct journal *j, const struct ek_key *key)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err =
		journal_prepare(j, &s, "INSERT OR REPLACE INTO flow_key (one, key) VALUES (1, ?1)");

	if (err)
		return err;
	if (sqlite3_bind_blob(s, 1, key, sizeof(*key), SQLITE_STATIC))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

static int key_read(struct journal *j, struct ek_key *out)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int rc, err = journal_prepare(j, &s, "SELECT key FROM flow_key");

	if (err)
		return err;
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return -ENOENT;
	if (rc != SQLITE_ROW)
		return journal_failed(j, "journal");
	if (sqlite3_column_bytes(s, 0) != sizeof(*out))
		return -EIO;
	memcpy(out, sqlite3_column_blob(s, 0), sizeof(*out));
	return 0;
}

int journal_key(struct journal *j, const struct ek_key *pinned, struct ek_key fresh,
		struct ek_key *out)
{
	struct ek_key key;
	int err = key_read(j, &key);

	if (err && err != -ENOENT)
		return err;
	if (pinned && (err || memcmp(&key, pinned, sizeof(key)) != 0)) {
		key = *pinned;
		err = key_store(j, &key);
	} else if (err == -ENOENT) {
		key = fresh;
		err = key_store(j, &key);
	}
	if (!err)
		*out = key;
	return err;
}
