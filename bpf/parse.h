/* SPDX-License-Identifier: GPL-2.0 */
/* From the wire to addresses, ports and lengths, for plain packets. What cannot be for a service is passed at
 * once. What is odd about a packet that may be for one is only noted: whether it is dropped
 * for that is decided when its service is known, because the host's own traffic is never
 * dropped, however malformed. */
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

static __always_inline void note(struct packet *p, enum ek_drop defect)
{
	if (!p->defect)
		p->defect = defect + 1;
}

/* Ports, and for TCP what affinity needs. A packet whose ports are missing cannot be told to
 * be for a service. */
static __always_inline int parse_transport(struct packet *p, struct cursor *c)
{
	const __be16 *ports = c->at;
	int room = p->room;

	p->syn = 0;
	p->seq = 0;
	if (p->proto == IPPROTO_TCP) {
		const struct tcphdr *tcp = take(c, struct tcphdr);

		if (tcp && room >= (int)sizeof(*tcp)) {
			p->sport = tcp->source;
			p->dport = tcp->dest;
			p->syn = tcp->syn && !tcp->ack && !tcp->rst && !tcp->fin;
			p->seq = bpf_ntohl(tcp->seq);
			if (tcp->doff < 5 || tcp->doff * 4 > room)
				note(p, EK_DROP_BAD_LENGTH);
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
				note(p, EK_DROP_BAD_LENGTH);
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
	note(p, EK_DROP_TRUNCATED);
	return NEXT;
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

/* Does the frame end within the `length` bytes from `at` on? The fast program knows its first buffer
 * only, and leaves what goes on in others to the general one. */
static __always_inline int ends_within(const struct packet *p, const struct cursor *c,
				       const void *at, __u32 length)
{
	if ((long)length <= c->end - at)
		return 0;
	if (!opt_frags)
		return 1;
	if (!p->general)
		tail(p, TAIL_GENERAL);
	return (long)length + (at - (const void *)(long)p->ctx->data) > frame_bytes(p->ctx);
}

static __always_inline void set_ipv4_header(struct packet *p, const struct iphdr *ip,
					    const struct cursor *c)
{
	p->ipv6 = 0;
	p->proto = ip->protocol;
	p->ip_len = bpf_ntohs(ip->tot_len);
	set_ipv4(&p->src, ip->saddr);
	set_ipv4(&p->dst, ip->daddr);
	if (ends_within(p, c, ip, p->ip_len))
		note(p, EK_DROP_TRUNCATED);
}

static __always_inline int parse_ipv4(struct packet *p, struct cursor *c)
{
	const struct iphdr *ip = take(c, struct iphdr);

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return pass();
	if (ip->ihl > 5 || ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_OFFSET)) {
		tail(p, TAIL_GENERAL);
		return pass();
	}
	p->fragment = FRAGMENT_NONE;
	p->transport = sizeof(*ip);
	set_ipv4_header(p, ip, c);
	p->room = p->ip_len - (int)sizeof(*ip);
	return NEXT;
}

static __always_inline void set_ipv6_header(struct packet *p, const struct ipv6hdr *ip,
					    const struct cursor *c)
{
	__u32 payload = bpf_ntohs(ip->payload_len);

	p->ipv6 = 1;
	p->proto = ip->nexthdr;
	p->ip_len = payload + sizeof(*ip);
	set_ipv6(&p->src, &ip->saddr);
	set_ipv6(&p->dst, &ip->daddr);
	if (payload > 0xffff - sizeof(*ip))
		note(p, EK_DROP_BAD_LENGTH);
	if (ends_within(p, c, ip + 1, payload))
		note(p, EK_DROP_TRUNCATED);
	p->room = payload;
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
	set_ipv6_header(p, ip, c);
	return NEXT;
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

/* The ports behind a plain IP header. Where anything is odd about the packet it is looked at
 * again by general.h, so that here nothing needs to be remembered of it. */
static __always_inline int parse_plain_transport(struct packet *p, struct cursor *c)
{
	STEP(parse_transport(p, c));
	if (p->defect) {
		tail(p, TAIL_GENERAL);
		return pass();
	}
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
