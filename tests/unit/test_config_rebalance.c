// SPDX-License-Identifier: GPL-2.0
#include "config_case.h"

#define REBALANCE(value) WEB_1 "    rebalance: " value "\n"

static struct config_rebalance read_back(const char *text)
{
	_cleanup_(config_release) struct config *c = must_parse(text);

	return c->services[0].rebalance;
}

static void without_a_word_weights_are_as_configured(void **state)
{
	assert_int_equal(read_back(WEB_1).mode, REBALANCE_OFF);
	assert_int_equal(read_back(REBALANCE("off")).mode, REBALANCE_OFF);
}

static void a_word_switches_it(void **state)
{
	struct config_rebalance b = read_back(REBALANCE("on"));

	assert_int_equal(b.mode, REBALANCE_ON);
	assert_int_equal(b.by, CONFIG_LOAD_PACKETS);
	assert_int_equal(b.wait_ms, 60000);
	assert_int_equal(b.measure_ms, 10000);
	assert_int_equal(b.min, 50);
	assert_int_equal(b.max, 150);
	assert_int_equal(read_back(REBALANCE("observe")).mode, REBALANCE_OBSERVE);
}

static void a_mapping_means_on_and_says_how(void **state)
{
	struct config_rebalance b =
		read_back(REBALANCE("{ by: bytes, wait: 5s, measure: 1500ms, min: 70, max: 200 }"));

	assert_int_equal(b.mode, REBALANCE_ON);
	assert_int_equal(b.by, CONFIG_LOAD_BYTES);
	assert_int_equal(b.wait_ms, 5000);
	assert_int_equal(b.measure_ms, 1500);
	assert_int_equal(b.min, 70);
	assert_int_equal(b.max, 200);
	assert_int_equal(read_back(REBALANCE("{ mode: observe, by: bytes }")).mode,
			 REBALANCE_OBSERVE);
}

static void new_flows_follow_at_once_and_are_not_waited_for_as_long(void **state)
{
	assert_int_equal(read_back(REBALANCE("{ by: flows }")).wait_ms, 10000);
	assert_int_equal(read_back(REBALANCE("{ by: flows, wait: 30s }")).wait_ms, 30000);
}

static void backends_are_asked_for_their_load(void **state)
{
	struct config_rebalance b =
		read_back(REBALANCE("{ load: { port: 8080, path: /agent?x=1, interval: 2s, "
				    "timeout: 300ms } }"));

	assert_int_equal(b.mode, REBALANCE_ON);
	assert_int_equal(b.by, CONFIG_LOAD_TOLD);
	assert_int_equal(b.wait_ms, 60000);
	assert_int_equal(b.ask.port, 8080);
	assert_string_equal(b.ask.path, "/agent?x=1");
	assert_int_equal(b.ask.interval_s, 2);
	assert_int_equal(b.ask.timeout_ms, 300);
	b = read_back(REBALANCE("{ by: load }"));
	assert_int_equal(b.ask.port, 0);
	assert_string_equal(b.ask.path, "/load");
	assert_int_equal(b.ask.interval_s, 1);
	assert_int_equal(b.ask.timeout_ms, 500);
	b = read_back(REBALANCE("{ mode: off, load: { port: 8080 } }"));
	assert_int_equal(b.ask.port, 0);
}

static void the_canonical_text_reads_back(void **state)
{
	static const char *const texts[] = {
		REBALANCE("off"),
		REBALANCE("{ mode: off, by: bytes, wait: 5s }"),
		REBALANCE("observe"),
		REBALANCE("{ by: flows, wait: 5s, measure: 1500ms, min: 10, max: 400 }"),
		REBALANCE("{ by: load }"),
		REBALANCE("{ mode: observe, load: { port: 81, path: /a, interval: 1m, "
			  "timeout: 20s } }"),
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config_rebalance before = read_back(texts[i]), after;
		_cleanup_(config_release) struct config *c = must_parse(texts[i]);
		_cleanup_(free_ptr) char *text = config_text(c);

		assert_non_null(text);
		after = read_back(text);
		before.ask.place = after.ask.place = (struct place){};
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void what_it_cannot_be_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ REBALANCE("onn"), "f:6:16: error: rebalance 'onn' must be off, observe, on, or a "
				    "mapping; did you mean 'on'?\n" },
		{ REBALANCE("[on]"),
		  "f:6:16: error: rebalance must be off, observe, on, or a mapping, not a list\n" },
		{ REBALANCE("{ by: connections }"),
		  "f:6:22: error: by 'connections' must be flows, packets, bytes or load\n" },
		{ REBALANCE("{ by: bytes, load: { port: 80 } }"),
		  "f:6:35: error: load has a meaning with 'by: load' only, which is what it means "
		  "without 'by'\n" },
		{ REBALANCE("{ load: 80 }"), "f:6:24: error: load must be a mapping with the keys "
					     "port, path, interval and timeout, not text\n" },
		{ REBALANCE("{ load: { path: load } }"),
		  "f:6:32: error: path 'load' must begin with '/' and have no blanks and no '#'\n" },
		{ REBALANCE("{ load: { interval: 61s } }"),
		  "f:6:36: error: interval 61s is above 60 s\n" },
		{ REBALANCE("{ load: { timeout: 1s } }"),
		  "f:6:24: error: service 'web': the timeout of load, 1000 ms, must be below its "
		  "interval, 1000 ms: one answer is awaited before the next is asked for\n" },
		{ "services:\n"
		  "  dns:\n"
		  "    listen: [\"203.0.113.10:53/udp\"]\n"
		  "    rebalance: { by: load }\n"
		  "    backends:\n"
		  "      dns-1: 10.0.1.1\n",
		  "f:2:3: error: service 'dns': load needs a port, as load: { port: 8080 }: the "
		  "service has no listener with tcp to take it from\n" },
		{ REBALANCE("{ load: { host: a } }"),
		  "f:6:26: error: key 'host' does not belong in load: it belongs in health\n" },
		{ REBALANCE("{ wait: 500ms }"), "f:6:24: error: wait 500ms is below 1000 ms\n" },
		{ REBALANCE("{ min: 101 }"), "f:6:23: error: min 101 is above 100\n" },
		{ REBALANCE("{ max: 99 }"), "f:6:23: error: max 99 is below 100\n" },
		{ REBALANCE("{ max: 401 }"), "f:6:23: error: max 401 is above 400\n" },
		{ REBALANCE("{ panic: 5 }"), "f:6:18: error: key 'panic' does not belong in "
					     "rebalance: it belongs in a service\n" },
	};

	assert_cases(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_weights_are_as_configured),
		cmocka_unit_test(a_word_switches_it),
		cmocka_unit_test(a_mapping_means_on_and_says_how),
		cmocka_unit_test(new_flows_follow_at_once_and_are_not_waited_for_as_long),
		cmocka_unit_test(backends_are_asked_for_their_load),
		cmocka_unit_test(the_canonical_text_reads_back),
		cmocka_unit_test(what_it_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
