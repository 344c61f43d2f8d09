/* SPDX-License-Identifier: GPL-2.0 */
/* The one way by which the configuration in force changes, whoever asks. */
#ifndef EVENKEEL_DAEMON_CHANGE_H
#define EVENKEEL_DAEMON_CHANGE_H

#include "daemon/daemon.h"
#include "daemon/request.h"
#include "dp/install.h"

struct proposal_run;

struct change_options {
	bool urgent;      /* something is taken back: do not wait for new backends, nor stage it */
	bool at_once;     /* in one step */
	bool watch_given; /* else as the revision in force says */
	uint32_t watch_s;
	uint32_t confirm_s;       /* rolled back unless confirmed within; 0: it need not be */
	struct proposal_run *run; /* others have agreed to it, see proposals.h; NULL: not yet */
};

/* Brings `candidate` into force, whole or not at all: guards, journal, data path, journal. Fills
 * the reply: {revision, changed, warnings}, what it waits for, or why not. Takes `candidate` over. `diag` holds what
 * was found so far (no errors) and gets the rest. */
void change_run(struct request *r, struct config *candidate, struct diag *diag,
		const struct change_options *o, struct reply *reply);

/* Makes the drains by hand what the marks of `candidate` are, which is else what is in force. Takes
 * it over. The revision stays: {revision, changed, warnings, overlay: true}, or why not. */
void change_drains(struct request *r, struct config *candidate, struct reply *reply);

/* Paths first, then tables: no packet is sent to a backend whose next hop could be known. */
int change_install(struct daemon *d, const struct config *c, bool urgent,
		   struct dp_install_result *result, char error[static DP_ERROR_MAX]);
/* After a failure: what is in force again, should the failed one have left a trace. Complains to the
 * log, and to `reply` if it is not NULL. */
void change_reinstall(struct daemon *d, struct reply *reply);
/* Reads back what the journal has in force: revision `number`, which says `c`. */
void change_adopt_revision(struct daemon *d, int64_t number, const struct config *c);
/* Parses a text of the journal, lays drains by hand over it; NULL: it cannot be. */
struct config *change_config(const struct daemon *d, const char *text);

/* Forgets where things stood in a text that is not at hand any more. */
void change_places_clear(struct config *c);

/* At start: brings the data path to what the journal has in force. What stands in the way goes
 * to d->trouble and the log; what is pinned is left forwarding. */
void change_restore(struct daemon *d);

#endif
