// SPDX-License-Identifier: GPL-2.0
/* Health checks in the configuration. */
#include "config_case.h"

#define HEALTH(text) WEB_1 "    health: " text "\n"

static const struct config_check *only_check(const struct config *c)
{
	assert_int_equal(c->services[0].check_count, 1);
	return &c->services[0].checks[0];
}

static void without_a_word_a_connection_to_the_first_tcp_listener_is_tried(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse("services:\n  web:\n"
			   "    listen: [\"203.0.113.10:53/udp\", \"203.0.113.10:853/tcp\"]\n"
			   "    backends: { web-1: 10.0.1.1 }\n");
	const struct config_service *s = &c->services[0];
	const struct config_check *k = only_check(c);

	assert_int_equal(k->type, CHECK_TCP);
	assert_int_equal(k->via, CHECK_VIA_DIRECT);
	assert_int_equal(config_check_port(s, &s->backends[0], k), 853);
	assert_int_equal(k->interval_ms, 2000);
	assert_int_equal(k->timeout_ms, 1000);
	assert_int_equal(k->down_interval_ms, 4000);
	assert_int_equal(k->rise, 2);
	assert_int_equal(k->fall, 3);
	assert_int_equal(s->panic, 50);
	assert_int_equal(s->on_empty, ON_EMPTY_KEEP);
}

static void a_service_of_udp_alone_is_not_checked_unless_it_says_how(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse("services:\n  dns:\n    listen: [\"203.0.113.10:53/udp\"]\n"
			   "    backends: { dns-1: 10.0.1.1 }\n");

	assert_int_equal(c->services[0].check_count, 0);
}

static void none_switches_health_off(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(HEALTH("none"));

	assert_int_equal(c->services[0].check_count, 0);
}

static void times_that_are_not_given_follow_from_the_interval(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(HEALTH("{ interval: 500ms }"));
	const struct config_check *k = only_check(c);

	assert_int_equal(k->interval_ms, 500);
	assert_int_equal(k->timeout_ms, 250);
	assert_int_equal(k->down_interval_ms, 1000);
}

static void every_key_of_https_is_read(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(HEALTH(
		"{ expect: [200, 204, 300-399], type: https, port: 8443, path: /healthz?deep=1, "
		"host: \"www.example.com:8443\", sni: www.example.com, verify: false, ca: "
		"/etc/ca.pem, interval: 1m, timeout: 2s, down_interval: 1h, rise: 1, fall: 5 }"));
	const struct config_check *k = only_check(c);

	assert_int_equal(k->type, CHECK_HTTPS);
	assert_int_equal(k->port, 8443);
	assert_string_equal(k->path, "/healthz?deep=1");
	assert_string_equal(k->host, "www.example.com:8443");
	assert_string_equal(k->sni, "www.example.com");
	assert_string_equal(k->ca, "/etc/ca.pem");
	assert_false(k->verify);
	assert_int_equal(k->status_count, 3);
	assert_int_equal(k->statuses[2].first, 300);
	assert_int_equal(k->statuses[2].last, 399);
	assert_int_equal(k->interval_ms, 60000);
	assert_int_equal(k->timeout_ms, 2000);
	assert_int_equal(k->down_interval_ms, 3600000);
	assert_int_equal(k->rise, 1);
	assert_int_equal(k->fall, 5);
}

static void certificates_are_verified_unless_told_otherwise(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(HEALTH("{ type: https }"));
	const struct config_check *k = only_check(c);

	assert_true(k->verify);
	assert_string_equal(k->path, "/");
	assert_int_equal(k->status_count, 1);
	assert_int_equal(k->statuses[0].first, 200);
	assert_int_equal(k->statuses[0].last, 399);
}

static void bytes_are_text_or_hexadecimal(void **state)
{
	_cleanup_(config_release) struct config *c =
		must_parse(HEALTH("{ type: udp, port: 7, send: \"hex:00ff\", expect: \"ok\\r\" }"));
	const struct config_check *k = only_check(c);

	assert_int_equal(k->send.size, 2);
	assert_memory_equal(k->send.data, "\0\xff", 2);
	assert_int_equal(k->expect.size, 3);
	assert_memory_equal(k->expect.data, "ok\r", 3);
}

static void several_checks_are_a_list(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(HEALTH(
		"[{ type: http }, { via: tunnel }, { type: exec, command: [/bin/true, a b] }]"));
	const struct config_service *s = &c->services[0];

	assert_int_equal(s->check_count, 3);
	assert_int_equal(s->checks[1].type, CHECK_TCP);
	assert_int_equal(s->checks[1].via, CHECK_VIA_TUNNEL);
	assert_int_equal(s->checks[2].command_size, 14);
	assert_memory_equal(s->checks[2].command, "/bin/true\0a b", 14);
}

static void behind_nat_the_backends_own_port_is_checked(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(
		WEB "    forward: nat\n    backends: { a: { address: 10.0.1.1, port: 8443 }, b: "
		    "10.0.1.2 }\n");
	const struct config_service *s = &c->services[0];

	assert_int_equal(config_check_port(s, &s->backends[0], &s->checks[0]), 8443);
	assert_int_equal(config_check_port(s, &s->backends[1], &s->checks[0]), 443);
}

static void slow_start_and_spares_are_off_unless_asked_for(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	_cleanup_(config_release) struct config *off = must_parse(WEB_1 "    slow_start: off\n");
	_cleanup_(config_release) struct config *on =
		must_parse(WEB_1 "      web-2: { address: 10.0.1.2, backup: true }\n"
				 "    slow_start: 2m\n    backup_below: 30\n");

	assert_int_equal(c->services[0].slow_start_s, 0);
	assert_int_equal(c->services[0].backup_below, 50);
	assert_false(c->services[0].backends[0].backup);
	assert_int_equal(off->services[0].slow_start_s, 0);
	assert_int_equal(on->services[0].slow_start_s, 120);
	assert_int_equal(on->services[0].backup_below, 30);
	assert_false(on->services[0].backends[0].backup);
	assert_true(on->services[0].backends[1].backup);
}

static void mistakes_about_slow_start_and_spares_are_told(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "    slow_start: 2h\n", "f:6:17: error: slow_start 2h is above 3600 s\n" },
		{ WEB_1 "    slow_start: soon\n",
		  "f:6:17: error: slow_start 'soon' must be off, or a duration: 30s, 5m, or "
		  "seconds\n" },
		{ WEB_1 "      web-2: { address: 10.0.1.2, backup: yes }\n",
		  "f:6:43: error: backup 'yes' must be true or false\n" },
		{ WEB_1 "      web-2: { address: 10.0.1.2, backup: true }\n    backup_below: 0\n",
		  "f:7:19: error: backup_below 0 is below 1\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void spares_that_stand_in_for_nobody_are_warned_of(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "    backup_below: 40\n",
		  "f:6:19: warning: service 'web': backup_below does nothing: no backend has "
		  "'backup: true'\n" },
		{ POOL "      web-1: { address: 10.0.1.1, backup: true }\n",
		  "f:2:3: warning: service 'web': every backend is a backup, so all of them are in "
		  "use all the time\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_release) struct diag d = { .file = "f" };
		_cleanup_(config_release) struct config *c = NULL;
		_cleanup_(free_ptr) char *said = NULL;

		assert_int_equal(config_parse(&c, rows[i].text, strlen(rows[i].text), &d), 0);
		said = diag_lines(&d);
		assert_string_equal(said, rows[i].said);
	}
}

static void the_canonical_text_of_any_check_reads_back(void **state)
{
	static const char *const texts[] = {
		HEALTH("none"),
		HEALTH("{ via: both, interval: 100ms }"),
		HEALTH("[{ type: https, sni: a, host: b, ca: /c, verify: false, expect: 204 }, { "
		       "type: exec, command: [/bin/sh, -c, \"exit 0\"] }]"),
		HEALTH("{ type: udp, port: 53, send: \"hex:000a\", expect: a }"),
		WEB_1 "    panic: off\n    on_empty: drop\n",
		WEB_1 "    panic: 100\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(config_release) struct config *c = must_parse(texts[i]);
		_cleanup_(config_release) struct config *copy = config_copy(c);
		_cleanup_(free_ptr) char *text = config_text(copy);
		_cleanup_(config_release) struct config *again = must_parse(text);
		_cleanup_(free_ptr) char *text_again = config_text(again);

		assert_string_equal(text, text_again);
		assert_true(config_checks_equal(&c->services[0], &again->services[0]));
		for (size_t j = 0; j < i; j++) {
			_cleanup_(config_release) struct config *other = must_parse(texts[j]);

			assert_int_equal(config_checks_equal(&c->services[0], &other->services[0]),
					 i == 5 && j == 4);
		}
		assert_int_equal(again->services[0].check_count, c->services[0].check_count);
	}
}

static void mistakes_within_a_check_are_all_told(void **state)
{
	static const struct config_case rows[] = {
		{ HEALTH("{ type: htpp, port: 0 }"),
		  "f:6:21: error: type 'htpp' must be tcp, http, https, udp or exec; did you mean "
		  "'http'?\n"
		  "f:6:33: error: port 0 is below 1\n" },
		{ HEALTH("{ port: \"80\" }"),
		  "f:6:21: error: port is quoted text: write the number without quotes\n" },
		{ HEALTH("{ intervall: 5s, colour: red }"),
		  "f:6:15: error: unknown key 'intervall' in health; did you mean 'interval'?\n"
		  "f:6:30: error: unknown key 'colour' in health; known are: type, port, via, "
		  "interval, timeout, down_interval, rise, fall, path, host, sni, verify, ca, "
		  "send, expect, command\n" },
		{ HEALTH("{ interval: 5, timeout: 1d, rise: 0, fall: 101 }"),
		  "f:6:37: error: timeout '1d' must be a duration: 500ms, 2s, 1m, or seconds\n"
		  "f:6:47: error: rise 0 is below 1\n"
		  "f:6:56: error: fall 101 is above 100\n" },
		{ HEALTH("{ interval: 99ms }"), "f:6:25: error: interval 99ms is below 100 ms\n" },
		{ HEALTH("{ interval: 2h }"), "f:6:25: error: interval 2h is above 3600000 ms\n" },
		{ HEALTH("{ interval: ms }"),
		  "f:6:25: error: interval 'ms' must be a duration: 500ms, 2s, 1m, or seconds\n" },
		{ HEALTH("{ path: /x, send: y }"),
		  "f:6:21: error: path has a meaning with 'type: http or https' only\n"
		  "f:6:31: error: send has a meaning with 'type: udp' only\n" },
		{ HEALTH("{ type: http, path: healthz }"),
		  "f:6:33: error: path 'healthz' must begin with '/' and have no blanks and no "
		  "'#'\n" },
		{ HEALTH("{ type: http, host: a/b }"),
		  "f:6:33: error: host 'a/b' is not a host name\n" },
		{ HEALTH("{ type: https, sni: \"a:1\" }"),
		  "f:6:33: error: sni 'a:1' must be a name, without a port\n" },
		{ HEALTH("{ type: https, ca: ca.pem }"),
		  "f:6:32: error: ca 'ca.pem' must be a full path: the controller has its own "
		  "folder\n" },
		{ HEALTH("{ type: http, expect: [200, 99, 300-200, ok, 200-600] }"),
		  "f:6:41: error: expect '99' must be a status from 100 to 599, or a range: "
		  "200-299\n"
		  "f:6:45: error: expect '300-200' must be a status from 100 to 599, or a range: "
		  "200-299\n"
		  "f:6:54: error: expect 'ok' must be a status from 100 to 599, or a range: "
		  "200-299\n"
		  "f:6:58: error: expect '200-600' must be a status from 100 to 599, or a range: "
		  "200-299\n" },
		{ HEALTH("{ type: udp, port: 7, send: \"hex:0g\" }"),
		  "f:6:41: error: send 'hex:0g' is not pairs of hexadecimal digits, 0 to 9 and a "
		  "to f\n" },
		{ HEALTH("{ type: udp, port: 7, send: \"\" }"),
		  "f:6:41: error: send must be 1 to 255 bytes\n" },
		{ HEALTH("{ type: exec, command: [true] }"),
		  "f:6:36: error: command must begin with the full path of a program\n" },
		{ HEALTH("{ type: exec, command: /bin/true }"),
		  "f:6:36: error: command must be a list: [/path/of/program, argument], not "
		  "text\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void checks_that_cannot_be_made_are_refused(void **state)
{
	static const struct config_case rows[] = {
		{ HEALTH("{ interval: 1s, timeout: 1s }"),
		  "f:6:38: error: service 'web': a health check's timeout, 1000 ms, must be below "
		  "its interval, 1000 ms: one is over before the next begins\n" },
		{ HEALTH("{ interval: 2s, down_interval: 1s }"),
		  "f:6:44: error: service 'web': down_interval, 1000 ms, is below the interval, "
		  "2000 ms: a server that is down is not asked more often\n" },
		{ HEALTH("{ type: http, via: both }"),
		  "f:6:32: error: service 'web': only a tcp check can go via the tunnel, not http: "
		  "list two checks, and the second as { type: tcp, via: tunnel }\n" },
		{ HEALTH("{ via: tunnel }") "    forward: nat\n",
		  "f:6:20: error: service 'web': with 'forward: nat' there is no tunnel: packets "
		  "go to the backend's own address, as a direct check does\n" },
		{ HEALTH("{ type: udp, send: x }"),
		  "f:6:13: error: service 'web': a udp check needs a port: the service has no "
		  "listener with udp to take it from\n" },
		{ HEALTH("{ type: udp, port: 7 }"),
		  "f:6:13: error: service 'web': a udp check needs send: what a server answers "
		  "to\n" },
		{ HEALTH("{ type: exec }"),
		  "f:6:13: error: service 'web': an exec check needs a command: "
		  "[/path/of/program, argument]\n" },
		{ "services:\n  dns:\n    listen: [\"203.0.113.10:53/udp\"]\n    backends: { a: "
		  "10.0.1.1 }\n    health: { via: tunnel, port: 53 }\n",
		  "f:5:20: error: service 'dns': a check via the tunnel connects to a listener "
		  "with tcp, and there is none\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void what_is_no_check_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ HEALTH("tcp"),
		  "f:6:13: error: health 'tcp' must be a check, a list of checks, or none\n" },
		{ HEALTH("non"),
		  "f:6:13: error: health 'non' must be a check, a list of checks, or "
		  "none; did you mean 'none'?\n" },
		{ WEB_1 "    health:\n", "f:6:12: error: health has no value: give it a check, a "
					 "list of checks, or none\n" },
		{ HEALTH("[]"), "f:6:13: error: health must be 1 to 8 checks; none is written "
				"'health: none'\n" },
		{ HEALTH("[tcp]"), "f:6:14: error: a health check must be a mapping, not text\n" },
		{ WEB_1 "    panic: 0\n", "f:6:12: error: panic 0 is below 1\n" },
		{ WEB_1 "    panic: never\n",
		  "f:6:12: error: panic 'never' must be off, or a percentage from 1 to 100: "
		  "decimal digits only, no leading zero\n" },
		{ WEB_1 "    on_empty: keeep\n",
		  "f:6:15: error: on_empty 'keeep' must be keep or drop; did you mean 'keep'?\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_a_connection_to_the_first_tcp_listener_is_tried),
		cmocka_unit_test(a_service_of_udp_alone_is_not_checked_unless_it_says_how),
		cmocka_unit_test(none_switches_health_off),
		cmocka_unit_test(times_that_are_not_given_follow_from_the_interval),
		cmocka_unit_test(every_key_of_https_is_read),
		cmocka_unit_test(certificates_are_verified_unless_told_otherwise),
		cmocka_unit_test(bytes_are_text_or_hexadecimal),
		cmocka_unit_test(several_checks_are_a_list),
		cmocka_unit_test(behind_nat_the_backends_own_port_is_checked),
		cmocka_unit_test(the_canonical_text_of_any_check_reads_back),
		cmocka_unit_test(mistakes_within_a_check_are_all_told),
		cmocka_unit_test(checks_that_cannot_be_made_are_refused),
		cmocka_unit_test(what_is_no_check_is_refused),
		cmocka_unit_test(slow_start_and_spares_are_off_unless_asked_for),
		cmocka_unit_test(mistakes_about_slow_start_and_spares_are_told),
		cmocka_unit_test(spares_that_stand_in_for_nobody_are_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
