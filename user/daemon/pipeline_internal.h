/* SPDX-License-Identifier: GPL-2.0 */
/* Private to daemon/pipeline*.c. */
#ifndef EVENKEEL_DAEMON_PIPELINE_INTERNAL_H
#define EVENKEEL_DAEMON_PIPELINE_INTERNAL_H

#include "daemon/pipeline.h"
#include "lib/cap.h"
#include "lib/stage.h"
#include "lib/watch.h"

/* Seconds of which drops, handshakes and sheds are known before a change. */
#define PIPELINE_SECONDS 60u

/* Drops that a change may be to blame for. */
enum loss { LOSS_NO_BACKEND, LOSS_NO_NEXT_HOP, LOSS_NOT_REMEMBERED, LOSSES };

/* What a backend that is watched is judged by is made of this, */
struct watched {
	uint32_t index;
	struct watch_pool *pool;
	struct outcome second; /* handshakes that were told since the last round */
	double syns; /* that have no completed handshake yet: what completes above that is UDP */
	struct knock *knock;
	bool knocking;
	uint8_t misses; /* knocks in a row that had no answer */
};
/* and that for a service. */
struct watched_pool {
	uint32_t service;
	bool proves; /* slots move, and there is traffic to judge that by */
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
	char reason[WATCH_REASON_MAX];           /* of the end, or of the hold */
	char undone_text[WATCH_REASON_MAX + 64]; /* what was rolled back without being asked, */
	uint32_t undone_until_s;                 /* and until when that is an alert */
	char boot[sizeof(((struct journal_change *)0)->boot)];

	/* What is seen of the services that it touches. */
	struct watch_backend *backends;
	struct watched *watched; /* one for each of them */
	struct cap_fact *caps;   /* likewise */
	size_t count;
	struct watch_pool *pools;
	struct watched_pool *watched_pools;
	size_t pool_count;
	uint32_t *places; /* by backend index: 1 more than its place in `backends`; 0: none */
	struct dp_moved *moved;
	uint64_t flows, drops, drops_before; /* since it began */
	double flows_rate;                   /* a second, before it */
	uint32_t elapsed_s;

	/* What was before, each second without a change: a ring, and what is forgotten with time. */
	uint64_t seconds[PIPELINE_SECONDS][LOSSES];
	size_t second, known;
	uint64_t losses[LOSSES]; /* the counters */
	struct outcome handshakes[EK_SERVICES_MAX];
	struct own {
		struct outcome handshakes, sheds;
	} * own; /* by backend index */
};

/* The old revision, in the data path first. */
void pipeline_roll_back(struct daemon *d, const char *why);

/* Who is up, by backend index, before the checks of the new configuration begin; allocated. */
bool *facts_up(const struct daemon *d);
/* Each second, while a change is under way, and while there is none. */
void lease_renew(struct daemon *d);
void lease_forget(struct daemon *d);
/* What is to be watched, d->config being the transition and its first step in force. */
int facts_begin(struct daemon *d, const struct config_diff *diff, const bool *was_up);
void facts_end(struct pipeline *p);
/* Somebody was drained by hand, or is no more: what becomes of it is not the change's. */
void facts_rebase(struct daemon *d);
struct watch_facts facts_of(struct daemon *d);
/* Who was up before the change brought other checks is so again. */
void facts_restore_health(struct daemon *d);
/* No backend of theirs gets more than it is known to bear: from before the first install on, each second
 * anew, and until it is lifted, before the last one. */
void caps_prepare(struct daemon *d, const struct config_diff *diff);
int caps_begin(struct daemon *d);
void caps_hold(struct daemon *d);
void caps_lift(struct daemon *d);
/* Handshakes on slots that moved, since the change began: of the service that has fewest. */
uint64_t facts_moved(const struct daemon *d);

/* Each second, also without a change: counts. */
int seconds_open(struct daemon *d);
void seconds_tick(struct daemon *d);
/* Where a step sees too little traffic: asks who is watched, through the tunnel. Call each second. */
void probes_tick(struct daemon *d);
void probes_end(struct pipeline *p);
/* How many of those that get more were asked so, and answer. */
void probes_count(const struct pipeline *p, size_t *asked, size_t *answer);
/* Shares before and after of all backends of services that are to be staged, for stage_plan();
 * allocated. A service whose backends of before are all down is to go at once. */
int facts_shares(const struct daemon *d, struct config *transition, struct stage_share **out,
		 size_t *count);
/* Did the service have packets lately? */
bool facts_has_traffic(const struct daemon *d, const char *service);

#endif
