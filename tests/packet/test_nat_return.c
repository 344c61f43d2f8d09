// SPDX-License-Identifier: GPL-2.0
/* nat: what comes back from a backend. */
#include <linux/bpf.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "nat_scene.h"
#include "sandbox.h"

/* ---- back ------------------------------------------------------------------------------------ */

static void an_answer_has_the_services_address_and_port(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < 2 * NAT_FLOWS; i++) {
		const struct nat_flow *row = &nat_flows[i / 2];
		struct ek_verdicts before = fixture_verdicts(x), after;
		struct frame in, out, want;

		nat_build(&in, row->answer[i % 2]);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		nat_build(&want, row->answered);
		nat_hop(&want);
		nat_assert_same(&out, &want);
		assert_memory_equal(out.bytes, nat_router_mac, 6);
		assert_memory_equal(out.bytes + 6, "\x02\x00\x00\x00\x00\xff", 6);
		after = fixture_verdicts(x);
		assert_int_equal(after.returned, before.returned + 1);
		assert_int_equal(after.passed, before.passed);
	}
}

/* The router to the clients is on the backends' network too: one interface for all. */
static void an_answer_leaves_by_the_interface_it_came_in_by(void **state)
{
	const struct fixture *x = *state;

	shell("ip route add 198.51.100.7 via 10.0.0.9 && ip route add 2001:db8:1::7 via fd00::9");
	shell("ip neigh add 10.0.0.9 lladdr 02:cc:00:00:00:09 dev back nud permanent");
	shell("ip neigh add fd00::9 lladdr 02:cc:00:00:00:09 dev back nud permanent");
	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in, out, want;

		nat_build(&in, nat_flows[i].answer[0]);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		nat_build(&want, nat_flows[i].answered);
		nat_hop(&want);
		nat_assert_same(&out, &want);
		assert_memory_equal(out.bytes, nat_router_mac, 6);
	}
	shell("ip route del 198.51.100.7 && ip route del 2001:db8:1::7");
}

static void what_is_no_answer_is_passed_untouched(void **state)
{
	static const char *const others[] = {
		"10.0.0.1:8444 > 198.51.100.7:40000/tcp", /* another port */
		"10.0.0.1:8443 > 198.51.100.7:40000/udp", /* another protocol */
		"10.0.0.3:8443 > 198.51.100.7:40000/tcp", /* another host */
		"10.0.0.1:443 > 198.51.100.7:40000/tcp",  /* the listener's port */
		"[fd00::1]:8444 > [2001:db8:1::7]:40000/tcp",
		"[fd00::1]:8443 > [2001:db8:1::7]:40000/udp",
		"[fd00::3]:8443 > [2001:db8:1::7]:40000/tcp",
		"[fd00::1]:54 > [2001:db8:1::7]:40001/udp",
		/* To this host: answers to probes. */
		"10.0.0.1:8443 > 10.0.0.254:40000/tcp",
		"10.0.0.1:8443 > 192.0.2.1:40000/tcp",
		"[fd00::1]:8443 > [fd00::fe]:40000/tcp",
		"[fd00::1]:53 > [2001:db8:f::1]:40000/udp",
		/* Nobody knows the way: the kernel says so to the backend. */
		"10.0.0.1:8443 > 100.64.0.1:40000/tcp",
		"[fd00::1]:8443 > [2001:db8:ffff::1]:40000/tcp",
	};
	const struct fixture *x = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct frame in;

		nat_build(&in, others[i]);
		nat_assert_untouched(x, &in);
	}
}

static void without_forwarding_nothing_is_returned(void **state)
{
	const struct fixture *x = *state;

	nat_forwarding(false);
	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in;

		nat_build(&in, nat_flows[i].answer[0]);
		nat_assert_untouched(x, &in);
	}
	nat_forwarding(true);
}

static void an_answer_sent_to_another_host_is_passed_untouched(void **state)
{
	static const uint8_t ours[6] = { 2, 0, 0, 0, 0, 0xee };
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 3 };
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in, out;

		nat_build(&in, nat_flows[i].answer[0]);
		assert_int_equal(dp_macs_set(x->dp, &other, 1), 0);
		nat_assert_untouched(x, &in);
		assert_int_equal(dp_macs_set(x->dp, &ours, 1), 0);
		assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		assert_int_equal(dp_macs_set(x->dp, NULL, 0), 0);
	}
}

/* As the host's own: nothing says whose a malformed packet is. Of TCP the IP length alone tells
 * where it ends, and what is behind its header may be less. */
static void an_answer_cut_anywhere_is_passed_untouched(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		bool ipv6 = i % 2, tcp = i < 2;
		size_t header = ipv6 ? 40 : 20, least = header + (tcp ? 20 : 8 + 41);
		struct frame whole, in, out;

		nat_build(&whole, nat_flows[i].answer[0]);
		for (size_t end = FRAME_IP; end < whole.length; end++) {
			in = whole;
			in.length = end;
			nat_assert_untouched(x, &in);
		}
		for (size_t says = ipv6 ? 40 : 0; says <= least; says++) {
			in = whole;
			in.bytes[FRAME_IP + (ipv6 ? 5 : 3)] = (uint8_t)(says - (ipv6 ? 40 : 0));
			if (says < least)
				nat_assert_untouched(x, &in);
			else
				assert_int_equal(fixture_run(x, &in, &out), XDP_REDIRECT);
		}
	}
}

/* The kernel says to the sender that it ends here. */
static void an_answer_whose_last_hop_is_here_is_passed_untouched(void **state)
{
	const struct fixture *x = *state;

	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in;

		nat_build(&in, nat_flows[i].answer[0]);
		nat_hop_to_last(&in);
		nat_assert_untouched(x, &in);
	}
}

/* ---- the kernel goes on ---------------------------------------------------------------------- */

/* With its new source, which the kernel then forwards: the hop is the kernel's to take. */
static void assert_left_to_kernel(const struct fixture *x, const struct frame *in,
				  const struct frame *want)
{
	struct ek_verdicts before = fixture_verdicts(x);
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_PASS);
	assert_int_equal(out.length, want->length);
	assert_memory_equal(out.bytes, want->bytes, want->length);
	assert_int_equal(fixture_verdicts(x).returned, before.returned + 1);
}

static void an_answer_to_an_unknown_neighbour_is_left_to_the_kernel(void **state)
{
	const struct fixture *x = *state;

	shell("ip neigh del 192.0.2.9 dev front && ip neigh del 2001:db8:f::9 dev front");
	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct frame in, want;

		nat_build(&in, nat_flows[i].answer[0]);
		nat_build(&want, nat_flows[i].answered);
		assert_left_to_kernel(x, &in, &want);
	}
	shell("ip neigh add 192.0.2.9 lladdr 02:cc:00:00:00:09 dev front nud permanent");
	shell("ip neigh add 2001:db8:f::9 lladdr 02:cc:00:00:00:09 dev front nud permanent");
}

static void a_large_answer_is_the_kernels_to_refuse_or_to_part(void **state)
{
	const struct fixture *x = *state;

	shell("ip link set front mtu 1400");
	for (size_t i = 0; i < NAT_FLOWS; i++) {
		struct segment s = nat_segment(nat_flows[i].answer[0]);
		struct frame in, want;

		s.payload = 1420;
		frame_build(&in, &s);
		nat_assert_untouched(x, &in);
		if (i % 2)
			continue;
		/* Without DF. */
		s.flow = nat_flows[i].answered;
		frame_build(&want, &s);
		for (int k = 0; k < 2; k++) {
			struct frame *f = k ? &want : &in;

			f->bytes[FRAME_IP + 6] = 0;
			f->bytes[FRAME_IP + 8]++;
			nat_hop(f);
		}
		assert_left_to_kernel(x, &in, &want);
	}
	shell("ip link set front mtu 1500");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_the_services_address_and_port),
		cmocka_unit_test(an_answer_leaves_by_the_interface_it_came_in_by),
		cmocka_unit_test(what_is_no_answer_is_passed_untouched),
		cmocka_unit_test(without_forwarding_nothing_is_returned),
		cmocka_unit_test(an_answer_sent_to_another_host_is_passed_untouched),
		cmocka_unit_test(an_answer_cut_anywhere_is_passed_untouched),
		cmocka_unit_test(an_answer_whose_last_hop_is_here_is_passed_untouched),
		cmocka_unit_test(an_answer_to_an_unknown_neighbour_is_left_to_the_kernel),
		cmocka_unit_test(a_large_answer_is_the_kernels_to_refuse_or_to_part),
	};

	return cmocka_run_group_tests_name("nat_return", tests, nat_setup, nat_teardown);
}
