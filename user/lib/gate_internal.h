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

#endif
