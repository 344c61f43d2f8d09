/* SPDX-License-Identifier: GPL-2.0 */
/* Diagnostics: a user's mistakes, all of them, each with its place. Pure. */
#ifndef EVENKEEL_LIB_DIAG_H
#define EVENKEEL_LIB_DIAG_H

#include <stdbool.h>
#include <stddef.h>

/* Where in the text a thing stands. */
struct place {
	unsigned int line, column;
};

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag_entry {
	enum diag_severity severity;
	unsigned int line, column; /* from 1; 0: the file as a whole */
	char *text;                /* owned */
};

/* Collected diagnostics. {} with .file set is a valid empty one. */
struct diag {
	const char *file; /* for printing; not owned */
	struct diag_entry *entries;
	size_t count, capacity;
	size_t errors;
	bool out_of_memory; /* an entry was lost; counts as an error */
};

/* Adds one; the text is formatted. Never fails: when memory runs out, says so at the end. */
void diag_error(struct diag *d, unsigned int line, unsigned int column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void diag_warning(struct diag *d, unsigned int line, unsigned int column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* True if there is an error, or memory ran out. */
bool diag_failed(const struct diag *d);

/* Sorts by place, keeping the order of equals. */
void diag_sort(struct diag *d);

/* "file:line:column: error: text" of entry i, allocated; NULL when memory runs out. */
char *diag_line(const struct diag *d, size_t i);

void diag_release(struct diag *d);

/* The candidate nearest to `word` by Damerau-Levenshtein distance, if it is near enough to be
 * a typing error (at most 2 edits and less than half of the word); NULL otherwise. */
const char *suggest(const char *word, const char *const *candidates, size_t count);

#endif
