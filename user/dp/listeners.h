/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: the directory of listeners in the maps. */
#ifndef EVENKEEL_DP_LISTENERS_H
#define EVENKEEL_DP_LISTENERS_H

#include "dp/draft.h"

/* Lays the listeners of the draft out in the region that is not in use. Nothing is visible
 * yet: *word is what to store in global.directory. Equal to what is there: nothing changes. */
int listeners_prepare(struct dp *dp, const struct draft *d, uint64_t *word,
		      char error[static DP_ERROR_MAX]);

#endif
