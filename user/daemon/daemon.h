/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's parts, and what they share. Requests change it only through change.h and
 * attachment.h. */
#ifndef EVENKEEL_DAEMON_DAEMON_H
#define EVENKEEL_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/options.h"
#include "dp/dp.h"
#include "lib/config.h"
#include "store/journal.h"

struct dp_lost;
struct macs;
struct nexthops;
struct samples;
struct sampling;
struct skews;
struct rebalances;
struct attachments;
struct healths;
struct control;
struct metrics_memory;
struct http;
struct alerting;
struct guarded;
struct drains;
struct gating;
struct pipeline;
struct proposals;
struct loads;

struct daemon {
	struct options options;
	int pins_lock;
	struct journal *journal;
	struct dp *dp;
	struct dp_lost *lost;            /* NULL: what is lost after the verdict is not counted, */
	char lost_trouble[DP_ERROR_MAX]; /* and why */
	bool lost_read;                  /* within a second */
	struct config *config; /* in force, empty before the first; NULL: unknown, see trouble */
	struct journal_revision revision; /* in force; number 0: none. Its text is canonical. */
	char trouble
		[640]; /* why the data path does not show the revision in force; "" if it does */
	struct drains *drains;           /* by hand */
	struct loads *loads;             /* what backends have borne */
	struct gating *gating;           /* what changes are compared with */
	struct pipeline *pipeline;       /* the change under way */
	struct proposals *proposals;     /* changes that wait for approvals */
	uint32_t rehearsed, rehearsed_s; /* packets sent through the data path in force, and when */
	bool settling;                   /* a slot may be unsettled, or a backend leaving */
	size_t drift_next;               /* service to be compared next */
	uint64_t drifts;                 /* found and set right since the start */
	struct nexthops *nexthops;
	struct macs *macs;
	struct samples *samples;
	struct sampling *sampling;
	struct healths *healths;
	struct skews *skews;
	struct rebalances *rebalances;
	struct attachments *attachments;
	struct control *control;
	struct metrics_memory *metrics;
	struct alerting *alerting;
	struct guarded *guarded;
	struct http *http;         /* NULL: off */
	uint64_t journal_failures; /* events that are not in the journal */
	int64_t started;
	uv_loop_t loop;
	uv_timer_t tick;
	uv_signal_t terminate, interrupt;
	struct journal_actor self; /* what the daemon does by itself */
};

/* Opens everything and restores the revision in force. What went wrong is logged. The caller
 * closes also after a failure. */
int daemon_open(struct daemon *d, const struct options *options);
/* Runs until a signal. Forwarding goes on afterwards. */
int daemon_run(struct daemon *d);
void daemon_close(struct daemon *d);

/* CLOCK_MONOTONIC seconds, as the data path counts them, and CLOCK_REALTIME seconds. */
uint32_t clock_now_s(void);
int64_t clock_wall_s(void);

/* Appends an audit event; that it could not be written is logged, for the thing has happened. */
void daemon_event(struct daemon *d, const char *kind, const struct journal_actor *actor,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True if the pinned maps hold a service, whoever put it there. */
bool daemon_has_services(const struct daemon *d);

#endif
