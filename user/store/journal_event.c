/* SPDX-License-Identifier: GPL-2.0 */
/* The audit log: events are appended to a chain (lib/audit_chain.h) and never changed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/audit_chain.h"
#include "lib/cleanup.h"
#include "lib/utf8.h"
#include "store/journal_db.h"

/* ---- the head -------------------------------------------------------------------------------- */

int journal_head(struct journal *j, struct journal_head *out)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err =
		journal_prepare(j, &s, "SELECT id, hash FROM audit_head") ?: journal_step_row(j, s);

	*out = (struct journal_head){};
	if (err)
		return err == -ENOENT ? 0 : err;
	out->id = sqlite3_column_int64(s, 0);
	journal_column_copy(s, 1, out->hash, sizeof(out->hash));
	return 0;
}

static int head_store(struct journal *j, int64_t id, const char *hash)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(
		j, &s, "INSERT OR REPLACE INTO audit_head (one, id, hash) VALUES (1, ?1, ?2)");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, id) || sqlite3_bind_text(s, 2, hash, -1, SQLITE_STATIC))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

/* ---- appending ------------------------------------------------------------------------------- */

static int event_insert(struct journal *j, const struct audit_record *r,
			const struct journal_actor *actor)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "INSERT INTO event (time, kind, text, uid, pid, user, command,"
				  " origin, revision, content, previous, hash)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, r->time) ||
	    sqlite3_bind_text(s, 2, r->kind, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 3, r->text, -1, SQLITE_STATIC) ||
	    journal_bind_actor(s, 4, actor) || sqlite3_bind_int64(s, 9, r->revision) ||
	    sqlite3_bind_text(s, 10, r->content, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 11, r->previous, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 12, r->hash, -1, SQLITE_STATIC))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

/* Exported as JSON, which is UTF-8, an event must still have its hash; an interface's name may be
 * anything, and a text may have been cut within a character. */
static void actor_mend(struct journal_actor *a)
{
	utf8_mend(a->user);
	utf8_mend(a->command);
	utf8_mend(a->origin);
}

int journal_append(struct journal *j, const struct journal_actor *who,
		   const struct journal_entry *e)
{
	_cleanup_(free_ptr) char *text = strdup(e->text);
	struct journal_actor mended = *who, *actor = &mended;
	struct journal_head head;
	char hash[SHA256_TEXT_SIZE];
	int err = journal_head(j, &head);
	struct audit_record r = {
		.time = e->time,
		.kind = e->kind,
		.user = actor->user,
		.command = actor->command,
		.origin = actor->origin,
		.text = text,
		.content = e->content,
		.uid = actor->uid,
		.pid = actor->pid,
		.revision = e->revision,
		.previous = head.hash,
		.hash = hash,
	};

	if (err || !text)
		return err ?: -ENOMEM;
	actor_mend(actor);
	utf8_mend(text);
	audit_record_hash(hash, &r);
	err = event_insert(j, &r, actor);
	return err ?: head_store(j, sqlite3_last_insert_rowid(j->db), hash);
}

int journal_event(struct journal *j, const char *kind, const struct journal_actor *actor,
		  const char *text, int64_t now)
{
	const struct journal_entry e = { .kind = kind, .text = text, .content = "", .time = now };
	int err = journal_begin_transaction(j);

	return err ?: journal_end_transaction(j, journal_append(j, actor, &e));
}

/* ---- reading --------------------------------------------------------------------------------- */

#define EVENT_COLUMNS                                                                              \
	"id, time, kind, uid, pid, user, command, origin, text, revision, content, previous, hash"

void journal_events_free(struct journal_audit *events, size_t count)
{
	for (size_t i = 0; events && i < count; i++)
		free(events[i].text);
	free(events);
}

static int event_read(sqlite3_stmt *s, struct journal_audit *out)
{
	const unsigned char *text = sqlite3_column_text(s, 8);

	*out = (struct journal_audit){
		.id = sqlite3_column_int64(s, 0),
		.time = sqlite3_column_int64(s, 1),
		.revision = sqlite3_column_int64(s, 9),
		.text = text ? strdup((const char *)text) : NULL,
	};
	journal_column_copy(s, 2, out->kind, sizeof(out->kind));
	journal_column_actor(s, 3, &out->actor);
	journal_column_copy(s, 10, out->content, sizeof(out->content));
	journal_column_copy(s, 11, out->previous, sizeof(out->previous));
	journal_column_copy(s, 12, out->hash, sizeof(out->hash));
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

static int events_read(struct journal *j, sqlite3_stmt *s, struct journal_audit **out,
		       size_t *count)
{
	_cleanup_(event_list_release) struct event_list list = {};
	int rc, err;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		err = event_list_grow(&list);
		if (!err)
			err = event_read(s, &list.entries[list.count++]);
		if (err)
			return err;
	}
	if (rc != SQLITE_DONE)
		return journal_failed(j, "journal");
	*count = list.count;
	*out = take_ptr(list.entries);
	return 0;
}

int journal_events(struct journal *j, size_t limit, struct journal_audit **out, size_t *count)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "SELECT " EVENT_COLUMNS " FROM event ORDER BY id DESC LIMIT ?1");

	if (!err && sqlite3_bind_int64(s, 1, (sqlite3_int64)limit))
		err = journal_failed(j, "journal");
	return err ?: events_read(j, s, out, count);
}

int journal_events_after(struct journal *j, int64_t after, size_t limit, struct journal_audit **out,
			 size_t *count)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(
		j, &s, "SELECT " EVENT_COLUMNS " FROM event WHERE id > ?1 ORDER BY id LIMIT ?2");

	if (!err &&
	    (sqlite3_bind_int64(s, 1, after) || sqlite3_bind_int64(s, 2, (sqlite3_int64)limit)))
		err = journal_failed(j, "journal");
	return err ?: events_read(j, s, out, count);
}

/* ---- events of before there was a chain ------------------------------------------------------ */

static int chain_one(struct journal *j, struct journal_audit *e, struct journal_head *head)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	char hash[SHA256_TEXT_SIZE];
	struct audit_record r = {
		.time = e->time,
		.kind = e->kind,
		.user = e->actor.user,
		.command = e->actor.command,
		.origin = "",
		.text = e->text,
		.content = "",
		.uid = e->actor.uid,
		.pid = e->actor.pid,
		.previous = head->hash,
	};
	int err = journal_prepare(j, &s,
				  "UPDATE event SET previous = ?1, hash = ?2, text = ?4, user = ?5,"
				  " command = ?6 WHERE id = ?3");

	if (err)
		return err;
	utf8_mend(e->text);
	actor_mend(&e->actor);
	audit_record_hash(hash, &r);
	if (sqlite3_bind_text(s, 1, head->hash, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 2, hash, -1, SQLITE_STATIC) || sqlite3_bind_int64(s, 3, e->id) ||
	    sqlite3_bind_text(s, 4, e->text, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 5, e->actor.user, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 6, e->actor.command, -1, SQLITE_STATIC))
		return journal_failed(j, "journal");
	err = journal_step_done(j, s);
	if (err)
		return err;
	head->id = e->id;
	snprintf(head->hash, sizeof(head->hash), "%s", hash);
	return 0;
}

int journal_chain_old(struct journal *j)
{
	struct journal_audit *events = NULL;
	struct journal_head head = {};
	size_t count = 0;
	int err = journal_events_after(j, 0, SIZE_MAX >> 1, &events, &count);

	for (size_t i = 0; !err && i < count; i++)
		err = chain_one(j, &events[i], &head);
	journal_events_free(events, count);
	return err || !head.id ? err : head_store(j, head.id, head.hash);
}
