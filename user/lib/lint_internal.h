/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the lints share. */
#ifndef EVENKEEL_LIB_LINT_INTERNAL_H
#define EVENKEEL_LIB_LINT_INTERNAL_H

#include "lib/lint.h"

/* Adds a finding; `s` and `b` may be NULL. */
void lint_add(struct lint_report *r, enum lint lint, struct place place,
	      const struct config_service *s, const struct config_backend *b, const char *format,
	      ...) __attribute__((format(printf, 6, 7)));

/* Is the service one of those that are looked at? */
bool lint_looks_at(const struct lint_input *in, const struct config_service *s);

void lint_pools(struct lint_report *r, const struct lint_input *in);  /* lint_pool.c */
void lint_hosts(struct lint_report *r, const struct config *c);       /* lint_pool.c */
void lint_names(struct lint_report *r, const struct lint_input *in);  /* lint_names.c */
void lint_text(struct lint_report *r, const struct lint_input *in);   /* lint_text.c */
void lint_change(struct lint_report *r, const struct lint_input *in); /* lint_change.c */
void lint_live(struct lint_report *r, const struct lint_input *in);   /* lint_change.c */
void lint_times(struct lint_report *r, const struct lint_input *in);  /* lint_change.c */

#endif
