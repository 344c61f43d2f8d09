// SPDX-License-Identifier: GPL-2.0
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static void cell_print(const struct table *t, FILE *out, size_t column, const char *text)
{
	const char *gap = column ? "  " : "";

	if (t->columns[column].right)
		fprintf(out, "%s%*s", gap, column_width(t, column), text);
	else if (column + 1 == t->width)
		fprintf(out, "%s%s", gap, text);
	else
		fprintf(out, "%s%-*s", gap, column_width(t, column), text);
}

void table_print(const struct table *t, FILE *out, const char *indent)
{
	if (t->out_of_memory) {
		fprintf(out, "%s(out of memory: the table is left out)\n", indent);
		return;
	}
	fputs(indent, out);
	for (size_t c = 0; c < t->width; c++)
		cell_print(t, out, c, t->columns[c].title);
	fputc('\n', out);
	for (size_t row = 0; row + t->width <= t->count; row += t->width) {
		fputs(indent, out);
		for (size_t c = 0; c < t->width; c++)
			cell_print(t, out, c, t->cells[row + c]);
		fputc('\n', out);
	}
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->count = t->capacity = 0;
}
