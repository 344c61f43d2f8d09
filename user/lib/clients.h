/* SPDX-License-Identifier: GPL-2.0 */
/* Sampled packets of the last minutes, in bounded memory: who sends how much to which service, and
 * what another table would make of it. Pure. */
#ifndef EVENKEEL_LIB_CLIENTS_H
#define EVENKEEL_LIB_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

/* One of them. `packets` and `bytes` are what it stands for: sums over a service estimate what the
 * service had. Ends as in evenkeel/sample.h: ports are 0 where they are not known. */
struct client_packet {
	struct ek_addr client, dest;
	uint32_t service, backend;
	__be16 sport, dport;
	uint8_t proto;
	bool syn;
	uint32_t at_s;
	float packets, bytes;
};

struct clients;

/* Keeps the last `window_s` seconds, `capacity` packets at most: of each second an even part, drawn
 * at random, for which the others' weight is added to theirs. -ENOMEM, -EINVAL (less than one a
 * second), or 0. */
int clients_open(struct clients **out, uint32_t capacity, uint32_t window_s, uint64_t seed);
void clients_close(struct clients *c);
static inline void clients_release(struct clients **c)
{
	clients_close(*c);
}

/* Times do not go back. */
void clients_add(struct clients *c, const struct client_packet *p);
/* The second is over: nothing of it will be added any more. */
void clients_end_second(struct clients *c);
/* Forgets those of services that are marked: their indexes are others' from now on. */
void clients_forget(struct clients *c, const bool services[EK_SERVICES_MAX]);

/* Each packet that is not older than the window, in no order; NULL ends. Begin with *at 0. */
const struct client_packet *clients_next(const struct clients *c, uint32_t now_s, size_t *at);

/* ---- by service ------------------------------------------------------------------------------ */

/* The sampled packets of one service. */
struct client_view {
	const struct client_packet **packets; /* NULL: nothing is sampled */
	size_t count;
	uint32_t now_s;
	double seconds; /* how far back there are any, of whatever service */
};

/* All of them, by service. */
struct client_index {
	const struct client_packet **packets;
	uint32_t *first; /* of each service, and the end */
	uint32_t now_s;
	double seconds;
};

/* -ENOMEM, or 0. The clients must outlive the index, and nothing be added meanwhile. */
int client_index_make(struct client_index *out, const struct clients *c, uint32_t now_s);
void client_index_release(struct client_index *x);
struct client_view client_index_view(const struct client_index *x, uint32_t service);

/* ---- the heaviest ---------------------------------------------------------------------------- */

/* A client of a service: what it sent within the window, and to whom most of it. */
struct client_sum {
	struct ek_addr client;
	uint32_t backend;
	double packets, bytes, flows; /* flows: its SYNs */
	double backend_bytes;         /* of `bytes`, those to `backend` */
	uint32_t samples;
};
/* Of all clients together; `seconds` is how long ago the first packet was, at most the window. */
struct client_total {
	double packets, bytes, flows, seconds;
	uint32_t samples, clients;
};

/* The service's heaviest clients by bytes, at most `most` of them; returns how many. -ENOMEM. */
int clients_heaviest(struct client_view *v, struct client_sum *out, size_t most,
		     struct client_total *total);

#endif
