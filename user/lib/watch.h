/* SPDX-License-Identifier: GPL-2.0 */
/* Does a change do harm, is it known to be good, or what is to be done about it? Judged by outcomes:
 * health of the backends that it gives more load, handshakes on the slots that it moved, drops; never
 * by what was planned. Pure: time and what was seen are arguments. */
#ifndef EVENKEEL_LIB_WATCH_H
#define EVENKEEL_LIB_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is seen of one backend that the old revision or the new one names. */
struct watch_backend {
	const char *service, *name;
	uint32_t pool;          /* equal for backends of one service */
	bool touched;           /* it gets more load by the change, or its service is another one */
	bool judged_anew;       /* its health checks are others now */
	bool was_up, is_up;     /* when the change began, and now */
	uint32_t before, after; /* weights in the revisions; 0: it gets no new flows */
	/* Handshakes on slots that moved: completed, and begun for so long that they will not be. */
	uint64_t completed, failed;
};

struct watch_facts {
	const struct watch_backend *backends;
	size_t count;
	/* In the data path since the change began: new flows, and packets dropped for want of a
	 * backend, a next hop or room; and in as much time before. */
	uint64_t flows, drops;
	uint64_t flows_before, drops_before;
};

/* So many handshakes must have failed, and most of them, before that means anything; */
#define WATCH_FAILED_MIN 20u
/* unless so many more flows begin than before: then somebody floods the services with SYNs, whose
 * handshakes fail whatever the change does. */
#define WATCH_FLOOD_TIMES 5u
/* So many drops, and that part of the new flows. */
#define WATCH_DROPS_MIN 50u
#define WATCH_DROPS_PART 0.05

struct watch {
	uint64_t until_ms;         /* the change is in force as a whole, and is good then; 0: it is
				    * still being staged */
	uint64_t confirm_until_ms; /* somebody must have confirmed it by then; 0: nobody need */
	bool confirmed;
	bool held;      /* its harm was seen, and there was no better way */
	uint8_t bad[2]; /* rounds in a row in which handshakes, drops were bad */
};

/* Harm must be seen in so many rounds in a row; health has its own patience (rise, fall). */
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
