// SPDX-License-Identifier: GPL-2.0
/* Changes that wait for approvals. */
#include "store/journal_proposal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

const char *journal_proposal_state_name(enum journal_proposal_state state)
{
	static const char *const names[] = { "waiting", "went on", "lapsed", "rejected" };

	return names[state];
}

void journal_proposal_release(struct journal_proposal *p)
{
	free(p->text);
	free(p->way);
	free(p->shares);
	free(p->plan);
	free(p->change);
	p->text = p->way = p->shares = p->plan = p->change = NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int tell(struct journal *j, const struct journal_proposal *p,
		const struct journal_actor *actor, const char *kind, const char *text,
		int64_t revision, int64_t now)
{
	_cleanup_(free_ptr) char *line = NULL;
	struct journal_entry e = {
		.kind = kind,
		.content = p->content,
		.revision = revision,
		.time = now,
	};

	if (asprintf(&line, "change p%lld: %s", (long long)p->number, text) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	e.text = line;
	return journal_append(j, actor, &e);
}

static int proposal_insert(struct journal *j, const struct journal_proposal *p)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	const char *const texts[] = { p->boot, p->content, p->people, p->text,
				      p->way,  p->shares,  p->plan,   p->change };
	int err = journal_prepare(j, &s,
				  "INSERT INTO proposal (state, time, base, until, until_ms, boot,"
				  " content, people, text, way, shares, plan, change, uid, pid,"
				  " user, command, origin) VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7,"
				  " ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)");

	if (err)
		return err;
	for (int i = 0; i < (int)(sizeof(texts) / sizeof(texts[0])); i++)
		if (sqlite3_bind_text(s, 5 + i, texts[i], -1, SQLITE_STATIC))
			return journal_failed(j, "journal");
	if (sqlite3_bind_int64(s, 1, p->time) || sqlite3_bind_int64(s, 2, p->base) ||
	    sqlite3_bind_int64(s, 3, p->until) || sqlite3_bind_int64(s, 4, p->until_ms) ||
	    journal_bind_actor(s, 13, &p->actor))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

int journal_propose(struct journal *j, struct journal_proposal *p, int64_t now)
{
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	p->time = now;
	p->state = JOURNAL_PROPOSAL_WAITS;
	err = proposal_insert(j, p);
	p->number = sqlite3_last_insert_rowid(j->db);
	err = err ?: tell(j, p, &p->actor, "waits", p->change, 0, now);
	return journal_end_transaction(j, err);
}

static int state_set(struct journal *j, const struct journal_proposal *p,
		     enum journal_proposal_state state, const char *why, int64_t revision)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "UPDATE proposal SET state = ?1, detail = ?2, revision = ?3"
				  " WHERE number = ?4 AND state = 0");

	if (err)
		return err;
	if (sqlite3_bind_int(s, 1, state) || sqlite3_bind_text(s, 2, why, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int64(s, 3, revision) || sqlite3_bind_int64(s, 4, p->number))
		return journal_failed(j, "journal");
	err = journal_step_done(j, s);
	return err ?: sqlite3_changes(j->db) ? err : -ENOENT;
}

int journal_proposal_end(struct journal *j, const struct journal_proposal *p,
			 enum journal_proposal_state state, const struct journal_actor *actor,
			 const char *why, int64_t revision, int64_t now)
{
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	err = state_set(j, p, state, why, revision);
	err = err ?: tell(j, p, actor, journal_proposal_state_name(state), why, revision, now);
	return journal_end_transaction(j, err);
}

static int approval_insert(struct journal *j, const struct journal_proposal *p,
			   const struct journal_approval *a, int64_t now)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "INSERT INTO approval (proposal, time, signed, people, name,"
				  " key, uid, pid, user, command, origin)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, p->number) || sqlite3_bind_int64(s, 2, now) ||
	    sqlite3_bind_int(s, 3, a->is_signed) ||
	    sqlite3_bind_text(s, 4, a->people, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 5, a->name, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(s, 6, a->key, -1, SQLITE_STATIC) ||
	    journal_bind_actor(s, 7, &a->actor))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

int journal_approve(struct journal *j, const struct journal_proposal *p,
		    const struct journal_approval *a, int64_t now)
{
	char text[320];
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	if (a->is_signed)
		snprintf(text, sizeof(text), "signed by %s, key %s", a->name, a->key);
	else
		snprintf(text, sizeof(text), "by %s (uid %u)", a->name, a->actor.uid);
	err = approval_insert(j, p, a, now);
	err = err ?: tell(j, p, &a->actor, "approved", text, 0, now);
	return journal_end_transaction(j, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

static char *column_text(sqlite3_stmt *s, int column)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	return strdup(text ? (const char *)text : "");
}

static int proposal_read(sqlite3_stmt *s, struct journal_proposal *out)
{
	struct journal_proposal p = {
		.number = sqlite3_column_int64(s, 0),
		.state = (enum journal_proposal_state)sqlite3_column_int(s, 1),
		.time = sqlite3_column_int64(s, 2),
		.base = sqlite3_column_int64(s, 3),
		.revision = sqlite3_column_int64(s, 4),
		.until = sqlite3_column_int64(s, 5),
		.until_ms = sqlite3_column_int64(s, 6),
		.text = column_text(s, 11),
		.way = column_text(s, 12),
		.shares = column_text(s, 13),
		.plan = column_text(s, 14),
		.change = column_text(s, 15),
	};

	journal_column_copy(s, 7, p.boot, sizeof(p.boot));
	journal_column_copy(s, 8, p.content, sizeof(p.content));
	journal_column_copy(s, 9, p.people, sizeof(p.people));
	journal_column_copy(s, 10, p.detail, sizeof(p.detail));
	journal_column_actor(s, 16, &p.actor);
	if (!p.text || !p.way || !p.shares || !p.plan || !p.change) {
		journal_proposal_release(&p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

int journal_proposal(struct journal *j, int64_t number, struct journal_proposal *out)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s,
				  "SELECT number, state, time, base, revision, until, until_ms,"
				  " boot, content, people, detail, text, way, shares, plan,"
				  " change, uid, pid, user, command, origin FROM proposal"
				  " WHERE number = ?1");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, number))
		return journal_failed(j, "journal");
	err = journal_step_row(j, s);
	return err ?: proposal_read(s, out);
}

int journal_proposals(struct journal *j, int64_t **out, size_t *count)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	_cleanup_(free_ptr) int64_t *list = NULL;
	size_t n = 0;
	int rc, err = journal_prepare(
			j, &s, "SELECT number FROM proposal WHERE state = 0 ORDER BY number");

	if (err)
		return err;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		int64_t *grown = reallocarray(list, n + 1, sizeof(*list));

		if (!grown)
			return -ENOMEM;
		list = grown;
		list[n++] = sqlite3_column_int64(s, 0);
	}
	if (rc != SQLITE_DONE)
		return journal_failed(j, "journal");
	*out = take_ptr(list);
	*count = n;
	return 0;
}

static void approval_read(sqlite3_stmt *s, struct journal_approval *out)
{
	*out = (struct journal_approval){
		.time = sqlite3_column_int64(s, 0),
		.is_signed = sqlite3_column_int(s, 1),
	};
	journal_column_copy(s, 2, out->people, sizeof(out->people));
	journal_column_copy(s, 3, out->name, sizeof(out->name));
	journal_column_copy(s, 4, out->key, sizeof(out->key));
	journal_column_actor(s, 5, &out->actor);
}

int journal_approvals(struct journal *j, int64_t number, struct journal_approval **out,
		      size_t *count)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	_cleanup_(free_ptr) struct journal_approval *list = NULL;
	size_t n = 0;
	int rc, err = journal_prepare(j, &s,
				      "SELECT time, signed, people, name, key, uid, pid, user,"
				      " command, origin FROM approval WHERE proposal = ?1"
				      " ORDER BY rowid");

	if (err)
		return err;
	if (sqlite3_bind_int64(s, 1, number))
		return journal_failed(j, "journal");
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct journal_approval *grown = reallocarray(list, n + 1, sizeof(*list));

		if (!grown)
			return -ENOMEM;
		list = grown;
		approval_read(s, &list[n++]);
	}
	if (rc != SQLITE_DONE)
		return journal_failed(j, "journal");
	*out = take_ptr(list);
	*count = n;
	return 0;
}
