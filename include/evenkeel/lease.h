/* SPDX-License-Identifier: GPL-2.0 */
/* A change that is being staged or watched is a lease in the data path: where the controller does not
 * renew it, new flows of slots that have moved go back to whom they belonged to before, by themselves.
 * Only unsettled slots ask: all that have moved are. */
#ifndef EVENKEEL_LEASE_H
#define EVENKEEL_LEASE_H

#include "evenkeel/abi.h"

/* The controller renews it each second, and may be away for a restart. */
#define EK_LEASE_S 10u

/* lease_s: struct ek_service's; 0: nothing is being staged. */
static inline int ek_lease_lapsed(__u32 lease_s, __u32 now_s)
{
	return lease_s && (__s32)(now_s - lease_s) > 0;
}

#endif
