/* SPDX-License-Identifier: GPL-2.0 */
/* Rehearses a change before it reaches the data path, and looks at what it has become there. */
#ifndef EVENKEEL_DAEMON_REHEARSE_H
#define EVENKEEL_DAEMON_REHEARSE_H

#include "daemon/daemon.h"
#include "dp/dp.h"

/* Runs packets through a second instance in which `c` is in force: the services that are not as in
 * the revision in force, or the first of them if they are very many. To be called when indexes are reserved and next hops known. -EBADMSG:
 * something does not come out as planned; other errors: it could not be rehearsed. */
int rehearse_candidate(struct daemon *d, const struct config *c, char error[static DP_ERROR_MAX]);

/* The same services, after `c` has come into force, d->config being still the one before. */
int rehearse_in_force(struct daemon *d, const struct config *c, char error[static DP_ERROR_MAX]);

#endif
