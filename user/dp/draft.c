// SPDX-License-Identifier: GPL-2.0
/* Working a configuration out against the maps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/draft.h"
#include "dp/index.h"
#include "dp/install.h"
#include "dp/memory.h"
#include "dp/object.h"
#include "dp/region.h"
#include "evenkeel/hash.h"
#include "lib/cleanup.h"
#include "lib/maglev.h"
#include "lib/stage.h"

/* Who has which index, while the draft is made. */
struct indexes {
	struct service_index *services;
	const struct backend_index *backends; /* the caller's */
};

static void indexes_release(struct indexes *x)
{
	service_index_free(&x->services);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* The dead get no slots, unless nobody is left who could take theirs: all dead at once is more
 * likely an error of who says so. */
static void weigh_by_death(const struct dp *dp, const struct config_service *s,
			   const uint32_t *indexes, uint32_t *weights)
{
	bool any_alive = false;

	for (size_t i = 0; i < s->backend_count; i++)
		any_alive |=
			config_backend_weight(&s->backends[i]) && !dp->backend_ids[indexes[i]].died;
	for (size_t i = 0; i < s->backend_count; i++)
		weights[i] = any_alive && dp->backend_ids[indexes[i]].died
				     ? 0
				     : config_backend_weight(&s->backends[i]);
}

bool dp_weights(const struct dp *dp, const struct config_service *s, const uint32_t *indexes,
		uint32_t *weights)
{
	struct dp_weights w = { .each = weights };

	if (dp->priv->weigh)
		dp->priv->weigh(dp->priv->weigh_context, s, indexes, &w);
	else
		weigh_by_death(dp, s, indexes, weights);
	return w.gently;
}

int dp_weights_before(const struct dp *dp, const struct config_service *now,
		      const uint32_t *indexes, uint32_t *weights)
{
	size_t count = now->backend_count;
	_cleanup_(free_ptr) struct config_backend *backends = calloc(count + 1, sizeof(*backends));
	struct dp_weights w = { .each = weights, .before = true };
	struct config_service s = *now;

	if (!backends)
		return -ENOMEM;
	memcpy(backends, now->backends, count * sizeof(*backends));
	for (size_t i = 0; i < count; i++) {
		backends[i].weight = backends[i].weight_before;
		backends[i].drain = false;
	}
	s.backends = backends;
	if (dp->priv->weigh)
		dp->priv->weigh(dp->priv->weigh_context, &s, indexes, &w);
	else
		weigh_by_death(dp, &s, indexes, weights);
	return 0;
}

static int weigh(struct maglev_member *members, struct draft_service *draft, const struct dp *dp)
{
	const struct config_service *s = draft->config;
	_cleanup_(free_ptr) uint32_t *indexes = calloc(2 * s->backend_count + 1, sizeof(uint32_t));
	uint32_t *weights = indexes + s->backend_count;

	if (!indexes)
		return -ENOMEM;
	for (size_t i = 0; i < s->backend_count; i++)
		indexes[i] = members[i].index;
	draft->gently = dp_weights(dp, s, indexes, weights);
	for (size_t i = 0; i < s->backend_count; i++)
		members[i].weight = weights[i];
	return 0;
}

/* Is it on its way from one table to another? One of another size or flavour cannot be. */
static bool is_staged(const struct draft_service *s)
{
	return s->config->staged && !s->rebuilt;
}

static int members_before(struct maglev_member **out, const struct maglev_member *members,
			  const struct config_service *s, const struct dp *dp)
{
	size_t count = s->backend_count;
	_cleanup_(free_ptr) struct maglev_member *before = calloc(count + 1, sizeof(*before));
	_cleanup_(free_ptr) uint32_t *indexes = calloc(2 * count + 1, sizeof(uint32_t));
	uint32_t *weights = indexes + count;

	if (!before || !indexes)
		return -ENOMEM;
	memcpy(before, members, count * sizeof(*before));
	for (size_t i = 0; i < count; i++)
		indexes[i] = members[i].index;
	if (dp_weights_before(dp, s, indexes, weights))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		before[i].weight = weights[i];
	*out = take_ptr(before);
	return 0;
}

/* The members of a pool with their indexes, for the table; and for the one before, where the service
 * is being staged. */
static int members_of(struct maglev_member **out, struct maglev_member **before,
		      const struct dp *dp, struct draft_service *s,
		      const struct backend_index *index, char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct maglev_member *members =
		calloc(s->config->backend_count + 1, sizeof(*members));

	if (!members)
		return dp_fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->config->backend_count; i++) {
		const struct config_backend *b = &s->config->backends[i];

		members[i].addr = b->addr;
		members[i].index = backend_index_find(index, s->index, b);
		if (!members[i].index)
			return dp_fail(error, -EINVAL, "service %s: backend %s has no index",
				       s->config->name, b->name);
	}
	/* Who weighs is asked last for what is to be. */
	if ((is_staged(s) && members_before(before, members, s->config, dp)) ||
	    weigh(members, s, dp))
		return dp_fail(error, -ENOMEM, "out of memory");
	*out = take_ptr(members);
	return 0;
}

/* A table depends on its size, the key and the set of (address, weight, index): this is the set,
 * in whatever order. That two sets have the same sum by chance is as good as impossible, and
 * nobody who does not know the key can make it so. */
static uint64_t pool_of(const struct maglev_member *members, size_t count, struct ek_key key)
{
	uint64_t sum = count;

	for (size_t i = 0; i < count; i++) {
		const struct maglev_member *m = &members[i];
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): members_of() has set it */
		uint64_t h = ek_mix(key.words[0] ^ m->addr.words[0], key.words[1]);

		h = ek_mix(h ^ m->addr.words[1], key.words[1]);
		sum += ek_mix(h ^ m->index, key.words[0] ^ m->weight);
	}
	return sum;
}

/* Has this process itself made the table in force, of the same pool? A controller that has just
 * begun has made none: it looks at all of them. */
static bool is_installed(const struct draft_service *s, const struct dp *dp)
{
	const struct dp_installed *x = &dp->priv->memory->services[s->index];

	return s->table && !s->rebuilt && x->table == s->table && x->pool == s->pool && !x->waiting;
}

static int mix_table(struct draft_service *s, const struct maglev_member *before, struct ek_key key)
{
	_cleanup_(free_ptr) uint32_t *owners = calloc(s->slots, sizeof(*owners));
	int err;

	if (!owners)
		return -ENOMEM;
	err = maglev_fill(owners, s->slots, before, s->config->backend_count, key);
	return err ?: stage_mix(s->owners, owners, s->slots, s->config->staged, key);
}

/* `before`: NULL where nothing is staged. */
static int fill_table(struct draft_service *s, const struct maglev_member *members,
		      const struct maglev_member *before, const struct dp *dp,
		      char error[static DP_ERROR_MAX])
{
	struct ek_key key = dp->global->keys[ek_flavour_key(s->flavour)];
	int err;

	s->owners = calloc(s->slots, sizeof(*s->owners));
	if (!s->owners)
		return dp_fail(error, -ENOMEM, "out of memory");
	err = maglev_fill(s->owners, s->slots, members, s->config->backend_count, key);
	if (!err && before)
		err = mix_table(s, before, key);
	return err ? dp_fail(error, err, "service %s: no table: %s", s->config->name,
			     strerror(-err))
		   : 0;
}

static int draft_table(struct draft_service *s, struct draft *d, const struct dp *dp,
		       const struct backend_index *index, char error[static DP_ERROR_MAX])
{
	_cleanup_(free_ptr) struct maglev_member *members = NULL, *before = NULL;
	struct ek_key key = dp->global->keys[ek_flavour_key(s->flavour)];
	int err = members_of(&members, &before, dp, s, index, error);

	if (err)
		return err;
	for (size_t i = 0; i < s->config->backend_count; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): members_of() has set it */
		d->backend_at[members[i].index] = &s->config->backends[i];
	s->pool = pool_of(members, s->config->backend_count, key);
	if (before)
		s->pool = ek_mix(s->pool ^ pool_of(before, s->config->backend_count, key),
				 key.words[0] ^ s->config->staged);
	if (is_installed(s, dp))
		return 0;
	err = fill_table(s, members, before, dp, error);
	if (!err && s->table && !s->rebuilt && draft_hold(s, dp, members))
		return dp_fail(error, -ENOMEM, "out of memory");
	return err;
}

int draft_owners(const struct dp *dp, uint32_t service, const struct config_service *config,
		 uint32_t **owners)
{
	_cleanup_(backend_index_free) struct backend_index *index = NULL;
	_cleanup_(free_ptr) struct maglev_member *members = NULL, *before = NULL;
	struct draft_service s = { .config = config, .index = service };
	const struct dp_installed *x = &dp->priv->memory->services[service];
	char error[DP_ERROR_MAX];
	int err = backend_index_make(&index, dp);

	s.table = dp->services[service].table;
	s.slots = ek_table_mask(s.table) + 1;
	s.flavour = ek_table_flavour(s.table);
	if (!err && s.table && s.table == x->table && x->kept) {
		*owners = malloc(s.slots * sizeof(**owners));
		if (*owners)
			memcpy(*owners, x->kept, s.slots * sizeof(**owners));
		return *owners ? 0 : -ENOMEM;
	}
	err = err ?: s.table ? members_of(&members, &before, dp, &s, index, error) : -ENOENT;
	err = err ?: fill_table(&s, members, before, dp, error);
	if (err)
		free(s.owners);
	else
		*owners = s.owners;
	return err;
}

int64_t dp_table_drift(const struct dp *dp, uint32_t service, const struct config_service *config)
{
	_cleanup_(free_ptr) uint32_t *owners = NULL;
	uint64_t table = dp->services[service].table;
	struct draft_service s = { .table = table, .slots = ek_table_mask(table) + 1 };
	int err = draft_owners(dp, service, config, &owners);

	s.owners = owners;
	return err ? err : (int64_t)draft_moves(&s, dp);
}

int draft_refuse_held(const struct dp *dp, uint32_t service, char error[static DP_ERROR_MAX])
{
	struct dp_service_view view = {};

	dp_service_view(dp, service, &view);
	return dp_fail(
		error, -EBUSY,
		"service %s: another hash or key must wait: %u of its %u slots still have "
		"flows from before its table's size, hash or key was changed last; ask again "
		"when `evenkeel status` shows them settled",
		dp->service_ids[service].name, view.of_old_table, view.slots);
}

/* Those that a change removes are there for a while, and do not make the table grow. */
static size_t pool_size(const struct config_service *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->backend_count; i++)
		count += !s->backends[i].retained;
	return count;
}

/* Are its flows still looked up under two tables? */
static bool is_held(const struct dp *dp, uint32_t service)
{
	return dp_old_table(dp, service) || dp_undone_table(dp, service);
}

/* Size and flavour of the service's table. It grows with its pool and never shrinks: that would
 * unsettle every slot for nothing. While an old table is still looked up there cannot be a second
 * one: growing waits for a later change, what was asked for is refused, unless it is to go back. */
static int choose_shape(struct draft_service *s, const struct dp *dp,
			char error[static DP_ERROR_MAX])
{
	uint32_t fitting = maglev_size(pool_size(s->config)), slots, key = dp->global->key_index;
	uint8_t flavour = ek_table_flavour(s->table), hash = (uint8_t)s->config->hash;
	bool other = ek_flavour_hash(flavour) != hash || ek_flavour_key(flavour) != (key & 1);

	if (!s->table) {
		s->slots = fitting;
		s->flavour = ek_flavour(hash, key, 0);
		return 0;
	}
	slots = ek_table_mask(s->table) + 1;
	s->slots = slots;
	s->flavour = flavour;
	s->returns = other && draft_may_return(s, dp);
	if (is_held(dp, s->index) && !s->returns)
		return other ? draft_refuse_held(dp, s->index, error) : 0;
	if (other)
		s->flavour = ek_flavour(hash, key, !ek_flavour_parity(flavour));
	if (s->returns)
		s->slots = ek_table_mask(dp_old_table(dp, s->index)) + 1;
	else
		s->slots = fitting > slots ? fitting : slots;
	s->rebuilt = other || s->slots != slots;
	return 0;
}

static int draft_service(struct draft *d, struct draft_service *s, const struct dp *dp,
			 const struct indexes *x, char error[static DP_ERROR_MAX])
{
	int service = service_index_find(x->services, s->config->name);
	uint32_t moved;
	int err;

	if (service < 0)
		return dp_fail(error, service, "service %s has no index", s->config->name);
	s->index = (uint32_t)service;
	d->service_at[service] = s;
	s->table = s->new_table = dp->services[service].table;
	err = choose_shape(s, dp, error);
	err = err ?: draft_table(s, d, dp, x->backends, error);
	if (err || !s->owners)
		return err;
	moved = s->rebuilt ? s->slots : s->table ? draft_moves(s, dp) : 0;
	d->rebuilt += s->rebuilt;
	s->needs_region = !s->table || moved;
	d->slots_moved += moved;
	d->switched += !!moved;
	return 0;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* What a change asks of `slots`. */
struct demand {
	struct draft_service **tables; /* that need a region, the largest first */
	size_t count;
	uint64_t all; /* slots */
	uint64_t new; /* of these, what no region in force becomes free for */
};

static int by_size(const void *a, const void *b)
{
	const struct draft_service *x = *(struct draft_service *const *)a;
	const struct draft_service *y = *(struct draft_service *const *)b;

	if (x->slots != y->slots)
		return x->slots > y->slots ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void demand_release(struct demand *d)
{
	free(d->tables);
}

static int demand_make(struct demand *out, struct draft *d)
{
	struct demand made = { .tables = calloc(d->count + 1, sizeof(void *)) };

	if (!made.tables)
		return -ENOMEM;
	for (size_t i = 0; i < d->count; i++) {
		struct draft_service *s = &d->services[i];

		if (!s->needs_region)
			continue;
		made.tables[made.count++] = s;
		made.all += s->slots;
		made.new += s->table ? 0 : s->slots;
	}
	qsort(made.tables, made.count, sizeof(void *), by_size);
	*out = made;
	return 0;
}

/* A change needs its new tables beside those in force, which are free afterwards: in parts, a
 * change may fit where it does not as a whole. */
static int no_room(const struct demand *want, uint32_t total, uint32_t free, uint32_t gap,
		   char error[static DP_ERROR_MAX])
{
	bool in_parts = want->count > 1 && want->tables[0]->slots <= gap && want->new <= free;

	return dp_fail(error, -ENOSPC,
		       "no room for the tables of %zu services beside those in force: %llu slots "
		       "are needed, %u of %u are free, %u in one piece: %sstart evenkeeld with a "
		       "larger --slots, after `evenkeel detach`",
		       want->count, (unsigned long long)want->all, free, total, gap,
		       in_parts ? "change fewer services at once, or " : "");
}

/* New regions for the tables that change; packets go on reading the old ones meanwhile. */
static int place_tables(struct draft *d, const struct dp *dp, char error[static DP_ERROR_MAX])
{
	_cleanup_(regions_release) struct regions regions = {};
	_cleanup_(demand_release) struct demand want = {};
	uint32_t free, gap;

	if (demand_make(&want, d) || regions_make(&regions, dp, want.count))
		return dp_fail(error, -ENOMEM, "out of memory");
	regions_gaps(&regions, &free, &gap);
	for (size_t i = 0; i < want.count; i++) {
		struct draft_service *s = want.tables[i];
		uint32_t base;

		if (regions_take(&regions, s->slots, &base))
			return no_room(&want, regions.total, free, gap, error);
		s->new_table = ek_table_word(base, s->slots, s->flavour);
	}
	return 0;
}

/* ---- the draft ------------------------------------------------------------------------------- */

static int draft_begin(struct draft *d, struct indexes *x, const struct dp *dp,
		       const struct config *c)
{
	d->count = c->service_count;
	d->services = calloc(d->count + 1, sizeof(*d->services));
	d->service_at = calloc(EK_SERVICES_MAX, sizeof(void *));
	d->backend_at = calloc(dp->sizes.backends, sizeof(void *));
	if (!d->services || !d->service_at || !d->backend_at)
		return -ENOMEM;
	return service_index_make(&x->services, dp);
}

int draft_make(struct draft *d, const struct dp *dp, const struct config *c,
	       const struct backend_index *backends, char error[static DP_ERROR_MAX])
{
	_cleanup_(indexes_release) struct indexes x = { .backends = backends };
	_cleanup_(draft_release) struct draft made = {};
	int err = draft_begin(&made, &x, dp, c);

	if (err)
		return dp_fail(error, err, "out of memory");
	for (size_t i = 0; !err && i < c->service_count; i++) {
		made.services[i].config = &c->services[i];
		err = draft_service(&made, &made.services[i], dp, &x, error);
	}
	err = err ?: place_tables(&made, dp, error);
	if (err)
		return err;
	*d = made;
	made = (struct draft){};
	return 0;
}

void draft_release(struct draft *d)
{
	for (size_t i = 0; d->services && i < d->count; i++)
		free(d->services[i].owners);
	free(d->services);
	free(d->service_at);
	free(d->backend_at);
	*d = (struct draft){};
}
