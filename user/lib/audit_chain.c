// SPDX-License-Identifier: GPL-2.0
#include "lib/audit_chain.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void digest_text(char out[static SHA256_TEXT_SIZE], struct sha256_ctx *sha)
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(sha, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void sha256_text(char out[static SHA256_TEXT_SIZE], const void *data, size_t size)
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, size, data);
	digest_text(out, &sha);
}

/* With its length before it, no field can be taken for the end of another. */
static void add(struct sha256_ctx *sha, const char *text)
{
	char length[24];
	size_t size = strlen(text);

	sha256_update(sha, (size_t)snprintf(length, sizeof(length), "%zu:", size),
		      (const uint8_t *)length);
	sha256_update(sha, size, (const uint8_t *)text);
}

static void add_number(struct sha256_ctx *sha, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	add(sha, text);
}

void audit_record_hash(char out[static SHA256_TEXT_SIZE], const struct audit_record *r)
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	add(&sha, r->previous);
	add_number(&sha, r->time);
	add(&sha, r->kind);
	add_number(&sha, r->uid);
	add_number(&sha, r->pid);
	add(&sha, r->user);
	add(&sha, r->command);
	add(&sha, r->origin);
	add(&sha, r->text);
	add_number(&sha, r->revision);
	add(&sha, r->content);
	digest_text(out, &sha);
}

bool audit_head_parse(struct audit_head *out, const char *text)
{
	const char *colon = strchr(text, ':'), *hash = colon ? colon + 1 : text;
	struct audit_head head = {};

	if (colon) {
		size_t digits = strspn(text, "0123456789");

		if (!digits || digits > 18 || text + digits != colon)
			return false;
		head.id = strtoll(text, NULL, 10);
	}
	if (strlen(hash) != SHA256_TEXT_SIZE - 1 ||
	    strspn(hash, "0123456789abcdef") != SHA256_TEXT_SIZE - 1)
		return false;
	memcpy(head.hash, hash, SHA256_TEXT_SIZE);
	*out = head;
	return true;
}

/* ---- verifying ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void find(struct audit_check *c, const char *format,
						       ...)
{
	va_list arguments;

	if (c->problems < AUDIT_FINDINGS_MAX) {
		va_start(arguments, format);
		vsnprintf(c->findings[c->problems], AUDIT_FINDING_MAX, format, arguments);
		va_end(arguments);
	}
	c->problems++;
}

static void find_missing(struct audit_check *c, int64_t first, int64_t last, const char *what)
{
	if (first == last)
		find(c, "event %" PRId64 " was %s", first, what);
	else
		find(c, "events %" PRId64 " to %" PRId64 " were %s", first, last, what);
}

void audit_check_begin(struct audit_check *c, const struct audit_head *own,
		       const struct audit_head *kept)
{
	*c = (struct audit_check){};
	if (own)
		c->heads[0] = *own;
	if (kept)
		c->heads[1] = *kept;
}

static bool continues(const struct audit_record *r, const struct audit_link *l)
{
	if (!l->id)
		return !r->previous[0];
	return !strcmp(r->previous, l->stored) || !strcmp(r->previous, l->computed);
}

/* What can be said of the event before, now that its successor is known; that one is `next`. */
static void judge_last(struct audit_check *c, const struct audit_record *next, bool next_whole)
{
	bool linked = continues(next, &c->last);

	if (c->last.id && !linked && next_whole && continues(next, &c->before)) {
		find(c,
		     "event %" PRId64 " was inserted: event %" PRId64
		     " continues the one before it",
		     c->last.id, next->id);
		return;
	}
	if (c->last.id && !c->last.whole)
		find(c, "event %" PRId64 " was changed", c->last.id);
	if (next->id > c->last.id + 1)
		find_missing(c, c->last.id + 1, next->id - 1,
			     linked ? "never there: the log was renumbered" : "removed");
	else if (!linked && next_whole && !c->last.id)
		find(c, "event %" PRId64 " is not the first one: what was before it was removed",
		     next->id);
	else if (!linked && next_whole && c->last.whole && !c->last.detached)
		find(c,
		     "event %" PRId64 " does not continue event %" PRId64
		     ": that one was replaced, or one between them removed",
		     next->id, c->last.id);
}

static void note_heads(struct audit_check *c, const struct audit_record *r)
{
	for (size_t i = 0; i < 2; i++) {
		const struct audit_head *h = &c->heads[i];

		if (!h->hash[0])
			continue;
		if (!strcmp(r->hash, h->hash))
			c->seen[i] = true;
		else if (r->id == h->id)
			find(c,
			     "event %" PRId64 " is not the one that the head%s names: it or one "
			     "before it was replaced",
			     r->id, i ? " given" : " in the log");
	}
}

void audit_check_next(struct audit_check *c, const struct audit_record *r)
{
	struct audit_link link = { .id = r->id };

	audit_record_hash(link.computed, r);
	snprintf(link.stored, sizeof(link.stored), "%s", r->hash);
	link.whole = !strcmp(link.stored, link.computed);
	link.detached = !continues(r, &c->last);
	judge_last(c, r, link.whole);
	note_heads(c, r);
	c->before = c->last;
	c->last = link;
	c->count++;
}

bool audit_check_end(struct audit_check *c)
{
	if (c->last.id && !c->last.whole)
		find(c, "event %" PRId64 " was changed", c->last.id);
	for (size_t i = 0; i < 2; i++) {
		const struct audit_head *h = &c->heads[i];

		if (!h->hash[0] || c->seen[i])
			continue;
		if (h->id > c->last.id)
			find_missing(c, c->last.id + 1, h->id, "cut off at the end");
		else if (!h->id)
			find(c,
			     "no event has the head's hash %.12s...: the log was cut off before "
			     "it, or made anew",
			     h->hash);
	}
	return !c->problems;
}
