/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the plan share. */
#ifndef EVENKEEL_LIB_PLAN_INTERNAL_H
#define EVENKEEL_LIB_PLAN_INTERNAL_H

#include "lib/plan.h"

/* Fills in who gets how much when the worst one and two fail. */
void plan_worst(struct plan_service *p);

/* Finds hosts that are in several services. -ENOMEM, or 0. */
int plan_hosts(struct plan *p);

#endif
