// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/diag.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void assert_line(const struct diag *d, size_t i, const char *expected)
{
	_cleanup_(free_ptr) char *line = diag_line(d, i);

	assert_non_null(line);
	assert_string_equal(line, expected);
}

static void a_line_says_file_place_severity_and_text(void **state)
{
	_cleanup_(diag_release) struct diag d = { .file = "evenkeel.yaml" };

	diag_error(&d, 9, 33, "weight %u is above %u", 100000u, 65535u);
	diag_warning(&d, 0, 0, "nothing to do");
	assert_line(&d, 0, "evenkeel.yaml:9:33: error: weight 100000 is above 65535");
	assert_line(&d, 1, "evenkeel.yaml: warning: nothing to do");
	d.file = NULL;
	assert_line(&d, 0, "9:33: error: weight 100000 is above 65535");
	assert_line(&d, 1, "warning: nothing to do");
}

static void only_errors_and_lost_entries_fail(void **state)
{
	_cleanup_(diag_release) struct diag d = {};

	assert_false(diag_failed(&d));
	diag_warning(&d, 1, 1, "careful");
	assert_false(diag_failed(&d));
	diag_error(&d, 1, 1, "wrong");
	assert_true(diag_failed(&d));
	assert_int_equal(d.errors, 1);
	diag_release(&d);
	assert_false(diag_failed(&d));
	d.out_of_memory = true;
	assert_true(diag_failed(&d));
}

static void sorting_goes_by_place_and_keeps_equals_in_order(void **state)
{
	_cleanup_(diag_release) struct diag d = {};

	for (unsigned int i = 0; i < 1000; i++)
		diag_error(&d, 1 + (i * 7) % 5, 1 + (i * 3) % 4, "%04u", i);
	diag_error(&d, 0, 0, "the file");
	diag_sort(&d);
	assert_int_equal(d.count, 1001);
	assert_string_equal(d.entries[0].text, "the file");
	for (size_t i = 1; i < d.count; i++) {
		const struct diag_entry *a = &d.entries[i - 1], *b = &d.entries[i];

		assert_true(a->line <= b->line);
		if (a->line == b->line)
			assert_true(a->column <= b->column);
		if (a->line == b->line && a->column == b->column)
			assert_true(strcmp(a->text, b->text) < 0);
	}
}

static void what_a_user_wrote_cannot_steer_a_terminal(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "a\x1b[31mb\n", "a?[31mb?" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2",
		  "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2" },
		{ "cut \xe2\x82", "cut ??" },
		{ "overlong \xc0\xaf", "overlong ??" },
		{ "surrogate \xed\xa0\x80", "surrogate ???" },
		{ "beyond \xf4\x90\x80\x80", "beyond ????" },
		{ "lone \x80\xff", "lone ??" },
		{ "C1 \xc2\x9b", "C1 ??" },
		{ "reversed \xe2\x80\xae", "reversed ???" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_release) struct diag d = {};

		diag_error(&d, 1, 1, "%s", rows[i].text);
		assert_string_equal(d.entries[0].text, rows[i].shown);
	}
}

static void the_nearest_typing_error_is_suggested(void **state)
{
	static const char *const words[] = { "listen", "forward", "hash", "backends",
					     "weight", "l2",      "udp" };
	static const struct {
		const char *word, *expected;
	} rows[] = {
		{ "lsten", "listen" },   /* one left out */
		{ "lissten", "listen" }, /* one too many */
		{ "lisfen", "listen" },  /* one wrong */
		{ "wieght", "weight" },  /* two swapped count as one */
		{ "wieghtt", "weight" }, /* two edits */
		{ "wiehgt", "weight" },  /* two swaps */
		{ "bakcend", "backends" },
		{ "Listen", "listen" },
		{ "udq", "udp" },
		{ "weight", "weight" },
		{ "wxyght", "weight" },
		{ "wxyzht", NULL }, /* three edits */
		{ "hxxh", NULL },   /* half of the word */
		{ "l3", NULL },     /* half of the word */
		{ "", NULL },
		{ "address", NULL },
		{ "weightweightweightweightweightweightweightweightweightweightweightweight",
		  NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *found = suggest(rows[i].word, words, ARRAY_SIZE(words));

		if (!found != !rows[i].expected || (found && strcmp(found, rows[i].expected)))
			fail_msg("'%s': suggested '%s'", rows[i].word, found ? found : "nothing");
	}
}

static void the_nearer_of_two_is_suggested(void **state)
{
	static const char *const words[] = { "web-12", "web-1", "web-2" };

	assert_string_equal(suggest("wbe-1", words, 3), "web-1");
	assert_string_equal(suggest("web-3", words, 3), "web-1");
	assert_string_equal(suggest("webb-12", words, 3), "web-12");
	assert_null(suggest("web", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_file_place_severity_and_text),
		cmocka_unit_test(only_errors_and_lost_entries_fail),
		cmocka_unit_test(sorting_goes_by_place_and_keeps_equals_in_order),
		cmocka_unit_test(what_a_user_wrote_cannot_steer_a_terminal),
		cmocka_unit_test(the_nearest_typing_error_is_suggested),
		cmocka_unit_test(the_nearer_of_two_is_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
