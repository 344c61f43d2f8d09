/* SPDX-License-Identifier: GPL-2.0 */
/* Pools for the tests: members in whatever condition, and the very table that is installed for them. */
#ifndef EVENKEEL_TESTS_POOL_CASE_H
#define EVENKEEL_TESTS_POOL_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/effective.h"

#define POOL_SLOTS 16384
#define POOL_MAX 12

struct pool {
	struct effective_member m[POOL_MAX];
	struct effective_weight w[POOL_MAX];
	/* Who has a slot, and how many each has: by its place in the pool, and 1. */
	uint32_t owners[POOL_SLOTS], owned[POOL_MAX + 1];
	size_t count;
	enum eligible_mode mode;
};

struct pool *pool_make(size_t count); /* all up, with a weight of 100 */
struct effective_member pool_up(uint32_t weight);

/* Whatever weight, health and correction; some are spares, drained, new, or have just come up. */
struct effective_member pool_random_member(uint64_t *seed, bool equal);

void pool_build(struct pool *p, const struct eligible_policy *by);

/* Outside panic no slot is a dead one's while another is up, and everybody else who is to have one
 * does. */
bool pool_is_up(const struct effective_member *m);
void pool_check_owners(const struct pool *p);

#endif
