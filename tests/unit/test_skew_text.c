// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "balance_case.h"
#include "lib/skew.h"

static void assert_says(enum skew_kind kind, const struct skew_finding *f, const char *text)
{
	char said[SKEW_TEXT_MAX];

	skew_describe(said, kind, f, "web-1");
	if (strncmp(said, text, strlen(text)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", said, text);
	assert_non_null(strstr(said, skew_kind_text(kind)));
}

static void each_kind_says_what_its_numbers_are(void **state)
{
	const struct skew_finding f = { .actual = 0.769, .expected = 0.25, .off = 0.004 };

	assert_says(SKEW_MAP, &f, "0.4 % of its slots were not as they had been written: ");
	assert_says(SKEW_ASKED, &f,
		    "web-1 has 76.9 % of the slots, an even share would be 25.0 %: ");
	assert_says(
		SKEW_HEALTH, &f,
		"web-1 has 76.9 % of the slots, by the revision's weights it would be 25.0 %: ");
	assert_says(SKEW_CLIENTS, &f,
		    "web-1 gets 76.9 % of new flows, by its slots it would be 25.0 %: ");
}

static void what_was_counted_is_named(void **state)
{
	const struct skew_finding f = { .measure = SKEW_BYTES, .actual = 1, .expected = 0.5 };

	assert_says(SKEW_UNEXPLAINED, &f,
		    "web-1 gets 100.0 % of bytes, by its slots it would be 50.0 %: ");
}

static void heavy_clients_are_named(void **state)
{
	struct skew_finding f = { .measure = SKEW_BYTES,
				  .actual = 0.9,
				  .expected = 0.25,
				  .clients = { { case_addr(7), 1, 0.81 },
					       { case_addr(8), 1, 0.05 },
					       { case_addr(9), 1, 0.01 } },
				  .client_count = 1 };
	char said[SKEW_TEXT_MAX];

	skew_describe(said, SKEW_CLIENTS, &f, "web-1");
	assert_non_null(strstr(said, "the spread is even (10.0.0.7 81 %)"));
	f.client_count = 3;
	skew_describe(said, SKEW_CLIENTS, &f, "web-1");
	assert_non_null(strstr(said, " (10.0.0.7 81 %, 10.0.0.8 5 %, ...)"));
	skew_describe(said, SKEW_UNEXPLAINED, &f, "web-1");
	assert_null(strstr(said, "10.0.0.7"));
}

static void the_longest_name_and_the_longest_clients_fit(void **state)
{
	struct skew_finding f = { .actual = 1, .expected = 1, .client_count = 3 };
	char name[EK_NAME_MAX + 1], said[SKEW_TEXT_MAX];

	memset(f.clients, 0xfe, sizeof(f.clients));
	for (size_t i = 0; i < f.client_count; i++)
		f.clients[i].share = 1;
	memset(name, 'n', EK_NAME_MAX);
	name[EK_NAME_MAX] = '\0';
	skew_describe(said, SKEW_CLIENTS, &f, name);
	assert_string_equal(said + strlen(said) - 6, ", ...)");
}

static void the_longest_name_fits(void **state)
{
	const struct skew_finding f = { .actual = 1, .expected = 1 };
	char name[EK_NAME_MAX + 1], said[SKEW_TEXT_MAX];

	memset(name, 'n', EK_NAME_MAX);
	name[EK_NAME_MAX] = '\0';
	for (enum skew_kind kind = 0; kind < SKEW_KIND_COUNT; kind++) {
		skew_describe(said, kind, &f, name);
		assert_string_equal(said + strlen(said) - strlen(skew_kind_text(kind)),
				    skew_kind_text(kind));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_says_what_its_numbers_are),
		cmocka_unit_test(what_was_counted_is_named),
		cmocka_unit_test(heavy_clients_are_named),
		cmocka_unit_test(the_longest_name_and_the_longest_clients_fit),
		cmocka_unit_test(the_longest_name_fits),
	};

	return cmocka_run_group_tests_name("skew_text", tests, NULL, NULL);
}
