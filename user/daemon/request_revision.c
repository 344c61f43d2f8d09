/* SPDX-License-Identifier: GPL-2.0 */
/* revision, blame: one configuration of the past, and who brought what. */
#include <errno.h>
#include <string.h>

#include "daemon/request.h"
#include "lib/cleanup.h"

static void json_release(json_t **j)
{
	json_decref(*j);
}

static void release(struct journal_revision *r)
{
	journal_revision_release(r);
}

void request_revision(struct request *r, struct reply *reply)
{
	_cleanup_(release) struct journal_revision revision = {};
	struct journal *journal = r->daemon->journal;
	json_int_t number = 0;
	int err;

	if (!request_arguments(r, reply, "{s:I}", "revision", &number))
		return;
	err = journal_revision(journal, number, &revision);
	if (err == -ENOENT)
		reply_refuse(reply, "there is no revision %lld (evenkeel history lists them)",
			     (long long)number);
	else if (err)
		reply_refuse(reply, "the journal cannot be read: %s", journal_error(journal));
	if (err)
		return;
	reply->result = revision_json(&revision);
	json_put(reply->result, "text", json_string(revision.text));
}

/* ---- blame ----------------------------------------------------------------------------------- */

/* What a revision says of the backend; NULL: it has none of that name. A new reference. */
static json_t *line_of(const struct journal_revision *r, const char *service, const char *backend)
{
	_cleanup_(json_release) json_t *config = json_loads(r->text, 0, NULL);
	const json_t *s = json_object_get(json_object_get(config, "services"), service);

	return json_incref(json_object_get(json_object_get(s, "backends"), backend));
}

/* The oldest revision of the run up to the one in force which says the same. Only what was in force
 * counts. */
static int blame_find(struct journal *j, const struct journal_revision *now, const json_t *line,
		      const char *service, const char *backend, struct journal_revision *out)
{
	int64_t since = now->number;
	int err = 0;

	for (int64_t n = now->number - 1; n > 0; n--) {
		_cleanup_(release) struct journal_revision r = {};
		_cleanup_(json_release) json_t *then = NULL;

		err = journal_revision(j, n, &r);
		if (err && err != -ENOENT)
			return err;
		if (err || r.state != JOURNAL_REPLACED)
			continue;
		then = strcmp(r.hash, now->hash) ? line_of(&r, service, backend)
						 : json_incref((json_t *)line);
		if (!then || !json_equal(then, line))
			break;
		since = n;
	}
	return journal_revision(j, since, out);
}

void request_blame(struct request *r, struct reply *reply)
{
	_cleanup_(release) struct journal_revision found = {};
	_cleanup_(json_release) json_t *line = NULL;
	const struct journal_revision *now = &r->daemon->revision;
	struct journal *journal = r->daemon->journal;
	const char *service, *backend;

	if (!request_arguments(r, reply, "{s:s, s:s}", "service", &service, "backend", &backend))
		return;
	line = now->text ? line_of(now, service, backend) : NULL;
	if (!line) {
		reply_refuse(reply, "revision %lld has no backend %.64s/%.64s",
			     (long long)now->number, service, backend);
		return;
	}
	if (blame_find(journal, now, line, service, backend, &found)) {
		reply_refuse(reply, "the journal cannot be read: %s", journal_error(journal));
		return;
	}
	reply->result = revision_json(&found);
	json_put(reply->result, "service", json_clean(service));
	json_put(reply->result, "backend", json_clean(backend));
	json_put(reply->result, "line", json_incref(line));
}
