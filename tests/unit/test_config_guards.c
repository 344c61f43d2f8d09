// SPDX-License-Identifier: GPL-2.0
/* The keys guards, silence and removed. */
#include "config_case.h"

static void guards_not_given_are_the_default_ones(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(WEB_1 "guards: { share: 300, eligible: 0 }\n");

	assert_int_equal(c->guards.limit[LIMIT_SHARE], 300);
	assert_int_equal(c->guards.limit[LIMIT_ELIGIBLE], 0);
	assert_int_equal(c->guards.limit[LIMIT_GROWTH], 150);
	assert_int_equal(c->guards.limit[LIMIT_REMOVED], 0);
	assert_int_equal(c->guards.place.line, 6);
}

static void a_limit_is_looser_upwards_or_downwards(void **state)
{
	static const struct {
		const char *guards;
		enum guard_limit loosened;
	} rows[] = {
		{ "share: 201", LIMIT_SHARE },        { "share: 199", GUARD_LIMIT_COUNT },
		{ "eligible: 1", LIMIT_ELIGIBLE },    { "eligible: 3", GUARD_LIMIT_COUNT },
		{ "answering: 66", LIMIT_ANSWERING }, { "answering: 68", GUARD_LIMIT_COUNT },
		{ "removed: 1", LIMIT_REMOVED },      { "share: 100, services: 6", LIMIT_SERVICES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[256];
		_cleanup_(config_release) struct config *c = NULL;

		snprintf(text, sizeof(text), "services: {}\nguards: { %s }\n", rows[i].guards);
		c = must_parse(text);
		assert_int_equal(config_guards_loosened(&config_guards_default, &c->guards),
				 rows[i].loosened);
	}
}

static void what_cannot_be_a_limit_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "guards: { share: 10001 }\n",
		  "f:6:18: error: share 10001 is above 10000\n" },
		{ WEB_1 "guards: { answering: 101, growth: x }\n",
		  "f:6:22: error: answering 101 is above 100\n"
		  "f:6:35: error: growth 'x' must be a number: decimal digits only, no leading "
		  "zero\n" },
		{ WEB_1 "guards: { shares: 100 }\n",
		  "f:6:11: error: unknown key 'shares' in guards; did you mean 'share'?\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void silence_needs_a_lint_and_a_reason(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "silence: [{ lint: all-on-one }, { reason: why }]\n",
		  "f:6:11: error: silence has no reason: say why, for those who read it later\n"
		  "f:6:33: error: silence has no lint: give its name\n" },
		{ WEB_1 "silence: [{ lint: all-on-one, reason: there is one }]\n", "" },
		{ WEB_1 "silence: all-on-one\n",
		  "f:6:10: error: silence must be a list of lints with reasons, not text\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_is_removed_is_a_service_or_a_listener_and_is_gone(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "removed: [api, \"203.0.113.9:80/tcp\"]\n", "" },
		{ WEB_1 "removed: [web]\n",
		  "f:6:11: error: service 'web' is said to be removed, and is there: remove one\n" },
		{ WEB_1 "removed: [\"203.0.113.9:80\"]\n",
		  "f:6:11: error: removed '203.0.113.9:80' can be neither a service nor a "
		  "listener\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_is_removed_is_about_one_change(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(WEB_1 "removed: [\"[2001:DB8::0:9]:80/tcp\"]\n");
	_cleanup_(config_release) struct config *without = must_parse(WEB_1);
	_cleanup_(config_release) struct config *copy = config_copy(c);
	_cleanup_(free_ptr) char *text = config_text(c), *text_without = config_text(without);

	assert_string_equal(c->removals[0].what, "[2001:db8::9]:80/tcp");
	assert_string_equal(text, text_without);
	assert_int_equal(copy->removal_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guards_not_given_are_the_default_ones),
		cmocka_unit_test(a_limit_is_looser_upwards_or_downwards),
		cmocka_unit_test(what_cannot_be_a_limit_is_refused),
		cmocka_unit_test(silence_needs_a_lint_and_a_reason),
		cmocka_unit_test(what_is_removed_is_a_service_or_a_listener_and_is_gone),
		cmocka_unit_test(what_is_removed_is_about_one_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
