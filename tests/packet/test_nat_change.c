// SPDX-License-Identifier: GPL-2.0
/* nat: changes. The way back is there before the way there, and outlives it by the drain time. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "nat_scene.h"

#define WEB4 "198.51.100.7:40000 > 203.0.113.10:443/tcp"
#define WEB "services:\n  web4:\n    listen: [\"203.0.113.10:443/tcp\"]\n    forward: nat\n"
#define A_AND_B                                                                                    \
	WEB "    backends: { a: { address: 10.0.0.1, port: 8443 }, "                               \
	    "b: { address: 10.0.0.2, port: 8443 } }\n"
#define B_ALONE WEB "    drain_time: 60s\n    backends: { b: { address: 10.0.0.2, port: 8443 } }\n"
#define NOTHING                                                                                    \
	"services:\n  other:\n    listen: [\"203.0.113.11:443/tcp\"]\n    forward: ipip\n"         \
	"    backends: { a: 10.0.0.1 }\n"

#define FROM_A "10.0.0.1:8443 > 198.51.100.7:40000/tcp"
#define FROM_B "10.0.0.2:8443 > 198.51.100.7:40000/tcp"
#define ANSWERED "203.0.113.10:443 > 198.51.100.7:40000/tcp"

static void assert_returned(const struct fixture *x, const char *answer, const char *answered)
{
	struct frame in, out, want;

	nat_build(&in, answer);
	assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
	nat_build(&want, answered);
	nat_hop(&want);
	nat_assert_same(&out, &want);
}

static void assert_passed(const struct fixture *x, const char *answer)
{
	struct frame in;

	nat_build(&in, answer);
	nat_assert_untouched(x, &in);
}

static struct dp_settled settle(struct fixture *x, uint32_t seconds)
{
	struct dp_settled settled;

	x->now_s += seconds;
	assert_int_equal(dp_settle(x->dp, x->config, x->now_s, &settled), 0);
	return settled;
}

static void install(struct fixture *x, const char *yaml)
{
	fixture_install_at(x, yaml, x->now_s);
	x->hop4.ifindex = x->hop6.ifindex = x->ingress;
	fixture_paths(x);
}

/* A change counts its times from its end, rounded up to a second: 99 seconds after it began a
 * drain time of 100 is not over, 101 seconds after it is. */

/* Anew, with nothing left of what was before. */
static void begin(struct fixture *x, const char *yaml)
{
	install(x, NOTHING);
	assert_false(settle(x, 100000).returns_left);
	assert_false(x->dp->global->flags & EK_GLOBAL_NAT);
	install(x, yaml);
}

static void a_removed_backends_answers_have_the_drain_time_it_had(void **state)
{
	struct fixture *x = *state;

	begin(x, A_AND_B "    drain_time: 100s\n");
	install(x, B_ALONE);
	assert_returned(x, FROM_A, ANSWERED);
	assert_true(settle(x, 99).returns_left);
	assert_returned(x, FROM_A, ANSWERED);
	assert_false(settle(x, 2).returns_left);
	assert_passed(x, FROM_A);
	assert_returned(x, FROM_B, ANSWERED);
}

static void a_backend_that_is_back_before_that_stays(void **state)
{
	struct fixture *x = *state;

	begin(x, A_AND_B);
	install(x, B_ALONE);
	install(x, A_AND_B);
	assert_false(settle(x, 100000).returns_left);
	assert_returned(x, FROM_A, ANSWERED);
}

static void a_removed_services_answers_have_its_drain_time(void **state)
{
	struct fixture *x = *state;

	begin(x, A_AND_B "    drain_time: 100s\n");
	install(x, NOTHING);
	assert_true(settle(x, 99).returns_left);
	assert_returned(x, FROM_A, ANSWERED);
	assert_returned(x, FROM_B, ANSWERED);
	assert_true(x->dp->global->flags & EK_GLOBAL_NAT);
	assert_false(settle(x, 2).returns_left);
	assert_passed(x, FROM_A);
	assert_passed(x, FROM_B);
	assert_false(x->dp->global->flags & EK_GLOBAL_NAT);
}

/* What would be found in the maps by the next controller: it is not told what is leaving. */
static void a_controller_that_returns_goes_on_with_the_drain_time(void **state)
{
	struct fixture *x = *state;

	begin(x, A_AND_B "    drain_time: 100s\n");
	install(x, B_ALONE);
	install(x, B_ALONE); /* as at start */
	assert_true(settle(x, 99).returns_left);
	assert_returned(x, FROM_A, ANSWERED);
	assert_false(settle(x, 2).returns_left);
	assert_passed(x, FROM_A);
}

/* ---- another port ---------------------------------------------------------------------------- */

static uint16_t port_of(const struct fixture *x, uint8_t flags, uint32_t seq)
{
	struct frame in, out;

	frame_build(&in, &(struct segment){ .flow = WEB4, .tcp_flags = flags, .seq = seq });
	assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
	assert_true(frame_is_sound(&out, FRAME_IP));
	return (uint16_t)(out.bytes[FRAME_IP + 22] << 8 | out.bytes[FRAME_IP + 23]);
}

/* Another port is another server on that host: it gets the new flows, the old ones stay. */
static void flows_stay_with_the_port_they_began_with(void **state)
{
	struct fixture *x = *state;

	begin(x, WEB "    backends: { a: { address: 10.0.0.1, port: 8443 } }\n");
	assert_int_equal(port_of(x, TCP_SYN, 100), 8443);
	install(x, WEB "    backends: { a: { address: 10.0.0.1, port: 9443 } }\n");
	assert_int_equal(port_of(x, TCP_ACK, 101), 8443);
	assert_returned(x, FROM_A, ANSWERED);
	assert_int_equal(port_of(x, TCP_SYN, 500), 9443);
	assert_int_equal(port_of(x, TCP_ACK, 501), 9443);
	assert_returned(x, "10.0.0.1:9443 > 198.51.100.7:40000/tcp", ANSWERED);
}

/* Somebody else's now: who has it last in the configuration gets the answers. */
static void a_backend_that_goes_to_another_service_answers_for_that(void **state)
{
	struct fixture *x = *state;

	begin(x, WEB "    backends: { a: { address: 10.0.0.1, port: 8443 } }\n");
	install(x, "services:\n  new:\n    listen: [\"203.0.113.20:80/tcp\"]\n    forward: nat\n"
		   "    backends: { a: { address: 10.0.0.1, port: 8443 } }\n");
	assert_returned(x, FROM_A, "203.0.113.20:80 > 198.51.100.7:40000/tcp");
}

/* Ports 1..500 of an address, with 150 backends each: more than half of what `returns` holds. */
static char *large_pool(unsigned int network)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	fputs("services:\n  web4:\n    forward: nat\n    listen: [", out);
	for (unsigned int port = 1; port <= 500; port++)
		fprintf(out, "%s\"203.0.113.10:%u/tcp\"", port > 1 ? ", " : "", port);
	fputs("]\n    backends: {", out);
	for (unsigned int i = 1; i <= 150; i++)
		fprintf(out, "%s b%u: 10.%u.0.%u", i > 1 ? "," : "", i, network, i);
	fputs(" }\n", out);
	fclose(out);
	return text;
}

static bool has_way(const struct fixture *x, const char *answer)
{
	struct frame in, out;

	nat_build(&in, answer);
	return fixture_run(x, &in, &out) != XDP_PASS;
}

/* What answers by itself from a backend's port must not be taken for the service. */
static void a_change_that_is_refused_for_room_leaves_no_way_back(void **state)
{
	struct fixture *x = *state;
	struct dp_install_result result;
	char error[DP_ERROR_MAX] = "", *first = large_pool(1), *second = large_pool(2);
	struct config *c = NULL;
	struct diag d = { .file = "test.yaml" };

	begin(x, first);
	assert_true(has_way(x, "10.1.0.150:500 > 198.51.100.7:40000/tcp"));
	assert_int_equal(config_parse(&c, second, strlen(second), &d), 0);
	assert_int_equal(dp_install(x->dp, c, x->now_s, &result, error), -ENOSPC);
	if (!strstr(error, "drain time"))
		fail_msg("%s", error);
	for (unsigned int port = 1; port <= 500; port++) {
		char answer[96];

		snprintf(answer, sizeof(answer), "10.2.0.1:%u > 198.51.100.7:40000/tcp", port);
		assert_false(has_way(x, answer));
		snprintf(answer, sizeof(answer), "10.1.0.1:%u > 198.51.100.7:40000/tcp", port);
		assert_true(has_way(x, answer));
	}
	config_free(c);
	free(first);
	free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_removed_backends_answers_have_the_drain_time_it_had),
		cmocka_unit_test(a_backend_that_is_back_before_that_stays),
		cmocka_unit_test(a_removed_services_answers_have_its_drain_time),
		cmocka_unit_test(a_controller_that_returns_goes_on_with_the_drain_time),
		cmocka_unit_test(flows_stay_with_the_port_they_began_with),
		cmocka_unit_test(a_backend_that_goes_to_another_service_answers_for_that),
		cmocka_unit_test(a_change_that_is_refused_for_room_leaves_no_way_back),
	};

	return cmocka_run_group_tests_name("nat_change", tests, nat_setup, nat_teardown);
}
