// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "lib/addr.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct ek_addr must_parse(const char *text)
{
	struct ek_addr a;
	const char *why = NULL;

	if (addr_parse(&a, text, &why))
		fail_msg("%s: refused: %s", text, why);
	return a;
}

static void addresses_print_in_canonical_form(void **state)
{
	static const struct {
		const char *text, *canonical;
		bool ipv4;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.1", true },
		{ "0.0.0.0", "0.0.0.0", true },
		{ "255.255.255.255", "255.255.255.255", true },
		{ "::ffff:10.0.0.1", "10.0.0.1", true },
		{ "::FFFF:a00:1", "10.0.0.1", true },
		{ "0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1", true },
		{ "2001:DB8:0:0:0:0:0:10", "2001:db8::10", false },
		{ "2001:db8::0:1", "2001:db8::1", false },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1", false },
		{ "64:ff9b::10.0.0.1", "64:ff9b::a00:1", false },
		{ "::", "::", false },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ek_addr a = must_parse(rows[i].text), again;
		char text[ADDR_TEXT_MAX];

		assert_string_equal(addr_text(&a, text), rows[i].canonical);
		assert_int_equal(addr_is_ipv4(&a), rows[i].ipv4);
		again = must_parse(text);
		assert_true(addr_equal(&a, &again));
	}
}

static void an_ipv4_address_is_stored_mapped(void **state)
{
	static const __u8 expected[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	struct ek_addr a = must_parse("192.0.2.1");

	assert_memory_equal(a.bytes, expected, sizeof(expected));
}

static void addresses_that_some_read_otherwise_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "empty" },
		{ "10.0.0.010", "ambiguous" },
		{ "010.0.0.1", "ambiguous" },
		{ "10.0.0.00", "ambiguous" },
		{ "::ffff:10.0.0.010", "ambiguous" },
		{ "10.0.0.256", "0 to 255" },
		{ "10.0.0.1000", "0 to 255" },
		{ "99999999999999999999.0.0.1", "0 to 255" },
		{ "10.0.1", "0 to 255" },
		{ "167772161", "0 to 255" },
		{ "10.0.0.1.", "0 to 255" },
		{ "10.0.0.1.2", "0 to 255" },
		{ ".10.0.0.1", "0 to 255" },
		{ "10..0.1", "0 to 255" },
		{ "0x0a.0.0.1", "names are not resolved" },
		{ "web-1.example.com", "names are not resolved" },
		{ "-1.0.0.1", "names are not resolved" },
		{ "10.0.0.1 ", "white space" },
		{ "\t10.0.0.1", "white space" },
		{ "10.0.0.0/8", "prefix length" },
		{ "2001:db8::/32", "prefix length" },
		{ "fe80::1%eth0", "zone" },
		{ "[2001:db8::1]", "brackets" },
		{ "2001:db8::1::2", "not an IPv6 address" },
		{ "2001:db8:1", "not an IPv6 address" },
		{ "2001:db8::12345", "not an IPv6 address" },
		{ "2001:db8::g", "not an IPv6 address" },
		{ "1:2:3:4:5:6:7:8:9", "not an IPv6 address" },
		{ ":", "not an IPv6 address" },
		{ "10.0.0.1:80", "not an IPv6 address" },
		{ "::10.0.1", "0 to 255" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ek_addr a, before;
		const char *why = "";

		memset(&a, 0xa5, sizeof(a));
		before = a;
		assert_int_equal(addr_parse(&a, rows[i].text, &why), -EINVAL);
		if (!strstr(why, rows[i].why))
			fail_msg("'%s': the reason is '%s'", rows[i].text, why);
		assert_true(addr_equal(&a, &before));
	}
}

static void only_addresses_of_hosts_are_usable(void **state)
{
	static const struct {
		const char *text, *why; /* NULL: usable */
	} rows[] = {
		{ "0.0.0.0", "0.0.0.0/8" },
		{ "0.255.255.255", "0.0.0.0/8" },
		{ "1.0.0.0", NULL },
		{ "126.255.255.255", NULL },
		{ "127.0.0.1", "loopback" },
		{ "127.255.255.255", "loopback" },
		{ "128.0.0.0", NULL },
		{ "223.255.255.255", NULL },
		{ "224.0.0.0", "multicast" },
		{ "239.255.255.255", "multicast" },
		{ "240.0.0.0", "240.0.0.0/4" },
		{ "255.255.255.254", "240.0.0.0/4" },
		{ "255.255.255.255", "broadcast" },
		{ "::", "unspecified" },
		{ "::1", "loopback" },
		{ "::2", "::/96" },
		{ "::10.0.0.1", "::/96" },
		{ "0:0:0:0:1::", NULL },
		{ "fe7f:ffff::1", NULL },
		{ "fe80::1", "link-local" },
		{ "febf::1", "link-local" },
		{ "fec0::1", NULL },
		{ "feff::1", NULL },
		{ "ff00::", "multicast" },
		{ "ff02::1", "multicast" },
		{ "2001:db8::1", NULL },
		{ "fd00::1", NULL },
		{ "::ffff:127.0.0.1", "loopback" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ek_addr a = must_parse(rows[i].text);
		const char *why = addr_unusable(&a);

		if (!why != !rows[i].why || (why && !strstr(why, rows[i].why)))
			fail_msg("%s: %s", rows[i].text, why ? why : "usable");
	}
}

static void endpoints_print_in_canonical_form(void **state)
{
	static const struct {
		const char *text, *canonical;
		uint16_t port;
		uint8_t proto;
	} rows[] = {
		{ "203.0.113.10:443/tcp", "203.0.113.10:443/tcp", 443, IPPROTO_TCP },
		{ "[2001:DB8::10]:53/udp", "[2001:db8::10]:53/udp", 53, IPPROTO_UDP },
		{ "203.0.113.10:1", "203.0.113.10:1", 1, 0 },
		{ "[::ffff:10.0.0.1]:65535", "10.0.0.1:65535", 65535, 0 },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535/tcp",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535/tcp", 65535, IPPROTO_TCP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct endpoint e;
		const char *why;
		char text[ENDPOINT_TEXT_MAX];

		assert_int_equal(endpoint_parse(&e, rows[i].text, true, &why), 0);
		assert_int_equal(e.port, rows[i].port);
		assert_int_equal(e.proto, rows[i].proto);
		assert_string_equal(endpoint_text(&e, text), rows[i].canonical);
	}
}

static void unclear_endpoints_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "port is missing" },
		{ "203.0.113.10", "port is missing" },
		{ "203.0.113.10/tcp", "port is missing" },
		{ "203.0.113.10:/tcp", "1 to 65535" },
		{ "203.0.113.10:0/tcp", "1 to 65535" },
		{ "203.0.113.10:65536/tcp", "1 to 65535" },
		{ "203.0.113.10:123456/tcp", "1 to 65535" },
		{ "203.0.113.10:99999999999999999999/tcp", "1 to 65535" },
		{ "203.0.113.10:0443/tcp", "leading zeros" },
		{ "203.0.113.10:00/tcp", "leading zeros" },
		{ "203.0.113.10:-1/tcp", "1 to 65535" },
		{ "203.0.113.10:http/tcp", "1 to 65535" },
		{ "203.0.113.10:80 /tcp", "1 to 65535" },
		{ "203.0.113.10:80tcp", "1 to 65535" },
		{ "203.0.113.10:80", "protocol is missing" },
		{ "203.0.113.10:80/", "tcp or udp" },
		{ "203.0.113.10:80/TCP", "tcp or udp" },
		{ "203.0.113.10:80/sctp", "tcp or udp" },
		{ "203.0.113.10:80/tcp ", "tcp or udp" },
		{ "203.0.113.010:80/tcp", "ambiguous" },
		{ ":80/tcp", "empty" },
		{ "*:80/tcp", "names are not resolved" },
		{ "2001:db8::10:443/tcp", "needs brackets" },
		{ "[2001:db8::10]443/tcp", "after '['" },
		{ "[2001:db8::10:443/tcp", "after '['" },
		{ "[203.0.113.10]:443/tcp", "IPv6 addresses only" },
		{ "[]:443/tcp", "IPv6 addresses only" },
		{ "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]:443/tcp", "too long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct endpoint e = { .port = 7 };
		const char *why = "";

		assert_int_equal(endpoint_parse(&e, rows[i].text, false, &why), -EINVAL);
		if (!strstr(why, rows[i].why))
			fail_msg("'%s': the reason is '%s'", rows[i].text, why);
		assert_int_equal(e.port, 7);
	}
}

static void a_flow_is_read_with_and_without_spaces(void **state)
{
	static const char *const texts[] = {
		"198.51.100.7:40000 > 203.0.113.10:443/tcp",
		"198.51.100.7:40000>203.0.113.10:443/tcp",
		"  198.51.100.7:40000\t>  203.0.113.10:443/tcp ",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct flow_spec flow;
		const char *why;
		char text[ENDPOINT_TEXT_MAX];

		assert_int_equal(flow_spec_parse(&flow, texts[i], &why), 0);
		assert_string_equal(endpoint_text(&flow.source, text), "198.51.100.7:40000");
		assert_string_equal(endpoint_text(&flow.dest, text), "203.0.113.10:443/tcp");
	}
}

static void a_flow_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "198.51.100.7:40000 203.0.113.10:443/tcp", "a flow is" },
		{ "198.51.100.7:40000 > [2001:db8::10]:443/tcp", "different families" },
		{ "[2001:db8::7]:40000 > 203.0.113.10:443/tcp", "different families" },
		{ "198.51.100.7:40000/tcp > 203.0.113.10:443/tcp", "destination only" },
		{ "198.51.100.7:40000 > 203.0.113.10:443", "protocol is missing" },
		{ "198.51.100.7 > 203.0.113.10:443/tcp", "port is missing" },
		{ " > 203.0.113.10:443/tcp", "port is missing" },
		{ "198.51.100.7:40000 > ", "port is missing" },
		{ "198.51.100.7:40000 > > 203.0.113.10:443/tcp", "white space" },
		{ "198.51.100.7:40000 > "
		  "203.0.113.10203.0.113.10203.0.113.10203.0.113.10203.0.113.10203.0.113.10:443/tcp",
		  "too long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flow_spec flow;
		const char *why = "";

		assert_int_equal(flow_spec_parse(&flow, rows[i].text, &why), -EINVAL);
		if (!strstr(why, rows[i].why))
			fail_msg("'%s': the reason is '%s'", rows[i].text, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_in_canonical_form),
		cmocka_unit_test(an_ipv4_address_is_stored_mapped),
		cmocka_unit_test(addresses_that_some_read_otherwise_are_refused),
		cmocka_unit_test(only_addresses_of_hosts_are_usable),
		cmocka_unit_test(endpoints_print_in_canonical_form),
		cmocka_unit_test(unclear_endpoints_are_refused),
		cmocka_unit_test(a_flow_is_read_with_and_without_spaces),
		cmocka_unit_test(a_flow_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
