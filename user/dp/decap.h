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
	uint64_t
		not_local; /* tunnel or inner packet are not for this host; passed on, still a tunnel */
};

/* Loads and attaches to `interface` in driver mode (generic only if asked), pins below
 * `pins`/decap/INTERFACE (a dot in the name becomes a colon: bpffs refuses dots, and interfaces
 * have no colons). -EEXIST: already attached by us; -EBUSY: a foreign XDP program. */
int decap_attach(const char *pins, const char *interface, bool generic, enum dp_mode *mode,
		 char error[static DP_ERROR_MAX]);

/* Removes the pins and with them the program. -ENOENT: it is not attached. */
int decap_detach(const char *pins, const char *interface, char error[static DP_ERROR_MAX]);

int decap_counters(const char *pins, const char *interface, struct decap_counters *out,
		   char error[static DP_ERROR_MAX]);

/* Names of the interfaces that have it, sorted; *names and its strings allocated. An interface
 * that is gone is still named: detaching it removes its pins. */
int decap_list(const char *pins, char ***names, size_t *count);

#endif
