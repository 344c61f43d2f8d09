/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of rebalance share. */
#ifndef EVENKEEL_LIB_REBALANCE_INTERNAL_H
#define EVENKEEL_LIB_REBALANCE_INTERNAL_H

#include "lib/rebalance.h"

/* The sums of a ratio x / base, second by second, within a measurement. */
struct ratio {
	double n, x, base, xx, xbase, basebase;
};

struct rebalance_row {
	uint32_t id;
	double factor, advice;
	double weight; /* in the tick before */
	struct ratio traffic, load;
	double off, error;  /* ln of load beside even, and its standard error */
	double gain;        /* what turns have left of the law's, 1 at most */
	double allowance;   /* how far the factor may still move */
	int direction;      /* of its last correction, 0: none yet */
	uint64_t turned_ms; /* when that turned round last */
	double aim, next;   /* while a step is made: ln f that is wanted, f that is proposed */
	double share;       /* by the factors in force */
};

struct step {
	const struct rebalance_tuning *tuning;
	const struct rebalance_input *in;
	struct rebalance_row *rows;  /* in the order of in->backends */
	struct guard_backend *guard; /* as many, to work with */
	struct guard_breach breach;  /* of the last proposal, rule GUARD_RULE_COUNT: none */
};

/* Adds a second to what each row measures. Feedback older than stale_s is left out. */
void load_add(struct rebalance_row *rows, const struct rebalance_input *in, double stale_s);

/* Each row's `off` and `error`: by feedback where at least two give it, otherwise by traffic, or,
 * where feedback alone counts, unknown. */
void load_judge(struct rebalance_row *rows, const struct rebalance_input *in);

/* Whether at least two give feedback that is not older than stale_s. */
bool load_heard(const struct rebalance_input *in, double stale_s);

/* Whether a row's load is so far off that it is to be corrected. */
bool step_wanted(const struct rebalance_tuning *t, const struct rebalance_row *row, double band);

/* What would correct each row's `off`, in `next`; scaled down until it is within the budget, the
 * rows' allowances, and the guard lets it pass. Returns the part of the slots that it moves (0: all
 * factors change alike), or -1 if nothing may move. */
double step_correct(struct step *s);

/* What leads back toward factors of 1. Allowances do not bind it. */
double step_relax(struct step *s);

#endif
