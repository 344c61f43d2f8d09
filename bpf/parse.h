/* SPDX-License-Identifier: GPL-2.0 */
/* From the wire to addresses, ports and lengths. What cannot be for a service is passed at
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
#include "packet.h"
#include "verdict.h"

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
			    (!p->fragment && bpf_ntohs(udp->len) > room))
				note(p, EK_DROP_BAD_LENGTH);
			return NEXT;
		}
	} else {
		return pass();
	}
	if ((const void *)(ports + 2) > c->end || room < 4)
		return pass();
	p->sport = ports[0];
	p->dport = ports[1];
	note(p, EK_DROP_TRUNCATED);
	return NEXT;
}

static __always_inline int parse_ipv4(struct packet *p, struct cursor *c)
{
	const void *start = c->at;
	const struct iphdr *ip = take(c, struct iphdr);
	__u32 header;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return pass();
	/* Later fragments have no ports. */
	if (ip->frag_off & bpf_htons(IPV4_OFFSET))
		return pass();
	p->ipv6 = 0;
	p->fragment = !!(ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS));
	p->proto = ip->protocol;
	p->ip_len = bpf_ntohs(ip->tot_len);
	set_ipv4(&p->src, ip->saddr);
	set_ipv4(&p->dst, ip->daddr);
	if ((long)p->ip_len > c->end - start)
		note(p, EK_DROP_TRUNCATED);
	header = ip->ihl * 4;
	p->room = p->ip_len - header;
	/* Options are skipped; that the header fits is seen when the transport is taken. */
	c->at = start + header;
	return NEXT;
}

static __always_inline int parse_ipv6(struct packet *p, struct cursor *c)
{
	const struct ipv6hdr *ip = take(c, struct ipv6hdr);
	__u32 payload;

	if (!ip || ip->version != 6)
		return pass();
	p->ipv6 = 1;
	p->fragment = 0;
	p->proto = ip->nexthdr;
	payload = bpf_ntohs(ip->payload_len);
	p->ip_len = payload + sizeof(*ip);
	set_ipv6(&p->src, &ip->saddr);
	set_ipv6(&p->dst, &ip->daddr);
	if (payload > 0xffff - sizeof(*ip))
		note(p, EK_DROP_BAD_LENGTH);
	if ((long)payload > c->end - c->at)
		note(p, EK_DROP_TRUNCATED);
	p->room = payload;
	return NEXT;
}

static __always_inline int parse_network(struct packet *p, struct cursor *c)
{
	const struct ethhdr *eth = take(c, struct ethhdr);

	p->defect = 0;
	/* What is sent to a group is not sent to this host alone: were it forwarded, so would be
	 * every other balancer's copy. */
	if (!eth || eth->h_dest[0] & 1)
		return pass();
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(p, c);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(p, c);
	return pass();
}

static __always_inline int parse(struct packet *p)
{
	struct cursor c = cursor_at_start(p->ctx);

	STEP(parse_network(p, &c));
	return parse_transport(p, &c);
}

#endif
