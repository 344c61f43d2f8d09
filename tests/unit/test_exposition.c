// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/exposition.h"

static void assert_text(const struct exposition *e, const char *expected)
{
	assert_false(e->out_of_memory);
	assert_int_equal(e->length, strlen(expected));
	assert_memory_equal(e->text, expected, e->length);
}

static void a_family_has_its_help_its_type_and_its_samples(void **state)
{
	_cleanup_(exposition_release) struct exposition e = {};
	struct labels l = {};

	exposition_family(&e, "x_total", EXPOSITION_COUNTER, "Things.");
	exposition_sample(&e, "x_total", "", value_count(5));
	exposition_family(&e, "y_ratio", EXPOSITION_GAUGE, "Parts.");
	labels_add(&l, "service", "web");
	exposition_sample(&e, "y_ratio", labels_add(&l, "backend", "web-1"), value_real(0.25));
	assert_text(&e, "# HELP x_total Things.\n# TYPE x_total counter\nx_total 5\n"
			"# HELP y_ratio Parts.\n# TYPE y_ratio gauge\n"
			"y_ratio{service=\"web\",backend=\"web-1\"} 0.25\n");
}

static void what_is_not_known_is_left_out(void **state)
{
	_cleanup_(exposition_release) struct exposition e = {};

	exposition_sample(&e, "x", "", (struct exposition_value){});
	assert_int_equal(e.length, 0);
}

static void numbers_are_exact_as_far_as_they_go(void **state)
{
	static const struct {
		struct exposition_value value;
		const char *text;
	} cases[] = {
		{ { .kind = VALUE_COUNT, .count = 0 }, "x 0\n" },
		{ { .kind = VALUE_COUNT, .count = 10 }, "x 10\n" },
		{ { .kind = VALUE_COUNT, .count = 9007199254740993 }, "x 9007199254740993\n" },
		{ { .kind = VALUE_COUNT, .count = UINT64_MAX }, "x 18446744073709551615\n" },
		{ { .kind = VALUE_REAL, .real = 0 }, "x 0\n" },
		{ { .kind = VALUE_REAL, .real = 1 }, "x 1\n" },
		{ { .kind = VALUE_REAL, .real = -1.5 }, "x -1.5\n" },
		{ { .kind = VALUE_REAL, .real = 1.0 / 65536 }, "x 1.52587891e-05\n" },
		{ { .kind = VALUE_REAL, .real = 1e300 }, "x 1e+300\n" },
		{ { .kind = VALUE_REAL, .real = NAN }, "x NaN\n" },
		{ { .kind = VALUE_REAL, .real = INFINITY }, "x +Inf\n" },
		{ { .kind = VALUE_REAL, .real = -INFINITY }, "x -Inf\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(exposition_release) struct exposition e = {};

		exposition_sample(&e, "x", "", cases[i].value);
		assert_text(&e, cases[i].text);
	}
}

/* Shares are written without printf(), and no differently. */
static void shares_are_written_as_printf_would(void **state)
{
	_cleanup_(exposition_release) struct exposition e = {};
	uint64_t random = 1;

	for (int i = 1; i <= 200000; i++) {
		double share = i <= 65536 ? i / 65536.0 : (double)(random >> 11) / (1ull << 53);
		char expected[64];

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		e.length = 0;
		exposition_sample(&e, "x", "", value_real(share));
		exposition_raw(&e, "", 1);
		snprintf(expected, sizeof(expected), "x %.9g\n", share);
		assert_string_equal(e.text, expected);
	}
	e.length = 0;
	exposition_sample(&e, "x", "", value_real(0.9999999999));
	exposition_sample(&e, "x", "", value_real(0.09999999999));
	assert_text(&e, "x 1\nx 0.1\n");
}

static void assert_label(const char *value, const char *expected)
{
	struct labels l = {};

	assert_string_equal(labels_add(&l, "a", value), expected);
	assert_int_equal(l.length, strlen(expected));
}

static void label_values_are_escaped(void **state)
{
	assert_label("", "a=\"\"");
	assert_label("say \"hi\"", "a=\"say \\\"hi\\\"\"");
	assert_label("back\\slash", "a=\"back\\\\slash\"");
	assert_label("two\nlines", "a=\"two\\nlines\"");
	assert_label("a=b,{c}", "a=\"a=b,{c}\"");
	assert_label("Büro €", "a=\"Büro €\"");
}

static void bytes_that_are_no_utf_8_become_question_marks(void **state)
{
	assert_label("eth\xff", "a=\"eth?\"");
	assert_label("\xc3", "a=\"?\"");
	assert_label("\xc3(", "a=\"?(\"");
	assert_label("\xed\xa0\x80", "a=\"???\"");
}

/* However long the values are and where they are cut: no half escape, no half character, and the
 * closing quote is there. */
static void what_does_not_fit_is_cut_between_characters(void **state)
{
	static const char *const pieces[] = { "x", "\\", "\n", "\"", "ü", "€", "\xff" };

	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		for (size_t before = 0; before < 8; before++) {
			char value[3 * LABELS_MAX] = "";
			struct labels l = {};

			memset(value, 'y', before);
			while (strlen(value) < 2 * LABELS_MAX)
				strcat(value, pieces[p]);
			labels_add(&l, "a", value);
			assert_int_equal(l.length, strlen(l.text));
			assert_true(l.length < LABELS_MAX && l.length > LABELS_MAX - 8);
			assert_int_equal(l.text[l.length - 1], '"');
			for (size_t i = 3; i < l.length - 1; i++)
				if (l.text[i] == '\\')
					assert_non_null(strchr("\\n\"", l.text[++i]));
			assert_true(l.text[l.length - 2] != '\\' || l.text[l.length - 3] == '\\');
			labels_add(&l, "b", "no room");
			assert_int_equal(l.length, strlen(l.text));
			assert_int_equal(l.text[l.length - 1], '"');
		}
	}
}

static void it_grows_as_it_must(void **state)
{
	_cleanup_(exposition_release) struct exposition e = {};
	size_t expected = 0;

	for (uint64_t i = 0; i < 20000; i++) {
		exposition_sample(&e, "x_total", "a=\"b\"", value_count(i % 10));
		expected += strlen("x_total{a=\"b\"} 0\n");
	}
	assert_false(e.out_of_memory);
	assert_int_equal(e.length, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_has_its_help_its_type_and_its_samples),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(numbers_are_exact_as_far_as_they_go),
		cmocka_unit_test(shares_are_written_as_printf_would),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(bytes_that_are_no_utf_8_become_question_marks),
		cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
		cmocka_unit_test(it_grows_as_it_must),
	};

	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
