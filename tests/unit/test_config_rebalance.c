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

static void the_canonical_text_reads_back(void **state)
{
	static const char *const texts[] = {
		REBALANCE("off"),
		REBALANCE("{ mode: off, by: bytes, wait: 5s }"),
		REBALANCE("observe"),
		REBALANCE("{ by: flows, wait: 5s, measure: 1500ms, min: 10, max: 400 }"),
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config_rebalance before = read_back(texts[i]), after;
		_cleanup_(config_release) struct config *c = must_parse(texts[i]);
		_cleanup_(free_ptr) char *text = config_text(c);

		assert_non_null(text);
		after = read_back(text);
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
		  "f:6:22: error: by 'connections' must be flows, packets or bytes\n" },
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
		cmocka_unit_test(the_canonical_text_reads_back),
		cmocka_unit_test(what_it_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
