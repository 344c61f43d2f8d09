/* SPDX-License-Identifier: GPL-2.0 */
/* The guard (lib/guard.h) before the data path: whoever changes a service's shares asks here. */
#ifndef EVENKEEL_DAEMON_GUARDED_H
#define EVENKEEL_DAEMON_GUARDED_H

#include "daemon/daemon.h"
#include "dp/install.h"
#include "lib/guard.h"

/* May the slots move so? `due` is what each backend of the service is to have by, 0 for who is not
 * eligible. Unless it is GUARD_GO, *breach says what speaks against it. */
enum guard_verdict guarded_check(const struct daemon *d, const struct dp_move *move,
				 enum guard_cause cause, const double *due,
				 struct guard_breach *breach);

/* The same for a change of evenkeeld's own, which is installed if they may and otherwise not: keeps
 * in mind, tells and journals that the last safe table stays, and when that is over. */
bool guarded_allow(struct daemon *d, const struct dp_move *move, enum guard_cause cause,
		   const double *due);

/* Each second: an alert for each service whose table was refused. */
void guarded_tick(struct daemon *d);

int guarded_open(struct daemon *d);
void guarded_close(struct daemon *d);

#endif
