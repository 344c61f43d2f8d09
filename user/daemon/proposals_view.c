// SPDX-License-Identifier: GPL-2.0
/* What is known of a change that waits, read back and told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/proposals.h"
#include "lib/cleanup.h"

int proposal_way_read(struct proposal_way *out, const struct journal_proposal *p)
{
	struct proposal_way w = { .options.watch_given = true };
	const char *group = "", *signers = "", *forced = "", *reason = "", *file = "", *unknown;
	json_int_t approvals = 0, watch = -1, confirm = 0;
	int at_once = 0, urgent = 0;

	w.json = json_loads(p->way, 0, NULL);
	if (!w.json ||
	    json_unpack(w.json, "{s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:o}",
			"approvals", &approvals, "group", &group, "signers", &signers, "forced",
			&forced, "reason", &reason, "file", &file, "at_once", &at_once, "urgent",
			&urgent, "watch_s", &watch, "confirm_s", &confirm, "removed", &w.removed) ||
	    gate_set_parse(&w.forced, forced, &unknown)) {
		json_decref(w.json);
		return -EINVAL;
	}
	w.policy.approvals = (uint32_t)approvals;
	snprintf(w.policy.group, sizeof(w.policy.group), "%s", group);
	snprintf(w.policy.signers, sizeof(w.policy.signers), "%s", signers);
	snprintf(w.reason, sizeof(w.reason), "%s", reason);
	snprintf(w.file, sizeof(w.file), "%s", file);
	w.options = (struct change_options){
		.urgent = urgent,
		.at_once = at_once,
		.watch_given = watch >= 0,
		.watch_s = watch >= 0 ? (uint32_t)watch : 0,
		.confirm_s = (uint32_t)confirm,
	};
	*out = w;
	return 0;
}

void proposal_way_release(struct proposal_way *w)
{
	json_decref(w->json);
	w->json = NULL;
}

static json_t *approvals_json(const struct daemon *d, const struct journal_proposal *p,
			      size_t *count)
{
	_cleanup_(free_ptr) struct journal_approval *list = NULL;
	json_t *out = json_array();

	if (journal_approvals(d->journal, p->number, &list, count))
		return out;
	for (size_t i = 0; i < *count; i++) {
		const struct journal_approval *a = &list[i];
		json_t *one = json_pack("{s:o, s:b, s:o, s:I}", "name", json_text(a->name),
					"signed", a->is_signed, "key", json_text(a->key), "time",
					(json_int_t)a->time);

		if (json_array_append_new(out, one))
			break;
	}
	return out;
}

json_t *proposal_json(const struct daemon *d, const struct journal_proposal *p, bool whole)
{
	_cleanup_(proposal_way_release) struct proposal_way w = {};
	size_t count = 0;
	json_t *approvals = approvals_json(d, p, &count);
	json_t *j = json_pack("{s:I, s:s, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:o}", "proposal",
			      (json_int_t)p->number, "state", journal_proposal_state_name(p->state),
			      "time", (json_int_t)p->time, "until", (json_int_t)p->until, "base",
			      (json_int_t)p->base, "content", p->content, "revision",
			      p->revision ? json_integer(p->revision) : json_null(), "change",
			      json_clean(p->change), "detail", json_text(p->detail), "approvals",
			      approvals);

	if (!j || proposal_way_read(&w, p))
		return j;
	actor_put(j, &p->actor);
	json_put(j, "needed", json_integer(w.policy.approvals));
	json_put(j, "missing",
		 json_integer(count < w.policy.approvals ? w.policy.approvals - (json_int_t)count
							 : 0));
	json_put(j, "group", json_text(w.policy.group));
	json_put(j, "signers", json_text(w.policy.signers));
	json_put(j, "forced", json_incref(json_object_get(w.json, "forced")));
	json_put(j, "reason", json_text(w.reason));
	if (!whole)
		return j;
	json_put(j, "plan", json_clean(p->plan));
	json_put(j, "text", json_clean(p->text));
	return j;
}
