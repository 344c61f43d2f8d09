// SPDX-License-Identifier: GPL-2.0
/* Another flow hash key: a change of every table at once. And the way back from another hash or key. */
#include <errno.h>
#include <string.h>

#include "dp/draft.h"
#include "dp/install.h"
#include "dp/memory.h"
#include "dp/object.h"
#include "evenkeel/affinity.h"

static bool made_with(uint64_t table, uint32_t key_index)
{
	return table && ek_flavour_key(ek_table_flavour(table)) == key_index;
}

/* The record has room for two keys: the one that is not in force must not be any table's. */
static int refuse_used(const struct dp *dp, uint32_t key_index, char error[static DP_ERROR_MAX])
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (made_with(dp->services[i].table, key_index) ||
		    made_with(dp_old_table(dp, i), key_index))
			return draft_refuse_held(dp, i, error);
	return 0;
}

static bool any_made_with(const struct dp *dp, uint32_t key_index)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (made_with(dp->services[i].table, key_index))
			return true;
	return false;
}

int dp_rekey(struct dp *dp, struct ek_key key, const struct config *c, uint32_t now_s,
	     struct dp_install_result *result, char error[static DP_ERROR_MAX])
{
	struct ek_global *g = dp->global;
	uint32_t before = g->key_index & 1, after = !before;
	int err = refuse_used(dp, after, error);

	/* Whoever looked at an old table with that key is through. */
	if (!err && (err = grace_wait_owed(dp)))
		dp_fail(error, err, "no grace period: %s", strerror(-err));
	if (err)
		return err;
	g->keys[after] = key;
	/* Should this controller die now, the next one's first change goes on from here. */
	__atomic_store_n(&g->key_index, after, __ATOMIC_RELEASE);
	err = dp_install(dp, c, now_s, result, error);
	if (err && !any_made_with(dp, after))
		__atomic_store_n(&g->key_index, before, __ATOMIC_RELEASE);
	memory_note_global(dp);
	return err;
}

/* ---- the way back ---------------------------------------------------------------------------- */

/* Did its flows all belong to the owners of its slots? */
static bool was_settled(const struct dp *dp, uint64_t table)
{
	for (uint32_t i = 0; i <= ek_table_mask(table); i++) {
		uint64_t word =
			__atomic_load_n(&dp->slots[ek_table_base(table) + i], __ATOMIC_RELAXED);

		if (ek_old_slot_def(word) != ek_slot_cur(word))
			return false;
	}
	return true;
}

/* Has no slot settled since? Then all flows that began are remembered, and the others have the owners that
 * a table of the old one's shape gives them. */
bool draft_may_return(const struct draft_service *s, const struct dp *dp)
{
	uint64_t old = dp_old_table(dp, s->index);
	uint8_t flavour = ek_table_flavour(old);
	struct dp_service_view view = {};

	if (ek_flavour_hash(flavour) != (uint8_t)s->config->hash ||
	    ek_flavour_key(flavour) != (dp->global->key_index & 1) ||
	    dp_service_view(dp, s->index, &view))
		return false;
	return view.of_old_table == view.slots && was_settled(dp, old);
}
