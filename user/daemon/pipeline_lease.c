/* SPDX-License-Identifier: GPL-2.0 */
/* A change under way is a lease in the data path. */
#include "daemon/pipeline_internal.h"
#include "dp/install.h"
#include "evenkeel/lease.h"
#include "lib/transition.h"

/* Of every service whose slots move. */
void lease_renew(struct daemon *d)
{
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		const char *name = d->dp->service_ids[i].name;
		const struct config_service *s = *name ? config_service(d->config, name) : NULL;

		if (s && transition_moves(s))
			dp_lease_set(d->dp, i, clock_now_s() + EK_LEASE_S);
	}
}

/* No change is under way: a lease that is there is of one that ended with its controller, and lapsed: new
 * flows of whatever moves from now on would go to whom it belonged to. Where nothing could be restored it
 * is all that protects them. */
void lease_forget(struct daemon *d)
{
	if (!d->trouble[0])
		dp_leases_end(d->dp);
}
