/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of struct healths. Private to daemon/health*.c. */
#ifndef EVENKEEL_DAEMON_HEALTH_INTERNAL_H
#define EVENKEEL_DAEMON_HEALTH_INTERNAL_H

#include "check/check.h"
#include "daemon/health.h"
#include "lib/families.h"
#include "lib/start.h"
#include "lib/timers.h"
#include "net/net.h"

#define container(pointer, kind, member) ((kind *)((char *)(pointer)-offsetof(kind, member)))

/* Something to do when a time has come: monotonic milliseconds. */
struct alarm {
	struct timer timer;
	void (*ring)(struct alarm *a);
};

/* How the backends of a service are checked. Shared by them, and unchanged while one has it. */
struct health_plan {
	uint32_t users;
	struct config_service service; /* its checks, listeners and modes; no backends */
	size_t probe_count;
	struct health_way {
		const struct config_check *check;
		bool tunnel;
	} ways[2 * CONFIG_CHECKS_MAX];
};

struct health_unit;

/* One way of checking one backend: by check/, or, through the tunnel, by a knock. */
struct health_probe {
	struct health_unit *unit;
	const struct health_way *way;
	struct checker *checker;
	struct knock *knock;
	struct alarm next; /* when it begins; while a knock waits, when that is too long */
	uint64_t begun_us;
	uint32_t latency_us;           /* of the last success */
	uint64_t results;              /* since this controller began */
	char reason[CHECK_REASON_MAX]; /* of the last failure since the last success */
	char missed[CHECK_REASON_MAX]; /* why the last one could not be made */
};

/* A backend that the maps hold. */
struct health_unit {
	struct healths *all;
	uint32_t index, service;
	struct ek_addr addr;
	uint16_t port;
	char name[EK_NAME_MAX + 1];
	struct health_plan *plan; /* NULL: it is not checked, and counts as up */
	struct health health;
	struct health_check *checks; /* one for each probe */
	struct health_probe *probes;
	struct alarm wake; /* when it is held down no longer */
	bool had;          /* it is in the table that was installed last */
	bool weighed;      /* and in the one being installed */
	uint32_t weight;   /* as configured, when that was */
	bool spare;        /* likewise */
	double due_before; /* the same in the table that a service being staged comes from */
	double due;        /* its weight in it once it has started; see lib/effective.h */
	struct start start;
	uint32_t start_s; /* how long that is to take */
	bool start_told;
	uint32_t in_force; /* as in the table, in 256ths (REBALANCE_SCALE) */
	uint64_t failures; /* of checks, since it was made */
	bool changed;      /* the journal does not know of the state yet */
	bool stuck;
	int64_t since;
};

/* What checks of a service have come to, by type, and through the tunnel. */
#define HEALTH_COUNTS (CHECK_TYPES + 1)
struct health_counts {
	struct check_counts of[HEALTH_COUNTS];
};

struct healths {
	struct daemon *daemon;
	struct checks *checks;
	struct knocks *knocks; /* NULL: nothing can be sent through tunnels, */
	int knocks_error;      /* and why */
	struct timers timers;
	uint64_t chance; /* of a generator that is no secret */
	size_t fresh;    /* first checks of which nothing is known, begun by the last sync */
	struct health_unit **units; /* by backend index */
	struct health_plan *plans[EK_SERVICES_MAX];
	struct health_counts *counts;      /* by service */
	uint8_t modes[EK_SERVICES_MAX];    /* enum eligible_mode of the tables installed */
	uint8_t weighing[EK_SERVICES_MAX]; /* and of those being installed */
	bool dirty;                        /* a state changed that no table knows of */
	uint64_t not_before_ms;            /* when tables may be made again */
	bool installing;                   /* tables are being made, not only compared */
	bool automatic;                    /* and nobody has asked for that */
	uint64_t retry_ms;                 /* when slots that wait are tried again */
	uint64_t waiting;                  /* how many there were the last time */
	bool failed;                       /* that could not be done, which was said */
	uv_poll_t poll, poll_knocks;
	uv_prepare_t prepare;
	uv_timer_t timer;
	bool polling, polling_knocks;
};

uint64_t health_now_ms(void);
uint32_t health_chance(struct healths *h);

/* The state may have changed: its checks, or the clock. */
void unit_judge(struct health_unit *u);
/* Why it is in the state that it is in; "" if it is simply up. */
void unit_reason(const struct health_unit *u, char text[static HEALTH_TEXT_MAX]);
/* "web/web-1 10.0.1.1" */
#define UNIT_TEXT_MAX (2 * EK_NAME_MAX + ADDR_TEXT_MAX + 4)
const char *unit_text(const struct health_unit *u, char text[static UNIT_TEXT_MAX]);
/* "tcp", "tcp via tunnel" */
const char *way_text(const struct health_way *w);

/* Takes over what the maps hold, as they have it. */
void healths_adopt(struct healths *h);
/* Frees a unit, or NULL. */
void unit_close(struct health_unit *u);
/* Frees what the unit has of its plan; the state stays. */
void unit_unplan(struct health_unit *u);
/* Begins to check it so. -ENOMEM, or 0. */
int unit_plan(struct health_unit *u, struct health_plan *plan);
void plan_release(struct health_plan *plan);

/* Makes tables again if a state has changed and it is time. */
void healths_flush(struct healths *h);
/* Until that is time; -1: there is nothing to do. */
int64_t healths_flush_ms(const struct healths *h);
/* Each second: slow starts go on, and slots that wait are tried again. */
void healths_start_tick(struct healths *h);
/* After tables were made: writes starts down, and tells what has begun and what is over. */
void unit_start_commit(struct health_unit *u);

/* The answers to dp_weigh_by() and dp_allow_by(). */
bool healths_allow(void *context, const struct dp_move *move);
void healths_weigh(void *context, const struct config_service *s, const uint32_t *indexes,
		   struct dp_weights *weights);

#endif
