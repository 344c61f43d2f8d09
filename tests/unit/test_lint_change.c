// SPDX-License-Identifier: GPL-2.0
/* Lints that compare with the revision in force, and with what probes found. */
#include "lint_case.h"

#define TWO WEB_1 API
#define API "  api:\n    listen: [\"203.0.113.20:443/tcp\"]\n    backends: { a-1: 10.0.2.1 }\n"

static void what_disappears_unsaid_is_an_error(void **state)
{
	static const struct lint_case rows[] = {
		{ WEB_1,
		  "f: error: service api disappears; if it is meant: --remove api, or removed: "
		  "[api] [disappears]\n",
		  TWO },
		{ WEB_1 "removed: [api]\n", "", TWO },
		{ WEB_1 "removed: [apis]\n",
		  "f: error: service api disappears; if it is meant: --remove api, or removed: "
		  "[api] [disappears]\n",
		  TWO },
		{ TWO, "", WEB_1 },
		{ TWO, "", TWO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_lint_live(&rows[i], NULL, 0);
}

static void a_listener_that_goes_or_moves_is_an_error(void **state)
{
	static const char both[] = "services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\", "
				   "\"203.0.113.10:80/tcp\"]\n    backends: { web-1: 10.0.1.1 }\n";
	static const struct lint_case rows[] = {
		{ WEB_1,
		  "f:2:3: error: service web: listener 203.0.113.10:80/tcp disappears; if it is "
		  "meant: --remove 203.0.113.10:80/tcp, or removed: [\"203.0.113.10:80/tcp\"] "
		  "[disappears]\n",
		  both },
		{ WEB_1 "removed: [\"203.0.113.10:80/tcp\"]\n", "", both },
		{ "services:\n  web:\n    listen: [\"203.0.113.20:443/tcp\"]\n"
		  "    backends: { web-1: 10.0.1.1 }\n"
		  "  api:\n    listen: [\"203.0.113.10:443/tcp\"]\n"
		  "    backends: { a-1: 10.0.2.1 }\n",
		  "f:2:3: error: service web: listener 203.0.113.10:443/tcp goes to service api; "
		  "if it is meant: --remove 203.0.113.10:443/tcp, or removed: "
		  "[\"203.0.113.10:443/tcp\"] [disappears]\n"
		  "f:5:3: error: service api: listener 203.0.113.20:443/tcp goes to service web; "
		  "if it is meant: --remove 203.0.113.20:443/tcp, or removed: "
		  "[\"203.0.113.20:443/tcp\"] [disappears]\n",
		  TWO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_lint_live(&rows[i], NULL, 0);
}

#define FOUR POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: 10.0.1.3\n      d: 10.0.1.4\n"

static void a_pool_that_shrinks_by_half_or_to_one_is_found(void **state)
{
	static const struct lint_case rows[] = {
		{ POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n",
		  "f:2:3: warning: service web: 2 backends would get new flows, and 4 do now "
		  "[pool-shrinks]\n",
		  FOUR },
		{ POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: 10.0.1.3\n", "", FOUR },
		{ POOL "      a: 10.0.1.1\n",
		  "f:2:3: warning: service web: 1 backend would get new flows, and 2 do now "
		  "[pool-shrinks]\n",
		  POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n" },
		{ POOL "      a: 10.0.1.1\n", "", POOL "      b: 10.0.1.2\n" },
		{ POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n"
		       "silence: [{ lint: pool-shrinks, reason: the night }]\n",
		  "", FOUR },
		{ FOUR "silence: [{ lint: pool-shrinks, reason: the night }]\n", "", FOUR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_lint_live(&rows[i], NULL, 0);
}

static void backends_that_do_not_answer_are_found(void **state)
{
	static const struct lint_live live[] = {
		{ "web", "a", true, "" },
		{ "web", "b", false, "no route to 10.0.1.2" },
	};
	static const struct lint_case one = {
		POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n",
		"f:6:10: warning: web/b: no route to 10.0.1.2 [unreachable]\n", NULL
	};
	static const struct lint_case drained = {
		POOL "      a: 10.0.1.1\n      b: { address: 10.0.1.2, drain: true }\n"
		     "      c: 10.0.1.3\n",
		"", NULL
	};

	assert_lint_live(&one, live, ARRAY_SIZE(live));
	assert_lint_live(&drained, live, ARRAY_SIZE(live));
}

static void a_check_that_no_backend_passes_is_an_error(void **state)
{
	static const struct lint_live live[] = {
		{ "web", "a", false, "status 404" },
		{ "web", "b", false, "status 404" },
	};
	static const struct lint_case row = {
		POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n    health: { type: http, path: /x }\n"
		     "silence: [{ lint: unreachable, reason: known }]\n",
		"f:7:13: error: service web: none of 2 backends passes its checks: status 404 "
		"[none-healthy]\n",
		NULL
	};
	/* Of the new one alone nobody can tell: the others were not asked. */
	static const struct lint_case one_is_new = {
		POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n"
		     "silence: [{ lint: unreachable, reason: known }]\n",
		"", NULL
	};

	assert_lint_live(&row, live, ARRAY_SIZE(live));
	assert_lint_live(&one_is_new, live, 1);
}

static void what_was_found_before_is_known(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(POOL "      a: { address: 10.0.1.1, drain: true }\n      b: 10.0.1.2\n");
	const struct lint_input in = { .config = c };
	_cleanup_(lint_release) struct lint_report first = {}, second = {};

	lint_run(&first, &in);
	lint_run(&second, &in);
	assert_int_equal(first.count, 1);
	assert_int_equal(first.warnings, 1);
	assert_true(lint_known(&first, &second.findings[0]));
	second.findings[0].backend[0] = 'x';
	assert_false(lint_known(&first, &second.findings[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_disappears_unsaid_is_an_error),
		cmocka_unit_test(a_listener_that_goes_or_moves_is_an_error),
		cmocka_unit_test(a_pool_that_shrinks_by_half_or_to_one_is_found),
		cmocka_unit_test(backends_that_do_not_answer_are_found),
		cmocka_unit_test(a_check_that_no_backend_passes_is_an_error),
		cmocka_unit_test(what_was_found_before_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
