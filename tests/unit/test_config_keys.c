// SPDX-License-Identifier: GPL-2.0
#include "config_case.h"

static void unknown_keys_are_refused_and_the_meant_one_suggested(void **state)
{
	static const struct config_case rows[] = {
		{ "servces: {}\n",
		  "f:1:1: error: unknown key 'servces' at the top level; did you mean "
		  "'services'?\n" },
		{ "services: {}\n"
		  "interface: []\n",
		  "f:2:1: error: unknown key 'interface' at the top level; did you mean "
		  "'interfaces'?\n" },
		{ "services: {}\n"
		  "version: 1\n",
		  "f:2:1: error: unknown key 'version' at the top level; known are: interfaces, "
		  "echo, tunnel_source, guards, silence, removed, stage, policy, services\n" },
		{ "services: {}\n"
		  "weight: 3\n",
		  "f:2:1: error: key 'weight' does not belong at the top level: it belongs in a "
		  "backend\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void unknown_keys_of_services_and_backends_are_refused_too(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "  web:\n"
		  "    lissen: [\"203.0.113.10:443/tpc\"]\n"
		  "    bakcends: { a: 10.0.0.010 }\n",
		  "f:3:5: error: unknown key 'lissen' in a service; did you mean 'listen'?\n"
		  "f:3:14: error: listener '203.0.113.10:443/tpc': the protocol must be tcp or "
		  "udp; "
		  "did you mean 'tcp'?\n"
		  "f:4:5: error: unknown key 'bakcends' in a service; did you mean 'backends'?\n"
		  "f:4:20: error: address '10.0.0.010': a number with leading zeros is ambiguous: "
		  "octal "
		  "to some, decimal to others\n" },
		{ WEB_1 "    idle-time: 5m\n"
			"    Hash: source\n"
			"    timeout: 3s\n"
			"    scheduler: rr\n",
		  "f:6:5: error: unknown key 'idle-time' in a service; did you mean 'idle_time'?\n"
		  "f:7:5: error: unknown key 'Hash' in a service; did you mean 'hash'?\n"
		  "f:8:5: error: key 'timeout' does not belong in a service: it belongs in health\n"
		  "f:9:5: error: unknown key 'scheduler' in a service; known are: listen, forward, "
		  "gue, vlan, quic, hash, idle_time, drain_time, hold_time, health, panic, on_empty, "
		  "rebalance, slow_start, backup_below, capacity, backends\n" },
		{ POOL "      a: { adress: 10.0.1.1, wieght: 70000 }\n"
		       "      b: { address: 10.0.1.2, name: x, port: 80 }\n",
		  "f:5:12: error: unknown key 'adress' in a backend; did you mean 'address'?\n"
		  "f:5:30: error: unknown key 'wieght' in a backend; did you mean 'weight'?\n"
		  "f:5:38: error: weight 70000 is above 65535\n"
		  "f:6:31: error: unknown key 'name' in a backend; known are: address, weight, "
		  "drain, backup, port, quic_id, capacity\n"
		  "f:6:46: error: web/b: port has a meaning with 'forward: nat' only: elsewhere "
		  "packets reach the backend with the port they came to\n" },
		{ WEB_1
		  "    health: { type: http, intervall: 5s, address: 10.0.0.1, colour: red }\n",
		  "f:6:27: error: unknown key 'intervall' in health; did you mean 'interval'?\n"
		  "f:6:42: error: key 'address' does not belong in health: it belongs in a "
		  "backend\n"
		  "f:6:61: error: unknown key 'colour' in health; known are: type, port, via, "
		  "interval, timeout, down_interval, rise, fall, path, host, sni, verify, ca, send, "
		  "expect, command\n" },
		{ WEB_1 "    \"\": 1\n",
		  "f:6:5: error: unknown key '' in a service; known are: listen, forward, gue, "
		  "vlan, quic, hash, idle_time, drain_time, hold_time, health, panic, on_empty, "
		  "rebalance, slow_start, backup_below, capacity, backends\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void a_mistyped_key_beside_the_right_one_is_read_once(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "    backend: { web-1: 10.0.1.1 }\n",
		  "f:6:5: error: unknown key 'backend' in a service; did you mean 'backends'?\n" },
		{ "servces: { web: 1 }\n"
		  "services: {}\n"
		  "servics: { web: 2 }\n",
		  "f:1:1: error: unknown key 'servces' at the top level; did you mean 'services'?\n"
		  "f:3:1: error: unknown key 'servics' at the top level; did you mean "
		  "'services'?\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void repeated_keys_are_refused_and_the_first_named(void **state)
{
	static const struct config_case rows[] = {
		{ "services: {}\n"
		  "interfaces: []\n"
		  "services: {}\n",
		  "f:3:1: error: key 'services' appears twice; first at line 1, column 1\n" },
		{ WEB_1 "    listen: [\"203.0.113.11:443/tcp\"]\n"
			"    hash: source\n"
			"    hash: source\n",
		  "f:6:5: error: key 'listen' appears twice; first at line 3, column 5\n"
		  "f:8:5: error: key 'hash' appears twice; first at line 7, column 5\n" },
		{ POOL "      a: { address: 10.0.1.1, weight: 1, weight: 2, address: 10.0.1.2 }\n",
		  "f:5:42: error: key 'weight' appears twice; first at line 5, column 31\n"
		  "f:5:53: error: key 'address' appears twice; first at line 5, column 12\n" },
		{ WEB_1 "    health: { type: tcp, type: http }\n",
		  "f:6:26: error: key 'type' appears twice; first at line 6, column 15\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void names_are_letters_digits_and_three_signs(void **state)
{
	static const struct config_case rows[] = {
		{ POOL
		  "      a: 10.0.1.1\n"
		  "      0: 10.0.1.2\n"
		  "      A.b_c-d: 10.0.1.3\n"
		  "      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 10.0.1."
		  "4\n",
		  "" },
		{ POOL
		  "      -a: 10.0.1.1\n"
		  "      .a: 10.0.1.2\n"
		  "      _a: 10.0.1.3\n"
		  "      a b: 10.0.1.4\n"
		  "      a/b: 10.0.1.5\n"
		  "      \"\": 10.0.1.6\n"
		  "      \xc3\xa4: 10.0.1.7\n"
		  "      \"a\\n\": 10.0.1.8\n"
		  "      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 10.0.1"
		  ".9\n"
		  "      bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb: 10.0.1"
		  ".10\n",
		  "f:5:7: error: backend name '-a' must begin with a letter or digit\n"
		  "f:6:7: error: backend name '.a' must begin with a letter or digit\n"
		  "f:7:7: error: backend name '_a' must begin with a letter or digit\n"
		  "f:8:7: error: backend name 'a b' may hold only letters, digits, '.', '_' and "
		  "'-'\n"
		  "f:9:7: error: backend name 'a/b' may hold only letters, digits, '.', '_' and "
		  "'-'\n"
		  "f:10:7: error: backend name '' is empty\n"
		  "f:11:7: error: backend name '\xc3\xa4' must begin with a letter or digit\n"
		  "f:12:7: error: backend name 'a?' may hold only letters, digits, '.', '_' and "
		  "'-'\n"
		  "f:13:7: error: backend name "
		  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is longer "
		  "than 63 "
		  "characters\n"
		  "f:14:7: error: backend name "
		  "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' is longer "
		  "than 63 "
		  "characters\n" },
		{ "services:\n"
		  "  we b:\n"
		  "    listen: [\"203.0.113.10:443/tcp\"]\n"
		  "    backends: {}\n",
		  "f:2:3: error: service name 'we b' may hold only letters, digits, '.', '_' and "
		  "'-'\n"
		  "f:2:3: error: service 'we b' has no backends: add at least one below "
		  "'backends:'\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void interface_names_are_what_the_kernel_takes(void **state)
{
	static const struct config_case rows[] = {
		{ "services: {}\n"
		  "interfaces: []\n",
		  "" },
		{ "services: {}\n"
		  "interfaces: [eth0, \"enp1s0f0np0\", abcdefghijklmno, vlan.100]\n",
		  "" },
		{ "services: {}\n"
		  "interfaces: [abcdefghijklmnop, \"eth 0\", eth/0, \"eth:0\", \"\", ., .., eth1, "
		  "eth0,"
		  " eth1, \xc3\xa9th0]\n",
		  "f:2:14: error: interface name 'abcdefghijklmnop' is longer than 15 characters, "
		  "the "
		  "kernel's limit\n"
		  "f:2:32: error: interface name 'eth 0' may not hold white space, '/', ':' or "
		  "anything "
		  "but ASCII\n"
		  "f:2:41: error: interface name 'eth/0' may not hold white space, '/', ':' or "
		  "anything "
		  "but ASCII\n"
		  "f:2:48: error: interface name 'eth:0' may not hold white space, '/', ':' or "
		  "anything "
		  "but ASCII\n"
		  "f:2:57: error: interface name '' is empty\n"
		  "f:2:61: error: interface name '.' is not possible in the kernel\n"
		  "f:2:64: error: interface name '..' is not possible in the kernel\n"
		  "f:2:80: error: interface 'eth1' is listed twice\n"
		  "f:2:86: error: interface name '\xc3\xa9th0' may not hold white space, '/', ':' "
		  "or anything "
		  "but ASCII\n" },
		{ "services: {}\n"
		  "interfaces: eth0\n",
		  "f:2:13: error: interfaces must be a list of interface names, not text\n" },
		{ "services: {}\n"
		  "interfaces:\n",
		  "f:2:12: error: interfaces has no value: give it a list of interface names\n" },
		{ "services: {}\n"
		  "interfaces: [[eth0], { eth1: 1 }, ]\n",
		  "f:2:14: error: an interface must be a name, not a list\n"
		  "f:2:22: error: an interface must be a name, not a mapping\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void services_and_pools_of_the_wrong_kind_are_refused_once(void **state)
{
	static const struct config_case rows[] = {
		{ "services:\n"
		  "  web:\n",
		  "f:2:7: error: a service has no value: give it a mapping with the keys listen "
		  "and "
		  "backends\n" },
		{ "services:\n"
		  "  web: 10.0.0.1\n",
		  "f:2:8: error: a service must be a mapping with the keys listen and backends, "
		  "not "
		  "text\n" },
		{ "services:\n"
		  "  web: [a]\n"
		  "  dns: \"\"\n",
		  "f:2:8: error: a service must be a mapping with the keys listen and backends, "
		  "not a "
		  "list\n"
		  "f:3:8: error: a service must be a mapping with the keys listen and backends, "
		  "not "
		  "text\n" },
		{ POOL, "f:4:14: error: backends has no value: give it a mapping of names to "
			"backends\n" },
		{ WEB "    backends: [10.0.1.1]\n",
		  "f:4:15: error: backends must be a mapping of names to backends, not a list\n" },
		{ WEB "    backends: 10.0.1.1\n",
		  "f:4:15: error: backends must be a mapping of names to backends, not text\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_keys_are_refused_and_the_meant_one_suggested),
		cmocka_unit_test(unknown_keys_of_services_and_backends_are_refused_too),
		cmocka_unit_test(a_mistyped_key_beside_the_right_one_is_read_once),
		cmocka_unit_test(repeated_keys_are_refused_and_the_first_named),
		cmocka_unit_test(names_are_letters_digits_and_three_signs),
		cmocka_unit_test(interface_names_are_what_the_kernel_takes),
		cmocka_unit_test(services_and_pools_of_the_wrong_kind_are_refused_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
