/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of the canonical text that have a file of their own. */
#ifndef EVENKEEL_LIB_CONFIG_TEXT_H
#define EVENKEEL_LIB_CONFIG_TEXT_H

#include <jansson.h>

#include "lib/config.h"

/* The value of `health`; NULL when memory runs out. */
json_t *health_json(const struct config_service *s);
/* And of `rebalance`. */
json_t *rebalance_json(const struct config_service *s);

/* "2000ms" */
json_t *ms_json(uint32_t ms);
/* Those of `guards`, `policy` and `silence`. */
json_t *guards_json(const struct config_guards *g);
json_t *policy_json(const struct config_policy *p);
json_t *silences_json(const struct config *c);

#endif
