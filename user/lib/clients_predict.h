/* SPDX-License-Identifier: GPL-2.0 */
/* What the clients of the last minutes would make of another table: shares of slots may stay even
 * where load does not, as when all of it comes by one address and only addresses are hashed. Pure. */
#ifndef EVENKEEL_LIB_CLIENTS_PREDICT_H
#define EVENKEEL_LIB_CLIENTS_PREDICT_H

#include "lib/clients.h"

enum client_measure { CLIENT_FLOWS, CLIENT_PACKETS, CLIENT_BYTES, CLIENT_MEASURES };
const char *client_measure_name(enum client_measure m); /* "new flows" */

/* A table as it is or would be. Owners count from 1; EK_NO_BACKEND: nobody. */
struct client_table {
	const uint32_t *owners; /* by slot; at most `count` */
	uint32_t slots;         /* a power of two */
	size_t count;
	enum ek_hash_kind hash;
	struct ek_key key;
	/* By index of a sample's backend: the owner that is this backend, and keeps the flows that
	 * it has. 0: another one gets them. NULL: everybody's. */
	const uint32_t *keeps;
	size_t keeps_count;
};

/* What an owner would have of the service's, and which client would have most of that. */
struct client_load {
	double share[CLIENT_MEASURES];
	struct ek_addr heaviest[CLIENT_MEASURES]; /* unset where its share is 0 */
	double heaviest_share[CLIENT_MEASURES];   /* of the service's, too */
};

/* How much a sample says of a measure. */
struct client_sample {
	uint32_t samples;
	double all;     /* what the service had within the time of the sample */
	double squares; /* sum of the squares of each one's part of it */
	double largest; /* part of it */
};

/* Below this many samples nothing is predicted: half of all would be uncertain by a tenth. */
#define CLIENT_SAMPLES_MIN 100u

/* By client, listener and port: what predictions need. */
void client_view_sort(struct client_view *v);

/* Who has load[owner - 1]; the view must be sorted.
 *
 * Where only addresses are hashed each client's load goes where the table says, once its flows are
 * others. Of one that was seen but once nobody knows how many alike were not seen: such are spread
 * as slots are, and as much of the others as they tell (absolute discounting: Ney, Essen, Kneser
 * 1994). So without anybody heavy a share is that of the slots, however few the samples.
 *
 * Where ports are hashed as well the same holds of each flow that lasts; others are spread. */
void clients_predict(struct client_load *load, struct client_sample sample[CLIENT_MEASURES],
		     const struct client_view *v, const struct client_table *table);

/* The surprise in nats at a share this high if it were no more than the limit. */
double client_surprise(const struct client_sample *s, double share, double limit);

#endif
