/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EVENKEEL_DAEMON_DOCTOR_H
#define EVENKEEL_DAEMON_DOCTOR_H

#include "daemon/daemon.h"
#include "lib/preflight.h"

/* Looks at every service: its addresses, its tables against the revision, its backends. Blocks
 * while backends are probed, DOCTOR_BUDGET_MS at most. */
#define DOCTOR_BUDGET_MS 20000
void doctor_services(struct findings *f, const struct daemon *d);

#endif
