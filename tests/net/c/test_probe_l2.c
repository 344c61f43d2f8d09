// SPDX-License-Identifier: GPL-2.0
/* A probe by l2 is answered by the kernel of the peer. */
#include "probe.h"

#include "lib/cleanup.h"

static enum probe_verdict probe(const struct endpoint *service, enum ek_forward forward,
				const char *backend, int timeout_ms)
{
	enum probe_verdict verdict = PROBE_NO_HOP;
	struct ek_addr to = addr(backend);
	struct hop hop = ready_hop(&to);
	struct ek_path path = path_by(&hop, forward, 0, &to, NULL, 0);

	assert_int_equal(net_probe(&verdict, service, &path, &hop, timeout_ms), 0);
	return verdict;
}

static void check_l2_again(const struct lab *lab, const char *vip, const char *backend)
{
	_cleanup_(close_fd) int server = serve(lab, vip, 80);
	struct endpoint open = endpoint(vip, 80), shut = endpoint(vip, 81);

	assert_int_equal(probe(&open, EK_FORWARD_L2, backend, BOUND_MS), PROBE_ANSWERED);
	assert_int_equal(probe(&shut, EK_FORWARD_L2, backend, BOUND_MS), PROBE_REFUSED);
}

static void check_l2(const struct lab *lab, const char *vip, const char *backend)
{
	run_in_peer(lab, "ip addr add %s dev lo %s", vip, strchr(vip, ':') ? "nodad" : "");
	check_l2_again(lab, vip, backend);
}

static void an_l2_backend_with_the_address_answers(void **state)
{
	check_l2(*state, "203.0.113.10", "10.9.0.2");
	check_l2(*state, "2001:db8::10", "fd09::2");
}

static void an_l2_backend_without_the_address_is_silent(void **state)
{
	struct endpoint service = endpoint("203.0.113.10", 80);
	uint64_t began_ms = clock_now_ms();

	assert_int_equal(probe(&service, EK_FORWARD_L2, "10.9.0.2", 300), PROBE_SILENT);
	assert_in_range(clock_now_ms() - began_ms, 300, BOUND_MS);
}

static void a_host_that_has_the_address_itself_probes_from_another(void **state)
{
	const struct lab *lab = *state;

	run("ip addr add 203.0.113.10/32 dev lo; ip addr add 2001:db8::10/128 dev lo");
	check_l2(lab, "203.0.113.10", "10.9.0.2");
	check_l2(lab, "2001:db8::10", "fd09::2");
	/* even where the host itself would send from it */
	run("ip route replace 10.9.0.0/24 dev ekn0 src 203.0.113.10");
	check_l2_again(lab, "203.0.113.10", "10.9.0.2");
}

#define story(name) cmocka_unit_test_setup_teardown(name, lab_up, lab_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(an_l2_backend_with_the_address_answers),
		story(an_l2_backend_without_the_address_is_silent),
		story(a_host_that_has_the_address_itself_probes_from_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
