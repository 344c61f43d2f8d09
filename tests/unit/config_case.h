/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the configuration share: a text, and all that must be said about it. */
#ifndef EVENKEEL_TESTS_CONFIG_CASE_H
#define EVENKEEL_TESTS_CONFIG_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/config.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The beginning of most texts: a service; its pool, to be filled from line 5 on; with a backend. */
#define WEB "services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n"
#define POOL WEB "    backends:\n"
#define WEB_1 POOL "      web-1: 10.0.1.1\n"

/* `said`: every diagnostic, a line each, in order: none missing, none in excess. */
struct config_case {
	const char *text, *said;
};

/* All lines of `d`, each ended by '\n'. */
static inline char *diag_lines(const struct diag *d)
{
	char *lines = NULL;
	size_t size;
	FILE *f = open_memstream(&lines, &size);

	assert_non_null(f);
	for (size_t i = 0; i < d->count; i++) {
		_cleanup_(free_ptr) char *line = diag_line(d, i);

		fprintf(f, "%s\n", line);
	}
	fclose(f);
	return lines;
}

static inline void assert_said(const char *text, const struct diag *d, const char *expected)
{
	_cleanup_(free_ptr) char *lines = diag_lines(d);

	if (strcmp(lines, expected))
		fail_msg("of the text\n%s\nthis was said:\n%sinstead of:\n%s", text, lines,
			 expected);
}

/* Parses, compares what is said, and that only errors refuse. */
static inline void assert_case(const struct config_case *row)
{
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	_cleanup_(config_release) struct config *c = NULL;
	int err = config_parse(&c, row->text, strlen(row->text), &d);

	assert_said(row->text, &d, row->said);
	assert_int_equal(err, d.errors ? -EINVAL : 0);
	assert_true(!c == (err != 0));
}

static inline void assert_cases(const struct config_case *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_case(&rows[i]);
}

/* The model of a text that must be right. */
static inline struct config *must_parse(const char *text)
{
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	struct config *c = NULL;

	if (config_parse(&c, text, strlen(text), &d)) {
		_cleanup_(free_ptr) char *lines = diag_lines(&d);

		fail_msg("refused: %s", lines);
	}
	return c;
}

/* A file of examples/, read whole; the tests run in the top folder. */
static inline char *read_example(const char *name)
{
	_cleanup_(close_file) FILE *f = NULL;
	char path[128];
	char *text = calloc(1, 65536);

	snprintf(path, sizeof(path), "examples/%s", name);
	f = fopen(path, "r");
	if (!f || !text)
		fail_msg("%s cannot be read: run the tests in the top folder", path);
	assert_true(fread(text, 1, 65535, f) > 0);
	return text;
}

#endif
