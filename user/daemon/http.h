/* SPDX-License-Identifier: GPL-2.0 */
/* The HTTP listener: GET /metrics, and a page that names it. libmicrohttpd on the daemon's own
 * loop, without a thread. */
#ifndef EVENKEEL_DAEMON_HTTP_H
#define EVENKEEL_DAEMON_HTTP_H

#include "daemon/daemon.h"

/* Takes the address; *out stays NULL if there is to be no listener. What is wrong is logged:
 * a daemon without metrics that nobody misses until an outage is worse than one that does not
 * start, for packets need neither. Clients wait until http_start(). */
int http_open(struct http **out, struct daemon *d);
int http_start(struct http *h);
void http_close(struct http *h);

#endif
