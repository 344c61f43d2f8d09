// SPDX-License-Identifier: GPL-2.0
/* Compiled once with affinity.h and once with each mutant of it. */
#include "rules.h"

const struct rules rules = {
	.decide = ek_affinity_decide,
	.unstored = ek_affinity_unstored,
	.lost = ek_affinity_lost,
	.udp_grace = ek_slot_udp_grace,
	.touch = ek_slot_touch,
	.keeps = ek_slot_keeps,
	.change = ek_slot_change,
	.catch_up = ek_slot_catch_up,
	.rebuilt = ek_slot_rebuilt,
	.gone_back = ek_slot_gone_back,
	.old_def = ek_old_slot_def,
	.old_remembers = ek_old_slot_remembers,
	.old_release = ek_old_slot_release,
	.swept = ek_flow_swept,
	.foreign = ek_flow_foreign,
	.may_settle = ek_slot_may_settle,
	.settled = ek_slot_settled,
	.release = ek_slot_release,
	.time_over = ek_time_over,
	.gone = ek_backend_gone,
};
