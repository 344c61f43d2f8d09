/* SPDX-License-Identifier: GPL-2.0 */
/* Pointers to objects, sorted by the bytes their structs begin with. Private to net/.
 *
 * A sorted array because addresses of one prefix stand side by side in it: a changed route
 * finds those it concerns without looking at the others. */
#ifndef EVENKEEL_NET_SORTED_H
#define EVENKEEL_NET_SORTED_H

#include <stddef.h>

struct sorted {
	void **items;
	size_t count, capacity;
	size_t key_size;
};

/* Position of the first item whose key is not below `key`; `count` if there is none. */
size_t sorted_lower(const struct sorted *s, const void *key);
void *sorted_find(const struct sorted *s, const void *key);
/* The key must be new. -ENOMEM, or 0. */
int sorted_add(struct sorted *s, void *item);
/* Takes the item with the key of `item` out; it is not freed. */
void sorted_remove(struct sorted *s, const void *item);
/* Frees all items and the array. */
void sorted_release(struct sorted *s);

#endif
