/* SPDX-License-Identifier: GPL-2.0 */
/* Alerts: what is wrong is told once, when it has lasted, and once more when it is over. Pure. */
#ifndef EVENKEEL_LIB_ALERT_H
#define EVENKEEL_LIB_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/limits.h"

enum alert_level { ALERT_WARNING, ALERT_CRITICAL };
const char *alert_level_name(enum alert_level level);

/* Something that is wrong now. Kind, service and backend together are what it is known by. */
struct alert_fact {
	const char *kind; /* a stable word, static: "no_next_hop" */
	enum alert_level level;
	const char *service, *backend; /* "" where it is about none */
	const char *text;              /* a sentence, with numbers */
	uint32_t for_s;                /* it is told when it has lasted so long */
};

#define ALERT_TEXT_MAX 256
struct alert {
	const char *kind;
	enum alert_level level;
	char service[EK_NAME_MAX + 1], backend[EK_NAME_MAX + 1];
	char text[ALERT_TEXT_MAX]; /* the newest */
	uint32_t since_s, seen_s;  /* first and last noted */
	uint32_t for_s;
	bool told;
};

/* At most so many at once: an outage of all backends is not told a hundred thousand times. */
#define ALERTS_MAX 256
/* What was not noted for so long is over: what comes and goes is told once. */
#define ALERT_CLEAR_S 10u

/* Starts as {}. */
struct alerts {
	struct alert list[ALERTS_MAX];
	size_t count;
};

/* Something is wrong this second. False: there is no room. */
bool alerts_note(struct alerts *a, const struct alert_fact *fact, uint32_t now_s);

/* Tells what has lasted long enough, and what is over; `told` is false in what is over. To be
 * called when all of this second was noted. */
typedef void (*alert_teller)(void *context, const struct alert *alert);
void alerts_tell(struct alerts *a, uint32_t now_s, alert_teller tell, void *context);

#endif
