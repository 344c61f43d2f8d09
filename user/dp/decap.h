/* SPDX-License-Identifier: GPL-2.0 */
/* The backend's side: attaches the decapsulation program. Needs no daemon. */
#ifndef EVENKEEL_DP_DECAP_H
#define EVENKEEL_DP_DECAP_H

#include "dp/dp.h"

/* Counters of the decapsulation program, summed over CPUs; names as in `decap status`. */
struct decap_counters {
	uint64_t decapsulated_packets, decapsulated_bytes;
	uint64_t passed;
	uint64_t malformed; /* an outer header with an inner one that cannot be; passed on */
};

/* Loads and attaches to `interface` in driver mode (generic only if asked), pins below
 * `pins`/decap/INTERFACE. -EEXIST: already attached by us; -EBUSY: a foreign XDP program. */
int decap_attach(const char *pins, const char *interface, bool generic, enum dp_mode *mode,
		 char error[static DP_ERROR_MAX]);
int decap_detach(const char *pins, const char *interface, char error[static DP_ERROR_MAX]);
int decap_counters(const char *pins, const char *interface, struct decap_counters *out,
		   char error[static DP_ERROR_MAX]);
/* Names of the interfaces that have it; *names and its strings allocated. */
int decap_list(const char *pins, char ***names, size_t *count);

#endif
