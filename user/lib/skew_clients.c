// SPDX-License-Identifier: GPL-2.0
/* A few heavy clients: does the spread become even when they are left out? */
#include <math.h>
#include <string.h>

#include "lib/ids.h"
#include "lib/skew_internal.h"

/* So many of the heaviest items are looked at, at most. */
#define LOOKS 32
/* The sample and the counters differ by chance: who explains two thirds of it explains it. */
#define EXPLAINED (1.0 / 3)
/* If less than this is left without them there is nothing else to be even. */
#define REST_MIN 0.05
/* A client is heavy that has a quarter of what a backend is to have. Of forty alike, some backend of four
 * gets twelve by chance, and leaving out those would make any spread even. */
#define HEAVY_OF_FAIR 0.25
/* The ceiling of a client's own spread: what it has at a backend beyond that one's share of it. */
#define CONCENTRATED 0.5

static double surely(const struct heavy_item *item)
{
	return item->weight - item->error;
}

/* The heaviest item that comes after `last` (NULL: none yet) in the order of their weights. */
static const struct heavy_item *next_item(const struct heavy_item *items, size_t count,
					  const struct heavy_item *last)
{
	const struct heavy_item *best = NULL;

	for (const struct heavy_item *i = items; i < items + count; i++) {
		bool before = last && (surely(i) > surely(last) ||
				       (surely(i) == surely(last) && i <= last));

		if (!before && (!best || surely(i) > surely(best)))
			best = i;
	}
	return best;
}

static double client_weight(const struct heavy_item *items, size_t count, const struct ek_addr *a)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		if (!memcmp(&items[i].client, a, sizeof(*a)))
			sum += surely(&items[i]);
	return sum;
}

static struct skew_row *row_of(const struct skew_case *c, uint32_t backend)
{
	size_t at = ids_find((const uint32_t *)c->rows, sizeof(*c->rows), c->count, backend, 0);

	return at < c->count ? &c->rows[at] : NULL;
}

/* Its traffic goes to that backend, not to all by their shares. */
static bool concentrated(const struct skew_case *c, const struct heavy_item *item, double client)
{
	const struct skew_row *row = row_of(c, item->backend);
	double p;

	if (!row)
		return false;
	p = row->tally[c->track].expected / c->total.amount;
	return surely(item) - p * client >= CONCENTRATED * (1 - p) * client;
}

static void leave_out(const struct skew_case *c, const struct heavy_item *items, size_t count,
		      const struct ek_addr *client)
{
	for (size_t i = 0; i < count; i++) {
		struct skew_row *row;

		if (memcmp(&items[i].client, client, sizeof(*client)) != 0)
			continue;
		row = row_of(c, items[i].backend);
		if (row)
			row->removed += surely(&items[i]) / heavy_total(c->sample);
	}
}

static bool even_without(const struct skew_case *c, double fair, double worst)
{
	double n = c->total.amount, left = 1;

	for (size_t i = 0; i < c->count; i++)
		left -= c->rows[i].removed;
	if (left < REST_MIN)
		return true;
	for (size_t i = 0; i < c->count; i++) {
		const struct skew_tally *t = &c->rows[i].tally[c->track];
		double actual = (t->observed / n - c->rows[i].removed) / left;
		double off = skew_off(actual, t->expected / n, fair);

		if (fabs(off) > fmax(c->limits->clear_off, EXPLAINED * worst))
			return false;
	}
	return true;
}

static bool any_heavy(const struct skew_finding *f, double fair)
{
	for (size_t i = 0; i < f->client_count; i++)
		if (f->clients[i].share >= HEAVY_OF_FAIR * fair)
			return true;
	return false;
}

static bool named(const struct skew_finding *f, const struct ek_addr *client)
{
	for (size_t i = 0; i < f->client_count; i++)
		if (!memcmp(&f->clients[i].addr, client, sizeof(*client)))
			return true;
	return false;
}

bool skew_explain(const struct skew_case *c, double fair, double worst, struct skew_finding *f)
{
	const struct heavy_item *items, *item = NULL;
	size_t count;

	if (!c->sample || heavy_samples(c->sample) < c->limits->samples_min)
		return false;
	for (size_t i = 0; i < c->count; i++)
		c->rows[i].removed = 0;
	count = heavy_items(c->sample, &items);
	for (int looks = 0; looks < LOOKS && f->client_count < SKEW_CLIENTS_MAX; looks++) {
		double weight;

		item = next_item(items, count, item);
		if (!item || !(surely(item) > 0))
			break;
		weight = client_weight(items, count, &item->client);
		if (named(f, &item->client) || !concentrated(c, item, weight))
			continue;
		leave_out(c, items, count, &item->client);
		f->clients[f->client_count++] =
			(struct skew_client){ .addr = item->client,
					      .backend = item->backend,
					      .share = weight / heavy_total(c->sample) };
		if (!any_heavy(f, fair))
			break;
		if (even_without(c, fair, worst))
			return true;
	}
	f->client_count = 0;
	return false;
}
