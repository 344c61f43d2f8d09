/* SPDX-License-Identifier: GPL-2.0 */
/* Health: checks every backend that the maps hold, and keeps the dead out of the tables. Verdicts
 * become weights (lib/eligible.h) and flags of the data path (dp_backend_down()); what was known
 * before a restart is in the maps. */
#ifndef EVENKEEL_DAEMON_HEALTH_H
#define EVENKEEL_DAEMON_HEALTH_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "dp/install.h"
#include "lib/eligible.h"

struct checks;

int health_open(struct daemon *d);
/* After the loop has ended. */
void health_close(struct healths *h);

/* What checks are made by: also for other requests. */
struct checks *health_checks(const struct daemon *d);
/* What knocks are sent by; NULL: none can be. */
struct knocks;
struct knocks *health_knocks(const struct daemon *d);

/* dp_install(), with weights from health. Between dp_reserve() and this the checks of new backends
 * must have been begun. */
int health_install(struct daemon *d, const struct config *c, struct dp_install_result *result,
		   char error[static DP_ERROR_MAX]);

/* The same of the configuration in force, for reasons of evenkeeld's own: every table passes the guard
 * (guarded.h), and where it says no the last one stays. */
int health_reinstall(struct daemon *d, char error[static DP_ERROR_MAX]);

/* Begins to check what `c` names, indexes being reserved; keeps what is known. Backends that leave
 * are checked as long as their service is there. */
void health_sync(struct daemon *d, const struct config *c);
/* Waits for the first results of backends of which nothing is known yet, at most that long. */
void health_wait(struct daemon *d, int timeout_ms);
/* Each second: notices checks without results, forgets backends that are gone. */
void health_tick(struct daemon *d);

/* The backend seems not to answer its clients: its checks come at once, and decide. `again`: that was
 * said a second ago as well. */
void health_hint(struct daemon *d, uint32_t backend, bool again);

/* It was up by other checks, and these are its checks again: it counts as up until they say otherwise.
 * Before health_sync() begins them. */
void health_restore(struct daemon *d, uint32_t backend);

/* ---- what is known --------------------------------------------------------------------------- */

#define HEALTH_TEXT_MAX 320

struct health_view {
	enum health_state state;
	bool checked; /* false: health is off, it counts as up */
	bool ever_up;
	bool held;      /* its checks are up, and yet it is held down */
	bool in_table;  /* it gets new flows */
	bool stuck;     /* a check has had no result for too long */
	bool spare;     /* a backup */
	uint32_t start; /* percent of its weight, while it starts slowly; 0: it does not */
	uint32_t start_left_s;
	double weight; /* in its table */
	uint64_t failures;
	int64_t since; /* of the state, unix seconds; 0: since before this evenkeeld began */
	char reason[HEALTH_TEXT_MAX]; /* a sentence; "" where there is nothing to say */
};
/* Of the backend with this index. False if nothing is known of it. */
bool health_view(const struct daemon *d, uint32_t backend, struct health_view *out);

/* Is it up, or does it count as that, since nothing checks it? */
bool health_is_up(const struct daemon *d, uint32_t backend);

/* Calls for each kind of check that the service has: "tcp", "tcp via tunnel", and what came of it. */
struct check_counts;
typedef void (*health_count)(void *context, const char *check, const struct check_counts *counts);
void health_counted(const struct daemon *d, uint32_t service, health_count each, void *context);

/* How the service's table was made. */
enum eligible_mode health_mode(const struct daemon *d, uint32_t service);
/* How the service's table was made, and of how many of its backends. */
struct health_pool_view {
	enum eligible_mode mode;
	uint32_t up, in_table, count; /* backends with a weight; up and count without spares */
	uint32_t spares_up, spares;
};
enum eligible_mode health_mode(const struct daemon *d, uint32_t service);
void health_pool_view(const struct daemon *d, uint32_t service, struct health_pool_view *out);
/* Of all services, EK_SERVICES_MAX of them, in one go. */
void health_pools_view(const struct daemon *d, struct health_pool_view *out);

/* The value of `health` of a backend, and of a service, in status. */
json_t *health_backend_json(const struct daemon *d, uint32_t backend);
json_t *health_service_json(const struct health_pool_view *pool);

#endif
