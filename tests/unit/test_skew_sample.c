// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "balance_case.h"
#include "lib/skew_sample.h"

static void add(struct skew_sample *s, unsigned int count, bool syn)
{
	for (unsigned int i = 0; i < count; i++)
		skew_sample_add(s,
				&(struct client_packet){ .client = case_addr(i),
							 .backend = 1,
							 .syn = syn,
							 .packets = 2,
							 .bytes = 300 },
				true, 0x5eed);
}

static void a_quiet_service_costs_no_memory(void **state)
{
	struct skew_sample s = {};

	add(&s, 49, true);
	assert_false(skew_sample_is_open(&s));
	add(&s, 1, true);
	assert_true(skew_sample_is_open(&s));
	skew_sample_close(&s);
	assert_true(s.seen == 0);
}

static void where_there_is_no_room_there_is_none(void **state)
{
	struct skew_sample s = {};

	for (unsigned int i = 0; i < 100; i++)
		skew_sample_add(&s, &(struct client_packet){ .packets = 1 }, false, 1);
	assert_false(skew_sample_is_open(&s));
}

static void each_track_gets_its_measure(void **state)
{
	struct skew_sample s = {};

	add(&s, 50, false);
	add(&s, 20, false);
	add(&s, 5, true);
	assert_true(heavy_total(s.of[SKEW_TRACK_FLOWS_FAST]) == 10);
	assert_true(heavy_total(s.of[SKEW_TRACK_FLOWS_SLOW]) == 10);
	assert_true(heavy_total(s.of[SKEW_TRACK_PACKETS_SLOW]) == 26 * 2);
	assert_true(heavy_total(s.of[SKEW_TRACK_BYTES_SLOW]) == 26 * 300);
	skew_sample_close(&s);
}

static void it_forgets_by_the_tracks_horizon_and_closes(void **state)
{
	struct skew_sample s = {};
	unsigned int seconds = 0;

	add(&s, 149, true);
	skew_sample_second(&s, &skew_limits_default);
	assert_true(fabs(heavy_total(s.of[SKEW_TRACK_FLOWS_FAST]) -
			 200 * exp(-1 / skew_limits_default.fast_s)) < 1e-6);
	assert_true(fabs(heavy_total(s.of[SKEW_TRACK_BYTES_SLOW]) -
			 30000 * exp(-1 / skew_limits_default.slow_s)) < 1e-6);
	for (; skew_sample_is_open(&s); seconds++)
		skew_sample_second(&s, &skew_limits_default);
	/* ln(149 / 5) horizons. */
	assert_in_range(seconds, 200, 210);
	for (enum skew_track t = 0; t < SKEW_TRACK_COUNT; t++)
		assert_null(s.of[t]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_service_costs_no_memory),
		cmocka_unit_test(where_there_is_no_room_there_is_none),
		cmocka_unit_test(each_track_gets_its_measure),
		cmocka_unit_test(it_forgets_by_the_tracks_horizon_and_closes),
	};

	return cmocka_run_group_tests_name("skew_sample", tests, NULL, NULL);
}
