/* SPDX-License-Identifier: GPL-2.0 */
/* Looks each second for what is wrong, and tells it: to the log, to the journal's events and to
 * the program of --alert-exec. */
#ifndef EVENKEEL_DAEMON_ALERT_H
#define EVENKEEL_DAEMON_ALERT_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "lib/alert.h"

int alerting_open(struct alerting **out, struct daemon *d);
void alerting_close(struct alerting *a);

/* Each second. */
void alerting_tick(struct daemon *d);

/* For whoever finds something wrong each second, before alerting_tick(). */
void alert_note(struct daemon *d, const struct alert_fact *fact);

/* All that is noted, told or not yet. */
const struct alerts *alerts_of(const struct daemon *d);
/* What --alert-webhook could not be told. */
uint64_t alerts_lost(const struct daemon *d);
/* What is raised now, as in docs/json.md. */
json_t *alerts_json(const struct daemon *d);

#endif
