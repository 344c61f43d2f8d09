/* SPDX-License-Identifier: GPL-2.0 */
/* An echo request to a service's address becomes its own answer: no backend has to be asked, and
 * no host has to have the address. */
#ifndef EVENKEEL_BPF_ECHO_H
#define EVENKEEL_BPF_ECHO_H

#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "checksum.h"
#include "icmp_header.h"
#include "packet.h"
#include "service.h"
#include "verdict.h"
#include "vlan.h"

/* RFC 1340's default. */
#define ANSWER_TTL 64

/* IPv4 options are a route to take or a trace of the way here, and have no meaning on the way
 * back. */
#define OPTION_WORDS_MAX 10
#define OPTION_NOPS 0x01010101u

static __always_inline int is_echo_request(const struct packet *p, __u8 type)
{
	return type == (p->ipv6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);
}

static __always_inline void swap_macs(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

/* Makes the options ones that mean nothing; returns how many words they are. */
static __always_inline __u32 blank_options(const struct packet *p, struct iphdr *ip)
{
	const void *end = (const void *)(long)p->ctx->data_end;
	__u32 *option = (__u32 *)(ip + 1);
	__u32 words = ip->ihl - 5;

	for (__u32 i = 0; i < OPTION_WORDS_MAX; i++) {
		if (i >= words || (const void *)(option + i + 1) > end)
			break;
		option[i] = OPTION_NOPS;
	}
	return words;
}

static __always_inline void turn_ipv4(const struct packet *p, struct iphdr *ip)
{
	__be32 saddr = ip->saddr;
	const __u16 *word = (const __u16 *)ip;
	__u32 sum;

	ip->saddr = ip->daddr;
	ip->daddr = saddr;
	ip->ttl = ANSWER_TTL;
	ip->check = 0;
	sum = blank_options(p, ip) * 2 * (OPTION_NOPS & 0xffff);
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += word[i];
	ip->check = checksum(sum);
}

static __always_inline void turn_ipv6(struct ipv6hdr *ip)
{
	struct in6_addr saddr = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = saddr;
	ip->hop_limit = ANSWER_TTL;
}

/* The type alone changes, and the order of the addresses, which no checksum sees. Where the sum is
 * 0 it is sent as the other zero, which is right also for an ICMP answer of nothing but zeros. */
static __always_inline void turn_icmp(const struct packet *p, struct icmp_header *h)
{
	__u16 before = *(const __u16 *)h;

	h->type = p->ipv6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY;
	h->check = checksum_replace(h->check, before, *(const __u16 *)h) ?: 0xffff;
}

/* Turns the frame around where it is, tags included. */
static __always_inline int turn(const struct packet *p, __u32 offset)
{
	void *data = (void *)(long)p->ctx->data, *end = (void *)(long)p->ctx->data_end;
	void *ip = data + ETH_HLEN + p->tags * TAG_LENGTH;
	struct icmp_header *h = data + (offset & FRAME_OFFSET_MASK);

	if (data + sizeof(struct ethhdr) > end || (void *)(h + 1) > end)
		return drop(EK_DROP_INTERNAL);
	if (p->ipv6) {
		if (ip + sizeof(struct ipv6hdr) > end)
			return drop(EK_DROP_INTERNAL);
		turn_ipv6(ip);
	} else {
		if (ip + sizeof(struct iphdr) > end)
			return drop(EK_DROP_INTERNAL);
		turn_ipv4(p, ip);
	}
	turn_icmp(p, h);
	swap_macs(data);
	return answer();
}

/* `offset` is that of the ICMP header in the frame. */
static __always_inline int echo(struct packet *p, __u32 offset)
{
	__u32 choice;

	p->sport = p->dport = 0;
	STEP(match_listener(p));
	choice = ek_global_echo(load_once(p->global->flags));
	if (choice == EK_ECHO_PASS)
		return pass();
	if (p->defect)
		return drop(p->defect - 1);
	if (bad_source(p))
		return drop(EK_DROP_BAD_SOURCE);
	return choice == EK_ECHO_DROP ? drop(EK_DROP_ECHO) : turn(p, offset);
}

#endif
