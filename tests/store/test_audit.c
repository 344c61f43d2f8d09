/* SPDX-License-Identifier: GPL-2.0 */
/* The audit log in the journal: all that is written is chained, whatever is done to the file is
 * found, and a journal of before there was a chain gets one. Good revisions and drains by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_case.h"
#include "lib/audit_chain.h"

#define ADA                                                                                        \
	{                                                                                          \
		.uid = 1000, .pid = 4242, .user = "ada", .command = "apply web.yaml",              \
		.origin = "198.51.100.7",                                                          \
	}
static const struct journal_actor actor = ADA;

/* By hand, as somebody with sqlite3(1) would. */
static void tamper(struct place *p, const char *sql)
{
	char *error = NULL;
	sqlite3 *db = NULL;

	journal_close(p->journal);
	p->journal = NULL;
	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
	journal_reopen(p);
}

static struct audit_check check;

static bool verify(struct place *p, const struct audit_head *kept)
{
	struct journal_audit *events = NULL;
	struct journal_head own = {};
	struct audit_head head = {};
	size_t count = 0;

	assert_int_equal(journal_events_after(p->journal, 0, 1000, &events, &count), 0);
	assert_int_equal(journal_head(p->journal, &own), 0);
	head.id = own.id;
	memcpy(head.hash, own.hash, sizeof(head.hash));
	audit_check_begin(&check, &head, kept);
	for (size_t i = 0; i < count; i++) {
		const struct journal_audit *e = &events[i];
		const struct audit_record r = {
			.id = e->id,
			.time = e->time,
			.kind = e->kind,
			.user = e->actor.user,
			.command = e->actor.command,
			.origin = e->actor.origin,
			.text = e->text,
			.content = e->content,
			.uid = e->actor.uid,
			.pid = e->actor.pid,
			.revision = e->revision,
			.previous = e->previous,
			.hash = e->hash,
		};

		audit_check_next(&check, &r);
	}
	journal_events_free(events, count);
	return audit_check_end(&check);
}

static void finds(struct place *p, const char *text)
{
	assert_false(verify(p, NULL));
	if (!strstr(check.findings[0], text))
		fail_msg("\"%s\" does not say \"%s\"", check.findings[0], text);
}

static int64_t put_in_force(struct journal *j, const char *text, const char *good, int64_t now)
{
	int64_t number = 0;

	assert_int_equal(journal_begin(j, text, "what it changes", &actor, now, &number), 0);
	assert_int_equal(journal_commit(j, number, good, NULL, now + 1), 0);
	return number;
}

static void events(struct place *p, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(journal_event(p->journal, "attach", &actor, "eth0", 10 + i), 0);
}

static void every_step_of_a_revision_is_an_event(void **state)
{
	static const char *const kinds[] = { "proposed", "in force", "known good", "proposed",
					     "failed" };
	struct place *p = *state;
	struct journal_audit *list = NULL;
	struct journal_revision r = {};
	size_t count = 0;
	int64_t first = put_in_force(p->journal, "one", "it was watched", 1), second = 0;

	assert_int_equal(journal_begin(p->journal, "two", "", &actor, 5, &second), 0);
	assert_int_equal(journal_fail(p->journal, second, "no room", 6), 0);
	assert_int_equal(journal_events_after(p->journal, 0, 100, &list, &count), 0);
	assert_int_equal(count, 5);
	assert_int_equal(journal_revision(p->journal, first, &r), 0);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(list[i].kind, kinds[i]);
		assert_int_equal(list[i].revision, i < 3 ? first : second);
		assert_string_equal(list[i].actor.user, "ada");
		assert_string_equal(list[i].actor.origin, "198.51.100.7");
		assert_string_equal(list[i].actor.command, "apply web.yaml");
	}
	assert_string_equal(list[0].content, r.hash);
	assert_string_equal(list[0].text, "what it changes");
	assert_string_equal(list[4].text, "no room");
	journal_events_free(list, count);
	journal_revision_release(&r);
	assert_true(verify(p, NULL));
}

static void the_chain_goes_on_after_reopening(void **state)
{
	struct place *p = *state;
	int64_t number = 0;

	events(p, 3);
	assert_int_equal(journal_begin(p->journal, "x", "", &actor, 5, &number), 0);
	journal_reopen(p); /* which marks it as failed, with an event */
	events(p, 3);
	assert_true(verify(p, NULL));
	assert_int_equal(check.count, 8);
}

static void what_is_done_to_the_file_is_found(void **state)
{
	static const struct {
		const char *sql, *finding;
	} cases[] = {
		{ "UPDATE event SET text = 'eth1' WHERE id = 3", "event 3 was changed" },
		{ "UPDATE event SET uid = 0 WHERE id = 6", "event 6 was changed" },
		{ "DELETE FROM event WHERE id IN (2, 3)", "events 2 to 3 were removed" },
		{ "DELETE FROM event WHERE id > 4", "events 5 to 6 were cut off" },
		{ "UPDATE event SET id = id + 100 WHERE id > 3;"
		  "UPDATE event SET id = id - 99 WHERE id > 100;"
		  "INSERT INTO event (id, time, kind, uid, pid, user, command, text)"
		  " VALUES (4, 1, 'attach', 0, 1, 'root', '', '')",
		  "event 4 was inserted" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tamper(p, "DELETE FROM event; DELETE FROM audit_head;"
			  "DELETE FROM sqlite_sequence WHERE name = 'event'");
		events(p, 6);
		assert_true(verify(p, NULL));
		tamper(p, cases[i].sql);
		finds(p, cases[i].finding);
	}
}

static void a_head_that_was_kept_finds_a_log_made_anew(void **state)
{
	struct place *p = *state;
	struct journal_head own = {};
	struct audit_head head = {};

	events(p, 6);
	assert_int_equal(journal_head(p->journal, &own), 0);
	assert_int_equal(own.id, 6);
	head.id = own.id;
	memcpy(head.hash, own.hash, sizeof(head.hash));
	events(p, 2);
	assert_true(verify(p, &head));
	tamper(p, "DELETE FROM event WHERE id > 3;"
		  "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'event';"
		  "UPDATE audit_head SET id = 3, hash = (SELECT hash FROM event WHERE id = 3)");
	assert_true(verify(p, NULL));
	assert_false(verify(p, &head));
	assert_non_null(strstr(check.findings[0], "events 4 to 6 were cut off"));
}

/* As version 1 made it. */
static const char old_schema[] =
	"DROP TABLE revision; DROP TABLE event; DROP TABLE audit_head; DROP TABLE drain;"
	"DROP TABLE change; DROP TABLE approval; DROP TABLE proposal;"
	"CREATE TABLE revision (number INTEGER PRIMARY KEY AUTOINCREMENT, state INTEGER NOT NULL,"
	" time INTEGER NOT NULL, ended INTEGER, hash TEXT NOT NULL, text TEXT NOT NULL,"
	" uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL, command TEXT NOT NULL,"
	" detail TEXT NOT NULL DEFAULT '') STRICT;"
	"CREATE UNIQUE INDEX revision_in_force ON revision (state) WHERE state = 1;"
	"CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
	" kind TEXT NOT NULL, uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL,"
	" command TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
	"DROP TABLE flow_key;"
	"CREATE TABLE flow_key (one INTEGER PRIMARY KEY CHECK (one = 1),"
	" key BLOB NOT NULL CHECK (length(key) = 16)) STRICT;"
	"INSERT INTO event (time, kind, uid, pid, user, command, text)"
	" VALUES (1, 'start', 0, 9, 'evenkeeld', '', 'began'), (2, 'stop', 0, 9, 'evenkeeld', '', 'ended');"
	"INSERT INTO revision (state, time, ended, hash, text, uid, pid, user, command)"
	" VALUES (2, 5, 6, 'h1', 'one', 0, 1, 'root', 'apply'),"
	" (3, 7, 8, 'h2', 'two', 0, 1, 'root', 'apply'), (1, 9, 10, 'h3', 'three', 0, 1, 'root', 'apply');"
	"PRAGMA user_version = 1;";

static void an_older_journal_is_taken_over_and_chained(void **state)
{
	struct place *p = *state;
	struct journal_revision r = {};
	struct journal_audit *list = NULL;
	size_t count = 0;

	tamper(p, old_schema);
	assert_true(verify(p, NULL));
	assert_int_equal(check.count, 2);
	events(p, 1);
	assert_true(verify(p, NULL));
	assert_int_equal(journal_events_after(p->journal, 0, 10, &list, &count), 0);
	assert_string_equal(list[0].text, "began");
	journal_events_free(list, count);
	assert_int_equal(journal_in_force(p->journal, &r), 0);
	assert_string_equal(r.text, "three");
	assert_int_equal(r.good, 10);
	journal_revision_release(&r);
	assert_int_equal(journal_good_before(p->journal, 3, &r), 0);
	assert_int_equal(r.number, 1);
	journal_revision_release(&r);
}

static void the_good_revision_before_has_another_content(void **state)
{
	struct place *p = *state;
	struct journal_revision r = {};
	int64_t one, three;

	one = put_in_force(p->journal, "one", "watched", 1);
	put_in_force(p->journal, "two", NULL, 3); /* never known to be good */
	three = put_in_force(p->journal, "three", "watched", 5);
	assert_int_equal(journal_good_before(p->journal, three, &r), 0);
	assert_int_equal(r.number, one);
	assert_string_equal(r.text, "one");
	journal_revision_release(&r);
	assert_int_equal(journal_good_before(p->journal, one, &r), -ENOENT);
	put_in_force(p->journal, "one", "watched", 7);
	assert_int_equal(journal_good_before(p->journal, 4, &r), 0);
	assert_int_equal(r.number, three);
	journal_revision_release(&r);
}

static void a_revision_is_found_good_once(void **state)
{
	struct place *p = *state;
	struct journal_revision r = {};
	int64_t number = put_in_force(p->journal, "one", NULL, 1);

	assert_int_equal(journal_revision(p->journal, number, &r), 0);
	assert_int_equal(r.good, 0);
	journal_revision_release(&r);
	assert_int_equal(journal_good(p->journal, number, "watched for 60 s", 9), 0);
	assert_int_equal(journal_good(p->journal, number, "again", 11), 0);
	assert_int_equal(journal_revision(p->journal, number, &r), 0);
	assert_int_equal(r.good, 9);
	journal_revision_release(&r);
	assert_true(verify(p, NULL));
	assert_int_equal(check.count, 3);
}

static void a_drain_by_hand_is_kept_with_who_and_when(void **state)
{
	static const struct journal_drain drains[] = {
		{ "web", "web-1", "10.0.1.1", ADA, 7 },
		{ "web", "web-2", "10.0.1.2", ADA, 7 },
	};
	struct place *p = *state;
	struct journal_drain *list = NULL;
	size_t count = 0;

	assert_int_equal(journal_drains_set(p->journal, drains, 2, true, "by hand"), 0);
	assert_int_equal(journal_drains_set(p->journal, drains, 2, true, "again"), 0);
	journal_reopen(p);
	assert_int_equal(journal_drains(p->journal, &list, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(list[1].backend, "web-2");
	assert_string_equal(list[1].address, "10.0.1.2");
	assert_string_equal(list[1].actor.user, "ada");
	assert_int_equal(list[1].time, 7);
	free(list);
	assert_int_equal(journal_drains_set(p->journal, drains, 1, false, "by hand"), 0);
	assert_int_equal(journal_drains(p->journal, &list, &count), 0);
	assert_int_equal(count, 1);
	free(list);
	/* Two drains and one undrain: what was so already is no event. */
	assert_true(verify(p, NULL));
	assert_int_equal(check.count, 3);
}

static const struct journal_change watched = {
	.revision = 2,
	.base = 1,
	.phase = JOURNAL_WATCHING,
	.boot = "0f7b",
	.watch_until_ms = 60000,
	.confirm_until_ms = 300000,
};

/* One good revision, and a second one that is being staged. */
static void stage_second(struct place *p)
{
	struct journal_change change = watched;
	int64_t number = 0;

	put_in_force(p->journal, "one", "watched", 1);
	assert_int_equal(journal_begin(p->journal, "two", "", &actor, 5, &number), 0);
	assert_int_equal(number, 2);
	change.phase = JOURNAL_STAGING;
	assert_int_equal(journal_change_set(p->journal, &change, "1 %", 6), 0);
}

static void state_is(struct place *p, int64_t number, enum journal_state state, const char *text)
{
	struct journal_revision r = {};

	assert_int_equal(journal_revision(p->journal, number, &r), 0);
	assert_int_equal(r.state, state);
	assert_string_equal(r.text, text);
	journal_revision_release(&r);
}

static void a_stage_that_was_interrupted_is_rolled_back_when_opened(void **state)
{
	struct place *p = *state;
	struct journal_change change;

	stage_second(p);
	journal_reopen(p);
	state_is(p, 1, JOURNAL_IN_FORCE, "one");
	state_is(p, 2, JOURNAL_ROLLED_BACK, "two");
	assert_int_equal(journal_change(p->journal, &change), -ENOENT);
	assert_true(verify(p, NULL));
}

static void a_watch_that_was_interrupted_is_there_when_opened(void **state)
{
	struct place *p = *state;
	struct journal_change change = {};

	stage_second(p);
	assert_int_equal(journal_commit(p->journal, 2, NULL, &watched, 7), 0);
	journal_reopen(p);
	state_is(p, 2, JOURNAL_IN_FORCE, "two");
	assert_int_equal(journal_change(p->journal, &change), 0);
	assert_int_equal(change.revision, 2);
	assert_int_equal(change.base, 1);
	assert_int_equal(change.phase, JOURNAL_WATCHING);
	assert_string_equal(change.boot, "0f7b");
	assert_int_equal(change.watch_until_ms, 60000);
	assert_int_equal(change.confirm_until_ms, 300000);
	assert_int_equal(journal_good(p->journal, 2, "watched", 8), 0);
	assert_int_equal(journal_change(p->journal, &change), -ENOENT);
}

static void a_rollback_is_a_new_revision_with_the_old_content(void **state)
{
	struct place *p = *state;
	struct journal_revision r = {};
	struct journal_change change;
	int64_t number = 0;

	stage_second(p);
	assert_int_equal(journal_commit(p->journal, 2, NULL, &watched, 7), 0);
	assert_int_equal(journal_roll_back(p->journal, 2, 1, "web-1 went down", &actor, 9, &number),
			 0);
	assert_int_equal(number, 3);
	state_is(p, 1, JOURNAL_REPLACED, "one");
	state_is(p, 2, JOURNAL_ROLLED_BACK, "two");
	state_is(p, 3, JOURNAL_IN_FORCE, "one");
	assert_int_equal(journal_revision(p->journal, 2, &r), 0);
	assert_string_equal(r.detail, "web-1 went down");
	journal_revision_release(&r);
	assert_int_equal(journal_change(p->journal, &change), -ENOENT);
	assert_true(verify(p, NULL));
}

static void a_stage_that_is_rolled_back_leaves_what_is_in_force(void **state)
{
	struct place *p = *state;
	int64_t number = 0;

	stage_second(p);
	assert_int_equal(journal_roll_back(p->journal, 2, 1, "no", &actor, 9, &number), 0);
	assert_int_equal(number, 1);
	state_is(p, 1, JOURNAL_IN_FORCE, "one");
	state_is(p, 2, JOURNAL_ROLLED_BACK, "two");
	assert_int_equal(journal_roll_back(p->journal, 2, 1, "no", &actor, 9, &number), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, journal_set_up, journal_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_step_of_a_revision_is_an_event),
		TEST(the_chain_goes_on_after_reopening),
		TEST(what_is_done_to_the_file_is_found),
		TEST(a_head_that_was_kept_finds_a_log_made_anew),
		TEST(an_older_journal_is_taken_over_and_chained),
		TEST(the_good_revision_before_has_another_content),
		TEST(a_revision_is_found_good_once),
		TEST(a_drain_by_hand_is_kept_with_who_and_when),
		TEST(a_stage_that_was_interrupted_is_rolled_back_when_opened),
		TEST(a_watch_that_was_interrupted_is_there_when_opened),
		TEST(a_rollback_is_a_new_revision_with_the_old_content),
		TEST(a_stage_that_is_rolled_back_leaves_what_is_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
