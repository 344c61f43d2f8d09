/* SPDX-License-Identifier: GPL-2.0 */
/* What skew detection finds: told when it changes, and answered when asked for. */
#ifndef EVENKEEL_DAEMON_SKEW_REPORT_H
#define EVENKEEL_DAEMON_SKEW_REPORT_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "lib/preflight.h"

/* Each second: judges every service and tells what began and what is over, to log and journal. */
void skew_check(struct daemon *d);

json_t *skew_json(const struct daemon *d, uint32_t service); /* the leading finding, or null */
json_t *skew_shares_json(const struct daemon *d, uint32_t backend);

/* For the doctor: names what was found, or says that the spread is as the revision has it. */
void skew_examine(struct findings *f, const struct daemon *d, const struct config_service *s,
		  uint32_t service);

#endif
