/* SPDX-License-Identifier: GPL-2.0 */
/* Facts as JSON, in the form of docs/json.md. */
#ifndef EVENKEEL_DAEMON_FACTS_H
#define EVENKEEL_DAEMON_FACTS_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "daemon/nexthop.h"
#include "daemon/request.h"
#include "lib/preflight.h"
#include "net/net.h"

json_t *findings_json(const struct findings *f);
/* Warnings and errors become messages; an error refuses the request. */
void findings_say(const struct findings *f, struct reply *reply);

json_t *hop_json(const struct hop *hop); /* NULL: as unknown */

/* What is counted once for all services: arrays by backend index, and one by service index. */
struct health_pool_view;
struct tally {
	uint32_t *owned, *held;
	uint64_t *remembered;
	struct service_tally {
		uint32_t slots, unsettled;
		uint64_t packets, flows; /* within the window of samples */
		uint64_t remembered;
	} * services;
	struct health_pool_view *pools; /* by service index */
	/* The backends in use by service: order[first[s]] to before order[first[s + 1]]. */
	uint32_t *order, *first;
};
int tally_take(struct tally *t, const struct daemon *d);
void tally_release(struct tally *t);

/* The name of a backend's state; `reason` gets a sentence, or stays as it is: empty. `b` is what
 * backend_config() says. */
const char *backend_state(const struct daemon *d, uint32_t i, const struct config_backend *b,
			  const struct tally *t, char reason[static NEXTHOP_REASON_MAX]);

/* "1000 new flows and 5000 packets of UDP a second", in `out`, which is returned. */
#define CAPACITY_TEXT_MAX 64
const char *capacity_text(const struct ek_capacity *c, char out[static CAPACITY_TEXT_MAX]);

/* What was lost after the verdict, by egress interface; null if it is not counted. */
json_t *lost_json(const struct daemon *d);

/* One service, whether in the configuration or leaving. */
json_t *service_json(const struct daemon *d, uint32_t service, const struct tally *t);

/* All services: those of the configuration in its order, then leaving ones. */
json_t *services_json(const struct daemon *d);
/* The one of that name, if it is there. */
json_t *services_named_json(const struct daemon *d, const char *name);

/* The configuration's service behind an index; NULL for a leaving one. */
const struct config_service *service_config(const struct daemon *d, uint32_t service);
/* The configuration's backend behind an index; NULL for a leaving one. */
const struct config_backend *backend_config(const struct daemon *d, uint32_t backend);
/* The same for one after another of a service: *at is where the search begins, 0 for the first.
 * They mostly have the configuration's order. */
const struct config_backend *backend_config_next(const struct config_service *s, size_t *at,
						 const struct ek_backend_id *id);

#endif
