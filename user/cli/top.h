/* SPDX-License-Identifier: GPL-2.0 */
/* What `evenkeel top` shows, as lines of text: rows out of two answers of status, sorted. Knows no
 * terminal. */
#ifndef EVENKEEL_CLI_TOP_H
#define EVENKEEL_CLI_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum top_column {
	TOP_BACKEND,
	TOP_STATE,
	TOP_EXPECT,
	TOP_ACTUAL,
	TOP_SKEW, /* actual less expected */
	TOP_PACKETS,
	TOP_BITS,
	TOP_FLOWS,
	TOP_COLUMNS
};
/* Their names on the command line, "|" between them. */
#define TOP_COLUMN_NAMES "backend|state|expect|actual|skew|packets|bits|flows"
/* -EINVAL: no such column. */
int top_column_parse(enum top_column *out, const char *name);

/* One backend. Texts are the status'; a share that is not known is NAN, a rate negative. */
struct top_row {
	const char *service, *backend, *state;
	double expect, actual, skew;
	double packets, bits, flows; /* a second */
};

struct top {
	const json_t *status;
	struct top_row *rows; /* owned */
	size_t count;
	double seconds;       /* since the status before; 0: there was none */
	const json_t *before; /* NULL: none */
};

/* Makes rows of the status, and of the one so many seconds before, if there was one. Both must
 * outlive it. -ENOMEM. */
int top_make(struct top *out, const json_t *status, const json_t *before, double seconds);
void top_release(struct top *t);

/* Largest first, but for names and states; the other way round if `reverse`. */
void top_sort(struct top *t, enum top_column by, bool reverse);

/* One line each, cut to `width` or filled with blanks up to it, without a newline. */
#define TOP_WIDTH_MAX 512
#define TOP_WIDTH_MIN 40
const char *top_head(const struct top *t, size_t width, char buf[static TOP_WIDTH_MAX + 1]);
const char *top_traffic(const struct top *t, size_t width, char buf[static TOP_WIDTH_MAX + 1]);
const char *top_titles(size_t width, enum top_column by, char buf[static TOP_WIDTH_MAX + 1]);
const char *top_line(const struct top_row *row, size_t width, char buf[static TOP_WIDTH_MAX + 1]);

#endif
