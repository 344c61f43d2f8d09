/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the gates share. */
#ifndef EVENKEEL_LIB_GATE_INTERNAL_H
#define EVENKEEL_LIB_GATE_INTERNAL_H

#include "lib/gate.h"

/* Adds a breach; never NULL: when memory runs out the report refuses. */
struct gate_breach *gate_add(struct gate_report *r, const struct gate_input *in, enum gate gate,
			     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The gates of one service. */
void gate_service(struct gate_report *r, const struct gate_input *in, const struct plan_service *s);

/* ---- of one service -------------------------------------------------------------------------- */

/* Half of a percent, so that two of three are 67 %. */
#define GATE_ROUNDING 0.005

/* A service while it is judged. */
struct gate_judged {
	struct gate_report *report;
	const struct gate_input *in;
	const struct plan_service *s;
	double like;  /* median share before: what a new backend is compared with */
	double best;  /* median of what backends are known to bear; 0: nothing is known */
	bool by_load; /* traffic and its history are known */
	bool drains_one;
};

static inline double gate_limit(const struct gate_judged *j, enum guard_limit limit)
{
	return j->in->guards->limit[limit] / 100.0;
}

#define GATE_WHO_MAX (2 * EK_NAME_MAX + ADDR_TEXT_MAX + 4)

/* "web/web-1 10.0.1.1" */
const char *gate_who(const struct gate_judged *j, const struct plan_backend *b,
		     char text[static GATE_WHO_MAX]);
/* `b` NULL: it is about all of the pool. Never NULL. */
struct gate_breach *gate_breach_add(const struct gate_judged *j, enum gate gate,
				    const struct plan_backend *b, double value, double limit,
				    const char *text);

/* What a backend may have at present, and at the peak; a declared capacity is both. And whence that
 * is known. */
double gate_bears(const struct gate_judged *j, const struct plan_backend *b,
		  enum guard_limit limit);
const char *gate_bears_why(const struct gate_judged *j, const struct plan_backend *b);

/* What the clients of the last minutes would make of it. */
void gate_clients(const struct gate_judged *j);

#endif
