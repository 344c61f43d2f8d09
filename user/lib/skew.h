/* SPDX-License-Identifier: GPL-2.0 */
/* Skew: a service's traffic is not where it should be, and why. Pure.
 *
 * How it is used: one `struct skew` for each service, skew_tick() each second, and then
 * skew_leading() or each kind's finding. Whoever calls takes the differences of the counters, reads
 * the slots from the map, and keeps a sketch of sampled packets (lib/heavy.h) for each track, which
 * it decays by exp(-seconds / skew_horizon_s()). What changed in skew_finding() since the tick
 * before is what an alert or its "cleared" is about.
 *
 * What is compared: even > what the revision asks for > what health makes of it > what is in the
 * map > what is counted. Each of these steps has a kind of its own (SKEW_KINDS). All but the last
 * are arithmetic. Only the last, counted against the map's slots, needs a test of how much chance
 * explains; skew_judge.c says how it is made. docs/balance.md has the thresholds' reasons. */
#ifndef EVENKEEL_LIB_SKEW_H
#define EVENKEEL_LIB_SKEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

struct heavy;

/* What is counted: X(ENUM, "name", "what it is"). */
#define SKEW_MEASURES(X)                                                                           \
	X(FLOWS, "flows", "new flows")                                                             \
	X(PACKETS, "packets", "packets")                                                           \
	X(BYTES, "bytes", "bytes")

/* What is judged: a measure within a horizon: X(ENUM, measure, horizon). Packets and bytes depend
 * on few flows; within the fast horizon there are too few to say anything. */
#define SKEW_TRACKS(X)                                                                             \
	X(FLOWS_FAST, FLOWS, fast_s)                                                               \
	X(FLOWS_SLOW, FLOWS, slow_s)                                                               \
	X(PACKETS_SLOW, PACKETS, slow_s)                                                           \
	X(BYTES_SLOW, BYTES, slow_s)

/* The kinds, the gravest first: X(ENUM, "name", "what it means, and where to look"). */
#define SKEW_KINDS(X)                                                                              \
	X(MAP, "map", "the map does not match the revision: see evenkeel doctor")                  \
	X(UNEXPLAINED, "unexplained",                                                              \
	  "neither the map's slots, nor chance, nor heavy clients explain it")                     \
	X(CLIENTS, "clients", "a few heavy clients: without them the spread is even")              \
	X(HEALTH, "health", "health narrowed the pool: the others carry what is missing")          \
	X(ASKED, "asked", "the revision asks for it: look at its weights")

enum skew_measure {
#define SKEW_ENUM(id, name, text) SKEW_##id,
	SKEW_MEASURES(SKEW_ENUM) SKEW_MEASURE_COUNT
};

enum skew_kind {
	SKEW_KINDS(SKEW_ENUM) SKEW_KIND_COUNT, /* also: none */
#undef SKEW_ENUM
};

enum skew_track {
#define SKEW_TRACK_ENUM(id, measure, horizon) SKEW_TRACK_##id,
	SKEW_TRACKS(SKEW_TRACK_ENUM) SKEW_TRACK_COUNT
#undef SKEW_TRACK_ENUM
};

const char *skew_measure_name(enum skew_measure measure);
const char *skew_kind_name(enum skew_kind kind); /* "none" for SKEW_KIND_COUNT */
const char *skew_kind_text(enum skew_kind kind);

/* All thresholds. skew_limits_default has those of docs/balance.md. */
struct skew_limits {
	double fast_s, slow_s;       /* horizons of the moving averages */
	double raise_off, clear_off; /* a backend's departure from its share, relative */
	double raise_rms, clear_rms; /* the whole pool's, root mean square */
	double raise_health;         /* times the share that the revision asks for */
	double clear_health;
	double asked_times; /* times the fair share, as the guard has it (guard_share_limit()) */
	uint32_t raise_s, clear_s;     /* seconds that a finding must have stood, or been gone */
	double false_alarm_s;          /* chance alone raises an alarm less often than this */
	double flows_min, samples_min; /* within a horizon; nothing is judged below */
	double unsettled_max; /* above, packets and bytes raise nothing new: they are of older flows */
};
extern const struct skew_limits skew_limits_default;

double skew_horizon_s(const struct skew_limits *limits, enum skew_track track);
enum skew_measure skew_track_measure(enum skew_track track);

/* One backend of the service. The order does not matter; the same order each second is quickest. */
struct skew_backend {
	uint32_t id;                        /* its index, or whatever names it for good */
	uint64_t delta[SKEW_MEASURE_COUNT]; /* since the tick before */
	uint32_t slots;                     /* that it owns in the map */
	uint32_t weight;                    /* that the revision asks for; 0 while drained */
	bool eligible;                      /* as health has it */
};

struct skew_input {
	uint64_t now_ms;
	bool fresh; /* the counters were read just now; otherwise they are not used */
	const struct skew_backend *backends;
	size_t count;
	double unsettled;     /* share of the slots where older flows may be another backend's */
	uint32_t slots_wrong; /* whose owner is not the one that was written there */
	bool by_client;       /* the hash kind keeps all flows of a client together */
	const struct heavy *samples[SKEW_TRACK_COUNT]; /* NULL: there is none */
};

#define SKEW_CLIENTS_MAX 5
struct skew_client {
	struct ek_addr addr;
	uint32_t backend; /* that has most of it */
	double share;     /* of the service's traffic */
};

struct skew_finding {
	bool raised;
	uint64_t since_ms;         /* when it began, not when it was raised */
	enum skew_measure measure; /* MAP, HEALTH, ASKED: FLOWS */
	uint32_t backend;          /* the one that is most off; MAP: 0 */
	double actual, expected;   /* its share; HEALTH, ASKED: by the map, and what it would be */
	double off;                /* actual / expected - 1; MAP: share of wrong slots */
	double rms;                /* of all backends' departures; 0 unless counted */
	double surprise;           /* at this by chance, in nats; 0 unless counted */
	struct skew_client clients[SKEW_CLIENTS_MAX]; /* CLIENTS only, the heaviest first */
	size_t client_count;
};

struct skew;

int skew_open(struct skew **out, const struct skew_limits *limits); /* -ENOMEM, or 0 */
void skew_close(struct skew *s);
static inline void skew_release(struct skew **s)
{
	skew_close(*s);
}

/* -ENOMEM when a pool has grown (nothing has happened then), or 0. */
int skew_tick(struct skew *s, const struct skew_input *in);

/* Valid until skew_close(). What is not raised has the numbers of the last second when it stood. */
const struct skew_finding *skew_finding(const struct skew *s, enum skew_kind kind);

/* The gravest kind that is raised, SKEW_KIND_COUNT if none is. */
enum skew_kind skew_leading(const struct skew *s);

/* A backend's shares within the slow horizon, for status; false if nothing was counted. */
bool skew_share(const struct skew *s, uint32_t backend, enum skew_measure measure, double *actual,
		double *expected);

/* How much of it was seen within the slow horizon. */
double skew_seen(const struct skew *s, enum skew_measure measure);

/* The finding as a sentence, with its numbers; `backend` is the name of the one that is most
 * off. */
#define SKEW_TEXT_MAX 320
void skew_describe(char out[static SKEW_TEXT_MAX], enum skew_kind kind,
		   const struct skew_finding *f, const char *backend);

#endif
