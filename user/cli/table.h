/* SPDX-License-Identifier: GPL-2.0 */
/* Aligned text tables for people. */
#ifndef EVENKEEL_CLI_TABLE_H
#define EVENKEEL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct column {
	const char *title;
	bool right; /* numbers */
};

/* {.columns, .width} set is a valid empty one. */
struct table {
	const struct column *columns;
	size_t width; /* columns */
	char **cells; /* row by row */
	size_t count, capacity;
	bool out_of_memory; /* a cell was lost; table_print() says so */
};

/* Adds the next cell, formatted. Never fails: see out_of_memory. */
void table_add(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *t, FILE *out, const char *indent);
void table_release(struct table *t);

#endif
