/* SPDX-License-Identifier: GPL-2.0 */
/* Private to daemon/pipeline*.c. */
#ifndef EVENKEEL_DAEMON_PIPELINE_INTERNAL_H
#define EVENKEEL_DAEMON_PIPELINE_INTERNAL_H

#include "daemon/pipeline.h"
#include "lib/stage.h"
#include "lib/watch.h"

/* Seconds of which new flows and drops are known before a change. */
#define PIPELINE_SECONDS 60u

struct pipeline_second {
	uint64_t flows, drops;
};

struct pipeline {
	bool running;
	bool undone; /* in the data path; the journal does not know it yet */
	struct journal_change record;
	struct journal_actor actor; /* who proposed it */
	int64_t begun;              /* unix seconds */
	struct config *before, *after;
	uint32_t watch_s;
	struct stage stage;
	struct watch watch;
	char reason[WATCH_REASON_MAX]; /* of the end, or of the hold */
	char boot[sizeof(((struct journal_change *)0)->boot)];

	/* What is seen of the backends of the services that it touches. */
	struct watch_backend *backends;
	uint32_t *indexes; /* theirs */
	size_t count;
	/* Of all, each second: new flows, and drops for want of a backend, a next hop or room. */
	struct pipeline_second seconds[PIPELINE_SECONDS]; /* before a change began, a ring */
	size_t second, known;
	uint64_t drops_last;          /* the counters */
	struct pipeline_second since; /* the change began */
	uint32_t elapsed_s;
};

/* The old revision, in the data path first. */
void pipeline_roll_back(struct daemon *d, const char *why);

int64_t clock_boot_ms(void);
void boot_id(char out[static 40]);

/* Who is up, by backend index, before the checks of the new configuration begin; allocated. */
bool *facts_up(const struct daemon *d);
/* What is to be watched, d->config being the transition and its first step in force. */
int facts_begin(struct daemon *d, const struct config_diff *diff, const bool *was_up);
void facts_end(struct pipeline *p);
/* Each second, also without a change: counts. */
void facts_second(struct daemon *d);
struct watch_facts facts_of(struct daemon *d);
/* Flows begun on slots that had moved, ever. */
uint64_t facts_moved_flows(const struct daemon *d);
/* Shares before and after of all backends of services that are to be staged, for stage_plan();
 * allocated. A service whose backends of before are all down is to go at once. */
int facts_shares(const struct daemon *d, struct config *transition, struct stage_share **out,
		 size_t *count);
/* Did the service have packets lately? */
bool facts_has_traffic(const struct daemon *d, const char *service);

#endif
