/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of plans and gates share: two texts, what is known, and what comes out. */
#ifndef EVENKEEL_TESTS_PLAN_CASE_H
#define EVENKEEL_TESTS_PLAN_CASE_H

#include <math.h>

#include "config_case.h"
#include "lib/gate.h"
#include "lib/lint.h"
#include "lib/plan.h"

#define B(n) "      web-" #n ": 10.0.1." #n "\n"
#define BW(n, w) "      web-" #n ": { address: 10.0.1." #n ", weight: " #w " }\n"
#define BD(n) "      web-" #n ": { address: 10.0.1." #n ", drain: true }\n"
#define TWO POOL B(1) B(2)
#define THREE TWO B(3)
#define FOUR THREE B(4)
#define EIGHT FOUR B(5) B(6) B(7) B(8)

struct plan_case {
	struct config *old, *now;
	struct plan plan;
	struct lint_report lints, known;
	struct gate_report gates;
	char *told; /* the gates, as text */
};

static inline void plan_case_release(struct plan_case *k)
{
	plan_clear(&k->plan);
	gate_release(&k->gates);
	lint_release(&k->lints);
	lint_release(&k->known);
	config_free(k->old);
	config_free(k->now);
	free(k->told);
}

/* Plans and judges; `in` has what is known. `old` NULL: nothing was in force. */
static inline void plan_case_make(struct plan_case *k, const char *old, const char *now,
				  const struct plan_input *known, unsigned int forced)
{
	struct plan_input in = known ? *known : (struct plan_input){};
	struct gate_input gate = { .plan = &k->plan, .lints = &k->lints, .forced = forced };

	*k = (struct plan_case){ .old = old ? must_parse(old) : NULL, .now = must_parse(now) };
	in.old = k->old;
	in.now = k->now;
	assert_int_equal(plan_build(&k->plan, &in), 0);
	lint_run(&k->lints,
		 &(struct lint_input){
			 .config = k->now, .old = k->old, .text = now, .length = strlen(now) });
	if (k->old)
		lint_run(&k->known, &(struct lint_input){ .config = k->old });
	gate.old = gate.in_force = k->old;
	gate.now = k->now;
	gate.known = &k->known;
	gate.policy = k->old ? &k->old->policy : NULL;
	gate.guards = k->old ? &k->old->guards : &config_guards_default;
	gate_check(&k->gates, &gate);
	k->told = gate_text(&k->gates, &k->lints, "f");
	assert_non_null(k->told);
}

#endif
