// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "frame.h"
#include "lib/addr.h"

const uint8_t frame_tags[8] = { 0x88, 0xa8, 0x00, 0x05, 0x81, 0x00, 0x60, 0x64 };

uint16_t frame_sum(const uint8_t *bytes, size_t length, uint32_t start)
{
	uint32_t sum = start;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

unsigned int get16(const uint8_t *at)
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

/* ICMP's checksum covers no addresses, ICMPv6's does (RFC 4443 section 2.3). */
static uint32_t icmp_start(const uint8_t *ip, size_t length)
{
	return ip[0] >> 4 == 4 ? 0 : pseudo_sum(ip, IPPROTO_ICMPV6, length);
}

void frame_sum_ipv4(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~frame_sum(ip, frame_ip_header(ip), 0));
}

static void set_protocol(struct frame *f, uint8_t protocol)
{
	uint8_t *ip = f->bytes + FRAME_IP;

	ip[ip[0] >> 4 == 4 ? 9 : 6] = protocol;
	if (ip[0] >> 4 == 4)
		frame_sum_ipv4(ip);
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
		frame_sum_ipv4(ip);
	check = ip + header + (flow->dest.proto == IPPROTO_TCP ? 16 : 6);
	put16(check, (uint16_t)~frame_sum(ip + header, transport,
					  pseudo_sum(ip, flow->dest.proto, transport)));
	if (flow->dest.proto == IPPROTO_UDP && !get16(check))
		put16(check, 0xffff); /* RFC 768: 0 would say that there is none */
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

static void address(struct ek_addr *out, const char *text)
{
	const char *why = NULL;

	if (addr_parse(out, text, &why))
		fail_msg("%s: %s", text, why);
}

void frame_build_icmp(struct frame *f, const struct message *m)
{
	struct flow_spec flow = {};
	uint8_t *icmp;
	size_t length = 8 + m->length;

	address(&flow.source.addr, m->from);
	address(&flow.dest.addr, m->to);
	flow.dest.proto = IPPROTO_UDP; /* of the least header: it is written over */
	frame_build_flow(f, &flow, &(struct segment){ .payload = m->length });
	icmp = f->bytes + FRAME_IP + frame_ip_header(f->bytes + FRAME_IP);
	memset(icmp, 0, 8);
	icmp[0] = m->type;
	icmp[1] = m->code;
	put32(icmp + 4, m->rest);
	if (m->length)
		memcpy(icmp + 8, m->body, m->length);
	set_protocol(f, addr_is_ipv4(&flow.dest.addr) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	put16(icmp + 2,
	      (uint16_t)~frame_sum(icmp, length, icmp_start(f->bytes + FRAME_IP, length)));
}

void frame_insert(struct frame *f, size_t offset, const void *bytes, size_t length)
{
	memmove(f->bytes + offset + length, f->bytes + offset, f->length - offset);
	memcpy(f->bytes + offset, bytes, length);
	f->length += length;
}

void frame_tag(struct frame *f, size_t tags)
{
	frame_insert(f, 12, frame_tags + 4 * (2 - tags), 4 * tags);
}

void frame_extend(struct frame *f, size_t at, uint8_t type, uint8_t more, uint8_t segments_left)
{
	uint8_t header[8 + 8 * 255] = { [1] = more, [3] = segments_left };
	size_t length = 8 + 8 * (size_t)more;
	uint8_t *ip = f->bytes + at;

	header[0] = ip[6];
	ip[6] = type;
	put16(ip + 4, (unsigned int)(get16(ip + 4) + length));
	frame_insert(f, at + 40, header, length);
}

void frame_options(struct frame *f, size_t at, const uint8_t *options, size_t length)
{
	uint8_t *ip = f->bytes + at;

	frame_insert(f, at + frame_ip_header(ip), options, length);
	ip[0] += (uint8_t)(length / 4);
	put16(ip + 2, (unsigned int)(get16(ip + 2) + length));
	frame_sum_ipv4(ip);
}

static void fragment4(struct frame *out, const struct frame *whole, uint16_t id, size_t from,
		      size_t length)
{
	const uint8_t *payload = whole->bytes + FRAME_IP + 20;
	size_t all = whole->length - FRAME_IP - 20;
	uint8_t *ip = out->bytes + FRAME_IP;

	memcpy(out->bytes, whole->bytes, FRAME_IP + 20);
	memcpy(ip + 20, payload + from, length);
	out->length = FRAME_IP + 20 + length;
	put16(ip + 2, (unsigned int)(20 + length));
	put16(ip + 4, id);
	put16(ip + 6, (from + length < all ? 0x2000u : 0) | (unsigned int)(from / 8));
	frame_sum_ipv4(ip);
}

static void fragment6(struct frame *out, const struct frame *whole, uint16_t id, size_t from,
		      size_t length)
{
	const uint8_t *payload = whole->bytes + FRAME_IP + 40;
	size_t all = whole->length - FRAME_IP - 40;
	uint8_t *ip = out->bytes + FRAME_IP;

	memcpy(out->bytes, whole->bytes, FRAME_IP + 40);
	memset(ip + 40, 0, 8);
	ip[40] = ip[6];
	ip[6] = IPPROTO_FRAGMENT;
	put16(ip + 42, (unsigned int)from | (from + length < all));
	put16(ip + 46, id);
	memcpy(ip + 48, payload + from, length);
	out->length = FRAME_IP + 48 + length;
	put16(ip + 4, (unsigned int)(8 + length));
}

void frame_fragment(struct frame *out, const struct frame *whole, uint16_t id, size_t from,
		    size_t length)
{
	bool ipv4 = whole->bytes[FRAME_IP] >> 4 == 4;

	(ipv4 ? fragment4 : fragment6)(out, whole, id, from, length);
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
	/* Options and routing headers: type of the next, length in 8 bytes without the first 8. */
	while (!ipv4 &&
	       (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS) &&
	       header + 8 <= total) {
		proto = ip[header];
		header += 8 + 8 * (size_t)ip[header + 1];
	}
	if (header > total)
		return false;
	if (proto == IPPROTO_ICMP)
		return frame_sum(ip + header, total - header, 0) == 0xffff;
	if (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6)
		return frame_is_sound(f, at + header);
	return frame_sum(ip + header, total - header, pseudo_sum(ip, proto, total - header)) ==
	       0xffff;
}
