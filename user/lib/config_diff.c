// SPDX-License-Identifier: GPL-2.0
#include "lib/config_diff.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static void json_release(json_t **j)
{
	json_decref(*j);
}

void config_diff_release(struct config_diff *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->entries[i].path);
		free(d->entries[i].text);
	}
	free(d->entries);
	*d = (struct config_diff){};
}

/* Takes both texts over, also when it fails. */
static int add(struct config_diff *d, char *path, char *text)
{
	_cleanup_(free_ptr) char *p = path, *t = text;

	if (!p || !t)
		return -ENOMEM;
	if (d->count == d->capacity) {
		size_t more = d->capacity ? 2 * d->capacity : 16;
		struct config_difference *grown = reallocarray(d->entries, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		d->entries = grown;
		d->capacity = more;
	}
	d->entries[d->count++] = (struct config_difference){ take_ptr(p), take_ptr(t) };
	return 0;
}

/* A value in a line: texts without quotes, the rest as JSON. */
static char *value_text(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* What a mapping is, where it is new or gone: a backend's address and weight, a service's listeners
 * and how many backends. */
static char *mapping_text(const json_t *m, const char *what)
{
	const char *address = json_string_value(json_object_get(m, "address"));
	const json_t *weight = json_object_get(m, "weight"), *backends, *listen;
	char *text = NULL;
	int length;

	backends = json_object_get(m, "backends");
	listen = json_object_get(m, "listen");
	if (address)
		length = asprintf(&text, "%s (%s, weight %lld)", what, address,
				  (long long)json_integer_value(weight));
	else if (backends)
		length = asprintf(&text, "%s (%s%s, %zu backends)", what,
				  json_array_size(listen)
					  ? json_string_value(json_array_get(listen, 0))
					  : "no listener",
				  json_array_size(listen) > 1 ? ", ..." : "",
				  json_object_size(backends));
	else
		length = asprintf(&text, "%s", what);
	return length < 0 ? NULL : text;
}

static char *element_text(const json_t *value, const char *what)
{
	_cleanup_(free_ptr) char *shown = value_text(value);
	char *text = NULL;

	return shown && asprintf(&text, "%s (%s)", what, shown) >= 0 ? text : NULL;
}

static char *gone_or_new(const json_t *value, const char *what)
{
	return json_is_object(value) ? mapping_text(value, what) : element_text(value, what);
}

/* "" and "services" and "web" is "service web": what people call it. */
static char *path_of(const char *above, const char *in, const char *key)
{
	const char *kind = !strcmp(in, "services")   ? "service "
			   : !strcmp(in, "backends") ? "backend "
						     : "";
	char *path;

	return asprintf(&path, "%s%s%s%s", above, *above ? ": " : "", kind, key) < 0 ? NULL : path;
}

static int compare(struct config_diff *d, const char *path, const char *key, const json_t *from,
		   const json_t *to);

static bool is_family(const char *key)
{
	return !strcmp(key, "services") || !strcmp(key, "backends");
}

/* `in`: the key of this mapping itself. */
static int compare_mappings(struct config_diff *d, const char *path, const char *in,
			    const json_t *from, const json_t *to)
{
	const char *key;
	json_t *value;
	int err;

	json_object_foreach((json_t *)from, key, value) {
		_cleanup_(free_ptr) char *at =
			is_family(key) ? strdup(path) : path_of(path, in, key);
		const json_t *other = json_object_get(to, key);

		err = !at     ? -ENOMEM
		      : other ? compare(d, at, key, value, other)
			      : add(d, strdup(at), gone_or_new(value, "removed"));
		if (err)
			return err;
	}
	json_object_foreach((json_t *)to, key, value) {
		if (json_object_get(from, key))
			continue;
		err = add(d, path_of(path, in, key), gone_or_new(value, "added"));
		if (err)
			return err;
	}
	return 0;
}

static bool holds(const json_t *array, const json_t *value)
{
	const json_t *one;
	size_t i;

	json_array_foreach(array, i, one)
		if (json_equal(one, value))
			return true;
	return false;
}

static int elements(struct config_diff *d, const char *path, const json_t *of, const json_t *less,
		    const char *what)
{
	const json_t *value;
	size_t i;

	json_array_foreach(of, i, value) {
		int err = holds(less, value) ? 0 : add(d, strdup(path), element_text(value, what));

		if (err)
			return err;
	}
	return 0;
}

/* Lists are sets here; one in another order alone is said to be just that. */
static int compare_lists(struct config_diff *d, const char *path, const json_t *from,
			 const json_t *to)
{
	size_t before = d->count;
	int err = elements(d, path, from, to, "removed") ?: elements(d, path, to, from, "added");

	if (err || d->count > before)
		return err;
	return add(d, strdup(path), strdup("in another order"));
}

static int compare(struct config_diff *d, const char *path, const char *key, const json_t *from,
		   const json_t *to)
{
	_cleanup_(free_ptr) char *a = NULL, *b = NULL;
	char *text;

	if (json_equal(from, to) && !is_family(key))
		return 0;
	if (json_is_object(from) && json_is_object(to))
		return compare_mappings(d, path, key, from, to);
	if (json_is_array(from) && json_is_array(to))
		return compare_lists(d, path, from, to);
	a = value_text(from);
	b = value_text(to);
	if (!a || !b || asprintf(&text, "%s -> %s", a, b) < 0)
		return -ENOMEM;
	return add(d, strdup(path), text);
}

/* ---- what need not be parsed ----------------------------------------------------------------- */

/* A canonical text is laid out in lines: a service begins with four blanks and its quoted name, and
 * ends with a line of four blanks and a brace. Thousands of services that are the same in both, before
 * the first difference and behind the last one, are not looked at. */
static const char *service_begins(const char *text, const char *at)
{
	const char *head = strstr(text, "\n  \"services\": {\n");

	if (!head || at <= head)
		return NULL;
	while (at > head && (at[0] != '\n' || strncmp(at, "\n    \"", 6)))
		at--;
	return at > head ? at : NULL;
}

static const char *service_ends(const char *at)
{
	const char *end = strstr(at, "\n    }");

	return end ? end + strlen("\n    }") : NULL;
}

/* What of the text is parsed: all, or its beginning, and services from..to. */
static json_t *load_part(const char *text, const char *from, const char *to)
{
	static const char tail[] = "\n  }\n}";
	const char *head = strstr(text, "\n  \"services\": {\n");
	size_t first, middle;
	char *part;
	json_t *json;

	if (!from || !to || !head)
		return json_loads(text, 0, NULL);
	first = (size_t)(head - text) + strlen("\n  \"services\": {");
	middle = to > from ? (size_t)(to - from) : 0;
	part = malloc(first + middle + sizeof(tail));
	if (!part)
		return NULL;
	memcpy(part, text, first);
	memcpy(part + first, from, middle);
	memcpy(part + first + middle, tail, sizeof(tail));
	json = json_loads(part, 0, NULL);
	free(part);
	return json;
}

static void load_both(const char *a, const char *b, json_t **out_a, json_t **out_b)
{
	size_t size_a = strlen(a), size_b = strlen(b), same = 0, tail = 0;
	size_t least = size_a < size_b ? size_a : size_b;
	const char *from, *to_a, *to_b;

	while (same < least && a[same] == b[same])
		same++;
	while (tail < least - same && a[size_a - tail - 1] == b[size_b - tail - 1])
		tail++;
	from = service_begins(a, a + same);
	to_a = service_ends(a + size_a - tail);
	to_b = service_ends(b + size_b - tail);
	/* The service that is common by its end alone must be cut at the same place in both. */
	if (!from || !to_a || !to_b || a + size_a - to_a != b + size_b - to_b)
		from = NULL;
	*out_a = load_part(a, from, to_a);
	*out_b = load_part(b, from ? b + (from - a) : NULL, to_b);
}

int config_diff_make(struct config_diff *out, const char *from, const char *to)
{
	_cleanup_(json_release) json_t *a = NULL, *b = NULL;
	_cleanup_(config_diff_release) struct config_diff d = {};
	int err;

	load_both(from, to, &a, &b);
	if (!json_is_object(a) || !json_is_object(b))
		return -EINVAL;
	err = compare_mappings(&d, "", "", a, b);
	if (err)
		return err;
	*out = d;
	d = (struct config_diff){};
	return 0;
}

char *config_difference_line(const struct config_difference *d)
{
	/* "web-1: added", but "weight 100 -> 1000". */
	const char *between = strstr(d->text, " -> ") ? " " : ": ";
	char *line;

	return asprintf(&line, "%s%s%s", d->path, between, d->text) < 0 ? NULL : line;
}

bool config_diff_touches(const struct config_diff *d, const char *service, const char *key)
{
	for (size_t i = 0; i < d->count; i++) {
		const char *path = d->entries[i].path;
		size_t length = strlen(service);

		if (strncmp(path, "service ", 8) || strncmp(path + 8, service, length))
			continue;
		path += 8 + length;
		if (!*path) /* added, or removed */
			return true;
		if (!strncmp(path, ": ", 2) && (!key || !strncmp(path + 2, key, strlen(key))))
			return true;
	}
	return false;
}

bool config_diff_beyond_pool(const struct config_diff *d, const char *service)
{
	for (size_t i = 0; i < d->count; i++) {
		const char *path = d->entries[i].path;
		size_t length = strlen(service);

		if (!strncmp(path, "service ", 8) && !strncmp(path + 8, service, length) &&
		    !strncmp(path + 8 + length, ": ", 2) &&
		    strncmp(path + 10 + length, "backend ", 8))
			return true;
	}
	return false;
}

const struct config_difference *config_diff_find(const struct config_diff *d, const char *path)
{
	for (size_t i = 0; i < d->count; i++)
		if (!strcmp(d->entries[i].path, path))
			return &d->entries[i];
	return NULL;
}

/* Room for what says how many are left out. */
#define MORE_MAX 32

char *config_diff_summary(const struct config_diff *d, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < d->count; i++) {
		_cleanup_(free_ptr) char *line = config_difference_line(&d->entries[i]);
		size_t length = line ? strlen(line) : 0;

		if (!line || used + length + 2 + MORE_MAX > size) {
			snprintf(out + used, size - used, "%sand %zu more", used ? "; " : "",
				 d->count - i);
			break;
		}
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "; " : "", line);
	}
	return out;
}
