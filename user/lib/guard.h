/* SPDX-License-Identifier: GPL-2.0 */
/* The guard: no change of a service's shares goes on to the data path without passing it. Pure.
 *
 * How it is used: whoever is about to install a table works out its shares (slots of each backend
 * divided by all slots) and asks guard_check(). On a breach nothing is installed: the last safe
 * table stays, and the breach says for an alert and the journal which rule, which backend, which
 * numbers, and what to do.
 *
 * Several causes may want something at once: the first of GUARD_CAUSES wins, and the others build
 * on its result. Which rules bind depends on the cause, because refusing is not always the safe
 * choice: a dead backend's load must go to somebody. So what health, panic and slow start do is
 * measured by the weights instead: everybody may have what the weights in force give among those
 * left, at once (`by weight` in the list), but not more. Where that exceeds a declared capacity the
 * data path sheds the excess. Rebalance is no necessity, and gets no such allowance. */
#ifndef EVENKEEL_LIB_GUARD_H
#define EVENKEEL_LIB_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rules, in the order in which they are asked: X(ENUM, "name", "what is wrong", "remedy"). */
#define GUARD_RULES(X)                                                                             \
	X(MALFORMED, "malformed", "its share is no share, or all shares do not sum to one",        \
	  "report it, with evenkeel doctor")                                                       \
	X(EMPTY, "empty", "nobody would get traffic, though a backend is eligible",                \
	  "report it, with evenkeel doctor")                                                       \
	X(INELIGIBLE, "ineligible",                                                                \
	  "would get traffic though it is drained or known dead, and others are eligible",         \
	  "look at its health; undrain it if it is to have traffic")                               \
	X(STARVED, "starved", "is eligible and would get no traffic at all",                       \
	  "report it, with evenkeel doctor")                                                       \
	X(CAPACITY, "capacity", "would get more new flows a second than it declares",              \
	  "raise its capacity if it can take more, or add backends")                               \
	X(SHARE, "share", "would have too large a share of the pool",                              \
	  "look for a typo in its weight, or in who is left in the pool")                          \
	X(GROWTH, "growth", "its load would grow too much in one step",                            \
	  "make the change in steps, or add backends first")                                       \
	X(BUDGET, "budget", "too many slots would move at once",                                   \
	  "wait until slots have settled, or raise the budget of unsettled slots")

enum guard_rule {
#define GUARD_RULE_ENUM(id, name, text, remedy) GUARD_##id,
	GUARD_RULES(GUARD_RULE_ENUM) GUARD_RULE_COUNT, /* also: none, it is safe */
#undef GUARD_RULE_ENUM
};

#define GUARD_SOUND                                                                                \
	(1u << GUARD_MALFORMED | 1u << GUARD_EMPTY | 1u << GUARD_INELIGIBLE | 1u << GUARD_STARVED)
#define GUARD_LOAD (1u << GUARD_SHARE | 1u << GUARD_GROWTH)

/* Who changes, by precedence: X(ENUM, "name", rules that bind, by weight). */
#define GUARD_CAUSES(X)                                                                            \
	X(OVERLOAD, "capacity", GUARD_SOUND | 1u << GUARD_CAPACITY, false)                         \
	X(PANIC, "panic", GUARD_SOUND | GUARD_LOAD, true)                                          \
	X(HEALTH, "health", GUARD_SOUND | GUARD_LOAD, true)                                        \
	X(SLOW_START, "slow-start", GUARD_SOUND | GUARD_LOAD | 1u << GUARD_BUDGET, true)           \
	X(REBALANCE, "rebalance",                                                                  \
	  GUARD_SOUND | GUARD_LOAD | 1u << GUARD_BUDGET | 1u << GUARD_CAPACITY, false)             \
	X(REVISION, "revision", GUARD_SOUND | GUARD_LOAD | 1u << GUARD_CAPACITY, false)

enum guard_cause {
#define GUARD_CAUSE_ENUM(id, name, rules, by_weight) GUARD_BY_##id,
	GUARD_CAUSES(GUARD_CAUSE_ENUM) GUARD_CAUSE_COUNT
#undef GUARD_CAUSE_ENUM
};

const char *guard_rule_name(enum guard_rule rule); /* "safe" for GUARD_RULE_COUNT */
const char *guard_cause_name(enum guard_cause cause);

struct guard_limits {
	double share_times; /* share at most so many times the fair one, see guard_share_limit() */
	double growth;      /* of an existing backend's load, in one automatic step */
	double revision_growth; /* in a revision's, which a person has planned */
};
extern const struct guard_limits guard_limits_default; /* 2, 1.25, 2 */

/* One backend. Shares are 0..1 and sum to one over all of a service. */
struct guard_backend {
	uint32_t id;
	double old_share, new_share;
	double like;     /* a new one's, of its peers before: it grows from there; 0: it does not */
	double weight;   /* what it is to have by: 0 if it is not eligible (dead, drained) */
	double capacity; /* new flows a second that it declares, 0: it does not */
};

struct guard_case {
	enum guard_cause cause;
	const struct guard_backend *backends;
	size_t count;
	double demand; /* new flows a second of the service, 0: not known */
	double budget; /* part of the slots that may move now */
	double slack;  /* by how much chance makes shares differ from the weights; 0: not at all */
};

struct guard_breach {
	enum guard_rule rule;
	enum guard_cause cause;
	uint32_t backend;    /* 0 where it is about the whole service */
	double value, limit; /* shares; CAPACITY: flows a second; GROWTH: times */
};

/* GUARD_RULE_COUNT if the change is safe; otherwise the rule that it breaks, with the backend that
 * breaks it most in *breach (untouched if safe). */
enum guard_rule guard_check(const struct guard_limits *limits, const struct guard_case *c,
			    struct guard_breach *breach);

/* What to do with a table that was made for this case. */
enum guard_verdict {
	GUARD_GO,
	GUARD_STAY, /* it breaks a rule: the one in force is safer */
	GUARD_FLEE, /* it puts too much load on somebody, but the one in force is not sound at all (it
		     * sends traffic to the dead, or to nobody): it is the lesser evil */
};
enum guard_verdict guard_decide(const struct guard_limits *limits, const struct guard_case *c,
				struct guard_breach *breach);

/* The same for one rule, whatever else is broken. True on a breach. */
bool guard_check_rule(const struct guard_limits *limits, const struct guard_case *c,
		      enum guard_rule rule, struct guard_breach *breach);

/* Above which share of `count` backends one of them has too much: `times` its fair share; or, as
 * twice a half is everything, half way between its fair share and everything, with 2 times. */
double guard_share_limit(double times, size_t count);

/* One line for a person: rule, backend by that name, numbers, remedy. Returns buf. */
#define GUARD_TEXT_MAX 384
const char *guard_breach_text(const struct guard_breach *breach, const char *backend,
			      char buf[static GUARD_TEXT_MAX]);

#endif
