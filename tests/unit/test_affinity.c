// SPDX-License-Identifier: GPL-2.0
/* Each rule of affinity for packets by itself. That they hold together is for the exhaustive search
 * of tests/model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evenkeel/affinity.h"

enum { A = 1, B = 2, C = 3 };
#define NOW 1000u
#define ISN 0xfffffff0u /* its successors wrap around */

/* An unsettled slot that moved from A to B, all alive, nothing remembered. */
static struct ek_situation moved(enum ek_packet packet)
{
	return (struct ek_situation){
		.packet = packet,
		.cur = B,
		.def = A,
		.seq = ISN,
		.now_s = NOW,
		.def_live = 1,
		.entry_live = 1,
	};
}

static struct ek_situation moved_knowing(enum ek_packet packet, uint64_t entry)
{
	struct ek_situation s = moved(packet);

	s.entry = entry;
	return s;
}

static void expect(const struct ek_situation *s, uint32_t backend, enum ek_act act, uint64_t state)
{
	struct ek_decision d = ek_affinity_decide(s);

	assert_int_equal(d.backend, backend);
	assert_int_equal(d.act, act);
	if (act != EK_ACT_NONE)
		assert_int_equal(d.state, state);
}

static void expect_miss(const struct ek_situation *s, uint32_t backend, bool used_def)
{
	expect(s, backend, EK_ACT_NONE, 0);
	assert_int_equal(ek_affinity_decide(s).used_def, used_def);
}

/* ---- remembered flows ------------------------------------------------------------------------ */

static void a_confirmed_flow_stays_whatever_its_packet(void **state)
{
	static const enum ek_packet packets[] = { EK_PACKET_SYN, EK_PACKET_TCP, EK_PACKET_UDP,
						  EK_PACKET_INITIAL };

	for (size_t i = 0; i < 4; i++) {
		struct ek_situation s = moved_knowing(packets[i], ek_flow_confirmed(C, NOW - 9));

		expect(&s, C, EK_ACT_UPDATE, ek_flow_confirmed(C, NOW));
		s.cur = s.def = A; /* also where old and new owner agree */
		expect(&s, C, EK_ACT_UPDATE, ek_flow_confirmed(C, NOW));
	}
}

static void a_confirmed_flow_is_written_once_a_second_at_most(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_TCP, ek_flow_confirmed(C, NOW));

	expect(&s, C, EK_ACT_NONE, 0);
}

static void related_packets_follow_and_never_write(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_RELATED, ek_flow_confirmed(C, NOW - 9));

	expect(&s, C, EK_ACT_NONE, 0);
	s = moved_knowing(EK_PACKET_RELATED, ek_flow_pending(C, ISN, NOW));
	expect(&s, A, EK_ACT_NONE, 0);
	s = moved(EK_PACKET_RELATED);
	expect(&s, A, EK_ACT_NONE, 0);
	s.def_live = 0;
	expect(&s, B, EK_ACT_NONE, 0);
}

static void another_syn_of_a_pending_flow_stays_and_its_isn_is_kept(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_SYN, ek_flow_pending(C, 77, NOW - 3));

	expect(&s, C, EK_ACT_UPDATE, ek_flow_pending(C, ISN, NOW));
}

static void a_packet_just_above_the_isn_confirms_a_pending_flow(void **state)
{
	static const uint32_t ahead[] = { 1, 2, 1461, EK_ISN_WINDOW };

	for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		struct ek_situation s =
			moved_knowing(EK_PACKET_TCP, ek_flow_pending(C, ISN, NOW - 1));

		s.seq = ISN + ahead[i];
		expect(&s, C, EK_ACT_UPDATE, ek_flow_confirmed(C, NOW));
	}
}

/* Anybody can send a SYN in the name of a flow that def has: it must not carry the flow away. */
static void a_forged_syn_does_not_carry_an_old_flow_away(void **state)
{
	static const uint32_t ahead[] = { 0, EK_ISN_WINDOW + 1, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		struct ek_situation s =
			moved_knowing(EK_PACKET_TCP, ek_flow_pending(B, ISN, NOW - 1));

		s.seq = ISN + ahead[i];
		expect_miss(&s, A, true);
	}
}

static void an_entry_being_written_or_swept_matches_nothing(void **state)
{
	static const enum ek_phase phases[] = { EK_PHASE_NONE, EK_PHASE_GONE };

	for (size_t i = 0; i < 2; i++) {
		struct ek_situation s = moved_knowing(EK_PACKET_TCP, (uint64_t)phases[i] << 24 | C);

		expect_miss(&s, A, true);
		s.packet = EK_PACKET_SYN;
		expect(&s, B, EK_ACT_STORE, ek_flow_pending(B, ISN, NOW));
	}
}

/* ---- new flows ------------------------------------------------------------------------------- */

static void a_syn_goes_to_the_owner_and_is_remembered(void **state)
{
	struct ek_situation s = moved(EK_PACKET_SYN);

	expect(&s, B, EK_ACT_STORE, ek_flow_pending(B, ISN, NOW));
}

static void a_syn_need_not_be_remembered_where_owner_and_default_agree(void **state)
{
	struct ek_situation s = moved(EK_PACKET_SYN);

	s.def = B;
	expect_miss(&s, B, false);
}

static void a_syn_that_cannot_be_stored_goes_where_its_next_packets_will(void **state)
{
	struct ek_situation s = moved(EK_PACKET_SYN);
	struct ek_decision unstored = ek_affinity_unstored(&s);

	assert_int_equal(unstored.backend, A);
	assert_int_equal(unstored.act, EK_ACT_NONE);
	assert_true(unstored.used_def);
}

/* To cur it would be lost as soon as def returns. */
static void a_syn_that_cannot_be_stored_while_the_default_is_dead_is_dropped(void **state)
{
	struct ek_situation s = moved(EK_PACKET_SYN);
	struct ek_decision d;

	s.def_live = 0;
	d = ek_affinity_decide(&s);
	assert_int_equal(d.backend, B);
	d = ek_affinity_unstored(&s);
	assert_int_equal(d.backend, EK_NO_BACKEND);
	assert_int_equal(d.act, EK_ACT_NONE);
}

/* ---- misses and deaths ----------------------------------------------------------------------- */

static void an_unremembered_flow_belongs_to_the_default_and_is_not_stored(void **state)
{
	struct ek_situation s = moved(EK_PACKET_TCP);

	expect_miss(&s, A, true);
}

static void a_miss_keeps_the_slot_awake_only_if_default_and_owner_differ(void **state)
{
	struct ek_situation s = moved(EK_PACKET_TCP);

	s.def = B;
	expect_miss(&s, B, false);
}

static void a_miss_goes_to_the_owner_while_the_default_is_dead(void **state)
{
	struct ek_situation s = moved(EK_PACKET_TCP);

	s.def_live = 0;
	expect_miss(&s, B, false);
}

static void a_remembered_flow_of_a_dead_backend_is_a_miss(void **state)
{
	static const enum ek_phase phases[] = { EK_PHASE_PENDING, EK_PHASE_CONFIRMED };

	for (size_t i = 0; i < 2; i++) {
		uint64_t entry = phases[i] == EK_PHASE_PENDING ? ek_flow_pending(C, 77, NOW)
							       : ek_flow_confirmed(C, NOW);
		struct ek_situation s = moved_knowing(EK_PACKET_TCP, entry);

		s.entry_live = 0;
		expect_miss(&s, A, true);
	}
}

/* Else the entry would claim the new flow when its backend returns. */
static void a_new_flow_replaces_a_handshake_with_a_dead_backend(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_SYN, ek_flow_pending(C, 77, NOW));

	s.entry_live = 0;
	expect(&s, A, EK_ACT_UPDATE, ek_flow_pending(A, ISN, NOW));
	s.def_live = 0;
	expect(&s, B, EK_ACT_UPDATE, ek_flow_pending(B, ISN, NOW));
}

/* Anybody can send a SYN: the flow is still there when its backend returns. */
static void a_forged_syn_does_not_take_a_dead_backends_flow_away(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_SYN, ek_flow_confirmed(C, NOW - 9));

	s.entry_live = 0;
	expect(&s, A, EK_ACT_UPDATE, ek_flow_contested(C, ISN, NOW));
	s = moved_knowing(EK_PACKET_TCP, ek_flow_contested(C, ISN, NOW));
	s.seq = ISN + 99999;
	expect(&s, C, EK_ACT_UPDATE, ek_flow_confirmed(C, NOW));
	s.entry_live = 0;
	expect_miss(&s, A, true);
}

static void who_follows_a_syn_has_a_dead_backends_entry(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_TCP, ek_flow_contested(C, ISN, NOW));

	s.entry_live = 0;
	s.seq = ISN + 1;
	expect(&s, A, EK_ACT_UPDATE, ek_flow_confirmed(A, NOW));
	s.def_live = 0;
	expect(&s, B, EK_ACT_UPDATE, ek_flow_confirmed(B, NOW));
}

/* ---- two packets at once --------------------------------------------------------------------- */

static void a_packet_whose_entry_was_swept_belongs_to_the_default(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_TCP, ek_flow_confirmed(C, NOW - 99));
	struct ek_decision d = ek_affinity_decide(&s);

	d = ek_affinity_lost(&s, &d, EK_FLOW_GONE);
	assert_int_equal(d.backend, A);
	assert_true(d.used_def);
}

static void a_packet_that_was_not_the_quickest_stays_with_its_backend(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_TCP, ek_flow_confirmed(C, NOW - 1));
	struct ek_decision d = ek_affinity_decide(&s);

	assert_int_equal(ek_affinity_lost(&s, &d, ek_flow_confirmed(C, NOW + 1)).backend, C);
	assert_int_equal(ek_affinity_lost(&s, &d, ek_flow_confirmed(B, NOW)).backend,
			 EK_NO_BACKEND);
}

/* ---- UDP ------------------------------------------------------------------------------------- */

static void udp_in_the_grace_period_is_an_old_flow_and_remembered(void **state)
{
	struct ek_situation s = moved(EK_PACKET_UDP);

	s.udp_grace = 1;
	expect(&s, A, EK_ACT_STORE, ek_flow_confirmed(A, NOW));
}

static void udp_after_the_grace_period_is_a_new_flow_and_remembered(void **state)
{
	struct ek_situation s = moved(EK_PACKET_UDP);

	expect(&s, B, EK_ACT_STORE, ek_flow_confirmed(B, NOW));
}

static void an_initial_is_a_new_flow_at_any_time_and_remembered(void **state)
{
	struct ek_situation s = moved(EK_PACKET_INITIAL);

	expect(&s, B, EK_ACT_STORE, ek_flow_confirmed(B, NOW));
	s.udp_grace = 1;
	expect(&s, B, EK_ACT_STORE, ek_flow_confirmed(B, NOW));
	s.cur = s.def = A;
	expect_miss(&s, A, false);
}

static void udp_in_the_grace_period_of_a_dead_default_goes_to_the_owner(void **state)
{
	struct ek_situation s = moved(EK_PACKET_UDP);

	s.udp_grace = 1;
	s.def_live = 0;
	expect(&s, B, EK_ACT_STORE, ek_flow_confirmed(B, NOW));
}

/* Nobody would know its next packet from those of an old flow: the grace period is prolonged. */
static void udp_that_cannot_be_stored_prolongs_the_grace_period(void **state)
{
	struct ek_situation s = moved(EK_PACKET_UDP);
	struct ek_decision d = ek_affinity_unstored(&s);

	assert_int_equal(d.backend, A);
	assert_true(d.used_def);
	assert_true(ek_slot_udp_grace(ek_slot_touch(ek_slot_word(B, A, 1, 7), NOW), 20, NOW + 20));
}

static void udp_that_cannot_be_stored_while_the_default_is_dead_is_dropped(void **state)
{
	struct ek_situation s = moved(EK_PACKET_UDP);

	s.def_live = 0;
	assert_int_equal(ek_affinity_unstored(&s).backend, EK_NO_BACKEND);
}

static void udp_replaces_the_entry_of_a_dead_backend(void **state)
{
	struct ek_situation s = moved_knowing(EK_PACKET_UDP, ek_flow_confirmed(C, NOW));

	s.entry_live = 0;
	expect(&s, A, EK_ACT_UPDATE, ek_flow_confirmed(A, NOW));
	s.def = B; /* also where a new flow would not be stored */
	expect(&s, B, EK_ACT_UPDATE, ek_flow_confirmed(B, NOW));
}

static void an_empty_pool_remembers_nothing(void **state)
{
	static const enum ek_packet packets[] = { EK_PACKET_SYN, EK_PACKET_TCP, EK_PACKET_UDP,
						  EK_PACKET_INITIAL };

	for (size_t i = 0; i < 4; i++) {
		struct ek_situation s = moved(packets[i]);

		s.cur = EK_NO_BACKEND;
		expect_miss(&s, A, true);
	}
}

/* ---- words ----------------------------------------------------------------------------------- */

static void state_words_hold_what_was_put_in(void **state)
{
	uint64_t pending = ek_flow_pending(EK_BACKEND_INDEX_MAX, 0xdeadbeef, 4 * 64 + 60);
	uint64_t confirmed = ek_flow_confirmed(EK_BACKEND_INDEX_MAX, 0xfffffffe);

	assert_int_equal(ek_flow_phase(pending), EK_PHASE_PENDING);
	assert_int_equal(ek_flow_backend(pending), EK_BACKEND_INDEX_MAX);
	assert_int_equal(ek_flow_isn(pending), 0xdeadbeee); /* without its lowest bit */
	assert_int_equal(ek_flow_syn_age(pending, 4 * 64 + 60), 0);
	assert_int_equal(ek_flow_syn_age(pending, 5 * 64 + 26), EK_PENDING_S);
	assert_int_equal(ek_flow_phase(confirmed), EK_PHASE_CONFIRMED);
	assert_int_equal(ek_flow_backend(confirmed), EK_BACKEND_INDEX_MAX);
	assert_int_equal(ek_flow_seen(confirmed), 0xfffffffe);
}

static void a_tag_is_never_that_of_a_free_entry_and_names_its_slot(void **state)
{
	/* the flow hash that the service's part cancels */
	assert_true(ek_flow_tag(0x9e3779b97f4a7c15, 0, 0) != 0);
	assert_true(ek_flow_tag(0x123456789abcdef0, 7, 1) != ek_flow_tag(0x123456789abcdef0, 7, 2));
	for (uint64_t slot = 0; slot < 65536; slot += 255) {
		assert_int_equal(ek_flow_tag(0x123456789abc0000, slot, 3) & 0xffff, slot);
		assert_int_equal(ek_flow_tag(0x123456789abcdef0, slot, 3) >> 16,
				 ek_flow_tag(0x123456789abcdef0, 0, 3) >> 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_confirmed_flow_stays_whatever_its_packet),
		cmocka_unit_test(a_confirmed_flow_is_written_once_a_second_at_most),
		cmocka_unit_test(related_packets_follow_and_never_write),
		cmocka_unit_test(another_syn_of_a_pending_flow_stays_and_its_isn_is_kept),
		cmocka_unit_test(a_packet_just_above_the_isn_confirms_a_pending_flow),
		cmocka_unit_test(a_forged_syn_does_not_carry_an_old_flow_away),
		cmocka_unit_test(an_entry_being_written_or_swept_matches_nothing),
		cmocka_unit_test(a_syn_goes_to_the_owner_and_is_remembered),
		cmocka_unit_test(a_syn_need_not_be_remembered_where_owner_and_default_agree),
		cmocka_unit_test(a_syn_that_cannot_be_stored_goes_where_its_next_packets_will),
		cmocka_unit_test(a_syn_that_cannot_be_stored_while_the_default_is_dead_is_dropped),
		cmocka_unit_test(an_unremembered_flow_belongs_to_the_default_and_is_not_stored),
		cmocka_unit_test(a_miss_keeps_the_slot_awake_only_if_default_and_owner_differ),
		cmocka_unit_test(a_miss_goes_to_the_owner_while_the_default_is_dead),
		cmocka_unit_test(a_remembered_flow_of_a_dead_backend_is_a_miss),
		cmocka_unit_test(a_new_flow_replaces_a_handshake_with_a_dead_backend),
		cmocka_unit_test(a_forged_syn_does_not_take_a_dead_backends_flow_away),
		cmocka_unit_test(who_follows_a_syn_has_a_dead_backends_entry),
		cmocka_unit_test(a_packet_whose_entry_was_swept_belongs_to_the_default),
		cmocka_unit_test(a_packet_that_was_not_the_quickest_stays_with_its_backend),
		cmocka_unit_test(udp_in_the_grace_period_is_an_old_flow_and_remembered),
		cmocka_unit_test(udp_after_the_grace_period_is_a_new_flow_and_remembered),
		cmocka_unit_test(an_initial_is_a_new_flow_at_any_time_and_remembered),
		cmocka_unit_test(udp_in_the_grace_period_of_a_dead_default_goes_to_the_owner),
		cmocka_unit_test(udp_that_cannot_be_stored_prolongs_the_grace_period),
		cmocka_unit_test(udp_that_cannot_be_stored_while_the_default_is_dead_is_dropped),
		cmocka_unit_test(udp_replaces_the_entry_of_a_dead_backend),
		cmocka_unit_test(an_empty_pool_remembers_nothing),
		cmocka_unit_test(state_words_hold_what_was_put_in),
		cmocka_unit_test(a_tag_is_never_that_of_a_free_entry_and_names_its_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
