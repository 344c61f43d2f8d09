/* SPDX-License-Identifier: GPL-2.0 */
/* The journal's file: lock, schema, and the wrappers that its other files use. */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "store/journal_db.h"

/* Another process (a reader with sqlite3(1), a backup) may hold the database for a moment. */
#define BUSY_TIMEOUT_MS 500

static int errno_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	default:
		return -EIO;
	}
}

int journal_failed(struct journal *j, const char *what)
{
	int rc = sqlite3_extended_errcode(j->db);

	snprintf(j->error, sizeof(j->error), "%s: %s", what, sqlite3_errmsg(j->db));
	return errno_of(rc);
}

int journal_run(struct journal *j, const char *sql)
{
	if (sqlite3_exec(j->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return journal_failed(j, "journal");
	return 0;
}

int journal_prepare(struct journal *j, sqlite3_stmt **out, const char *sql)
{
	if (sqlite3_prepare_v2(j->db, sql, -1, out, NULL) != SQLITE_OK)
		return journal_failed(j, "journal");
	return 0;
}

int journal_begin_transaction(struct journal *j)
{
	return journal_run(j, "BEGIN IMMEDIATE");
}

int journal_end_transaction(struct journal *j, int err)
{
	if (!err)
		err = journal_run(j, "COMMIT");
	if (err)
		sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

int journal_step_row(struct journal *j, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	if (rc == SQLITE_DONE)
		return -ENOENT;
	return rc == SQLITE_ROW ? 0 : journal_failed(j, "journal");
}

int journal_step_done(struct journal *j, sqlite3_stmt *s)
{
	return sqlite3_step(s) == SQLITE_DONE ? 0 : journal_failed(j, "journal");
}

int journal_bind_actor(sqlite3_stmt *s, int first, const struct journal_actor *actor)
{
	if (sqlite3_bind_int64(s, first, actor->uid) ||
	    sqlite3_bind_int64(s, first + 1, actor->pid) ||
	    sqlite3_bind_text(s, first + 2, actor->user, -1, SQLITE_TRANSIENT) ||
	    sqlite3_bind_text(s, first + 3, actor->command, -1, SQLITE_TRANSIENT) ||
	    sqlite3_bind_text(s, first + 4, actor->origin, -1, SQLITE_TRANSIENT))
		return -ENOMEM;
	return 0;
}

void journal_column_copy(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	snprintf(out, size, "%s", text ? text : "");
}

void journal_column_actor(sqlite3_stmt *s, int first, struct journal_actor *out)
{
	out->uid = (uint32_t)sqlite3_column_int64(s, first);
	out->pid = sqlite3_column_int(s, first + 1);
	journal_column_copy(s, first + 2, out->user, sizeof(out->user));
	journal_column_copy(s, first + 3, out->command, sizeof(out->command));
	journal_column_copy(s, first + 4, out->origin, sizeof(out->origin));
}

const char *journal_error(const struct journal *j)
{
	return j->error;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Puts the reason into `error` and returns `err`. */
static int refuse(char error[static JOURNAL_ERROR_MAX], int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(char error[static JOURNAL_ERROR_MAX], int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, JOURNAL_ERROR_MAX, format, arguments);
	va_end(arguments);
	return err;
}

static int folder_make(const char *folder, char error[static JOURNAL_ERROR_MAX])
{
	if (mkdir(folder, 0750) == 0 || errno == EEXIST)
		return 0;
	return refuse(error, -errno,
		      "state folder %s cannot be made: %s; make its parent folder, or name "
		      "another with --state",
		      folder, strerror(errno));
}

static int lock_held(int fd, const char *folder, char error[static JOURNAL_ERROR_MAX])
{
	char pid[16] = "";

	if (pread(fd, pid, sizeof(pid) - 1, 0) <= 0)
		snprintf(pid, sizeof(pid), "unknown");
	pid[strcspn(pid, "\n")] = '\0';
	return refuse(error, -EBUSY,
		      "state folder %s is in use by another evenkeeld (pid %s); stop that one, or "
		      "give this one a folder of its own with --state",
		      folder, pid);
}

/* The lock is on the open file, not on its being there: it ends with the process however that
 * dies. The pid inside is only for the message to the second one. */
static int lock_take(int *out, const char *folder, char error[static JOURNAL_ERROR_MAX])
{
	_cleanup_(close_fd) int fd = -1;
	char path[PATH_MAX], pid[16];

	if (snprintf(path, sizeof(path), "%s/lock", folder) >= (int)sizeof(path))
		return refuse(error, -ENAMETOOLONG, "state folder: the path is too long");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return refuse(error, -errno, "%s cannot be opened: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return lock_held(fd, folder, error);
		return refuse(error, -errno, "%s cannot be locked: %s", path, strerror(errno));
	}
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return refuse(error, -errno, "%s cannot be written: %s", path, strerror(errno));
	*out = take_fd(&fd);
	return 0;
}

static int database_open(struct journal *j, const char *folder)
{
	char path[PATH_MAX];
	mode_t old;
	int err;

	if (snprintf(path, sizeof(path), "%s/journal.db", folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* The flow hash key is in it; SQLite gives its other files the same mode. */
	old = umask(0077);
	err = sqlite3_open_v2(path, &j->db,
			      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE,
			      NULL);
	umask(old);
	if (err != SQLITE_OK)
		return j->db ? journal_failed(j, path) : -ENOMEM;
	sqlite3_busy_timeout(j->db, BUSY_TIMEOUT_MS);
	err = journal_run(j, "PRAGMA journal_mode = WAL;"
			     "PRAGMA synchronous = FULL;"
			     "PRAGMA foreign_keys = ON;"
			     "PRAGMA trusted_schema = OFF;");
	if (err)
		return err;
	return journal_schema(j) ?: journal_fail_interrupted(j);
}

static void journal_release(struct journal **j)
{
	journal_close(*j);
}

int journal_open(struct journal **out, const char *state_folder,
		 char error[static JOURNAL_ERROR_MAX])
{
	_cleanup_(journal_release) struct journal *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return refuse(error, -ENOMEM, "out of memory");
	j->lock_fd = -1;
	err = folder_make(state_folder, error);
	if (err)
		return err;
	err = lock_take(&j->lock_fd, state_folder, error);
	if (err)
		return err;
	err = database_open(j, state_folder);
	if (err)
		return refuse(error, err, "state folder %s: %s", state_folder,
			      j->error[0] ? j->error : strerror(-err));
	*out = take_ptr(j);
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	sqlite3_close(j->db);
	close_fd(&j->lock_fd);
	free(j);
}
