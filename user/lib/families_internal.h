/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of the families that have a file of their own. */
#ifndef EVENKEEL_LIB_FAMILIES_INTERNAL_H
#define EVENKEEL_LIB_FAMILIES_INTERNAL_H

#include "lib/families.h"

void checks_write(struct exposition *e, const struct metrics *m);

#endif
