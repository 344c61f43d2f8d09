/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: a configuration worked out against the maps, before anything is switched. */
#ifndef EVENKEEL_DP_DRAFT_H
#define EVENKEEL_DP_DRAFT_H

#include "dp/dp.h"
#include "lib/config.h"

struct backend_index;
struct maglev_member;

struct draft_service {
	const struct config_service *config;
	uint32_t index;
	uint64_t table;     /* the word in force; 0: the service is new */
	uint64_t new_table; /* the word to switch to; equal to `table` if no slot changes */
	uint64_t pool;      /* what its table is made of, in short */
	uint32_t slots;
	uint8_t flavour;
	bool needs_region;
	bool gently;      /* see struct dp_weights */
	uint32_t waiting; /* slots that stay as they are for now */
	bool rebuilt;     /* of another size or flavour than the table in force */
	bool returns;     /* to that of the old table, while that is looked up */
	uint32_t *owners; /* the backend index that each slot shall have as cur; NULL: no change */
};

struct draft {
	struct draft_service *services;
	size_t count;
	const struct draft_service **service_at;  /* by service index; NULL: not in it */
	const struct config_backend **backend_at; /* by backend index; NULL: not in it */
	uint32_t slots_moved;
	uint32_t switched, rebuilt;
};

/* Works `c` out: indexes (which dp_reserve() has given), tables, and regions for those that
 * change, the largest first. Reads the maps, writes nothing. -ENOSPC: no room in them. */
int draft_make(struct draft *d, const struct dp *dp, const struct config *c,
	       const struct backend_index *backends, char error[static DP_ERROR_MAX]);
void draft_release(struct draft *d);

/* The owner that each slot of the table in force should have; *owners is allocated. -errno, or
 * 0. */
int draft_owners(const struct dp *dp, uint32_t service, const struct config_service *config,
		 uint32_t **owners);

/* Leaves those slots of a new table as they are in the table in force that are not to move now:
 * some of them, if it comes gently, or all, if it is not allowed. `members` are of s->config, and
 * s->owners filled. -ENOMEM, or 0. */
int draft_hold(struct draft_service *s, const struct dp *dp, const struct maglev_member *members);

/* How many slots get another owner than in the table in force. */
uint32_t draft_moves(const struct draft_service *s, const struct dp *dp);

/* Does it ask for the old table's hash and key, and can they be gone back to at once? */
bool draft_may_return(const struct draft_service *s, const struct dp *dp);
/* Refuses another hash or key for a service whose old table is still looked up: -EBUSY. */
int draft_refuse_held(const struct dp *dp, uint32_t service, char error[static DP_ERROR_MAX]);

#endif
