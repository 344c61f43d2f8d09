// SPDX-License-Identifier: GPL-2.0
/* The backend's side of forwarding modes `ipip` and `gue`: strips the outer headers of 4in4, 6in6,
 * 4in6 and 6in4, with or without UDP between them, and passes the inner packet to the stack as if
 * it had come so from the wire. For hosts without a tunnel device. Whatever else comes is passed
 * untouched and counted: nothing is ever dropped here. One level only: an inner packet that is
 * itself a tunnel is left to the stack.
 *
 * Who may send tunnels here? XDP runs before the host's packet filter, so nothing on this host
 * has judged the outer header, and whoever can reach this address with protocol 4 or 41 or UDP
 * port 6080 chooses the inner one. What that gives is bounded, not nothing:
 * - the inner packet takes the usual way through the host's own filter, conntrack and sockets,
 *   which see the inner addresses: the filter of this host cannot be bypassed by it;
 * - it is decapsulated only if the routing table keeps both of them on this host, the tunnel and
 *   what is in it. A host that forwards would otherwise be a way into every network behind it, and
 *   would take tunnels that pass it on their way to another. With forwarding off on the interface
 *   that holds without a lookup. (A list of service addresses in a map would say the same and
 *   would have to be kept; the local routing table is that list.)
 * - it does hide the true source, and a filter in front of this host judged another packet.
 *   Therefore the network in front has to admit protocols 4 and 41 and UDP port 6080 from
 *   balancers only.
 *
 * The outer UDP checksum is not looked at. What it covers is covered again: IPv4's header and the
 * transport have checksums of their own, which the stack verifies, and what IPv6's lacks is no
 * more than it lacks on any other link (RFC 6936 section 2.1 weighs that). To verify it would be
 * to read every packet in full, here where the NIC has done that for the inner one. An inner UDP
 * packet without a checksum is as its sender wanted it.
 *
 * The outer TTL and DSCP end here, and so does its ECN field: balancers send Not-ECT (RFC 6040
 * section 4.3, compatibility mode), so there is never a mark to carry inward. Padding behind
 * the outer packet is kept: the stack trims a packet to its own length. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "cursor.h"
#include "evenkeel/abi.h"
#include "evenkeel/decap.h"

#define MAX_TAGS 2
#define IPV4_FRAGMENT 0x3fff /* more fragments, or an offset */
#define FAMILY_INET 2        /* AF_INET and AF_INET6 are in no header that BPF may include */
#define FAMILY_INET6 10

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EK_DECAP_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct vlan_tag {
	__be16 control;
	__be16 type;
};

struct packet {
	struct xdp_md *ctx;
	struct cursor rest; /* what is not parsed yet */
	__u32 tags;         /* VLAN tags */
	__u32 outer_length; /* of the outer headers */
	__u32 payload;      /* bytes that the outer headers say come after them */
	__u32 inner_length; /* bytes of the inner packet by its own header */
	__be16 type;        /* Ethernet type: of the outer packet, then of the inner one */
	__u8 protocol;      /* what the outer header says is in it */
};

/* The steps below return 0 to go on, or the counter that says why the packet is passed as it is. */

static __always_inline int parse_ethernet(struct packet *p)
{
	const struct ethhdr *eth = take(&p->rest, struct ethhdr);

	if (!eth)
		return EK_DECAP_PASSED;
	p->type = eth->h_proto;
	for (p->tags = 0; p->tags < MAX_TAGS; p->tags++) {
		const struct vlan_tag *tag;

		if (p->type != bpf_htons(ETH_P_8021Q) && p->type != bpf_htons(ETH_P_8021AD))
			break;
		tag = take(&p->rest, struct vlan_tag);
		if (!tag)
			return EK_DECAP_PASSED;
		p->type = tag->type;
	}
	return 0;
}

/* Is what an outer IP header carries a tunnel for us? Other UDP is the host's, however odd. */
static __always_inline int is_tunnel(const struct packet *p, __u8 protocol, const void *payload)
{
	const struct udphdr *udp = payload;

	if (protocol == IPPROTO_UDP)
		return (const void *)(udp + 1) <= p->rest.end &&
		       udp->dest == bpf_htons(EK_GUE_PORT);
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6;
}

/* Nobody looks at this header again, so its checksum is verified here (RFC 1812 section
 * 5.2.2): a damaged destination or protocol must not become somebody else's packet. */
static __always_inline int ipv4_sum_is_good(const struct packet *p, const struct iphdr *ip)
{
	const __u32 *words = (const void *)ip;
	__u64 sum = 0;

	for (__u32 i = 0; i < 15; i++) {
		const void *next = words + i + 1;

		if (i >= ip->ihl)
			break;
		/* Or clang 19 compares with end + 1, and the verifier takes no sum with the end. */
		barrier_var(next);
		if (next > p->rest.end)
			return 0;
		sum += words[i];
	}
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return sum == 0xffff;
}

/* Does the routing table keep a packet on this host? Where the interface does not forward, whatever
 * is not for the host ends in the stack anyway. A packet with a VLAN tag is judged by the interface
 * below it, the only one that is known here. */
static __always_inline int stays_here(const struct packet *p, struct bpf_fib_lookup *route)
{
	long result;

	route->ifindex = p->ctx->ingress_ifindex;
	result = bpf_fib_lookup(p->ctx, route, sizeof(*route), 0);
	if (result == BPF_FIB_LKUP_RET_NOT_FWDED || result == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return 0;
	return EK_DECAP_NOT_LOCAL;
}

static __always_inline int stays_here_ipv4(const struct packet *p, const struct iphdr *ip)
{
	struct bpf_fib_lookup route = { .family = FAMILY_INET };

	route.l4_protocol = ip->protocol;
	route.tos = ip->tos;
	route.ipv4_src = ip->saddr;
	route.ipv4_dst = ip->daddr;
	return stays_here(p, &route);
}

static __always_inline int stays_here_ipv6(const struct packet *p, const struct ipv6hdr *ip)
{
	struct bpf_fib_lookup route = { .family = FAMILY_INET6 };

	route.l4_protocol = ip->nexthdr;
	__builtin_memcpy(route.ipv6_src, &ip->saddr, sizeof(route.ipv6_src));
	__builtin_memcpy(route.ipv6_dst, &ip->daddr, sizeof(route.ipv6_dst));
	return stays_here(p, &route);
}

static __always_inline int parse_outer_ipv4(struct packet *p)
{
	const struct iphdr *ip = take(&p->rest, struct iphdr);
	__u32 length;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return EK_DECAP_PASSED;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT))
		return EK_DECAP_PASSED;
	if (!is_tunnel(p, ip->protocol, (const void *)ip + ip->ihl * 4))
		return EK_DECAP_PASSED;
	length = bpf_ntohs(ip->tot_len);
	p->outer_length = ip->ihl * 4;
	if (length < p->outer_length || length > (__u64)(p->rest.end - (const void *)ip))
		return EK_DECAP_MALFORMED;
	if (!ipv4_sum_is_good(p, ip))
		return EK_DECAP_MALFORMED;
	p->protocol = ip->protocol;
	p->payload = length - p->outer_length;
	p->rest.at = (const void *)ip + p->outer_length;
	return stays_here_ipv4(p, ip);
}

static __always_inline int parse_outer_ipv6(struct packet *p)
{
	const struct ipv6hdr *ip = take(&p->rest, struct ipv6hdr);

	if (!ip || ip->version != 6)
		return EK_DECAP_PASSED;
	if (!is_tunnel(p, ip->nexthdr, ip + 1))
		return EK_DECAP_PASSED;
	p->protocol = ip->nexthdr;
	p->outer_length = sizeof(*ip);
	p->payload = bpf_ntohs(ip->payload_len);
	if (p->payload > (__u64)(p->rest.end - p->rest.at))
		return EK_DECAP_MALFORMED;
	return stays_here_ipv6(p, ip);
}

/* Variant 0: C and Hlen in the first byte, the protocol in the second, flags in the others. What
 * has any of them is not from a balancer, and the host may know what to do with it. */
static __always_inline int parse_gue_header(struct packet *p, const __u8 *header)
{
	if (header[0] || header[2] || header[3])
		return EK_DECAP_PASSED;
	if (header[1] != IPPROTO_IPIP && header[1] != IPPROTO_IPV6)
		return EK_DECAP_PASSED;
	p->protocol = header[1];
	p->outer_length += EK_GUE_HEADER;
	p->payload -= EK_GUE_HEADER;
	p->rest.at += EK_GUE_HEADER;
	return 0;
}

/* UDP, if that is what the outer IP header carries. The first two bits behind it are the variant:
 * 01 is how IP's versions 4 and 6 begin. */
static __always_inline int parse_gue(struct packet *p)
{
	const struct udphdr *udp;
	const __u8 *first;
	__u32 length;

	if (p->protocol != IPPROTO_UDP)
		return 0;
	udp = take(&p->rest, struct udphdr);
	first = p->rest.at;
	if (!udp || (const void *)(first + EK_GUE_HEADER) > p->rest.end)
		return EK_DECAP_MALFORMED;
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) + EK_GUE_HEADER || length > p->payload)
		return EK_DECAP_MALFORMED;
	p->outer_length += sizeof(*udp);
	p->payload = length - sizeof(*udp);
	switch (first[0] >> 6) {
	case 0:
		return parse_gue_header(p, first);
	case 1:
		/* Another version than these two, as any that contradicts, is found further on. */
		p->protocol = first[0] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
		return 0;
	default:
		return EK_DECAP_PASSED;
	}
}

static __always_inline int parse_outer(struct packet *p)
{
	if (p->type == bpf_htons(ETH_P_IP))
		return parse_outer_ipv4(p);
	if (p->type == bpf_htons(ETH_P_IPV6))
		return parse_outer_ipv6(p);
	return EK_DECAP_PASSED;
}

static __always_inline int check_inner_ipv4(struct packet *p)
{
	const struct iphdr *ip = take(&p->rest, struct iphdr);

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return EK_DECAP_MALFORMED;
	p->inner_length = bpf_ntohs(ip->tot_len);
	if (p->inner_length < ip->ihl * 4u || p->inner_length > p->payload)
		return EK_DECAP_MALFORMED;
	p->type = bpf_htons(ETH_P_IP);
	return stays_here_ipv4(p, ip);
}

static __always_inline int check_inner_ipv6(struct packet *p)
{
	const struct ipv6hdr *ip = take(&p->rest, struct ipv6hdr);

	if (!ip || ip->version != 6)
		return EK_DECAP_MALFORMED;
	p->inner_length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (p->inner_length > p->payload)
		return EK_DECAP_MALFORMED;
	p->type = bpf_htons(ETH_P_IPV6);
	return stays_here_ipv6(p, ip);
}

static __always_inline int check_inner(struct packet *p)
{
	return p->protocol == IPPROTO_IPIP ? check_inner_ipv4(p) : check_inner_ipv6(p);
}

/* Moves the Ethernet header with its tags up to the inner packet. */
static __always_inline int strip(struct packet *p)
{
	struct {
		__u8 addresses[2 * ETH_ALEN];
		__u32 tags[MAX_TAGS]; /* each its own type, then its control field */
	} header;
	void *data = (void *)(long)p->ctx->data;
	void *end = (void *)(long)p->ctx->data_end;
	void *pos;

	/* At least two IP headers follow: neither this check nor the one below can fail, but the
	 * verifier does not know that. */
	if (data + sizeof(header) > end)
		return EK_DECAP_MALFORMED;
	__builtin_memcpy(&header, data, sizeof(header));
	if (bpf_xdp_adjust_head(p->ctx, p->outer_length))
		return EK_DECAP_MALFORMED;
	data = (void *)(long)p->ctx->data;
	end = (void *)(long)p->ctx->data_end;
	if (data + sizeof(header) + sizeof(__be16) > end)
		return EK_DECAP_MALFORMED;
	__builtin_memcpy(data, header.addresses, sizeof(header.addresses));
	pos = data + sizeof(header.addresses);
	if (p->tags > 0) {
		*(__u32 *)pos = header.tags[0];
		pos += sizeof(__u32);
	}
	if (p->tags > 1) {
		*(__u32 *)pos = header.tags[1];
		pos += sizeof(__u32);
	}
	*(__be16 *)pos = p->type;
	return 0;
}

static __always_inline void count(__u32 counter, __u64 amount)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += amount;
}

SEC("xdp")
int decap(struct xdp_md *ctx)
{
	struct packet p = { .ctx = ctx, .rest = cursor_at_start(ctx) };
	int counter = parse_ethernet(&p) ?: parse_outer(&p) ?: parse_gue(&p);

	counter = counter ?: check_inner(&p) ?: strip(&p);
	count(counter, 1);
	if (counter == EK_DECAP_DECAPSULATED_PACKETS)
		count(EK_DECAP_DECAPSULATED_BYTES, p.inner_length);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
