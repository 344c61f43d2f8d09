/* SPDX-License-Identifier: GPL-2.0 */
/* A packet that does not fit the way to its backend and may not be fragmented: its sender is told
 * the size that does, from the service's address, as a router would (RFC 1191, RFC 4443). Called
 * by forward.h's too_big(), with the frame as it came in but for its tags, which are in `scratch`.
 *
 * The answer is made of the frame itself: cut down to what is quoted, headers put in front. Both
 * lengths are constants, so that the checksum is a few calls whatever came in. */
#ifndef EVENKEEL_BPF_TOO_BIG_H
#define EVENKEEL_BPF_TOO_BIG_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "checksum.h"
#include "echo.h"
#include "frame.h"
#include "packet.h"
#include "parse.h"
#include "verdict.h"
#include "vlan.h"

/* RFC 1812 section 4.3.2.3: no more than 576 bytes in all; RFC 4443 section 2.4(c): no more than
 * the least MTU of IPv6, 1280. */
#define QUOTE_IPV4 548
#define QUOTE_IPV6 1232
#define IPV6_LEAST_MTU 1280

#define ICMP_FRAGMENTATION_NEEDED 4   /* a code of ICMP_DEST_UNREACH */
#define TOS_INTERNETWORK_CONTROL 0xc0 /* RFC 1812 section 4.3.2.5 */

/* The most that one call of bpf_csum_diff() takes. */
#define DIFF_MAX 512

#define NS_PER_ANSWER (1000000000ull / EK_ANSWERS_PER_S)

/* A token bucket in one word: the time at which it will be full again. */
static __always_inline int may_answer(struct scratch *s)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	__u64 full = s->answers_full_ns > now ? s->answers_full_ns : now;

	if (full - now > (EK_ANSWERS_BURST - 1) * NS_PER_ANSWER)
		return 0;
	s->answers_full_ns = full + NS_PER_ANSWER;
	return 1;
}

/* Leaves `quote` bytes of the packet, with `headers` bytes of room between Ethernet's and them. */
static __always_inline int make_room(struct xdp_md *ctx, int headers, int quote)
{
	void *data = (void *)(long)ctx->data;
	int length = frame_bytes(ctx);
	struct ethhdr eth;

	if (data + sizeof(eth) > (void *)(long)ctx->data_end)
		return drop(EK_DROP_TOO_BIG);
	__builtin_memcpy(&eth, data, sizeof(eth));
	if (bpf_xdp_adjust_tail(ctx, ETH_HLEN + quote - length) ||
	    bpf_xdp_adjust_head(ctx, -headers))
		return drop(EK_DROP_TOO_BIG);
	data = (void *)(long)ctx->data;
	if (data + sizeof(eth) > (void *)(long)ctx->data_end)
		return drop(EK_DROP_TOO_BIG);
	__builtin_memcpy(data, &eth, sizeof(eth));
	swap_macs(data);
	return NEXT;
}

/* The sum of `length` bytes, a constant and a multiple of four. */
static __always_inline __u32 sum_of(void *at, int length, __u32 sum)
{
#pragma unroll
	for (int done = 0; done < QUOTE_IPV6 + 8; done += DIFF_MAX) {
		int rest = length - done;

		if (rest > 0)
			sum = bpf_csum_diff(NULL, 0, at + done, rest < DIFF_MAX ? rest : DIFF_MAX,
					    sum);
	}
	return sum;
}

static __always_inline int tell_ipv4(struct xdp_md *ctx, __u32 mtu, struct iphdr *ip)
{
	const int headers = sizeof(struct iphdr) + sizeof(struct icmp_header);
	__be32 service = ip->daddr, client = ip->saddr;
	struct icmp_header *icmp;

	STEP(make_room(ctx, headers, QUOTE_IPV4));
	ip = (void *)(long)ctx->data + ETH_HLEN;
	icmp = (void *)(ip + 1);
	if ((void *)(icmp + 1) + QUOTE_IPV4 > (void *)(long)ctx->data_end)
		return drop(EK_DROP_TOO_BIG);
	__builtin_memset(ip, 0, headers);
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = TOS_INTERNETWORK_CONTROL;
	ip->tot_len = bpf_htons(headers + QUOTE_IPV4);
	ip->frag_off = bpf_htons(IPV4_DONT_FRAGMENT); /* and so it needs no identification */
	ip->ttl = ANSWER_TTL;
	ip->protocol = IPPROTO_ICMP;
	ip->saddr = service;
	ip->daddr = client;
	ip->check = checksum(sum_of(ip, sizeof(*ip), 0));
	icmp->type = ICMP_DEST_UNREACH;
	icmp->code = ICMP_FRAGMENTATION_NEEDED;
	icmp->rest = bpf_htonl(mtu);
	icmp->check = checksum(sum_of(icmp, sizeof(*icmp) + QUOTE_IPV4, 0));
	return NEXT;
}

static __always_inline int tell_ipv6(struct xdp_md *ctx, __u32 mtu, struct ipv6hdr *ip)
{
	const int headers = sizeof(struct ipv6hdr) + sizeof(struct icmp_header);
	const int payload = sizeof(struct icmp_header) + QUOTE_IPV6;
	struct in6_addr service = ip->daddr, client = ip->saddr;
	struct icmp_header *icmp;
	__u32 sum;

	STEP(make_room(ctx, headers, QUOTE_IPV6));
	ip = (void *)(long)ctx->data + ETH_HLEN;
	icmp = (void *)(ip + 1);
	if ((void *)(icmp + 1) + QUOTE_IPV6 > (void *)(long)ctx->data_end)
		return drop(EK_DROP_TOO_BIG);
	__builtin_memset(ip, 0, headers);
	ip->version = 6;
	ip->payload_len = bpf_htons(payload);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = ANSWER_TTL;
	ip->saddr = service;
	ip->daddr = client;
	icmp->type = ICMPV6_PKT_TOOBIG;
	icmp->rest = bpf_htonl(mtu);
	sum = sum_of(&ip->saddr, 2 * sizeof(ip->saddr),
		     ip->payload_len + bpf_htons(IPPROTO_ICMPV6));
	icmp->check = checksum(sum_of(icmp, payload, sum));
	return NEXT;
}

/* IPv4 that routers may fragment is not for an answer (RFC 1191 section 4). Nor is a packet too
 * short for its quote, which takes an egress of less than 600 bytes, or what would be disbelieved,
 * an IPv6 MTU below the least (RFC 8201 section 4). */
static __always_inline int tell(struct xdp_md *ctx, struct scratch *s)
{
	struct cursor c = cursor_at_start(ctx);
	const struct ethhdr *eth = take(&c, struct ethhdr);

	if (eth && eth->h_proto == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = take(&c, struct iphdr);

		if (!ip || bpf_ntohs(ip->tot_len) < QUOTE_IPV4 ||
		    (ip->frag_off & bpf_htons(IPV4_DONT_FRAGMENT | IPV4_OFFSET)) !=
			    bpf_htons(IPV4_DONT_FRAGMENT) ||
		    !may_answer(s))
			return drop(EK_DROP_TOO_BIG);
		return tell_ipv4(ctx, s->mtu, (struct iphdr *)ip);
	}
	if (eth && eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = take(&c, struct ipv6hdr);

		if (!ip || s->mtu < IPV6_LEAST_MTU || !may_answer(s))
			return drop(EK_DROP_TOO_BIG);
		return tell_ipv6(ctx, s->mtu, (struct ipv6hdr *)ip);
	}
	return drop(EK_DROP_TOO_BIG);
}

static __always_inline int tell_too_big(struct xdp_md *ctx)
{
	struct scratch *s = element(scratch, 0);
	struct packet p;

	if (!s)
		return drop(EK_DROP_INTERNAL);
	STEP(tell(ctx, s));
	p.ctx = ctx;
	p.tags = s->tags;
	p.tag[0] = s->tag[0];
	p.tag[1] = s->tag[1];
	STEP(push_tags(&p));
	cpu_verdicts(bpf_get_smp_processor_id())->answered_too_big++;
	return answer();
}

#endif
