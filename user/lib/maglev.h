/* SPDX-License-Identifier: GPL-2.0 */
/* Weighted Maglev tables with exact quotas. Pure.
 *
 * As in Maglev (Eisenbud et al., NSDI 2016, section 3.4) each backend walks its own permutation
 * of the slots and claims free ones. Unlike there it walks at a speed in proportion to its
 * weight, whether it finds free slots or not: fewer slots move when the pool changes (maglev.c
 * says why). Each stops at a quota computed beforehand by largest remainder, so that shares
 * equal weights to within one slot. The size is a power of two: any odd skip is a permutation. */
#ifndef EVENKEEL_LIB_MAGLEV_H
#define EVENKEEL_LIB_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

struct maglev_member {
	struct ek_addr addr; /* its identity: all of its randomness comes from it and the key */
	uint32_t weight;     /* 0: gets no slot */
	uint32_t index;      /* what to write into its slots */
};

/* The table size for a pool: the power of two that is at least EK_TABLE_SLOTS_PER_BACKEND per
 * member, within EK_TABLE_SLOTS_MIN..MAX. */
uint32_t maglev_size(size_t members);

/* Quotas by largest remainder; they sum to `slots` (0 everywhere if all weights are 0). A
 * member with a positive weight gets at least one slot while there are as many slots as such
 * members; where many weights are that small, the others' quotas are what is left, divided
 * likewise. Ties go by address, never by order. `quota` has `count` entries. -ENOMEM, or 0. */
int maglev_quotas(uint32_t *quota, const struct maglev_member *members, size_t count,
		  uint32_t slots);

/* Fills `table` (`slots` entries, a power of two) with member indexes; EK_NO_BACKEND
 * everywhere if all weights are 0. Depends on the set of (addr, weight), the size and the key
 * alone, never on the order of `members`. -ENOMEM, -EINVAL (slots), or 0. */
int maglev_fill(uint32_t *table, uint32_t slots, const struct maglev_member *members, size_t count,
		struct ek_key key);

#endif
