/* SPDX-License-Identifier: GPL-2.0 */
/* One rebalance loop (lib/rebalance.h) for each service that asks for it, fed each second with
 * what the samples counted. The factors in force are in the maps (ek_backend_id.factor): they live
 * as long as the tables that are made with them, whoever runs. */
#ifndef EVENKEEL_DAEMON_REBALANCES_H
#define EVENKEEL_DAEMON_REBALANCES_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "daemon/feedback.h"
#include "lib/config.h"
#include "lib/preflight.h"

struct rebalances;

int rebalances_open(struct rebalances **out);
void rebalances_close(struct rebalances *r);

/* A table is being made of these weights, before the factors: what health and all else leave.
 * `frozen`: they are not what the pool is to have for long (panic). */
void rebalances_note(struct daemon *d, const struct config_service *s, const uint32_t *indexes,
		     const double *weights, bool frozen);

/* Each second, after the samples: corrects weights where it is time, and tells. */
void rebalances_tick(struct daemon *d);

/* ---- what is known --------------------------------------------------------------------------- */

/* The service's loop; NULL: it is off. */
const struct rebalance *rebalances_of(const struct daemon *d, uint32_t service);
enum rebalance_mode rebalances_mode(const struct daemon *d, uint32_t service);
/* What the last measurement led to; REBALANCE_MEASURING before the first. */
enum rebalance_state rebalances_verdict(const struct daemon *d, uint32_t service);
/* What the backend's weight is multiplied by in its table. */
double rebalances_factor(const struct daemon *d, uint32_t backend);

/* What the service's backends say of their load; NULL: they are not asked. */
const struct feedback *rebalances_feedback(const struct daemon *d, uint32_t service);
/* What the backend said of its load; false: it is not asked. */
bool rebalances_load(const struct daemon *d, uint32_t backend, struct load_view *out);

json_t *rebalances_json(const struct daemon *d, uint32_t service); /* null: it is off */
/* What `observe` would multiply the weight by; null otherwise. */
json_t *rebalances_advice_json(const struct daemon *d, uint32_t backend);
/* What it said of its load; null: it is not asked. */
json_t *rebalances_load_json(const struct daemon *d, uint32_t backend);
/* For the doctor. */
void rebalances_examine(struct findings *f, const struct daemon *d, uint32_t service);

#endif
