// SPDX-License-Identifier: GPL-2.0
#include "cli/top.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/facts.h"
#include "cli/units.h"

/* Wide enough for the title behind its mark. All but the first, whose width is what is left, and
 * the bar, which is there in wide terminals. */
static const struct {
	const char *name, *title;
	size_t width;
} columns[TOP_COLUMNS] = {
	[TOP_BACKEND] = { "backend", "BACKEND", 0 }, [TOP_STATE] = { "state", "STATE", 11 },
	[TOP_EXPECT] = { "expect", "EXPECT", 7 },    [TOP_ACTUAL] = { "actual", "ACTUAL", 7 },
	[TOP_SKEW] = { "skew", "SKEW", 6 },          [TOP_PACKETS] = { "packets", "PKT/S", 6 },
	[TOP_BITS] = { "bits", "BIT/S", 6 },         [TOP_FLOWS] = { "flows", "FLOW/S", 7 },
};
#define BAR_WIDTH 20
#define BAR_FROM_WIDTH 100
#define NAME_MIN 8
#define NAME_MAX 48 /* wider, and the eye loses the row */

int top_column_parse(enum top_column *out, const char *name)
{
	for (int i = 0; i < TOP_COLUMNS; i++) {
		if (strcmp(columns[i].name, name) != 0)
			continue;
		*out = (enum top_column)i;
		return 0;
	}
	return -EINVAL;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Of a counter, a second; one that went back began anew. */
static double rate(const json_t *now, const json_t *before, const char *key, double seconds)
{
	uint64_t count = fact_count(now, key), then = fact_count(before, key);

	if (!before || seconds <= 0)
		return -1;
	return (double)(count >= then ? count - then : count) / seconds;
}

/* Backends are known by their index: a leaving one may have another's name. */
static const json_t *same_backend(const json_t *backends, const json_t *backend, size_t guess)
{
	uint64_t index = fact_count(backend, "index");
	const json_t *other = json_array_get(backends, guess);
	size_t i;

	if (other && fact_count(other, "index") == index)
		return other;
	json_array_foreach(backends, i, other)
		if (fact_count(other, "index") == index)
			return other;
	return NULL;
}

static double share_of(const json_t *backend, const char *key)
{
	double share = fact_share(backend, key);

	return share < 0 ? (double)NAN : share;
}

static struct top_row row_of(const json_t *service, const json_t *b, const json_t *before,
			     double seconds)
{
	struct top_row row = {
		.service = fact_text(service, "name"),
		.backend = fact_text(b, "name"),
		.state = fact_text(b, "state"),
		.expect = share_of(b, "expected_share"),
		.actual = share_of(b, "actual_share_packets"),
		.packets = rate(b, before, "packets", seconds),
		.bits = rate(b, before, "bytes", seconds),
		.flows = rate(b, before, "flows", seconds),
	};

	if (row.bits > 0)
		row.bits *= 8;
	row.skew = row.actual - row.expect;
	return row;
}

static size_t backend_count(const json_t *services)
{
	const json_t *service;
	size_t i, count = 0;

	json_array_foreach(services, i, service)
		count += json_array_size(json_object_get(service, "backends"));
	return count;
}

int top_make(struct top *out, const json_t *status, const json_t *before, double seconds)
{
	const json_t *services = json_object_get(status, "services"), *service, *backend;
	const json_t *services_before = json_object_get(before, "services");
	struct top t = { .status = status, .before = before, .seconds = before ? seconds : 0 };
	size_t i, k;

	t.rows = calloc(backend_count(services) + 1, sizeof(*t.rows));
	if (!t.rows)
		return -ENOMEM;
	json_array_foreach(services, i, service) {
		const json_t *then = fact_named(services_before, fact_text(service, "name"));
		const json_t *backends_before = json_object_get(then, "backends");

		json_array_foreach(json_object_get(service, "backends"), k, backend)
			t.rows[t.count++] =
				row_of(service, backend, same_backend(backends_before, backend, k),
				       seconds);
	}
	*out = t;
	return 0;
}

void top_release(struct top *t)
{
	free(t->rows);
	*t = (struct top){};
}

/* ---- sorting --------------------------------------------------------------------------------- */

static int compare_names(const struct top_row *a, const struct top_row *b)
{
	int services = strcmp(a->service, b->service);

	return services ? services : strverscmp(a->backend, b->backend);
}

static double number_of(const struct top_row *row, enum top_column by)
{
	switch (by) {
	case TOP_EXPECT:
		return isnan(row->expect) ? -1 : row->expect;
	case TOP_ACTUAL:
		return isnan(row->actual) ? -1 : row->actual;
	case TOP_SKEW: /* too little is as bad as too much; what looks equal is */
		return isnan(row->skew) ? -1 : round(fabs(row->skew) * 1000);
	case TOP_PACKETS:
		return row->packets;
	case TOP_BITS:
		return row->bits;
	case TOP_FLOWS:
		return row->flows;
	default:
		return 0;
	}
}

struct order {
	enum top_column by;
	bool reverse;
};

/* Those that are equal stay in the order of their names: a screen must not dance. */
static int compare(const void *one, const void *other, void *context)
{
	const struct top_row *a = one, *b = other;
	const struct order *o = context;
	double x = number_of(a, o->by), y = number_of(b, o->by);
	int sign = o->reverse ? -1 : 1, states = strcmp(a->state, b->state);

	if (o->by == TOP_BACKEND)
		return sign * compare_names(a, b);
	if (o->by == TOP_STATE && states != 0)
		return sign * states;
	if (x != y)
		return x > y ? -sign : sign;
	return compare_names(a, b);
}

void top_sort(struct top *t, enum top_column by, bool reverse)
{
	struct order o = { by, reverse };

	qsort_r(t->rows, t->count, sizeof(*t->rows), compare, &o);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static size_t bounded(size_t width)
{
	return width > TOP_WIDTH_MAX ? TOP_WIDTH_MAX : width;
}

/* Blanks up to the width, or the end cut off. */
static const char *fit(char *buf, size_t width)
{
	size_t length = strlen(buf);

	width = bounded(width);
	if (length < width)
		memset(buf + length, ' ', width - length);
	buf[width] = '\0';
	return buf;
}

static size_t name_width(size_t width)
{
	size_t others = width >= BAR_FROM_WIDTH ? BAR_WIDTH + 1 : 0;

	for (int i = TOP_STATE; i < TOP_COLUMNS; i++)
		others += columns[i].width + 1;
	if (width < others + NAME_MIN)
		return NAME_MIN;
	return width - others < NAME_MAX ? width - others : NAME_MAX;
}

/* Whose name is too long loses its begin: backends differ at the end. */
static size_t name_put(char *buf, const char *service, const char *backend, size_t width)
{
	size_t length = strlen(service) + 1 + strlen(backend), cut;
	char name[TOP_WIDTH_MAX + 1];

	snprintf(name, sizeof(name), "%s/%s", service, backend);
	cut = length > width ? length - width : 0;
	if (cut >= strlen(name))
		cut = 0;
	if (cut)
		name[cut] = '~';
	return (size_t)sprintf(buf, "%-*.*s", (int)width, (int)width, name + cut);
}

static const char *percent(double share, const char *format, char buf[static UNITS_MAX])
{
	if (isnan(share))
		return "-";
	snprintf(buf, UNITS_MAX, format, share * 100);
	return buf;
}

static const char *per_second(double rate, char buf[static UNITS_MAX])
{
	return rate < 0 ? "-" : units_count((uint64_t)llround(rate), buf);
}

const char *top_titles(size_t width, enum top_column by, char buf[static TOP_WIDTH_MAX + 1])
{
	size_t at = 0;

	width = bounded(width);
	for (int i = 0; i < TOP_COLUMNS; i++) {
		size_t wide = i == TOP_BACKEND ? name_width(width) : columns[i].width;
		char title[16];

		/* What it is sorted by, marked as text, for a screen without colours. */
		snprintf(title, sizeof(title), "%s%s", (int)by == i ? ">" : "", columns[i].title);
		at += (size_t)sprintf(buf + at, i <= TOP_STATE ? "%s%-*s" : "%s%*s", i ? " " : "",
				      (int)wide, title);
	}
	return fit(buf, width);
}

const char *top_line(const struct top_row *row, size_t width, char buf[static TOP_WIDTH_MAX + 1])
{
	char text[TOP_COLUMNS][UNITS_MAX], bar[UNITS_MAX] = "";
	const char *const cells[TOP_COLUMNS] = {
		[TOP_STATE] = row->state,
		[TOP_EXPECT] = percent(row->expect, "%.1f%%", text[TOP_EXPECT]),
		[TOP_ACTUAL] = percent(row->actual, "%.1f%%", text[TOP_ACTUAL]),
		[TOP_SKEW] = percent(row->skew, "%+.1f", text[TOP_SKEW]),
		[TOP_PACKETS] = per_second(row->packets, text[TOP_PACKETS]),
		[TOP_BITS] = per_second(row->bits, text[TOP_BITS]),
		[TOP_FLOWS] = per_second(row->flows, text[TOP_FLOWS]),
	};
	double full = fmax(row->expect, row->actual);
	size_t at;

	width = bounded(width);
	at = name_put(buf, row->service, row->backend, name_width(width));
	if (width >= BAR_FROM_WIDTH)
		units_bar(row->actual, row->expect, fmin(1, 1.25 * full), BAR_WIDTH, bar);
	for (int i = TOP_STATE; i < TOP_COLUMNS; i++)
		at += (size_t)sprintf(buf + at, i == TOP_STATE ? " %-*.*s" : " %*.*s",
				      (int)columns[i].width, (int)columns[i].width, cells[i]);
	snprintf(buf + at, TOP_WIDTH_MAX + 1 - at, " %s", bar);
	return fit(buf, width);
}

/* ---- above the rows -------------------------------------------------------------------------- */

const char *top_head(const struct top *t, size_t width, char buf[static TOP_WIDTH_MAX + 1])
{
	char when[UNITS_MAX];
	size_t not_up = 0;

	for (size_t i = 0; i < t->count; i++)
		not_up += strcmp(t->rows[i].state, "up") != 0;
	snprintf(buf, TOP_WIDTH_MAX,
		 "revision %" PRIu64 " of %s: %zu services, %zu backends, %zu not up",
		 fact_count(t->status, "revision"),
		 units_time((int64_t)fact_count(t->status, "revision_time"), when),
		 json_array_size(json_object_get(t->status, "services")), t->count, not_up);
	return fit(buf, width);
}

static double dropped_rate(const struct top *t)
{
	const json_t *before = json_object_get(t->before, "dropped");
	const char *reason;
	json_t *count;
	double sum = 0;

	if (!t->before)
		return -1;
	/* An unsafe cast in jansson's own macro: it wants a json_t it does not change. */
	json_object_foreach((json_t *)json_object_get(t->status, "dropped"), reason, count)
		sum += (double)json_integer_value(count) - (double)fact_count(before, reason);
	return t->seconds > 0 && sum > 0 ? sum / t->seconds : 0;
}

const char *top_traffic(const struct top *t, size_t width, char buf[static TOP_WIDTH_MAX + 1])
{
	char forwarded[UNITS_MAX], passed[UNITS_MAX], dropped[UNITS_MAX];
	double sent = rate(t->status, t->before, "sent", t->seconds);
	const json_t *service;
	uint64_t unsettled = 0;
	size_t i;

	json_array_foreach(json_object_get(t->status, "services"), i, service)
		unsettled += fact_count(service, "unsettled");
	if (sent >= 0)
		sent += rate(t->status, t->before, "redirected", t->seconds);
	snprintf(buf, TOP_WIDTH_MAX,
		 "packets/s: %s forwarded, %s passed, %s dropped; %" PRIu64 " slots unsettled",
		 per_second(sent, forwarded),
		 per_second(rate(t->status, t->before, "passed", t->seconds), passed),
		 per_second(dropped_rate(t), dropped), unsettled);
	return fit(buf, width);
}
