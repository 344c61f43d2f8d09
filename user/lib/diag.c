// SPDX-License-Identifier: GPL-2.0
#include "lib/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

/* Diagnostics quote what a user wrote, and end on terminals and in JSON: what could steer the
 * one or break the other becomes '?'. */
static void make_printable(char *text)
{
	size_t left = strlen(text);

	while (left) {
		uint32_t code = 0;
		size_t size = utf8_next(text, left, &code);
		bool bad = !size || utf8_is_hidden(code);

		size = size ? size : 1;
		if (bad)
			memset(text, '?', size);
		text += size;
		left -= size;
	}
}

static int make_room(struct diag *d)
{
	size_t capacity = d->capacity ? 2 * d->capacity : 16;
	struct diag_entry *grown;

	if (d->count < d->capacity)
		return 0;
	grown = reallocarray(d->entries, capacity, sizeof(*grown));
	if (!grown)
		return -1;
	d->entries = grown;
	d->capacity = capacity;
	return 0;
}

__attribute__((format(printf, 3, 0))) static void add(struct diag *d, struct diag_entry entry,
						      const char *format, va_list arguments)
{
	if (entry.severity == DIAG_ERROR)
		d->errors++;
	if (make_room(d) || vasprintf(&entry.text, format, arguments) < 0) {
		d->out_of_memory = true;
		return;
	}
	make_printable(entry.text);
	d->entries[d->count++] = entry;
}

void diag_error(struct diag *d, unsigned int line, unsigned int column, const char *format, ...)
{
	struct diag_entry entry = { .severity = DIAG_ERROR, .line = line, .column = column };
	va_list arguments;

	va_start(arguments, format);
	add(d, entry, format, arguments);
	va_end(arguments);
}

void diag_warning(struct diag *d, unsigned int line, unsigned int column, const char *format, ...)
{
	struct diag_entry entry = { .severity = DIAG_WARNING, .line = line, .column = column };
	va_list arguments;

	va_start(arguments, format);
	add(d, entry, format, arguments);
	va_end(arguments);
}

bool diag_failed(const struct diag *d)
{
	return d->errors || d->out_of_memory;
}

struct ordered_entry {
	struct diag_entry entry;
	size_t order;
};

static int compare_places(const void *a, const void *b)
{
	const struct ordered_entry *l = a, *r = b;

	if (l->entry.line != r->entry.line)
		return l->entry.line < r->entry.line ? -1 : 1;
	if (l->entry.column != r->entry.column)
		return l->entry.column < r->entry.column ? -1 : 1;
	return l->order < r->order ? -1 : l->order > r->order;
}

void diag_sort(struct diag *d)
{
	_cleanup_(free_ptr) struct ordered_entry *sorted = NULL;

	if (d->count < 2)
		return;
	sorted = reallocarray(NULL, d->count, sizeof(*sorted));
	if (!sorted) {
		d->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < d->count; i++)
		sorted[i] = (struct ordered_entry){ d->entries[i], i };
	qsort(sorted, d->count, sizeof(*sorted), compare_places);
	for (size_t i = 0; i < d->count; i++)
		d->entries[i] = sorted[i].entry;
}

char *diag_line(const struct diag *d, size_t i)
{
	const struct diag_entry *e = &d->entries[i];
	const char *severity = e->severity == DIAG_ERROR ? "error" : "warning";
	const char *file = d->file ? d->file : "";
	const char *colon = d->file ? ": " : "";
	char *line;
	int length;

	if (e->line)
		length = asprintf(&line, "%s%s%u:%u: %s: %s", file, d->file ? ":" : "", e->line,
				  e->column, severity, e->text);
	else
		length = asprintf(&line, "%s%s%s: %s", file, colon, severity, e->text);
	return length < 0 ? NULL : line;
}

void diag_release(struct diag *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->entries[i].text);
	free(d->entries);
	*d = (struct diag){ .file = d->file };
}
