// SPDX-License-Identifier: GPL-2.0
#include "lib/effective.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/rebalance.h"

int effective_weights(struct effective_weight *weights, enum eligible_mode *mode,
		      const struct effective_member *members, size_t count,
		      const struct eligible_policy *policy)
{
	_cleanup_(free_ptr) struct eligible_member *eligible = calloc(count + 1, sizeof(*eligible));
	_cleanup_(free_ptr) uint32_t *chosen = calloc(count + 1, sizeof(*chosen));

	if (!eligible || !chosen)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		eligible[i] = members[i].eligible;
	*mode = eligible_weights(chosen, eligible, count, policy);
	for (size_t i = 0; i < count; i++) {
		double start =
			eligible[i].start > 0 && *mode != ELIGIBLE_PANIC ? eligible[i].start : 1;

		weights[i].due = chosen[i] * members[i].factor;
		weights[i].table = rebalance_weight(chosen[i], members[i].factor * start);
	}
	return 0;
}
