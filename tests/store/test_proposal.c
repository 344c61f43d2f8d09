// SPDX-License-Identifier: GPL-2.0
/* Changes that wait for approvals: what is kept of them is on disk, with its events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal_case.h"
#include "store/journal_proposal.h"

static const struct journal_actor ada = {
	.uid = 1001,
	.pid = 4242,
	.user = "ada",
	.command = "apply web.yaml",
};
static const struct journal_actor bob = { .uid = 1002, .user = "bob", .command = "approve p1" };

static struct journal_proposal proposal(const char *content)
{
	struct journal_proposal p = {
		.base = 41,
		.until = 2000,
		.until_ms = 123456,
		.boot = "boot",
		.people = "0,1001",
		.actor = ada,
		.text = (char *)"{}",
		.way = (char *)"{\"forced\": \"\"}",
		.shares = (char *)"{\"web\": {}}",
		.plan = (char *)"a plan\n",
		.change = (char *)"service web: weight 100 -> 200",
	};

	snprintf(p.content, sizeof(p.content), "%s", content);
	return p;
}

static struct journal_approval approval(void)
{
	return (struct journal_approval){ .people = "1002,1003", .name = "bob", .actor = bob };
}

static void assert_last_event(struct journal *j, const char *kind, const char *text)
{
	struct journal_audit *events = NULL;
	size_t count = 0;

	assert_int_equal(journal_events(j, 1, &events, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(events[0].kind, kind);
	assert_string_equal(events[0].text, text);
	assert_string_equal(events[0].content, "c1");
	journal_events_free(events, count);
}

static void what_waits_is_there_after_reopening(void **state)
{
	struct place *p = *state;
	struct journal_proposal kept = proposal("c1"), read = {};
	int64_t *numbers = NULL;
	size_t count = 0;

	assert_int_equal(journal_propose(p->journal, &kept, 1000), 0);
	assert_int_equal(kept.number, 1);
	assert_last_event(p->journal, "waits", "change p1: service web: weight 100 -> 200");
	journal_reopen(p);
	assert_int_equal(journal_proposals(p->journal, &numbers, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(journal_proposal(p->journal, numbers[0], &read), 0);
	assert_int_equal(read.state, JOURNAL_PROPOSAL_WAITS);
	assert_int_equal(read.time, 1000);
	assert_int_equal(read.base, 41);
	assert_int_equal(read.revision, 0);
	assert_int_equal(read.until, 2000);
	assert_int_equal(read.until_ms, 123456);
	assert_string_equal(read.boot, "boot");
	assert_string_equal(read.content, "c1");
	assert_string_equal(read.people, "0,1001");
	assert_string_equal(read.detail, "");
	assert_string_equal(read.text, "{}");
	assert_string_equal(read.way, "{\"forced\": \"\"}");
	assert_string_equal(read.shares, "{\"web\": {}}");
	assert_string_equal(read.plan, "a plan\n");
	assert_string_equal(read.change, "service web: weight 100 -> 200");
	assert_string_equal(read.actor.user, "ada");
	assert_string_equal(read.actor.command, "apply web.yaml");
	journal_proposal_release(&read);
	free(numbers);
}

static void the_same_change_does_not_wait_twice(void **state)
{
	struct place *p = *state;
	struct journal_proposal first = proposal("c1"), again = proposal("c1");

	assert_int_equal(journal_propose(p->journal, &first, 1), 0);
	assert_int_not_equal(journal_propose(p->journal, &again, 2), 0);
	assert_int_equal(journal_proposal_end(p->journal, &first, JOURNAL_PROPOSAL_REJECTED, &bob,
					      "no", 0, 3),
			 0);
	assert_int_equal(journal_propose(p->journal, &again, 4), 0);
	assert_int_equal(again.number, 2);
}

static void approvals_are_there_after_reopening_each_once(void **state)
{
	struct place *p = *state;
	struct journal_proposal kept = proposal("c1");
	struct journal_approval by = approval();
	struct journal_approval signature = {
		.is_signed = true, .name = "carol@example.org", .key = "SHA256:c", .actor = ada
	};
	struct journal_approval *list = NULL;
	size_t count = 0;

	assert_int_equal(journal_propose(p->journal, &kept, 1), 0);
	assert_int_equal(journal_approve(p->journal, &kept, &by, 2), 0);
	assert_last_event(p->journal, "approved", "change p1: by bob (uid 1002)");
	assert_int_not_equal(journal_approve(p->journal, &kept, &by, 3), 0);
	assert_int_equal(journal_approve(p->journal, &kept, &signature, 4), 0);
	assert_last_event(p->journal, "approved",
			  "change p1: signed by carol@example.org, key SHA256:c");
	journal_reopen(p);
	assert_int_equal(journal_approvals(p->journal, 1, &list, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(list[0].people, "1002,1003");
	assert_false(list[0].is_signed);
	assert_int_equal(list[0].time, 2);
	assert_string_equal(list[0].actor.command, "approve p1");
	assert_true(list[1].is_signed);
	assert_string_equal(list[1].key, "SHA256:c");
	free(list);
}

static void what_has_ended_waits_no_more(void **state)
{
	struct place *p = *state;
	struct journal_proposal kept = proposal("c1"), read = {};
	int64_t *numbers = NULL;
	size_t count = 7;

	assert_int_equal(journal_propose(p->journal, &kept, 1), 0);
	assert_int_equal(journal_proposal_end(p->journal, &kept, JOURNAL_PROPOSAL_WENT_ON, &bob,
					      "as revision 42, approved by bob", 42, 2),
			 0);
	assert_last_event(p->journal, "went on", "change p1: as revision 42, approved by bob");
	assert_int_equal(journal_proposals(p->journal, &numbers, &count), 0);
	assert_int_equal(count, 0);
	free(numbers);
	assert_int_equal(journal_proposal(p->journal, 1, &read), 0);
	assert_int_equal(read.state, JOURNAL_PROPOSAL_WENT_ON);
	assert_int_equal(read.revision, 42);
	journal_proposal_release(&read);
	/* It ends once, and nothing is said of a second end. */
	assert_int_equal(journal_proposal_end(p->journal, &kept, JOURNAL_PROPOSAL_LAPSED, &ada,
					      "late", 0, 3),
			 -ENOENT);
	assert_last_event(p->journal, "went on", "change p1: as revision 42, approved by bob");
}

static void a_number_that_is_none_is_told(void **state)
{
	struct place *p = *state;
	struct journal_proposal read = { .number = 77 };

	assert_int_equal(journal_proposal(p->journal, 1, &read), -ENOENT);
	assert_int_equal(read.number, 77);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, journal_set_up, journal_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_waits_is_there_after_reopening),
		TEST(the_same_change_does_not_wait_twice),
		TEST(approvals_are_there_after_reopening_each_once),
		TEST(what_has_ended_waits_no_more),
		TEST(a_number_that_is_none_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
