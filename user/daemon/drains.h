/* SPDX-License-Identifier: GPL-2.0 */
/* Drains by hand: an overlay over every revision, kept in the journal with who and since when, until
 * it is undone or its backend is another server. */
#ifndef EVENKEEL_DAEMON_DRAINS_H
#define EVENKEEL_DAEMON_DRAINS_H

#include <jansson.h>

#include "daemon/daemon.h"

/* Reads them from the journal. */
int drains_open(struct daemon *d);
void drains_close(struct drains *d);

/* Marks the backends of `c` that are drained by hand, and no others. */
void drains_lay(const struct daemon *d, struct config *c);

/* Makes them what the marks of `c` are, durably: one event for each that begins or ends. The number of
 * those in *changed. -errno: nothing is changed; journal_error() says why. */
int drains_take(struct daemon *d, const struct config *c, const struct journal_actor *actor,
		size_t *changed);

/* After a change: ends those whose backend is gone, or has another address. */
void drains_forget(struct daemon *d, const struct journal_actor *actor);

/* Who drained it, or NULL. */
const struct journal_drain *drains_find(const struct daemon *d, const char *service,
					const struct config_backend *b);
/* {user, time, origin}, or null. */
json_t *drain_json(const struct journal_drain *drain);

#endif
