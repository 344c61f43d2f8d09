// SPDX-License-Identifier: GPL-2.0
/* What nat cannot do is refused, with its place. */
#include "config_case.h"

#define SERVICE(name, listen) "  " name ":\n    listen: [" listen "]\n    forward: nat\n"
#define A4 "\"203.0.113.10:80/tcp\""
#define A4_TLS "\"203.0.113.10:443/tcp\""
#define A4_UDP "\"203.0.113.10:80/udp\""
#define B4 "\"203.0.113.11:80/tcp\""
#define A6 "\"[2001:db8::10]:80/tcp\""

static void what_can_be_told_apart_is_taken(void **state)
{
	static const struct config_case rows[] = {
		/* Ports of their own, protocols of their own. */
		{ "services:\n" SERVICE("a", A4
					", " A4_TLS
					", " A4_UDP) "    backends: { x: 10.0.1.1, y: 10.0.1.2 }\n",
		  "" },
		{ "services:\n" SERVICE(
			  "a", A4
			  ", " A4_UDP) "    backends: { x: { address: 10.0.1.1, port: 8080 } }\n",
		  "" },
		/* One host, two services, two ports. */
		{ "services:\n" SERVICE("a", A4) "    backends: { x: { address: 10.0.1.1, port: 8080 } }\n" SERVICE(
			  "b", B4) "    backends: { x: { address: 10.0.1.1, port: 8081 } }\n",
		  "" },
		{ "services:\n" SERVICE("a", A6) "    backends: { x: \"fd00::1\" }\n", "" },
		/* Other modes need no such thing. */
		{ "services:\n" SERVICE("a", A4) "    backends: { x: 10.0.1.1 }\n"
						 "  b:\n    listen: [" B4
						 "]\n    backends: { x: 10.0.1.1 }\n",
		  "" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void two_services_with_one_target_are_refused(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n" SERVICE("a", A4) "    backends: { x: 10.0.1.1 }\n" SERVICE(
			  "b", B4) "    backends: { y: 10.0.1.2, z: 10.0.1.1 }\n",
		  "f:9:33: error: b/z: nat sends packets of service 'a' to 10.0.1.1:80/tcp already "
		  "(line 5, column 20), and could not tell the answers apart: give the backend "
		  "another port\n" },
		{ "services:\n" SERVICE("a", A4) "    backends: { x: { address: 10.0.1.1, port: 8080 } }\n" SERVICE(
			  "b", "\"203.0.113.11:8080/tcp\"") "    backends: { y: 10.0.1.1 }\n",
		  "f:9:20: error: b/y: nat sends packets of service 'a' to 10.0.1.1:8080/tcp already "
		  "(line 5, column 47), and could not tell the answers apart: give the backend "
		  "another port\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void two_listeners_with_one_target_are_refused_once(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n" SERVICE("a",
					A4 ", " B4) "    backends: { x: 10.0.1.1, y: 10.0.1.2 }\n",
		  "f:5:20: error: a/x: nat would send both 203.0.113.10:80/tcp and "
		  "203.0.113.11:80/tcp to 10.0.1.1:80/tcp, and could not tell the answers apart: "
		  "make it two services with a backend port each\n" },
		{ "services:\n" SERVICE(
			  "a", A4
			  ", " A4_TLS) "    backends: { x: { address: 10.0.1.1, port: 8080 }, y: 10.0.1.2 }\n",
		  "f:5:47: error: a/x: nat would send both 203.0.113.10:80/tcp and "
		  "203.0.113.10:443/tcp to 10.0.1.1:8080/tcp, and could not tell the answers apart: "
		  "leave the port away, so that each listener has its own at the backend, or make "
		  "it two services with a port each\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void families_are_not_exchanged(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n" SERVICE("a", A4) "    backends: { x: 10.0.1.1, y: \"fd00::1\" }\n",
		  "f:5:33: error: a/y: nat cannot send what comes by IPv4 to fd00::1: give the "
		  "server's IPv4 address\n" },
		{ "services:\n" SERVICE("a", A6) "    backends: { x: 10.0.1.1 }\n",
		  "f:5:20: error: a/x: nat cannot send what comes by IPv6 to 10.0.1.1: give the "
		  "server's IPv6 address\n" },
		{ "services:\n" SERVICE("a", A4 ", " A6) "    backends: { x: 10.0.1.1 }\n",
		  "f:3:37: error: service 'a' listens on IPv4 and IPv6, and nat cannot exchange one "
		  "for the other: make it two services\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_could_not_be_read_is_not_compared(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n" SERVICE(
			  "a", A4
			  ", \"203.0.113.10/tcp\"") "    backends: { x: 10.0.1.1, y: 10.0.1.999 }\n",
		  "f:3:37: error: listener '203.0.113.10/tcp': the port is missing: "
		  "address:port/protocol is expected\n"
		  "f:5:33: error: address '10.0.1.999': an IPv4 address is four decimal numbers from 0 to 255\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can_be_told_apart_is_taken),
		cmocka_unit_test(two_services_with_one_target_are_refused),
		cmocka_unit_test(two_listeners_with_one_target_are_refused_once),
		cmocka_unit_test(families_are_not_exchanged),
		cmocka_unit_test(what_could_not_be_read_is_not_compared),
	};

	return cmocka_run_group_tests_name("config_nat", tests, NULL, NULL);
}
