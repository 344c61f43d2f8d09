/* SPDX-License-Identifier: GPL-2.0 */
/* What a change would do to the shares of backends: computed from two configurations, by the code
 * that makes the tables, and from what is known of the servers. Pure. */
#ifndef EVENKEEL_LIB_PLAN_H
#define EVENKEEL_LIB_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clients_predict.h"
#include "lib/config.h"
#include "lib/eligible.h"

/* ---- what goes in ---------------------------------------------------------------------------- */

enum plan_answer {
	PLAN_UNKNOWN, /* nobody asked: counts as answering, and the text says so */
	PLAN_UP,
	PLAN_DOWN,
};

/* What is known of one backend of a service. Rates are new flows a second. */
struct plan_fact {
	const char *service;
	struct ek_addr addr;
	uint32_t port;
	uint32_t index;          /* of it in samples of clients; 0: not known */
	enum plan_answer answer; /* to the checks of the new configuration */
	enum plan_answer was;    /* and to those in force; PLAN_UNKNOWN: the same */
	bool ever_up;
	bool has_rate;
	double rate;     /* of the last minute */
	double best;     /* the highest it carried for a minute while healthy; 0: no history */
	double capacity; /* that it declares; 0: it does not */
};

/* And of a whole service. */
struct plan_service_fact {
	const char *service;
	uint32_t slots; /* of its table; 0: not known */
	bool has_rate;
	double rate;                /* now */
	double peak;                /* highest minute of 24 hours; 0: not known */
	struct client_view clients; /* of the last minutes; sorted by who plans */
};

struct plan_input {
	const struct config *old; /* NULL: nothing was in force before */
	const struct config *now;
	const struct plan_fact *facts;
	size_t fact_count;
	const struct plan_service_fact *services;
	size_t service_count;
	struct ek_key key; /* of the flow hash: which slots move depends on it, shares do not */
	const char *const *lose; /* backends that are to count as dead: "web-1", "web/web-1" */
	size_t lose_count;
	double load; /* times the traffic; 0 is 1 */
	bool all;    /* services that do not change, too */
};

/* ---- what comes out -------------------------------------------------------------------------- */

/* Shares are 0..1, of the service's slots. */
struct plan_backend {
	const struct config_backend *old, *now; /* NULL: it is not in that configuration */
	enum plan_answer answer, was;           /* see struct plan_fact */
	bool lost;                              /* asked for */
	double old_share, share;                /* as configured */
	double old_answering, answering;        /* with those that answer */
	uint32_t weight;           /* by which it has `share`; 0: not eligible, or a spare */
	uint32_t weight_answering; /* by which it has that; 0: not eligible */
	bool has_rate;
	double rate, new_rate; /* new flows a second: now, and predicted with those that answer */
	double best, capacity; /* see struct plan_fact; the configuration's capacity wins */
	uint32_t index;        /* see struct plan_fact */
};

/* What the clients of the last minutes would make of the tables with those that answer. */
struct plan_clients {
	bool sampled; /* somebody looked */
	size_t count; /* samples */
	double seconds;
	struct client_sample sample[CLIENT_MEASURES];
	/* By backend; NULL: there are too few samples. A measure of which there are too few has
	 * `known` false: most flows are longer than a packet. */
	struct client_load *before, *after;
	bool known[CLIENT_MEASURES];
};

/* The largest share that a backend of the pool may get to have. */
struct plan_worst {
	double share;
	size_t backend;    /* who has it then */
	size_t failed[2];  /* when these are gone */
	size_t fail_count; /* less than asked for where there are not so many */
};

struct plan_service {
	const char *name;
	const struct config_service *old, *now; /* NULL: it is not in that configuration */
	struct plan_backend *backends;          /* in the order of the new one, then the removed */
	size_t count;
	bool pool_changes;       /* who gets what, as configured or as they answer */
	bool rebuilt;            /* a table of another size or hash: every slot is unsettled */
	uint32_t slots, moved;   /* of the table with those that answer; moved: to another owner */
	enum eligible_mode mode; /* how that table is made */
	struct plan_worst worst[2]; /* when one fails, and when two do */
	bool has_rate;
	double rate, peak; /* see struct plan_service_fact; times the load asked for */
	struct plan_clients clients;
};

/* A host that is in several services: what it carries in all. */
struct plan_host {
	struct ek_addr addr;
	size_t services;
	bool has_rate;
	double rate, new_rate;       /* where traffic is known */
	double old_share, new_share; /* sums of shares, where it is not */
};

struct plan {
	struct plan_service *services; /* as in the new configuration, then the removed */
	size_t service_count;
	size_t services_before; /* how many the old one has */
	struct plan_host *hosts;
	size_t host_count;
	bool probed; /* somebody was asked whether it answers */
	double load;
};

/* -ENOMEM, or 0. The configurations must outlive the plan. */
int plan_build(struct plan *out, const struct plan_input *in);
void plan_clear(struct plan *p); /* releases it */

/* Names in `lose` that are no backend of the configuration: the first one, or NULL. */
const char *plan_unknown_name(const struct plan_input *in);

/* Does a name in a list ("web-1" or "web/web-1") mean this backend? */
bool plan_names(const char *name, const char *service, const char *backend);

/* "+ web/web-4 10.0.1.4, weight 100" lines: what differs, for people. Allocated; NULL when memory
 * runs out. */
char *plan_diff(const struct config *old, const struct config *now);
/* The tables, for people, without the diff. */
char *plan_text(const struct plan *p);
json_t *plan_json(const struct plan *p);

#endif
