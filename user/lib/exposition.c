// SPDX-License-Identifier: GPL-2.0
#include "lib/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

void exposition_release(struct exposition *e)
{
	free(e->text);
	*e = (struct exposition){};
}

/* Room for so many bytes more, or NULL. */
static char *room(struct exposition *e, size_t more)
{
	size_t capacity = e->capacity ? e->capacity : 4096;
	char *grown;

	if (e->out_of_memory)
		return NULL;
	while (capacity - e->length < more)
		capacity *= 2;
	if (capacity != e->capacity) {
		grown = realloc(e->text, capacity);
		if (!grown) {
			e->out_of_memory = true;
			return NULL;
		}
		e->text = grown;
		e->capacity = capacity;
	}
	return e->text + e->length;
}

static char *put(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

static char *put_text(char *at, const char *text)
{
	return put(at, text, strlen(text));
}

/* printf() is most of the time of a large exposition: counters are written without it. */
static char *put_count(char *at, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return put(at, digits + i, sizeof(digits) - i);
}

#define REAL_MAX 32

/* Nine digits of what is from 0.0001 to below 1, as most reals here are, as "%.9g" writes them. */
static char *put_fraction(char *at, double real)
{
	static const double scales[] = { 1e9, 1e10, 1e11, 1e12 };
	int zeros = real >= 0.1 ? 0 : real >= 0.01 ? 1 : real >= 0.001 ? 2 : 3;
	uint64_t n = (uint64_t)nearbyint(real * scales[zeros]);
	int digits = 9;

	if (n >= 1000000000) /* rounded up to one digit more */
		return at + snprintf(at, REAL_MAX, "%.9g", real);
	for (; digits > 1 && n % 10 == 0; digits--)
		n /= 10;
	at = put(at, "0.000", 2 + (size_t)zeros);
	for (int i = digits; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
	return at + digits;
}

/* Nine digits tell apart any two shares of 65536 slots. */
static char *put_real(char *at, double real)
{
	if (isnan(real))
		return put_text(at, "NaN");
	if (isinf(real))
		return put_text(at, real > 0 ? "+Inf" : "-Inf");
	if (real >= 0 && real < 1e9 && real == floor(real))
		return put_count(at, (uint64_t)real);
	if (real >= 0.0001 && real < 1)
		return put_fraction(at, real);
	return at + snprintf(at, REAL_MAX, "%.9g", real);
}

void exposition_raw(struct exposition *e, const char *bytes, size_t length)
{
	char *at = room(e, length);

	if (!at)
		return;
	put(at, bytes, length);
	e->length += length;
}

void exposition_family(struct exposition *e, const char *name, enum exposition_type type,
		       const char *help)
{
	static const char *const types[] = {
		[EXPOSITION_COUNTER] = "counter",
		[EXPOSITION_GAUGE] = "gauge",
		[EXPOSITION_HISTOGRAM] = "histogram",
	};
	size_t length = strlen(name);
	char *at = room(e, 2 * length + strlen(help) + 40);

	if (!at)
		return;
	at = put(put_text(at, "# HELP "), name, length);
	at = put_text(put_text(put_text(at, " "), help), "\n# TYPE ");
	at = put_text(put(at, name, length), " ");
	at = put_text(put_text(at, types[type]), "\n");
	e->length = (size_t)(at - e->text);
}

void exposition_sample(struct exposition *e, const char *name, const char *labels,
		       struct exposition_value value)
{
	size_t name_length = strlen(name), labels_length = strlen(labels);
	char *at;

	if (value.kind == VALUE_UNKNOWN)
		return;
	at = room(e, name_length + labels_length + REAL_MAX + 8);
	if (!at)
		return;
	at = put(at, name, name_length);
	if (labels_length)
		at = put_text(put(put_text(at, "{"), labels, labels_length), "}");
	at = put_text(at, " ");
	at = value.kind == VALUE_COUNT ? put_count(at, value.count) : put_real(at, value.real);
	at = put_text(at, "\n");
	e->length = (size_t)(at - e->text);
}

/* The next character of a value as it is written, into buf. Returns how many bytes it was. */
static size_t escape_next(const char *value, char buf[static 8])
{
	uint32_t code;
	size_t size = utf8_next(value, strlen(value), &code);

	if (!size) {
		strcpy(buf, "?");
		return 1;
	}
	if (code == '\n')
		strcpy(buf, "\\n");
	else
		snprintf(buf, 8, "%s%.*s", code == '"' || code == '\\' ? "\\" : "", (int)size,
			 value);
	return size;
}

/* How many bytes need no care: names have no others. */
static size_t plain_length(const char *value)
{
	size_t n = 0;

	while (value[n] >= ' ' && value[n] <= '~' && value[n] != '"' && value[n] != '\\')
		n++;
	return n;
}

const char *labels_add(struct labels *l, const char *name, const char *value)
{
	/* The closing quote and the end of the text must fit, too. */
	const size_t end = sizeof(l->text) - 2;
	size_t head = strlen(name) + strlen(",=\"");
	char piece[8];

	if (l->length + head > end)
		return l->text; /* no room for the name: no such label */
	if (l->length)
		l->text[l->length++] = ',';
	l->length = (size_t)(put_text(put_text(l->text + l->length, name), "=\"") - l->text);
	while (*value) {
		size_t plain = plain_length(value);

		if (plain && l->length + plain <= end) {
			memcpy(l->text + l->length, value, plain);
			l->length += plain;
			value += plain;
			continue;
		}

		size_t size = escape_next(value, piece), length = strlen(piece);

		if (l->length + length > end)
			break;
		memcpy(l->text + l->length, piece, length);
		l->length += length;
		value += size;
	}
	strcpy(l->text + l->length, "\"");
	l->length++;
	return l->text;
}
