// SPDX-License-Identifier: GPL-2.0
/* The canonical text, copies, and changes to a model. */
#include "config_case.h"

#include <stdlib.h>

static const char everything[] = "{\n"
				 "  \"interfaces\": [\n"
				 "    \"eth0\"\n"
				 "  ],\n"
				 "  \"echo\": \"answer\",\n"
				 "  \"tunnel_source\": [],\n"
				 "  \"guards\": {\n"
				 "    \"share\": 200,\n"
				 "    \"growth\": 150,\n"
				 "    \"load\": 125,\n"
				 "    \"peak\": 200,\n"
				 "    \"eligible\": 2,\n"
				 "    \"answering\": 67,\n"
				 "    \"services\": 5,\n"
				 "    \"services_share\": 20,\n"
				 "    \"removed\": 0\n"
				 "  },\n"
				 "  \"silence\": [],\n"
				 "  \"services\": {\n"
				 "    \"web\": {\n"
				 "      \"listen\": [\n"
				 "        \"203.0.113.10:443/tcp\",\n"
				 "        \"[2001:db8::10]:443/udp\"\n"
				 "      ],\n"
				 "      \"forward\": \"l2\",\n"
				 "      \"vlan\": \"keep\",\n"
				 "      \"hash\": \"source-dest\",\n"
				 "      \"idle_time\": 300,\n"
				 "      \"drain_time\": 3600,\n"
				 "      \"hold_time\": 60,\n"
				 "      \"health\": [\n"
				 "        {\n"
				 "          \"type\": \"tcp\",\n"
				 "          \"via\": \"direct\",\n"
				 "          \"interval\": \"2000ms\",\n"
				 "          \"timeout\": \"1000ms\",\n"
				 "          \"down_interval\": \"4000ms\",\n"
				 "          \"rise\": 2,\n"
				 "          \"fall\": 3\n"
				 "        }\n"
				 "      ],\n"
				 "      \"panic\": 50,\n"
				 "      \"on_empty\": \"keep\",\n"
				 "      \"rebalance\": \"off\",\n"
				 "      \"slow_start\": 0,\n"
				 "      \"backup_below\": 50,\n"
				 "      \"backends\": {\n"
				 "        \"z\": {\n"
				 "          \"address\": \"10.0.1.1\",\n"
				 "          \"weight\": 100,\n"
				 "          \"drain\": false\n"
				 "        },\n"
				 "        \"a\": {\n"
				 "          \"address\": \"2001:db8::1\",\n"
				 "          \"weight\": 0,\n"
				 "          \"drain\": true\n"
				 "        }\n"
				 "      }\n"
				 "    }\n"
				 "  }\n"
				 "}";

static void the_canonical_text_says_everything_in_the_models_order(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse("services:\n"
			   "  web:\n"
			   "    backends: { z: \"::ffff:10.0.1.1\",\n"
			   "      a: { drain: true, weight: 0, address: 2001:DB8:0::1 } }\n"
			   "    health: { type: tcp }\n"
			   "    hash: source-dest\n"
			   "    forward: l2\n"
			   "    idle_time: 5m\n"
			   "    listen: [203.0.113.10:443/tcp, \"[2001:db8:0::10]:443/udp\"]\n"
			   "interfaces: [eth0]\n");
	_cleanup_(free_ptr) char *text = config_text(c);

	assert_string_equal(text, everything);
}

static void the_canonical_text_reads_back_as_itself(void **state)
{
	static const char *const names[] = { "minimal.yaml", "ipip-two-families.yaml", "l2.yaml",
					     "many-options.yaml" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(free_ptr) char *file = read_example(names[i]);
		_cleanup_(config_release) struct config *c = must_parse(file);
		_cleanup_(free_ptr) char *text = config_text(c);
		_cleanup_(config_release) struct config *again = must_parse(text);
		_cleanup_(free_ptr) char *text_again = config_text(again);

		assert_string_equal(text, text_again);
	}
}

static void an_empty_model_has_a_text(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse("services: {}\n");
	_cleanup_(free_ptr) char *text = config_text(c);
	_cleanup_(config_release) struct config *again = must_parse(text);

	assert_int_equal(again->service_count, 0);
	assert_int_equal(again->interface_count, 0);
}

static void any_difference_changes_the_text(void **state)
{
	static const char *const texts[] = {
		WEB_1,
		WEB_1 "    hash: source\n",
		WEB_1 "    forward: l2\n",
		WEB_1 "    idle_time: 301\n",
		WEB_1 "    drain_time: 3601\n",
		WEB_1 "    hold_time: 61\n",
		WEB_1 "    health: none\n",
		WEB_1 "    health: { interval: 3s }\n",
		WEB_1 "    panic: off\n",
		WEB_1 "    on_empty: drop\n",
		WEB_1 "    slow_start: 30s\n",
		WEB_1 "    backup_below: 1\n",
		WEB_1 "      web-2: { address: 10.0.1.2, backup: true }\n",
		WEB_1 "    rebalance: observe\n",
		WEB_1 "    rebalance: on\n",
		WEB_1 "    rebalance: { by: bytes }\n",
		WEB_1 "    rebalance: { wait: 5s }\n",
		WEB_1 "    rebalance: { measure: 5s }\n",
		WEB_1 "    rebalance: { min: 60 }\n",
		WEB_1 "    rebalance: { max: 140 }\n",
		WEB_1 "interfaces: [eth0]\n",
		WEB_1 "echo: drop\n",
		WEB_1 "tunnel_source: [192.0.2.0/24]\n",
		WEB_1 "tunnel_source: [\"2001:db8::/64\"]\n",
		WEB_1 "guards: { share: 201 }\n",
		WEB_1 "silence: [{ lint: all-on-one, reason: it is so }]\n",
		WEB_1 "silence: [{ lint: all-on-one, service: web, reason: it is so }]\n",
		WEB_1 "      web-2: 10.0.1.2\n",
		POOL "      web-2: 10.0.1.2\n      web-1: 10.0.1.1\n",
		POOL "      web-1: { address: 10.0.1.1, weight: 101 }\n",
		POOL "      web-1: { address: 10.0.1.2 }\n",
		POOL "      web-2: { address: 10.0.1.1 }\n",
		POOL
		"      web-1: { address: 10.0.1.1 }\n      web-2: { address: 10.0.1.2, drain: true "
		"}\n",
	};
	char *canonical[ARRAY_SIZE(texts)];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(config_release) struct config *c = must_parse(texts[i]);
		_cleanup_(config_release) struct config *copy = config_copy(c);
		_cleanup_(free_ptr) char *copied = config_text(copy);

		canonical[i] = config_text(c);
		assert_string_equal(canonical[i], copied);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(canonical[i], canonical[j]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(canonical[i]);
}

static void a_copy_is_equal_and_shares_nothing(void **state)
{
	_cleanup_(free_ptr) char *file = read_example("many-options.yaml");
	struct config *c = must_parse(file);
	_cleanup_(free_ptr) char *text = config_text(c);
	_cleanup_(config_release) struct config *copy = config_copy(c);
	_cleanup_(free_ptr) char *copied = NULL;

	assert_non_null(copy);
	assert_int_equal(copy->services[1].backends[1].place.line,
			 c->services[1].backends[1].place.line);
	c->services[0].backends[0].weight = 7;
	c->interfaces[0][0] = 'x';
	config_free(c);
	copied = config_text(copy);
	assert_string_equal(copied, text);
}

static void an_empty_model_can_be_copied(void **state)
{
	const struct config empty = {};
	_cleanup_(config_release) struct config *copy = config_copy(&empty);

	assert_non_null(copy);
	assert_int_equal(copy->service_count, 0);
	config_free(NULL);
}

static void lookups_are_by_exact_name(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(POOL "      a: 10.0.1.1\n"
								     "      ab: 10.0.1.2\n");
	struct config_service *s = config_service(c, "web");

	assert_ptr_equal(s, &c->services[0]);
	assert_null(config_service(c, "we"));
	assert_null(config_service(c, "webb"));
	assert_null(config_service(c, ""));
	assert_ptr_equal(config_backend(s, "ab"), &s->backends[1]);
	assert_null(config_backend(s, "b"));
	assert_null(config_backend(s, "A"));
}

static void removing_a_backend_keeps_the_others_in_order(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: 10.0.1.3\n");
	struct config_service *s = &c->services[0];

	config_backend_remove(s, config_backend(s, "b"));
	assert_int_equal(s->backend_count, 2);
	assert_string_equal(s->backends[0].name, "a");
	assert_string_equal(s->backends[1].name, "c");
	config_backend_remove(s, config_backend(s, "c"));
	config_backend_remove(s, config_backend(s, "a"));
	assert_int_equal(s->backend_count, 0);
}

static void an_added_backend_comes_last_even_if_it_was_one_of_them(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	struct config_service *s = &c->services[0];

	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(config_backend_add(s, &s->backends[0]), 0);
		snprintf(s->backends[s->backend_count - 1].name, EK_NAME_MAX, "added-%u", i);
	}
	assert_int_equal(s->backend_count, 101);
	assert_string_equal(s->backends[0].name, "web-1");
	assert_string_equal(s->backends[100].name, "added-99");
	assert_true(addr_equal(&s->backends[0].addr, &s->backends[100].addr));
}

static void modes_and_hashes_have_the_names_of_the_file(void **state)
{
	assert_string_equal(config_forward_name(EK_FORWARD_IPIP), "ipip");
	assert_string_equal(config_forward_name(EK_FORWARD_L2), "l2");
	assert_string_equal(config_hash_name(EK_HASH_5TUPLE), "5-tuple");
	assert_string_equal(config_hash_name(EK_HASH_SOURCE), "source");
	assert_string_equal(config_hash_name(EK_HASH_SOURCE_DEST), "source-dest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_canonical_text_says_everything_in_the_models_order),
		cmocka_unit_test(the_canonical_text_reads_back_as_itself),
		cmocka_unit_test(an_empty_model_has_a_text),
		cmocka_unit_test(any_difference_changes_the_text),
		cmocka_unit_test(a_copy_is_equal_and_shares_nothing),
		cmocka_unit_test(an_empty_model_can_be_copied),
		cmocka_unit_test(lookups_are_by_exact_name),
		cmocka_unit_test(removing_a_backend_keeps_the_others_in_order),
		cmocka_unit_test(an_added_backend_comes_last_even_if_it_was_one_of_them),
		cmocka_unit_test(modes_and_hashes_have_the_names_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
