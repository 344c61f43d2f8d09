/* SPDX-License-Identifier: GPL-2.0 */
/* The directory of listeners: a perfect hash by displacement (Pagh, "Hash and displace",
 * WADS 1999), built here, read by the data path and by `explain` without probing. Pure. */
#ifndef EVENKEEL_LIB_DIRECTORY_H
#define EVENKEEL_LIB_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

/* Lays `count` distinct listeners out in `region`, 0 or 1. `entries` has 2 * EK_DIRECTORY_ENTRIES
 * and `displacement` 2 * EK_DIRECTORY_BUCKETS elements: both regions of each map. On success *word
 * (see ek_directory_word()) describes the result. -E2BIG beyond EK_DIRECTORY_MAX, -EEXIST if two
 * are equal, -ENOSPC if they cannot be laid out (no such set is known), -ENOMEM, or 0. Depends on
 * the set of listeners, not on their order. Only the region's used part of the arrays is written,
 * and on success alone; unused entries in it have proto 0. */
int directory_build(struct ek_listener *entries, uint16_t *displacement, uint64_t *word,
		    const struct ek_listener *listeners, size_t count, unsigned int region);

/* Where the word's region begins; ek_directory_entry_mask() and ek_directory_bucket_mask() say how
 * much of it is used. */
static inline size_t directory_first_entry(uint64_t word)
{
	return ek_directory_region(word) ? EK_DIRECTORY_ENTRIES : 0;
}

static inline size_t directory_first_bucket(uint64_t word)
{
	return ek_directory_region(word) ? EK_DIRECTORY_BUCKETS : 0;
}

/* The listener for an endpoint, or NULL: the very lookup of the data path. Arrays as above. */
const struct ek_listener *directory_find(const struct ek_listener *entries,
					 const uint16_t *displacement, uint64_t word,
					 const struct ek_addr *addr, __be16 port, uint8_t proto);

#endif
