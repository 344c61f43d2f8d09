/* SPDX-License-Identifier: GPL-2.0 */
/* The journal: what it says is on disk is, and one process at a time has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_case.h"

static const struct journal_actor actor = {
	.uid = 1000,
	.pid = 4242,
	.user = "ada",
	.command = "apply web.yaml",
};

static int64_t put_in_force(struct journal *j, const char *text, int64_t now)
{
	int64_t number = 0;

	assert_int_equal(journal_begin(j, text, "a change", &actor, now, &number), 0);
	assert_int_equal(journal_commit(j, number, NULL, NULL, now + 1), 0);
	return number;
}

static void a_new_journal_has_no_revision_in_force(void **state)
{
	struct place *p = *state;
	struct journal_revision r = { .number = 77 };

	assert_int_equal(journal_in_force(p->journal, &r), -ENOENT);
	assert_int_equal(r.number, 77);
}

/* The flow hash key is in it. */
static void nobody_else_may_read_the_journal(void **state)
{
	static const char *const files[] = { "journal.db", "journal.db-wal", "journal.db-shm" };
	struct place *p = *state;

	put_in_force(p->journal, "{}", 1);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[128];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", p->folder, files[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void a_committed_revision_is_there_after_reopening(void **state)
{
	struct place *p = *state;
	struct journal_revision r = {};
	int64_t number = put_in_force(p->journal, "{\"services\": {}}", 1000);

	journal_reopen(p);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	assert_int_equal(r.number, number);
	assert_int_equal(r.state, JOURNAL_IN_FORCE);
	assert_int_equal(r.time, 1000);
	assert_string_equal(r.text, "{\"services\": {}}");
	assert_int_equal(r.actor.uid, 1000);
	assert_int_equal(r.actor.pid, 4242);
	assert_string_equal(r.actor.user, "ada");
	assert_string_equal(r.actor.command, "apply web.yaml");
	journal_revision_release(&r);
}

static void the_hash_is_sha256_of_the_text(void **state)
{
	struct place *p = *state;
	struct journal_revision r = {};

	put_in_force(p->journal, "abc", 1);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	/* FIPS 180-2, appendix B.1 */
	assert_string_equal(r.hash,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	journal_revision_release(&r);
}

static void only_the_last_committed_revision_is_in_force(void **state)
{
	struct place *p = *state;
	struct journal_revision *list = NULL, r = {};
	size_t count = 0;
	int64_t first = put_in_force(p->journal, "one", 1);
	int64_t second = put_in_force(p->journal, "two", 2);

	assert_true(second > first);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	assert_int_equal(r.number, second);
	journal_revision_release(&r);
	assert_int_equal(journal_revisions(p->journal, 10, &list, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[0].number, second);
	assert_null(list[0].text);
	assert_int_equal(list[1].state, JOURNAL_REPLACED);
	free(list);
	assert_int_equal(journal_revisions(p->journal, 1, &list, &count), 0);
	assert_int_equal(count, 1);
	free(list);
}

static void a_failed_revision_leaves_the_one_before_in_force(void **state)
{
	struct place *p = *state;
	struct journal_revision *list = NULL, r = {};
	size_t count = 0;
	int64_t first = put_in_force(p->journal, "one", 1), second = 0;

	assert_int_equal(journal_begin(p->journal, "two", "a change", &actor, 2, &second), 0);
	assert_int_equal(journal_fail(p->journal, second, "no room", 3), 0);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	assert_int_equal(r.number, first);
	journal_revision_release(&r);
	assert_int_equal(journal_revisions(p->journal, 10, &list, &count), 0);
	assert_int_equal(list[0].state, JOURNAL_FAILED);
	assert_string_equal(list[0].detail, "no room");
	free(list);
}

static void a_decided_revision_cannot_be_decided_again(void **state)
{
	struct place *p = *state;
	struct journal_revision r = {};
	int64_t first = put_in_force(p->journal, "one", 1), second = 0;

	assert_int_equal(journal_begin(p->journal, "two", "a change", &actor, 2, &second), 0);
	assert_int_equal(journal_fail(p->journal, second, "no", 3), 0);
	assert_int_equal(journal_commit(p->journal, second, NULL, NULL, 4), -ENOENT);
	assert_int_equal(journal_fail(p->journal, first, "no", 4), -ENOENT);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	assert_int_equal(r.number, first);
	journal_revision_release(&r);
}

static void an_undecided_revision_is_failed_when_opened_again(void **state)
{
	struct place *p = *state;
	struct journal_revision *list = NULL, r = {};
	size_t count = 0;
	int64_t first = put_in_force(p->journal, "one", 1), second = 0;

	assert_int_equal(journal_begin(p->journal, "two", "a change", &actor, 2, &second), 0);
	journal_reopen(p);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	assert_int_equal(r.number, first);
	journal_revision_release(&r);
	assert_int_equal(journal_revisions(p->journal, 10, &list, &count), 0);
	assert_int_equal(list[0].number, second);
	assert_int_equal(list[0].state, JOURNAL_FAILED);
	assert_true(list[0].detail[0] != '\0');
	free(list);
}

/* The child keeps the journal until it is killed; the parent learns by the pipe that it has it. */
static pid_t hold_in_child(const char *folder, int *ready)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char error[JOURNAL_ERROR_MAX];
		struct journal *j = NULL;
		int64_t number;
		char word = 'x';

		alarm(20);
		if (journal_open(&j, folder, error) == 0 &&
		    journal_begin(j, "child", "a change", &actor, 5, &number) == 0 &&
		    journal_commit(j, number, NULL, NULL, 6) == 0)
			word = 'y';
		if (write(ends[1], &word, 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	*ready = ends[0];
	return pid;
}

static void a_second_process_is_told_the_pid_of_the_first(void **state)
{
	struct place *p = *state;
	char error[JOURNAL_ERROR_MAX] = "", expected[32], word = 0;
	struct journal *second = NULL;
	struct journal_revision r = {};
	int ready = -1;
	pid_t child;

	journal_close(p->journal);
	p->journal = NULL;
	child = hold_in_child(p->folder, &ready);
	assert_int_equal(read(ready, &word, 1), 1);
	assert_int_equal(word, 'y');
	assert_int_equal(journal_open(&second, p->folder, error), -EBUSY);
	assert_null(second);
	snprintf(expected, sizeof(expected), "pid %d", child);
	assert_non_null(strstr(error, expected));
	assert_non_null(strstr(error, p->folder));

	/* Killed, not closed: the lock is gone with the process, the revision is on disk. */
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ready);
	journal_reopen(p);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	assert_string_equal(r.text, "child");
	journal_revision_release(&r);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
	struct place *p = *state;
	char error[JOURNAL_ERROR_MAX] = "", path[128];
	struct journal *j = NULL;
	sqlite3 *db = NULL;

	put_in_force(p->journal, "one", 1);
	journal_close(p->journal);
	p->journal = NULL;
	snprintf(path, sizeof(path), "%s/journal.db", p->folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(journal_open(&j, p->folder, error), -EPROTO);
	assert_non_null(strstr(error, "schema version 9"));
}

static void a_file_that_is_no_database_is_an_error(void **state)
{
	struct place *p = *state;
	char error[JOURNAL_ERROR_MAX] = "", path[128];
	struct journal *j = NULL;
	FILE *f;

	journal_close(p->journal);
	p->journal = NULL;
	snprintf(path, sizeof(path), "%s/journal.db", p->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("not a database\n", f);
	fclose(f);
	assert_true(journal_open(&j, p->folder, error) < 0);
	assert_null(j);
	assert_non_null(strstr(error, p->folder));
}

static void the_key_is_made_once_and_kept(void **state)
{
	struct place *p = *state;
	struct ek_key a = { { 1, 2 } }, b = { { 3, 4 } }, got = {};

	assert_int_equal(journal_key(p->journal, NULL, a, &got), 0);
	assert_memory_equal(&got, &a, sizeof(a));
	journal_reopen(p);
	assert_int_equal(journal_key(p->journal, NULL, b, &got), 0);
	assert_memory_equal(&got, &a, sizeof(a));
}

static void the_key_of_an_adopted_data_path_wins(void **state)
{
	struct place *p = *state;
	struct ek_key a = { { 1, 2 } }, pinned = { { 5, 6 } }, got = {};

	assert_int_equal(journal_key(p->journal, NULL, a, &got), 0);
	assert_int_equal(journal_key(p->journal, &pinned, a, &got), 0);
	assert_memory_equal(&got, &pinned, sizeof(pinned));
	journal_reopen(p);
	assert_int_equal(journal_key(p->journal, NULL, a, &got), 0);
	assert_memory_equal(&got, &pinned, sizeof(pinned));
}

static void events_are_listed_newest_first(void **state)
{
	struct place *p = *state;
	struct journal_audit *events = NULL;
	size_t count = 0;

	assert_int_equal(journal_event(p->journal, "attach", &actor, "eth0 in driver mode", 10), 0);
	assert_int_equal(journal_event(p->journal, "settled", &actor, "it's \"quoted\"; --", 11),
			 0);
	journal_reopen(p);
	assert_int_equal(journal_events(p->journal, 10, &events, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(events[0].kind, "settled");
	assert_string_equal(events[0].text, "it's \"quoted\"; --");
	assert_int_equal(events[0].time, 11);
	assert_string_equal(events[1].text, "eth0 in driver mode");
	assert_string_equal(events[1].actor.user, "ada");
	journal_events_free(events, count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, journal_set_up, journal_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_journal_has_no_revision_in_force),
		TEST(nobody_else_may_read_the_journal),
		TEST(a_committed_revision_is_there_after_reopening),
		TEST(the_hash_is_sha256_of_the_text),
		TEST(only_the_last_committed_revision_is_in_force),
		TEST(a_failed_revision_leaves_the_one_before_in_force),
		TEST(a_decided_revision_cannot_be_decided_again),
		TEST(an_undecided_revision_is_failed_when_opened_again),
		TEST(a_second_process_is_told_the_pid_of_the_first),
		TEST(a_newer_schema_is_refused_and_left_alone),
		TEST(a_file_that_is_no_database_is_an_error),
		TEST(the_key_is_made_once_and_kept),
		TEST(the_key_of_an_adopted_data_path_wins),
		TEST(events_are_listed_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
