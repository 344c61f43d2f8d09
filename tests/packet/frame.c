// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "frame.h"
#include "lib/addr.h"

uint16_t frame_sum(const uint8_t *bytes, size_t length, uint32_t start)
{
	uint32_t sum = start;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

size_t frame_ip_header(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? (size_t)(ip[0] & 15) * 4 : 40;
}

/* The pseudo header's sum: both addresses, protocol, length. */
static uint32_t pseudo_sum(const uint8_t *ip, uint8_t proto, size_t length)
{
	bool ipv4 = ip[0] >> 4 == 4;
	uint32_t sum = ipv4 ? frame_sum(ip + 12, 8, 0) : frame_sum(ip + 8, 32, 0);

	return sum + proto + (uint32_t)length;
}

static size_t put_transport(uint8_t *at, const struct flow_spec *flow, const struct segment *s)
{
	size_t header = flow->dest.proto == IPPROTO_TCP ? 20 : 8;

	memset(at, 0, header);
	put16(at, flow->source.port);
	put16(at + 2, flow->dest.port);
	if (flow->dest.proto == IPPROTO_TCP) {
		put32(at + 4, s->seq);
		at[12] = 5 << 4;
		at[13] = s->tcp_flags;
		put16(at + 14, 65535);
	} else {
		put16(at + 4, (unsigned int)(header + s->payload));
	}
	for (size_t i = 0; i < s->payload; i++)
		at[header + i] = (uint8_t)(i * 7 + 1);
	return header + s->payload;
}

static size_t put_ipv4(uint8_t *ip, const struct flow_spec *flow)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[6] = 0x40;
	ip[8] = 61;
	ip[9] = flow->dest.proto;
	memcpy(ip + 12, flow->source.addr.bytes + 12, 4);
	memcpy(ip + 16, flow->dest.addr.bytes + 12, 4);
	return 20;
}

static size_t put_ipv6(uint8_t *ip, const struct flow_spec *flow)
{
	memset(ip, 0, 40);
	ip[0] = 0x60;
	ip[6] = flow->dest.proto;
	ip[7] = 61;
	memcpy(ip + 8, flow->source.addr.bytes, 16);
	memcpy(ip + 24, flow->dest.addr.bytes, 16);
	return 40;
}

void frame_build_flow(struct frame *f, const struct flow_spec *flow, const struct segment *s)
{
	static const uint8_t ethernet[12] = { 2, 0, 0, 0, 0, 0xee, 2, 0, 0, 0, 0, 0xaa };
	bool ipv4 = addr_is_ipv4(&flow->dest.addr);
	uint8_t *ip = f->bytes + FRAME_IP;
	size_t header, transport;
	uint8_t *check;

	memcpy(f->bytes, ethernet, sizeof(ethernet));
	put16(f->bytes + 12, ipv4 ? 0x0800 : 0x86dd);
	header = ipv4 ? put_ipv4(ip, flow) : put_ipv6(ip, flow);
	transport = put_transport(ip + header, flow, s);
	put16(ip + (ipv4 ? 2 : 4), (unsigned int)(ipv4 ? header + transport : transport));
	if (ipv4)
		put16(ip + 10, (uint16_t)~frame_sum(ip, 20, 0));
	check = ip + header + (flow->dest.proto == IPPROTO_TCP ? 16 : 6);
	put16(check, (uint16_t)~frame_sum(ip + header, transport,
					  pseudo_sum(ip, flow->dest.proto, transport)));
	f->length = FRAME_IP + header + transport;
}

void frame_build(struct frame *f, const struct segment *s)
{
	struct flow_spec flow;
	const char *why = NULL;

	if (flow_spec_parse(&flow, s->flow, &why))
		fail_msg("%s: %s", s->flow, why);
	frame_build_flow(f, &flow, s);
}

bool frame_is_sound(const struct frame *f, size_t at)
{
	const uint8_t *ip = f->bytes + at;
	bool ipv4 = ip[0] >> 4 == 4;
	size_t header = frame_ip_header(ip);
	size_t total = ipv4 ? get16(ip + 2) : 40 + get16(ip + 4);
	uint8_t proto = ipv4 ? ip[9] : ip[6];

	if (at + total > f->length || (ipv4 && frame_sum(ip, header, 0) != 0xffff))
		return false;
	if (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6)
		return frame_is_sound(f, at + header);
	return frame_sum(ip + header, total - header, pseudo_sum(ip, proto, total - header)) ==
	       0xffff;
}
