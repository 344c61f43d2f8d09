// SPDX-License-Identifier: GPL-2.0
/* The tables, and how they came to be: a step for each version of the schema. */
#include <errno.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

struct step {
	const char *sql;
	int (*then)(struct journal *j); /* what SQL cannot do, or NULL */
};

static const struct step steps[] = {
	{ "CREATE TABLE revision ("
	  " number INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " state INTEGER NOT NULL,"
	  " time INTEGER NOT NULL,"
	  " ended INTEGER,"
	  " hash TEXT NOT NULL,"
	  " text TEXT NOT NULL,"
	  " uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL,"
	  " command TEXT NOT NULL,"
	  " detail TEXT NOT NULL DEFAULT ''"
	  ") STRICT;"
	  /* 1 is JOURNAL_IN_FORCE: the database itself refuses a second revision in force. */
	  "CREATE UNIQUE INDEX revision_in_force ON revision (state) WHERE state = 1;"
	  "CREATE TABLE event ("
	  " id INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " time INTEGER NOT NULL,"
	  " kind TEXT NOT NULL,"
	  " uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL,"
	  " command TEXT NOT NULL,"
	  " text TEXT NOT NULL"
	  ") STRICT;"
	  "CREATE TABLE flow_key ("
	  " one INTEGER PRIMARY KEY CHECK (one = 1),"
	  " key BLOB NOT NULL CHECK (length(key) = 16)"
	  ") STRICT;",
	  NULL },
	/* The audit log is a chain and is never changed; revisions know whether they are good, and
	 * drains by hand are kept apart from them. */
	{ "ALTER TABLE revision ADD COLUMN origin TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE revision ADD COLUMN good INTEGER;"
	  "UPDATE revision SET good = coalesce(ended, time) WHERE state IN (1, 2);"
	  "ALTER TABLE event ADD COLUMN origin TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE event ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;"
	  "ALTER TABLE event ADD COLUMN content TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE event ADD COLUMN previous TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE event ADD COLUMN hash TEXT NOT NULL DEFAULT '';"
	  "CREATE TABLE audit_head ("
	  " one INTEGER PRIMARY KEY CHECK (one = 1),"
	  " id INTEGER NOT NULL, hash TEXT NOT NULL"
	  ") STRICT;"
	  "CREATE TABLE drain ("
	  " service TEXT NOT NULL, backend TEXT NOT NULL, address TEXT NOT NULL,"
	  " time INTEGER NOT NULL,"
	  " uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL,"
	  " command TEXT NOT NULL, origin TEXT NOT NULL,"
	  " PRIMARY KEY (service, backend)"
	  ") STRICT;"
	  "CREATE TABLE change ("
	  " one INTEGER PRIMARY KEY CHECK (one = 1),"
	  " revision INTEGER NOT NULL, base INTEGER NOT NULL, phase INTEGER NOT NULL,"
	  " boot TEXT NOT NULL, watch_until INTEGER NOT NULL, confirm_until INTEGER NOT NULL,"
	  " reason TEXT NOT NULL"
	  ") STRICT;",
	  journal_chain_old },
	/* Changes that wait for approvals. 0 is JOURNAL_PROPOSAL_WAITS. */
	{ "CREATE TABLE proposal ("
	  " number INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " state INTEGER NOT NULL,"
	  " time INTEGER NOT NULL, base INTEGER NOT NULL, revision INTEGER NOT NULL DEFAULT 0,"
	  " until INTEGER NOT NULL, until_ms INTEGER NOT NULL, boot TEXT NOT NULL,"
	  " content TEXT NOT NULL, people TEXT NOT NULL,"
	  " text TEXT NOT NULL, way TEXT NOT NULL, shares TEXT NOT NULL,"
	  " plan TEXT NOT NULL, change TEXT NOT NULL,"
	  " uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL,"
	  " command TEXT NOT NULL, origin TEXT NOT NULL,"
	  " detail TEXT NOT NULL DEFAULT ''"
	  ") STRICT;"
	  /* The same change does not wait twice. */
	  "CREATE UNIQUE INDEX proposal_waits ON proposal (content) WHERE state = 0;"
	  "CREATE TABLE approval ("
	  " proposal INTEGER NOT NULL REFERENCES proposal (number),"
	  " time INTEGER NOT NULL, signed INTEGER NOT NULL,"
	  " people TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,"
	  " uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL,"
	  " command TEXT NOT NULL, origin TEXT NOT NULL,"
	  " PRIMARY KEY (proposal, signed, name)"
	  ") STRICT;",
	  NULL },
};
#define SCHEMA_VERSION ((int)(sizeof(steps) / sizeof(steps[0])))
_Static_assert(JOURNAL_IN_FORCE == 1 && JOURNAL_REPLACED == 2, "as in the statements");

static int version_read(struct journal *j, int *version)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s, "PRAGMA user_version");

	if (err)
		return err;
	if (sqlite3_step(s) != SQLITE_ROW)
		return journal_failed(j, "journal");
	*version = sqlite3_column_int(s, 0);
	return 0;
}

static int step_take(struct journal *j, int version)
{
	const struct step *step = &steps[version];
	char pragma[48];
	int err = journal_begin_transaction(j);

	if (err)
		return err;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
	err = journal_run(j, step->sql) ?: step->then ? step->then(j) : 0;
	err = err ?: journal_run(j, pragma);
	return journal_end_transaction(j, err);
}

int journal_schema(struct journal *j)
{
	int version = 0, err = version_read(j, &version);

	if (err)
		return err;
	if (version < 0 || version > SCHEMA_VERSION) {
		snprintf(j->error, sizeof(j->error),
			 "the journal has schema version %d, and this evenkeeld knows up to %d; "
			 "start the evenkeeld that wrote it, or a newer one",
			 version, SCHEMA_VERSION);
		return -EPROTO;
	}
	for (; !err && version < SCHEMA_VERSION; version++)
		err = step_take(j, version);
	return err;
}
