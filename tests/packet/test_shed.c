// SPDX-License-Identifier: GPL-2.0
/* Capacity: new flows above a backend's declared number are shed, packets of others never. */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/shed.h"
#include "quic_case.h"
#include "shed_case.h"

#define RATE 2000
#define TCP "    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"
#define UDP "    listen: [\"203.0.113.10:53/udp\", \"[2001:db8::10]:53/udp\"]\n"
#define QUIC "    listen: [\"203.0.113.10:443/udp\", \"[2001:db8::10]:443/udp\"]\n    quic: {}\n"
#define BOTH "    listen: [\"203.0.113.11:53/udp\", \"203.0.113.11:53/tcp\"]\n"
#define CAPACITY "capacity: 2000"

static const char configuration[] =
	"services:\n"
	"  web:\n" TCP "    backends: { a: { address: 10.0.0.1, " CAPACITY " } }\n"
	"  dns:\n" UDP "    capacity: { udp_packets: 2000 }\n    backends: { a: 10.0.0.1 }\n"
	"  quic:\n" QUIC "    backends: { a: { address: 10.0.0.1, quic_id: 7, " CAPACITY " } }\n"
	"  both:\n" BOTH "    backends: { a: { address: 10.0.0.1, " CAPACITY " } }\n"
	"  free:\n    listen: [\"203.0.113.12:443/tcp\"]\n    backends: { a: 10.0.0.1 }\n";

static int setup(void **state)
{
	return fixture_begin(state, configuration);
}

/* Client number i of the service's listener, of either family. */
static const char *flow_text(char text[static 96], const char *service, unsigned int i)
{
	const char *proto = strcmp(service, "web") ? "udp" : "tcp";
	unsigned int port = strcmp(service, "dns") ? 443 : 53;

	snprintf(text, 96,
		 i % 2 ? "[2001:db8:1::%x]:%u > [2001:db8::10]:%u/%s"
		       : "198.51.100.%u:%u > 203.0.113.10:%u/%s",
		 i % 200 + 1, 1024 + i / 200 % 60000, port, proto);
	return text;
}

static void build(struct frame *f, const char *service, unsigned int i, uint8_t tcp_flags)
{
	char flow[96];

	frame_build(f, &(struct segment){ .flow = flow_text(flow, service, i),
					  .tcp_flags = tcp_flags,
					  .seq = i });
}

static bool send_to(const struct fixture *x, const char *service, unsigned int i, uint8_t tcp_flags)
{
	struct frame f;

	build(&f, service, i, tcp_flags);
	return admitted(x, &f);
}

static uint64_t shed_of(const struct fixture *x, const char *service)
{
	struct dp_traffic t;

	dp_traffic(x->dp, backend(x, service), &t);
	return t.shed;
}

/* ---- how much -------------------------------------------------------------------------------- */

static void web_syn(struct frame *f, unsigned int i)
{
	build(f, "web", i, TCP_SYN);
}

static void dns_packet(struct frame *f, unsigned int i)
{
	build(f, "dns", i % 5000, 0);
}

static void assert_counted(const struct fixture *x, const char *service, enum ek_drop reason,
			   const struct streamed *s)
{
	struct dp_traffic t;

	dp_traffic(x->dp, backend(x, service), &t);
	assert_int_equal(t.packets, s->admitted);
	assert_int_equal(t.shed, s->sent - s->admitted);
	assert_int_equal(fixture_dropped(x, reason), s->sent - s->admitted);
}

static void one_cpu_alone_gets_the_declared_number_of_new_flows(void **state)
{
	const struct fixture *x = *state;
	struct streamed s = stream(x, 1, 2, web_syn);

	assert_held_to(&s, RATE);
	assert_counted(x, "web", EK_DROP_SHED_FLOW, &s);
}

static void all_cpus_together_get_no_more(void **state)
{
	const struct fixture *x = *state;
	unsigned int cpus = cpus_usable() < 8 ? cpus_usable() : 8;
	struct streamed s = stream(x, cpus, 2, web_syn);

	assert_held_to(&s, RATE);
	assert_counted(x, "web", EK_DROP_SHED_FLOW, &s);
}

static void packets_of_plain_udp_are_held_to_their_number_too(void **state)
{
	const struct fixture *x = *state;
	struct streamed s = stream(x, 1, 2, dns_packet), more;

	assert_held_to(&s, RATE);
	assert_counted(x, "dns", EK_DROP_SHED_PACKET, &s);
	more = stream(x, cpus_usable() < 8 ? cpus_usable() : 8, 2, dns_packet);
	assert_held_to(&more, RATE);
}

static void below_it_nothing_is_shed(void **state)
{
	const struct fixture *x = *state;

	for (unsigned int i = 0; i < ek_burst(RATE) * 9 / 10; i++) {
		assert_true(send_to(x, "web", i, TCP_SYN));
		assert_true(send_to(x, "dns", i, 0));
	}
	assert_int_equal(shed_of(x, "web") + shed_of(x, "dns"), 0);
}

/* ---- who ------------------------------------------------------------------------------------- */

static void no_packet_of_an_established_flow_is_shed(void **state)
{
	static const uint8_t flags[] = { TCP_ACK, TCP_ACK | TCP_FIN, TCP_RST, TCP_SYN | TCP_ACK,
					 0 };
	const struct fixture *x = *state;

	budgets_spend(x);
	for (unsigned int i = 0; i < 100; i++) {
		assert_false(send_to(x, "web", i, TCP_SYN));
		for (size_t k = 0; k < sizeof(flags); k++)
			assert_true(send_to(x, "web", i, flags[k]));
	}
	assert_int_equal(shed_of(x, "web"), 100);
}

static void who_has_declared_nothing_is_not_held_to_anything(void **state)
{
	static const char *const flows[] = {
		"198.51.100.7:%u > 203.0.113.12:443/tcp", /* nothing at all */
		"198.51.100.7:%u > 203.0.113.11:53/udp",  /* new flows, and it is plain UDP */
	};
	const struct fixture *x = *state;

	budgets_spend(x);
	for (unsigned int i = 0; i < 200; i++) {
		struct frame f;
		char flow[96];

		/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): of the two above */
		snprintf(flow, sizeof(flow), flows[i % 2], 1024 + i);
		frame_build(&f, &(struct segment){ .flow = flow, .tcp_flags = TCP_SYN });
		assert_true(admitted(x, &f));
	}
	assert_int_equal(shed_of(x, "free") + shed_of(x, "both"), 0);
}

static void quic_initials_are_shed_and_no_other_packets_of_quic(void **state)
{
	static const struct {
		uint8_t first;
		uint8_t length; /* of the connection ID */
		bool begins;
	} rows[] = {
		{ 0xc0, 8, true },        { 0xd0, 8, true }, /* Initial, 0-RTT */
		{ 0xe0, 8, false },       { QUIC_SHORT, 8, false },
		{ QUIC_SHORT, 1, false }, /* names nobody */
	};
	const struct fixture *x = *state;

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (unsigned int i = 0; i < 20; i++) {
			struct cid cid = { rows[r].length, 1, 2, 7 };
			struct datagram d;
			struct frame f;
			char flow[96];

			if (rows[r].first & 0x80)
				quic_long(&d, rows[r].first, QUIC_V1, &cid);
			else
				quic_short(&d, rows[r].first, &cid);
			quic_build(&f, flow_text(flow, "quic", i), &d);
			budgets_spend(x);
			assert_int_equal(admitted(x, &f), !rows[r].begins);
			budgets_fill(x);
			assert_true(admitted(x, &f));
		}
}

/* A SYN of its own (a client's that comes again with the same ports, a forged one) of a flow that
 * is remembered. */
static void a_syn_of_a_remembered_flow_is_not_shed(void **state)
{
	static const char two[] =
		"services:\n  web:\n" TCP
		"    backends: { a: { address: 10.0.0.1, weight: 0, " CAPACITY " },\n"
		"                b: { address: 10.0.0.2, " CAPACITY " } }\n";
	struct fixture *x = *state;

	fixture_install(x, two);
	budgets_fill(x);
	for (unsigned int i = 0; i < 50; i++) {
		assert_true(send_to(x, "web", i, TCP_SYN));
		/* The packet behind the SYN, whose sequence number is i. */
		struct frame f;
		char flow[96];

		frame_build(&f, &(struct segment){ .flow = flow_text(flow, "web", i),
						   .tcp_flags = TCP_ACK,
						   .seq = i + 1 });
		assert_true(admitted(x, &f));
		assert_true(send_to(x, "web", 1000 + i, TCP_SYN)); /* is not confirmed */
	}
	budgets_spend(x);
	for (unsigned int i = 0; i < 50; i++) {
		assert_true(send_to(x, "web", i, TCP_SYN));
		assert_false(send_to(x, "web", 1000 + i, TCP_SYN));
		assert_false(send_to(x, "web", 2000 + i, TCP_SYN));
	}
}

static uint64_t remembered(const struct fixture *x)
{
	uint64_t *each = calloc(x->dp->sizes.backends, sizeof(*each)), all = 0;

	assert_non_null(each);
	dp_flows_count(x->dp, each);
	for (uint32_t i = 0; i < x->dp->sizes.backends; i++)
		all += each[i];
	free(each);
	return all;
}

/* When it comes again its slot may have moved back: a rollback would else send all of them to whom they
 * were too many for. */
static const char two[] = "services:\n  web:\n" TCP
			  "    backends: { a: { address: 10.0.0.1, weight: 0, " CAPACITY " },\n"
			  "                b: { address: 10.0.0.2, " CAPACITY " } }\n";

static void a_syn_that_is_shed_is_not_remembered(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, two);
	budgets_fill(x);
	for (unsigned int i = 0; i < 50; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
	assert_int_equal(remembered(x), 50);
	budgets_spend_but_notes(x);
	for (unsigned int i = 50; i < 100; i++)
		assert_false(send_to(x, "web", i, TCP_SYN));
	assert_int_equal(remembered(x), 50);
	for (unsigned int i = 0; i < 50; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
}

/* The answer to the first may be late, or lost and come again: the flow is that backend's. */
static void a_flow_whose_syn_was_let_in_once_is_not_forgotten_for_a_later_one(void **state)
{
	struct fixture *x = *state;

	fixture_install(x, two);
	budgets_fill(x);
	for (unsigned int i = 0; i < 50; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
	for (unsigned int again = 0; again < 3; again++) {
		verdicts_age(x, again * 1000 + 1000);
		budgets_spend_but_notes(x);
		for (unsigned int i = 0; i < 50; i++) {
			assert_false(send_to(x, "web", i, TCP_SYN));
			assert_false(send_to(x, "web", i, TCP_SYN));
		}
		assert_int_equal(remembered(x), 50);
	}
}

/* ---- repeated packets ------------------------------------------------------------------------ */

static void a_repeated_syn_gets_the_same_verdict_for_a_second(void **state)
{
	const struct fixture *x = *state;

	budgets_fill(x);
	for (unsigned int i = 0; i < 100; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
	budgets_spend_but_notes(x);
	for (unsigned int i = 100; i < 200; i++)
		assert_false(send_to(x, "web", i, TCP_SYN));
	/* Nothing is left for those admitted, and enough is there for those shed. */
	for (unsigned int i = 0; i < 100; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
	budgets_fill_but_notes(x);
	for (unsigned int i = 100; i < 200; i++)
		assert_false(send_to(x, "web", i, TCP_SYN));
	verdicts_age(x, 900);
	for (unsigned int i = 100; i < 200; i++)
		assert_false(send_to(x, "web", i, TCP_SYN));
	verdicts_age(x, 100);
	for (unsigned int i = 100; i < 200; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
}

static void a_repeated_syn_is_charged_once(void **state)
{
	const struct fixture *x = *state;
	uint64_t before;

	budgets_fill(x);
	for (unsigned int i = 0; i < 20; i++)
		send_to(x, "web", i, TCP_SYN);
	before = x->dp->capacities[backend(x, "web")].flows_spent_ns;
	for (unsigned int i = 0; i < 100; i++)
		assert_true(send_to(x, "web", i % 20, TCP_SYN));
	assert_int_equal(x->dp->capacities[backend(x, "web")].flows_spent_ns, before);
}

/* Or who repeats one that was admitted would never be held to anything. */
static void repeats_are_bounded(void **state)
{
	const struct fixture *x = *state;

	budgets_fill(x);
	for (unsigned int i = 0; i < 1 + EK_SYN_REPEATS; i++)
		assert_true(send_to(x, "web", 3, TCP_SYN));
	for (unsigned int i = 0; i < 100; i++)
		assert_false(send_to(x, "web", 3, TCP_SYN));
	verdicts_age(x, EK_VERDICT_MS);
	assert_true(send_to(x, "web", 3, TCP_SYN));
}

/* More shed SYNs than there is room for notes: those admitted keep theirs. */
static void a_flood_takes_no_admitted_flow_s_verdict_away(void **state)
{
	const struct fixture *x = *state;
	unsigned int notes = ek_note_buckets(x->dp->sizes.backends) * EK_NOTES_PER_BUCKET;

	budgets_fill(x);
	for (unsigned int i = 0; i < 100; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
	budgets_spend_but_notes(x);
	for (unsigned int i = 100; i < 3 * notes; i++)
		assert_false(send_to(x, "web", i, TCP_SYN));
	for (unsigned int i = 0; i < 100; i++)
		assert_true(send_to(x, "web", i, TCP_SYN));
}

/* ---- whole flows of UDP ---------------------------------------------------------------------- */

static void udp_is_shed_by_whole_flows(void **state)
{
	const struct fixture *x = *state;
	struct ek_capacity *c = &x->dp->capacities[backend(x, "dns")];
	unsigned int in = 0;
	bool is[400];

	for (unsigned int round = 0; round < 4; round++)
		for (unsigned int i = 0; i < 400; i++) {
			bool now;

			budgets_fill(x);
			/* A quarter of all flows; as many packets came as may, so it stays so. */
			c->share = ek_share_word(ek_share_period(clock_ns()), EK_SHARE_ALL / 4,
						 RATE / EK_BURST_PART);
			now = send_to(x, "dns", i, 0);
			in += now;
			assert_true(!round || now == is[i]);
			is[i] = now;
		}
	assert_in_range(in / 4, 60, 140);
}

static void fragments_of_udp_are_not_shed(void **state)
{
	const struct fixture *x = *state;

	budgets_spend(x);
	for (unsigned int i = 0; i < 2; i++) {
		struct frame whole, first, rest;
		char flow[96];

		frame_build(&whole,
			    &(struct segment){ .flow = flow_text(flow, "dns", i), .payload = 800 });
		frame_fragment(&first, &whole, (uint16_t)(7 + i), 0, 400);
		frame_fragment(&rest, &whole, (uint16_t)(7 + i), 400, 408);
		assert_false(admitted(x, &whole));
		assert_true(admitted(x, &first));
		assert_true(admitted(x, &rest));
	}
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, fixture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(one_cpu_alone_gets_the_declared_number_of_new_flows),
		EACH(all_cpus_together_get_no_more),
		EACH(packets_of_plain_udp_are_held_to_their_number_too),
		EACH(below_it_nothing_is_shed),
		EACH(no_packet_of_an_established_flow_is_shed),
		EACH(who_has_declared_nothing_is_not_held_to_anything),
		EACH(quic_initials_are_shed_and_no_other_packets_of_quic),
		EACH(a_syn_of_a_remembered_flow_is_not_shed),
		EACH(a_syn_that_is_shed_is_not_remembered),
		EACH(a_flow_whose_syn_was_let_in_once_is_not_forgotten_for_a_later_one),
		EACH(a_repeated_syn_gets_the_same_verdict_for_a_second),
		EACH(a_repeated_syn_is_charged_once),
		EACH(repeats_are_bounded),
		EACH(a_flood_takes_no_admitted_flow_s_verdict_away),
		EACH(udp_is_shed_by_whole_flows),
		EACH(fragments_of_udp_are_not_shed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
