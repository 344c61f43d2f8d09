// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/preflight.h"

static struct finding *next_entry(struct findings *f)
{
	if (f->count == f->capacity) {
		size_t capacity = f->capacity ? 2 * f->capacity : 16;
		struct finding *grown = realloc(f->entries, capacity * sizeof(*grown));

		if (!grown) {
			f->out_of_memory = true;
			return NULL;
		}
		f->entries = grown;
		f->capacity = capacity;
	}
	return &f->entries[f->count++];
}

void finding_add(struct findings *f, enum finding_level level, const char *check,
		 const char *subject, const char *remedy, const char *format, ...)
{
	struct finding *e = next_entry(f);
	va_list args;

	if (!e)
		return;
	e->level = level;
	(void)snprintf(e->check, sizeof(e->check), "%s", check);
	(void)snprintf(e->subject, sizeof(e->subject), "%s", subject);
	(void)snprintf(e->remedy, sizeof(e->remedy), "%s", remedy);
	va_start(args, format);
	(void)vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
}

void findings_release(struct findings *f)
{
	free(f->entries);
	*f = (struct findings){};
}

bool findings_failed(const struct findings *f)
{
	if (f->out_of_memory)
		return true;
	for (size_t i = 0; i < f->count; i++)
		if (f->entries[i].level == FINDING_ERROR)
			return true;
	return false;
}
