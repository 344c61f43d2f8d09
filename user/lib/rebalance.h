/* SPDX-License-Identifier: GPL-2.0 */
/* Rebalance: corrects effective weights until load is spread as the weights say. Pure.
 *
 * How it is used: one `struct rebalance` for each service, rebalance_tick() each second. When the
 * state is REBALANCE_STEPPED, install a table of the weights rebalance_weight(weight, factor of
 * each backend); established flows stay where they are, as after any change. The caller gives the
 * weights that health, drain and slow start leave (0 stays 0), the load of the last second, and
 * how much may move. After a restart rebalance_set() takes over the factors in force.
 *
 * The law. Be t a backend's share by weight, a its share of the load measured (or, with feedback,
 * its load beside the mean), f its factor, y = ln(a / t). One cycle is: wait until the last change
 * has shown (wait_s, response_s), measure anew (measure_s), then correct
 *
 *     ln f := ln f - gain * y        at most by step_max, within low..high
 *
 * Be E how strongly load answers to weight, d ln a / d ln f: 1 for new flows, less with heavy
 * clients that stay, possibly more for a queue near its limit. As nothing measured is older than
 * the last change, y' = (1 - gain E) y: stable for 0 < gain E < 2, without overshoot for gain E <=
 * 1. If load shows a change m cycles later than waited for, stability needs gain E < 2 cos(pi m /
 * (2 m + 1)) (Levin, May 1976): 1 for m = 1, 0.62 for m = 2. So gain 0.5 bears E < 4 in time and E
 * < 1.2 with load that is two cycles late. Beyond that a backend's gain is halved each time its
 * correction turns round, which finds a stable one, and comes back when it has not for calm_s.
 *
 * Damped, too: nothing is done within a dead band (begin beyond band_start, end within band_stop)
 * nor within `noise` standard errors, as measured from second to second. And whatever happens, a
 * backend's factor moves altogether by no more than `allowance` and `allowance_h` more each
 * hour. */
#ifndef EVENKEEL_LIB_REBALANCE_H
#define EVENKEEL_LIB_REBALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/guard.h"

/* X(ENUM, "name", "what it does") */
#define REBALANCE_MODES(X)                                                                         \
	X(OFF, "off", "weights are as configured")                                                 \
	X(OBSERVE, "observe", "says what it would do")                                             \
	X(ON, "on", "corrects weights")

/* X(ENUM, "name", "why weights are what they are") */
#define REBALANCE_STATES(X)                                                                        \
	X(IDLE, "idle", "off, and weights are as configured")                                      \
	X(FROZEN, "frozen",                                                                        \
	  "counters or answers are stale, or the pool is changing, small or in panic")             \
	X(WAITING, "waiting", "the last change has yet to show")                                   \
	X(MEASURING, "measuring", "load is being measured")                                        \
	X(EVEN, "even", "load is as even as it can be told")                                       \
	X(LIMITED, "limited",                                                                      \
	  "weights are as far off as they may be, or load follows them around")                    \
	X(HELD, "held", "the guard or the budget of unsettled slots does not let more move")       \
	X(OBSERVED, "observed", "it would change weights now")                                     \
	X(STEPPED, "stepped", "weights have just changed")

#define REBALANCE_ENUM(id, name, text) REBALANCE_##id,
enum rebalance_mode { REBALANCE_MODES(REBALANCE_ENUM) REBALANCE_MODE_COUNT };
enum rebalance_state { REBALANCE_STATES(REBALANCE_ENUM) REBALANCE_STATE_COUNT };
#undef REBALANCE_ENUM

const char *rebalance_mode_name(enum rebalance_mode mode);
const char *rebalance_state_name(enum rebalance_state state);
const char *rebalance_state_text(enum rebalance_state state);

struct rebalance_tuning {
	double low, high;              /* factors stay within */
	double gain, step_max;         /* step_max: of ln f, in one step */
	double band_start, band_stop;  /* of y */
	double noise;                  /* standard errors that are taken for chance */
	double wait_s;                 /* until a change shows in the counters */
	double measure_s;              /* at least, one measurement */
	double measure_max_s;          /* at most, if it is noisy */
	double stale_s, load_stale_s;  /* counters, feedback older than this are not used */
	double turn_gain, calm_s;      /* what a turn makes of the gain, and for how long */
	double allowance, allowance_h; /* how far a factor may move, and how much more an hour */
};
extern const struct rebalance_tuning rebalance_tuning_default;

struct rebalance_backend {
	uint32_t id;
	double weight;     /* as health, drain and slow start leave it; 0: gets nothing */
	double traffic;    /* new flows, or bytes, since the tick before */
	double load;       /* feedback, 0..100; below 0: there is none */
	double load_age_s; /* of it */
	double capacity;   /* new flows a second that it declares, 0: it does not */
};

struct rebalance_input {
	uint64_t now_ms;
	enum rebalance_mode mode;
	const struct rebalance_backend *backends;
	size_t count;
	double age_s;      /* of the counters */
	bool by_load;      /* it is what backends say of theirs that counts, never traffic */
	double response_s; /* how long load takes to follow weights: the life of a flow where
			    * traffic is bytes, or there is feedback; 0 for new flows */
	double budget;     /* part of the slots that may move now */
	double demand;     /* new flows a second, 0: not known */
	bool panic;
	const struct guard_limits *guard;
};

struct rebalance_report {
	enum rebalance_state state;
	double worst;     /* the largest load beside the even one, 1: even; 0: not measured */
	uint32_t backend; /* whose it is */
	double moved;     /* STEPPED, OBSERVED: part of the slots */
	struct guard_breach breach; /* HELD by the guard; otherwise its rule is GUARD_RULE_COUNT */
};

struct rebalance;

int rebalance_open(struct rebalance **out, const struct rebalance_tuning *t); /* -ENOMEM, or 0 */
void rebalance_close(struct rebalance *r);
static inline void rebalance_release(struct rebalance **r)
{
	rebalance_close(*r);
}

/* May the next tick with that input change weights? Only then the budget matters. */
bool rebalance_is_due(const struct rebalance *r, const struct rebalance_input *in);

/* -ENOMEM when a pool has grown (nothing has happened then), or 0. */
int rebalance_tick(struct rebalance *r, const struct rebalance_input *in);

const struct rebalance_report *rebalance_report(const struct rebalance *r);

/* A backend's factor, and the one that `observe` would set; 1 for who is not known. */
double rebalance_factor(const struct rebalance *r, uint32_t backend);
double rebalance_advice(const struct rebalance *r, uint32_t backend);

/* Takes over a factor in force, after a restart; the backend need not have been seen. -ENOMEM,
 * or 0. */
int rebalance_set(struct rebalance *r, uint32_t backend, double factor);

/* What a backend answers when it is asked for its load: a number from 0 to 100, perhaps with a %
 * and white space behind it. False for anything else. */
bool rebalance_load_read(const char *answer, double *load);

/* The weight that goes into the table: factors are in steps of 1 / REBALANCE_SCALE, so nothing is
 * rounded. All weights of a service go through it, rebalanced or not. 0 only for 0. */
#define REBALANCE_SCALE 256u
uint32_t rebalance_weight(uint32_t weight, double factor);

#endif
