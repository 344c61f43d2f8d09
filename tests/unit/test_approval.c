// SPDX-License-Identifier: GPL-2.0
/* Changes that wait until others have agreed: who counts, to what, and until when. */
#include "lib/approval.h"
#include "plan_case.h"

static void json_release(json_t **j)
{
	json_decref(*j);
}

/* ---- who counts ------------------------------------------------------------------------------ */

/* Ada has proposed, as root; Bob has approved, and Carol signed. */
static const struct approval_person people[] = { { 0, "root" }, { 1001, "ada" } };
static const struct approval given[] = {
	{ .uids = { 1002 }, .uid_count = 1, .name = "bob" },
	{ .is_signed = true, .name = "carol@example.org", .key = "SHA256:c" },
};

/* Whose uids these are: its own, and those that it came from. */
#define BY(who, ...)                                                                               \
	{                                                                                          \
		.name = who, .uids = { __VA_ARGS__ },                                              \
		.uid_count = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)                \
	}

static enum approval_verdict judge(const struct approval *a, bool member)
{
	return approval_judge(a, member, people, ARRAY_SIZE(people), given, ARRAY_SIZE(given));
}

static void another_member_of_the_group_counts_once(void **state)
{
	assert_int_equal(judge(&(struct approval)BY("dave", 1004), true), APPROVAL_COUNTS);
	assert_int_equal(judge(&(struct approval)BY("dave", 1004), false), APPROVAL_STRANGER);
	assert_int_equal(judge(&(struct approval)BY("bob", 1002), true), APPROVAL_AGAIN);
}

static void neither_root_nor_who_proposed_it_counts(void **state)
{
	assert_int_equal(judge(&(struct approval)BY("root", 0), true), APPROVAL_ROOT);
	assert_int_equal(judge(&(struct approval)BY("ada", 1001), true), APPROVAL_PROPOSER);
	/* Not even if nobody else is behind it. */
	assert_int_equal(approval_judge(&(struct approval)BY("root", 0), true, NULL, 0, NULL, 0),
			 APPROVAL_ROOT);
}

static void who_becomes_another_user_is_still_the_same(void **state)
{
	assert_int_equal(judge(&(struct approval)BY("dave", 1004, 1001), true), APPROVAL_PROPOSER);
	assert_int_equal(judge(&(struct approval)BY("dave", 1004, 1002), true), APPROVAL_AGAIN);
	assert_int_equal(judge(&(struct approval)BY("dave", 1004, 0), true), APPROVAL_COUNTS);
	assert_int_equal(judge(&(struct approval)BY("root", 0, 1004), true), APPROVAL_ROOT);
}

static void a_signature_counts_by_person_and_by_key(void **state)
{
	static const struct {
		struct approval a;
		enum approval_verdict verdict;
	} rows[] = {
		{ { .is_signed = true, .name = "dave@example.org", .key = "SHA256:d" },
		  APPROVAL_COUNTS },
		{ { .is_signed = true, .name = "ada@example.org", .key = "SHA256:a" },
		  APPROVAL_PROPOSER },
		{ { .is_signed = true, .name = "Ada", .key = "SHA256:a" }, APPROVAL_PROPOSER },
		{ { .is_signed = true, .name = "adam@example.org", .key = "SHA256:a" },
		  APPROVAL_COUNTS },
		{ { .is_signed = true, .name = "carol@example.org", .key = "SHA256:new" },
		  APPROVAL_AGAIN },
		{ { .is_signed = true, .name = "carol-2@example.org", .key = "SHA256:c" },
		  APPROVAL_AGAIN },
		{ { .is_signed = true, .name = "bob@example.org", .key = "SHA256:b" },
		  APPROVAL_AGAIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(judge(&rows[i].a, false), rows[i].verdict);
}

static void a_user_who_has_signed_has_approved(void **state)
{
	assert_int_equal(judge(&(struct approval)BY("carol", 1003), true), APPROVAL_AGAIN);
}

static void uids_survive_their_text(void **state)
{
	const uint32_t uids[] = { 0, 1001, UINT32_MAX };
	uint32_t read[4] = {};
	char text[64];

	approval_uids_text(text, sizeof(text), uids, 3);
	assert_string_equal(text, "0,1001,4294967295");
	assert_int_equal(approval_uids(text, read, 4), 3);
	assert_memory_equal(read, uids, sizeof(uids));
	assert_int_equal(approval_uids(text, read, 2), 2);
	assert_int_equal(approval_uids("", read, 4), 0);
}

/* ---- signatures ------------------------------------------------------------------------------ */

static void all_names_of_a_key_are_read(void **state)
{
	const char *text = "ada@example.org,bob\ncarol@example.org\r\n\n";
	char name[APPROVAL_NAME_MAX];

	assert_true(approval_principal_next(&text, name));
	assert_string_equal(name, "ada@example.org");
	assert_true(approval_principal_next(&text, name));
	assert_string_equal(name, "bob");
	assert_true(approval_principal_next(&text, name));
	assert_string_equal(name, "carol@example.org");
	assert_false(approval_principal_next(&text, name));
}

static void the_fingerprint_is_in_what_ssh_keygen_says(void **state)
{
	char key[APPROVAL_KEY_MAX];

	assert_true(approval_fingerprint("Good \"evenkeel\" signature for bob with ED25519 key "
					 "SHA256:abc/d+e\n",
					 key));
	assert_string_equal(key, "SHA256:abc/d+e");
	assert_false(approval_fingerprint("Could not verify signature.\n", key));
}

/* ---- to what --------------------------------------------------------------------------------- */

static void what_is_agreed_to_is_base_text_and_way(void **state)
{
	const struct approval_way plain = { .watch_s = -1 };
	const struct approval_way ways[] = {
		{ .watch_s = -1, .forced = 1u << GATE_SHARE },
		{ .watch_s = -1, .forced = 1u << GATE_SHARE | 1u << GATE_POLICY },
		{ .watch_s = -1, .at_once = true },
		{ .watch_s = 0 },
		{ .watch_s = 60 },
	};
	char hashes[ARRAY_SIZE(ways) + 3][SHA256_TEXT_SIZE], wanted[SHA256_TEXT_SIZE];
	static const char text[] = "evenkeel change\nbase b\ntext t\n";
	static const char forced[] = "evenkeel change\nbase b\ntext t\nforce share,policy\n";

	approval_content(hashes[0], "b", "t", &plain);
	sha256_text(wanted, text, strlen(text));
	assert_string_equal(hashes[0], wanted);
	approval_content(hashes[1], "c", "t", &plain);
	approval_content(hashes[2], "b", "u", &plain);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		approval_content(hashes[i + 3], "b", "t", &ways[i]);
	sha256_text(wanted, forced, strlen(forced));
	assert_string_equal(hashes[4], wanted);
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(hashes[i], hashes[k]);
}

/* ---- until when ------------------------------------------------------------------------------ */

static void its_time_ends_with_the_boot(void **state)
{
	char why[APPROVAL_WHY_MAX];

	assert_false(approval_over("a", 100, "a", 99, why));
	assert_true(approval_over("a", 100, "a", 100, why));
	assert_string_equal(why, "it has waited for too long");
	assert_true(approval_over("a", 100, "b", 1, why));
	assert_string_equal(why, "the host was restarted");
}

#define OF(web, shop, echo)                                                                        \
	"{\"echo\": \"" echo "\", \"services\": {\"web\": " web ", \"shop\": " shop "}}"

static void assert_rebased(const char *base, const char *text, const char *now, const char *wanted)
{
	_cleanup_(free_ptr) char *out = NULL;
	_cleanup_(json_release) json_t *l = NULL;
	_cleanup_(json_release) json_t *r = json_loads(wanted, 0, NULL);
	char why[APPROVAL_WHY_MAX] = "";

	if (approval_rebase(&out, why, base, text, now))
		fail_msg("%s", why);
	l = json_loads(out, 0, NULL);
	assert_non_null(r);
	assert_true(json_equal(l, r));
}

static void assert_stale(const char *base, const char *text, const char *now, const char *said)
{
	char why[APPROVAL_WHY_MAX] = "", *out = NULL;

	assert_int_equal(approval_rebase(&out, why, base, text, now), -ESTALE);
	assert_null(out);
	assert_string_equal(why, said);
}

static void what_it_does_not_touch_stays_as_it_is_now(void **state)
{
	/* Another service was changed, another key, a service came and one went. */
	assert_rebased(OF("1", "1", "drop"), OF("2", "1", "drop"), OF("1", "3", "pass"),
		       OF("2", "3", "pass"));
	assert_rebased("{\"services\": {\"web\": 1, \"old\": 1}}", "{\"services\": {\"web\": 1}}",
		       "{\"services\": {\"web\": 2, \"old\": 1, \"new\": 1}}",
		       "{\"services\": {\"web\": 2, \"new\": 1}}");
	assert_rebased("{\"services\": {}}", "{\"services\": {\"web\": 1}}",
		       "{\"services\": {\"shop\": 1}}",
		       "{\"services\": {\"shop\": 1, \"web\": 1}}");
}

static void in_the_revision_that_it_was_made_of_it_is_the_text_to_the_byte(void **state)
{
	static const char text[] = "{ \"services\" :{\"web\": 2 } }";
	char why[APPROVAL_WHY_MAX], *out = NULL;

	assert_int_equal(
		approval_rebase(&out, why, "{\"services\": {}}", text, "{\"services\": {}}"), 0);
	assert_string_equal(out, text);
	free(out);
}

static void what_it_touches_must_be_as_it_was(void **state)
{
	static const char web[] = "service web, which it touches, was changed meanwhile";

	assert_stale(OF("1", "1", "drop"), OF("2", "1", "drop"), OF("3", "1", "drop"), web);
	/* To the same, too: somebody else did it. */
	assert_stale(OF("1", "1", "drop"), OF("2", "1", "drop"), OF("2", "1", "drop"), web);
	assert_stale(OF("1", "1", "drop"), OF("2", "1", "drop"),
		     "{\"echo\": \"drop\", \"services\": {\"shop\": 1}}", web);
	assert_stale("{\"services\": {}}", "{\"services\": {\"web\": 1}}",
		     "{\"services\": {\"web\": 2}}", web);
	assert_stale(OF("1", "1", "drop"), OF("1", "1", "pass"), OF("1", "1", "answer"),
		     "echo, which it touches, was changed meanwhile");
}

static void another_policy_ends_it(void **state)
{
	assert_stale("{\"policy\": {\"approvals\": 1}, \"services\": {\"web\": 1}}",
		     "{\"policy\": {\"approvals\": 1}, \"services\": {\"web\": 2}}",
		     "{\"policy\": {\"approvals\": 2}, \"services\": {\"web\": 1}}",
		     "the policy in force is another one");
}

static void what_is_no_canonical_text_is_not_compared(void **state)
{
	char why[APPROVAL_WHY_MAX], *out = NULL;

	assert_int_equal(approval_rebase(&out, why, "services:", "{}", "{}"), -EINVAL);
	assert_null(out);
}

/* The shares of a change from `old` to `now`, with web-1 as it answers. */
static json_t *shares(const char *old, const char *now, enum plan_answer answer)
{
	_cleanup_(plan_case_release) struct plan_case k;
	_cleanup_(config_release) struct config *c = must_parse(old);
	const struct plan_fact fact = {
		.service = "web",
		.addr = c->services[0].backends[0].addr,
		.answer = answer,
		.ever_up = true,
	};

	plan_case_make(&k, old, now, &(struct plan_input){ .facts = &fact, .fact_count = 1 }, 0);
	return approval_shares(&k.plan, k.old);
}

static void a_plan_is_another_one_when_shares_are(void **state)
{
	_cleanup_(json_release) json_t *up = shares(TWO, THREE, PLAN_UP);
	_cleanup_(json_release) json_t *same = shares(TWO, THREE, PLAN_UP);
	_cleanup_(json_release) json_t *down = shares(TWO, THREE, PLAN_DOWN);
	_cleanup_(json_release) json_t *drained = shares(TWO, POOL BD(1) B(2) B(3), PLAN_UP);
	char why[APPROVAL_WHY_MAX] = "";

	assert_int_equal(json_object_size(up), 1);
	assert_false(approval_shares_differ(up, same, APPROVAL_TOLERANCE, why));
	assert_true(approval_shares_differ(up, down, APPROVAL_TOLERANCE, why));
	assert_string_equal(why, "the plan of a service that it touches is another one: web/web-1 "
				 "would get 0.0 % with those that answer, and not 33.3 %");
	assert_true(approval_shares_differ(up, drained, APPROVAL_TOLERANCE, why));
	assert_non_null(strstr(why, "as configured"));
}

static void a_little_is_no_other_plan(void **state)
{
	_cleanup_(json_release) json_t *then =
		json_loads("{\"web\": {\"a\": [500, 500]}}", 0, NULL);
	_cleanup_(json_release) json_t *near =
		json_loads("{\"web\": {\"a\": [510, 490]}}", 0, NULL);
	_cleanup_(json_release) json_t *far = json_loads("{\"web\": {\"a\": [500, 489]}}", 0, NULL);
	_cleanup_(json_release) json_t *more =
		json_loads("{\"web\": {\"a\": [500, 500], \"b\": [11, 0]}}", 0, NULL);
	_cleanup_(json_release) json_t *none = json_object();
	char why[APPROVAL_WHY_MAX] = "";

	assert_false(approval_shares_differ(then, near, 10, why));
	assert_true(approval_shares_differ(then, far, 10, why));
	assert_true(approval_shares_differ(then, more, 10, why));
	assert_false(approval_shares_differ(then, none, 10, why));
}

static void only_what_it_touches_is_compared(void **state)
{
	_cleanup_(json_release) json_t *untouched = shares(TWO, TWO, PLAN_DOWN);

	assert_int_equal(json_object_size(untouched), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_member_of_the_group_counts_once),
		cmocka_unit_test(neither_root_nor_who_proposed_it_counts),
		cmocka_unit_test(who_becomes_another_user_is_still_the_same),
		cmocka_unit_test(a_signature_counts_by_person_and_by_key),
		cmocka_unit_test(a_user_who_has_signed_has_approved),
		cmocka_unit_test(uids_survive_their_text),
		cmocka_unit_test(all_names_of_a_key_are_read),
		cmocka_unit_test(the_fingerprint_is_in_what_ssh_keygen_says),
		cmocka_unit_test(what_is_agreed_to_is_base_text_and_way),
		cmocka_unit_test(its_time_ends_with_the_boot),
		cmocka_unit_test(what_it_does_not_touch_stays_as_it_is_now),
		cmocka_unit_test(in_the_revision_that_it_was_made_of_it_is_the_text_to_the_byte),
		cmocka_unit_test(what_it_touches_must_be_as_it_was),
		cmocka_unit_test(another_policy_ends_it),
		cmocka_unit_test(what_is_no_canonical_text_is_not_compared),
		cmocka_unit_test(a_plan_is_another_one_when_shares_are),
		cmocka_unit_test(a_little_is_no_other_plan),
		cmocka_unit_test(only_what_it_touches_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
