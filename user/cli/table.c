// SPDX-License-Identifier: GPL-2.0
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static int table_grow(struct table *t)
{
	size_t capacity = t->capacity ? 2 * t->capacity : 64;
	char **cells = realloc(t->cells, capacity * sizeof(*cells));

	if (!cells)
		return -1;
	t->cells = cells;
	t->capacity = capacity;
	return 0;
}

void table_add(struct table *t, const char *format, ...)
{
	char *cell = NULL;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&cell, format, arguments);
	va_end(arguments);
	if (length < 0 || (t->count == t->capacity && table_grow(t))) {
		if (length >= 0)
			free(cell);
		t->out_of_memory = true;
		return;
	}
	t->cells[t->count++] = cell;
}

static int column_width(const struct table *t, size_t column)
{
	size_t width = strlen(t->columns[column].title);

	for (size_t i = column; i < t->count; i += t->width)
		if (strlen(t->cells[i]) > width)
			width = strlen(t->cells[i]);
	return (int)width;
}

/* One row; nothing is padded at its end. */
static void row_print(const struct table *t, FILE *out, const char *indent, const char *const *row)
{
	size_t count = t->width;

	while (count && !*row[count - 1])
		count--;
	fputs(indent, out);
	for (size_t c = 0; c < count; c++) {
		const char *gap = c ? "  " : "";

		if (t->columns[c].right)
			fprintf(out, "%s%*s", gap, column_width(t, c), row[c]);
		else if (c + 1 == count)
			fprintf(out, "%s%s", gap, row[c]);
		else
			fprintf(out, "%s%-*s", gap, column_width(t, c), row[c]);
	}
	fputc('\n', out);
}

void table_print(const struct table *t, FILE *out, const char *indent)
{
	_cleanup_(free_ptr) const char **titles = calloc(t->width, sizeof(*titles));

	if (t->out_of_memory || !titles) {
		fprintf(out, "%s(out of memory: the table is left out)\n", indent);
		return;
	}
	for (size_t c = 0; c < t->width; c++)
		titles[c] = t->columns[c].title;
	row_print(t, out, indent, titles);
	for (size_t row = 0; row + t->width <= t->count; row += t->width)
		row_print(t, out, indent, (const char *const *)&t->cells[row]);
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->count = t->capacity = 0;
}
