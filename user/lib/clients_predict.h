/* SPDX-License-Identifier: GPL-2.0 */
/* What the clients of the last minutes would make of another table: shares of slots may stay even
 * where load does not, as when all of it comes by one address and only addresses are hashed. Pure. */
#ifndef EVENKEEL_LIB_CLIENTS_PREDICT_H
#define EVENKEEL_LIB_CLIENTS_PREDICT_H

#include "lib/clients.h"

/* A table as it is or would be. */
struct client_table {
	const uint32_t *owners; /* by slot; below `count` */
	uint32_t slots;         /* a power of two */
	enum ek_hash_kind hash;
	struct ek_key key;
};

/* What an owner would have got within the window. */
struct client_load {
	double packets, bytes, flows;
};

/* Adds the service's sampled packets to load[owner]. Returns how many there were: few say little.
 * Left out are those whose ports are not known where the table hashes ports. */
uint32_t clients_predict(const struct clients *c, uint32_t service, uint32_t now_s,
			 const struct client_table *table, struct client_load *load, size_t count);

#endif
