/* SPDX-License-Identifier: GPL-2.0 */
/* The metrics: which families there are, what each means, and what it takes its value from. Pure.
 *
 * A new family is a row of a table in families.c, and a field here if the fact is new. Tests hold
 * docs/monitoring.md, the alert rules and the dashboard to the families that there are. */
#ifndef EVENKEEL_LIB_FAMILIES_H
#define EVENKEEL_LIB_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/drops.h"
#include "lib/alert.h"
#include "lib/exposition.h"
#include "lib/latency.h"

/* Texts are borrowed. Shares are negative where they are not known. */
struct metrics_backend {
	const char *service, *name, *state;
	bool next_hop;   /* packets can be sent to it */
	bool configured; /* else it is leaving, and has no weight */
	uint32_t weight;
	uint64_t packets, bytes, flows, shed, remembered;
	uint32_t capacity_flows, capacity_packets; /* 0: without bound */
	uint32_t held_slots;
	double expected_share, packet_share, flow_share;
	double effective_weight, factor; /* the weight in the table; what rebalance makes of it */
	double healthy;                  /* 1, 0; negative: not checked, or not known */
	uint64_t check_failures;
	bool asked;  /* for its load */
	double load; /* that it says it has, 0..100; negative: it does not */
	uint64_t load_failures;
};

struct metrics_service {
	const char *name;
	uint32_t slots, unsettled;
	uint64_t remembered;
	const char *mode;      /* how its table was made */
	const char *skew_kind; /* NULL: nothing is raised */
	double skew, surprise; /* how far off, relative; in nats, 0: it is arithmetic */
	const char *rebalance; /* its state; NULL: off */
	double load;           /* the largest, beside the even one; 0: not measured */
};

/* What checks of one kind, of one service, came to. */
struct check_counts {
	struct latency latency; /* of those that passed */
	uint64_t failed, missed;
};
struct metrics_check {
	const char *service, *check; /* "tcp", "tcp via tunnel" */
	const struct check_counts *counts;
};

/* An interface that is there: attached, or one that packets leave by. */
struct metrics_interface {
	char name[64];
	const char *mode; /* NULL: not attached */
	uint64_t refused, unsent;
};

struct metrics {
	const char *version;
	uint32_t abi;
	int64_t started; /* unix seconds */
	double cpu_seconds;
	uint64_t resident_bytes;
	int64_t revision, revision_time; /* 0: none */
	const char *revision_hash;
	bool trouble, settling, lost_counted;
	uint64_t journal_failures, drifts, alerts_lost;
	uint64_t passed, sent, redirected, answered, returned, answered_too_big, early_fragments;
	uint64_t dropped[EK_DROP_COUNT];
	uint64_t stored, flows_max;
	double gather_seconds;
	const struct alerts *alerts; /* borrowed; NULL: none */
	struct metrics_service *services;
	size_t service_count;
	struct metrics_backend *backends;
	size_t backend_count;
	struct metrics_check *checks;
	size_t check_count;
	struct metrics_interface *interfaces;
	size_t interface_count;
};

/* Writes all families. */
void families_write(struct exposition *e, const struct metrics *m);

#endif
