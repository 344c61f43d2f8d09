/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of skew share. */
#ifndef EVENKEEL_LIB_SKEW_INTERNAL_H
#define EVENKEEL_LIB_SKEW_INTERNAL_H

#include "lib/heavy.h"
#include "lib/skew.h"

/* Sums in which each second counts for exp(-age / horizon). Expectation is what the slots of that
 * very second make of its total: a change of the map is no skew, not even while it is young. */
struct skew_tally {
	double observed, expected;
	double spread; /* as `expected`, by the squares of the weights: for variances */
};

struct skew_total {
	double amount, spread;
};

struct skew_row {
	uint32_t id;
	struct skew_tally tally[SKEW_TRACK_COUNT];
	double removed; /* share of the clients left out, while skew_explain() works */
};

/* How grave a track is: beyond the threshold that clears, beyond the one that raises. */
enum skew_level { SKEW_EVEN, SKEW_UNEVEN, SKEW_RAISE };

struct skew_verdict {
	enum skew_kind kind;
	enum skew_level level;
	struct skew_finding finding;
};

/* Judges one track. `sample` may be NULL; `by_unit`: a flow is a unit of its own, so no sample is
 * needed to know how much chance explains. */
struct skew_case {
	const struct skew_limits *limits;
	enum skew_track track;
	enum skew_measure measure;
	bool by_unit;
	struct skew_row *rows;
	size_t count;
	struct skew_total total;
	const struct heavy *sample;
};
struct skew_verdict skew_judge(const struct skew_case *c);

/* The departure of an actual share from an expected one, relative. One that is small beside the
 * fair share (drained, slow start, weight 1) is measured by a quarter of that. */
double skew_off(double actual, double expected, double fair);

/* Whether the spread is even without at most SKEW_CLIENTS_MAX clients of the sample; if so, who
 * they are. `worst` is the largest departure with them. */
bool skew_explain(const struct skew_case *c, double fair, double worst, struct skew_finding *f);

#endif
