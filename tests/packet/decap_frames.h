/* SPDX-License-Identifier: GPL-2.0 */
/* Frames with tunnels, written as the headers they consist of:
 *
 *	eth, q (802.1Q tag), ad (802.1ad tag)
 *	4, 6      IPv4, IPv6; 4+ with eight bytes of options; "4=41" says protocol 41 whatever
 *	          follows. The innermost is to the service, those around it to the backend.
 *	tcp, udp, icmp, gre, ah
 *	v1, v0    gue: UDP to port 6080; the same with variant 0's header; "v0=47" as above
 *	pad       bytes behind the outer packet that belong to no header
 *
 * Types, protocols, lengths and checksums follow from what comes after a header. */
#ifndef EVENKEEL_TESTS_DECAP_FRAMES_H
#define EVENKEEL_TESTS_DECAP_FRAMES_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evenkeel/abi.h"

#define HEADERS_MAX 12

struct header {
	char kind; /* first letter of its token; '4' and '6' are IP, '1' and '0' gue */
	bool options;
	int forced; /* protocol that it shall name, or -1 */
	size_t at;
};

struct frame {
	_Alignas(8) uint8_t align[2]; /* puts IP headers on 4 bytes, like NET_IP_ALIGN */
	uint8_t bytes[510];
	size_t length, end; /* `end`: without padding */
	struct header headers[HEADERS_MAX];
	size_t count;
};

static const struct protocol {
	const char *token;
	uint8_t number;
	size_t length;
} protocols[] = {
	{ "tcp", IPPROTO_TCP, 20 }, { "udp", IPPROTO_UDP, 8 }, { "icmp", IPPROTO_ICMP, 8 },
	{ "gre", IPPROTO_GRE, 4 },  { "ah", IPPROTO_AH, 12 },
};

static const struct protocol *protocol_of(char kind)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		if (protocols[i].token[0] == kind)
			return &protocols[i];
	}
	return NULL;
}

static size_t header_length(const struct header *h)
{
	switch (h->kind) {
	case 'e':
		return ETH_HLEN;
	case 'q':
	case 'A':
		return 4;
	case '4':
		return sizeof(struct iphdr) + (h->options ? 8 : 0);
	case '6':
		return sizeof(struct ipv6hdr);
	case '1':
		return sizeof(struct udphdr);
	case '0':
		return sizeof(struct udphdr) + EK_GUE_HEADER;
	default:
		return protocol_of(h->kind)->length;
	}
}

static uint16_t ethernet_type(char kind)
{
	return htons(kind == 'q'   ? ETH_P_8021Q
		     : kind == 'A' ? ETH_P_8021AD
		     : kind == '6' ? ETH_P_IPV6
				   : ETH_P_IP);
}

static uint8_t protocol_number(const struct header *h)
{
	if (h[0].forced >= 0)
		return (uint8_t)h[0].forced;
	if (h[1].kind == '1' || h[1].kind == '0')
		return IPPROTO_UDP;
	if (h[1].kind == '4')
		return IPPROTO_IPIP;
	return h[1].kind == '6' ? IPPROTO_IPV6 : protocol_of(h[1].kind)->number;
}

static void ipv4_sum(uint8_t *at)
{
	struct iphdr *ip = (struct iphdr *)at;
	uint32_t sum = 0;

	ip->check = 0;
	for (size_t i = 0; i < ip->ihl * 4u; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ip->check = htons((uint16_t)~sum);
}

static void write_ipv4(struct frame *f, const struct header *h, bool inner)
{
	struct iphdr *ip = (struct iphdr *)(f->bytes + h->at);

	*ip = (struct iphdr){ .version = 4, .ihl = h->options ? 7 : 5, .ttl = inner ? 61 : 64 };
	ip->tot_len = htons((uint16_t)(f->end - h->at));
	ip->protocol = protocol_number(h);
	ip->saddr = inet_addr(inner ? "198.51.100.7" : "10.0.0.1");
	ip->daddr = inet_addr(inner ? "203.0.113.10" : "10.0.0.2");
	if (h->options)
		memset(ip + 1, 1, 8); /* no operation, eight times */
	ipv4_sum(f->bytes + h->at);
}

static void write_ipv6(struct frame *f, const struct header *h, bool inner)
{
	struct ipv6hdr *ip = (struct ipv6hdr *)(f->bytes + h->at);

	*ip = (struct ipv6hdr){ .version = 6, .hop_limit = inner ? 61 : 64 };
	ip->payload_len = htons((uint16_t)(f->end - h->at - sizeof(*ip)));
	ip->nexthdr = protocol_number(h);
	inet_pton(AF_INET6, inner ? "2001:db8:f::7" : "fd00::1", &ip->saddr);
	inet_pton(AF_INET6, inner ? "2001:db8::10" : "fd00::2", &ip->daddr);
}

/* The checksum is left out: the program does not look at it. */
static void write_gue(struct frame *f, const struct header *h)
{
	struct udphdr *udp = (struct udphdr *)(f->bytes + h->at);
	uint8_t *header = (uint8_t *)(udp + 1);

	*udp = (struct udphdr){ .source = htons(50000), .dest = htons(EK_GUE_PORT) };
	udp->len = htons((uint16_t)(f->end - h->at));
	if (h->kind == '1')
		return;
	memset(header, 0, EK_GUE_HEADER);
	header[1] = protocol_number(h);
}

static void lay_out(struct frame *f, const char *text)
{
	char copy[128], *rest = copy, *token;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((token = strtok_r(rest, " ", &rest))) {
		char *forced = strchr(token, '=');
		struct header *h = &f->headers[f->count];

		if (!strcmp(token, "pad")) {
			f->length = f->end + 9;
			continue;
		}
		h->kind = strcmp(token, "ad") ? token[token[0] == 'v'] : 'A';
		h->options = token[1] == '+';
		h->forced = forced ? atoi(forced + 1) : -1;
		h->at = f->end;
		f->end += header_length(h);
		f->count++;
		if (f->count == HEADERS_MAX)
			abort();
	}
	if (!f->length)
		f->length = f->end;
}

static inline struct frame frame(const char *text)
{
	struct frame f = {};
	bool inner = true;

	lay_out(&f, text);
	for (size_t i = 0; i < sizeof(f.bytes); i++)
		f.bytes[i] = (uint8_t)(0xa0 + (f.end - i) % 31);
	for (size_t i = f.count; i-- > 0;) {
		struct header *h = &f.headers[i];
		uint16_t type = ethernet_type(h[1].kind);

		if (h->kind == 'e') {
			memcpy(f.bytes, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 2 * ETH_ALEN);
			memcpy(f.bytes + 12, &type, 2);
		} else if (h->kind == 'q' || h->kind == 'A') {
			memcpy(f.bytes + h->at, h->kind == 'q' ? "\x60\x05" : "\x20\x11", 2);
			memcpy(f.bytes + h->at + 2, &type, 2);
		} else if (h->kind == '4') {
			write_ipv4(&f, h, inner);
			inner = false;
		} else if (h->kind == '6') {
			write_ipv6(&f, h, inner);
			inner = false;
		} else if (h->kind == '1' || h->kind == '0') {
			write_gue(&f, h);
		}
	}
	return f;
}

static inline const struct header *outermost(const struct frame *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->headers[i].kind == '4' || f->headers[i].kind == '6')
			return &f->headers[i];
	}
	return NULL;
}

/* The header behind the outer IP header, if it is gue's. */
static inline const struct header *gue_header(const struct frame *f)
{
	const struct header *h = outermost(f) + 1;

	return h->kind == '1' || h->kind == '0' ? h : NULL;
}

/* What the program takes off: the outer IP header, and gue's. */
static inline size_t tunnel_length(const struct frame *f)
{
	const struct header *gue = gue_header(f);

	return header_length(outermost(f)) + (gue ? header_length(gue) : 0);
}

#endif
