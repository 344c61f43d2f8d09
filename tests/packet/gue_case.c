// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "gue_case.h"

/* One service per way to encapsulate: its backends' family, variant, checksum. */
#define SERVICE(name, port, backend, options)                                                      \
	"  " name ":\n"                                                                            \
	"    listen: [\"203.0.113.10:" port "/tcp\", \"[2001:db8::10]:" port "/tcp\",\n"           \
	"             \"203.0.113.10:" port "/udp\", \"[2001:db8::10]:" port "/udp\"]\n"           \
	"    forward: gue\n" options "    backends: { a: \"" backend "\" }\n"

const char gue_configuration[] = "services:\n" SERVICE("four1", "41", "10.0.0.1", "")
	SERVICE("four0", "40", "10.0.0.1", "    gue: { variant: 0 }\n")
		SERVICE("six1", "61", "fd00::1", "")
			SERVICE("six0", "60", "fd00::1", "    gue: { variant: 0 }\n")
				SERVICE("bare1", "62", "fd00::1", "    gue: { checksum: false }\n")
					SERVICE("bare0", "63", "fd00::1",
						"    gue: { variant: 0, checksum: false }\n");

const struct way ways[WAYS] = {
	{ 41, false, 1, false }, { 40, false, 0, false }, { 61, true, 1, true },
	{ 60, true, 0, true },   { 62, true, 1, false },  { 63, true, 0, false },
};

int gue_setup(void **state)
{
	return fixture_begin(state, gue_configuration);
}

size_t overhead(const struct way *w)
{
	return (w->ipv6 ? 40 : 20) + 8 + (w->variant ? 0 : 4);
}

/* Reads the outer IP header; returns UDP's offset. */
static size_t expect_ip(const struct frame *out, const struct way *w)
{
	const uint8_t *ip = out->bytes + FRAME_IP;
	size_t length = out->length - FRAME_IP;

	if (w->ipv6) {
		assert_int_equal(get16(out->bytes + 12), 0x86dd);
		assert_int_equal(ip[0] >> 4, 6);
		assert_int_equal(get16(ip + 4), length - 40);
		assert_int_equal(ip[6], IPPROTO_UDP);
		return FRAME_IP + 40;
	}
	assert_int_equal(get16(out->bytes + 12), 0x0800);
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(get16(ip + 2), length);
	assert_int_equal(ip[9], IPPROTO_UDP);
	assert_int_equal(frame_sum(ip, 20, 0), 0xffff);
	return FRAME_IP + 20;
}

uint16_t gue_sum(const struct frame *out)
{
	size_t at = FRAME_IP + 40, length = out->length - at;
	uint32_t pseudo =
		frame_sum(out->bytes + FRAME_IP + 8, 32, 0) + IPPROTO_UDP + (uint32_t)length;

	return frame_sum(out->bytes + at, length, pseudo);
}

void expect_gue(const struct frame *out, const struct frame *in, const struct way *w)
{
	size_t inner = in->length - FRAME_IP, at;
	const uint8_t *udp;

	assert_int_equal(out->length, in->length + overhead(w));
	at = expect_ip(out, w);
	udp = out->bytes + at;
	assert_in_range(get16(udp), 49152, 65535);
	assert_int_equal(get16(udp + 2), 6080);
	assert_int_equal(get16(udp + 4), out->length - at);
	if (w->checksum) {
		assert_int_not_equal(get16(udp + 6), 0);
		assert_int_equal(gue_sum(out), 0xffff);
	} else {
		assert_int_equal(get16(udp + 6), 0);
	}
	if (!w->variant) {
		const uint8_t header[4] = { 0, in->bytes[FRAME_IP] >> 4 == 4 ? 4 : 41, 0, 0 };

		assert_memory_equal(udp + 8, header, sizeof(header));
	}
	assert_memory_equal(out->bytes + out->length - inner, in->bytes + FRAME_IP, inner);
}

void run(const struct fixture *x, const struct frame *in, struct frame *out)
{
	assert_int_equal(fixture_run(x, in, out), XDP_TX);
}

bool inner_is_ipv6(enum inner i)
{
	return i >= TCP6;
}

bool inner_is_tcp(enum inner i)
{
	return i == TCP4 || i == TCP6;
}

void build(struct frame *f, enum inner i, const struct way *w, unsigned int port, size_t payload)
{
	char flow[96];
	size_t header = inner_is_ipv6(i) ? 40 : 20;

	snprintf(flow, sizeof(flow),
		 inner_is_ipv6(i) ? "[2001:db8:1::7]:%u > [2001:db8::10]:%u/%s"
				  : "198.51.100.7:%u > 203.0.113.10:%u/%s",
		 port, w->port, inner_is_tcp(i) ? "tcp" : "udp");
	frame_build(f, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK, .payload = payload });
	if (i == BARE4 || i == BARE6)
		put16(f->bytes + FRAME_IP + header + 6, 0);
}
