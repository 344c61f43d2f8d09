// SPDX-License-Identifier: GPL-2.0
/* Another flow hash key: a change of every table at once. And the way back from another hash or key. */
#include <errno.h>
#include <string.h>

#include "dp/draft.h"
#include "dp/install.h"
#include "dp/memory.h"
#include "dp/object.h"

static bool made_with(uint64_t table, uint32_t key_index)
{
	return table && ek_flavour_key(ek_table_flavour(table)) == key_index;
}

/* The record has room for two keys: the one that is not in force must not be any table's. */
static int refuse_used(const struct dp *dp, uint32_t key_index, char error[static DP_ERROR_MAX])
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		if (made_with(dp->services[i].table, key_index) ||
		    made_with(dp_old_table(dp, i), key_index) ||
		    made_with(dp_undone_table(dp, i), key_index))
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

/* Has no slot settled since? Of a flow in one that has nobody knows any more under which table it began.
 */
bool draft_may_return(const struct draft_service *s, const struct dp *dp)
{
	uint64_t old = dp_old_table(dp, s->index);
	uint8_t flavour = ek_table_flavour(old);
	struct dp_service_view view = {};

	if (!old || dp_undone_table(dp, s->index) ||
	    ek_flavour_hash(flavour) != (uint8_t)s->config->hash ||
	    ek_flavour_key(flavour) != (dp->global->key_index & 1) ||
	    dp_service_view(dp, s->index, &view))
		return false;
	return view.of_old_table == view.slots;
}
