// SPDX-License-Identifier: GPL-2.0
/* Backends that are down. The moment is in their identity, so that a controller that begins knows
 * it; the flag that the data path reads is in their path. */
#include "dp/index.h"
#include "dp/install.h"
#include "dp/object.h"

void death_flag(struct dp *dp, uint32_t backend, bool dead)
{
	__u8 *flags = &dp->backends[backend].path[0].flags;

	if (dead)
		__atomic_fetch_or(flags, EK_PATH_DEAD, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(flags, (__u8)~EK_PATH_DEAD, __ATOMIC_RELEASE);
}

void dp_backend_down(struct dp *dp, uint32_t backend, uint32_t now_s)
{
	struct ek_backend_id *id = &dp->backend_ids[backend];

	if (!id->died)
		id->died = now_s ? now_s : 1;
	death_flag(dp, backend, true);
	dp->priv->quiet = false;
}

void dp_backend_up(struct dp *dp, uint32_t backend)
{
	death_flag(dp, backend, false);
	dp->backend_ids[backend].died = 0;
	dp->backend_ids[backend].seen_up = 1;
	dp->priv->quiet = false;
}

void deaths_adopt(struct dp *dp)
{
	for (uint32_t i = 1; i < dp->sizes.backends; i++)
		if (dp->backend_ids[i].used != BACKEND_FREE && dp->backend_ids[i].died)
			death_flag(dp, i, true);
}
