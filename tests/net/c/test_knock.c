// SPDX-License-Identifier: GPL-2.0
/* Many SYNs on the data path's way, each answer told to whom it is for. */
#include "probe.h"

#include "lib/cleanup.h"

struct heard {
	int count;
	enum probe_verdict verdict;
};

static void hear(void *context, enum probe_verdict verdict)
{
	struct heard *h = context;

	h->count++;
	h->verdict = verdict;
}

static void listen_for(struct knocks *k, const struct heard *until, int ms)
{
	uint64_t end_ms = clock_now_ms() + (uint64_t)ms;

	while (!until->count && clock_now_ms() < end_ms) {
		struct pollfd readable = { .fd = knocks_fd(k), .events = POLLIN };

		poll(&readable, 1, 50);
		knocks_process(k);
	}
}

static void check_family(const struct lab *lab, const char *vip, const char *backend)
{
	_cleanup_(close_fd) int server = -1;
	struct endpoint open = endpoint(vip, 80), shut = endpoint(vip, 81);
	struct ek_addr to = addr(backend);
	struct heard heard[3] = {};
	struct knock *knock[3];
	struct knocks *k;
	struct ek_path path;
	struct hop hop;

	run_in_peer(lab, "ip addr add %s dev lo %s", vip, strchr(vip, ':') ? "nodad" : "");
	server = serve(lab, vip, 80);
	hop = ready_hop(&to);
	path = path_by(&hop, EK_FORWARD_L2, 0, &to, NULL, 0);
	assert_int_equal(knocks_open(&k), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(knock_make(&knock[i], k, hear, &heard[i]), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(knock_send(knock[i], i == 1 ? &shut : &open, &path, &hop), 0);
	knock_forget(knock[2]);
	listen_for(k, &heard[0], BOUND_MS);
	listen_for(k, &heard[1], BOUND_MS);
	listen_for(k, &heard[2], 100);
	assert_int_equal(heard[0].count, 1);
	assert_int_equal(heard[0].verdict, PROBE_ANSWERED);
	assert_int_equal(heard[1].count, 1);
	assert_int_equal(heard[1].verdict, PROBE_REFUSED);
	assert_int_equal(heard[2].count, 0);
	for (size_t i = 0; i < 3; i++)
		knock_free(knock[i]);
	knocks_close(k);
}

static void answers_are_told_to_whom_they_are_for(void **state)
{
	check_family(*state, "203.0.113.10", "10.9.0.2");
	check_family(*state, "2001:db8::10", "fd09::2");
}

static void a_silent_backend_is_not_heard(void **state)
{
	struct endpoint service = endpoint("203.0.113.10", 80);
	struct ek_addr to = addr("10.9.0.2");
	struct hop hop = ready_hop(&to), unready = hop;
	struct ek_path path = path_by(&hop, EK_FORWARD_L2, 0, &to, NULL, 0);
	struct heard heard = {};
	struct knock *knock;
	struct knocks *k;

	assert_int_equal(knocks_open(&k), 0);
	assert_int_equal(knock_make(&knock, k, hear, &heard), 0);
	assert_int_equal(knock_send(knock, &service, &path, &hop), 0);
	listen_for(k, &heard, 200);
	assert_int_equal(heard.count, 0);
	unready.state = HOP_NO_NEIGHBOUR;
	assert_int_equal(knock_send(knock, &service, &path, &unready), -EHOSTUNREACH);
	knock_free(knock);
	knocks_close(k);
}

/* No RST of the peer's host or ours is needed for that: ours is dropped here. */
static void a_backend_does_not_wait_for_a_connection_afterwards(void **state)
{
	const struct lab *lab = *state;
	_cleanup_(close_fd) int server = -1;
	struct endpoint service = endpoint("203.0.113.10", 80);
	struct ek_addr to = addr("10.9.0.2");
	struct heard heard = {};
	struct knock *knock;
	struct knocks *k;
	struct ek_path path;
	struct hop hop;

	run("ip addr add 203.0.113.10/32 dev lo"); /* what comes from there is a martian */
	run_in_peer(lab, "ip addr add 203.0.113.10 dev lo");
	server = serve(lab, "203.0.113.10", 80);
	hop = ready_hop(&to);
	path = path_by(&hop, EK_FORWARD_L2, 0, &to, NULL, 0);
	assert_int_equal(knocks_open(&k), 0);
	assert_int_equal(knock_make(&knock, k, hear, &heard), 0);
	assert_int_equal(knock_send(knock, &service, &path, &hop), 0);
	listen_for(k, &heard, BOUND_MS);
	assert_int_equal(heard.verdict, PROBE_ANSWERED);
	run_in_peer(lab, "for i in $(seq 100); do [ -z \"$(ss -Htn state syn-recv)\" ] && exit 0; "
			 "sleep 0.01; done; exit 1");
	knock_free(knock);
	knocks_close(k);
}

#define story(name) cmocka_unit_test_setup_teardown(name, lab_up, lab_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(answers_are_told_to_whom_they_are_for),
		story(a_silent_backend_is_not_heard),
		story(a_backend_does_not_wait_for_a_connection_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
