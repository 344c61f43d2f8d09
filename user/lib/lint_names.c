// SPDX-License-Identifier: GPL-2.0
/* Lints of names: those that a person takes for another. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/lint_internal.h"

/* Every pair is looked at. More names than this were made by a machine, which numbers them. */
#define NAMES_MAX 4096u

struct named {
	const char *name;
	struct place place;
	const struct config_service *service;
	const struct config_backend *backend; /* NULL: it is the service's */
};

/* What a character looks like in most fonts. */
static char looks_like(char c)
{
	switch (c) {
	case 'O':
	case 'o':
		return '0';
	case 'I':
	case 'l':
	case 'L':
	case 'i':
		return '1';
	default:
		return (char)tolower((unsigned char)c);
	}
}

static bool look_the_same(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (looks_like(*a) != looks_like(*b))
			return false;
	return *a == *b;
}

static bool is_letter(char c)
{
	return isalpha((unsigned char)c);
}

/* A letter that stands alone, as in web-a and web-b, counts, like a number. */
static bool in_a_word(const char *name, size_t at)
{
	return is_letter(name[at]) && ((at && is_letter(name[at - 1])) || is_letter(name[at + 1]));
}

/* One letter replaced within a word, or two exchanged. */
static bool one_replaced(const char *a, const char *b, size_t at)
{
	if (!strcmp(a + at + 1, b + at + 1))
		return in_a_word(a, at) && in_a_word(b, at);
	return a[at] == b[at + 1] && a[at + 1] == b[at] && is_letter(a[at]) &&
	       is_letter(a[at + 1]) && !strcmp(a + at + 2, b + at + 2);
}

/* `longer` has one character more: a letter within a word, or a separator. */
static bool one_added(const char *shorter, const char *longer, size_t at)
{
	if (strcmp(shorter + at, longer + at + 1) != 0)
		return false;
	return in_a_word(longer, at) || (longer[at + 1] && !isalnum((unsigned char)longer[at]));
}

static bool one_letter_apart(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), at = 0;

	while (a[at] && a[at] == b[at])
		at++;
	if (la == lb)
		return a[at] && one_replaced(a, b, at);
	if (la + 1 == lb)
		return one_added(a, b, at);
	return lb + 1 == la && one_added(b, a, at);
}

static void compare(struct lint_report *r, const struct named *names, size_t count)
{
	for (size_t i = 1; i < count && count <= NAMES_MAX; i++) {
		for (size_t k = 0; k < i; k++) {
			const char *a = names[k].name, *b = names[i].name;
			bool same = look_the_same(a, b);

			if (!strcmp(a, b) || !(same || one_letter_apart(a, b)))
				continue;
			lint_add(r, LINT_NAMES_ALIKE, names[i].place, names[i].service,
				 names[i].backend, "%s%s%s: the name %s '%s'",
				 names[i].backend ? names[i].service->name : "service ",
				 names[i].backend ? "/" : "", b,
				 same ? "looks like" : "is one letter from", a);
			break;
		}
	}
}

static void backend_names(struct lint_report *r, const struct config_service *s,
			  struct named *names)
{
	for (size_t i = 0; i < s->backend_count; i++)
		names[i] = (struct named){ s->backends[i].name, s->backends[i].place, s,
					   &s->backends[i] };
	compare(r, names, s->backend_count);
}

void lint_names(struct lint_report *r, const struct lint_input *in)
{
	const struct config *c = in->config;
	_cleanup_(free_ptr) struct named *names = NULL;
	size_t most = c->service_count;

	for (size_t i = 0; i < c->service_count; i++)
		if (c->services[i].backend_count > most)
			most = c->services[i].backend_count;
	names = calloc(most + 1, sizeof(*names));
	if (!names) {
		r->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < c->service_count; i++)
		if (lint_looks_at(in, &c->services[i]))
			backend_names(r, &c->services[i], names);
	for (size_t i = 0; i < c->service_count; i++)
		names[i] = (struct named){ c->services[i].name, c->services[i].place,
					   &c->services[i], NULL };
	compare(r, names, c->service_count);
}
