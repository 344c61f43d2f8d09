/* SPDX-License-Identifier: GPL-2.0 */
/* change: what became of a change, or what it is at. */
#include <errno.h>
#include <string.h>

#include "daemon/pipeline.h"
#include "daemon/request.h"
#include "evenkeel/ctl.h"
#include "lib/cleanup.h"

static void release(struct journal_revision *r)
{
	journal_revision_release(r);
}

/* Its end, as the journal has it. */
static int outcome(const struct journal_revision *r, const char **phase)
{
	switch (r->state) {
	case JOURNAL_APPLYING:
		*phase = "applying";
		return EK_EXIT_DONE;
	case JOURNAL_FAILED:
		*phase = "failed";
		return EK_EXIT_REFUSED;
	case JOURNAL_ROLLED_BACK:
		*phase = "rolled back";
		return EK_EXIT_ROLLED_BACK;
	case JOURNAL_IN_FORCE:
	case JOURNAL_REPLACED:
		break;
	}
	*phase = r->good ? "known good" : "in force";
	return EK_EXIT_DONE;
}

void request_change(struct request *r, struct reply *reply)
{
	_cleanup_(release) struct journal_revision revision = {};
	struct daemon *d = r->daemon;
	json_int_t number = 0;
	const char *phase;
	json_t *now;
	int err;

	if (!request_arguments(r, reply, "{s:I}", "revision", &number))
		return;
	now = pipeline_json(d);
	if (json_integer_value(json_object_get(now, "revision")) == number && number) {
		bool held = !strcmp(json_string_value(json_object_get(now, "phase")), "held");

		reply->exit = held ? EK_EXIT_HELD : EK_EXIT_DONE;
		json_put(now, "done", json_boolean(held));
		reply->result = now;
		return;
	}
	json_decref(now);
	err = journal_revision(d->journal, number, &revision);
	if (err) {
		reply_refuse(reply, "there is no change %lld: %s", (long long)number,
			     err == -ENOENT ? "evenkeel history lists them"
					    : journal_error(d->journal));
		return;
	}
	reply->exit = outcome(&revision, &phase);
	reply->result = json_pack("{s:I, s:s, s:b, s:o, s:I}", "revision", number, "phase", phase,
				  "done", 1, "reason", json_text(revision.detail), "in_force",
				  (json_int_t)d->revision.number);
}
