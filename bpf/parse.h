/* SPDX-License-Identifier: GPL-2.0 */
/* From the wire to addresses, ports and lengths, for plain packets. What cannot be for a service is
 * passed at once. Whether what is odd about a packet is a reason to drop it is decided when its
 * service is known, because the host's own traffic is never dropped, however malformed. */
#ifndef EVENKEEL_BPF_PARSE_H
#define EVENKEEL_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "cursor.h"
#include "frame.h"
#include "packet.h"
#include "tail.h"
#include "verdict.h"

#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET 0x1fff
#define IPV4_PLAIN 0x45 /* version 4, five words: no options */

static __always_inline void set_ipv4(struct ek_addr *a, __be32 ipv4)
{
	a->words[0] = 0;
	a->words[1] = (__u64)ipv4 << 32 | 0xffff0000ull;
}

static __always_inline void set_ipv6(struct ek_addr *a, const struct in6_addr *ipv6)
{
	const __u64 *words = (const __u64 *)ipv6;

	a->words[0] = words[0];
	a->words[1] = words[1];
}

static __always_inline int is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* Where anything is odd about a packet the fast program leaves it to general.h, so that it needs to
 * remember nothing of it; there it is noted. */
static __always_inline int odd(struct packet *p, enum ek_drop defect)
{
	if (!p->general) {
		tail(p, TAIL_GENERAL);
		return pass();
	}
	if (!p->defect)
		p->defect = defect + 1;
	return NEXT;
}

/* Ports, and for TCP what affinity needs. A packet whose ports are missing cannot be told to
 * be for a service. */
static __always_inline int parse_transport(struct packet *p, struct cursor *c)
{
	const __be16 *ports = c->at;
	int room = p->room;

	p->syn = 0;
	if (p->proto == IPPROTO_TCP) {
		const struct tcphdr *tcp = take(c, struct tcphdr);

		if (tcp && room >= (int)sizeof(*tcp)) {
			p->sport = tcp->source;
			p->dport = tcp->dest;
			p->syn = tcp->syn && !tcp->ack && !tcp->rst && !tcp->fin;
			if (tcp->doff < 5 || tcp->doff * 4 > room)
				return odd(p, EK_DROP_BAD_LENGTH);
			return NEXT;
		}
	} else if (p->proto == IPPROTO_UDP) {
		const struct udphdr *udp = take(c, struct udphdr);

		if (udp && room >= (int)sizeof(*udp)) {
			p->sport = udp->source;
			p->dport = udp->dest;
			/* Zero is IPv6's jumbogram (RFC 2675), which has no place in UDP here. */
			if (bpf_ntohs(udp->len) < sizeof(*udp) ||
			    (p->fragment == FRAGMENT_NONE && bpf_ntohs(udp->len) > room))
				return odd(p, EK_DROP_BAD_LENGTH);
			return NEXT;
		}
	} else {
		if (p->proto == (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
			tail(p, TAIL_ICMP);
		return pass();
	}
	if ((const void *)(ports + 2) > c->end || room < 4)
		return pass();
	p->sport = ports[0];
	p->dport = ports[1];
	return odd(p, EK_DROP_TRUNCATED);
}

/* The fast program takes what has its transport header directly behind a plain IP header; the
 * rest of what may be for a service is general.h's. */
static __always_inline int not_plain(struct packet *p, __u8 protocol)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
		tail(p, TAIL_GENERAL);
		break;
	case IPPROTO_ICMPV6:
		tail(p, TAIL_ICMP);
	}
	return pass();
}

/* The frame must not end within the `length` bytes from `at` on. The fast program knows its first
 * buffer only. */
static __always_inline int check_length(struct packet *p, const struct cursor *c, const void *at,
					__u32 length)
{
	long offset;

	if ((long)length <= c->end - at)
		return NEXT;
	offset = at - (const void *)(long)p->ctx->data;
	/* Or clang adds the length to `at`, which Linux 6.1 refuses: it knows no bounds of it. */
	barrier_var(offset);
	if (opt_frags && p->general && (long)length + offset <= frame_bytes(p->ctx))
		return NEXT;
	return odd(p, EK_DROP_TRUNCATED);
}

static __always_inline int set_ipv4_header(struct packet *p, const struct iphdr *ip,
					   const struct cursor *c)
{
	p->ipv6 = 0;
	p->proto = ip->protocol;
	p->ip_len = bpf_ntohs(ip->tot_len);
	set_ipv4(&p->src, ip->saddr);
	set_ipv4(&p->dst, ip->daddr);
	return check_length(p, c, ip, p->ip_len);
}

static __always_inline int parse_ipv4(struct packet *p, struct cursor *c)
{
	const struct iphdr *ip = take(c, struct iphdr);

	if (!ip)
		return pass();
	if (*(const __u8 *)ip != IPV4_PLAIN ||
	    ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_OFFSET)) {
		tail(p, TAIL_GENERAL);
		return pass();
	}
	p->fragment = FRAGMENT_NONE;
	p->transport = sizeof(*ip);
	STEP(set_ipv4_header(p, ip, c));
	p->room = p->ip_len - (int)sizeof(*ip);
	return NEXT;
}

static __always_inline int set_ipv6_header(struct packet *p, const struct ipv6hdr *ip,
					   const struct cursor *c)
{
	__u32 payload = bpf_ntohs(ip->payload_len);

	p->ipv6 = 1;
	p->proto = ip->nexthdr;
	p->ip_len = payload + sizeof(*ip);
	set_ipv6(&p->src, &ip->saddr);
	set_ipv6(&p->dst, &ip->daddr);
	p->room = payload;
	if (payload > 0xffff - sizeof(*ip))
		STEP(odd(p, EK_DROP_BAD_LENGTH));
	return check_length(p, c, ip + 1, payload);
}

static __always_inline int parse_ipv6(struct packet *p, struct cursor *c)
{
	const struct ipv6hdr *ip = take(c, struct ipv6hdr);

	if (!ip || ip->version != 6)
		return pass();
	if (ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_UDP)
		return not_plain(p, ip->nexthdr);
	p->fragment = FRAGMENT_NONE;
	p->transport = sizeof(*ip);
	return set_ipv6_header(p, ip, c);
}

static __noinline int mac_is_known(__u64 mac)
{
	return !!bpf_map_lookup_elem(&macs, &mac);
}

/* Was the frame sent to this host, and to it alone? What is sent to a group is sent to every
 * other balancer too. Almost all come to the one address in the global record. */
static __always_inline int mac_is_ours(__u64 mac)
{
	__u64 usual = core.global.mac;

	return mac == usual || (!(mac & 1) && (!usual || mac_is_known(mac)));
}

/* Ethernet's header; *type is what it says of what follows. */
static __always_inline int parse_ethernet(struct packet *p, struct cursor *c, __be16 *type)
{
	const struct ethhdr *eth = take(c, struct ethhdr);

	__u64 mac;

	if (!eth)
		return pass();
	p->global = &core.global;
	p->defect = 0;
	*type = *(const __be16 *)((const void *)eth + 2 * ETH_ALEN);
	mac = *(const __u64 *)eth & EK_MAC_MASK;
	if (!mac_is_ours(mac))
		return pass();
	return NEXT;
}

/* Neither IPv4 nor IPv6 stands behind Ethernet's header. */
static __always_inline int not_ip(struct packet *p, __be16 type)
{
	if (is_vlan(type))
		tail(p, TAIL_GENERAL);
	return pass();
}

#endif
