// SPDX-License-Identifier: GPL-2.0
#include "lib/review.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

int review_make(struct review *out, const struct review_input *in)
{
	_cleanup_(review_release) struct review r = {};
	const struct config *force = in->in_force ? in->in_force : in->plan.old;
	struct lint_input lint = {
		.config = in->plan.now,
		.text = in->text,
		.length = in->length,
		.same = force,
		.old = force, /* what went earlier was said then */
		.live = in->live,
		.live_count = in->live_count,
	};
	const struct gate_input gate = {
		.plan = &r.plan,
		.old = in->plan.old,
		.now = in->plan.now,
		.in_force = in->in_force,
		.guards = force ? &force->guards : &config_guards_default,
		.policy = force ? &force->policy : NULL,
		.lints = &r.lints,
		.known = &r.known,
		.forced = in->forced,
	};
	int err = plan_build(&r.plan, &in->plan);

	if (err)
		return err;
	lint_run(&r.lints, &lint);
	lint = (struct lint_input){ .config = force, .same = in->plan.now };
	if (force && r.lints.count)
		lint_run(&r.known, &lint);
	/* What would be if some died is a question, and no change. */
	if (!in->plan.lose_count)
		gate_check(&r.gates, &gate);
	r.diff = plan_diff(force, in->plan.now);
	if (!r.diff || r.lints.out_of_memory || r.gates.out_of_memory)
		return -ENOMEM;
	/* The gates refer to nothing of the others; silences belong to the configuration. */
	*out = r;
	/* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): it is released on the way out */
	r = (struct review){};
	return 0;
}

void review_release(struct review *r)
{
	plan_clear(&r->plan);
	lint_release(&r->lints);
	lint_release(&r->known);
	gate_release(&r->gates);
	free(r->diff);
	r->diff = NULL;
}

static int print(FILE *out, const struct review *r, const char *file)
{
	_cleanup_(free_ptr) char *plan = plan_text(&r->plan);
	_cleanup_(free_ptr) char *gates = gate_text(&r->gates, &r->lints, file);

	if (!plan || !gates)
		return -ENOMEM;
	fputs(r->diff, out);
	if (*r->diff && *plan)
		fputc('\n', out);
	fputs(plan, out);
	if (*gates)
		fprintf(out, "%s%s:\n%s", *plan || *r->diff ? "\n" : "",
			review_refuses(r) ? "refused" : "not refused, but", gates);
	return 0;
}

char *review_text(const struct review *r, const char *file)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err = out ? print(out, r, file) : -ENOMEM;

	if (out && fclose(out))
		err = -ENOMEM;
	if (!err)
		return text;
	free(text);
	return NULL;
}

static json_t *lines_json(const char *text)
{
	json_t *lines = json_array();

	while (*text) {
		size_t length = strcspn(text, "\n");

		if (json_array_append_new(lines, json_stringn(text, length)))
			break;
		text += length + (text[length] == '\n');
	}
	return lines;
}

json_t *review_json(const struct review *r)
{
	return json_pack("{s:o, s:o, s:o, s:b}", "diff", lines_json(r->diff), "plan",
			 plan_json(&r->plan), "gates", gate_json(&r->gates), "refused",
			 review_refuses(r));
}
