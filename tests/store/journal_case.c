// SPDX-License-Identifier: GPL-2.0
#include "journal_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void journal_reopen(struct place *p)
{
	char error[JOURNAL_ERROR_MAX] = "";

	journal_close(p->journal);
	p->journal = NULL;
	if (journal_open(&p->journal, p->folder, error))
		fail_msg("journal_open: %s", error);
}

int journal_set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->folder, sizeof(p->folder), "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/journal.db", p->folder);
	journal_reopen(p);
	*state = p;
	return 0;
}

int journal_tear_down(void **state)
{
	static const char *const files[] = { "lock", "journal.db", "journal.db-wal",
					     "journal.db-shm" };
	struct place *p = *state;
	char path[128];

	journal_close(p->journal);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->folder, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(p->folder), 0);
	free(p);
	return 0;
}
