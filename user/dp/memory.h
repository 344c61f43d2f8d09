/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: what this process wrote last into parts of the maps that nobody else writes. Drift is
 * found against it (drift.h). */
#ifndef EVENKEEL_DP_MEMORY_H
#define EVENKEEL_DP_MEMORY_H

#include "dp/capacity.h"

struct draft;

/* Of the table in force. */
struct dp_installed {
	uint64_t table;  /* word; 0: this process has installed none */
	uint64_t pool;   /* what it was made of; see pool_of() */
	uint64_t owners; /* owners_sum() over its slots, from 0 on */
	/* Slots that wait for another owner, and the owners until then; NULL: they have what the
	 * weights give. */
	uint32_t waiting, *kept;
	uint32_t unsettled; /* slots, after the last round of settling */
	struct ek_service record;
};

struct dp_memory {
	struct dp_installed services[EK_SERVICES_MAX];
	bool whole; /* not in a change, nor after one that ended half way */
	struct ek_global global;
	uint64_t listeners;    /* a sum over the directory's region in force */
	bool lay_out;          /* they are not as they were left: no part of them is to be kept */
	struct ek_path *paths; /* by backend index; without EK_PATH_NEXT_HOP: there is none */
	bool *paths_known;     /* false: this process has set none yet */
	struct dp_capacity *capacities; /* by backend index; what is declared */
	uint32_t *caps; /* new flows a second for the time being; 0: none (dp_cap()) */
};

struct dp_memory *memory_make(uint32_t backends);
void memory_free(struct dp_memory *m);

/* The sum with the next slot's owner added: depends on their order. */
uint64_t owners_sum(uint64_t sum, uint32_t owner);

bool memory_listeners_same(const struct dp *dp);

/* Before dp_install() writes what can be seen. */
void memory_begin_install(struct dp *dp);
/* After something was written: takes over the owners of a table in which slots wait. A path that is
 * NULL was taken away. */
void memory_note_global(struct dp *dp);
void memory_note_install(struct dp *dp, struct draft *d);
void memory_note_path(struct dp *dp, uint32_t backend, const struct ek_path *path);
void memory_forget_path(struct dp *dp, uint32_t backend);

#endif
