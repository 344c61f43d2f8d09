/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the plan share. */
#ifndef EVENKEEL_LIB_PLAN_INTERNAL_H
#define EVENKEEL_LIB_PLAN_INTERNAL_H

#include <stdio.h>

#include "lib/plan.h"

/* One table: the weights of each backend in it, the slots, and who has them by number from 1. */
struct plan_table {
	uint32_t *weights, *owners;
	uint32_t slots;
};

/* What the clients of the last minutes make of them. -ENOMEM, or 0. */
int plan_predict(struct plan_service *p, const struct plan_input *in,
		 const struct plan_table *before, const struct plan_table *after);
void plan_clients_print(FILE *out, const struct plan_service *s, double load);
json_t *plan_clients_json(const struct plan_service *s, double load);
json_t *plan_client_json(const struct plan_service *s, size_t backend, double load);

/* Fills in who gets how much when the worst one and two fail. */
void plan_worst(struct plan_service *p);

/* Finds hosts that are in several services. -ENOMEM, or 0. */
int plan_hosts(struct plan *p);

#endif
