/* SPDX-License-Identifier: GPL-2.0 */
/* One skew detector (lib/skew.h) for each service of the revision in force, fed each second with
 * what the samples counted, the slots of the map, and the revision's weights. Observes, changes
 * nothing. */
#ifndef EVENKEEL_DAEMON_SKEWS_H
#define EVENKEEL_DAEMON_SKEWS_H

#include <stdint.h>

#include "daemon/sample.h"
#include "dp/dp.h"
#include "lib/clients.h"
#include "lib/config.h"
#include "lib/skew.h"

struct skews;

/* `key` is random: no client can choose an address that hides it among others. */
int skews_open(struct skews **out, const struct dp *dp, uint64_t key);
void skews_close(struct skews *s);

/* A sampled packet: for the next skews_tick(). */
void skews_sample(struct skews *s, const struct client_packet *p);

/* What was found in the service's table, set right since: for skews_tick(), until it is looked at
 * again. */
void skews_wrong(struct skews *s, uint32_t service, uint32_t slots);

/* The world at a tick; the samples were taken just now. */
struct skews_view {
	const struct dp *dp;
	const struct samples *samples;
	const struct config *config; /* in force; NULL: unknown, then there is nothing to judge */
	int64_t revision;            /* its number: with another one weights may be others */
	uint64_t now_ms;
};

/* Each second, after the samples. -ENOMEM: some service was not judged; 0. */
int skews_tick(struct skews *s, const struct skews_view *v);

/* The service's detector; NULL if it has none. Valid until the next tick. */
const struct skew *skews_of(const struct skews *s, uint32_t service);

/* When skews_tick() was called last. */
uint64_t skews_time(const struct skews *s);

/* What was told last of the service with that index; kept here for who tells it. */
struct skew_told {
	bool any;
	char service[EK_NAME_MAX + 1]; /* as it was called then */
	enum skew_kind kind;
	uint32_t backend;
	int64_t since; /* Unix seconds */
};
struct skew_told *skews_told(struct skews *s, uint32_t service);

#endif
