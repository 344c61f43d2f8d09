/* SPDX-License-Identifier: GPL-2.0 */
/* The metrics, gathered from the facts that `status` shows; written by lib/families.h. */
#ifndef EVENKEEL_DAEMON_METRICS_H
#define EVENKEEL_DAEMON_METRICS_H

#include "daemon/daemon.h"

int metrics_open(struct metrics_memory **out, const struct dp *dp);
void metrics_close(struct metrics_memory *m);

/* The metrics as they are now, in Prometheus' text format; allocated, terminated. NULL when memory
 * runs out. */
char *metrics_text(struct daemon *d, size_t *length);

#endif
