// SPDX-License-Identifier: GPL-2.0
/* What was written last, and sums over it where it is large. */
#include "dp/memory.h"

#include <stdlib.h>
#include <string.h>

#include "dp/draft.h"
#include "dp/object.h"
#include "evenkeel/hash.h"
#include "lib/cleanup.h"
#include "lib/directory.h"

void memory_free(struct dp_memory *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		free(m->services[i].kept);
	free(m->paths);
	free(m->paths_known);
	free(m->capacities);
	free(m->caps);
	free(m);
}

struct dp_memory *memory_make(uint32_t backends)
{
	struct dp_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->paths = calloc(backends, sizeof(*m->paths));
	m->paths_known = calloc(backends, sizeof(*m->paths_known));
	m->capacities = calloc(backends, sizeof(*m->capacities));
	m->caps = calloc(backends, sizeof(*m->caps));
	if (m->paths && m->paths_known && m->capacities && m->caps)
		return m;
	memory_free(m);
	return NULL;
}

/* Nobody tries to deceive it: a mix that every bit goes through will do. */
uint64_t owners_sum(uint64_t sum, uint32_t owner)
{
	return (sum ^ owner) * 0x3c79ac492ba7b653ull + (sum >> 29);
}

static uint64_t listeners_sum(const struct dp *dp)
{
	uint64_t word = dp->global->directory, sum = word;
	size_t entries = ek_directory_entry_mask(word) + 1;
	size_t buckets = ek_directory_bucket_mask(word) + 1;
	const uint64_t *at = (const void *)&dp->directory[directory_first_entry(word)];
	const uint16_t *displacement = &dp->displacement[directory_first_bucket(word)];

	for (size_t i = 0; i < entries * sizeof(*dp->directory) / sizeof(*at); i++)
		sum = ek_mix(sum ^ at[i], 0);
	for (size_t i = 0; i < buckets; i++)
		sum = ek_mix(sum ^ displacement[i], 0);
	return sum;
}

bool memory_listeners_same(const struct dp *dp)
{
	return dp->priv->memory->listeners == listeners_sum(dp);
}

void memory_note_global(struct dp *dp)
{
	dp->priv->memory->global = *dp->global;
}

void memory_begin_install(struct dp *dp)
{
	struct dp_memory *m = dp->priv->memory;

	m->whole = false;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		m->services[i].table = 0;
}

static void note_waiting(struct dp_installed *x, struct draft_service *s)
{
	if (!s->owners)
		return;
	free(x->kept);
	x->waiting = s->waiting;
	x->kept = s->waiting ? take_ptr(s->owners) : NULL;
}

static void forget_service(struct dp_installed *x)
{
	free(x->kept);
	*x = (struct dp_installed){};
}

void memory_note_install(struct dp *dp, struct draft *d)
{
	struct dp_memory *m = dp->priv->memory;

	for (size_t i = 0; i < d->count; i++) {
		struct draft_service *s = &d->services[i];
		struct dp_installed *x = &m->services[s->index];
		uint64_t sum = 0;

		for (uint32_t k = 0; s->owners && k < s->slots; k++)
			sum = owners_sum(sum, s->owners[k]);
		x->table = s->new_table;
		x->pool = s->pool;
		x->owners = s->owners ? sum : x->owners;
		x->record = dp->services[s->index];
		note_waiting(x, s);
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (!dp->service_ids[i].name[0])
			forget_service(&m->services[i]);
	memory_note_global(dp);
	m->listeners = listeners_sum(dp);
	m->lay_out = false;
	m->whole = true;
}

void memory_note_path(struct dp *dp, uint32_t backend, const struct ek_path *path)
{
	struct dp_memory *m = dp->priv->memory;

	m->paths_known[backend] = true;
	m->paths[backend] = path ? *path : (struct ek_path){};
}

void memory_forget_path(struct dp *dp, uint32_t backend)
{
	dp->priv->memory->paths_known[backend] = false;
}
