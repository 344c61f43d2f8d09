// SPDX-License-Identifier: GPL-2.0
/* Sampled packets: what is written down of them, how many, which, and where they go when nobody
 * reads them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dp/sample.h"
#include "error_frames.h"
#include "evenkeel/table.h"
#include "fixture.h"
#include "lib/addr.h"

#define SERVICE(name, port, mode, backends)                                                        \
	"  " name ":\n"                                                                            \
	"    listen: [\"203.0.113.10:" port "/tcp\", \"203.0.113.10:" port                         \
	"/udp\", \"[2001:db8::10]:" port "/tcp\", \"[2001:db8::10]:" port "/udp\"]\n"              \
	"    forward: " mode "\n    backends: " backends "\n"
#define ONE "{ a: 10.0.0.1 }"
#define SIX "{ a: \"fd00::1\" }"

static const char services[] = "services:\n" SERVICE("ipip", "1", "ipip", ONE) SERVICE(
	"ipip6", "2", "ipip", SIX) SERVICE("gue", "3", "gue", ONE) SERVICE("gue6", "4", "gue", SIX)
	SERVICE("l2", "5", "l2", ONE) SERVICE(
		"variant", "6", "gue\n    gue: { variant: 0 }",
		ONE) "  nat:\n"
		     "    listen: [\"203.0.113.10:7/tcp\", \"203.0.113.10:7/udp\"]\n    forward: nat\n"
		     "    backends: { a: { address: 10.0.0.9, port: 8080 } }\n";
#define NAT_PORT 7

/* What was handed over. */
#define SEEN_MAX 4096
struct seen {
	size_t count;
	double packets;
	struct ek_sample sample[SEEN_MAX];
};

static struct dp_sampler *sampler;
static struct seen seen;

static void note(void *context, const struct ek_sample *sample, double packets)
{
	struct seen *s = context;

	assert_true(s->count < SEEN_MAX);
	s->sample[s->count++] = *sample;
	s->packets += packets;
}

/* Returns how often there was no room. */
static uint64_t read_samples(const struct fixture *x)
{
	seen = (struct seen){};
	return dp_samples_read(sampler, x->dp, note, &seen);
}

static void every(const struct fixture *x, uint8_t shift)
{
	for (uint32_t i = 0; i < x->dp->sizes.backends; i++)
		dp_sample_every(sampler, x->dp, i, shift);
}

static void run(const struct fixture *x, const struct frame *in)
{
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_TX);
}

static void send_flow(const struct fixture *x, unsigned int i, uint8_t flags)
{
	char flow[96];
	struct frame in;

	snprintf(flow, sizeof(flow), "198.51.%u.%u:%u > 203.0.113.10:1/tcp", i >> 8 & 255, i & 255,
		 1024 + i % 60000);
	frame_build(&in, &(struct segment){ .flow = flow, .tcp_flags = flags });
	run(x, &in);
}

static void stay_on(unsigned int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		fail_msg("CPU %u is needed", cpu);
}

static int setup(void **state)
{
	int err = fixture_begin(state, services);
	const struct fixture *x = *state;

	stay_on(0);
	err = err ?: dp_sampler_open(&sampler, x->dp);
	/* As the controller does, and a packet that the first distance is chosen at. */
	every(x, EK_SAMPLE_OFF);
	read_samples(x);
	return err;
}

static int teardown(void **state)
{
	dp_sampler_close(sampler);
	return fixture_end(state);
}

static void nothing_is_sampled_when_it_is_off(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int i = 0; i < 3000; i++)
		send_flow(x, i, TCP_ACK);
	assert_int_equal(read_samples(x), 0);
	assert_int_equal(seen.count, 0);
}

/* ---- what is written down ------------------------------------------------------------------- */

struct shape {
	bool ipv6, udp;
	unsigned int port, tags;
	size_t options; /* bytes, or extension headers */
};

static void build(struct frame *f, const struct shape *s)
{
	const struct ends e = { s->ipv6, 40000, s->port, s->udp ? "udp" : "tcp" };
	static const uint8_t nops[40] = { 1, 1, 1, 1 };

	from_client(f, &e);
	if (s->options && !s->ipv6)
		frame_options(f, FRAME_IP, nops, s->options);
	frame_tag(f, s->tags);
}

static void expect_sample(const struct fixture *x, const struct shape *s, const struct frame *in)
{
	const struct ek_sample *got = &seen.sample[0];
	struct ek_addr client, dest;
	const char *why;

	assert_int_equal(addr_parse(&client, s->ipv6 ? "2001:db8:1::7" : "198.51.100.7", &why), 0);
	assert_int_equal(addr_parse(&dest, s->ipv6 ? VIP6 : VIP4, &why), 0);
	assert_int_equal(seen.count, 1);
	assert_true(addr_equal(&got->client, &client));
	assert_true(addr_equal(&got->dest, &dest));
	assert_int_equal(ntohs(got->sport), 40000);
	assert_int_equal(ntohs(got->dport), s->port);
	assert_int_equal(got->proto, s->udp ? IPPROTO_UDP : IPPROTO_TCP);
	assert_int_equal(got->flags, s->ipv6 ? EK_SAMPLE_IPV6 : 0);
	assert_int_equal(got->bytes, in->length - FRAME_IP - s->tags * 4);
	assert_string_equal(fixture_backend_name(x, got->backend), "a");
}

static void it_says_who_sent_what_to_whom_in_every_mode(void **state)
{
	const struct fixture *x = *state;
	unsigned int rows = 0;

	every(x, 0);
	for (unsigned int n = 0; n < 8 * 3 * 2 * 7; n++) {
		const struct shape s = { .ipv6 = n & 1,
					 .udp = n & 2,
					 .options = n & 4 ? 8 : 0,
					 .tags = n / 8 % 3,
					 .port = 1 + n / 24 % 7 };
		struct frame in;

		if (s.port == NAT_PORT && s.ipv6)
			continue;
		build(&in, &s);
		run(x, &in); /* its turn may be still to be chosen */
		read_samples(x);
		run(x, &in);
		read_samples(x);
		expect_sample(x, &s, &in);
		rows++;
	}
	assert_true(rows > 200);
}

static void a_syn_is_told_from_what_follows_it(void **state)
{
	const struct fixture *x = *state;

	every(x, 0);
	send_flow(x, 1, TCP_SYN);
	send_flow(x, 1, TCP_SYN);
	send_flow(x, 1, TCP_ACK);
	send_flow(x, 1, TCP_SYN | TCP_ACK);
	read_samples(x);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.sample[0].flags, EK_SAMPLE_SYN);
	assert_int_equal(seen.sample[1].flags, 0);
	assert_int_equal(seen.sample[2].flags, 0);
}

static void an_error_about_a_flow_is_none_of_its_packets(void **state)
{
	const struct fixture *x = *state;
	const struct ends e = { false, 40000, 1, "tcp" };
	struct frame about, error;

	every(x, 0);
	send_flow(x, 1, TCP_ACK);
	from_backend(&about, &e);
	fragmentation_needed(&error, &about, least(&about));
	run(x, &error);
	read_samples(x);
	assert_int_equal(seen.count, 0);
}

static void a_later_fragment_has_a_client_and_no_ports(void **state)
{
	const struct fixture *x = *state;
	struct frame whole, part;

	every(x, 0);
	frame_build(&whole, &(struct segment){ .flow = "198.51.100.7:40000 > 203.0.113.10:1/udp",
					       .payload = 1000 });
	for (size_t from = 0; from < 800; from += 400) {
		frame_fragment(&part, &whole, 77, from, 400);
		run(x, &part);
	}
	read_samples(x);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.sample[0].sport, 0);
	assert_int_equal(seen.sample[0].dport, 0);
	assert_int_equal(seen.sample[0].proto, IPPROTO_UDP);
}

/* So what other tables would make of the same traffic can be worked out from samples. */
static void a_sample_hashes_to_the_backend_that_it_names(void **state)
{
	static const char many[] = "services:\n" SERVICE(
		"web", "1", "ipip",
		"{ a: 10.0.0.1, b: 10.0.0.2, c: \"fd00::3\" }") "  nat:\n"
								"    listen: [\"203.0.113.10:2/tcp\", \"203.0.113.10:3/udp\"]\n"
								"    forward: nat\n    hash: source-dest\n"
								"    backends: { a: { address: 10.0.0.8 }, b: { address: 10.0.0.9 } }\n";
	struct fixture x;
	unsigned int port = 1000;

	fixture_open(&x, many);
	dp_sampler_close(sampler);
	assert_int_equal(dp_sampler_open(&sampler, x.dp), 0);
	every(&x, 0);
	for (unsigned int n = 0; n < 600; n++) {
		const struct ends e = { n % 4 == 1, port++, n % 4 < 2 ? 1 : n % 4,
					n % 4 == 3 ? "udp" : "tcp" };
		struct frame in;

		from_client(&in, &e);
		run(&x, &in);
	}
	read_samples(&x);
	assert_true(seen.count > 590);
	for (size_t i = 0; i < seen.count; i++) {
		const struct ek_sample *s = &seen.sample[i];
		const struct ek_flow_id id = {
			s->client, s->dest, s->sport, s->dport, s->proto, {}
		};
		uint32_t service = x.dp->backend_ids[s->backend].service;
		uint64_t table = x.dp->services[service].table;
		uint64_t hash = ek_table_flow_hash(table, &id, x.dp->global->keys);
		uint32_t slot = ek_table_base(table) + ((uint32_t)hash & ek_table_mask(table));

		assert_int_equal(ek_slot_cur(x.dp->slots[slot]), s->backend);
	}
	fixture_close(&x);
}

/* ---- how many and which ---------------------------------------------------------------------- */

static void weights_add_up_to_what_was_sent(void **state)
{
	const struct fixture *x = *state;
	double packets = 0;
	size_t count = 0;

	every(x, 5);
	for (unsigned int i = 0; i < 20000; i++) {
		send_flow(x, i % 7, TCP_ACK);
		if (i % 1000 == 999) {
			assert_int_equal(read_samples(x), 0);
			packets += seen.packets;
			count += seen.count;
		}
	}
	assert_true(packets > 20000 - 64 && packets <= 20000);
	/* 625 expected; a uniform distance' deviation is 0.58 of its mean. */
	assert_true(count > 625 - 5 * 15 && count < 625 + 5 * 15);
}

/* With every 16th packet of 16 flows in turn one flow would have all samples. */
static void flows_that_take_turns_are_seen_alike(void **state)
{
	const struct fixture *x = *state;
	enum { TURNS = 16, PACKETS = 48000 };
	unsigned int of[TURNS] = {}, all = 0;
	double chi_square = 0;

	every(x, 4);
	for (unsigned int i = 0; i < PACKETS; i++) {
		send_flow(x, i % TURNS, TCP_ACK);
		if (i % 8000 == 7999) {
			assert_int_equal(read_samples(x), 0);
			for (size_t k = 0; k < seen.count; k++, all++)
				of[ntohs(seen.sample[k].sport) - 1024]++;
		}
	}
	for (unsigned int i = 0; i < TURNS; i++) {
		double off = of[i] - all / (double)TURNS;

		chi_square += off * off / (all / (double)TURNS);
	}
	assert_true(all > PACKETS / 16 - 200 && all < PACKETS / 16 + 200);
	/* 15 degrees of freedom: beyond 50 once in 80,000 runs. */
	assert_true(chi_square < 50);
}

static void a_shorter_distance_is_in_force_at_once(void **state)
{
	const struct fixture *x = *state;

	every(x, 20);
	for (unsigned int i = 0; i < 100; i++)
		send_flow(x, 1, TCP_ACK);
	read_samples(x);
	every(x, 0);
	for (unsigned int i = 0; i < 10; i++)
		send_flow(x, 1, TCP_ACK);
	read_samples(x);
	assert_int_equal(seen.count, 9);
	assert_true(seen.packets <= 11);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void what_nobody_reads_is_not_overwritten_and_costs_nothing(void **state)
{
	const struct fixture *x = *state;

	every(x, 0);
	send_flow(x, 0, TCP_ACK);
	for (unsigned int i = 0; i < EK_SAMPLES + 3000; i++)
		send_flow(x, i, TCP_ACK);
	/* Once there was no room, and for the next packets nobody asked. */
	assert_int_equal(read_samples(x), 1);
	assert_int_equal(seen.count, EK_SAMPLES);
	for (unsigned int i = 0; i < EK_SAMPLES; i++)
		assert_int_equal(ntohs(seen.sample[i].sport), 1024 + i);
	for (unsigned int i = 0; i < EK_SAMPLE_REST - 3000 + 500; i++)
		send_flow(x, 5, TCP_ACK);
	assert_int_equal(read_samples(x), 0);
	assert_in_range(seen.count, 499, 501);
}

static void numbers_that_cannot_be_are_survived(void **state)
{
	const struct fixture *x = *state;

	for (uint32_t cpu = 0; cpu < x->dp->cpus; cpu++)
		x->dp->samples[cpu].written = x->dp->samples[cpu].read + 1000000;
	assert_int_equal(read_samples(x), 0);
	assert_int_equal(seen.count, 0);
}

static void each_cpu_has_its_own(void **state)
{
	const struct fixture *x = *state;
	uint64_t written[2];

	every(x, 0);
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		stay_on(cpu);
		written[cpu] = x->dp->samples[cpu].written;
		for (unsigned int i = 0; i < 11 + 10 * cpu; i++)
			send_flow(x, i, TCP_ACK);
		written[cpu] = x->dp->samples[cpu].written - written[cpu];
	}
	assert_int_equal(written[0], 10);
	assert_int_equal(written[1], 20);
	read_samples(x);
	assert_int_equal(seen.count, 30);
	assert_true(seen.packets >= 30 && seen.packets <= 32);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_is_sampled_when_it_is_off),
		T(it_says_who_sent_what_to_whom_in_every_mode),
		T(a_syn_is_told_from_what_follows_it),
		T(an_error_about_a_flow_is_none_of_its_packets),
		T(a_later_fragment_has_a_client_and_no_ports),
		T(a_sample_hashes_to_the_backend_that_it_names),
		T(weights_add_up_to_what_was_sent),
		T(flows_that_take_turns_are_seen_alike),
		T(a_shorter_distance_is_in_force_at_once),
		T(what_nobody_reads_is_not_overwritten_and_costs_nothing),
		T(numbers_that_cannot_be_are_survived),
		T(each_cpu_has_its_own),
	};

	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
