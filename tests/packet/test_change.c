// SPDX-License-Identifier: GPL-2.0
/* What a change does to flows: the real program, the real tables. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "flows.h"

static void steady_state_stores_nothing(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS);

	assert_int_equal(fixture_verdicts(x).stored, 0);
	free(owner);
}

static void the_order_of_the_file_moves_nothing(void **state)
{
	struct fixture *x = *state;
	uint32_t *owner = begin_flows(x, 0, FLOWS);
	struct dp_service_view view;

	fixture_install(x, reordered);
	assert_int_equal(flows_moved(x, owner, 0, FLOWS), 0);
	assert_int_equal(dp_service_view(x->dp, 0, &view), 0);
	assert_int_equal(view.unsettled, 0);
	free(owner);
}

static void removing_a_backend_moves_no_flow(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), *new;
	uint32_t leaving = index_of(x, "d");

	fixture_install(x, three);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	new = begin_flows(x, FLOWS, FLOWS);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_not_equal(new[i], leaving);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	assert_int_equal(flows_moved(x, new, FLOWS, FLOWS), 0);
	assert_true(fixture_verdicts(x).stored > 0);
	assert_true(fixture_verdicts(x).stored < FLOWS);
	free(old);
	free(new);
}

static void there_and_back_again_moves_no_flow(void **state)
{
	static const char *const steps[] = { three, four,    drained, four,      three,
					     four,  drained, three,   reordered, three };
	struct fixture *x = *state;
	uint32_t *owner[11];

	owner[0] = begin_flows(x, 0, 500);
	for (unsigned int step = 0; step < 10; step++) {
		fixture_install(x, steps[step]);
		owner[step + 1] = begin_flows(x, 500 * (step + 1), 500);
		for (unsigned int past = 0; past <= step + 1; past++)
			assert_int_equal(flows_moved(x, owner[past], 500 * past, 500), 0);
	}
	for (unsigned int i = 0; i < 11; i++)
		free(owner[i]);
}

static void a_drained_backend_keeps_its_flows_and_gets_no_new_ones(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS), *new;
	uint32_t idle = index_of(x, "d");

	fixture_install(x, drained);
	new = begin_flows(x, FLOWS, FLOWS);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_not_equal(new[i], idle);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	free(old);
	free(new);
}

static void a_forged_syn_does_not_take_an_old_flow_away(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, FLOWS);

	fixture_install(x, three);
	for (unsigned int i = 0; i < FLOWS; i++)
		send_packet(x, i, "tcp", TCP_SYN, 12345 + i);
	assert_int_equal(flows_moved(x, old, 0, FLOWS), 0);
	free(old);
}

static void a_retransmitted_syn_keeps_its_backend_and_the_latest_isn_confirms(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, three);
	for (unsigned int i = 0; i < FLOWS; i++) {
		uint32_t owner = send_packet(x, i, "tcp", TCP_SYN, 777);

		assert_int_equal(syn(x, i), owner);
		assert_int_equal(data(x, i), owner);
		assert_int_equal(syn(x, i), owner);
	}
}

static void an_old_udp_flow_stays_and_a_new_one_too(void **state)
{
	struct fixture *x = *state;
	uint32_t old[500], new[500];

	for (unsigned int i = 0; i < 500; i++)
		old[i] = send_packet(x, i, "udp", 0, 0);
	fixture_install(x, three);
	for (unsigned int i = 0; i < 500; i++) {
		assert_int_equal(send_packet(x, i, "udp", 0, 0), old[i]);
		new[i] = send_packet(x, 5000 + i, "udp", 0, 0);
	}
	/* The grace period ends; who is remembered stays, who comes now goes to the owner. */
	quieten(x);
	for (unsigned int i = 0; i < 500; i++) {
		assert_int_equal(send_packet(x, i, "udp", 0, 0), old[i]);
		assert_int_equal(send_packet(x, 5000 + i, "udp", 0, 0), new[i]);
		assert_int_not_equal(send_packet(x, 9000 + i, "udp", 0, 0), index_of(x, "d"));
	}
}

#define PAIR(web, other)                                                                           \
	"services:\n"                                                                              \
	"  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    backends: { a: " web " }\n"           \
	"  other:\n    listen: [\"203.0.113.11:443/tcp\"]\n    backends: { e: " other " }\n"
#define PAIR_SWAPPED                                                                               \
	"services:\n"                                                                              \
	"  web:\n    listen: [\"203.0.113.11:443/tcp\"]\n    backends: { a: 10.0.0.2 }\n"          \
	"  other:\n    listen: [\"203.0.113.10:443/tcp\"]\n    backends: { e: 10.1.0.2 }\n"

static void a_listener_moved_to_another_service_takes_new_flows_along(void **state)
{
	struct fixture *x = *state;
	int other;

	fixture_install(x, PAIR("10.0.0.1", "10.1.0.1"));
	fixture_install(x, PAIR("10.0.0.2", "10.1.0.2"));
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(data(x, i), syn(x, i));
	assert_true(fixture_verdicts(x).stored > 0);
	fixture_install(x, PAIR_SWAPPED);
	other = dp_service_index(x->dp, "other");
	for (unsigned int i = 0; i < 500; i++) {
		struct frame in, out;
		uint32_t to;
		char flow[96];

		snprintf(flow, sizeof(flow), "198.51.%u.%u:%u > 203.0.113.10:443/tcp", i >> 8,
			 i & 255, 1024 + i);
		frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = TCP_SYN, .seq = 7 });
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		to = fixture_backend_of(x, "other", &out);
		assert_int_not_equal(to, EK_NO_BACKEND);
		assert_int_equal(x->dp->backend_ids[to].service, other);
	}
}

static void a_full_table_breaks_no_flow(void **state)
{
	struct fixture *x = *state;
	uint32_t *old = begin_flows(x, 0, 300);
	struct ek_verdicts v;

	fixture_install(x, three);
	for (uint32_t b = 0; b < x->dp->sizes.flow_buckets; b++)
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++)
			x->dp->flows[b].flow[i] = (struct ek_flow){
				.tag = ~0ull, .state = ek_flow_confirmed(index_of(x, "a"), now_s())
			};
	for (unsigned int i = 1000; i < 2000; i++)
		assert_int_equal(data(x, i), syn(x, i));
	assert_int_equal(flows_moved(x, old, 0, 300), 0);
	v = fixture_verdicts(x);
	assert_int_equal(v.stored, 0);
	assert_int_equal(v.dropped[EK_DROP_NOT_REMEMBERED], 0);
	free(old);
}

static void a_removed_service_is_passed_again(void **state)
{
	struct fixture *x = *state;
	struct frame in, out;

	fixture_install(x, "services:\n  other:\n    listen: [\"203.0.113.99:80/tcp\"]\n"
			   "    backends: { a: 10.0.0.1 }\n");
	frame_build(&in, &(struct segment){ .flow = "198.51.100.7:40000 > 203.0.113.10:443/tcp" });
	assert_int_equal(fixture_run(x, &in, &out), XDP_PASS);
	frame_build(&in, &(struct segment){ .flow = "198.51.100.7:40000 > 203.0.113.99:80/tcp" });
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
}

static void the_grace_period_lasts_the_idle_time_from_the_switch_on(void **state)
{
	struct fixture *x = *state;
	struct timespec now;

	fixture_install(x, three);
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (uint32_t i = 0; i < x->dp->sizes.slots; i++)
		if (x->dp->slots[i] & EK_SLOT_UNSETTLED)
			assert_true(ek_slot_udp_grace(x->dp->slots[i], IDLE_S,
						      (uint32_t)now.tv_sec + IDLE_S));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(steady_state_stores_nothing),
		CLAIM(the_order_of_the_file_moves_nothing),
		CLAIM(removing_a_backend_moves_no_flow),
		CLAIM(there_and_back_again_moves_no_flow),
		CLAIM(a_drained_backend_keeps_its_flows_and_gets_no_new_ones),
		CLAIM(a_forged_syn_does_not_take_an_old_flow_away),
		CLAIM(a_retransmitted_syn_keeps_its_backend_and_the_latest_isn_confirms),
		CLAIM(an_old_udp_flow_stays_and_a_new_one_too),
		CLAIM(a_listener_moved_to_another_service_takes_new_flows_along),
		CLAIM(a_full_table_breaks_no_flow),
		CLAIM(a_removed_service_is_passed_again),
		CLAIM(the_grace_period_lasts_the_idle_time_from_the_switch_on),
	};

	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
