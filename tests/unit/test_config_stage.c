// SPDX-License-Identifier: GPL-2.0
/* `stage`: how changes are brought into force. */
#include "config_case.h"

#include <stdlib.h>

static void without_it_there_are_five_steps_and_a_minute(void **state)
{
	static const uint16_t steps[] = { 1, 5, 25, 50, 100 };
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);

	assert_int_equal(c->stage.step_count, 5);
	assert_memory_equal(c->stage.steps, steps, sizeof(steps));
	assert_int_equal(c->stage.watch_s, 60);
	assert_false(c->stage.set);
}

static void what_it_says_is_kept_by_text_and_copy(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse("stage: { steps: [10, 100], watch: 5m }\n" WEB_1);
	_cleanup_(free_ptr) char *text = config_text(c), *again = NULL;
	_cleanup_(config_release) struct config *copy = config_copy(c), *read = must_parse(text);

	assert_int_equal(c->stage.step_count, 2);
	assert_int_equal(c->stage.steps[0], 10);
	assert_int_equal(c->stage.watch_s, 300);
	assert_int_equal(copy->stage.steps[1], 100);
	assert_int_equal(copy->stage.watch_s, 300);
	again = config_text(read);
	assert_string_equal(text, again);
}

static void a_watch_alone_leaves_the_steps(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse("stage: { watch: 0 }\n" WEB_1);

	assert_int_equal(c->stage.watch_s, 0);
	assert_int_equal(c->stage.step_count, 5);
}

static void mistakes_are_told(void **state)
{
	static const struct config_case cases[] = {
		{ "stage: { steps: [] }\n" WEB_1, "f:1:17: error: the last step must be 100\n" },
		{ "stage: { steps: [5, 50] }\n" WEB_1,
		  "f:1:17: error: the last step must be 100\n" },
		{ "stage: { steps: [50, 5, 100] }\n" WEB_1,
		  "f:1:22: error: step 5 is not above the one before, 50\n" },
		{ "stage: { steps: [0, 101, 100] }\n" WEB_1,
		  "f:1:18: error: a step 0 is below 1\nf:1:21: error: a step 101 is above 100\n" },
		{ "stage: { watch: 2d }\n" WEB_1,
		  "f:1:17: error: watch '2d' must be a duration: 60s, 5m, or seconds\n" },
		{ "stage: { wach: 2 }\n" WEB_1,
		  "f:1:10: error: unknown key 'wach' in stage; did you mean 'watch'?\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_case(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_it_there_are_five_steps_and_a_minute),
		cmocka_unit_test(what_it_says_is_kept_by_text_and_copy),
		cmocka_unit_test(a_watch_alone_leaves_the_steps),
		cmocka_unit_test(mistakes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
