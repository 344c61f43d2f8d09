/* SPDX-License-Identifier: GPL-2.0 */
/* history, audit: what was. */
#include <string.h>

#include "daemon/request.h"
#include "lib/cleanup.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 1000

void actor_put(json_t *to, const struct journal_actor *a)
{
	json_put(to, "user", json_text(a->user));
	json_put(to, "uid", json_integer(a->uid));
	json_put(to, "pid", json_integer(a->pid));
	json_put(to, "command", json_text(a->command));
	json_put(to, "origin", json_text(a->origin));
}

json_t *revision_json(const struct journal_revision *r)
{
	json_t *j = json_pack("{s:I, s:s, s:I, s:s, s:o, s:o}", "revision", (json_int_t)r->number,
			      "state", journal_state_name(r->state), "time", (json_int_t)r->time,
			      "hash", r->hash, "detail", json_text(r->detail), "good",
			      r->good ? json_integer(r->good) : json_null());

	actor_put(j, &r->actor);
	return j;
}

static json_t *revisions_json(const struct journal_revision *list, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, revision_json(&list[i]));
	return out;
}

/* All of it, so that whoever has the answer can verify the chain. */
static json_t *event_json(const struct journal_audit *e)
{
	json_t *j = json_pack("{s:I, s:I, s:s, s:o, s:o, s:o}", "id", (json_int_t)e->id, "time",
			      (json_int_t)e->time, "kind", e->kind, "text", json_clean(e->text),
			      "revision", e->revision ? json_integer(e->revision) : json_null(),
			      "content", json_text(e->content));

	actor_put(j, &e->actor);
	json_put(j, "previous", json_text(e->previous));
	json_put(j, "hash", json_text(e->hash));
	return j;
}

static json_t *events_json(const struct journal_audit *list, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, event_json(&list[i]));
	return out;
}

void request_history(struct request *r, struct reply *reply)
{
	struct journal *journal = r->daemon->journal;
	_cleanup_(free_ptr) struct journal_revision *revisions = NULL;
	struct journal_audit *events = NULL;
	size_t revision_count = 0, event_count = 0;
	json_int_t limit = LIMIT_DEFAULT;

	if (!request_arguments(r, reply, "{s?I}", "limit", &limit))
		return;
	if (limit < 1 || limit > LIMIT_MAX) {
		reply_usage(reply, "limit %lld is outside 1..%d", (long long)limit, LIMIT_MAX);
		return;
	}
	if (journal_revisions(journal, (size_t)limit, &revisions, &revision_count) ||
	    journal_events(journal, (size_t)limit, &events, &event_count)) {
		reply_refuse(reply, "the journal cannot be read: %s", journal_error(journal));
		return;
	}
	reply->result =
		json_pack("{s:o, s:o}", "revisions", revisions_json(revisions, revision_count),
			  "events", events_json(events, event_count));
	journal_events_free(events, event_count);
}

void request_audit(struct request *r, struct reply *reply)
{
	struct journal *journal = r->daemon->journal;
	struct journal_audit *events = NULL;
	struct journal_head head = {};
	json_int_t after = 0, limit = LIMIT_MAX;
	size_t count = 0;

	if (!request_arguments(r, reply, "{s?I, s?I}", "after", &after, "limit", &limit))
		return;
	if (after < 0 || limit < 1 || limit > LIMIT_MAX) {
		reply_usage(reply, "after: from 0 on; limit: 1..%d", LIMIT_MAX);
		return;
	}
	if (journal_events_after(journal, after, (size_t)limit, &events, &count) ||
	    journal_head(journal, &head)) {
		reply_refuse(reply, "the journal cannot be read: %s", journal_error(journal));
		return;
	}
	reply->result = json_pack("{s:o, s:{s:I, s:o}}", "events", events_json(events, count),
				  "head", "id", (json_int_t)head.id, "hash", json_text(head.hash));
	journal_events_free(events, count);
}
