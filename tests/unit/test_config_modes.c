// SPDX-License-Identifier: GPL-2.0
/* Keys that belong to one forwarding mode or protocol: gue, nat's port, quic, vlan, echo and the
 * outer source addresses. */
#include "config_case.h"

#define UDP "services:\n  q:\n    listen: [\"203.0.113.10:443/udp\"]\n"

static void what_they_say_is_in_the_model(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(
		"echo: drop\n"
		"tunnel_source: [192.0.2.0/24, \"2001:db8:f::/64\"]\n" UDP "    forward: gue\n"
		"    gue: { variant: 0, checksum: false }\n"
		"    vlan: strip\n"
		"    quic: { offset: 2, length: 3 }\n"
		"    backends: { a: { address: 10.0.1.1, quic_id: 70000 } }\n"
		"  n:\n"
		"    listen: [\"203.0.113.10:80/tcp\"]\n"
		"    forward: nat\n"
		"    backends: { a: { address: 10.0.1.1, port: 8080 } }\n");
	const struct config_service *q = &c->services[0], *n = &c->services[1];

	assert_int_equal(c->echo, EK_ECHO_DROP);
	assert_true(c->tunnel_source4.set && c->tunnel_source6.set);
	assert_int_equal(c->tunnel_source4.bits, 24);
	assert_int_equal(c->tunnel_source6.bits, 64);
	assert_int_equal(q->forward, EK_FORWARD_GUE);
	assert_int_equal(q->gue_variant, 0);
	assert_false(q->gue_checksum);
	assert_true(q->vlan_strip);
	assert_int_equal(q->quic_offset, 2);
	assert_int_equal(q->quic_length, 3);
	assert_true(q->backends[0].has_quic_id);
	assert_int_equal(q->backends[0].quic_id, 70000);
	assert_int_equal(n->forward, EK_FORWARD_NAT);
	assert_int_equal(n->backends[0].port, 8080);
}

static void the_defaults_are_the_usual(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	_cleanup_(config_release) struct config *q =
		must_parse(UDP "    quic: {}\n"
			       "    backends: { a: { address: 10.0.1.1, quic_id: 0 } }\n");
	const struct config_service *s = &c->services[0];

	assert_int_equal(c->echo, EK_ECHO_ANSWER);
	assert_false(c->tunnel_source4.set || c->tunnel_source6.set);
	assert_int_equal(s->gue_variant, 1);
	assert_true(s->gue_checksum);
	assert_false(s->vlan_strip);
	assert_int_equal(s->quic_length, 0);
	assert_int_equal(q->services[0].quic_offset, 1);
	assert_int_equal(q->services[0].quic_length, 2);
}

static void the_canonical_text_keeps_them(void **state)
{
	static const char *const texts[] = {
		"echo: pass\ntunnel_source: [192.0.2.0/24, \"2001:db8:f::/64\"]\n" UDP
		"    forward: gue\n"
		"    gue: { variant: 0, checksum: false }\n"
		"    vlan: strip\n"
		"    quic: { offset: 2, length: 3 }\n"
		"    backends: { a: { address: 10.0.1.1, quic_id: 7 } }\n",
		WEB "    forward: nat\n"
		    "    backends: { a: { address: 10.0.1.1, port: 8080 }, b: 10.0.1.2 }\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(config_release) struct config *c = must_parse(texts[i]);
		_cleanup_(free_ptr) char *text = config_text(c);
		_cleanup_(config_release) struct config *again = must_parse(text);
		_cleanup_(free_ptr) char *text_again = config_text(again);

		assert_string_equal(text, text_again);
		assert_int_equal(again->services[0].forward, c->services[0].forward);
		assert_int_equal(again->services[0].gue_variant, c->services[0].gue_variant);
		assert_int_equal(again->services[0].quic_length, c->services[0].quic_length);
		assert_int_equal(again->services[0].backends[0].port,
				 c->services[0].backends[0].port);
		assert_int_equal(again->services[0].backends[0].quic_id,
				 c->services[0].backends[0].quic_id);
		assert_int_equal(again->tunnel_source6.bits, c->tunnel_source6.bits);
	}
}

static void what_belongs_to_another_mode_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "    gue: { variant: 1 }\n",
		  "f:6:10: error: service 'web': gue has a meaning with 'forward: gue' only\n" },
		{ POOL "      a: { address: 10.0.1.1, port: 80 }\n",
		  "f:5:37: error: web/a: port has a meaning with 'forward: nat' only: elsewhere "
		  "packets reach the backend with the port they came to\n" },
		{ POOL "      a: { address: 10.0.1.1, quic_id: 1 }\n",
		  "f:5:40: error: web/a: quic_id has a meaning in a service with quic only\n" },
		{ WEB_1 "    quic: {}\n",
		  "f:5:7: error: web/web-1 has no quic_id: without it, its connections are not "
		  "found again when a client's address changes\n"
		  "f:6:11: error: service 'web': quic needs a listener with udp\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void numbers_of_quic_servers_must_fit_and_differ(void **state)
{
	static const struct config_case rows[] = {
		{ UDP "    quic: { offset: 17, length: 4 }\n"
		      "    backends: { a: { address: 10.0.1.1, quic_id: 1 } }\n",
		  "f:4:11: error: service 'q': the server's number would end behind byte 20 of a "
		  "connection ID\n" },
		{ UDP "    quic: { length: 1 }\n"
		      "    backends: { a: { address: 10.0.1.1, quic_id: 256 } }\n",
		  "f:5:50: error: q/a: quic_id 256 does not fit 1 bytes\n" },
		{ UDP "    quic: { length: 5 }\n"
		      "    backends: { a: { address: 10.0.1.1, quic_id: 1 } }\n",
		  "f:4:21: error: length 5 is above 4\n" },
		{ UDP "    quic: {}\n"
		      "    backends:\n"
		      "      a: { address: 10.0.1.1, quic_id: 3 }\n"
		      "      b: { address: 10.0.1.2, quic_id: 3 }\n",
		  "f:7:40: error: q/b: quic_id 3 is that of 'a' already\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void a_tunnel_source_must_be_a_prefix(void **state)
{
	static const struct config_case rows[] = {
		{ "services: {}\ntunnel_source: [192.0.2.1]\n",
		  "f:2:17: error: tunnel source '192.0.2.1': a prefix is written address/length, "
		  "such as 192.0.2.0/24\n" },
		{ "services: {}\ntunnel_source: [192.0.2.1/24]\n",
		  "f:2:17: error: tunnel source '192.0.2.1/24': the address has bits behind the "
		  "prefix\n" },
		{ "services: {}\ntunnel_source: [192.0.2.0/33]\n",
		  "f:2:17: error: tunnel source '192.0.2.0/33': the prefix length must be 0 to "
		  "32\n" },
		{ "services: {}\ntunnel_source: [192.0.2.0/24, 198.51.100.0/24]\n",
		  "f:2:31: error: tunnel source '198.51.100.0/24' is the second of its family: "
		  "give one\n" },
		{ "services: {}\ntunnel_source: [\"ff00::/64\"]\n",
		  "f:2:17: error: tunnel source ff00::/64 is a multicast address\n" },
		{ "services: {}\ntunnel_source: [\"2000::/3\"]\n",
		  "f:2:17: error: tunnel source 2000::/3 is wider than anyone's network\n" },
		{ "services: {}\necho: yes\n",
		  "f:2:7: error: echo 'yes' must be answer, pass or drop\n" },
		{ WEB_1 "    vlan: 12\n", "f:6:11: error: vlan '12' must be keep or strip\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_they_say_is_in_the_model),
		cmocka_unit_test(the_defaults_are_the_usual),
		cmocka_unit_test(the_canonical_text_keeps_them),
		cmocka_unit_test(what_belongs_to_another_mode_is_refused),
		cmocka_unit_test(numbers_of_quic_servers_must_fit_and_differ),
		cmocka_unit_test(a_tunnel_source_must_be_a_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
