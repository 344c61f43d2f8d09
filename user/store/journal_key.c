// SPDX-License-Identifier: GPL-2.0
/* The flow hash key. */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

static int key_store(struct journal *j, const struct ek_key *key)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err =
		journal_prepare(j, &s, "INSERT OR REPLACE INTO flow_key (one, key) VALUES (1, ?1)");

	if (err)
		return err;
	if (sqlite3_bind_blob(s, 1, key, sizeof(*key), SQLITE_STATIC))
		return journal_failed(j, "journal");
	return journal_step_done(j, s);
}

static int key_read(struct journal *j, struct ek_key *out)
{
	_cleanup_(journal_finalize) sqlite3_stmt *s = NULL;
	int err = journal_prepare(j, &s, "SELECT key FROM flow_key");

	err = err ?: journal_step_row(j, s);
	if (err)
		return err;
	if (sqlite3_column_bytes(s, 0) != sizeof(*out))
		return -EIO;
	memcpy(out, sqlite3_column_blob(s, 0), sizeof(*out));
	return 0;
}

int journal_key(struct journal *j, const struct ek_key *pinned, struct ek_key fresh,
		struct ek_key *out)
{
	struct ek_key key;
	int err = key_read(j, &key);

	if (err && err != -ENOENT)
		return err;
	if (pinned && (err || memcmp(&key, pinned, sizeof(key)) != 0)) {
		key = *pinned;
		err = key_store(j, &key);
	} else if (err == -ENOENT) {
		key = fresh;
		err = key_store(j, &key);
	}
	if (!err)
		*out = key;
	return err;
}
