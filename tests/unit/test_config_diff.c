/* SPDX-License-Identifier: GPL-2.0 */
/* The difference of two configurations names what changed as people would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/config_diff.h"

#define WEB                                                                                        \
	"services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    backends:\n"               \
	"      web-1: 10.0.1.1\n      web-2: { address: 10.0.1.2, weight: 50 }\n"

static char *canonical(const char *yaml)
{
	_cleanup_(diag_release) struct diag diag = {};
	_cleanup_(config_release) struct config *c = NULL;

	if (config_parse(&c, yaml, strlen(yaml), &diag))
		fail_msg("%s", diag.count ? diag.entries[0].text : "no memory");
	return config_text(c);
}

/* The lines, joined by "; ". */
static void differs(const char *from, const char *to, const char *lines)
{
	_cleanup_(free_ptr) char *a = canonical(from), *b = canonical(to);
	_cleanup_(config_diff_release) struct config_diff d = {};
	char text[2048];

	assert_int_equal(config_diff_make(&d, a, b), 0);
	assert_string_equal(config_diff_summary(&d, text, sizeof(text)), lines);
}

static void equal_configurations_do_not_differ(void **state)
{
	differs(WEB, WEB, "");
	differs("services: {}", "services: {}", "");
}

static void a_weight_is_named_with_its_backend(void **state)
{
	differs(WEB,
		"services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    backends:\n"
		"      web-1: { address: 10.0.1.1, weight: 1000 }\n"
		"      web-2: { address: 10.0.1.2, weight: 50, drain: true }\n",
		"service web: backend web-1: weight 100 -> 1000; "
		"service web: backend web-2: drain false -> true");
}

static void what_came_and_went_is_named_with_what_it_is(void **state)
{
	differs(WEB,
		"services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\", \"203.0.113.10:80/tcp\"]\n"
		"    backends:\n      web-1: 10.0.1.1\n      web-3: 10.0.1.3\n"
		"  dns:\n    listen: [\"203.0.113.10:53/udp\"]\n    health: none\n    backends:\n"
		"      ns-1: 10.0.2.1\n",
		"service web: listen: added (203.0.113.10:80/tcp); "
		"service web: backend web-2: removed (10.0.1.2, weight 50); "
		"service web: backend web-3: added (10.0.1.3, weight 100); "
		"service dns: added (203.0.113.10:53/udp, 1 backends)");
}

static void keys_of_the_top_and_of_services_are_named(void **state)
{
	differs(WEB, "echo: drop\ninterfaces: [eth0]\n" WEB "    forward: l2\n    idle_time: 60s\n",
		"interfaces: added (eth0); echo answer -> drop; service web: forward ipip -> l2; "
		"service web: idle_time 300 -> 60");
}

static void another_order_of_backends_is_no_difference_of_theirs(void **state)
{
	differs(WEB,
		"services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    backends:\n"
		"      web-2: { address: 10.0.1.2, weight: 50 }\n      web-1: 10.0.1.1\n",
		"");
}

static void a_long_difference_says_how_much_is_left_out(void **state)
{
	_cleanup_(free_ptr) char
		*a = canonical("services: {}"),
		*b = canonical(
			WEB
			"  dns:\n"
			"    listen: [\"203.0.113.10:53/udp\"]\n    health: none\n    backends:\n"
			"      ns-1: 10.0.2.1\n");
	_cleanup_(config_diff_release) struct config_diff d = {};
	char text[96];

	assert_int_equal(config_diff_make(&d, a, b), 0);
	assert_string_equal(config_diff_summary(&d, text, sizeof(text)),
			    "service web: added (203.0.113.10:443/tcp, 2 backends); and 1 more");
	assert_non_null(config_diff_find(&d, "service dns"));
	assert_null(config_diff_find(&d, "service ftp"));
}

/* Where most services are the same only the others are parsed: with whatever difference, at whatever
 * place, the lines are those of a comparison of all. */
static void what_is_left_out_of_the_comparison_is_equal(void **state)
{
	for (unsigned int one = 0; one < 6; one++) {
		for (unsigned int two = 0; two < 6; two++) {
			for (unsigned int kind = 0; kind < 4; kind++) {
				char from[2048] = "services:\n", to[2048], expected[512] = "";
				size_t used = strlen(from), length;

				snprintf(to, sizeof(to), "%sservices:\n",
					 kind == 3 ? "echo: drop\n" : "");
				if (kind == 3)
					strcpy(expected, "echo answer -> drop; ");
				for (unsigned int i = 0; i < 6; i++) {
					bool other = i == one || i == two;
					char service[160];

					snprintf(service, sizeof(service),
						 "  s%u:\n    listen: [\"203.0.113.%u:443/tcp\"]\n"
						 "    backends: { a: 10.0.%u.1, b: 10.0.%u.2 }\n",
						 i, i, i, i);
					length = strlen(to);
					if (!other || kind == 1)
						snprintf(to + length, sizeof(to) - length, "%s",
							 service);
					else if (kind != 2)
						snprintf(to + length, sizeof(to) - length,
							 "%s    hash: source\n", service);
					if (!other || kind != 1) {
						used += (size_t)snprintf(from + used,
									 sizeof(from) - used, "%s",
									 service);
					}
					length = strlen(expected);
					if (!other || kind == 1)
						continue;
					snprintf(
						expected + length, sizeof(expected) - length,
						kind == 2
							? "service s%u: removed (203.0.113.%u:443/tcp, 2 "
							  "backends); "
							: "service s%u: hash 5-tuple -> source; ",
						i, i);
				}
				for (unsigned int i = 0; kind == 1 && i < 6; i++) {
					length = strlen(expected);
					if (i == one || i == two)
						snprintf(
							expected + length,
							sizeof(expected) - length,
							"service s%u: added (203.0.113.%u:443/tcp, 2 backends); ",
							i, i);
				}
				length = strlen(expected);
				expected[length - 2] = '\0';
				differs(from, to, expected);
			}
		}
	}
}

static void it_says_which_services_are_touched_and_by_what(void **state)
{
	_cleanup_(free_ptr) char *
		a = canonical(WEB),
	       *b = canonical(
		       WEB
		       "    health: none\n"
		       "  webs:\n    listen: [\"203.0.113.11:443/tcp\"]\n    backends: { x: 10.0.3.1 }\n");
	_cleanup_(config_diff_release) struct config_diff d = {};

	assert_int_equal(config_diff_make(&d, a, b), 0);
	assert_true(config_diff_touches(&d, "web", NULL));
	assert_true(config_diff_touches(&d, "web", "health"));
	assert_false(config_diff_touches(&d, "web", "hash"));
	assert_false(config_diff_touches(&d, "we", NULL));
	assert_true(config_diff_touches(&d, "webs", NULL));
	assert_true(config_diff_beyond_pool(&d, "web"));
	assert_false(config_diff_beyond_pool(&d, "webs"));
}

static void what_is_no_canonical_text_is_refused(void **state)
{
	struct config_diff d = {};

	assert_int_equal(config_diff_make(&d, "services:", "{}"), -EINVAL);
	assert_int_equal(config_diff_make(&d, "{}", "[]"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_configurations_do_not_differ),
		cmocka_unit_test(a_weight_is_named_with_its_backend),
		cmocka_unit_test(what_came_and_went_is_named_with_what_it_is),
		cmocka_unit_test(keys_of_the_top_and_of_services_are_named),
		cmocka_unit_test(another_order_of_backends_is_no_difference_of_theirs),
		cmocka_unit_test(a_long_difference_says_how_much_is_left_out),
		cmocka_unit_test(what_is_left_out_of_the_comparison_is_equal),
		cmocka_unit_test(it_says_which_services_are_touched_and_by_what),
		cmocka_unit_test(what_is_no_canonical_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
