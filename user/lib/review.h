/* SPDX-License-Identifier: GPL-2.0 */
/* A change looked at from all sides: lints, plan and gates, by the same code in the command and in
 * evenkeeld. Pure. */
#ifndef EVENKEEL_LIB_REVIEW_H
#define EVENKEEL_LIB_REVIEW_H

#include "lib/gate.h"
#include "lib/lint.h"
#include "lib/plan.h"

struct review_input {
	struct plan_input plan;        /* old: what the change is compared with; now: the change */
	const struct config *in_force; /* as for the gates; NULL: plan.old */
	const char *text;              /* that the change was read from; NULL: none */
	size_t length;
	const char *file; /* its name, for people; NULL: none */
	const struct lint_live *live;
	size_t live_count;
	unsigned int forced; /* set of gates */
};

struct review {
	struct plan plan;
	struct lint_report lints, known;
	struct gate_report gates;
	char *diff; /* for people */
};

/* -ENOMEM, or 0. The configurations must outlive the review. */
int review_make(struct review *out, const struct review_input *in);
void review_release(struct review *r);

static inline bool review_refuses(const struct review *r)
{
	return gate_refuses(&r->gates);
}

/* Lines for people: the difference, the plan, and what stands against it, each part only if there
 * is something to say. Allocated; NULL when memory runs out. */
char *review_text(const struct review *r, const char *file);
/* {diff: [line], plan, gates, refused} */
json_t *review_json(const struct review *r);

#endif
