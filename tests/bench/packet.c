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

static void write_ethernet(uint8_t *frame, uint16_t type)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 1 },
			      .h_source = { 2, 0, 0, 0, 0, 9 },
			      .h_proto = htons(type) };

	memcpy(frame, &eth, sizeof(eth));
}

static void write_transport(uint8_t *at, size_t room, const struct packet_spec *p)
{
	struct tcphdr tcp = { .dest = htons(p->port), .doff = 5, .window = htons(512) };
	struct udphdr udp = { .dest = htons(p->port), .len = htons((uint16_t)room) };

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

	ip.tot_len = htons(BENCH_FRAME - ETH_HLEN);
	ip.daddr = to.s_addr;
	write_ethernet(frame, ETH_P_IP);
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	write_transport(frame + ETH_HLEN + sizeof(ip), BENCH_FRAME - ETH_HLEN - sizeof(ip), p);
}

static void write_ipv6(uint8_t *frame, const struct packet_spec *p, const struct in6_addr *to)
{
	struct ipv6hdr ip = { .version = 6, .hop_limit = 64, .nexthdr = p->protocol, .daddr = *to };
	size_t room = BENCH_FRAME - ETH_HLEN - sizeof(ip);

	ip.payload_len = htons((uint16_t)room);
	inet_pton(AF_INET6, "2001:db8:c::", &ip.saddr);
	write_ethernet(frame, ETH_P_IPV6);
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	write_transport(frame + ETH_HLEN + sizeof(ip), room, p);
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
