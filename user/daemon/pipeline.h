/* SPDX-License-Identifier: GPL-2.0 */
/* The way of a change from its first step to known good, or back: staged, watched, rolled back or held
 * (docs/changes.md). One change at a time. */
#ifndef EVENKEEL_DAEMON_PIPELINE_H
#define EVENKEEL_DAEMON_PIPELINE_H

#include "daemon/change.h"
#include "lib/config_diff.h"

int pipeline_open(struct daemon *d);
void pipeline_close(struct pipeline *p);

/* Is a change staged, watched or held? */
bool pipeline_is_running(const struct daemon *d);
/* True if no change is under way; else refuses, and says what is in the way. */
bool pipeline_is_free(const struct daemon *d, struct reply *reply);

/* Is the change to be staged or watched? It is if a service that it touches has traffic. */
bool pipeline_wants(const struct daemon *d, const struct config *after,
		    const struct config_diff *diff, const struct change_options *o);

/* Revision `number` is in the journal as being applied: takes its first step, and with it, where that
 * is the only one, brings it into force. Takes `after` over. False: it failed, which `reply` says. */
bool pipeline_begin(struct request *r, struct config *after, int64_t number,
		    const struct config_diff *diff, const struct change_options *o,
		    struct reply *reply);

/* Each second, after health and samples. */
void pipeline_tick(struct daemon *d);
/* What came of a sampled handshake. */
void pipeline_handshake(struct daemon *d, uint32_t backend, bool followed);

/* A drain by hand has been laid over all that there is: a change under way goes on upon it, which
 * `reply` says. */
void pipeline_rebase(struct daemon *d, struct reply *reply);

/* By hand. Is there anything that waits for a confirmation? If so it is confirmed: a held change is
 * known to be good then. *number: the revision. */
bool pipeline_confirm(struct daemon *d, const struct journal_actor *actor, int64_t *number);
/* Is a change under way that was made of this revision (0: of any)? */
bool pipeline_can_undo(const struct daemon *d, int64_t base);
void pipeline_undo(struct request *r, struct reply *reply);

/* At start, the revision in force being installed: goes on with a watch that was interrupted. */
void pipeline_restore(struct daemon *d);

/* CLOCK_BOOTTIME, and of which boot. */
int64_t clock_boot_ms(void);
void boot_id(char out[static 40]);

/* The change under way, or null. */
json_t *pipeline_json(const struct daemon *d);

#endif
