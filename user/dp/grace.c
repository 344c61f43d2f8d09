// SPDX-License-Identifier: GPL-2.0
/* Waiting for packets under way. */
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dp/object.h"
#include "lib/cleanup.h"

/* Where membarrier is refused (nohz_full CPUs): the kernel itself waits for a grace period
 * before an update of a map of maps returns (maybe_wait_bpf_programs()). */
static int grace_by_map_update(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, outer_options);
	_cleanup_(close_fd) int inner = -1;
	_cleanup_(close_fd) int outer = -1;
	uint32_t index = 0;

	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ek_grace_inner", 4, 4, 1, NULL);
	if (inner < 0)
		return inner;
	outer_options.inner_map_fd = (uint32_t)inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "ek_grace", 4, 4, 1, &outer_options);
	if (outer < 0)
		return outer;
	return bpf_map_update_elem(outer, &index, &inner, BPF_ANY);
}

int dp_grace_period(void)
{
	/* A packet is processed with preemption or bottom halves off: an RCU read side, which
	 * MEMBARRIER_CMD_GLOBAL (synchronize_rcu()) waits for. */
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	return grace_by_map_update();
}

int grace_wait(struct dp *dp)
{
	int err = dp_grace_period();

	dp->priv->grace_owed = !!err;
	return err;
}

int grace_wait_owed(struct dp *dp)
{
	return dp->priv->grace_owed ? grace_wait(dp) : 0;
}
