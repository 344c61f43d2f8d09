/* SPDX-License-Identifier: GPL-2.0 */
/* What is said of a change besides whether it can be made. */
#ifndef EVENKEEL_DAEMON_CHANGE_WARN_H
#define EVENKEEL_DAEMON_CHANGE_WARN_H

#include "daemon/daemon.h"
#include "lib/diag.h"

/* Before: refuses what would take the host's own traffic, warns of listeners that move. */
void change_guard(const struct daemon *d, const struct config *c, struct diag *diag);
/* Afterwards: warns of backends that get nothing, or cannot answer. */
void change_warn(const struct daemon *d, const struct config *c, struct diag *diag);

#endif
