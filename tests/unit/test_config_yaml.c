// SPDX-License-Identifier: GPL-2.0
#include "config_case.h"

static void what_is_not_text_in_utf8_is_refused_with_a_remedy(void **state)
{
	static const struct config_case rows[] = {
		{ "\xef\xbb\xbfservices: {}\n",
		  "f:1:1: error: the file begins with a byte order mark: save it as UTF-8 without "
		  "BOM\n" },
		{ "\xff\xfes\x00"
		  "e\x00",
		  "f:1:1: error: the file is UTF-16: save it as UTF-8\n" },
		{ "\xfe\xff\x00s\x00"
		  "e",
		  "f:1:1: error: the file is UTF-16: save it as UTF-8\n" },
		{ "# ok: \xc3\xa9 \xe2\x82\xac\n"
		  "# latin-1: \xe9 and \xe8\n"
		  "services: {} # \xff\n",
		  "f:2:12: error: byte 0xe9 is not UTF-8: save the file as UTF-8\n"
		  "f:3:16: error: byte 0xff is not UTF-8: save the file as UTF-8\n" },
		{ "# \xed\xa0\x80\n"
		  "services: {}\n",
		  "f:1:3: error: byte 0xed is not UTF-8: save the file as UTF-8\n" },
		{ "# \xc0\xaf\n"
		  "services: {}\n",
		  "f:1:3: error: byte 0xc0 is not UTF-8: save the file as UTF-8\n" },
		{ "services: {} # \xe2\x80\xa8 here\n",
		  "f:1:16: error: invisible character U+2028: remove it\n" },
		{ "services: {} # \xc2\x85\n",
		  "f:1:16: error: invisible character U+0085: remove it\n" },
		{ "services: {} # \x1b[31m\n",
		  "f:1:16: error: invisible character U+001B: remove it\n" },
		{ "services: {}\n"
		  "# \x7f\n",
		  "f:2:3: error: invisible character U+007F: remove it\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void a_tab_for_indentation_is_named(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "\tweb: {}\n",
		  "f:2:1: error: a tab where YAML takes only spaces: indent with spaces\n" },
		{ POOL "\t  web-1: 10.0.1.1\n",
		  "f:5:1: error: a tab where YAML takes only spaces: indent with spaces\n" },
		{ "\tservices: {}\n",
		  "f:1:1: error: a tab where YAML takes only spaces: indent with spaces\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void a_truncated_text_is_refused(void **state)
{
	static const struct config_case rows[] = {
		/* a quotation that does not end */
		{ POOL "      web-1: \"10.0.1.1\n",
		  "f:6:1: error: not valid YAML: found unexpected end of stream while scanning a "
		  "quoted "
		  "scalar that began at line 5, column 14; the file ends here: is it "
		  "truncated?\n" },
		/* a flow mapping that does not end */
		{ WEB "    backends: { web-1: { address: \"10.0.1.1\"\n",
		  "f:5:1: error: not valid YAML: did not find expected ',' or '}' while parsing a "
		  "flow "
		  "mapping that began at line 4, column 24; the file ends here: is it "
		  "truncated?\n" },
		{ WEB "    backends: { web-1: 10.0.1.1",
		  "f:5:1: error: not valid YAML: did not find expected ',' or '}' while parsing a "
		  "flow mapping that began at line 4, column 15; the file ends here: is it "
		  "truncated?\n" },
		/* a flow list that does not end */
		{ "interfaces: [eth0,\n",
		  "f:2:1: error: not valid YAML: did not find expected node content; the file ends "
		  "here: is it truncated?\n" },
		/* a value that may go on */
		{ POOL "      web-1: 10.0.1.1",
		  "f:5:14: error: the file ends within this line: is it truncated? If not, end the "
		  "line "
		  "with a line break\n" },
		/* a key without its value */
		{ POOL "      web-1:",
		  "f:5:13: error: a backend has no value: give it an address, or a mapping with "
		  "the key "
		  "address\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void a_text_without_its_end_is_refused_for_what_is_missing(void **state)
{
	static const struct config_case rows[] = {
		{ WEB "    back",
		  "f:5:1: error: not valid YAML: could not find expected ':' while scanning a "
		  "simple "
		  "key that began at line 4, column 5; the file ends here: is it truncated?\n" },
		{ POOL, "f:4:14: error: backends has no value: give it a mapping of names to "
			"backends\n" },
		{ WEB, "f:2:3: error: service 'web' has no backends: add at least one below "
		       "'backends:'\n" },
		{ "services:\n"
		  "  web:\n",
		  "f:2:7: error: a service has no value: give it a mapping with the keys listen "
		  "and "
		  "backends\n" },
		{ "services:\n",
		  "f:1:10: error: services has no value: give it a mapping of names to services "
		  "({} for "
		  "none)\n" },
		{ "services",
		  "f:1:1: error: the file ends within this line: is it truncated? If not, end the "
		  "line "
		  "with a line break\n"
		  "f:1:1: error: a configuration must be a mapping with the keys interfaces and "
		  "services, not text\n" },
		{ "{\"services\": {\"web\": {\"listen\": [\"203.0.113.10:443/tcp\"], \"backends\": "
		  "{\"a\": {\""
		  "address\": \"10.0",
		  "f:1:94: error: not valid YAML: found unexpected end of stream while scanning a "
		  "quoted scalar that began at line 1, column 89; the file ends here: is it "
		  "truncated?\n" },
		{ "{\"services\": {}",
		  "f:2:1: error: not valid YAML: did not find expected ',' or '}' while parsing a "
		  "flow "
		  "mapping that began at line 1, column 1; the file ends here: is it "
		  "truncated?\n" },
		{ "",
		  "f: error: the file is empty: a configuration has at least the key services\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_was_found_before_a_syntax_error_is_reported_too(void **state)
{
	static const struct config_case rows[] = {
		{ "interfaces: [eth0, eth0]\n"
		  "servces: {}\n"
		  "services:\n"
		  "  web:\n"
		  "    lsten: [\"203.0.113.10:443/tpc\"]\n"
		  "    weight: 3\n"
		  "    backends:\n"
		  "      a: 10.0.0.010\n"
		  "      b: { address: 224.0.0.1, weight: 70000 ]\n"
		  "      c: 10.0.0.2\n",
		  "f:1:20: error: interface 'eth0' is listed twice\n"
		  "f:2:1: error: unknown key 'servces' at the top level; did you mean 'services'?\n"
		  "f:5:5: error: unknown key 'lsten' in a service; did you mean 'listen'?\n"
		  "f:5:13: error: listener '203.0.113.10:443/tpc': the protocol must be tcp or "
		  "udp; "
		  "did you mean 'tcp'?\n"
		  "f:6:5: error: key 'weight' does not belong in a service: it belongs in a "
		  "backend\n"
		  "f:8:10: error: address '10.0.0.010': a number with leading zeros is ambiguous: "
		  "octal "
		  "to some, decimal to others\n"
		  "f:9:21: error: web/b: address 224.0.0.1 is a multicast address: it cannot be a "
		  "backend\n"
		  "f:9:40: error: weight 70000 is above 65535\n"
		  "f:9:46: error: not valid YAML: did not find expected ',' or '}' while parsing a "
		  "flow "
		  "mapping that began at line 9, column 10\n" },
		{ POOL "      a: { wieght: 5, \"addr",
		  "f:5:12: error: unknown key 'wieght' in a backend; did you mean 'weight'?\n"
		  "f:5:28: error: not valid YAML: found unexpected end of stream while scanning a "
		  "quoted scalar that began at line 5, column 23; the file ends here: is it "
		  "truncated?\n" },
		{ "services: {}\n"
		  "  web: 1\n",
		  "f:2:3: error: not valid YAML: did not find expected key while parsing a block "
		  "mapping that began at line 1, column 1\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_yaml_has_and_a_configuration_must_not_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ WEB "    backends: &pool\n"
		      "      web-1: &one 10.0.1.1\n",
		  "f:4:15: error: anchor '&pool': anchors and aliases are not supported; write the "
		  "value out\n"
		  "f:5:14: error: anchor '&one': anchors and aliases are not supported; write the "
		  "value "
		  "out\n" },
		{ WEB "    backends: *pool\n",
		  "f:4:15: error: alias '*pool': anchors and aliases are not supported; write the "
		  "value "
		  "out\n" },
		{ WEB "    backends: { web-1: *one, *key : 10.0.0.1, web-2: { <<: *one } }\n",
		  "f:4:24: error: alias '*one': anchors and aliases are not supported; write the "
		  "value "
		  "out\n"
		  "f:4:30: error: alias '*key': anchors and aliases are not supported; write the "
		  "value "
		  "out\n"
		  "f:4:56: error: merge keys ('<<') are not supported; write the keys out\n"
		  "f:4:60: error: alias '*one': anchors and aliases are not supported; write the "
		  "value "
		  "out\n" },
		{ POOL "      <<: { web-1: 10.0.1.1 }\n",
		  "f:5:7: error: merge keys ('<<') are not supported; write the keys out\n" },
		{ "services: !!map {}\n",
		  "f:1:11: error: tag 'tag:yaml.org,2002:map': tags are not supported; remove "
		  "it\n" },
		{ "services: !mine {}\n"
		  "interfaces: [! eth0]\n",
		  "f:1:11: error: tag '!mine': tags are not supported; remove it\n"
		  "f:2:14: error: tag '!': tags are not supported; remove it\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void documents_keys_and_texts_that_mean_nothing_here_are_refused(void **state)
{
	static const struct config_case rows[] = {
		{ "services: {}\n"
		  "---\n"
		  "services: {}\n",
		  "f:2:1: error: a second document begins here: one file is one configuration; the "
		  "rest "
		  "is not read\n" },
		{ "services: {}\n"
		  "...\n"
		  "---\n"
		  "nonsense: [\n",
		  "f:3:1: error: a second document begins here: one file is one configuration; the "
		  "rest "
		  "is not read\n" },
		{ "? [a, b]\n"
		  ": c\n"
		  "services: {}\n",
		  "f:1:3: error: a list or mapping stands where a key is expected (quote it if it "
		  "begins with '[' or '{')\n" },
		{ "? { a: b }\n"
		  ": c\n"
		  "services: {}\n",
		  "f:1:3: error: a list or mapping stands where a key is expected (quote it if it "
		  "begins with '[' or '{')\n" },
		{ WEB "    backends: { \"web\\0-1\": 10.0.1.1, web-2: \"10.0.1.2\\0\" }\n",
		  "f:4:17: error: there is a NUL character in this text: remove it\n"
		  "f:4:45: error: there is a NUL character in this text: remove it\n" },
		{ "services: {}\n"
		  "interfaces: [[[[[[[[[[[[[[[[[[[eth0]]]]]]]]]]]]]]]]]]]\n",
		  "f:2:14: error: an interface must be a name, not a list\n"
		  "f:2:28: error: nested deeper than anything in a configuration: the rest is not "
		  "read\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void the_root_must_be_a_mapping_with_services(void **state)
{
	static const struct config_case rows[] = {
		{ "",
		  "f: error: the file is empty: a configuration has at least the key services\n" },
		{ "\n",
		  "f: error: the file is empty: a configuration has at least the key services\n" },
		{ "# only a comment\n",
		  "f: error: the file is empty: a configuration has at least the key services\n" },
		{ "---\n",
		  "f:2:1: error: a configuration has no value: give it a mapping with the keys "
		  "interfaces and services\n" },
		{ "null\n",
		  "f:1:1: error: a configuration must be a mapping with the keys interfaces and "
		  "services, not text\n" },
		{ "hello\n",
		  "f:1:1: error: a configuration must be a mapping with the keys interfaces and "
		  "services, not text\n" },
		{ "[]\n",
		  "f:1:1: error: a configuration must be a mapping with the keys interfaces and "
		  "services, not a list\n" },
		{ "{}\n",
		  "f: error: there is no key services: write 'services: {}' if there are to be "
		  "none\n" },
		{ "interfaces: [eth0]\n",
		  "f: error: there is no key services: write 'services: {}' if there are to be "
		  "none\n" },
		{ "services: ~\n",
		  "f:1:11: error: services must be a mapping of names to services ({} for none), "
		  "not "
		  "text\n" },
		{ "services: []\n",
		  "f:1:11: error: services must be a mapping of names to services ({} for none), "
		  "not a "
		  "list\n" },
		{ "services: \"none\"\n",
		  "f:1:11: error: services must be a mapping of names to services ({} for none), "
		  "not "
		  "text\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void other_spellings_of_right_files_are_taken(void **state)
{
	static const struct config_case rows[] = {
		{ "services: {}\n", "" },
		{ "services: {}", "" },
		{ "---\n"
		  "services: {}\n"
		  "...\n",
		  "" },
		{ "%YAML 1.1\n"
		  "---\n"
		  "services: {}\n",
		  "" },
		{ "services:\r\n"
		  "  {}\r\n",
		  "" },
		{ "# \xc3\xa9\n"
		  "services: {} # end",
		  "" },
		{ "{\"services\":{},\"interfaces\":[]}", "" },
		{ "{\n"
		  "\t\"services\":\t{}\n"
		  "}",
		  "" },
		{ WEB_1, "" },
		{ "services:\r\n"
		  "  web:\r\n"
		  "    listen: [\"203.0.113.10:443/tcp\"]\r\n"
		  "    backends:\r\n"
		  "      web-1: 10.0.1.1\r\n",
		  "" },
		{ WEB "    backends: { 'web-1': '10.0.1.1' }\n", "" },
		{ "services:\n"
		  "  web:\n"
		  "    listen:\n"
		  "    - 203.0.113.10:443/tcp\n"
		  "    - \"[2001:db8::10]:443/tcp\"\n"
		  "    backends:\n"
		  "      web-1: 10.0.1.1\n",
		  "" },
		{ "services:\n"
		  "  no: # not a boolean here\n"
		  "    listen: [203.0.113.10:443/tcp]\n"
		  "    backends: { 1: 10.0.1.1, null: 10.0.1.2, 0x1: 10.0.1.3 }\n",
		  "" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_text_in_utf8_is_refused_with_a_remedy),
		cmocka_unit_test(a_tab_for_indentation_is_named),
		cmocka_unit_test(a_truncated_text_is_refused),
		cmocka_unit_test(a_text_without_its_end_is_refused_for_what_is_missing),
		cmocka_unit_test(what_was_found_before_a_syntax_error_is_reported_too),
		cmocka_unit_test(what_yaml_has_and_a_configuration_must_not_is_refused),
		cmocka_unit_test(documents_keys_and_texts_that_mean_nothing_here_are_refused),
		cmocka_unit_test(the_root_must_be_a_mapping_with_services),
		cmocka_unit_test(other_spellings_of_right_files_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
