// SPDX-License-Identifier: GPL-2.0
#include "packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <string.h>

const uint8_t packet_mac[6] = { 2, 0, 0, 0, 0, 1 };

static void write_ethernet(uint8_t *frame, uint16_t type)
{
	struct ethhdr eth = { .h_source = { 2, 0, 0, 0, 0, 9 }, .h_proto = htons(type) };

	memcpy(eth.h_dest, packet_mac, sizeof(eth.h_dest));
	memcpy(frame, &eth, sizeof(eth));
}

/* BENCH_RESTORED ends within the TCP header behind an IPv6 extension; the frame does not. */
static void write_transport(uint8_t *at, size_t room, const struct packet_spec *p)
{
	struct tcphdr tcp = {
		.source = htons(40000), .dest = htons(p->port), .doff = 5, .window = htons(512)
	};
	struct udphdr udp = { .source = htons(40000),
			      .dest = htons(p->port),
			      .len = htons((uint16_t)room) };

	tcp.seq = htonl(p->flags & PACKET_SYN ? PACKET_ISN : PACKET_ISN + 1);
	if (p->protocol == IPPROTO_UDP) {
		memcpy(at, &udp, sizeof(udp));
	} else if (p->protocol == IPPROTO_TCP) {
		memcpy(at, &tcp, sizeof(tcp));
		at[13] = p->flags;
	} else {
		at[0] = 8; /* echo request */
	}
}

static void write_ipv4(uint8_t *frame, const struct packet_spec *p, struct in_addr to)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = p->protocol };
	size_t header = sizeof(ip);

	ip.tot_len = htons(BENCH_FRAME - ETH_HLEN);
	ip.daddr = to.s_addr;
	if (p->shape == PACKET_FRAGMENT)
		ip.frag_off = htons(0x2000);
	else if (p->shape == PACKET_LATER_FRAGMENT)
		ip.frag_off = htons(185); /* 1480 bytes on */
	if (p->shape == PACKET_OPTIONS) {
		ip.ihl = 6;
		memset(frame + ETH_HLEN + header, 1, 4);
		header += 4;
	}
	write_ethernet(frame, ETH_P_IP);
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	write_transport(frame + ETH_HLEN + header, BENCH_FRAME - ETH_HLEN - header, p);
}

/* An IPv6 extension header of eight bytes; returns its size. */
static size_t write_extension(uint8_t *at, const struct packet_spec *p)
{
	static const uint8_t padding[8] = { [2] = 1, [3] = 4 };

	if (p->shape == PACKET_PLAIN)
		return 0;
	memcpy(at, padding, sizeof(padding));
	at[0] = p->protocol;
	if (p->shape == PACKET_OPTIONS)
		return sizeof(padding);
	/* An offset of 1448 bytes, or 0, and more to come; then the identification. */
	at[2] = p->shape == PACKET_LATER_FRAGMENT ? 1448 >> 8 : 0;
	at[3] = (p->shape == PACKET_LATER_FRAGMENT ? 1448 & 0xff : 0) | 1;
	return sizeof(padding);
}

static uint8_t next_header(const struct packet_spec *p)
{
	if (p->shape == PACKET_PLAIN)
		return p->protocol;
	return p->shape == PACKET_OPTIONS ? IPPROTO_HOPOPTS : IPPROTO_FRAGMENT;
}

static void write_ipv6(uint8_t *frame, const struct packet_spec *p, const struct in6_addr *to)
{
	struct ipv6hdr ip = { .version = 6, .hop_limit = 64, .daddr = *to };
	size_t room = BENCH_FRAME - ETH_HLEN - sizeof(ip);
	uint8_t *at = frame + ETH_HLEN + sizeof(ip);
	size_t extension;

	ip.nexthdr = next_header(p);
	ip.payload_len = htons((uint16_t)room);
	inet_pton(AF_INET6, "2001:db8:c::", &ip.saddr);
	write_ethernet(frame, ETH_P_IPV6);
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	extension = write_extension(at, p);
	write_transport(at + extension, room - extension, p);
}

void packet_write(uint8_t frame[static BENCH_FRAME], const struct packet_spec *p)
{
	struct in6_addr to6;
	struct in_addr to4;

	memset(frame, 0, BENCH_FRAME);
	if (!p->to)
		write_ethernet(frame, 0x88b5); /* IEEE's for local experiments */
	else if (inet_pton(AF_INET, p->to, &to4) == 1)
		write_ipv4(frame, p, to4);
	else if (inet_pton(AF_INET6, p->to, &to6) == 1)
		write_ipv6(frame, p, &to6);
}
