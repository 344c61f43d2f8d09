// SPDX-License-Identifier: GPL-2.0
/* What backends declare that they can take. */
#include "config_case.h"
#include "evenkeel/shed.h"

#define DNS "services:\n  dns:\n    listen: [\"203.0.113.10:53/udp\"]\n"
#define BOTH "services:\n  both:\n    listen: [\"203.0.113.10:53/udp\", \"203.0.113.10:53/tcp\"]\n"
#define QUIC "services:\n  q:\n    listen: [\"203.0.113.10:443/udp\"]\n    quic: {}\n"
#define QUIC_POOL(rest) "    backends: { a: { address: 10.0.1.1, quic_id: 1" rest " } }\n"

static struct config_capacity capacity_of(const struct config *c, size_t backend)
{
	return config_capacity(&c->services[0], &c->services[0].backends[backend]);
}

static void a_number_alone_is_new_flows(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(POOL "      a: { address: 10.0.1.1, capacity: 500 }\n"
				"      b: { address: 10.0.1.2, capacity: { new_flows: 700 } }\n"
				"      c: 10.0.1.3\n");

	assert_int_equal(capacity_of(c, 0).flows, 500);
	assert_int_equal(capacity_of(c, 0).packets, 0);
	assert_int_equal(capacity_of(c, 1).flows, 700);
	assert_int_equal(capacity_of(c, 2).flows, 0);
}

static void what_a_backend_does_not_say_is_its_service_s(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(BOTH "    capacity: { new_flows: 500, udp_packets: 9000 }\n"
				"    backends:\n"
				"      a: 10.0.1.1\n"
				"      b: { address: 10.0.1.2, capacity: 10000000 }\n"
				"      c: { address: 10.0.1.3, capacity: { udp_packets: 100 } }\n"
				"      d: { address: 10.0.1.4, capacity: { udp_packets: none } }\n"
				"      e: { address: 10.0.1.5, capacity: none }\n");
	static const uint32_t expected[][2] = {
		{ 500, 9000 }, { 10000000, 9000 }, { 500, 100 }, { 500, 0 }, { 0, 9000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(capacity_of(c, i).flows, expected[i][0]);
		assert_int_equal(capacity_of(c, i).packets, expected[i][1]);
	}
}

static void the_canonical_text_keeps_it(void **state)
{
	static const char *const texts[] = {
		POOL "      a: { address: 10.0.1.1, capacity: 500 }\n",
		BOTH
		"    capacity: { new_flows: 500, udp_packets: 9000 }\n"
		"    backends: { a: { address: 10.0.1.1, capacity: none },\n"
		"                b: { address: 10.0.1.2, capacity: { udp_packets: none } } }\n",
		QUIC "    capacity: 1\n" QUIC_POOL(", capacity: 2"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(config_release) struct config *c = must_parse(texts[i]);
		_cleanup_(free_ptr) char *once = config_text(c);
		_cleanup_(config_release) struct config *again = must_parse(once);
		_cleanup_(free_ptr) char *twice = config_text(again);

		assert_non_null(strstr(once, "capacity"));
		assert_string_equal(once, twice);
		assert_memory_equal(
			&(struct config_capacity){ .flows = capacity_of(c, 0).flows },
			&(struct config_capacity){ .flows = capacity_of(again, 0).flows },
			sizeof(struct config_capacity));
		assert_int_equal(capacity_of(c, 0).packets, capacity_of(again, 0).packets);
	}
}

static void who_says_nothing_has_the_text_that_it_had(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	_cleanup_(free_ptr) char *text = config_text(c);

	assert_null(strstr(text, "capacity"));
}

static void what_cannot_be_held_to_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ POOL "      a: { address: 10.0.1.1, capacity: 0 }\n",
		  "f:5:41: error: capacity 0 is below 1\n" },
		{ POOL "      a: { address: 10.0.1.1, capacity: 10000001 }\n",
		  "f:5:41: error: capacity 10000001 is above 10000000\n" },
		{ POOL "      a: { address: 10.0.1.1, capacity: many }\n",
		  "f:5:41: error: capacity 'many' must be new flows per second (1 to 10000000), "
		  "none, or a mapping with the keys new_flows and udp_packets: decimal digits only, "
		  "no leading zero\n" },
		{ POOL "      a: { address: 10.0.1.1, capacity: [1] }\n",
		  "f:5:41: error: capacity must be new flows per second (1 to 10000000), none, or a "
		  "mapping with the keys new_flows and udp_packets, not a list\n" },
		{ BOTH "    capacity: { udp_packets: 99 }\n    backends: { a: 10.0.1.1 }\n",
		  "f:4:30: error: udp_packets 99 is below 100\n" },
		{ BOTH "    capacity: { new_flow: 99 }\n    backends: { a: 10.0.1.1 }\n",
		  "f:4:17: error: unknown key 'new_flow' in capacity; did you mean 'new_flows'?\n" },
		{ BOTH "    new_flows: 9\n    backends: { a: 10.0.1.1 }\n",
		  "f:4:5: error: key 'new_flows' does not belong in a service: it belongs in "
		  "capacity\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_the_service_s_protocols_do_not_have_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ DNS "    capacity: 500\n    backends: { a: 10.0.1.1 }\n",
		  "f:4:15: error: service 'dns': new flows are told by TCP's SYN and QUIC's "
		  "Initial, and service 'dns' has neither a tcp listener nor quic: udp_packets "
		  "bounds plain UDP\n" },
		{ POOL "      a: { address: 10.0.1.1, capacity: { udp_packets: 500 } }\n",
		  "f:5:56: error: web/a: udp_packets needs a udp listener: new_flows bounds TCP\n" },
		{ QUIC "    capacity: { udp_packets: 500 }\n" QUIC_POOL(""),
		  "f:5:30: error: service 'q': udp_packets is for plain UDP; with quic, new_flows "
		  "bounds new connections, and packets of others are not shed\n" },
		/* `none` asks for nothing. */
		{ DNS "    capacity: none\n    backends: { a: 10.0.1.1 }\n", "" },
		{ QUIC "    capacity: 500\n" QUIC_POOL(""), "" },
		/* What could not be read may have been what is missing. */
		{ "services:\n  web:\n    listen: [\"203.0.113.10:53\"]\n    capacity: 5\n"
		  "    backends: { a: 10.0.1.1 }\n",
		  "f:3:14: error: listener '203.0.113.10:53': the protocol is missing: end it "
		  "with /tcp or /udp\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

/* As a command may make it. */
static void a_model_is_checked_too(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	_cleanup_(diag_release) struct diag d = { .file = "f" };

	c->services[0].backends[0].capacity.flows = EK_CAPACITY_MAX + 1;
	config_check(c, &d);
	assert_said("", &d, "f: error: web/web-1: new_flows 10000001 is outside 1..10000000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_alone_is_new_flows),
		cmocka_unit_test(what_a_backend_does_not_say_is_its_service_s),
		cmocka_unit_test(the_canonical_text_keeps_it),
		cmocka_unit_test(who_says_nothing_has_the_text_that_it_had),
		cmocka_unit_test(what_cannot_be_held_to_is_refused),
		cmocka_unit_test(what_the_service_s_protocols_do_not_have_is_refused),
		cmocka_unit_test(a_model_is_checked_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
