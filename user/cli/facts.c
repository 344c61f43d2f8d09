// SPDX-License-Identifier: GPL-2.0
#include "cli/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

const char *fact_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t fact_count(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

double fact_share(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : -1;
}

bool fact_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const json_t *fact_named(const json_t *array, const char *name)
{
	const json_t *element;
	size_t i;

	json_array_foreach(array, i, element)
		if (!strcmp(fact_text(element, "name"), name))
			return element;
	return NULL;
}

char *fact_join(const json_t *array, const char *separator)
{
	char *joined = NULL;
	size_t size = 0, i;
	const json_t *element;
	FILE *out = open_memstream(&joined, &size);

	if (!out)
		return NULL;
	json_array_foreach(array, i, element) {
		const char *text = json_string_value(element);

		fprintf(out, "%s%s", i ? separator : "", text ? text : "");
	}
	if (fclose(out)) {
		free(joined);
		return NULL;
	}
	return joined;
}

void fact_print(const json_t *value, bool one_line)
{
	json_dumpf(value, stdout, one_line ? JSON_COMPACT : JSON_INDENT(2));
	putchar('\n');
}
