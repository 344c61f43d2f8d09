// SPDX-License-Identifier: GPL-2.0
/* Capacity in every forwarding mode and program; and what a change of it does. */
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/shed.h"
#include "shed_case.h"

#define RATE 2000
#define TCP "    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"
#define CAPACITY "capacity: 2000"

static int setup(void **state)
{
	return fixture_begin(state, "services:\n  web:\n" TCP
				    "    backends: { a: { address: 10.0.0.1, " CAPACITY " } }\n");
}

/* The SYN of another client of web for each i. */
static bool syn_admitted(const struct fixture *x, unsigned int i)
{
	struct frame f;
	char flow[96];

	snprintf(flow, sizeof(flow), "198.51.100.7:%u > 203.0.113.10:443/tcp", 1024 + i);
	frame_build(&f, &(struct segment){ .flow = flow, .tcp_flags = TCP_SYN });
	return admitted(x, &f);
}

/* ---- in every mode, by every program --------------------------------------------------------- */

#define V4 "    backends: { a: { address: 10.0.0.1, " CAPACITY " } }\n"
#define V6 "    backends: { a: { address: \"fd00::1\", " CAPACITY " } }\n"
#define LISTEN4 "    listen: [\"203.0.113.10:443/tcp\"]\n"
#define LISTEN6 "    listen: [\"[2001:db8::10]:443/tcp\"]\n"
#define UDP_TOO "    listen: [\"203.0.113.10:443/tcp\", \"203.0.113.10:53/udp\"]\n"

/* Another service in each mode, so that each begins anew. */
static const char *const modes[] = {
	"services:\n  l2:\n    forward: l2\n" LISTEN4 V4,
	"services:\n  ipip:\n    forward: ipip\n" LISTEN4 V4,
	"services:\n  ipip6:\n    forward: ipip\n" LISTEN4 V6,
	"services:\n  inner6:\n    forward: ipip\n" LISTEN6 V4,
	"services:\n  gue:\n    forward: gue\n" LISTEN4 V4,
	"services:\n  gue6:\n    forward: gue\n" LISTEN4 V6,
	"services:\n  gue66:\n    forward: gue\n" LISTEN6 V6,
	"services:\n  nat:\n    forward: nat\n" LISTEN4 V4,
	"services:\n  nat6:\n    forward: nat\n" LISTEN6 V6,
};
enum shape { PLAIN, TAGGED, LONGER_HEADER, FRAGMENT, SHAPES };

static void shape(struct frame *f, enum shape shape, const char *flow, uint8_t tcp_flags)
{
	static const uint8_t no_operation[4] = { 1, 1, 1, 1 };
	struct frame whole;

	frame_build(f, &(struct segment){ .flow = flow, .tcp_flags = tcp_flags, .payload = 64 });
	if (shape == TAGGED)
		frame_tag(f, 1);
	else if (shape == LONGER_HEADER && flow[0] == '[')
		frame_extend(f, FRAME_IP, IPPROTO_DSTOPTS, 0, 0);
	else if (shape == LONGER_HEADER)
		frame_options(f, FRAME_IP, no_operation, sizeof(no_operation));
	if (shape != FRAGMENT)
		return;
	whole = *f;
	frame_fragment(f, &whole, 99, 0, 32);
}

static void each_mode_and_each_program_sheds(void **state)
{
	struct fixture *x = *state;

	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		const char *flow = strstr(modes[m], "[2001")
					   ? "[2001:db8:1::7]:4000 > [2001:db8::10]:443/tcp"
					   : "198.51.100.7:4000 > 203.0.113.10:443/tcp";

		fixture_install(x, modes[m]);
		for (enum shape k = PLAIN; k < SHAPES; k++) {
			struct frame begin, later;
			uint64_t before = fixture_dropped(x, EK_DROP_SHED_FLOW);

			shape(&begin, k, flow, TCP_SYN);
			shape(&later, k, flow, TCP_ACK);
			budgets_spend(x);
			if (admitted(x, &begin) || !admitted(x, &later))
				fail_msg("mode %zu, shape %u: not shed", m, k);
			assert_int_equal(fixture_dropped(x, EK_DROP_SHED_FLOW), before + 1);
			budgets_fill(x);
			assert_true(admitted(x, &begin));
		}
	}
}

/* What one program leaves to another: the outer checksum of a datagram that has none. */
static void what_two_programs_see_is_judged_once(void **state)
{
	struct fixture *x = *state;
	const struct ek_purse *purse;
	unsigned int before = 0;

	fixture_install(x, "services:\n  gue6:\n    forward: gue\n" UDP_TOO
			   "    backends: { a: { address: \"fd00::1\",\n"
			   "        capacity: { new_flows: 2000, udp_packets: 1000000 } } }\n");
	budgets_fill(x);
	assert_int_equal(pin_to(0), 0);
	purse = &x->dp->purses[(uint32_t)sched_getcpu() * x->dp->sizes.backends +
			       backend(x, "gue6")];
	for (unsigned int i = 0; i < 10; i++) {
		struct frame f;

		frame_build(&f,
			    &(struct segment){ .flow = "198.51.100.7:5353 > 203.0.113.10:53/udp",
					       .payload = 64 });
		put16(f.bytes + FRAME_IP + 26, i % 2 ? 0 : get16(f.bytes + FRAME_IP + 26));
		assert_true(admitted(x, &f));
		if (i)
			assert_int_equal(purse->packets, before - 1);
		before = purse->packets;
	}
}

/* ---- the declared numbers -------------------------------------------------------------------- */

#define WEB_OF(capacity)                                                                           \
	"services:\n  web:\n" TCP "    capacity: 3000\n"                                           \
	"    backends: { a: { address: 10.0.0.1" capacity " } }\n"

static void a_change_of_the_number_is_in_force_at_once(void **state)
{
	struct fixture *x = *state;
	uint32_t a = backend(x, "web");
	const struct ek_capacity *c = &x->dp->capacities[a];
	const __u8 *flags = &x->dp->backends[a].path[0].flags;

	assert_int_equal(c->flows, RATE);
	fixture_install(x, WEB_OF(", capacity: 500"));
	assert_int_equal(c->flows, 500);
	fixture_install(x, WEB_OF(""));
	assert_int_equal(c->flows, 3000);
	assert_true(*flags & EK_PATH_CAPACITY);
	fixture_install(x, WEB_OF(", capacity: none"));
	assert_int_equal(c->flows, 0);
	assert_false(*flags & EK_PATH_CAPACITY);
	budgets_spend(x);
	assert_true(syn_admitted(x, 1));
	fixture_install(x, WEB_OF(", capacity: 1"));
	assert_true(*flags & EK_PATH_CAPACITY);
	assert_false(syn_admitted(x, 1));
}

/* Whoever was to lift it may be dead. */
static void what_holds_for_the_time_being_is_over_by_itself(void **state)
{
	struct fixture *x = *state;
	uint32_t a = backend(x, "web");

	fixture_install(x, WEB_OF(", capacity: none"));
	dp_cap(x->dp, a, 1, now_s() + 60);
	budgets_spend(x);
	assert_false(syn_admitted(x, 1));
	x->dp->capacities[a].held_until_s = now_s() - 1;
	budgets_spend(x);
	assert_true(syn_admitted(x, 2));
	fixture_install(x, WEB_OF(", capacity: 1"));
	budgets_spend(x);
	assert_false(syn_admitted(x, 3)); /* what is declared stays */
}

static void it_is_the_lesser_of_two_that_holds(void **state)
{
	struct fixture *x = *state;
	uint32_t a = backend(x, "web");
	const struct ek_capacity *c = &x->dp->capacities[a];
	const __u8 *flags = &x->dp->backends[a].path[0].flags;

	dp_cap(x->dp, a, 500, now_s() + 60);
	assert_int_equal(ek_capacity_flows(c, now_s()), 500);
	fixture_install(x, WEB_OF(", capacity: 400"));
	assert_int_equal(ek_capacity_flows(c, now_s()), 400);
	fixture_install(x, WEB_OF(", capacity: none"));
	assert_int_equal(ek_capacity_flows(c, now_s()), 500);
	assert_true(*flags & EK_PATH_CAPACITY);
	dp_cap(x->dp, a, 0, 0);
	assert_int_equal(ek_capacity_flows(c, now_s()), 0);
	assert_false(*flags & EK_PATH_CAPACITY);
}

static void tokens_of_another_number_are_void(void **state)
{
	struct fixture *x = *state;
	uint32_t a = backend(x, "web");

	fixture_install(x, WEB_OF(", capacity: 10000000"));
	budgets_fill(x);
	assert_true(syn_admitted(x, 1));
	fixture_install(x, WEB_OF(", capacity: 10"));
	budgets_spend_but_notes(x);
	for (uint32_t cpu = 0; cpu < x->dp->cpus; cpu++)
		x->dp->purses[cpu * x->dp->sizes.backends + a] =
			(struct ek_purse){ .flows_of = (uint16_t)10000000u, .flows = 63 };
	assert_false(syn_admitted(x, 2));
}

static void another_path_keeps_the_capacity(void **state)
{
	struct fixture *x = *state;
	const struct ek_backend *b = &x->dp->backends[backend(x, "web")];

	x->hop4.mtu = 1400;
	fixture_paths(x);
	assert_true(b->path[0].flags & EK_PATH_CAPACITY);
	fixture_path_remove(x, backend(x, "web"));
	assert_true(b->path[0].flags & EK_PATH_CAPACITY);
	fixture_paths(x);
	budgets_spend(x);
	assert_false(syn_admitted(x, 1));
	/* While the second path is the one in use. */
	x->dp->backends[backend(x, "web")].path[1] = b->path[0];
	x->dp->backends[backend(x, "web")].path[1].flags &= (__u8)~EK_PATH_CAPACITY;
	x->dp->backends[backend(x, "web")].path[0].flags |= EK_PATH_SECOND;
	assert_false(syn_admitted(x, 2));
	x->dp->backends[backend(x, "web")].path[0].flags &= (__u8)~EK_PATH_SECOND;
}

static void an_index_that_was_another_s_begins_without_a_capacity(void **state)
{
	struct fixture *x = *state;
	uint32_t a = backend(x, "web");
	struct dp_settled result;

	x->dp->capacities[a].flows_spent_ns = UINT64_MAX / 2;
	fixture_install_at(x, "services: {}\n", now_s());
	for (uint32_t i = 1; i < 10; i++)
		assert_int_equal(dp_settle(x->dp, x->config, now_s() + 7200 + i, &result), 0);
	assert_int_equal(x->dp->backend_ids[a].used, BACKEND_FREE);
	fixture_install(x, "services:\n  free:\n    listen: [\"203.0.113.12:443/tcp\"]\n"
			   "    backends: { a: 10.0.0.9 }\n");
	assert_int_equal(x->dp->backend_ids[1].used, BACKEND_USED);
	for (uint32_t i = 1; i < 5; i++)
		if (x->dp->backend_ids[i].used) {
			assert_int_equal(x->dp->capacities[i].flows, 0);
			assert_int_equal(x->dp->capacities[i].flows_spent_ns, 0);
			assert_false(x->dp->backends[i].path[0].flags & EK_PATH_CAPACITY);
		}
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(each_mode_and_each_program_sheds),
		EACH(what_two_programs_see_is_judged_once),
		EACH(a_change_of_the_number_is_in_force_at_once),
		EACH(what_holds_for_the_time_being_is_over_by_itself),
		EACH(it_is_the_lesser_of_two_that_holds),
		EACH(tokens_of_another_number_are_void),
		EACH(another_path_keeps_the_capacity),
		EACH(an_index_that_was_another_s_begins_without_a_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
