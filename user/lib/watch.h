/* SPDX-License-Identifier: GPL-2.0 */
/* Does a change do harm, is it known to be good, or what is to be done about it? Judged by outcomes:
 * health of the backends that it gives more load, handshakes on the slots that it moved, sheds, drops,
 * against what did not move and against before; never by what was planned. Pure: time and what was seen
 * are arguments. */
#ifndef EVENKEEL_LIB_WATCH_H
#define EVENKEEL_LIB_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/outcome.h"

/* What is seen of a service that the change touches. Moved is what goes to backends that get more by it, on
 * the slots that they got; unmoved what goes to the others of the pool. */
struct watch_pool {
	const char *service;
	struct outcomes moved, unmoved; /* handshakes */
	struct outcome before;          /* of all of them, until the change began */
	struct outcomes sheds;          /* of those that are not moved: see below */
};

/* Probes stand in where too little traffic is there to judge a step by. */
enum watch_answer {
	WATCH_NOT_ASKED, /* or it could not be asked */
	WATCH_ANSWERS,
	WATCH_SILENT, /* not to several in a row */
};

/* And of one backend that the old revision or the new one names. */
struct watch_backend {
	const char *service, *name;
	const struct watch_pool *pool;
	bool touched;           /* it gets more load by the change, or its service is another one */
	bool judged_anew;       /* its health checks are others now */
	bool was_up, is_up;     /* when the change began, and now */
	uint32_t before, after; /* weights in the revisions; 0: it gets no new flows */
	struct outcomes handshakes; /* on slots that moved to it, all that are remembered */
	/* A sample of those on all of its slots, for slots that go back to their default are not
	 * remembered; and until the change began. */
	struct outcomes sampled;
	struct outcome sampled_before;
	/* New flows that it was given, and those that were shed for its capacity. */
	struct outcomes sheds;
	struct outcome sheds_before; /* its own, until the change began */
	/* New flows a second that it is held to while it is watched (0: to none), and what became of those
	 * of the last second. */
	uint32_t cap;
	struct outcome second;
	enum watch_answer answer; /* to probes through the tunnel */
};

struct watch_facts {
	const struct watch_backend *backends;
	size_t count;
	const struct watch_pool *pools;
	size_t pool_count;
	/* In the data path since the change began: new flows, and packets dropped, in seconds in which
	 * one that the change touches was in want of a backend, a next hop or room; and in as much time
	 * before. */
	uint64_t flows, drops;
	uint64_t flows_before, drops_before;
};

/* Where nothing is known to compare handshakes with: so many times as many flows as before are a flood of
 * SYNs, which fail whatever the change does. */
#define WATCH_FLOOD_TIMES 5u
/* So many drops, and that part of the new flows. */
#define WATCH_DROPS_MIN 50u
#define WATCH_DROPS_PART 0.05

/* Of the new flows of one second so many, and such a part, are turned away by a backend that turned none
 * away before: of the first kind twice in a row, of the second once. */
#define WATCH_SHED_MIN 5u
#define WATCH_SHED_PART 0.10
#define WATCH_SHED_MANY 15u
#define WATCH_SHED_MOST 0.33

struct watch {
	uint64_t until_ms;         /* the change is in force as a whole, and is good then; 0: it is
				    * still being staged */
	uint64_t confirm_until_ms; /* somebody must have confirmed it by then; 0: nobody need */
	bool confirmed;
	bool held;        /* its harm was seen, and there was no better way */
	uint8_t dropping; /* rounds in a row in which drops were bad */
	uint8_t full;     /* and in which somebody had more than it is held to */
};

/* Drops must be seen in so many rounds in a row. Health has its own patience (rise, fall), outcomes have
 * their test. */
#define WATCH_ROUNDS 2u

enum watch_verdict {
	WATCH_GOES_ON,
	WATCH_GOOD,
	WATCH_ROLL_BACK,
	WATCH_HOLD, /* there is harm, and the old revision is no better now */
};
const char *watch_verdict_name(enum watch_verdict v);

#define WATCH_REASON_MAX 256
/* One round, about every second. `reason` says why, where the verdict is an end. */
enum watch_verdict watch_judge(struct watch *w, const struct watch_facts *f, uint64_t now_ms,
			       char reason[static WATCH_REASON_MAX]);

#endif
