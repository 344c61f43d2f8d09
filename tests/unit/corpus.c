// SPDX-License-Identifier: GPL-2.0
#include "corpus.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- sane configurations --------------------------------------------------------------------- */

#define EVEN                                                                                       \
	{                                                                                          \
		100, 100                                                                           \
	}
#define HTTP "health: { type: http, port: 8080, path: /healthz }"

const struct corpus_sane corpus_sane[CORPUS_SANE] = {
	{ { { "web", "ipip", 4, false, EVEN, NULL } }, 1, false },
	{ { { "web", "ipip", 4, false, EVEN, HTTP } }, 1, true },
	{ { { "web", "l2", 2, false, EVEN, NULL } }, 1, false },
	{ { { "web", "ipip", 2, false, EVEN, HTTP } }, 1, true },
	{ { { "web", "gue", 8, false, EVEN, HTTP } }, 1, true },
	{ { { "web", "ipip", 8, true, EVEN, NULL } }, 1, false },
	{ { { "web", "nat", 4, false, EVEN, NULL } }, 1, true },
	{ { { "web", "ipip", 3, false, EVEN, NULL } }, 1, false },
	{ { { "web", "ipip", 6, false, { 100, 200 }, HTTP } }, 1, false },
	{ { { "web", "ipip", 12, false, { 100, 150 }, HTTP } }, 1, true },
	{ { { "web", "ipip", 1, false, EVEN, NULL } }, 1, false },
	{ { { "web", "ipip", 5, false, EVEN, "health: none" } }, 1, true },
	{ { { "web", "ipip", 8, false, EVEN, HTTP }, { "api", "ipip", 2, false, EVEN, NULL } },
	  2,
	  true },
	{ { { "web", "ipip", 8, false, EVEN, NULL }, { "api", "ipip", 2, false, EVEN, NULL } },
	  2,
	  false },
	{ { { "web", "l2", 3, false, EVEN, NULL }, { "dns", "l2", 3, false, EVEN, NULL } },
	  2,
	  false },
	{ { { "shop", "nat", 4, false, EVEN, HTTP }, { "admin", "nat", 2, false, EVEN, NULL } },
	  2,
	  true },
	{ { { "web", "ipip", 6, false, EVEN, HTTP },
	    { "api", "gue", 4, true, EVEN, HTTP },
	    { "mail", "ipip", 2, false, EVEN, NULL } },
	  3,
	  true },
	{ { { "web", "ipip", 10, true, EVEN, NULL },
	    { "api", "ipip", 3, true, EVEN, NULL },
	    { "old", "ipip", 1, true, EVEN, NULL } },
	  3,
	  false },
	{ { { "a", "ipip", 4, false, EVEN, NULL },
	    { "b", "ipip", 4, false, EVEN, NULL },
	    { "c", "ipip", 4, false, EVEN, NULL },
	    { "d", "ipip", 4, false, EVEN, NULL } },
	  4,
	  false },
	{ { { "web", "ipip", 4, false, { 50, 100 }, HTTP },
	    { "img", "ipip", 6, false, EVEN, HTTP },
	    { "api", "ipip", 3, false, EVEN, HTTP },
	    { "ws", "ipip", 2, false, EVEN, HTTP },
	    { "old", "ipip", 1, false, EVEN, HTTP } },
	  5,
	  true },
};

static const struct corpus_edit none;

struct writer {
	char *out;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	w->used +=
		(size_t)vsnprintf(w->out + w->used, CORPUS_TEXT_MAX - w->used, format, arguments);
	va_end(arguments);
}

static void backend(struct writer *w, const struct corpus_service *s, unsigned int at,
		    unsigned int n, const struct corpus_edit *e)
{
	unsigned int net = e->net ? e->net : at + 1;
	uint32_t weight = n == e->weighed ? e->weight : s->weights[n % 2];

	put(w, "      %s%s-%u: { address: ", s->name, e->renamed ? "srv" : "", n);
	put(w, s->ipv6 ? "\"2001:db8:%u::%u\"" : "10.0.%u.%u", net, 10 + n);
	if (!strcmp(s->forward, "nat"))
		put(w, ", port: %u", 8000 + at);
	if (e->green)
		weight = n % 2 ? 0 : 100;
	if (weight != 100 || at == 0)
		put(w, ", weight: %u", weight);
	put(w, "%s }\n", n == e->drained ? ", drain: true" : "");
}

static void service(struct writer *w, const struct corpus_service *s, unsigned int at,
		    const struct corpus_edit *e)
{
	unsigned int first = e->first ? e->first : 1;
	unsigned int count = e->backends ? e->backends : s->backends;

	put(w, "  %s:\n    listen:\n", s->name);
	/* With a port of their own, backends of nat can have one listener. */
	for (unsigned int port = 443; port;
	     port = port == 443 && strcmp(s->forward, "nat") ? 80 : 0)
		put(w,
		    s->ipv6 ? "      - \"[2001:db8:f::%u]:%u/tcp\"\n"
			    : "      - \"203.0.113.%u:%u/tcp\"\n",
		    10 + at, port);
	put(w, "    forward: %s\n", s->forward);
	if (s->health)
		put(w, "    %s\n", s->health);
	if (e->service_text)
		put(w, "    %s\n", e->service_text);
	put(w, "    backends:\n");
	for (unsigned int n = first; n < first + count; n++)
		if (n != e->without)
			backend(w, s, at, n, e);
}

void corpus_text(char out[static CORPUS_TEXT_MAX], const struct corpus_sane *sane,
		 const struct corpus_edit *edit)
{
	const struct corpus_edit *e = edit ? edit : &none;
	struct writer w = { .out = out };

	put(&w, "interfaces: [eth0]\nservices:\n");
	for (unsigned int i = 0; i < sane->count; i++)
		if (i + 1 != e->skip)
			service(&w, &sane->services[i], i, i ? &none : e);
	if (e->more)
		put(&w, "%s", e->more);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

const char *const mutation_names[MUTATION_COUNT] = {
#define NAME(id, name) name,
	MUTATIONS(NAME)
#undef NAME
};

/* Where a line that has `part` begins: the one that `random` says. NULL: there is none. */
static const char *line_with(const char *text, const char *part, uint64_t random)
{
	const char *found[512];
	size_t count = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		const char *hit = strstr(line, part);

		if (hit && hit < line + strcspn(line, "\n") && count < 512)
			found[count++] = line;
	}
	return count ? found[random % count] : NULL;
}

static void splice(char *out, const char *text, const char *at, size_t drop, const char *insert)
{
	snprintf(out, CORPUS_TEXT_MAX, "%.*s%s%s", (int)(at - text), text, insert, at + drop);
}

/* Two neighbouring digits that differ, exchanged. */
static bool swap_digits(char *out, const char *text, uint64_t random)
{
	size_t places[2048], count = 0;

	for (size_t i = 0; text[i] && count < 2048; i++)
		if (isdigit((unsigned char)text[i]) && isdigit((unsigned char)text[i + 1]) &&
		    text[i] != text[i + 1])
			places[count++] = i;
	if (!count)
		return false;
	strcpy(out, text);
	random = places[random % count];
	out[random] = text[random + 1];
	out[random + 1] = text[random];
	return true;
}

/* A zero behind a number behind `mark`. */
static bool add_zero(char *out, const char *text, const char *mark, uint64_t random)
{
	const char *line = line_with(text, mark, random), *at;

	if (!line)
		return false;
	at = strstr(line, mark) + strlen(mark);
	at += strspn(at, "0123456789");
	splice(out, text, at, 0, "0");
	return true;
}

static bool lose_lines(char *out, const char *text, size_t lines, const char *part, uint64_t random)
{
	const char *line = line_with(text, part, random), *end = line;

	if (!line)
		return false;
	for (size_t i = 0; i < lines && *end; i++)
		end += strcspn(end, "\n") + 1;
	splice(out, text, line, (size_t)(end - line), "");
	return true;
}

static bool duplicate(char *out, const char *text, uint64_t random)
{
	const char *line = line_with(text, ":", random);
	char copy[256];

	snprintf(copy, sizeof(copy), "%.*s\n", (int)strcspn(line, "\n"), line);
	splice(out, text, line, 0, copy);
	return true;
}

/* Another host, which nobody is: the last part of its address becomes 200 and more. */
static bool stale(char *out, const char *text, size_t times, uint64_t random)
{
	char from[CORPUS_TEXT_MAX];
	const char *line = line_with(text, "address: ", random);

	strcpy(from, text);
	for (size_t i = 0; line && i < times; i++) {
		const char *at = strstr(from + (line - text), "address: "), *end;
		char number[8];

		if (!at)
			return i > 0;
		end = at + strcspn(at, " ") + 1;
		end += strcspn(end, ",} \"") + (*end == '"');
		end += strcspn(end, ",} \"");
		while (!isdigit((unsigned char)end[-1]))
			end--;
		at = end;
		while (isdigit((unsigned char)at[-1]))
			at--;
		snprintf(number, sizeof(number), "%zu", 200 + i);
		splice(out, from, at, (size_t)(end - at), number);
		line = text + (at - from) + 3 + strcspn(at, "\n");
		strcpy(from, out);
		if (line >= text + strlen(text))
			return true;
	}
	return line;
}

/* Exchanges what stands behind `mark` in the first service with that of the second. */
static bool exchange(char *out, const char *text, const char *mark, const char *until)
{
	const char *a = strstr(text, mark), *b = a ? strstr(a + 1, mark) : NULL;
	const char *a_end, *b_end;

	if (!b)
		return false;
	a += strlen(mark);
	b += strlen(mark);
	a_end = strstr(a, until);
	b_end = strstr(b, until);
	a_end = a_end && a_end < b ? a_end : strstr(a, "\n  ");
	if (!b_end)
		b_end = text + strlen(text);
	snprintf(out, CORPUS_TEXT_MAX, "%.*s%.*s%.*s%.*s%s", (int)(a - text), text,
		 (int)(b_end - b), b, (int)(b - a_end), a_end, (int)(a_end - a), a, b_end);
	return true;
}

/* The lines below "backends:" of the first two services. */
static bool exchange_pools(char *out, const char *text)
{
	static const char mark[] = "    backends:\n";
	const char *a = strstr(text, mark), *b = a ? strstr(a + 1, mark) : NULL;
	const char *a_end = a + sizeof(mark) - 1, *b_end;

	if (!b)
		return false;
	a = a_end;
	while (!strncmp(a_end, "      ", 6))
		a_end += strcspn(a_end, "\n") + 1;
	b_end = b += sizeof(mark) - 1;
	while (!strncmp(b_end, "      ", 6))
		b_end += strcspn(b_end, "\n") + 1;
	snprintf(out, CORPUS_TEXT_MAX, "%.*s%.*s%.*s%.*s%s", (int)(a - text), text,
		 (int)(b_end - b), b, (int)(b - a_end), a_end, (int)(a_end - a), a, b_end);
	return true;
}

static bool replace(char *out, const char *text, const char *part, const char *by, uint64_t random)
{
	const char *line = line_with(text, part, random);

	if (!line)
		return false;
	splice(out, text, strstr(line, part), strlen(part), by);
	return true;
}

bool corpus_mutate(char out[static CORPUS_TEXT_MAX], const char *text, enum mutation mutation,
		   uint64_t random)
{
	switch (mutation) {
	case MUTATION_SWAPPED_DIGITS:
		return swap_digits(out, text, random);
	case MUTATION_DUPLICATED_LINE:
		return duplicate(out, text, random);
	case MUTATION_LOST_LINE:
		return lose_lines(out, text, 1, ":", random);
	case MUTATION_LOST_LINES:
		return lose_lines(out, text, 2 + random % 4, "address: ", random / 7);
	case MUTATION_EXTRA_ZERO:
		return add_zero(out, text, random % 2 ? "weight: " : ":443", random / 2);
	case MUTATION_WEIGHT_ZERO:
		return add_zero(out, text, "weight: ", random);
	case MUTATION_WRONG_PORT:
		return replace(out, text, ":443/tcp", random % 2 ? ":8443/tcp" : ":433/tcp",
			       random) ||
		       replace(out, text, "port: 80", "port: 90", random);
	case MUTATION_STALE_ADDRESS:
		return stale(out, text, 1, random);
	case MUTATION_STALE_ADDRESSES:
		return stale(out, text, 3, 0);
	case MUTATION_SWAPPED_LISTENERS:
		return exchange(out, text, "    listen:\n", "    forward:");
	case MUTATION_SWAPPED_POOLS:
		return exchange_pools(out, text);
	case MUTATION_TABS:
		return replace(out, text, random % 2 ? "    " : "      ", "\t", random);
	case MUTATION_TRUNCATED:
		snprintf(out, (size_t)(random % strlen(text)) + 2, "%s", text);
		return true;
	case MUTATION_COUNT:
		break;
	}
	return false;
}
