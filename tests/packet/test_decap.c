// SPDX-License-Identifier: GPL-2.0
/* The decapsulation program, a row per case: situation, packet in, packet out, counter moved;
 * then attaching it. decap_frames.h says how frames are written. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/if.h>

#include "decap.skel.h"
#include "decap_frames.h"
#include "sandbox.h"
#include "dp/decap.h"
#include "evenkeel/decap.h"

static struct decap_bpf *object;

/* ---- running --------------------------------------------------------------------------------- */

static void counters_read(uint64_t sums[EK_DECAP_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t values[256] = {};

	assert_in_range(cpus, 1, 256);
	for (uint32_t i = 0; i < EK_DECAP_COUNT; i++) {
		sums[i] = 0;
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(object->maps.counters), &i, values), 0);
		for (int cpu = 0; cpu < cpus; cpu++)
			sums[i] += values[cpu];
	}
}

/* Runs the program on `in`; returns what it did differently from what was said, or NULL. */
static const char *deviation(const struct frame *in, const struct frame *expected,
			     enum ek_decap_counter counter)
{
	uint64_t before[EK_DECAP_COUNT] = {}, after[EK_DECAP_COUNT] = {};
	uint8_t out[1024];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->bytes,
		    .data_size_in = (uint32_t)in->length, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);

	counters_read(before);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(object->progs.decap), &run), 0);
	counters_read(after);
	if (run.retval != XDP_PASS)
		return "the verdict is not XDP_PASS";
	if (run.data_size_out != expected->length)
		return "the frame has another length";
	if (memcmp(out, expected->bytes, expected->length))
		return "the frame has other bytes";
	if (counter == EK_DECAP_DECAPSULATED_PACKETS)
		before[EK_DECAP_DECAPSULATED_BYTES] += expected->end - outermost(expected)->at;
	before[counter]++;
	return memcmp(before, after, sizeof(after)) ? "other counters moved" : NULL;
}

static unsigned int check(const char *situation, const struct frame *in,
			  const struct frame *expected, enum ek_decap_counter counter)
{
	const char *wrong = deviation(in, expected, counter);

	if (wrong)
		print_error("%s: %s\n", situation, wrong);
	return !!wrong;
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct row {
	const char *situation, *in, *out; /* out NULL: as it came */
	enum ek_decap_counter counter;
};

#define FREED EK_DECAP_DECAPSULATED_PACKETS

static const struct row rows[] = {
	{ "4in4", "eth 4 4 tcp", "eth 4 tcp", FREED },
	{ "6in6", "eth 6 6 tcp", "eth 6 tcp", FREED },
	{ "4in6", "eth 6 4 tcp", "eth 4 tcp", FREED },
	{ "6in4", "eth 4 6 tcp", "eth 6 tcp", FREED },
	{ "UDP in 4in4", "eth 4 4 udp", "eth 4 udp", FREED },
	{ "UDP in 6in6", "eth 6 6 udp", "eth 6 udp", FREED },
	{ "outer options, 4in4", "eth 4+ 4 tcp", "eth 4 tcp", FREED },
	{ "outer options, 6in4", "eth 4+ 6 tcp", "eth 6 tcp", FREED },
	{ "inner options, 4in4", "eth 4 4+ tcp", "eth 4+ tcp", FREED },
	{ "inner options, 4in6", "eth 6 4+ tcp", "eth 4+ tcp", FREED },
	{ "one tag, 4in4", "eth q 4 4 tcp", "eth q 4 tcp", FREED },
	{ "one tag, 6in6", "eth q 6 6 tcp", "eth q 6 tcp", FREED },
	{ "one tag, 4in6", "eth q 6 4 tcp", "eth q 4 tcp", FREED },
	{ "one tag, 6in4", "eth q 4 6 tcp", "eth q 6 tcp", FREED },
	{ "service tag, 4in4", "eth ad 4 4 tcp", "eth ad 4 tcp", FREED },
	{ "two tags, 4in4", "eth ad q 4 4 tcp", "eth ad q 4 tcp", FREED },
	{ "two tags, 6in4", "eth ad q 4 6 tcp", "eth ad q 6 tcp", FREED },
	{ "two tags, 4in6, all options", "eth ad q 4+ 4+ tcp", "eth ad q 4+ tcp", FREED },
	{ "three tags", "eth ad q q 4 4 tcp", NULL, EK_DECAP_PASSED },
	{ "padding is kept, 4in4", "eth 4 4 tcp pad", "eth 4 tcp pad", FREED },
	{ "padding is kept, 6in6", "eth 6 6 tcp pad", "eth 6 tcp pad", FREED },
	{ "one level only, 4in4in4", "eth 4 4 4 tcp", "eth 4 4 tcp", FREED },
	{ "one level only, 6in6in4", "eth 4 6 6 tcp", "eth 6 6 tcp", FREED },

	{ "gue 1, 4in4", "eth 4 v1 4 tcp", "eth 4 tcp", FREED },
	{ "gue 1, 6in6", "eth 6 v1 6 tcp", "eth 6 tcp", FREED },
	{ "gue 1, 4in6", "eth 6 v1 4 tcp", "eth 4 tcp", FREED },
	{ "gue 1, 6in4", "eth 4 v1 6 tcp", "eth 6 tcp", FREED },
	{ "gue 0, 4in4", "eth 4 v0 4 tcp", "eth 4 tcp", FREED },
	{ "gue 0, 6in6", "eth 6 v0 6 tcp", "eth 6 tcp", FREED },
	{ "gue 0, 4in6", "eth 6 v0 4 udp", "eth 4 udp", FREED },
	{ "gue 0, 6in4", "eth 4 v0 6 udp", "eth 6 udp", FREED },
	{ "gue, outer options", "eth 4+ v1 4 tcp", "eth 4 tcp", FREED },
	{ "gue 0, all options", "eth 4+ v0 4+ tcp", "eth 4+ tcp", FREED },
	{ "gue, one tag", "eth q 4 v1 4 tcp", "eth q 4 tcp", FREED },
	{ "gue 0, one tag, 6in6", "eth q 6 v0 6 tcp", "eth q 6 tcp", FREED },
	{ "gue, two tags, 4in6", "eth ad q 6 v1 4 tcp", "eth ad q 4 tcp", FREED },
	{ "gue, padding is kept", "eth 4 v1 6 tcp pad", "eth 6 tcp pad", FREED },
	{ "gue, one level only", "eth 4 v1 4 v1 4 tcp", "eth 4 v1 4 tcp", FREED },
	{ "gue in ipip, one level only", "eth 4 4 v1 4 tcp", "eth 4 v1 4 tcp", FREED },
	{ "gue with GRE in it", "eth 4 v0=47 4 tcp", NULL, EK_DECAP_PASSED },
	{ "gue that says IPv6 and has IPv4", "eth 4 v0=41 4 tcp", NULL, EK_DECAP_MALFORMED },
	{ "gue that says IPv4 and has IPv6", "eth 6 v0=4 6 tcp", NULL, EK_DECAP_MALFORMED },
	{ "gue 1 with TCP in it", "eth 4 v1 tcp", NULL, EK_DECAP_PASSED }, /* variant 2 */
	{ "gue 0 with TCP in it", "eth 4 v0=4 tcp", NULL, EK_DECAP_MALFORMED },
	{ "gue 1 with nothing in it", "eth 4=17 v1=0", NULL, EK_DECAP_MALFORMED },
	{ "gue 0 with nothing in it", "eth 6=17 v0=4", NULL, EK_DECAP_MALFORMED },

	{ "TCP over IPv4", "eth 4 tcp", NULL, EK_DECAP_PASSED },
	{ "TCP over IPv6", "eth 6 tcp", NULL, EK_DECAP_PASSED },
	{ "tagged TCP", "eth q 4 tcp", NULL, EK_DECAP_PASSED },
	{ "UDP over IPv4", "eth 4 udp", NULL, EK_DECAP_PASSED },
	{ "UDP over IPv6", "eth 6 udp", NULL, EK_DECAP_PASSED },
	{ "ICMP", "eth 4 icmp", NULL, EK_DECAP_PASSED },
	{ "ICMPv6", "eth 6=58 icmp", NULL, EK_DECAP_PASSED },
	{ "GRE", "eth 4 gre 4 tcp", NULL, EK_DECAP_PASSED },
	{ "GRE over IPv6", "eth 6 gre 6 tcp", NULL, EK_DECAP_PASSED },
	{ "AH", "eth 4 ah 4 tcp", NULL, EK_DECAP_PASSED },
	{ "AH over IPv6", "eth 6 ah 6 tcp", NULL, EK_DECAP_PASSED },
	{ "ESP", "eth 4=50 4 tcp", NULL, EK_DECAP_PASSED },
	{ "MPLS in IP", "eth 4=137 4 tcp", NULL, EK_DECAP_PASSED },
	{ "IPv6 destination options", "eth 6=60 4 tcp", NULL, EK_DECAP_PASSED },
	{ "IPv6 fragment header", "eth 6=44 6 tcp", NULL, EK_DECAP_PASSED },

	{ "protocol 4 with an inner IPv6", "eth 4=4 6 tcp", NULL, EK_DECAP_MALFORMED },
	{ "protocol 41 with an inner IPv4", "eth 4=41 4 tcp", NULL, EK_DECAP_MALFORMED },
	{ "next header 4 with an inner IPv6", "eth 6=4 6 tcp", NULL, EK_DECAP_MALFORMED },
	{ "next header 41 with an inner IPv4", "eth 6=41 4 tcp", NULL, EK_DECAP_MALFORMED },
	{ "protocol 4 with TCP in it", "eth 4=4 tcp", NULL, EK_DECAP_MALFORMED },
	{ "protocol 41 with TCP in it", "eth 4=41 tcp", NULL, EK_DECAP_MALFORMED },
	{ "protocol 4 with nothing in it", "eth 4=4", NULL, EK_DECAP_MALFORMED },
	{ "next header 41 with nothing in it", "eth 6=41", NULL, EK_DECAP_MALFORMED },
};

static void every_packet_comes_out_as_its_row_says(void **state)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame in = frame(rows[i].in);
		struct frame out = frame(rows[i].out ?: rows[i].in);

		wrong += check(rows[i].situation, &in, &out, rows[i].counter);
	}
	assert_int_equal(wrong, 0);
}

/* One 16-bit field of an IP header changed: `in` as above, `level` 0 is the outermost. */
struct damage {
	const char *situation, *in;
	unsigned int level;
	size_t field;
	uint16_t value;
	bool stale_sum; /* the outer checksum is not corrected */
	enum ek_decap_counter counter;
};

static const struct damage damages[] = {
	{ "first fragment", "eth 4 4 tcp", 0, 6, 0x2000, false, EK_DECAP_PASSED },
	{ "later fragment", "eth 4 4 tcp", 0, 6, 0x0001, false, EK_DECAP_PASSED },
	{ "later fragment, 6in4", "eth 4 6 tcp", 0, 6, 0x0100, false, EK_DECAP_PASSED },
	{ "outer header of 4 words", "eth 4 4 tcp", 0, 0, 0x4400, false, EK_DECAP_PASSED },
	{ "outer version 5", "eth 4 4 tcp", 0, 0, 0x5500, false, EK_DECAP_PASSED },
	{ "outer version 4 as IPv6", "eth 6 6 tcp", 0, 0, 0x4000, false, EK_DECAP_PASSED },
	{ "outer checksum", "eth 4 4 tcp", 0, 4, 0x1234, true, EK_DECAP_MALFORMED },
	{ "outer checksum, options", "eth 4+ 4 tcp", 0, 26, 0x0100, true, EK_DECAP_MALFORMED },
	{ "outer length below its header", "eth 4+ 4 tcp", 0, 2, 27, false, EK_DECAP_MALFORMED },
	{ "outer length beyond the frame", "eth 4 4 tcp", 0, 2, 61, false, EK_DECAP_MALFORMED },
	{ "outer length short of the inner", "eth 4 4 tcp", 0, 2, 59, false, EK_DECAP_MALFORMED },
	{ "outer length 0 (a jumbogram)", "eth 6 6 tcp", 0, 4, 0, false, EK_DECAP_MALFORMED },
	{ "outer payload beyond the frame", "eth 6 6 tcp", 0, 4, 61, false, EK_DECAP_MALFORMED },
	{ "outer payload short of the inner", "eth 6 4 tcp", 0, 4, 39, false, EK_DECAP_MALFORMED },
	{ "inner header of 4 words", "eth 4 4 tcp", 1, 0, 0x4400, false, EK_DECAP_MALFORMED },
	{ "inner version 5", "eth 4 4 tcp", 1, 0, 0x5500, false, EK_DECAP_MALFORMED },
	{ "inner length below its header", "eth 6 4+ tcp", 1, 2, 27, false, EK_DECAP_MALFORMED },
	{ "inner length beyond the outer", "eth 4 4 tcp", 1, 2, 41, false, EK_DECAP_MALFORMED },
	{ "inner payload beyond the outer", "eth 4 6 tcp", 1, 4, 21, false, EK_DECAP_MALFORMED },
	{ "inner packet is a fragment: freed", "eth 4 4 tcp", 1, 6, 0x2001, false, FREED },
	{ "inner packet is shorter: freed", "eth 4 4 tcp", 1, 2, 39, false, FREED },
	{ "gue to another port", "eth 4 v1 4 tcp", 1, 2, 6081, false, EK_DECAP_PASSED },
	{ "gue from any port: freed", "eth 4 v1 4 tcp", 1, 0, 6080, false, FREED },
	{ "gue, a checksum is not looked at", "eth 4 v1 4 tcp", 1, 6, 0x1234, false, FREED },
	{ "gue, datagram below its header", "eth 4 v1 4 tcp", 1, 4, 7, false, EK_DECAP_MALFORMED },
	{ "gue, datagram beyond the packet", "eth 4 v1 4 tcp", 1, 4, 49, false,
	  EK_DECAP_MALFORMED },
	{ "gue, datagram short of the inner", "eth 4 v1 4 tcp", 1, 4, 47, false,
	  EK_DECAP_MALFORMED },
	{ "gue, datagram of IPv6 jumbograms", "eth 6 v1 4 tcp", 1, 4, 0, false,
	  EK_DECAP_MALFORMED },
	{ "gue, first fragment", "eth 4 v1 4 tcp", 0, 6, 0x2000, false, EK_DECAP_PASSED },
	{ "gue, outer checksum", "eth 4 v1 4 tcp", 0, 4, 0x1234, true, EK_DECAP_MALFORMED },
	{ "gue 0 with options", "eth 4 v0 4 tcp", 1, 8, 0x0104, false, EK_DECAP_PASSED },
	{ "gue 0, control message", "eth 4 v0 4 tcp", 1, 8, 0x2004, false, EK_DECAP_PASSED },
	{ "gue 0 with flags", "eth 6 v0 6 tcp", 1, 10, 0x8000, false, EK_DECAP_PASSED },
	{ "gue 0 with private flags", "eth 6 v0 6 tcp", 1, 10, 0x0001, false, EK_DECAP_PASSED },
	{ "gue variant 2", "eth 4 v0 4 tcp", 1, 8, 0x8004, false, EK_DECAP_PASSED },
	{ "gue variant 3", "eth 4 v0 4 tcp", 1, 8, 0xc004, false, EK_DECAP_PASSED },
	{ "gue 1, inner version 5", "eth 4 v1 4 tcp", 2, 0, 0x5500, false, EK_DECAP_MALFORMED },
	{ "gue 1, inner version 7", "eth 4 v1 4 tcp", 2, 0, 0x7500, false, EK_DECAP_MALFORMED },
	{ "gue, inner length beyond it", "eth 4 v1 4 tcp", 2, 2, 41, false, EK_DECAP_MALFORMED },
	{ "outer may not be fragmented: freed", "eth 4 4 tcp", 0, 6, 0x4000, false, FREED },
};

static struct frame damaged(const struct damage *d)
{
	struct frame f = frame(d->in);
	const struct header *h = outermost(&f) + d->level;
	uint16_t value = htons(d->value);

	memcpy(f.bytes + h->at + d->field, &value, 2);
	if (h->kind == '4' && !d->stale_sum)
		ipv4_sum(f.bytes + h->at);
	return f;
}

static void damaged_tunnels_are_left_as_they_came(void **state)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		const struct damage *d = &damages[i];
		struct frame in = damaged(d), out = in;

		if (d->counter == FREED) {
			size_t outer = tunnel_length(&in);

			out.length = in.length - outer;
			memmove(out.bytes + ETH_HLEN, in.bytes + ETH_HLEN + outer,
				out.length - ETH_HLEN);
			out.end = ETH_HLEN + ntohs(*(uint16_t *)(out.bytes + ETH_HLEN + 2));
		}
		wrong += check(d->situation, &in, &out, d->counter);
	}
	assert_int_equal(wrong, 0);
}

static const char *const forms[] = { "eth 4 4 tcp",    "eth 6 6 tcp",      "eth 6 4 tcp",
				     "eth 4 6 tcp",    "eth 4+ 4+ tcp",    "eth q 4 6 tcp",
				     "eth q 6 4 tcp",  "eth ad q 4 4 tcp", "eth 4 v1 4 tcp",
				     "eth 6 v1 6 tcp", "eth 6 v0 4 tcp",   "eth q 4+ v0 6 tcp" };

/* The outer header's own length, and its checksum, for a frame that was cut. */
static void shorten(struct frame *f, const struct header *outer)
{
	uint16_t length = htons((uint16_t)(f->length - outer->at -
					   (outer->kind == '6' ? sizeof(struct ipv6hdr) : 0)));

	memcpy(f->bytes + outer->at + (outer->kind == '6' ? 4 : 2), &length, 2);
	if (outer->kind == '4')
		ipv4_sum(f->bytes + outer->at);
}

/* UDP's. */
static void shorten_gue(struct frame *f, const struct header *gue)
{
	uint16_t length = htons((uint16_t)(f->length - gue->at));

	memcpy(f->bytes + gue->at + 4, &length, 2);
}

/* Where a frame begins to be known for a tunnel. */
static size_t known_at(const struct frame *f)
{
	const struct header *outer = outermost(f), *gue = gue_header(f);

	if (gue)
		return gue->at + sizeof(struct udphdr);
	return outer->at + (outer->kind == '6' ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

static void frames_cut_at_every_length_are_left_as_they_came(void **state)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct frame whole = frame(forms[i]);
		const struct header *outer = outermost(&whole), *gue = gue_header(&whole);
		size_t known = known_at(&whole);

		for (size_t length = ETH_HLEN; length < whole.length; length++) {
			struct frame cut = whole;
			char situation[64];

			snprintf(situation, sizeof(situation), "%s cut at %zu", forms[i], length);
			cut.length = length;
			wrong += check(situation, &cut, &cut,
				       length < known ? EK_DECAP_PASSED : EK_DECAP_MALFORMED);
			if (length < known || length < outer->at + header_length(outer))
				continue;
			shorten(&cut, outer);
			wrong += check(situation, &cut, &cut, EK_DECAP_MALFORMED);
			if (!gue)
				continue;
			shorten_gue(&cut, gue);
			wrong += check(situation, &cut, &cut, EK_DECAP_MALFORMED);
		}
	}
	assert_int_equal(wrong, 0);
}

/* ---- where the inner packet would go --------------------------------------------------------- */

/* The destination of a tunnel, or of the packet in it, changed to one that is routed on. */
static struct frame for_another_host(const char *text, bool inside)
{
	struct frame f = frame(text);
	const struct header *ip = outermost(&f) + (!inside ? 0 : gue_header(&f) ? 2 : 1);

	if (ip->kind == '4') {
		inet_pton(AF_INET, "198.18.0.1", f.bytes + ip->at + 16);
		ipv4_sum(f.bytes + ip->at);
	} else {
		inet_pton(AF_INET6, "2001:db8:18::1", f.bytes + ip->at + 24);
	}
	return f;
}

static void a_host_that_forwards_frees_only_what_is_for_itself(void **state)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms) * 2; i++) {
		struct frame in = for_another_host(forms[i / 2], i % 2);

		wrong += check(forms[i / 2], &in, &in, EK_DECAP_NOT_LOCAL);
	}
	assert_int_equal(wrong, 0);
}

/* ---- attaching ------------------------------------------------------------------------------- */

static char *pins = NULL;

static void attaching_is_seen_counted_and_undone(void **state)
{
	char error[DP_ERROR_MAX] = "";
	struct decap_counters counters = { .malformed = 7 };
	enum dp_mode mode = DP_MODE_GENERIC;
	char **names = NULL;
	size_t count = 99;

	assert_int_equal(decap_attach(pins, "dec.0", false, &mode, error), 0);
	assert_int_equal(mode, DP_MODE_DRIVER);
	assert_int_equal(decap_list(pins, &names, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(names[0], "dec.0");
	free(names[0]);
	free(names);
	assert_int_equal(decap_counters(pins, "dec.0", &counters, error), 0);
	assert_int_equal(counters.malformed, 0);
	assert_int_equal(decap_attach(pins, "dec.0", false, &mode, error), -EEXIST);
	assert_non_null(strstr(error, "dec.0"));
	assert_int_equal(decap_detach(pins, "dec.0", error), 0);
	assert_int_equal(decap_detach(pins, "dec.0", error), -ENOENT);
	assert_int_equal(decap_counters(pins, "dec.0", &counters, error), -ENOENT);
	assert_int_equal(decap_list(pins, &names, &count), 0);
	assert_int_equal(count, 0);
	free(names);
}

static void pins_of_a_gone_interface_do_not_block_its_successor(void **state)
{
	char error[DP_ERROR_MAX] = "";
	enum dp_mode mode;

	assert_int_equal(decap_attach(pins, "dec.0", true, &mode, error), 0);
	assert_int_equal(mode, DP_MODE_GENERIC);
	shell("ip link delete dec.0 && ip link add dec.0 type veth peer name dec.1");
	assert_int_equal(decap_attach(pins, "dec.0", false, &mode, error), 0);
	assert_int_equal(decap_detach(pins, "dec.0", error), 0);
}

static void a_foreign_program_is_never_replaced(void **state)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, options);
	int ifindex = (int)if_nametoindex("dec.0");
	char error[DP_ERROR_MAX] = "";
	enum dp_mode mode;

	assert_int_equal(bpf_xdp_attach(ifindex, bpf_program__fd(object->progs.decap),
					XDP_FLAGS_DRV_MODE, &options),
			 0);
	assert_int_equal(decap_attach(pins, "dec.0", false, &mode, error), -EBUSY);
	assert_int_equal(bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, &options), 0);
	assert_int_equal(decap_attach(pins, "dec.0", false, &mode, error), 0);
	assert_int_equal(decap_detach(pins, "dec.0", error), 0);
}

static void what_cannot_be_attached_is_refused_with_its_reason(void **state)
{
	char error[DP_ERROR_MAX] = "";
	enum dp_mode mode;

	assert_int_equal(decap_attach(pins, "nowhere0", false, &mode, error), -ENODEV);
	assert_non_null(strstr(error, "nowhere0"));
	assert_int_equal(decap_attach("/proc/self", "dec.0", false, &mode, error), -EINVAL);
	assert_non_null(strstr(error, "bpffs"));
	assert_int_equal(decap_detach(pins, "../escape", error), -EINVAL);
}

/* ---- the world: a network and a mount namespace that end with this process ------------------- */

static int world_make(void **state)
{
	if (sandbox_enter())
		return -1;
	shell("ip link set lo up && ip address add 203.0.113.10/32 dev lo && "
	      "ip address add 10.0.0.2/32 dev lo && ip address add 2001:db8::10/128 dev lo && "
	      "ip address add fd00::2/128 dev lo && ip route add 198.18.0.0/15 dev lo && "
	      "ip route add 2001:db8:18::/48 dev lo && "
	      "ip link add dec.0 type veth peer name dec.1 && "
	      "echo 1 > /proc/sys/net/ipv4/ip_forward && "
	      "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
	pins = sandbox_bpffs;
	object = decap_bpf__open_and_load();
	return object ? 0 : -1;
}

static int world_end(void **state)
{
	decap_bpf__destroy(object);
	return sandbox_leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_comes_out_as_its_row_says),
		cmocka_unit_test(damaged_tunnels_are_left_as_they_came),
		cmocka_unit_test(frames_cut_at_every_length_are_left_as_they_came),
		cmocka_unit_test(a_host_that_forwards_frees_only_what_is_for_itself),
		cmocka_unit_test(attaching_is_seen_counted_and_undone),
		cmocka_unit_test(pins_of_a_gone_interface_do_not_block_its_successor),
		cmocka_unit_test(a_foreign_program_is_never_replaced),
		cmocka_unit_test(what_cannot_be_attached_is_refused_with_its_reason),
	};

	return cmocka_run_group_tests_name("decap", tests, world_make, world_end);
}
