/* SPDX-License-Identifier: GPL-2.0 */
/* Who is healthy: from results of checks to the state that is acted on. Pure: times are monotonic
 * milliseconds, randomness is an argument. */
#ifndef EVENKEEL_LIB_HEALTH_H
#define EVENKEEL_LIB_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum health_state {
	HEALTH_UNKNOWN, /* no verdict yet, and none from before */
	HEALTH_UP,
	HEALTH_DOWN,
};
const char *health_state_name(enum health_state state); /* "unknown", "up", "down" */

/* ---- one check of one backend ---------------------------------------------------------------- */

struct health_times {
	uint32_t interval_ms, down_interval_ms, timeout_ms, rise, fall;
};

struct health_check {
	struct health_times times;
	enum health_state state;
	bool told;         /* it has had a result: the state is not only from before */
	bool running;      /* it has begun, and there is no result yet */
	uint32_t contrary; /* results in a row against the state */
	uint64_t due_ms;   /* when it begins next; while it runs, when it began */
	uint64_t heard_ms; /* when the last result came, or waiting for one began */
};

/* `prior`: the last known state, kept until `fall` or `rise` results in a row speak against it.
 * Where there is none the first result decides: nobody has flows there who could lose by it.
 * The first check is due at once, or, with a prior state, within an interval. */
void health_check_init(struct health_check *k, const struct health_times *times,
		       enum health_state prior, uint64_t now_ms, uint32_t random);

void health_check_begin(struct health_check *k, uint64_t now_ms);
/* Its result: says when it is due again. True if the state changed. */
bool health_check_result(struct health_check *k, bool ok, uint64_t now_ms, uint32_t random);
/* It could not be made, which says nothing of the backend. */
void health_check_missed(struct health_check *k, uint64_t now_ms, uint32_t random);

/* Something hints that it is down: the next round comes at once, if it is not down already. `again`:
 * the hint has been given before, and is worth no more than the last result: only if that failed.
 * True if there is a round that has not been due yet. */
bool health_check_hurry(struct health_check *k, bool again, uint64_t now_ms);

/* There should have been a result by now: whoever makes the checks is stuck, or cannot. */
#define HEALTH_GRACE_MS 1000u
bool health_check_stuck(const struct health_check *k, uint64_t now_ms);

/* ---- a backend ------------------------------------------------------------------------------- */

/* A backend that goes down for the third time before it was forgotten that it did is held down:
 * each change costs its clients more than its absence. From the fall on, so that whoever is down
 * for longer anyway loses nothing. One fall is forgotten in DECAY_MS without a change. */
#define HEALTH_FALLS_FREE 2u
#define HEALTH_HOLD_MS 10000u
#define HEALTH_HOLD_MAX_MS 300000u
#define HEALTH_FALLS_MAX 8u
#define HEALTH_DECAY_MS 120000u

struct health {
	enum health_state state; /* what is acted on */
	enum health_state told;  /* what the checks say together */
	bool ever_up;
	uint32_t falls;         /* that are not forgotten */
	uint64_t calm_since_ms; /* when forgetting began */
	uint64_t held_until_ms; /* 0: not held down */
	uint64_t since_ms;      /* of the state */
};

void health_init(struct health *h, enum health_state state, bool ever_up, uint64_t now_ms);

/* What several checks say: any down is decisive; all must be up; where one has no verdict yet it
 * stays as it was. */
enum health_state health_combine(const struct health_check *checks, size_t count,
				 enum health_state before);
/* The first check that is down; `count` if none is. */
size_t health_decisive(const struct health_check *checks, size_t count);

/* Takes in what the checks say. True if the state changed. */
bool health_update(struct health *h, enum health_state told, uint64_t now_ms);
/* When to call it again although no check has changed; UINT64_MAX: never. */
uint64_t health_due(const struct health *h);
/* The checks are up, and yet it is held down. */
bool health_held(const struct health *h);

#endif
