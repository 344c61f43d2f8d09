/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of lints share: a text, perhaps one before it, and all that must be found. */
#ifndef EVENKEEL_TESTS_LINT_CASE_H
#define EVENKEEL_TESTS_LINT_CASE_H

#include "config_case.h"
#include "lib/lint.h"

struct lint_case {
	const char *text, *found; /* each finding that is told as a line, in order */
	const char *old;          /* in force; NULL: nothing is */
};

static inline char *lint_lines(const struct lint_report *r)
{
	char *lines = NULL;
	size_t size;
	FILE *f = open_memstream(&lines, &size);

	assert_non_null(f);
	for (size_t i = 0; i < r->count; i++) {
		_cleanup_(free_ptr) char *line = lint_line(&r->findings[i], "f");

		if (!r->findings[i].silence)
			fprintf(f, "%s\n", line);
	}
	fclose(f);
	return lines;
}

static inline void assert_lint_live(const struct lint_case *row, const struct lint_live *live,
				    size_t count)
{
	_cleanup_(config_release) struct config *c = must_parse(row->text);
	_cleanup_(config_release) struct config *old = row->old ? must_parse(row->old) : NULL;
	const struct lint_input in = {
		.config = c,
		.text = row->text,
		.length = strlen(row->text),
		.old = old,
		.live = live,
		.live_count = count,
	};
	_cleanup_(lint_release) struct lint_report report = {};
	_cleanup_(free_ptr) char *lines = NULL;

	lint_run(&report, &in);
	lines = lint_lines(&report);
	if (strcmp(lines, row->found))
		fail_msg("in the text\n%s\nthis was found:\n%sinstead of:\n%s", row->text, lines,
			 row->found);
}

/* Without anything in force: what is said is what is found. */
static inline void assert_lints(const struct config_case *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_lint_live(&(struct lint_case){ rows[i].text, rows[i].said, NULL }, NULL, 0);
}

#endif
