// SPDX-License-Identifier: GPL-2.0
#include "net/sorted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t sorted_lower(const struct sorted *s, const void *key)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(s->items[middle], key, s->key_size) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *sorted_find(const struct sorted *s, const void *key)
{
	size_t at = sorted_lower(s, key);

	if (at == s->count || memcmp(s->items[at], key, s->key_size))
		return NULL;
	return s->items[at];
}

int sorted_add(struct sorted *s, void *item)
{
	size_t at = sorted_lower(s, item);

	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 16;
		void **items = reallocarray(s->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		s->items = items;
		s->capacity = capacity;
	}
	memmove(s->items + at + 1, s->items + at, (s->count - at) * sizeof(*s->items));
	s->items[at] = item;
	s->count++;
	return 0;
}

void sorted_remove(struct sorted *s, const void *item)
{
	size_t at = sorted_lower(s, item);

	if (at == s->count || memcmp(s->items[at], item, s->key_size))
		return;
	s->count--;
	memmove(s->items + at, s->items + at + 1, (s->count - at) * sizeof(*s->items));
}

void sorted_release(struct sorted *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->items[i]);
	free(s->items);
	s->items = NULL;
	s->count = s->capacity = 0;
}
