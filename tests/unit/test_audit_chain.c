/* SPDX-License-Identifier: GPL-2.0 */
/* The audit log's chain: whatever was done to a log is found, and the event is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/audit_chain.h"

#define EVENTS 6

/* A log in memory, with room for one more. */
struct log {
	struct audit_record records[EVENTS + 1];
	char texts[EVENTS + 1][32], hashes[EVENTS + 1][SHA256_TEXT_SIZE];
	char links[EVENTS + 1][SHA256_TEXT_SIZE];
	size_t count;
};

static void seal(struct log *l, size_t i, const char *previous)
{
	struct audit_record *r = &l->records[i];

	snprintf(l->links[i], SHA256_TEXT_SIZE, "%s", previous);
	r->previous = l->links[i];
	audit_record_hash(l->hashes[i], r);
	r->hash = l->hashes[i];
}

static void log_make(struct log *l)
{
	*l = (struct log){ .count = EVENTS };
	for (size_t i = 0; i < EVENTS; i++) {
		snprintf(l->texts[i], sizeof(l->texts[i]), "event number %zu", i + 1);
		l->records[i] = (struct audit_record){
			.id = (int64_t)i + 1,
			.time = 1000 + (int64_t)i,
			.kind = "change",
			.user = "ada",
			.command = "apply web.yaml",
			.origin = "198.51.100.7",
			.text = l->texts[i],
			.content = "",
			.uid = 1000,
			.pid = 42,
			.revision = (int64_t)i,
		};
		seal(l, i, i ? l->hashes[i - 1] : "");
	}
}

static struct audit_check check;

static bool verify(const struct log *l, const struct audit_head *own, const struct audit_head *kept)
{
	audit_check_begin(&check, own, kept);
	for (size_t i = 0; i < l->count; i++)
		audit_check_next(&check, &l->records[i]);
	return audit_check_end(&check);
}

static struct audit_head head_of(const struct log *l)
{
	struct audit_head h = { .id = l->records[l->count - 1].id };

	snprintf(h.hash, sizeof(h.hash), "%s", l->records[l->count - 1].hash);
	return h;
}

/* It is found, once, and said so. */
static void found(const struct log *l, const struct audit_head *kept, const char *text)
{
	assert_false(verify(l, NULL, kept));
	assert_int_equal(check.problems, 1);
	if (!strstr(check.findings[0], text))
		fail_msg("\"%s\" does not say \"%s\"", check.findings[0], text);
}

static void remove_record(struct log *l, size_t i)
{
	l->count--;
	memmove(&l->records[i], &l->records[i + 1], (l->count - i) * sizeof(l->records[0]));
}

static void an_untouched_log_is_whole(void **state)
{
	struct log l;
	struct audit_head head;

	log_make(&l);
	head = head_of(&l);
	assert_true(verify(&l, &head, &head));
	assert_int_equal(check.count, EVENTS);
	l.count = 0;
	assert_true(verify(&l, NULL, NULL));
}

static void a_head_from_before_is_found_in_a_log_that_has_grown(void **state)
{
	struct log l;
	struct audit_head head;

	log_make(&l);
	l.count = 3;
	head = head_of(&l);
	l.count = EVENTS;
	assert_true(verify(&l, NULL, &head));
	head.id = 0;
	assert_true(verify(&l, NULL, &head));
}

/* Every field of every event, the hashes too. */
static void every_change_of_every_field_is_found(void **state)
{
	for (size_t i = 0; i < EVENTS; i++) {
		for (int field = 0; field < 12; field++) {
			char expected[32];
			struct log l;
			struct audit_record *r = &l.records[i];

			log_make(&l);
			r->time += field == 0;
			r->uid += field == 1;
			r->pid += field == 2;
			r->revision += field == 3;
			r->kind = field == 4 ? "chang" : r->kind;
			r->user = field == 5 ? "bob" : r->user;
			r->command = field == 6 ? "" : r->command;
			r->origin = field == 7 ? "198.51.100.8" : r->origin;
			r->text = field == 8 ? "nothing" : r->text;
			r->content = field == 9 ? "abc" : r->content;
			r->hash = field == 10 ? l.hashes[(i + 1) % EVENTS] : r->hash;
			r->previous = field == 11 ? l.hashes[i] : r->previous;
			snprintf(expected, sizeof(expected), "event %zu was changed", i + 1);
			found(&l, NULL, expected);
		}
	}
}

/* Text cannot move from one field to the next: "ab","c" is not "a","bc". */
static void fields_do_not_run_into_each_other(void **state)
{
	struct log l;

	log_make(&l);
	l.records[2].user = "adaapply";
	l.records[2].command = " web.yaml";
	found(&l, NULL, "event 3 was changed");
}

static void a_changed_event_with_a_new_hash_breaks_the_next_link(void **state)
{
	struct log l;

	log_make(&l);
	l.records[2].text = "nothing happened";
	seal(&l, 2, l.hashes[1]);
	found(&l, NULL, "event 4 does not continue event 3");
}

static void removed_events_are_named(void **state)
{
	struct log l;

	log_make(&l);
	remove_record(&l, 2);
	found(&l, NULL, "event 3 was removed");
	remove_record(&l, 2);
	found(&l, NULL, "events 3 to 4 were removed");
	log_make(&l);
	remove_record(&l, 0);
	found(&l, NULL, "event 1 was removed");
	log_make(&l);
	remove_record(&l, 2);
	for (size_t i = 2; i < l.count; i++)
		l.records[i].id--;
	found(&l, NULL, "event 3 does not continue event 2");
}

static void an_inserted_event_is_named(void **state)
{
	for (int sealed = 0; sealed < 2; sealed++) {
		struct log l;

		log_make(&l);
		memmove(&l.records[4], &l.records[3], 3 * sizeof(l.records[0]));
		l.count++;
		l.records[3] = (struct audit_record){
			.id = 4,
			.kind = "change",
			.user = "eve",
			.command = "",
			.origin = "",
			.text = "",
			.content = "",
			.previous = "",
			.hash = "",
		};
		for (size_t i = 4; i < l.count; i++)
			l.records[i].id++;
		if (sealed) {
			l.records[3].previous = l.hashes[2];
			audit_record_hash(l.links[6], &l.records[3]);
			l.records[3].hash = l.links[6];
		}
		found(&l, NULL, "event 4 was inserted");
	}
}

static void a_tail_that_was_cut_off_is_missed_by_a_head(void **state)
{
	struct log l;
	struct audit_head head;

	log_make(&l);
	head = head_of(&l);
	l.count = 4;
	found(&l, &head, "events 5 to 6 were cut off");
	assert_false(verify(&l, &head, NULL));
	head.id = 0;
	found(&l, &head, "no event has the head's hash");
	l.count = 0;
	head.id = EVENTS;
	found(&l, &head, "events 1 to 6 were cut off");
}

static void a_chain_made_anew_is_not_the_heads(void **state)
{
	struct log l;
	struct audit_head head;

	log_make(&l);
	head = head_of(&l);
	l.records[1].text = "nothing happened";
	for (size_t i = 1; i < EVENTS; i++)
		seal(&l, i, l.hashes[i - 1]);
	assert_true(verify(&l, NULL, NULL));
	found(&l, &head, "event 6 is not the one that the head given names");
}

static void heads_are_read_strictly(void **state)
{
	static const char *const bad[] = {
		"", "1:", ":", "x", "-1:", "12", "99999999999999999999:"
	};
	struct log l;
	struct audit_head h = {}, want;
	char text[128];

	log_make(&l);
	want = head_of(&l);
	snprintf(text, sizeof(text), "6:%s", want.hash);
	assert_true(audit_head_parse(&h, text));
	assert_int_equal(h.id, 6);
	assert_string_equal(h.hash, want.hash);
	assert_true(audit_head_parse(&h, want.hash));
	assert_int_equal(h.id, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "%s%.63s", bad[i], want.hash);
		assert_false(audit_head_parse(&h, text));
	}
	snprintf(text, sizeof(text), "x:%s", want.hash);
	assert_false(audit_head_parse(&h, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untouched_log_is_whole),
		cmocka_unit_test(a_head_from_before_is_found_in_a_log_that_has_grown),
		cmocka_unit_test(every_change_of_every_field_is_found),
		cmocka_unit_test(fields_do_not_run_into_each_other),
		cmocka_unit_test(a_changed_event_with_a_new_hash_breaks_the_next_link),
		cmocka_unit_test(removed_events_are_named),
		cmocka_unit_test(an_inserted_event_is_named),
		cmocka_unit_test(a_tail_that_was_cut_off_is_missed_by_a_head),
		cmocka_unit_test(a_chain_made_anew_is_not_the_heads),
		cmocka_unit_test(heads_are_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
