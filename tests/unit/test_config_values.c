// SPDX-License-Identifier: GPL-2.0
#include "config_case.h"

static void numbers_are_decimal_and_in_range(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: { address: 10.0.1.1, weight: 0 }\n"
		       "      b: { address: 10.0.1.2, weight: 65535 }\n"
		       "      c: { address: 10.0.1.3, weight: 1 }\n",
		  "" },
		{ POOL
		  "      a: { address: 10.0.1.1, weight: 65536 }\n"
		  "      b: { address: 10.0.1.2, weight: 100000 }\n"
		  "      c: { address: 10.0.1.3, weight: -1 }\n"
		  "      d: { address: 10.0.1.4, weight: 4294967297 }\n"
		  "      e: { address: 10.0.1.5, weight: 9999999999999999999999999999999999999999"
		  "9 }\n"
		  "      f: { address: 10.0.1.6, weight: 18446744073709551716 }\n", /* 2^64 + 100 */
		  "f:5:39: error: weight 65536 is above 65535\n"
		  "f:6:39: error: weight 100000 is above 65535\n"
		  "f:7:39: error: weight -1 is below 0\n"
		  "f:8:39: error: weight 4294967297 is above 65535\n"
		  "f:9:39: error: weight 99999999999999999999999999999999 is above 65535\n"
		  "f:10:39: error: weight 18446744073709551716 is above 65535\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_is_not_a_decimal_number_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: { address: 10.0.1.1, weight: 0100 }\n"
		       "      b: { address: 10.0.1.2, weight: 0x10 }\n"
		       "      c: { address: 10.0.1.3, weight: 1_000 }\n"
		       "      d: { address: 10.0.1.4, weight: 1.5 }\n"
		       "      e: { address: 10.0.1.5, weight: 1e3 }\n"
		       "      f: { address: 10.0.1.6, weight: \"100\" }\n"
		       "      g: { address: 10.0.1.7, weight: +1 }\n"
		       "      h: { address: 10.0.1.8, weight: 0o17 }\n"
		       "      i: { address: 10.0.1.9, weight: ten }\n"
		       "      j: { address: 10.0.1.10, weight: 1:30 }\n",
		  "f:5:39: error: weight '0100' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:6:39: error: weight '0x10' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:7:39: error: weight '1_000' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:8:39: error: weight '1.5' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:9:39: error: weight '1e3' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:10:39: error: weight is quoted text: write the number without quotes\n"
		  "f:11:39: error: weight '+1' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:12:39: error: weight '0o17' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:13:39: error: weight 'ten' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n"
		  "f:14:40: error: weight '1:30' must be a number from 0 to 65535: decimal digits "
		  "only, "
		  "no leading zero\n" },
		{ POOL "      a: { address: 10.0.1.1, weight: }\n"
		       "      b: { address: 10.0.1.2, weight: [1] }\n"
		       "      c: { address: 10.0.1.3, weight: { a: 1 } }\n"
		       "      d: { address: 10.0.1.4, weight: ~ }\n"
		       "      e: { address: 10.0.1.5, weight: \"\" }\n",
		  "f:5:39: error: weight has no value: give it a number from 0 to 65535\n"
		  "f:6:39: error: weight must be a number from 0 to 65535, not a list\n"
		  "f:7:39: error: weight must be a number from 0 to 65535, not a mapping\n"
		  "f:8:39: error: weight '~' must be a number from 0 to 65535: decimal digits "
		  "only, no "
		  "leading zero\n"
		  "f:9:39: error: weight is quoted text: write the number without quotes\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void booleans_are_true_or_false(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: { address: 10.0.1.1, drain: true }\n"
		       "      b: { address: 10.0.1.2, drain: false }\n",
		  "" },
		{ POOL "      a: { address: 10.0.1.1, drain: yes }\n"
		       "      b: { address: 10.0.1.2, drain: True }\n"
		       "      c: { address: 10.0.1.3, drain: \"true\" }\n"
		       "      d: { address: 10.0.1.4, drain: 1 }\n"
		       "      e: { address: 10.0.1.5, drain: flase }\n"
		       "      f: { address: 10.0.1.6, drain: }\n",
		  "f:5:38: error: drain 'yes' must be true or false\n"
		  "f:6:38: error: drain 'True' must be true or false; did you mean 'true'?\n"
		  "f:7:38: error: drain is quoted text: write true without quotes\n"
		  "f:8:38: error: drain '1' must be true or false\n"
		  "f:9:38: error: drain 'flase' must be true or false; did you mean 'false'?\n"
		  "f:10:38: error: drain has no value: give it true or false\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void durations_have_a_unit_or_are_seconds(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "    idle_time: 300s\n"
			"    drain_time: 1h\n",
		  "" },
		{ WEB_1 "    idle_time: '5m'\n"
			"    drain_time: 0\n",
		  "" },
		{ WEB_1 "    idle_time: 28800\n"
			"    drain_time: 168h\n",
		  "" },
		{ WEB_1 "    idle_time: 0\n"
			"    drain_time: 604801\n",
		  "f:6:16: error: idle_time 0 is below 1 s\n"
		  "f:7:17: error: drain_time 604801 is above 604800 s\n" },
		{ WEB_1 "    idle_time: 28801\n"
			"    drain_time: 169h\n",
		  "f:6:16: error: idle_time 28801 is above 28800 s\n"
		  "f:7:17: error: drain_time 169h is above 604800 s\n" },
		{ WEB_1 "    idle_time: 9h\n"
			"    drain_time: 99999999999999999999h\n",
		  "f:6:16: error: idle_time 9h is above 28800 s\n"
		  "f:7:17: error: drain_time 99999999999999999999h is above 604800 s\n" },
		{ WEB_1 "    idle_time: 1d\n"
			"    drain_time: 05m\n",
		  "f:6:16: error: idle_time '1d' must be a duration: 300s, 5m, 1h, or seconds\n"
		  "f:7:17: error: drain_time '05m' must be a duration: 300s, 5m, 1h, or "
		  "seconds\n" },
		{ WEB_1 "    idle_time: 1h30m\n"
			"    drain_time: m\n",
		  "f:6:16: error: idle_time '1h30m' must be a duration: 300s, 5m, 1h, or seconds\n"
		  "f:7:17: error: drain_time 'm' must be a duration: 300s, 5m, 1h, or seconds\n" },
		{ WEB_1 "    idle_time: -5m\n"
			"    drain_time: 1.5h\n",
		  "f:6:16: error: idle_time '-5m' must be a duration: 300s, 5m, 1h, or seconds\n"
		  "f:7:17: error: drain_time '1.5h' must be a duration: 300s, 5m, 1h, or "
		  "seconds\n" },
		{ WEB_1 "    idle_time: 5 m\n"
			"    drain_time:\n",
		  "f:6:16: error: idle_time '5 m' must be a duration: 300s, 5m, 1h, or seconds\n"
		  "f:7:16: error: drain_time has no value: give it a duration: 300s, 5m, 1h, or "
		  "seconds\n" },
		{ WEB_1 "    idle_time: [5m]\n"
			"    drain_time: \"\"\n",
		  "f:6:16: error: idle_time must be a duration: 300s, 5m, 1h, or seconds, not a "
		  "list\n"
		  "f:7:17: error: drain_time '' must be a duration: 300s, 5m, 1h, or seconds\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void values_from_a_list_are_suggested_when_mistyped(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "    forward: l2\n"
			"    hash: 5-tuple\n",
		  "" },
		{ WEB_1 "    forward: ipip\n"
			"    hash: source-dest\n",
		  "" },
		{ WEB_1 "    forward: ippi\n"
			"    hash: sorce\n",
		  "f:6:14: error: forward 'ippi' must be l2, ipip, gue or nat; did you mean 'ipip'?\n"
		  "f:7:11: error: hash 'sorce' must be 5-tuple, source or source-dest; did you "
		  "mean "
		  "'source'?\n" },
		{ WEB_1 "    forward: L2\n"
			"    hash: source_dest\n",
		  "f:6:14: error: forward 'L2' must be l2, ipip, gue or nat\n"
		  "f:7:11: error: hash 'source_dest' must be 5-tuple, source or source-dest; did "
		  "you "
		  "mean 'source-dest'?\n" },
		{ WEB_1 "    forward: geu\n"
			"    hash: random\n",
		  "f:6:14: error: forward 'geu' must be l2, ipip, gue or nat; did you mean "
		  "'gue'?\n"
		  "f:7:11: error: hash 'random' must be 5-tuple, source or source-dest\n" },
		{ WEB_1 "    forward: [nat]\n"
			"    hash: [source]\n",
		  "f:6:14: error: forward must be l2, ipip, gue or nat, not a list\n"
		  "f:7:11: error: hash must be 5-tuple, source or source-dest, not a list\n" },
		{ WEB_1 "    forward: tunnel\n"
			"    hash:\n",
		  "f:6:14: error: forward 'tunnel' must be l2, ipip, gue or nat\n"
		  "f:7:10: error: hash has no value: give it 5-tuple, source or source-dest\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void unreadable_addresses_are_refused_each_with_its_reason(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: 10.0.0.010\n"
		       "      b: { address: 10.0.1 }\n"
		       "      c: { address: web.example.com }\n"
		       "      d: \"2001:db8::g\"\n"
		       "      e: 10.0.0.5/32\n"
		       "      f: { address: }\n"
		       "      g: { weight: 5 }\n"
		       "      h:\n"
		       "      i: [10.0.1.9]\n"
		       "      j: { address: [10.0.1.10] }\n"
		       "      k: { }\n"
		       "      l: \"\"\n",
		  "f:5:10: error: address '10.0.0.010': a number with leading zeros is ambiguous: "
		  "octal "
		  "to some, decimal to others\n"
		  "f:6:21: error: address '10.0.1': an IPv4 address is four decimal numbers from 0 "
		  "to "
		  "255\n"
		  "f:7:21: error: address 'web.example.com': it is neither an IPv4 nor an IPv6 "
		  "address; "
		  "names are not resolved\n"
		  "f:8:10: error: address '2001:db8::g': not an IPv6 address: up to eight groups "
		  "of "
		  "hexadecimal digits, one '::' at most\n"
		  "f:9:10: error: address '10.0.0.5/32': a prefix length does not belong here\n"
		  "f:10:21: error: address has no value: give it an IPv4 or IPv6 address\n"
		  "f:11:7: error: backend 'g' has no address: add 'address:' and an IPv4 or IPv6 "
		  "address\n"
		  "f:12:9: error: a backend has no value: give it an address, or a mapping with "
		  "the key "
		  "address\n"
		  "f:13:10: error: a backend must be an address, or a mapping with the key "
		  "address, not "
		  "a list\n"
		  "f:14:21: error: address must be an IPv4 or IPv6 address, not a list\n"
		  "f:15:7: error: backend 'k' has no address: add 'address:' and an IPv4 or IPv6 "
		  "address\n"
		  "f:16:10: error: address '': it is empty\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void unreadable_listeners_are_refused_each_with_its_reason(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "  web:\n"
		  "    listen:\n"
		  "      - 203.0.113.10:443\n"
		  "      - 203.0.113.10:443/tpc\n"
		  "      - 203.0.113.10:0/tcp\n"
		  "      - 203.0.113.10:65536/tcp\n"
		  "      - 203.0.113.10/tcp\n"
		  "      - 203.0.113.010:443/tcp\n"
		  "      - 2001:db8::10:443/tcp\n"
		  "      - [2001:db8::10]\n"
		  "      -\n"
		  "      - { port: 443 }\n"
		  "    backends:\n"
		  "      web-1: 10.0.1.1\n",
		  "f:4:9: error: listener '203.0.113.10:443': the protocol is missing: end it with "
		  "/tcp "
		  "or /udp\n"
		  "f:5:9: error: listener '203.0.113.10:443/tpc': the protocol must be tcp or udp; "
		  "did you mean 'tcp'?\n"
		  "f:6:9: error: listener '203.0.113.10:0/tcp': the port must be a decimal number "
		  "from "
		  "1 to 65535\n"
		  "f:7:9: error: listener '203.0.113.10:65536/tcp': the port must be a decimal "
		  "number "
		  "from 1 to 65535\n"
		  "f:8:9: error: listener '203.0.113.10/tcp': the port is missing: "
		  "address:port/protocol is expected\n"
		  "f:9:9: error: listener '203.0.113.010:443/tcp': a number with leading zeros is "
		  "ambiguous: octal to some, decimal to others\n"
		  "f:10:9: error: listener '2001:db8::10:443/tcp': an IPv6 address needs brackets: "
		  "\"[2001:db8::10]:443/tcp\"\n"
		  "f:11:9: error: a listener must be text: \"address:port/protocol\" (in quotes if "
		  "it "
		  "begins with '['), not a list\n"
		  "f:12:8: error: a listener has no value: give it text: \"address:port/protocol\" "
		  "(in "
		  "quotes if it begins with '[')\n"
		  "f:13:9: error: a listener must be text: \"address:port/protocol\" (in quotes if "
		  "it "
		  "begins with '['), not a mapping\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void listeners_are_a_list(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "  web:\n"
		  "    listen: 203.0.113.10:443/tcp\n"
		  "    backends:\n"
		  "      web-1: 10.0.1.1\n",
		  "f:3:13: error: listen must be a list of \"address:port/protocol\", not text\n" },
		{ "services:\n"
		  "  web:\n"
		  "    listen:\n"
		  "    backends:\n"
		  "      web-1: 10.0.1.1\n",
		  "f:3:12: error: listen has no value: give it a list of "
		  "\"address:port/protocol\"\n" },
		{ "services:\n"
		  "  web:\n"
		  "    listen: { a: b }\n"
		  "    backends:\n"
		  "      web-1: 10.0.1.1\n",
		  "f:3:13: error: listen must be a list of \"address:port/protocol\", not a "
		  "mapping\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_decimal_and_in_range),
		cmocka_unit_test(what_is_not_a_decimal_number_is_refused),
		cmocka_unit_test(booleans_are_true_or_false),
		cmocka_unit_test(durations_have_a_unit_or_are_seconds),
		cmocka_unit_test(values_from_a_list_are_suggested_when_mistyped),
		cmocka_unit_test(unreadable_addresses_are_refused_each_with_its_reason),
		cmocka_unit_test(unreadable_listeners_are_refused_each_with_its_reason),
		cmocka_unit_test(listeners_are_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
