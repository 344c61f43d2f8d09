// SPDX-License-Identifier: GPL-2.0
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "quic_case.h"

static void put(struct datagram *d, const void *bytes, size_t length)
{
	assert_true(d->length + length <= sizeof(d->bytes));
	memcpy(d->bytes + d->length, bytes, length);
	d->length += length;
}

static void put_cid(struct datagram *d, const struct cid *cid)
{
	uint8_t bytes[256];

	memset(bytes, 0xee, sizeof(bytes));
	for (unsigned int i = 0; i < cid->size; i++)
		bytes[cid->offset + i] = (uint8_t)(cid->number >> 8 * (cid->size - 1 - i));
	put(d, bytes, cid->length);
}

static void put_rest(struct datagram *d)
{
	uint8_t bytes[30];

	memset(bytes, 0xdd, sizeof(bytes));
	put(d, bytes, sizeof(bytes));
}

void quic_short(struct datagram *d, uint8_t first, const struct cid *cid)
{
	d->length = 0;
	put(d, &first, 1);
	put_cid(d, cid);
	put_rest(d);
}

void quic_long(struct datagram *d, uint8_t first, uint32_t version, const struct cid *cid)
{
	const uint8_t header[] = { first,
				   (uint8_t)(version >> 24),
				   (uint8_t)(version >> 16),
				   (uint8_t)(version >> 8),
				   (uint8_t)version,
				   cid->length };

	d->length = 0;
	put(d, header, sizeof(header));
	put_cid(d, cid);
	put(d, "", 1);
	put_rest(d);
}

void quic_build(struct frame *f, const char *flow, const struct datagram *d)
{
	uint8_t *ip = f->bytes + FRAME_IP, *udp;
	bool ipv4;
	uint32_t pseudo;
	uint16_t sum;

	frame_build(f, &(struct segment){ .flow = flow, .payload = d->length });
	ipv4 = ip[0] >> 4 == 4;
	udp = ip + frame_ip_header(ip);
	memcpy(udp + 8, d->bytes, d->length);
	memset(udp + 6, 0, 2);
	pseudo = ipv4 ? frame_sum(ip + 12, 8, 0) : frame_sum(ip + 8, 32, 0);
	pseudo += IPPROTO_UDP + 8 + (uint32_t)d->length;
	sum = (uint16_t)~frame_sum(udp, 8 + d->length, pseudo);
	udp[6] = (uint8_t)(sum >> 8);
	udp[7] = (uint8_t)sum;
	assert_true(frame_is_sound(f, FRAME_IP));
}

uint32_t quic_send(const struct fixture *x, const char *service, const char *flow,
		   const struct datagram *d)
{
	struct frame in, out;
	size_t packet;

	quic_build(&in, flow, d);
	packet = in.length - FRAME_IP;
	if (fixture_run(x, &in, &out) != XDP_TX)
		fail_msg("%s: %zu bytes are not forwarded", flow, d->length);
	assert_memory_equal(out.bytes + out.length - packet, in.bytes + FRAME_IP, packet);
	return fixture_backend_of(x, service, &out);
}

uint32_t quic_owner(const struct fixture *x, const char *service, const char *flow)
{
	static const struct datagram empty;

	return quic_send(x, service, flow, &empty);
}

const char *quic_flow(char text[static 96], unsigned int i, unsigned int port)
{
	snprintf(text, 96,
		 i % 2 ? "[2001:db8:%x::%x]:40000 > [2001:db8::10]:%u/udp"
		       : "198.51.%u.%u:40000 > 203.0.113.10:%u/udp",
		 100 + i / 200, 1 + i % 200, port);
	return text;
}
