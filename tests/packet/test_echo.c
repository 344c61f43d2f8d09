// SPDX-License-Identifier: GPL-2.0
/* Echo requests to a service's address are answered by the XDP program. */
#include <netinet/in.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "fixture.h"

/* Two services and several listeners share an address. */
#define SERVICES                                                                                   \
	"services:\n"                                                                              \
	"  web:\n"                                                                                 \
	"    listen: [\"203.0.113.10:443/tcp\", \"203.0.113.10:80/tcp\","                          \
	" \"[2001:db8::10]:443/tcp\"]\n"                                                           \
	"    forward: ipip\n"                                                                      \
	"    backends: { a: 10.0.0.1 }\n"                                                          \
	"  dns:\n"                                                                                 \
	"    listen: [\"203.0.113.10:53/udp\", \"[2001:db8::10]:53/udp\"]\n"                       \
	"    backends: { a: 10.0.0.1 }\n"
#define NO_SERVICES                                                                                \
	"services:\n  web:\n    listen: [\"203.0.113.99:443/tcp\"]\n"                              \
	"    backends: { a: 10.0.0.1 }\n"

#define PAYLOAD_MAX 1472 /* with IPv4 and ICMP headers 1500 bytes */
#define FRAGMENT 44
#define DESTINATION 60

static int setup(void **state)
{
	return fixture_begin(state, SERVICES);
}

static void request(struct frame *f, bool ipv6, size_t payload)
{
	static uint8_t body[PAYLOAD_MAX];

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 11 + 3);
	frame_build_icmp(f, &(struct message){ .from = ipv6 ? "2001:db8:1::7" : "198.51.100.7",
					       .to = ipv6 ? "2001:db8::10" : "203.0.113.10",
					       .type = ipv6 ? 128 : 8,
					       .rest = 0xfeff0001,
					       .body = body,
					       .length = payload });
}

/* The answer has the request's bytes but for what an answer changes. `ip` is where it begins, of
 * `header` bytes with all that stands in front of the ICMP header. */
static void expect_answer(const struct fixture *x, const struct frame *in, size_t ip, size_t header)
{
	uint64_t before = fixture_verdicts(x).answered;
	struct frame out;
	bool ipv6 = in->bytes[ip] >> 4 == 6;
	size_t source = ip + (ipv6 ? 8 : 12), address = ipv6 ? 16 : 4, icmp = ip + header;

	assert_int_equal(fixture_run(x, in, &out), XDP_TX);
	assert_int_equal(fixture_verdicts(x).answered, before + 1);
	assert_int_equal(out.length, in->length);
	assert_memory_equal(out.bytes, in->bytes + 6, 6);
	assert_memory_equal(out.bytes + 6, in->bytes, 6);
	assert_memory_equal(out.bytes + 12, in->bytes + 12, ip - 12);
	assert_memory_equal(out.bytes + source, in->bytes + source + address, address);
	assert_memory_equal(out.bytes + source + address, in->bytes + source, address);
	assert_int_equal(out.bytes[ip + (ipv6 ? 7 : 8)], 64);
	assert_int_equal(out.bytes[icmp], ipv6 ? 129 : 0);
	assert_memory_equal(out.bytes + icmp + 4, in->bytes + icmp + 4, in->length - icmp - 4);
	assert_true(frame_is_sound(&out, ip));
}

static void expect_passed(const struct fixture *x, const struct frame *in)
{
	uint64_t before = fixture_verdicts(x).passed;
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_PASS);
	assert_int_equal(fixture_verdicts(x).passed, before + 1);
	assert_int_equal(out.length, in->length);
	assert_memory_equal(out.bytes, in->bytes, in->length);
}

static void expect_dropped(const struct fixture *x, const struct frame *in, enum ek_drop reason)
{
	uint64_t before = fixture_dropped(x, reason);
	struct frame out;

	assert_int_equal(fixture_run(x, in, &out), XDP_DROP);
	assert_int_equal(fixture_dropped(x, reason), before + 1);
}

static size_t header_of(bool ipv6)
{
	return ipv6 ? 40 : 20;
}

static void requests_of_all_sizes_are_answered(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 56, 57, 1000, PAYLOAD_MAX - 20, PAYLOAD_MAX };

	for (unsigned int i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct frame in;

		request(&in, i % 2, sizes[i / 2]);
		expect_answer(*state, &in, FRAME_IP, header_of(i % 2));
	}
}

/* Whatever the checksum is, the update keeps the one's complement sum right, its two zeros too. */
static void every_checksum_is_updated_rightly(void **state)
{
	for (unsigned int i = 0; i < 2 * 4096; i++) {
		uint8_t body[2] = { (uint8_t)(i / 2 >> 8), (uint8_t)(i / 2) };
		bool ipv6 = i % 2;
		struct frame in;

		frame_build_icmp(&in,
				 &(struct message){ .from = ipv6 ? "2001:db8:1::7" : "8.8.8.8",
						    .to = ipv6 ? "2001:db8::10" : "203.0.113.10",
						    .type = ipv6 ? 128 : 8,
						    .rest = 0xf0000000,
						    .body = body,
						    .length = 2 });
		expect_answer(*state, &in, FRAME_IP, header_of(ipv6));
	}
}

/* One's complement has two zeros, and nothing but zeros sums to one of them only. */
static void a_request_of_zeros_is_answered_with_a_right_checksum(void **state)
{
	static const uint8_t zeros[56];

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame in;

		frame_build_icmp(&in,
				 &(struct message){ .from = ipv6 ? "2001:db8:1::7" : "8.8.8.8",
						    .to = ipv6 ? "2001:db8::10" : "203.0.113.10",
						    .type = ipv6 ? 128 : 8,
						    .body = zeros,
						    .length = sizeof(zeros) });
		expect_answer(*state, &in, FRAME_IP, header_of(ipv6));
	}
}

static void a_wrong_checksum_stays_wrong(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame in, out;

		request(&in, ipv6, 56);
		in.bytes[in.length - 1] ^= 0x10;
		assert_int_equal(fixture_run(*state, &in, &out), XDP_TX);
		assert_false(frame_is_sound(&out, FRAME_IP));
	}
}

static void tags_and_extension_headers_are_kept(void **state)
{
	for (unsigned int i = 0; i < 4; i++) {
		size_t length = i / 2 ? 8 : 4;
		struct frame in;

		request(&in, i % 2, 56);
		frame_tag(&in, length / 4);
		expect_answer(*state, &in, FRAME_IP + length, header_of(i % 2));
		if (i % 2 == 0)
			continue;
		frame_extend(&in, FRAME_IP + length, DESTINATION, 2, 0);
		expect_answer(*state, &in, FRAME_IP + length, 40 + 24);
		frame_extend(&in, FRAME_IP + length, 0, 0, 0);
		expect_answer(*state, &in, FRAME_IP + length, 40 + 32);
	}
}

/* A route to take back, or a trace of the way here, would be wrong in an answer. */
static void ipv4_options_are_blanked_in_the_answer(void **state)
{
	static const uint8_t route[40] = { 131, 7, 4, 10, 0, 0, 1, 1, 7, 32, 4 };
	const struct fixture *x = *state;

	for (size_t length = 4; length <= 40; length += 4) {
		struct frame in, out;

		request(&in, false, 56);
		frame_options(&in, FRAME_IP, route, length);
		expect_answer(x, &in, FRAME_IP, 20 + length);
		assert_int_equal(fixture_run(x, &in, &out), XDP_TX);
		for (size_t i = 0; i < length; i++)
			assert_int_equal(out.bytes[FRAME_IP + 20 + i], 1);
	}
}

static void what_is_no_services_address_is_passed(void **state)
{
	struct fixture *x = *state;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		size_t dest = FRAME_IP + (ipv6 ? 39 : 19);
		struct frame in;

		request(&in, ipv6, 56);
		in.bytes[dest] ^= 1;
		expect_passed(x, &in);
		in.bytes[dest] ^= 1;
		fixture_install(x, NO_SERVICES);
		expect_passed(x, &in);
		fixture_install(x, SERVICES);
		expect_answer(x, &in, FRAME_IP, header_of(ipv6));
	}
}

static void what_is_no_request_is_passed(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		size_t type = FRAME_IP + header_of(ipv6);
		struct frame in;

		request(&in, ipv6, 56);
		in.bytes[type] = ipv6 ? 129 : 0;
		expect_passed(*state, &in);
		in.bytes[type] = ipv6 ? 8 : 128; /* the other family's request */
		expect_passed(*state, &in);
		request(&in, ipv6, 56); /* under the other family's protocol number */
		in.bytes[FRAME_IP + (ipv6 ? 6 : 9)] = ipv6 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		expect_passed(*state, &in);
	}
}

static void a_request_in_fragments_is_passed(void **state)
{
	struct frame in;

	request(&in, false, 56);
	in.bytes[FRAME_IP + 6] = 0x20;
	expect_passed(*state, &in);
	request(&in, true, 56);
	frame_extend(&in, FRAME_IP, FRAGMENT, 0, 0);
	in.bytes[FRAME_IP + 40 + 3] = 1;
	expect_passed(*state, &in);
}

static void a_request_from_nobody_is_dropped(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		size_t source = FRAME_IP + (ipv6 ? 8 : 12), address = ipv6 ? 16 : 4;
		struct frame in;

		request(&in, ipv6, 56);
		in.bytes[source] = 0xff;
		expect_dropped(*state, &in, EK_DROP_BAD_SOURCE);
		request(&in, ipv6, 56);
		memset(in.bytes + source, 0, address);
		expect_dropped(*state, &in, EK_DROP_BAD_SOURCE);
		request(&in, ipv6, 56);
		memcpy(in.bytes + source, in.bytes + source + address, address);
		expect_dropped(*state, &in, EK_DROP_BAD_SOURCE);
	}
}

static void a_request_cut_short_is_dropped_by_name(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame in;

		request(&in, ipv6, 56);
		for (size_t cut = in.length - 1; cut >= FRAME_IP + header_of(ipv6) + 8; cut--) {
			in.length = cut;
			expect_dropped(*state, &in, EK_DROP_TRUNCATED);
		}
		in.length--;
		expect_passed(*state, &in);
	}
}

static void a_frame_to_another_hosts_mac_address_is_passed(void **state)
{
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 3 };
	struct fixture *x = *state;

	assert_int_equal(dp_macs_set(x->dp, &other, 1), 0);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame in;

		request(&in, ipv6, 56);
		expect_passed(x, &in);
		memcpy(in.bytes, other, 6);
		expect_answer(x, &in, FRAME_IP, header_of(ipv6));
	}
	assert_int_equal(dp_macs_set(x->dp, NULL, 0), 0);
}

static void the_configuration_decides(void **state)
{
	struct fixture *x = *state;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame in, cut;

		request(&in, ipv6, 56);
		cut = in;
		cut.length -= 10;
		fixture_install(x, "echo: drop\n" SERVICES);
		expect_dropped(x, &in, EK_DROP_ECHO);
		in.bytes[FRAME_IP + (ipv6 ? 39 : 19)] ^= 1;
		expect_passed(x, &in);
		in.bytes[FRAME_IP + (ipv6 ? 39 : 19)] ^= 1;
		fixture_install(x, "echo: pass\n" SERVICES);
		expect_passed(x, &in);
		expect_passed(x, &cut);
		fixture_install(x, "echo: answer\n" SERVICES);
		expect_answer(x, &in, FRAME_IP, header_of(ipv6));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_of_all_sizes_are_answered),
		cmocka_unit_test(every_checksum_is_updated_rightly),
		cmocka_unit_test(a_request_of_zeros_is_answered_with_a_right_checksum),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(tags_and_extension_headers_are_kept),
		cmocka_unit_test(ipv4_options_are_blanked_in_the_answer),
		cmocka_unit_test(what_is_no_services_address_is_passed),
		cmocka_unit_test(what_is_no_request_is_passed),
		cmocka_unit_test(a_request_in_fragments_is_passed),
		cmocka_unit_test(a_request_from_nobody_is_dropped),
		cmocka_unit_test(a_request_cut_short_is_dropped_by_name),
		cmocka_unit_test(a_frame_to_another_hosts_mac_address_is_passed),
		cmocka_unit_test(the_configuration_decides),
	};

	return cmocka_run_group_tests_name("echo", tests, setup, fixture_end);
}
