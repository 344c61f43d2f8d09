/* SPDX-License-Identifier: GPL-2.0 */
/* Asks the backends of a service how loaded they are, as its `rebalance` says: an HTTP request each,
 * made as health checks are (check/), and no verdict on health. */
#ifndef EVENKEEL_DAEMON_FEEDBACK_H
#define EVENKEEL_DAEMON_FEEDBACK_H

#include "daemon/daemon.h"
#include "lib/config.h"

/* An answer is good for so many intervals. */
#define FEEDBACK_STALE_INTERVALS 3

struct feedback;

/* -ENOMEM, or 0. */
int feedback_open(struct feedback **out, struct daemon *d, const struct config_service *s);
void feedback_close(struct feedback *l); /* NULL is none */

/* From now on these are asked; of who was before, all that is known is kept. -ENOMEM, or 0. */
int feedback_follow(struct feedback *l, const struct config_service *s, const uint32_t *indexes);

/* Each second: asks those whose turn it is. */
void feedback_tick(struct feedback *l);

struct load_view {
	double load;  /* the last that was told, 0..100; below 0: none was */
	double age_s; /* of that */
	bool fresh;
	uint64_t answers, failures;
	const char *reason; /* why the last request brought no number; "" if it did */
};
/* False if the backend is not asked. */
bool feedback_view(const struct feedback *l, uint32_t backend, struct load_view *out);

/* Who was asked and has not told anything of late. */
struct feedback_silence {
	size_t asked, silent;
	const char *first, *reason; /* who is the first of them, and why */
};
void feedback_silence(const struct feedback *l, struct feedback_silence *out);

#endif
