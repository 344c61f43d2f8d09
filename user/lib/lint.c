// SPDX-License-Identifier: GPL-2.0
#include "lib/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/lint_internal.h"

static const struct {
	const char *name;
	enum lint_severity severity;
	const char *what, *remedy;
} lints[] = {
#define LINT(id, name, severity, what, remedy) { name, severity, what, remedy },
	LINTS(LINT)
#undef LINT
};

const char *lint_name(enum lint lint)
{
	return lints[lint].name;
}

enum lint_severity lint_severity(enum lint lint)
{
	return lints[lint].severity;
}

const char *lint_what(enum lint lint)
{
	return lints[lint].what;
}

const char *lint_remedy(enum lint lint)
{
	return lints[lint].remedy;
}

static struct lint_finding *next_finding(struct lint_report *r)
{
	if (r->count == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 16;
		struct lint_finding *grown = reallocarray(r->findings, capacity, sizeof(*grown));

		if (!grown) {
			r->out_of_memory = true;
			return NULL;
		}
		r->findings = grown;
		r->capacity = capacity;
	}
	return &r->findings[r->count++];
}

void lint_add(struct lint_report *r, enum lint lint, struct place place,
	      const struct config_service *s, const struct config_backend *b, const char *format,
	      ...)
{
	struct lint_finding *f = next_finding(r);
	va_list arguments;

	if (!f)
		return;
	*f = (struct lint_finding){ .lint = lint, .place = place };
	if (s)
		memcpy(f->service, s->name, sizeof(f->service));
	if (b)
		memcpy(f->backend, b->name, sizeof(f->backend));
	va_start(arguments, format);
	(void)vsnprintf(f->text, sizeof(f->text), format, arguments);
	va_end(arguments);
}

bool lint_looks_at(const struct lint_input *in, const struct config_service *s)
{
	const struct config_service *same = in->same ? config_service(in->same, s->name) : NULL;

	return !same || !config_service_equal(same, s);
}

/* ---- silences -------------------------------------------------------------------------------- */

static bool silences(const struct config_silence *s, const struct lint_finding *f)
{
	return !strcmp(s->lint, lint_name(f->lint)) &&
	       (!s->service[0] || !strcmp(s->service, f->service));
}

static bool lint_exists(const char *name)
{
	for (enum lint i = 0; i < LINT_COUNT; i++)
		if (!strcmp(lint_name(i), name))
			return true;
	return false;
}

static void unused(struct lint_report *r, const struct config_silence *s)
{
	const char *names[LINT_COUNT], *near;

	for (enum lint i = 0; i < LINT_COUNT; i++)
		names[i] = lint_name(i);
	near = suggest(s->lint, names, LINT_COUNT);
	if (lint_exists(s->lint))
		lint_add(r, LINT_SILENCE, s->place, NULL, NULL,
			 "'%s' is silenced%s%s and finds nothing there", s->lint,
			 s->service[0] ? " in " : "", s->service);
	else
		lint_add(r, LINT_SILENCE, s->place, NULL, NULL, "there is no lint '%s'%s%s%s",
			 s->lint, near ? "; did you mean '" : "", near ? near : "",
			 near ? "'?" : "");
}

/* Some lints look only where there is something to compare with, or to ask. */
static bool was_looked_for(const struct config_silence *s, const struct lint_input *in)
{
	static const enum lint old[] = { LINT_POOL_SHRINKS, LINT_DISAPPEARS };
	static const enum lint live[] = { LINT_UNREACHABLE, LINT_NONE_HEALTHY };
	static const enum lint text[] = { LINT_LOOK_ALIKE, LINT_LINE_ENDS };

	for (size_t i = 0; i < 2; i++) {
		if ((!in->old && !strcmp(s->lint, lint_name(old[i]))) ||
		    (!in->live && !strcmp(s->lint, lint_name(live[i]))) ||
		    (!in->text && !strcmp(s->lint, lint_name(text[i]))))
			return false;
	}
	return true;
}

static void silence(struct lint_report *r, const struct lint_input *in)
{
	const struct config *c = in->config;
	size_t found = r->count;

	for (size_t k = 0; k < c->silence_count; k++) {
		const struct config_silence *s = &c->silences[k];
		bool used = false;

		for (size_t i = 0; i < found; i++) {
			if (!silences(s, &r->findings[i]))
				continue;
			r->findings[i].silence = s;
			used = true;
		}
		/* What a change was about is found by that change alone. */
		if (!used && !in->same && was_looked_for(s, in) &&
		    strcmp(s->lint, lint_name(LINT_POOL_SHRINKS)) != 0)
			unused(r, s);
	}
}

/* ---- all ------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct lint_finding *l = a, *r = b;

	if (l->place.line != r->place.line)
		return l->place.line < r->place.line ? -1 : 1;
	if (l->place.column != r->place.column)
		return l->place.column < r->place.column ? -1 : 1;
	return l->lint != r->lint ? (l->lint < r->lint ? -1 : 1) : strcmp(l->text, r->text);
}

void lint_run(struct lint_report *out, const struct lint_input *in)
{
	struct lint_report r = {};

	lint_pools(&r, in);
	lint_hosts(&r, in->config);
	lint_times(&r, in);
	lint_names(&r, in);
	lint_text(&r, in);
	lint_change(&r, in);
	lint_live(&r, in);
	silence(&r, in);
	if (r.count)
		qsort(r.findings, r.count, sizeof(*r.findings), by_place);
	for (size_t i = 0; i < r.count; i++) {
		const struct lint_finding *f = &r.findings[i];

		if (!f->silence)
			*(lint_severity(f->lint) == LINT_ERROR ? &r.errors : &r.warnings) += 1;
	}
	*out = r;
}

void lint_release(struct lint_report *r)
{
	free(r->findings);
	*r = (struct lint_report){};
}

bool lint_known(const struct lint_report *r, const struct lint_finding *f)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct lint_finding *o = &r->findings[i];

		if (o->lint == f->lint && !strcmp(o->service, f->service) &&
		    !strcmp(o->backend, f->backend))
			return true;
	}
	return false;
}

char *lint_line(const struct lint_finding *f, const char *file)
{
	const char *severity = lint_severity(f->lint) == LINT_ERROR ? "error" : "warning";
	char *line;
	int length;

	if (file && f->place.line)
		length = asprintf(&line, "%s:%u:%u: %s: %s [%s]", file, f->place.line,
				  f->place.column, severity, f->text, lint_name(f->lint));
	else
		length = asprintf(&line, "%s%s%s: %s [%s]", file ? file : "", file ? ": " : "",
				  severity, f->text, lint_name(f->lint));
	return length < 0 ? NULL : line;
}
