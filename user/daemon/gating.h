/* SPDX-License-Identifier: GPL-2.0 */
/* The gates before every change: lints, plan and guards (lib/review.h), with what is known here of
 * the servers, compared with what was in force half an hour ago. */
#ifndef EVENKEEL_DAEMON_GATING_H
#define EVENKEEL_DAEMON_GATING_H

#include "daemon/daemon.h"
#include "daemon/request.h"
#include "lib/review.h"

/* Ten small steps are one big one: so long ago is what a change is compared with. */
#define GATING_BASE_S (30 * 60)

struct gating;

/* After the revision in force is known: reads from the journal what was before it. */
int gating_open(struct daemon *d);
void gating_close(struct gating *g);

/* Each second: that somebody has forced a gate is an alert for a minute. */
void gating_tick(struct daemon *d);

/* What is in force now is another configuration, or drained otherwise: remembers it. */
void gating_adopted(struct daemon *d);

/* What a change is compared with; NULL: nothing was in force before. */
const struct config *gating_base(const struct daemon *d);

/* What was seen of a change that is let through, for those who are to agree to it. */
struct gate_seen {
	json_t *shares; /* see approval_shares() */
	char *plan;     /* for people */
	bool forced;    /* a gate stands against it */
};
void gate_seen_release(struct gate_seen *s);

/* A change on its way. */
struct gate_change {
	struct request *request; /* its text, forced gates and reason */
	const struct config *config;
	const char *file;       /* its name, where it was read from one; NULL: none */
	bool urgent;            /* nobody is asked: what is known must do */
	struct gate_seen *seen; /* filled in when it is let through; NULL: nobody asks */
};

/* True if nothing stands against the change, or all of it is forced. Asks backends that are new, or
 * checked otherwise than now, for some seconds at most. New findings of lints, and what only warns,
 * become warnings in `diag`. Otherwise the reply is told why, and refused. */
bool gate_change(struct daemon *d, const struct gate_change *c, struct diag *diag,
		 struct reply *reply);

/* ---- what is known --------------------------------------------------------------------------- */

/* Facts for a plan of `now`, and of what `old` has; names are those of the configurations. */
struct known {
	struct plan_fact *facts;
	size_t fact_count;
	struct plan_service_fact *services;
	size_t service_count;
	struct client_index clients; /* who was seen in the last minutes */
};
/* -ENOMEM, or 0. */
int known_make(struct known *out, const struct daemon *d, const struct config *old,
	       const struct config *now);
void known_release(struct known *k);

struct asked;
/* Puts what backends said who were asked to what is known. -ENOMEM, or 0. */
int known_take(struct known *k, const struct asked *asked);

#endif
