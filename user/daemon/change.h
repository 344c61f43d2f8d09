/* SPDX-License-Identifier: GPL-2.0 */
/* The one way by which the configuration in force changes, whoever asks. */
#ifndef EVENKEEL_DAEMON_CHANGE_H
#define EVENKEEL_DAEMON_CHANGE_H

#include "daemon/daemon.h"
#include "daemon/request.h"

/* Brings `candidate` into force, whole or not at all: guards, journal, data path, journal. Fills
 * the reply: {revision, changed, warnings}, or why not. Takes `candidate` over. `diag` holds what
 * was found so far (no errors) and gets the rest. */
void change_run(struct request *r, struct config *candidate, struct diag *diag,
		struct reply *reply);

/* At start: brings the data path to what the journal has in force. What stands in the way goes
 * to d->trouble and the log; what is pinned is left forwarding. */
void change_restore(struct daemon *d);

#endif
