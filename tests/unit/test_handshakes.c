// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "balance_case.h"
#include "lib/handshakes.h"

static bool suspect(double alone, double followed, double peers_alone, double peers_followed)
{
	const struct handshakes h = { followed, alone }, peers = { peers_followed, peers_alone };

	return handshakes_suspect(&h, &peers);
}

static void who_answers_nobody_beside_peers_who_do_is_suspect(void **state)
{
	assert_true(suspect(4, 0, 1, 50));
	assert_true(suspect(4, 0, 0, 50));
	assert_true(suspect(100, 100, 1, 200));
	assert_false(suspect(1, 0, 0, 50));
	assert_false(suspect(0, 0, 0, 50));
	assert_false(suspect(2, 98, 2, 300));
}

/* Forged SYNs go to all alike. */
static void in_a_flood_nobody_is(void **state)
{
	assert_false(suspect(950, 10, 2850, 30));
	assert_false(suspect(96, 4, 270, 30));
	/* But who answers none of those who would go on is. */
	assert_true(suspect(400, 0, 600, 600));
}

static void who_has_no_peers_is_suspect_when_most_are_left_alone(void **state)
{
	assert_false(suspect(5, 5, 0, 0));
	assert_false(suspect(6, 0, 0, 0));
	assert_true(suspect(40, 0, 0, 0));
}

static void a_few_percent_are_no_outage_however_sure(void **state)
{
	assert_false(suspect(10000, 90000, 0, 300000));
}

static void it_forgets_within_a_minute(void **state)
{
	struct handshakes h = {};

	for (unsigned int i = 0; i < 100; i++)
		handshakes_note(&h, false);
	assert_true(h.alone == 100 && h.followed == 0);
	handshakes_note(&h, true);
	for (unsigned int i = 0; i < 60; i++)
		handshakes_decay(&h);
	assert_true(h.alone < 1);
	for (unsigned int i = 0; i < 60; i++)
		handshakes_decay(&h);
	assert_true(h.alone == 0 && h.followed == 0);
}

/* Four backends of which each loses one SYN in ten, asked once a second for ten hours. */
static void chance_alone_hints_rarely(void **state)
{
	struct handshakes each[4] = {};
	unsigned int hints = 0;
	uint64_t seed = 7;

	for (unsigned int s = 0; s < 36000; s++) {
		for (unsigned int b = 0; b < 4; b++) {
			for (unsigned int i = 0; i < 3; i++)
				handshakes_note(&each[b], case_random(&seed) >= 0.1);
			handshakes_decay(&each[b]);
		}
		for (unsigned int b = 0; b < 4; b++) {
			struct handshakes peers = {};

			for (unsigned int k = 0; k < 4; k++) {
				peers.alone += k != b ? each[k].alone : 0;
				peers.followed += k != b ? each[k].followed : 0;
			}
			hints += handshakes_suspect(&each[b], &peers);
		}
	}
	/* Seconds of 144,000 backends' seconds. */
	assert_true(hints < 72);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_nobody_beside_peers_who_do_is_suspect),
		cmocka_unit_test(in_a_flood_nobody_is),
		cmocka_unit_test(who_has_no_peers_is_suspect_when_most_are_left_alone),
		cmocka_unit_test(a_few_percent_are_no_outage_however_sure),
		cmocka_unit_test(it_forgets_within_a_minute),
		cmocka_unit_test(chance_alone_hints_rarely),
	};

	return cmocka_run_group_tests_name("handshakes", tests, NULL, NULL);
}
