// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "evenkeel/hash.h"
#include "lib/heavy.h"

#define NOWHERE UINT32_MAX
/* So little is nothing: decayed further it would be a denormal number, which are slow. */
#define NEGLIGIBLE 1e-9

struct heavy {
	uint32_t capacity, count, mask;
	uint64_t key;
	double total, samples;
	struct heavy_item *items;
	uint32_t *next;   /* of items in the same bucket */
	uint32_t *bucket; /* mask + 1 of them: the first item */
	uint32_t *heap;   /* items, the lightest first */
	uint32_t *place;  /* of an item in the heap */
};

int heavy_open(struct heavy **out, uint32_t capacity, uint64_t key)
{
	struct heavy *h;
	uint32_t buckets = 1;

	if (!capacity || capacity > HEAVY_CAPACITY_MAX)
		return -EINVAL;
	while (buckets < 2 * capacity)
		buckets *= 2;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->capacity = capacity;
	h->mask = buckets - 1;
	h->key = key;
	h->items = calloc(capacity, sizeof(*h->items));
	h->next = calloc(capacity, sizeof(*h->next));
	h->heap = calloc(capacity, sizeof(*h->heap));
	h->place = calloc(capacity, sizeof(*h->place));
	h->bucket = calloc(buckets, sizeof(*h->bucket));
	if (!h->items || !h->next || !h->heap || !h->place || !h->bucket) {
		heavy_close(h);
		return -ENOMEM;
	}
	memset(h->bucket, 0xff, buckets * sizeof(*h->bucket));
	*out = h;
	return 0;
}

void heavy_close(struct heavy *h)
{
	if (!h)
		return;
	free(h->items);
	free(h->next);
	free(h->bucket);
	free(h->heap);
	free(h->place);
	free(h);
}

static uint32_t *bucket_of(const struct heavy *h, const struct ek_addr *client, uint32_t backend)
{
	uint64_t hash = ek_mix(h->key ^ client->words[0], h->key);

	hash = ek_mix(hash ^ client->words[1], h->key ^ backend);
	return &h->bucket[hash >> 32 & h->mask];
}

static uint32_t find(const struct heavy *h, const struct ek_addr *client, uint32_t backend)
{
	uint32_t i = *bucket_of(h, client, backend);

	while (i != NOWHERE && (h->items[i].backend != backend ||
				memcmp(&h->items[i].client, client, sizeof(*client)) != 0))
		i = h->next[i];
	return i;
}

static void unlink_item(struct heavy *h, uint32_t item)
{
	uint32_t *at = bucket_of(h, &h->items[item].client, h->items[item].backend);

	while (*at != item)
		at = &h->next[*at];
	*at = h->next[item];
}

/* ---- the heap ----------------------------------------------------------------------------- */

static double weight_at(const struct heavy *h, uint32_t place)
{
	return h->items[h->heap[place]].weight;
}

static void swap(struct heavy *h, uint32_t a, uint32_t b)
{
	uint32_t item = h->heap[a];

	h->heap[a] = h->heap[b];
	h->heap[b] = item;
	h->place[h->heap[a]] = a;
	h->place[h->heap[b]] = b;
}

static void rise(struct heavy *h, uint32_t at)
{
	while (at && weight_at(h, at) < weight_at(h, (at - 1) / 2)) {
		swap(h, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void sink(struct heavy *h, uint32_t at)
{
	for (;;) {
		uint32_t least = at, child = 2 * at + 1;

		for (uint32_t c = child; c < child + 2 && c < h->count; c++)
			if (weight_at(h, c) < weight_at(h, least))
				least = c;
		if (least == at)
			return;
		swap(h, at, least);
		at = least;
	}
}

/* ------------------------------------------------------------------------------------------- */

/* An item for a client that has none: a free one, or the lightest one's. */
static uint32_t claim(struct heavy *h, const struct ek_addr *client, uint32_t backend)
{
	bool full = h->count == h->capacity;
	uint32_t item = full ? h->heap[0] : h->count;
	double inherited = full ? h->items[item].weight : 0;
	uint32_t *bucket = bucket_of(h, client, backend);

	if (full)
		unlink_item(h, item);
	h->items[item] = (struct heavy_item){
		.client = *client, .backend = backend, .weight = inherited, .error = inherited
	};
	h->next[item] = *bucket;
	*bucket = item;
	if (!full) {
		h->heap[item] = item;
		h->place[item] = item;
		h->count++;
		rise(h, item);
	}
	return item;
}

void heavy_add(struct heavy *h, const struct ek_addr *client, uint32_t backend, double weight)
{
	uint32_t item;

	if (!(weight > 0))
		return;
	item = find(h, client, backend);
	if (item == NOWHERE)
		item = claim(h, client, backend);
	h->items[item].weight += weight;
	h->total += weight;
	h->samples += 1;
	sink(h, h->place[item]);
}

void heavy_decay(struct heavy *h, double factor)
{
	h->total *= factor;
	h->samples *= factor;
	if (h->samples < NEGLIGIBLE) {
		h->count = 0;
		h->total = h->samples = 0;
		memset(h->bucket, 0xff, (h->mask + 1) * sizeof(*h->bucket));
	}
	for (uint32_t i = 0; i < h->count; i++) {
		h->items[i].weight *= factor;
		h->items[i].error *= factor;
	}
}

size_t heavy_items(const struct heavy *h, const struct heavy_item **items)
{
	*items = h->items;
	return h->count;
}

double heavy_total(const struct heavy *h)
{
	return h->total;
}

double heavy_samples(const struct heavy *h)
{
	return h->samples;
}

/* The squares of the weights are at least those of the truth. Be t what an item really weighs, w
 * its weight: the sum of w^2 - t^2 is at least that of (w - t) w, so at least the lightest w times
 * the sum of w - t, which is all that is in no item; and there nothing is heavier than the lightest
 * w. */
void heavy_spread(const struct heavy *h, double *squares, double *largest)
{
	double sum = 0, most = 0;

	*squares = *largest = 1;
	if (!h->count || !(h->total > 0))
		return;
	for (uint32_t i = 0; i < h->count; i++) {
		double weight = h->items[i].weight;

		sum += weight * weight;
		most = weight > most ? weight : most;
	}
	*squares = sum / (h->total * h->total);
	*squares = *squares < 1 ? *squares : 1;
	*largest = most / h->total;
}
