/* SPDX-License-Identifier: GPL-2.0 */
/* Finds what somebody has changed in the maps by hand, each second, tells it and sets it right. */
#ifndef EVENKEEL_DAEMON_DRIFT_H
#define EVENKEEL_DAEMON_DRIFT_H

#include "daemon/daemon.h"

/* Each second: the global record, the listeners, the backends, and as many services as two
 * milliseconds allow, going on with the next ones a second later. */
void drift_check(struct daemon *d);

#endif
