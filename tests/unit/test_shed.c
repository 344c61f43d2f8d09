// SPDX-License-Identifier: GPL-2.0
/* The arithmetic of capacities: how much is handed out, whose verdict is kept, which flows of plain
 * UDP are admitted. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/hash.h"
#include "evenkeel/shed.h"
#include "shed_case.h"

static const uint32_t rates[] = { 1, 2, 5, 9, 10, 11, 50, 100, 999, 1000, 20000, 777777, 10000000 };
#define RATES (sizeof(rates) / sizeof(rates[0]))
#define START_NS (3600 * EK_NS_PER_S)

/* ---- the budget ------------------------------------------------------------------------------ */

static void a_burst_is_a_tenth_of_a_second_or_ten_flows_but_no_more_than_a_second(void **state)
{
	assert_int_equal(ek_burst(1), 1);
	assert_int_equal(ek_burst(9), 9);
	assert_int_equal(ek_burst(10), 10);
	assert_int_equal(ek_burst(99), 10);
	assert_int_equal(ek_burst(109), 10);
	assert_int_equal(ek_burst(110), 11);
	assert_int_equal(ek_burst(10000000), 1000000);
}

static void what_lies_in_all_purses_is_a_small_part_of_a_burst(void **state)
{
	for (size_t i = 0; i < RATES; i++)
		for (uint32_t cpus = 1; cpus <= 1024; cpus *= 2) {
			uint32_t batch = ek_batch(rates[i], cpus);

			assert_in_range(batch, 1, EK_BATCH_MAX);
			assert_in_range((batch - 1) * cpus, 0, ek_burst(rates[i]) / 16);
		}
	assert_int_equal(ek_batch(10000000, 2), EK_BATCH_MAX);
	assert_int_equal(ek_batch(3200, 2), 10);
	assert_int_equal(ek_batch(1000, 0), 6);
}

/* So many asks a second for so long, evenly, on `of` of the CPUs in turn; how many get one. */
static uint64_t admitted(struct shed_host *h, uint32_t of, uint64_t from_ns, uint64_t asks,
			 uint64_t length_ns)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < asks; i++)
		count += shed_spend(h, (uint32_t)(i % of), from_ns + i * length_ns / asks);
	return count;
}

/* In a second after quiet: no more than the rate and a burst, and no less than the rate. */
static void the_total_is_the_declared_one_however_flows_meet_cpus(void **state)
{
	static const uint32_t counts[] = { 1, 2, 7, 64 };

	for (size_t i = 0; i < RATES - 2; i++)
		for (size_t k = 0; k < 4; k++) {
			struct shed_host spread = { .cpus = counts[k], .rate = rates[i] };
			struct shed_host one = spread;
			uint64_t asks = 10ull * rates[i] + 7, all;

			all = admitted(&spread, counts[k], START_NS, asks, EK_NS_PER_S);
			assert_in_range(all, rates[i], rates[i] + ek_burst(rates[i]));
			all = admitted(&one, 1, START_NS, asks, EK_NS_PER_S);
			assert_in_range(all, rates[i], rates[i] + ek_burst(rates[i]));
		}
}

static void over_time_it_is_exact(void **state)
{
	struct shed_host h = { .cpus = 8, .rate = 1000 };
	uint64_t first = admitted(&h, 8, START_NS, 100000, 10 * EK_NS_PER_S), more;

	assert_in_range(first, 10000, 10100);
	/* All on a CPU that had none, while the others keep what lies in their purses. */
	more = admitted(&h, 1, START_NS + 10 * EK_NS_PER_S, 100000, 10 * EK_NS_PER_S);
	assert_in_range(more, 9990, 10010);
}

static void below_the_rate_nothing_is_refused(void **state)
{
	for (size_t i = 0; i < RATES - 2; i++) {
		struct shed_host h = { .cpus = 16, .rate = rates[i] };

		assert_int_equal(admitted(&h, 16, START_NS, rates[i], EK_NS_PER_S), rates[i]);
	}
}

static void quiet_saves_up_no_more_than_a_burst(void **state)
{
	const uint64_t later_ns = START_NS + 3600 * EK_NS_PER_S, token_ns = 10000000;
	struct shed_host h = { .cpus = 1, .rate = 100 };
	uint32_t got = 0;

	while (shed_spend(&h, 0, START_NS))
		got++;
	assert_int_equal(got, 10);
	while (shed_spend(&h, 0, later_ns))
		got++;
	assert_int_equal(got, 20);
	assert_false(shed_spend(&h, 0, later_ns + token_ns - 1));
	assert_true(shed_spend(&h, 0, later_ns + token_ns));
}

static void what_lies_in_purses_counts_as_a_part_of_the_burst(void **state)
{
	struct shed_host h = { .cpus = 8, .rate = 100000 };
	const uint64_t later_ns = START_NS + 60 * EK_NS_PER_S;
	uint32_t got = 0;

	assert_true(ek_batch(h.rate, h.cpus) > 32);
	for (uint32_t cpu = 0; cpu < h.cpus; cpu++)
		assert_true(shed_spend(&h, cpu, START_NS));
	for (uint32_t cpu = 0; cpu < h.cpus; cpu++)
		while (shed_spend(&h, cpu, later_ns))
			got++;
	assert_int_equal(got, ek_burst(h.rate));
}

static void a_clock_that_goes_back_hands_nothing_out(void **state)
{
	__u64 spent_ns = START_NS;

	assert_int_equal(ek_borrow(&spent_ns, 1000, 1, START_NS - 1), 0);
	assert_int_equal(ek_borrow(&spent_ns, 1000, 1, START_NS - EK_NS_PER_S), 0);
	assert_int_equal(ek_borrow(&spent_ns, 1000, 1, START_NS), 0);
	assert_int_equal(spent_ns, START_NS);
}

/* ---- notes ----------------------------------------------------------------------------------- */

#define HASH 0x123456789abcdef0ull
#define OTHER 0x0fedcba987654320ull

static bool is_own(uint64_t note, uint32_t now_ms)
{
	return ek_note_claim(note, HASH, now_ms) & EK_CLAIM_OWN;
}

static void a_note_is_its_flows_for_a_second(void **state)
{
	static const uint32_t times[] = { 0, 1, 5000, EK_NOTE_MS_MASK - 500, 0xfffffe00u };

	for (size_t i = 0; i < 5; i++) {
		uint32_t at = times[i];
		uint64_t note = ek_note(HASH, at, i & 1);

		assert_true(is_own(note, at));
		assert_true(is_own(note, at + EK_VERDICT_MS - 1));
		assert_false(is_own(note, at + EK_VERDICT_MS));
		assert_false(is_own(note, at + 3600000));
		assert_false(is_own(ek_note(OTHER, at, 0), at));
		assert_int_equal(!!(note & EK_NOTE_ADMITTED), i & 1);
	}
	assert_false(is_own(0, 0));
}

static void repeats_are_counted_beside_the_verdict(void **state)
{
	uint64_t note = ek_note(HASH, 77, 1);

	for (uint32_t i = 0; i < EK_INITIAL_REPEATS; i++) {
		assert_int_equal(ek_note_repeats(note), i);
		note = ek_note_repeated(note);
		assert_true(is_own(note, 77));
		assert_true(note & EK_NOTE_ADMITTED);
	}
	assert_int_equal(ek_note_repeats(note), EK_INITIAL_REPEATS);
}

/* Each is to be written over before the next. */
static void shed_notes_give_way_before_admitted_ones_and_older_before_younger(void **state)
{
	const uint32_t now = 100000;
	const uint64_t order[] = {
		ek_note(HASH, now - 5, 1),     /* the flow's own */
		ek_note(OTHER, now - 1000, 1), /* over */
		ek_note(OTHER, now - 999, 0),  ek_note(OTHER, now, 0), ek_note(OTHER, now - 999, 1),
		ek_note(OTHER, now - 1, 1),    ek_note(OTHER, now, 1),
	};

	for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		assert_true(ek_note_claim(order[i - 1], HASH, now) >
			    ek_note_claim(order[i], HASH, now));
	assert_true(ek_note_claim(0, HASH, now) > ek_note_claim(order[2], HASH, now));
}

static void there_is_a_note_for_each_backend(void **state)
{
	assert_int_equal(ek_note_buckets(2), 512);
	assert_int_equal(ek_note_buckets(16384) * EK_NOTES_PER_BUCKET, 16384);
	assert_int_equal(ek_note_buckets(16385), 2048);
	assert_int_equal(ek_note_buckets(131072) * EK_NOTES_PER_BUCKET, 131072);
}

/* ---- the share of UDP's flows ---------------------------------------------------------------- */

#define TENTH(n) (START_NS + (n)*EK_SHARE_NS)

static void all_flows_are_admitted_until_too_many_packets_came(void **state)
{
	uint64_t word = ek_share_step(0, 1000, TENTH(0));

	assert_int_equal(ek_share(word), EK_SHARE_ALL);
	assert_true(ek_share_has(word, UINT64_MAX));
	assert_int_equal(ek_share_step(word, 1000, TENTH(1) - 1), word);
	word = ek_share_step(word + 100, 1000, TENTH(1));
	assert_int_equal(ek_share(word), EK_SHARE_ALL);
	assert_int_equal(ek_share_wanted(word), 0);
	word = ek_share_step(word + 400, 1000, TENTH(2));
	assert_in_range(ek_share(word), EK_SHARE_ALL / 4, EK_SHARE_ALL / 4 + 1);
	assert_true(ek_share_has(word, 0x3fffffffffffffffull));
	assert_false(ek_share_has(word, 0x4100000000000000ull));
}

/* `flows` of so many packets a tenth of a second: what a second's tenths admit, from the second
 * one on. */
static uint64_t packets_admitted(uint64_t *word, uint32_t rate, unsigned int flows,
				 unsigned int each, unsigned int from, unsigned int tenths)
{
	uint64_t all = 0;

	for (unsigned int t = 0; t < tenths; t++) {
		uint32_t wanted = 0;

		*word = ek_share_step(*word, rate, TENTH(from + t));
		for (unsigned int i = 0; i < flows; i++)
			wanted += ek_share_has(*word, ek_mix(i + 1, HASH)) ? each : 0;
		*word += wanted;
		if (t)
			all += wanted;
	}
	return all;
}

static void the_share_is_found_in_a_tenth_of_a_second_and_given_back_in_one(void **state)
{
	uint64_t word = 0, second;

	/* Ten times too many. */
	second = packets_admitted(&word, 10000, 10000, 1, 0, 11);
	assert_in_range(second, 9000, 11000);
	/* Half of that: it takes twice the share. */
	second = packets_admitted(&word, 10000, 5000, 1, 11, 11);
	assert_in_range(second, 9000, 11000);
	/* No more than the budget: all are admitted. */
	packets_admitted(&word, 10000, 900, 1, 22, 6);
	assert_int_equal(ek_share(word), EK_SHARE_ALL);
}

static void a_flow_that_is_admitted_stays_so_while_the_load_is_the_same(void **state)
{
	uint64_t word = 0;
	uint32_t low = EK_SHARE_ALL, high = 0;

	packets_admitted(&word, 10000, 4000, 10, 0, 5);
	for (unsigned int t = 5; t < 25; t++) {
		packets_admitted(&word, 10000, 4000, 10, t, 1);
		low = ek_share(word) < low ? ek_share(word) : low;
		high = ek_share(word) > high ? ek_share(word) : high;
	}
	/* Among 4000 flows, no more than a few come and go. */
	assert_in_range(high - low, 0, EK_SHARE_ALL / 200);
}

static void the_share_is_at_most_doubled_at_once_and_pauses_count(void **state)
{
	const uint64_t quarter = ek_share_word(ek_share_period(TENTH(0)), EK_SHARE_ALL / 4, 0);

	assert_in_range(ek_share(ek_share_step(quarter + 20, 1000, TENTH(1))), EK_SHARE_ALL / 2,
			EK_SHARE_ALL / 2 + 2);
	/* In four tenths of a second as many came as may. */
	assert_in_range(ek_share(ek_share_step(quarter + 400, 1000, TENTH(4))), EK_SHARE_ALL / 4,
			EK_SHARE_ALL / 4 + 2);
}

/* Another CPU has made the word meanwhile. */
static void a_cpu_that_is_behind_takes_the_share_that_it_finds(void **state)
{
	uint64_t word = ek_share_word(ek_share_period(TENTH(8)), 1000, 7);

	for (unsigned int i = 0; i <= 8; i++)
		assert_int_equal(ek_share_step(word, 1000, TENTH(i)), word);
	/* After hours of quiet it is not taken for that. */
	assert_int_equal(ek_share(ek_share_step(word, 1000, TENTH(8 + 65536 - 9))), EK_SHARE_ALL);
	/* Nor before the first packet. */
	for (uint64_t at = 65527; at < 65536; at++)
		assert_int_equal(ek_share(ek_share_step(0, 1000, at * EK_SHARE_NS)), EK_SHARE_ALL);
}

static void quiet_ends_shedding(void **state)
{
	uint64_t word = ek_share_word(ek_share_period(TENTH(0)), 1000, 50);

	assert_in_range(ek_share(ek_share_step(word, 1000, TENTH(9))), 1000, 2002);
	assert_int_equal(ek_share(ek_share_step(word, 1000, TENTH(10))), EK_SHARE_ALL);
	/* Nothing comes of it that no flow is in. */
	word = ek_share_word(ek_share_period(TENTH(0)), 1, EK_SHARE_WANTED_MAX);
	assert_int_equal(ek_share(ek_share_step(word, 100, TENTH(1))), 1);
	word = ek_share_word(ek_share_period(TENTH(1)), 1, 0);
	assert_in_range(ek_share(ek_share_step(word, 100, TENTH(2))), 2, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_burst_is_a_tenth_of_a_second_or_ten_flows_but_no_more_than_a_second),
		cmocka_unit_test(what_lies_in_all_purses_is_a_small_part_of_a_burst),
		cmocka_unit_test(the_total_is_the_declared_one_however_flows_meet_cpus),
		cmocka_unit_test(over_time_it_is_exact),
		cmocka_unit_test(below_the_rate_nothing_is_refused),
		cmocka_unit_test(quiet_saves_up_no_more_than_a_burst),
		cmocka_unit_test(what_lies_in_purses_counts_as_a_part_of_the_burst),
		cmocka_unit_test(a_clock_that_goes_back_hands_nothing_out),
		cmocka_unit_test(a_note_is_its_flows_for_a_second),
		cmocka_unit_test(repeats_are_counted_beside_the_verdict),
		cmocka_unit_test(shed_notes_give_way_before_admitted_ones_and_older_before_younger),
		cmocka_unit_test(there_is_a_note_for_each_backend),
		cmocka_unit_test(all_flows_are_admitted_until_too_many_packets_came),
		cmocka_unit_test(the_share_is_found_in_a_tenth_of_a_second_and_given_back_in_one),
		cmocka_unit_test(a_flow_that_is_admitted_stays_so_while_the_load_is_the_same),
		cmocka_unit_test(the_share_is_at_most_doubled_at_once_and_pauses_count),
		cmocka_unit_test(a_cpu_that_is_behind_takes_the_share_that_it_finds),
		cmocka_unit_test(quiet_ends_shedding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
