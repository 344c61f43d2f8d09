/* SPDX-License-Identifier: GPL-2.0 */
/* Part of lib/config.h: how a service's load is evened out. */
#ifndef EVENKEEL_LIB_CONFIG_REBALANCE_H
#define EVENKEEL_LIB_CONFIG_REBALANCE_H

#include "lib/diag.h"
#include "lib/rebalance.h"

/* What a backend's load is measured by. */
enum config_load {
	CONFIG_LOAD_FLOWS, /* new ones */
	CONFIG_LOAD_PACKETS,
	CONFIG_LOAD_BYTES,
	CONFIG_LOAD_TOLD, /* what backends say when they are asked */
};

/* Where a backend says how loaded it is. */
#define CONFIG_ASK_PATH_MAX 255u
struct config_ask {
	uint32_t port; /* 0: as of a health check (config_check_port()) */
	uint32_t interval_s, timeout_ms;
	char path[CONFIG_ASK_PATH_MAX + 1];
	struct place place;
};

struct config_rebalance {
	enum rebalance_mode mode;
	enum config_load by;
	uint32_t wait_ms;      /* until a change of weights shows in the load */
	uint32_t measure_ms;   /* one measurement, at least */
	uint32_t min, max;     /* percent of a weight, within which it is corrected */
	struct config_ask ask; /* by what backends say; else empty */
};

const char *config_load_name(enum config_load by); /* "flows" */

#endif
