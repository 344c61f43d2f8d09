// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "lib/addr.h"
#include "lib/skew.h"

/* Clients in a sentence; the rest is in the finding. */
#define NAMED_MAX 2

static const char *measure_text(enum skew_measure measure)
{
#define TEXT(id, name, text) text,
	static const char *const texts[] = { SKEW_MEASURES(TEXT) };
#undef TEXT

	return texts[measure];
}

/* "backend has 76.9 % of the slots; of even shares it would have 25.0 %" */
static void numbers(char *out, size_t size, enum skew_kind kind, const struct skew_finding *f,
		    const char *backend)
{
	double actual = 100 * f->actual, expected = 100 * f->expected;

	switch (kind) {
	case SKEW_MAP:
		snprintf(out, size, "%.2g %% of its slots were not as they had been written",
			 100 * f->off);
		return;
	case SKEW_HEALTH:
		snprintf(out, size,
			 "%s has %.1f %% of the slots, by the revision's weights it would be "
			 "%.1f %%",
			 backend, actual, expected);
		return;
	case SKEW_ASKED:
		snprintf(out, size, "%s has %.1f %% of the slots, an even share would be %.1f %%",
			 backend, actual, expected);
		return;
	case SKEW_UNEXPLAINED:
	case SKEW_CLIENTS:
	case SKEW_KIND_COUNT:
		snprintf(out, size, "%s gets %.1f %% of %s, by its slots it would be %.1f %%",
			 backend, actual, measure_text(f->measure), expected);
		return;
	}
}

/* " (198.51.100.9 81 %, 198.51.100.10 7 %)" */
static void names(char *out, size_t size, const struct skew_finding *f)
{
	size_t at = 0;

	*out = '\0';
	for (size_t i = 0; i < f->client_count && i < NAMED_MAX && at < size; i++) {
		char text[ADDR_TEXT_MAX];

		at += (size_t)snprintf(out + at, size - at, "%s%s %.0f %%", i ? ", " : " (",
				       addr_text(&f->clients[i].addr, text),
				       100 * f->clients[i].share);
	}
	if (f->client_count && at < size)
		snprintf(out + at, size - at, "%s)", f->client_count > NAMED_MAX ? ", ..." : "");
}

void skew_describe(char out[static SKEW_TEXT_MAX], enum skew_kind kind,
		   const struct skew_finding *f, const char *backend)
{
	char what[160], who[160];

	numbers(what, sizeof(what), kind, f, backend);
	names(who, sizeof(who), f);
	snprintf(out, SKEW_TEXT_MAX, "%s: %s%s", what, skew_kind_text(kind),
		 kind == SKEW_CLIENTS ? who : "");
}
