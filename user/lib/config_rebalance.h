/* SPDX-License-Identifier: GPL-2.0 */
/* Part of lib/config.h: how a service's load is evened out. */
#ifndef EVENKEEL_LIB_CONFIG_REBALANCE_H
#define EVENKEEL_LIB_CONFIG_REBALANCE_H

#include "lib/rebalance.h"

/* What a backend's load is measured by. */
enum config_load {
	CONFIG_LOAD_FLOWS, /* new ones */
	CONFIG_LOAD_PACKETS,
	CONFIG_LOAD_BYTES,
};

struct config_rebalance {
	enum rebalance_mode mode;
	enum config_load by;
	uint32_t wait_ms;    /* until a change of weights shows in the load */
	uint32_t measure_ms; /* one measurement, at least */
	uint32_t min, max;   /* percent of a weight, within which it is corrected */
};

const char *config_load_name(enum config_load by); /* "flows" */

#endif
