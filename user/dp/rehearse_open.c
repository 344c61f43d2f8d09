// SPDX-License-Identifier: GPL-2.0
/* The second instance: a copy of what is in force, then an install as it will be done there. */
#include <errno.h>
#include <string.h>

#include "dp/object.h"
#include "dp/rehearse.h"
#include "lib/cleanup.h"

/* A rehearsal's flows are few. */
#define REHEARSAL_FLOW_BUCKETS 4096u

static void close_dp(struct dp **dp)
{
	dp_close(*dp);
}

/* Frames to any address are taken: which are this host's is not what is rehearsed. */
static void copy_global(struct dp *to, const struct dp *from)
{
	struct ek_global g = *from->global;

	g.mac = 0;
	g.cpus = to->global->cpus;
	g.flow_buckets = to->global->flow_buckets;
	*to->global = g;
}

static void copy_table(struct dp *to, const struct dp *from, uint64_t table)
{
	uint32_t base = ek_table_base(table);

	if (table)
		memcpy(&to->slots[base], &from->slots[base],
		       (ek_table_mask(table) + 1) * sizeof(*to->slots));
}

static void copy_maps(struct dp *to, const struct dp *from)
{
	size_t backends = to->sizes.backends;

	copy_global(to, from);
	memcpy(to->directory, from->directory, 2 * EK_DIRECTORY_ENTRIES * sizeof(*to->directory));
	memcpy(to->displacement, from->displacement,
	       2 * EK_DIRECTORY_BUCKETS * sizeof(*to->displacement));
	memcpy(to->services, from->services, EK_SERVICES_MAX * sizeof(*to->services));
	memcpy(to->service_ids, from->service_ids, EK_SERVICES_MAX * sizeof(*to->service_ids));
	memcpy(to->backends, from->backends, backends * sizeof(*to->backends));
	memcpy(to->backend_ids, from->backend_ids, backends * sizeof(*to->backend_ids));
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		copy_table(to, from, from->services[i].table);
		copy_table(to, from, from->services[i].old_table);
	}
}

int dp_rehearse_open(struct dp **out, const struct dp *live, const struct config *c, uint32_t now_s,
		     char error[static DP_ERROR_MAX])
{
	_cleanup_(close_dp) struct dp *dp = NULL;
	struct dp_sizes sizes = live->sizes;
	struct dp_install_result result;
	int err;

	sizes.flow_buckets = REHEARSAL_FLOW_BUCKETS;
	err = dp_open(&dp, NULL, &sizes, dp_key(live), error);
	if (err)
		return err;
	copy_maps(dp, live);
	dp_weigh_by(dp, live->priv->weigh, live->priv->weigh_context);
	err = dp_install(dp, c, now_s, &result, error);
	/* More may come at once than some can take. */
	memset(dp->capacities, 0, dp->sizes.backends * sizeof(*dp->capacities));
	if (!err)
		*out = take_ptr(dp);
	return err;
}
