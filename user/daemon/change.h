/* SPDX-License-Identifier: GPL-2.0 */
/* The one way by which the configuration in force changes, whoever asks. */
#ifndef EVENKEEL_DAEMON_CHANGE_H
#define EVENKEEL_DAEMON_CHANGE_H

#include "daemon/daemon.h"
#include "daemon/request.h"

struct change_options {
	bool urgent; /* something is taken back: do not wait for new backends */
};

/* Brings `candidate` into force, whole or not at all: guards, journal, data path, journal. Fills
 * the reply: {revision, changed, warnings}, or why not. Takes `candidate` over. `diag` holds what
 * was found so far (no errors) and gets the rest. */
void change_run(struct request *r, struct config *candidate, struct diag *diag,
		const struct change_options *o, struct reply *reply);

/* Makes the drains by hand what the marks of `candidate` are, which is else what is in force. Takes
 * it over. The revision stays: {revision, changed, warnings, overlay: true}, or why not. */
void change_drains(struct request *r, struct config *candidate, struct reply *reply);

/* Forgets where things stood in a text that is not at hand any more. */
void change_places_clear(struct config *c);

/* At start: brings the data path to what the journal has in force. What stands in the way goes
 * to d->trouble and the log; what is pinned is left forwarding. */
void change_restore(struct daemon *d);

#endif
