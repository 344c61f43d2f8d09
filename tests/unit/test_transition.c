// SPDX-License-Identifier: GPL-2.0
/* What is installed while a change is under way. */
#include "config_case.h"

#include "lib/transition.h"

#define BEFORE                                                                                     \
	POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n      c: { address: 10.0.1.3, drain: true }\n"

static struct config *between(const char *before, const char *after)
{
	_cleanup_(config_release) struct config *from = must_parse(before), *to = must_parse(after);
	struct config *c = transition_make(from, to);

	assert_non_null(c);
	return c;
}

static void weights_before_are_those_of_the_same_server(void **state)
{
	_cleanup_(config_release) struct config *c =
		between(BEFORE,
			POOL "      x: { address: 10.0.1.2, weight: 300 }\n      a: 10.0.1.1\n"
			     "      c: 10.0.1.3\n      n: 10.0.1.4\n");
	const struct config_backend *b = c->services[0].backends;

	assert_int_equal(c->services[0].backend_count, 4);
	assert_int_equal(b[0].weight_before, 100); /* another name, the same address */
	assert_int_equal(b[1].weight_before, 100);
	assert_int_equal(b[2].weight_before, 0); /* it was drained */
	assert_int_equal(b[3].weight_before, 0); /* it was not there */
	assert_int_equal(b[0].weight, 300);
}

static void what_is_removed_stays_and_gets_nothing_new(void **state)
{
	_cleanup_(config_release) struct config *c = between(BEFORE, POOL "      a: 10.0.1.1\n");
	const struct config_service *s = &c->services[0];

	assert_int_equal(s->backend_count, 3);
	assert_string_equal(s->backends[1].name, "b");
	assert_true(s->backends[1].retained);
	assert_int_equal(config_backend_weight(&s->backends[1]), 0);
	assert_int_equal(s->backends[1].weight_before, 100);
	assert_false(s->backends[0].retained);
}

static void only_services_whose_shares_differ_are_staged(void **state)
{
	static const char two[] = POOL "      a: 10.0.1.1\n      b: 10.0.1.2\n  dns:\n"
				       "    listen: [\"203.0.113.10:53/udp\"]\n    health: none\n"
				       "    backends: { x: 10.0.2.1, y: 10.0.2.2 }\n";
	static const char other[] =
		POOL "      a: 10.0.1.1\n      b: { address: 10.0.1.2, weight: 50 }\n"
		     "  dns:\n    listen: [\"203.0.113.10:53/udp\"]\n    health: none\n"
		     "    backends: { x: { address: 10.0.2.1, weight: 7 },\n"
		     "      y: { address: 10.0.2.2, weight: 7 } }\n";
	_cleanup_(config_release) struct config *c = between(two, other);

	transition_step(c, 250);
	assert_int_equal(c->services[0].staged, 250);
	assert_int_equal(c->services[1].staged, 0); /* other weights, the same shares */
	transition_step(c, 1000);
	assert_int_equal(c->services[0].staged, 0);
	transition_step(c, 250);
	transition_at_once(&c->services[0]);
	assert_false(transition_moves(&c->services[0]));
}

static void a_new_service_is_not_staged(void **state)
{
	_cleanup_(config_release) struct config *c = between("services: {}\n", BEFORE);

	transition_step(c, 10);
	assert_int_equal(c->services[0].staged, 0);
}

/* With nat a backend's answers belong to one service. */
static void what_moves_to_another_service_of_nat_does_not_stay(void **state)
{
	static const char before[] =
		WEB "    forward: nat\n    backends: { a: 10.0.1.1, b: 10.0.1.2 }\n"
		    "  new:\n    listen: [\"203.0.113.11:443/tcp\"]\n    forward: nat\n"
		    "    backends: { c: 10.0.1.3 }\n";
	static const char after[] =
		WEB "    forward: nat\n    backends: { a: 10.0.1.1 }\n"
		    "  new:\n    listen: [\"203.0.113.11:443/tcp\"]\n    forward: nat\n"
		    "    backends: { c: 10.0.1.3, b: 10.0.1.2 }\n";
	_cleanup_(config_release) struct config *c = between(before, after);

	assert_int_equal(c->services[0].backend_count, 1);
	assert_int_equal(c->services[1].backend_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_before_are_those_of_the_same_server),
		cmocka_unit_test(what_is_removed_stays_and_gets_nothing_new),
		cmocka_unit_test(only_services_whose_shares_differ_are_staged),
		cmocka_unit_test(a_new_service_is_not_staged),
		cmocka_unit_test(what_moves_to_another_service_of_nat_does_not_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
