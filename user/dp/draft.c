// SPDX-License-Identifier: GPL-2.0
/* Working a configuration out against the maps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/draft.h"
#include "dp/index.h"
#include "dp/install.h"
#include "dp/object.h"
#include "dp/region.h"
#include "lib/cleanup.h"
#include "lib/maglev.h"

/* The members of a pool with their indexes, for the table. */
static int members_of(struct maglev_member **out, const struct draft_service *s,
		      const struct backend_index *index, char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct maglev_member *members =
		calloc(s->config->backend_count + 1, sizeof(*members));

	if (!members)
		return dp_fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->config->backend_count; i++) {
		const struct config_backend *b = &s->config->backends[i];

		members[i].addr = b->addr;
		members[i].weight = config_backend_weight(b);
		members[i].index = backend_index_find(index, s->index, &b->addr);
		if (!members[i].index)
			return dp_fail(error, -EINVAL, "service %s: backend %s has no index",
				       s->config->name, b->name);
	}
	*out = take_ptr(members);
	return 0;
}

static int fill_table(struct draft_service *s, const struct dp *dp,
		      const struct backend_index *index, char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct maglev_member *members = NULL;
	int err = members_of(&members, s, index, error);

	if (err)
		return err;
	s->slots = s->table ? ek_table_mask(s->table) + 1 : maglev_size(s->config->backend_count);
	s->owners = calloc(s->slots, sizeof(*s->owners));
	if (!s->owners)
		return dp_fail(error, -ENOMEM, "out of memory");
	err = maglev_fill(s->owners, s->slots, members, s->config->backend_count, dp->global->key);
	return err ? dp_fail(error, err, "service %s: no table: %s", s->config->name,
			     strerror(-err))
		   : 0;
}

static uint32_t slots_that_move(const struct draft_service *s, const struct dp *dp)
{
	const uint64_t *now = &dp->slots[ek_table_base(s->table)];
	uint32_t moved = 0;

	for (uint32_t i = 0; i < s->slots; i++)
		moved += ek_slot_cur(now[i]) != s->owners[i];
	return moved;
}

/* A new region for a table that changes; packets go on reading the old one meanwhile. */
static int place_table(struct draft_service *s, struct regions *regions,
		       char error[static DP_ERROR_MAX])
{
	uint32_t base;
	int err = regions_take(regions, s->slots, &base);

	if (err)
		return dp_fail(
			error, err,
			"service %s: no room for a table of %u slots among %u: start evenkeeld "
			"with a larger --slots, after `evenkeel detach`",
			s->config->name, s->slots, regions->total);
	s->new_table = ek_table_word(base, s->slots, (uint8_t)s->config->hash);
	return 0;
}

static int draft_service(struct draft *d, struct draft_service *s, const struct dp *dp,
			 const struct backend_index *index, struct regions *regions,
			 char error[static DP_ERROR_MAX])
{
	int service = dp_service_index(dp, s->config->name);
	uint32_t moved;
	int err;

	if (service < 0)
		return dp_fail(error, service, "service %s has no index", s->config->name);
	s->index = (uint32_t)service;
	s->table = s->new_table = dp->services[service].table;
	if (s->table && ek_table_hash(s->table) != s->config->hash)
		return dp_fail(
			error, -EOPNOTSUPP,
			"service %s: the hash of a live service cannot be changed from %s to "
			"%s without moving its flows: give the new one another name",
			s->config->name,
			config_hash_name((enum ek_hash_kind)ek_table_hash(s->table)),
			config_hash_name(s->config->hash));
	err = fill_table(s, dp, index, error);
	if (err)
		return err;
	moved = s->table ? slots_that_move(s, dp) : 0;
	if (s->table && !moved)
		return 0;
	d->slots_moved += moved;
	d->switched += !!s->table;
	return place_table(s, regions, error);
}

int draft_make(struct draft *d, const struct dp *dp, const struct config *c,
	       char error[static DP_ERROR_MAX])
{
	_cleanup_(backend_index_free) struct backend_index *index = NULL;
	_cleanup_(regions_release) struct regions regions = {};
	struct draft made = { .count = c->service_count };
	int err = backend_index_make(&index, dp);

	err = err ?: regions_make(&regions, dp, c->service_count);
	made.services = calloc(c->service_count + 1, sizeof(*made.services));
	if (err || !made.services) {
		free(made.services);
		return dp_fail(error, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; !err && i < c->service_count; i++) {
		made.services[i].config = &c->services[i];
		err = draft_service(&made, &made.services[i], dp, index, &regions, error);
	}
	if (err) {
		draft_release(&made);
		return err;
	}
	*d = made;
	return 0;
}

void draft_release(struct draft *d)
{
	for (size_t i = 0; d->services && i < d->count; i++)
		free(d->services[i].owners);
	free(d->services);
	*d = (struct draft){};
}

bool draft_has_service(const struct draft *d, uint32_t index)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->services[i].index == index)
			return true;
	return false;
}
