// SPDX-License-Identifier: GPL-2.0
/* Lints that look at one configuration: beside each file that trips one, near misses that do not. */
#include "lint_case.h"

static void an_address_outside_the_subnet_of_all_its_peers_is_found(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: 10.0.11.3\n",
		  "f:7:10: warning: web/c: address 10.0.11.3 is outside 10.0.1.0/24, where its "
		  "peers are; did you mean 10.0.1.3? [foreign-address]\n" },
		{ POOL "      a: 10.0.1.1\n      b: 10.0.2.2\n      c: 10.1.3.3\n",
		  "f:7:10: warning: web/c: address 10.1.3.3 is outside 10.0.0.0/16, where its "
		  "peers are; did you mean 10.0.3.3? [foreign-address]\n" },
		/* The address that was meant is another's. */
		{ POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: 10.0.7.2\n",
		  "f:7:10: warning: web/c: address 10.0.7.2 is outside 10.0.1.0/24, where its "
		  "peers are [foreign-address]\n" },
		{ POOL "      a: 2001:db8:1::1\n      b: 2001:db8:1::2\n      c: 2001:db8:7::3\n",
		  "f:7:10: warning: web/c: address 2001:db8:7::3 is outside 2001:db8:1::/64, where "
		  "its peers are; did you mean 2001:db8:1::3? [foreign-address]\n" },
		/* Two racks; two backends alone; families apart. */
		{ POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: 10.0.2.3\n"
		       "      d: 10.0.2.4\n",
		  "" },
		{ POOL "      a: 10.0.1.1\n      b: 10.9.9.2\n", "" },
		{ POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: 2001:db8::1\n", "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void a_host_with_two_names_is_found(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "  dns:\n    listen: [\"203.0.113.10:53/udp\"]\n"
			"    backends: { ns-1: 10.0.1.1 }\n",
		  "f:8:17: warning: dns/ns-1: address 10.0.1.1 is that of web/web-1: one host has "
		  "two names [two-names]\n" },
		{ WEB_1 "  dns:\n    listen: [\"203.0.113.10:53/udp\"]\n"
			"    backends: { web-1: 10.0.1.1 }\n",
		  "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

#define NAT WEB "    forward: nat\n    backends:\n"

static void a_port_unlike_its_peers_is_found(void **state)
{
	static const struct config_case rows[] = {
		{ NAT "      a: { address: 10.0.1.1, port: 8080 }\n"
		      "      b: { address: 10.0.1.2, port: 8080 }\n"
		      "      c: { address: 10.0.1.3, port: 8008 }\n",
		  "f:8:37: warning: web/c: port 8008 is unlike its peers'; did you mean 8080? "
		  "[odd-port]\n" },
		{ NAT "      a: 10.0.1.1\n      b: 10.0.1.2\n"
		      "      c: { address: 10.0.1.3, port: 8008 }\n",
		  "f:8:37: warning: web/c: port 8008, and its peers have none of their own "
		  "[odd-port]\n" },
		{ NAT "      a: { address: 10.0.1.1, port: 8081 }\n"
		      "      b: { address: 10.0.1.2, port: 8082 }\n"
		      "      c: { address: 10.0.1.3, port: 8083 }\n",
		  "" },
		{ "services:\n  web:\n"
		  "    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:433/tcp\"]\n"
		  "    backends: { a: 10.0.1.1 }\n",
		  "f:3:38: warning: service web: port 433 is unlike that of its other listener; "
		  "did you mean 443? [odd-port]\n" },
		{ "services:\n  web:\n"
		  "    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:80/tcp\", "
		  "\"203.0.113.10:444/tcp\", \"203.0.113.11:443/tcp\"]\n"
		  "    backends: { a: 10.0.1.1 }\n",
		  "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void a_weight_ten_times_its_peers_is_found(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: 10.0.1.1\n      b: { address: 10.0.1.2, weight: 1000 }\n"
		       "      c: 10.0.1.3\n",
		  "f:6:39: warning: web/b: weight 1000 is 10 times its peers'; did you mean 100? "
		  "[weight-outlier]\n" },
		{ POOL "      a: { address: 10.0.1.1, weight: 3 }\n"
		       "      b: { address: 10.0.1.2, weight: 99 }\n",
		  "f:6:39: warning: web/b: weight 99 is 33 times its peers'; did you mean 3? "
		  "[weight-outlier]\n" },
		{ POOL "      a: 10.0.1.1\n      b: { address: 10.0.1.2, weight: 999 }\n", "" },
		/* One that is drained weighs nothing. */
		{ POOL "      a: 10.0.1.1\n      b: { address: 10.0.1.2, weight: 1000, drain: "
		       "true }\n      c: 10.0.1.3\n",
		  "" },
		{ POOL "      a: 10.0.1.1\n      b: { address: 10.0.1.2, weight: 10 }\n"
		       "      c: 10.0.1.3\n",
		  "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void all_weight_on_one_is_found(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: { address: 10.0.1.1, drain: true }\n      b: 10.0.1.2\n"
		       "      c: { address: 10.0.1.3, weight: 0 }\n",
		  "f:6:7: warning: web/b gets all new flows: the other 2 are drained or have "
		  "weight 0 [all-on-one]\n" },
		{ WEB_1, "" },
		{ POOL "      a: { address: 10.0.1.1, drain: true }\n      b: 10.0.1.2\n"
		       "      c: 10.0.1.3\n",
		  "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void times_that_cannot_work_are_found(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "    drain_time: 1m\n",
		  "f:2:3: warning: service web: a removal breaks flows after drain_time, 60 s, and "
		  "they count as alive for idle_time, 300 s [timeouts]\n" },
		{ WEB_1 "    drain_time: 0\n", "" },
		{ WEB_1 "    drain_time: 5m\n", "" },
		{ WEB_1 "    hold_time: 10s\n    health: { down_interval: 5s }\n",
		  "f:7:30: warning: service web: its flows are given up 10 s after a backend died "
		  "(hold_time), and seeing it up again takes up to 12 s (rise 2 times "
		  "down_interval) [timeouts]\n" },
		{ WEB_1 "    hold_time: 12s\n    health: { down_interval: 5s }\n", "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void names_that_differ_in_a_letter_are_found(void **state)
{
#define ALIKE(name, what, other)                                                                   \
	"f:6:7: warning: web/" name ": the name " what " '" other "' [names-alike]\n"
	static const struct config_case rows[] = {
		{ POOL "      frontend: 10.0.1.1\n      frontent: 10.0.1.2\n",
		  ALIKE("frontent", "is one letter from", "frontend") },
		{ POOL "      fornt: 10.0.1.1\n      front: 10.0.1.2\n",
		  ALIKE("front", "is one letter from", "fornt") },
		{ POOL "      app: 10.0.1.1\n      apps: 10.0.1.2\n",
		  ALIKE("apps", "is one letter from", "app") },
		{ POOL "      web-1: 10.0.1.1\n      web1: 10.0.1.2\n",
		  ALIKE("web1", "is one letter from", "web-1") },
		{ POOL "      web-1: 10.0.1.1\n      web-l: 10.0.1.2\n",
		  ALIKE("web-l", "looks like", "web-1") },
		{ POOL "      web-10: 10.0.1.1\n      web-1O: 10.0.1.2\n",
		  ALIKE("web-1O", "looks like", "web-10") },
		/* What counts is no typing error. */
		{ POOL "      web-1: 10.0.1.1\n      web-2: 10.0.1.2\n      web-12: 10.0.1.3\n",
		  "" },
		{ POOL "      web-a: 10.0.1.1\n      web-b: 10.0.1.2\n      web: 10.0.1.3\n", "" },
		{ POOL "      blue: 10.0.1.1\n      green: 10.0.1.2\n", "" },
		{ WEB_1 "  wed:\n    listen: [\"203.0.113.10:53/udp\"]\n"
			"    backends: { web-2: 10.0.1.2 }\n",
		  "f:6:3: warning: service wed: the name is one letter from 'web' "
		  "[names-alike]\n" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

#define HEALTH WEB_1 "    health: { type: http, path: "

static void characters_that_look_like_others_are_found(void **state)
{
	static const struct config_case rows[] = {
		/* "heаlth" with a Cyrillic a, "/οk" with a Greek o, a long dash */
		{ HEALTH "/he\u0430lth }\n",
		  "f:6:36: error: U+0430 looks like 'a', and is another character: type "
		  "'/health' anew [look-alike]\n" },
		{ HEALTH "/\u03bfk }\n",
		  "f:6:34: error: U+03BF looks like 'o', and is another character: type '/ok' "
		  "anew [look-alike]\n" },
		{ HEALTH "/up\u2013check }\n",
		  "f:6:36: error: U+2013 looks like '-', and is another character: type "
		  "'/up-check' anew [look-alike]\n" },
		/* A word of another language is one; comments and reasons are for people. */
		{ HEALTH "/\u0436\u0438\u0432 }\n", "" },
		{ HEALTH "/health } # \u0441\u043e\u0440, he\u0430lth\n", "" },
		{ HEALTH "/health }\n", "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void line_ends_of_windows_are_found(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n  web:\r\n    listen: [\"203.0.113.10:443/tcp\"]\r\n    backends: { "
		  "a: 10.0.1.1 }\n",
		  "f:2:1: warning: 2 lines end as on Windows (CR LF): save the file with Unix line "
		  "ends [line-ends]\n" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void what_is_silenced_is_not_told(void **state)
{
#define OUTLIER POOL "      a: 10.0.1.1\n      b: { address: 10.0.1.2, weight: 1000 }\n"
	static const struct config_case rows[] = {
		{ OUTLIER "silence: [{ lint: weight-outlier, reason: b is a big machine }]\n", "" },
		{ OUTLIER "silence: [{ lint: weight-outlier, service: web, reason: big }]\n", "" },
		{ OUTLIER "silence: [{ lint: weight-outlier, service: api, reason: big }]\n",
		  "f:6:39: warning: web/b: weight 1000 is 10 times its peers'; did you mean 100? "
		  "[weight-outlier]\n"
		  "f:7:11: warning: 'weight-outlier' is silenced in api and finds nothing there "
		  "[silence]\n" },
		{ WEB_1 "silence: [{ lint: weight-outliers, reason: big }]\n",
		  "f:6:11: warning: there is no lint 'weight-outliers'; did you mean "
		  "'weight-outlier'? [silence]\n" },
		/* Not looked for now: there is nothing to compare with, nobody to ask. */
		{ WEB_1 "silence: [{ lint: disappears, reason: x }, { lint: unreachable, reason: "
			"x }]\n",
		  "" },
	};

	assert_lints(rows, ARRAY_SIZE(rows));
}

static void the_list_of_lints_says_what_to_do(void **state)
{
	for (enum lint i = 0; i < LINT_COUNT; i++) {
		assert_true(lint_name(i)[0] && lint_what(i)[0] && lint_remedy(i)[0]);
		assert_true(strlen(lint_name(i)) <= LINT_NAME_MAX);
		for (enum lint k = 0; k < i; k++)
			assert_string_not_equal(lint_name(i), lint_name(k));
	}
}

static void the_examples_have_nothing_to_tell(void **state)
{
	static const char *const names[] = { "minimal.yaml", "ipip-two-families.yaml",
					     "l2.yaml",      "many-options.yaml",
					     "gue.yaml",     "nat.yaml",
					     "quic.yaml" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(free_ptr) char *text = read_example(names[i]);
		const struct lint_case row = { text, "", NULL };

		assert_lint_live(&row, NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_outside_the_subnet_of_all_its_peers_is_found),
		cmocka_unit_test(a_host_with_two_names_is_found),
		cmocka_unit_test(a_port_unlike_its_peers_is_found),
		cmocka_unit_test(a_weight_ten_times_its_peers_is_found),
		cmocka_unit_test(all_weight_on_one_is_found),
		cmocka_unit_test(times_that_cannot_work_are_found),
		cmocka_unit_test(names_that_differ_in_a_letter_are_found),
		cmocka_unit_test(characters_that_look_like_others_are_found),
		cmocka_unit_test(line_ends_of_windows_are_found),
		cmocka_unit_test(what_is_silenced_is_not_told),
		cmocka_unit_test(the_list_of_lints_says_what_to_do),
		cmocka_unit_test(the_examples_have_nothing_to_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
