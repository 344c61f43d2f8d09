/* SPDX-License-Identifier: GPL-2.0 */
/* One packet of many is written down for user space (evenkeel/sample.h). Nothing here is inlined,
 * and everything is read from the finished frame: so the packets that are not sampled keep nothing
 * in registers for those that are. */
#ifndef EVENKEEL_BPF_SAMPLE_H
#define EVENKEEL_BPF_SAMPLE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "cursor.h"
#include "packet.h"

#define IPV4_OFFSET_MASK 0x1fff
#define TCP_FLAGS 13 /* their offset in its header */
#define TCP_FLAGS_BEGIN 0x17
#define TCP_FLAG_SYN 0x02

/* How many packets from here the next one is sampled. */
static __always_inline __u64 sample_gap(__u32 shift)
{
	__u64 range = (2ull << (shift < EK_SAMPLE_SHIFT_MAX ? shift : EK_SAMPLE_SHIFT_MAX)) - 1;

	return 1 + ((bpf_get_prandom_u32() * range) >> 32);
}

/* Bytes that forwarding has put between Ethernet's header and the packet. */
static __always_inline __u32 outer_bytes(__u32 encap)
{
	__u32 gue = sizeof(struct udphdr) + (encap & EK_ENCAP_GUE_HEADER ? EK_GUE_HEADER : 0);

	switch (encap & EK_ENCAP_KIND) {
	case EK_ENCAP_IPV4:
		return sizeof(struct iphdr);
	case EK_ENCAP_IPV6:
		return sizeof(struct ipv6hdr);
	case EK_ENCAP_GUE_IPV4:
		return sizeof(struct iphdr) + gue;
	case EK_ENCAP_GUE_IPV6:
		return sizeof(struct ipv6hdr) + gue;
	default:
		return 0;
	}
}

/* The IP header; the cursor is behind it then. 0: there is none. */
static __always_inline int sample_network(struct ek_sample *s, struct cursor *c)
{
	const struct iphdr *ip = take(c, struct iphdr);
	__u32 rest;

	if (!ip)
		return 0;
	s->client.words[0] = s->dest.words[0] = 0;
	if (ip->version == 4) {
		s->client.words[1] = (__u64)ip->saddr << 32 | 0xffff0000ull;
		s->dest.words[1] = (__u64)ip->daddr << 32 | 0xffff0000ull;
		s->bytes = bpf_ntohs(ip->tot_len);
		s->proto = ip->protocol;
		s->flags = 0;
		rest = ip->ihl * 4 - sizeof(*ip);
		/* Behind the end nothing is taken. */
		c->at += ip->frag_off & bpf_htons(IPV4_OFFSET_MASK) ? FRAME_PART_MASK : rest & 63;
	} else {
		const struct ipv6hdr *ip6 = (const void *)ip;
		const __u64 *words = (const void *)&ip6->saddr;

		if (!take_bytes(c, sizeof(*ip6) - sizeof(*ip)))
			return 0;
		s->client.words[0] = words[0];
		s->client.words[1] = words[1];
		s->dest.words[0] = words[2];
		s->dest.words[1] = words[3];
		s->bytes = bpf_ntohs(ip6->payload_len) + sizeof(*ip6);
		s->proto = ip6->nexthdr;
		s->flags = EK_SAMPLE_IPV6;
	}
	return 1;
}

static __always_inline void sample_ports(struct ek_sample *s, struct cursor *c)
{
	const __be16 *ports = take_bytes(c, 4);
	const __u8 *flags;

	s->sport = s->dport = 0;
	if (!ports || (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP))
		return;
	s->sport = ports[0];
	s->dport = ports[1];
	if (s->proto != IPPROTO_TCP || !take_bytes(c, TCP_FLAGS - 4))
		return;
	flags = take(c, __u8);
	if (flags && (*flags & TCP_FLAGS_BEGIN) == TCP_FLAG_SYN)
		s->flags |= EK_SAMPLE_SYN;
}

/* With nat the destination is the backend's by now: the way back knows what it was. */
static __always_inline void sample_listener(struct ek_sample *s)
{
	struct ek_end key = {
		.addr = s->dest,
		.port = s->dport,
		.proto = s->proto,
		.ipv6 = !!(s->flags & EK_SAMPLE_IPV6),
	};
	const struct ek_return *r = bpf_map_lookup_elem(&returns, &key);

	if (r) {
		s->dest = r->listener.addr;
		s->dport = r->listener.port;
	}
}

/* Reads the packet in the frame that is about to leave. 0: it is none of a flow, an ICMP error or
 * what this parser does not know. */
static __always_inline int sample_read(struct xdp_md *ctx, struct ek_sample *s, __u32 encap)
{
	struct cursor c = cursor_at_start(ctx);
	const struct ethhdr *eth = take(&c, struct ethhdr);
	__be16 type = eth ? eth->h_proto : 0;

#pragma unroll
	for (int i = 0; i < TAGS_MAX; i++) {
		const __be16 *tag;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		tag = take_bytes(&c, TAG_LENGTH);
		type = tag ? tag[1] : 0;
	}
	c.at += outer_bytes(encap);
	if (!type || !sample_network(s, &c))
		return 0;
	sample_ports(s, &c);
	return s->proto == IPPROTO_TCP || s->proto == IPPROTO_UDP;
}

static __always_inline void sample_take(struct xdp_md *ctx, __u32 backend, __u32 count, __u32 cpu)
{
	struct ek_sample_ring *r = element(samples, cpu);
	struct ek_backend *b = element(backends, backend);
	const struct ek_path *path;
	struct ek_sample *s;

	if (!r || !b)
		return;
	path = load_once(b->path[0].flags) & EK_PATH_SECOND ? &b->path[1] : &b->path[0];
	s = &r->sample[r->written & (EK_SAMPLES - 1)];
	if (!sample_read(ctx, s, path->encap))
		return;
	if ((path->encap & EK_ENCAP_KIND) == EK_ENCAP_NAT)
		sample_listener(s);
	s->backend = backend;
	s->count = count;
	/* What it says is written before it is said. Nobody else writes here; but an exchange is a
	 * barrier, and BPF knows no other. */
	__sync_lock_test_and_set(&r->written, r->written + 1);
}

/* The packet whose turn it was. Not static: so the verifier judges it once. */
__noinline int sample(struct xdp_md *ctx, __u32 backend)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct ek_traffic *t = element(traffic, cpu * opt_backends + backend);
	struct ek_sample_ring *r = element(samples, cpu);
	const struct ek_sample_shifts *shifts = element(sample_shifts, backend / 8);
	__u32 shift;
	__u64 at;

	if (!t || !r || !shifts)
		return 0;
	shift = shifts->shift[backend % 8];
	/* 0 is user space's, or of a backend that is new: its distance has yet to be chosen. */
	at = t->sample_at;
	if (shift == EK_SAMPLE_OFF) {
		t->sample_at = ~0ull;
	} else if (r->written - load_once(r->read) >= EK_SAMPLES) {
		r->full++;
		t->sample_at = t->packets + EK_SAMPLE_REST;
	} else {
		t->sample_at = t->packets + sample_gap(shift);
		if (at)
			sample_take(ctx, backend, t->packets, cpu);
	}
	return 0;
}

#endif
