/* SPDX-License-Identifier: GPL-2.0 */
/* plan, and check --live: what a change would do, with what is known here and what new backends say.
 * In a child of evenkeeld, which changes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ask.h"
#include "daemon/drains.h"
#include "daemon/gating.h"
#include "daemon/request.h"
#include "evenkeel/ctl.h"
#include "lib/cleanup.h"

/* What was asked for. */
struct wanted {
	const char *text, *file;
	size_t length;
	json_t *lose, *removed;
	double load;
	int check; /* what is in force and who answers, for check --live */
};

static struct config *candidate_of(const struct request *r, const struct wanted *w,
				   struct reply *reply)
{
	_cleanup_(diag_release) struct diag diag = { .file = w->file };
	struct config *c = NULL;

	if (!w->text) {
		c = config_copy(r->daemon->config);
		if (!c)
			reply_refuse(reply, "out of memory");
		return c;
	}
	if (config_parse(&c, w->text, w->length, &diag))
		reply_refuse(reply, "%s is not valid", w->file);
	reply_diagnostics(reply, &diag);
	if (c && !request_removed(c, w->removed, reply)) {
		config_free(c);
		return NULL;
	}
	return c;
}

static const char **names_of(const json_t *list)
{
	const char **names = calloc(json_array_size(list) + 1, sizeof(*names));
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name) {
		if (names)
			names[i] = json_is_string(name) ? json_string_value(name) : "";
	}
	return names;
}

static json_t *live_json(const struct asked *asked)
{
	json_t *list = json_array();

	for (size_t i = 0; i < asked->count; i++) {
		const struct asked_backend *b = &asked->backends[i];

		if (b->known)
			json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o}", "service",
							      b->service, "backend",
							      b->backend->name, "passes", b->passes,
							      "reason", json_clean(b->reason)));
	}
	return list;
}

static void answer(const struct request *r, const struct wanted *w, const struct review_input *in,
		   struct reply *reply)
{
	_cleanup_(review_release) struct review review = {};
	_cleanup_(free_ptr) char *text = NULL;

	if (review_make(&review, in)) {
		reply_refuse(reply, "out of memory");
		return;
	}
	text = review_text(&review, w->file);
	reply->result = review_json(&review);
	json_put(reply->result, "revision", json_integer((json_int_t)r->daemon->revision.number));
	json_put(reply->result, "text", json_clean(text ? text : ""));
	if (review_refuses(&review))
		reply->exit = EK_EXIT_REFUSED;
}

static void plan(const struct request *r, const struct wanted *w, const struct config *now,
		 struct reply *reply)
{
	const struct daemon *d = r->daemon;
	const struct config *base = gating_base(d);
	_cleanup_(free_ptr) const char **names = names_of(w->lose);
	_cleanup_(known_release) struct known known = {};
	_cleanup_(ask_release) struct asked asked = {};
	_cleanup_(free_ptr) struct lint_live *live = NULL;
	struct review_input in = {
		.plan = { .old = base,
			  .now = now,
			  .key = dp_key(d->dp),
			  .lose = names,
			  .lose_count = json_array_size(w->lose),
			  .load = w->load },
		.in_force = base ? d->config : NULL,
		.text = w->text,
		.length = w->length,
		.file = w->file,
	};

	if (!names || known_make(&known, d, base, now) ||
	    ask_backends(&asked, d, now, r->may_change) || known_take(&known, &asked)) {
		reply_refuse(reply, "out of memory");
		return;
	}
	if (plan_unknown_name(&in.plan)) {
		reply_usage(reply, "lose: there is no backend %.130s", plan_unknown_name(&in.plan));
		return;
	}
	in.plan.all = !w->text;
	in.plan.facts = known.facts;
	in.plan.fact_count = known.fact_count;
	in.plan.services = known.services;
	in.plan.service_count = known.service_count;
	live = ask_live(&asked, &in.live_count);
	in.live = live;
	if (w->check)
		reply->result = json_pack("{s:s, s:o}", "in_force",
					  d->revision.text ? d->revision.text : "", "live",
					  live_json(&asked));
	else
		answer(r, w, &in, reply);
}

void request_plan(struct request *r, struct reply *reply)
{
	struct wanted w = { .load = 1 };
	_cleanup_(config_release) struct config *now = NULL;

	if (!request_arguments(r, reply, "{s?s%, s?s, s?o, s?o, s?F, s?b}", "text", &w.text,
			       &w.length, "file", &w.file, "lose", &w.lose, "remove", &w.removed,
			       "load", &w.load, "check", &w.check))
		return;
	if (!r->daemon->config) {
		reply_refuse(reply, "%s", r->daemon->trouble);
		return;
	}
	if (w.text && !w.file)
		w.file = "configuration";
	now = candidate_of(r, &w, reply);
	if (now)
		drains_lay(r->daemon, now);
	if (now && !reply->exit)
		plan(r, &w, now, reply);
}
