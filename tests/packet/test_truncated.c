// SPDX-License-Identifier: GPL-2.0
/* The malformed. Every header of every kind of packet ends at every byte: because the frame does,
 * because the IP length says so, or both. What is to become of it is stated here, in expected(), by
 * two offsets of each kind. Then fields have values that they cannot have. The neighbour, which is
 * for no service, is passed untouched whatever it looks like.
 *
 * The backend's side, decap.bpf.c, has its own: test_decap.c. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "error_frames.h"
#include "fixture.h"

#define HOP_BY_HOP 0
#define ROUTING 43
#define DESTINATION 60
#define TCP_OPTIONS 12
#define TAG 4
#define NOBODY 444 /* a port without a listener */

#define SERVICE(name, mode, listen4, listen6, backends)                                            \
	"  " name ":\n    listen: [" listen4 listen6 "]\n    forward: " mode                       \
	"\n    backends: " backends "\n"
#define FOURS "{ a: 10.0.0.1, b: 10.0.0.2 }"
#define SIXES "{ a: \"fd00::3\", b: \"fd00::4\" }"
#define TCP_4 "\"203.0.113.10:443/tcp\""
#define TCP_6 "\"[2001:db8::10]:443/tcp\""
#define UDP_4 "\"203.0.113.10:53/udp\""
#define UDP_6 "\"[2001:db8::10]:53/udp\""

static const char tunnelled[] = "services:\n" SERVICE("web", "ipip", TCP_4 ", ", TCP_6, FOURS)
	SERVICE("dns", "gue", UDP_4 ", ", UDP_6, SIXES);
static const char translated[] = "services:\n" SERVICE("web4", "nat", TCP_4, "", FOURS)
	SERVICE("web6", "nat", TCP_6, "", SIXES) SERVICE("dns4", "nat", UDP_4, "", FOURS)
		SERVICE("dns6", "nat", UDP_6, "", SIXES);

/* ---- the kinds ------------------------------------------------------------------------------ */

enum payload {
	TCP_PLAIN,
	TCP_WITH_OPTIONS,
	UDP,
	ECHO_REQUEST,
	ERROR_ABOUT_TCP,
	ERROR_ABOUT_UDP,
	ERROR_ABOUT_OPTIONS, /* the quoted packet has IPv4 options or an extension header */
	FIRST_OF_TCP,
	FIRST_OF_UDP,
	LATER_FRAGMENT,
	PAYLOADS
};

/* What stands between the IP header and its payload. */
static const struct between {
	bool ipv6;
	uint8_t options;            /* bytes of IPv4 options */
	uint8_t extensions, add[3]; /* IPv6 extension headers, from the last to the first */
} betweens[] = {
	{ false, 0, 0, {} },
	{ false, 4, 0, {} },
	{ false, 40, 0, {} },
	{ true, 0, 0, {} },
	{ true, 0, 1, { HOP_BY_HOP } },
	{ true, 0, 1, { ROUTING } },
	{ true, 0, 1, { DESTINATION } },
	{ true, 0, 3, { DESTINATION, ROUTING, HOP_BY_HOP } },
};

struct kind {
	const struct between *between;
	enum payload payload;
	size_t tags;
	bool neighbour; /* the same, but for no service */
	struct frame whole;
	size_t ip, payload_at; /* offsets in the frame */
	/* Up to where the packet must be there to tell whose it is: TCP's and UDP's ports, ICMP's
	 * header, and of an error also what it quotes least; of a later fragment its headers. */
	size_t known;
};

static bool is_error(enum payload p)
{
	return p >= ERROR_ABOUT_TCP && p <= ERROR_ABOUT_OPTIONS;
}

static size_t ip_header(bool ipv6)
{
	return ipv6 ? 40 : 20;
}

static void put_between(struct frame *f, const struct between *b)
{
	static const uint8_t nops[40] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

	if (b->options)
		frame_options(f, FRAME_IP, nops, b->options);
	for (size_t i = 0; i < b->extensions; i++)
		frame_extend(f, FRAME_IP, b->add[i], (uint8_t)i, 0); /* of 8, 16, 24 bytes */
}

static void build_error(struct kind *k)
{
	struct ends e = { k->between->ipv6, 40000, k->neighbour ? NOBODY : 443, "tcp" };
	struct frame about;

	if (k->payload == ERROR_ABOUT_UDP)
		e.service = k->neighbour ? NOBODY : 53, e.proto = "udp";
	from_backend(&about, &e);
	if (k->payload == ERROR_ABOUT_OPTIONS)
		put_between(&about, &betweens[e.ipv6 ? 4 : 2]);
	k->known = least(&about) + (k->payload == ERROR_ABOUT_OPTIONS && e.ipv6 ? 8 : 0);
	fragmentation_needed(&k->whole, &about, k->known + 12);
	k->known += 8;
}

static void build_echo(struct kind *k)
{
	bool ipv6 = k->between->ipv6;

	frame_build_icmp(&k->whole,
			 &(struct message){
				 .from = ipv6 ? "2001:db8:1::7" : "198.51.100.7",
				 .to = k->neighbour ? ipv6 ? "2001:db8::11" : "203.0.113.11"
				       : ipv6       ? VIP6
						    : VIP4,
				 .type = ipv6 ? 128 : 8,
				 .body = (const uint8_t *)"ping of 16 bytes",
				 .length = 16,
			 });
	k->known = 8;
}

static void build_segment(struct kind *k)
{
	bool udp = k->payload == UDP || k->payload == FIRST_OF_UDP || k->payload == LATER_FRAGMENT;
	struct ends e = { k->between->ipv6, 40000, udp ? 53 : 443, udp ? "udp" : "tcp" };
	bool fragment = k->payload >= FIRST_OF_TCP;

	/* The id tells a later fragment's neighbour: one whose first was not seen. */
	if (k->neighbour && k->payload != LATER_FRAGMENT)
		e.service = NOBODY;
	from_client(&k->whole, &e);
	if (k->payload == TCP_WITH_OPTIONS) {
		static const uint8_t nops[TCP_OPTIONS] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
		uint8_t *ip = k->whole.bytes + FRAME_IP;

		frame_insert(&k->whole, FRAME_IP + ip_header(e.ipv6) + 20, nops, TCP_OPTIONS);
		ip[ip_header(e.ipv6) + 12] = (20 + TCP_OPTIONS) / 4 << 4;
		ip[e.ipv6 ? 5 : 3] = (uint8_t)(ip[e.ipv6 ? 5 : 3] + TCP_OPTIONS);
	}
	if (fragment) {
		struct frame datagram = k->whole;
		size_t from = k->payload == LATER_FRAGMENT ? 8 : 0;

		memset(datagram.bytes + datagram.length, 0x5a, 40);
		datagram.length += 40;
		frame_fragment(&k->whole, &datagram, k->neighbour ? 2 : 1, from, 24);
	}
	k->known = k->payload == LATER_FRAGMENT ? 0 : 4;
}

static void build(struct kind *k)
{
	static const uint8_t two_tags[] = { 0x88, 0xa8, 0x00, 0x05, 0x81, 0x00, 0x60, 0x64 };
	const struct between *b = k->between;

	if (is_error(k->payload))
		build_error(k);
	else if (k->payload == ECHO_REQUEST)
		build_echo(k);
	else
		build_segment(k);
	put_between(&k->whole, b);
	frame_insert(&k->whole, 12, two_tags + (2 - k->tags) * TAG, k->tags * TAG);
	k->ip = FRAME_IP + k->tags * TAG;
	k->payload_at = k->ip + ip_header(b->ipv6) + b->options;
	for (size_t i = 0; i < b->extensions; i++)
		k->payload_at += 8 * (i + 1);
	if (b->ipv6 && k->payload >= FIRST_OF_TCP)
		k->payload_at += 8;
	k->known += k->payload_at;
}

/* ---- the rule -------------------------------------------------------------------------------- */

struct expectation {
	int verdict;
	enum ek_drop reason;
};
static const struct expectation passed = { .verdict = XDP_PASS }, sent = { .verdict = XDP_TX },
				truncated = { XDP_DROP, EK_DROP_TRUNCATED },
				bad_length = { XDP_DROP, EK_DROP_BAD_LENGTH };

/* The frame ends at `end`, and the IP header says that the packet does at `says`. */
static struct expectation expected(const struct kind *k, size_t end, size_t says)
{
	size_t room = says - k->payload_at;

	if (k->neighbour || end < k->known || says < k->known)
		return passed;
	if (end < says)
		return truncated;
	switch (k->payload) {
	case TCP_PLAIN:
	case FIRST_OF_TCP:
		return room < 20 ? truncated : sent;
	case TCP_WITH_OPTIONS:
		return room < 20 ? truncated : room < 20 + TCP_OPTIONS ? bad_length : sent;
	case UDP: /* it has a length of its own, and from_client() a payload of 5 */
		return room < 8 ? truncated : room < 8 + 5 ? bad_length : sent;
	case FIRST_OF_UDP: /* its length is that of the datagram, of which this is a part */
		return room < 8 ? truncated : sent;
	default:
		return sent;
	}
}

/* ---- all of it ------------------------------------------------------------------------------- */

static uint64_t counted(const struct ek_verdicts *v)
{
	uint64_t all = v->passed + v->sent + v->answered;

	for (int i = 0; i < EK_DROP_COUNT; i++)
		all += v->dropped[i];
	return all;
}

/* Its verdict, counted once and by name; what is passed is as it came. */
static int run(const struct fixture *x, const struct kind *k, const struct frame *in,
	       struct expectation e, const char *what)
{
	struct ek_verdicts before = fixture_verdicts(x), after;
	static struct frame out;
	int verdict = fixture_run(x, in, &out);
	bool right = verdict == e.verdict;

	after = fixture_verdicts(x);
	if (verdict == XDP_DROP)
		right &= after.dropped[e.reason] == before.dropped[e.reason] + 1;
	if (verdict == XDP_PASS)
		right &= after.passed == before.passed + 1 && out.length == in->length &&
			 !memcmp(out.bytes, in->bytes, in->length);
	if (counted(&after) != counted(&before) + 1)
		right = false;
	if (!right)
		fail_msg("payload %d, between %zd, %zu tags%s, %s: verdict %d instead of %d, or "
			 "miscounted, or touched",
			 k->payload, k->between - betweens, k->tags,
			 k->neighbour ? ", for nobody" : "", what, verdict, e.verdict);
	return verdict;
}

/* ---- cut everywhere -------------------------------------------------------------------------- */

static void check(const struct fixture *x, const struct kind *k, const struct frame *in,
		  size_t says, unsigned long *seen)
{
	char what[80];

	snprintf(what, sizeof(what), "%zu of %zu bytes, the IP length says %zu", in->length,
		 k->whole.length, says);
	seen[run(x, k, in, expected(k, in->length, says), what)]++;
}

static void say_length(struct frame *f, const struct kind *k, size_t says)
{
	size_t length = says - k->ip - (k->between->ipv6 ? 40 : 0);
	uint8_t *at = f->bytes + k->ip + (k->between->ipv6 ? 4 : 2);

	at[0] = (uint8_t)(length >> 8);
	at[1] = (uint8_t)length;
}

static void cut_everywhere(const struct fixture *x, const struct kind *k, unsigned long *seen)
{
	size_t least_said = k->ip + (k->between->ipv6 ? 40 : 0);

	check(x, k, &k->whole, k->whole.length, seen);
	/* The kernel's test run takes no frame shorter than an Ethernet header. */
	for (size_t end = FRAME_IP; end < k->whole.length; end++) {
		static struct frame cut;

		cut = k->whole;
		cut.length = end;
		check(x, k, &cut, k->whole.length, seen);
		if (end < least_said)
			continue;
		say_length(&cut, k, end);
		check(x, k, &cut, end, seen);
		cut.length = k->whole.length;
		check(x, k, &cut, end, seen);
	}
}

/* A later fragment follows its first one. */
static void send_first(const struct fixture *x, const struct kind *later)
{
	struct kind first = *later;
	struct frame out;

	first.payload = FIRST_OF_UDP;
	first.neighbour = false;
	build(&first);
	assert_int_equal(fixture_run(x, &first.whole, &out), XDP_TX);
}

#define KINDS (sizeof(betweens) / sizeof(betweens[0]) * PAYLOADS * 3 * 2)
static void build_nth(struct kind *k, size_t i)
{
	*k = (struct kind){
		.between = &betweens[i / 2 / 3 / PAYLOADS],
		.payload = (enum payload)(i / 2 / 3 % PAYLOADS),
		.tags = i / 2 % 3,
		.neighbour = i % 2,
	};
	build(k);
}

static void cut_all(const struct fixture *x)
{
	unsigned long seen[XDP_REDIRECT + 1] = {};
	static struct kind k;

	for (size_t i = 0; i < KINDS; i++) {
		build_nth(&k, i);
		if (k.payload == LATER_FRAGMENT)
			send_first(x, &k);
		cut_everywhere(x, &k, seen);
	}
	/* The rule has not made everything one. */
	assert_true(seen[XDP_PASS] > 1000 && seen[XDP_DROP] > 1000 && seen[XDP_TX] > 1000);
}

static void tunnelled_packets_cut_anywhere_are_dropped_by_name_or_passed(void **state)
{
	struct fixture x;

	fixture_open(&x, tunnelled);
	cut_all(&x);
	fixture_close(&x);
}

static void the_same_holds_in_the_programs_for_jumbo_frames(void **state)
{
	struct fixture x;

	fixture_open_jumbo(&x, tunnelled);
	cut_all(&x);
	fixture_close(&x);
}

static void the_same_holds_for_packets_whose_addresses_are_exchanged(void **state)
{
	struct fixture x;

	fixture_open(&x, translated);
	cut_all(&x);
	fixture_close(&x);
}

/* ---- wrong values --------------------------------------------------------------------------- */

#define ON(payload) (1u << (payload))
#define ON_TCP (ON(TCP_PLAIN) | ON(TCP_WITH_OPTIONS) | ON(FIRST_OF_TCP))
#define ON_UDP (ON(UDP) | ON(FIRST_OF_UDP))
#define ON_PORTS (ON_TCP | ON_UDP)
#define ON_ALL (ON(PAYLOADS) - 1)
#define PASSED                                                                                     \
	{                                                                                          \
		.verdict = XDP_PASS                                                                \
	}
#define DROPPED(why)                                                                               \
	{                                                                                          \
		.verdict = XDP_DROP, .reason = EK_DROP_##why                                       \
	}

enum where { IN_IP, IN_PAYLOAD };
enum family { BOTH, IPV4, IPV6 };

static const struct wrong {
	const char *name;
	unsigned int on; /* payloads */
	enum family family;
	enum where where;
	uint8_t at, length, value[16]; /* bytes written over */
	struct expectation expected;
} wrongs[] = {
	{ "version 5", ON_ALL, BOTH, IN_IP, 0, 1, { 0x55 }, PASSED },
	{ "version 6", ON_ALL, IPV4, IN_IP, 0, 1, { 0x60 }, PASSED },
	{ "version 4", ON_ALL, IPV6, IN_IP, 0, 1, { 0x45 }, PASSED },
	{ "a header of 16 bytes", ON_ALL, IPV4, IN_IP, 0, 1, { 0x44 }, PASSED },
	{ "to port 0", ON_PORTS, BOTH, IN_PAYLOAD, 2, 2, {}, PASSED },
	{ "from port 0", ON_PORTS, BOTH, IN_PAYLOAD, 0, 2, {}, DROPPED(ZERO_PORT) },
	{ "from 127/8", ON_ALL, IPV4, IN_IP, 12, 1, { 127 }, DROPPED(BAD_SOURCE) },
	{ "from 224/3", ON_ALL, IPV4, IN_IP, 12, 1, { 255 }, DROPPED(BAD_SOURCE) },
	{ "from ff00::/8", ON_ALL, IPV6, IN_IP, 8, 1, { 0xff }, DROPPED(BAD_SOURCE) },
	{ "from the service",
	  ON_ALL,
	  IPV4,
	  IN_IP,
	  12,
	  4,
	  { 203, 0, 113, 10 },
	  DROPPED(BAD_SOURCE) },
	{ "from the service",
	  ON_ALL,
	  IPV6,
	  IN_IP,
	  8,
	  16,
	  { 0x20, 1, 0xd, 0xb8, [15] = 16 },
	  DROPPED(BAD_SOURCE) },
	{ "from ::/64", ON_ALL, IPV6, IN_IP, 8, 8, {}, DROPPED(BAD_SOURCE) },
	{ "offset of 4", ON_TCP, BOTH, IN_PAYLOAD, 12, 1, { 0x40 }, DROPPED(BAD_LENGTH) },
	{ "offset of 15", ON_TCP, BOTH, IN_PAYLOAD, 12, 1, { 0xf0 }, DROPPED(BAD_LENGTH) },
	{ "length of 7", ON_UDP, BOTH, IN_PAYLOAD, 4, 2, { 0, 7 }, DROPPED(BAD_LENGTH) },
	{ "length of 14", ON(UDP), BOTH, IN_PAYLOAD, 4, 2, { 0, 14 }, DROPPED(BAD_LENGTH) },
};

/* A later fragment from another source is of another datagram, whose first was not seen. */
static struct expectation expected_wrong(const struct kind *k, const struct wrong *w)
{
	return k->neighbour || k->payload == LATER_FRAGMENT ? passed : w->expected;
}

static void wrong_values_are_dropped_by_name_or_passed(void **state)
{
	static struct kind k;
	struct fixture x;

	fixture_open(&x, tunnelled);
	for (size_t i = 0; i < KINDS; i++) {
		build_nth(&k, i);
		for (size_t n = 0; n < sizeof(wrongs) / sizeof(wrongs[0]); n++) {
			const struct wrong *w = &wrongs[n];
			struct frame in = k.whole;

			if (!(w->on & ON(k.payload)) ||
			    w->family == (k.between->ipv6 ? IPV4 : IPV6))
				continue;
			memcpy(in.bytes + (w->where == IN_IP ? k.ip : k.payload_at) + w->at,
			       w->value, w->length);
			run(&x, &k, &in, expected_wrong(&k, w), w->name);
		}
	}
	fixture_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tunnelled_packets_cut_anywhere_are_dropped_by_name_or_passed),
		cmocka_unit_test(the_same_holds_in_the_programs_for_jumbo_frames),
		cmocka_unit_test(the_same_holds_for_packets_whose_addresses_are_exchanged),
		cmocka_unit_test(wrong_values_are_dropped_by_name_or_passed),
	};

	return cmocka_run_group_tests_name("truncated", tests, NULL, NULL);
}
