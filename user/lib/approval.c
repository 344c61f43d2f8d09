// SPDX-License-Identifier: GPL-2.0
#include "lib/approval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/gate.h"

/* ---- who counts ------------------------------------------------------------------------------ */

bool approval_same_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "@");

	return length == strcspn(b, "@") && strncasecmp(a, b, length) == 0;
}

/* Root's says nothing. */
static bool has_uid(const struct approval *a, uint32_t uid)
{
	for (size_t i = 0; uid && i < a->uid_count; i++)
		if (a->uids[i] == uid)
			return true;
	return false;
}

static bool same_person(const struct approval *a, const struct approval *b)
{
	if (a->is_signed && b->is_signed && *a->key && !strcmp(a->key, b->key))
		return true;
	for (size_t i = 0; i < b->uid_count; i++)
		if (has_uid(a, b->uids[i]))
			return true;
	return (a->is_signed || b->is_signed) && approval_same_name(a->name, b->name);
}

static bool is_person(const struct approval *a, const struct approval_person *p)
{
	return a->is_signed ? approval_same_name(a->name, p->user) : has_uid(a, p->uid);
}

enum approval_verdict approval_judge(const struct approval *a, bool member,
				     const struct approval_person *people, size_t person_count,
				     const struct approval *given, size_t given_count)
{
	if (!a->is_signed && (!a->uid_count || !a->uids[0]))
		return APPROVAL_ROOT;
	for (size_t i = 0; i < person_count; i++)
		if (is_person(a, &people[i]))
			return APPROVAL_PROPOSER;
	if (!a->is_signed && !member)
		return APPROVAL_STRANGER;
	for (size_t i = 0; i < given_count; i++)
		if (same_person(a, &given[i]))
			return APPROVAL_AGAIN;
	return APPROVAL_COUNTS;
}

void approval_uids_text(char *out, size_t size, const uint32_t *uids, size_t count)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%u", i ? "," : "", uids[i]);
}

size_t approval_uids(const char *text, uint32_t *out, size_t max)
{
	size_t count = 0;
	char *end;

	while (*text && count < max) {
		out[count++] = (uint32_t)strtoul(text, &end, 10);
		text = end + (*end == ',');
	}
	return count;
}

/* ---- signatures ------------------------------------------------------------------------------ */

bool approval_principal_next(const char **text, char out[static APPROVAL_NAME_MAX])
{
	size_t length;

	*text += strspn(*text, ",\r\n");
	length = strcspn(*text, ",\r\n");
	if (!length)
		return false;
	snprintf(out, APPROVAL_NAME_MAX, "%.*s", (int)length, *text);
	*text += length;
	return true;
}

bool approval_fingerprint(const char *text, char out[static APPROVAL_KEY_MAX])
{
	const char *found = strstr(text, "SHA256:");

	if (!found)
		return false;
	snprintf(out, APPROVAL_KEY_MAX, "%.*s", (int)strcspn(found, " \r\n"), found);
	return true;
}

/* ---- to what --------------------------------------------------------------------------------- */

void approval_content(char out[static SHA256_TEXT_SIZE], const char *base_hash,
		      const char *text_hash, const struct approval_way *way)
{
	char text[512], gates[GATE_SET_TEXT_MAX], watch[32] = "";

	if (way->watch_s >= 0)
		snprintf(watch, sizeof(watch), "watch %lld\n", (long long)way->watch_s);
	snprintf(text, sizeof(text), "evenkeel change\nbase %.64s\ntext %.64s\n%s%s%s%s%s",
		 base_hash, text_hash, way->forced ? "force " : "",
		 gate_set_text(gates, way->forced), way->forced ? "\n" : "",
		 way->at_once ? "at once\n" : "", watch);
	sha256_text(out, text, strlen(text));
}

/* ---- until when ------------------------------------------------------------------------------ */

bool approval_over(const char *boot, int64_t until_ms, const char *boot_now, int64_t now_ms,
		   char why[static APPROVAL_WHY_MAX])
{
	if (strcmp(boot, boot_now) != 0)
		snprintf(why, APPROVAL_WHY_MAX, "the host was restarted");
	else if (now_ms >= until_ms)
		snprintf(why, APPROVAL_WHY_MAX, "it has waited for too long");
	else
		return false;
	return true;
}
