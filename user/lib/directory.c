// SPDX-License-Identifier: GPL-2.0
/* Buckets are placed from the fullest to the emptiest: while the table is empty a full bucket
 * finds a displacement easily, and the single listeners at the end fit anywhere. With twice as
 * many entries as listeners and two listeners to a bucket nearly every displacement is found
 * within a few tries; the displacements of 1000 listeners are 1 KiB and stay in the L1 cache. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "evenkeel/hash.h"
#include "lib/cleanup.h"
#include "lib/directory.h"

#define ENTRIES_MIN 16u

/* Two listeners of a bucket that fall on the same entry do so with every displacement, and only
 * another seed parts them: about every third seed at full size. So many in a row never fail. */
#define SEEDS_MAX 256

struct item {
	const struct ek_listener *listener;
	uint64_t hash;
	uint32_t bucket_size; /* of its bucket: sorts the fullest first */
	uint32_t bucket;
};

struct layout {
	struct item *items; /* a bucket's are neighbours */
	size_t count;
	uint64_t *taken;        /* a bit an entry */
	uint32_t *sizes;        /* a bucket */
	uint16_t *displacement; /* a bucket */
	uint32_t entries, buckets;
	uint64_t word; /* as in region 0 */
};

static uint32_t power_at_least(size_t n)
{
	uint32_t power = 1;

	while (power < n)
		power *= 2;
	return power;
}

static int listener_order(const struct ek_listener *a, const struct ek_listener *b)
{
	int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));

	if (!order)
		order = memcmp(&a->port, &b->port, sizeof(a->port));
	return order ? order : a->proto - b->proto;
}

static int item_by_listener(const void *a, const void *b)
{
	return listener_order(((const struct item *)a)->listener,
			      ((const struct item *)b)->listener);
}

static int item_by_bucket(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->bucket_size != y->bucket_size)
		return x->bucket_size > y->bucket_size ? -1 : 1;
	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return listener_order(x->listener, y->listener);
}

static bool has_equals(const struct layout *l)
{
	for (size_t i = 1; i < l->count; i++)
		if (listener_order(l->items[i - 1].listener, l->items[i].listener) == 0)
			return true;
	return false;
}

/* Hashes all listeners and brings each bucket's together. */
static void sort_buckets(struct layout *l)
{
	memset(l->sizes, 0, l->buckets * sizeof(*l->sizes));
	for (size_t i = 0; i < l->count; i++) {
		const struct ek_listener *e = l->items[i].listener;

		l->items[i].hash =
			ek_directory_hash(&e->addr, e->port, e->proto, ek_directory_seed(l->word));
		l->items[i].bucket = ek_directory_bucket(l->items[i].hash, l->word);
		l->sizes[l->items[i].bucket]++;
	}
	for (size_t i = 0; i < l->count; i++)
		l->items[i].bucket_size = l->sizes[l->items[i].bucket];
	qsort(l->items, l->count, sizeof(*l->items), item_by_bucket);
}

/* Takes the entries of a bucket under this displacement: all of them, or none. */
static bool bucket_take(struct layout *l, const struct item *bucket, uint32_t displacement)
{
	uint32_t placed = 0;

	for (; placed < bucket->bucket_size; placed++) {
		uint32_t e = ek_directory_entry(bucket[placed].hash, displacement, l->word);

		if (l->taken[e / 64] >> e % 64 & 1)
			break;
		l->taken[e / 64] |= 1ull << e % 64;
	}
	if (placed == bucket->bucket_size)
		return true;
	while (placed-- > 0) {
		uint32_t e = ek_directory_entry(bucket[placed].hash, displacement, l->word);

		l->taken[e / 64] &= ~(1ull << e % 64);
	}
	return false;
}

static bool place_all(struct layout *l)
{
	memset(l->taken, 0, l->entries / 8 + sizeof(*l->taken));
	memset(l->displacement, 0, l->buckets * sizeof(*l->displacement));
	for (size_t i = 0; i < l->count; i += l->items[i].bucket_size) {
		uint32_t d = 0;

		while (d < l->entries && !bucket_take(l, &l->items[i], d))
			d++;
		if (d == l->entries)
			return false;
		l->displacement[l->items[i].bucket] = (uint16_t)d;
	}
	return true;
}

static int find_seed(struct layout *l)
{
	l->entries = power_at_least(2 * l->count);
	if (l->entries < ENTRIES_MIN)
		l->entries = ENTRIES_MIN;
	l->buckets = power_at_least(l->count / 2);
	for (uint32_t seed = 0; seed < SEEDS_MAX; seed++) {
		l->word = ek_directory_word(seed, l->entries, l->buckets, 0);
		sort_buckets(l);
		if (place_all(l))
			return 0;
	}
	return -ENOSPC;
}

static void write_out(const struct layout *l, struct ek_listener *entries, uint16_t *displacement)
{
	memset(entries, 0, l->entries * sizeof(*entries));
	memcpy(displacement, l->displacement, l->buckets * sizeof(*displacement));
	for (size_t i = 0; i < l->count; i++)
		entries[ek_directory_entry(l->items[i].hash, displacement[l->items[i].bucket],
					   l->word)] = *l->items[i].listener;
}

int directory_build(struct ek_listener *entries, uint16_t *displacement, uint64_t *word,
		    const struct ek_listener *listeners, size_t count, unsigned int region)
{
	_cleanup_(free_ptr) struct item *items = calloc(count + 1, sizeof(*items));
	_cleanup_(free_ptr) uint64_t *taken = calloc(EK_DIRECTORY_ENTRIES / 64 + 1, sizeof(*taken));
	_cleanup_(free_ptr) uint32_t *sizes = calloc(EK_DIRECTORY_BUCKETS, sizeof(*sizes));
	_cleanup_(free_ptr) uint16_t *chosen = calloc(EK_DIRECTORY_BUCKETS, sizeof(*chosen));
	struct layout l = { .items = items,
			    .count = count,
			    .taken = taken,
			    .sizes = sizes,
			    .displacement = chosen };
	int err;

	if (count > EK_DIRECTORY_MAX)
		return -E2BIG;
	if (!items || !taken || !sizes || !chosen)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		items[i].listener = &listeners[i];
	qsort(items, count, sizeof(*items), item_by_listener);
	if (has_equals(&l))
		return -EEXIST;
	err = find_seed(&l);
	if (err)
		return err;
	write_out(&l, &entries[region * EK_DIRECTORY_ENTRIES],
		  &displacement[region * EK_DIRECTORY_BUCKETS]);
	*word = ek_directory_word(ek_directory_seed(l.word), l.entries, l.buckets, region);
	return 0;
}

const struct ek_listener *directory_find(const struct ek_listener *entries,
					 const uint16_t *displacement, uint64_t word,
					 const struct ek_addr *addr, __be16 port, uint8_t proto)
{
	uint64_t hash = ek_directory_hash(addr, port, proto, ek_directory_seed(word));
	const struct ek_listener *e;

	e = &entries[ek_directory_entry(hash, displacement[ek_directory_bucket(hash, word)], word)];
	if (!proto || e->proto != proto || e->port != port || e->addr.words[0] != addr->words[0] ||
	    e->addr.words[1] != addr->words[1])
		return NULL;
	return e;
}
