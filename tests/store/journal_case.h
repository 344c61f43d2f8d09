/* SPDX-License-Identifier: GPL-2.0 */
/* A journal of a test's own. */
#ifndef EVENKEEL_TESTS_JOURNAL_CASE_H
#define EVENKEEL_TESTS_JOURNAL_CASE_H

#include "store/journal.h"

struct place {
	char folder[64], path[96]; /* path: of the file */
	struct journal *journal;
};

/* For cmocka; *state is a struct place. */
int journal_set_up(void **state);
int journal_tear_down(void **state);

/* As after a restart. */
void journal_reopen(struct place *p);

#endif
