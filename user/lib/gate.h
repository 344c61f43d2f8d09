/* SPDX-License-Identifier: GPL-2.0 */
/* The gates of a change: from its plan to what stands against it. Pure. docs/guards.md says why
 * each is there and where its limit comes from. */
#ifndef EVENKEEL_LIB_GATE_H
#define EVENKEEL_LIB_GATE_H

#include "lib/lint.h"
#include "lib/plan.h"

/* X(ENUM, "name", "what it stands against") */
#define GATES(X)                                                                                   \
	X(CHECK, "check", "errors that check finds and that are new")                              \
	X(SHARE, "share", "a backend with too large a share of its service")                       \
	X(GROWTH, "growth", "a backend whose share grows too much, where its load is not known")   \
	X(LOAD, "load", "a backend with more load than it is known to bear")                       \
	X(ELIGIBLE, "eligible", "too few backends for new flows, where there were enough")         \
	X(ANSWERING, "answering", "too little of a pool that answers now")                         \
	X(SERVICES, "services", "too many services touched at once")                               \
	X(REMOVED, "removed", "services and listeners that disappear unsaid")                      \
	X(GUARDS, "guards", "guards loosened along with something else")                           \
	X(POLICY, "policy", "policy loosened along with something else")

enum gate {
#define GATE_ENUM(id, ...) GATE_##id,
	GATES(GATE_ENUM) GATE_COUNT
#undef GATE_ENUM
};

const char *gate_name(enum gate gate);
const char *gate_what(enum gate gate);
/* A set of gates, by bits, of "share,growth". -EINVAL with the name that is none in *unknown, as a
 * part of `text`. */
int gate_set_parse(unsigned int *out, const char *text, const char **unknown);

/* The other way round; all names fit. */
#define GATE_SET_TEXT_MAX 128
char *gate_set_text(char out[static GATE_SET_TEXT_MAX], unsigned int set);

#define GATE_TEXT_MAX 640
struct gate_breach {
	enum gate gate;
	bool warns;  /* draining one backend while all others are up does not refuse */
	bool forced; /* somebody said that it is to be done all the same */
	struct place place;
	char service[EK_NAME_MAX + 1], backend[EK_NAME_MAX + 1]; /* "": not about one */
	double value, limit;      /* shares, times, flows a second, numbers: as the gate counts */
	char text[GATE_TEXT_MAX]; /* with the numbers */
};

struct gate_report {
	struct gate_breach *breaches;
	size_t count, capacity;
	size_t refusals; /* that are neither warnings nor forced */
	bool out_of_memory;
};

struct gate_input {
	const struct plan *plan;  /* from `old` to `now` */
	const struct config *old; /* what is compared with; NULL: nothing was in force before */
	const struct config *now;
	const struct config *in_force;      /* services that are as in there pass; NULL: `old` */
	const struct config_guards *guards; /* of the known-good revision */
	const struct config_policy *policy; /* likewise; NULL: nothing was in force before */
	const struct lint_report *lints;    /* of `now`, against `old` */
	const struct lint_report *known;    /* of what is in force; NULL: nothing is known */
	unsigned int forced;                /* set of gates */
};

/* Everything that stands against the change; nothing if it may go on. */
void gate_check(struct gate_report *out, const struct gate_input *in);
void gate_release(struct gate_report *r);

/* True if it must not go on. */
static inline bool gate_refuses(const struct gate_report *r)
{
	return r->refusals || r->out_of_memory;
}

/* Lines for people, each ended by a newline: the breaches, what lints say of the same services,
 * and how to do it all the same. `file` is that of the new configuration; NULL: there is none.
 * Allocated; NULL when memory runs out. */
char *gate_text(const struct gate_report *r, const struct lint_report *lints, const char *file);
json_t *gate_json(const struct gate_report *r);

#endif
