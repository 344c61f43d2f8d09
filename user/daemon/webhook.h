/* SPDX-License-Identifier: GPL-2.0 */
/* Posts each alert's JSON to the operator's URL: one after another, in the order in which they were
 * told, each tried for a bounded time. */
#ifndef EVENKEEL_DAEMON_WEBHOOK_H
#define EVENKEEL_DAEMON_WEBHOOK_H

#include "daemon/daemon.h"

struct webhook;

/* `url` must live as long. */
int webhook_open(struct webhook **out, struct daemon *d, const char *url);
/* What is not told yet is logged. The loop has to run on until all handles are closed. */
void webhook_close(struct webhook *w);

/* Posts the text, which it takes over; what cannot be told is logged. */
void webhook_tell(struct webhook *w, char *text);

/* Alerts that were given up, since the start. */
uint64_t webhook_lost(const struct webhook *w);

#endif
