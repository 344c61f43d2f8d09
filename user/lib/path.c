// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/path.h"

#define HOP_LIMIT 64 /* the IANA's default, RFC 1700 */

static void write_ethernet(struct ek_path *p, const struct path_hop *hop, uint16_t type)
{
	struct ether_header eth = { .ether_type = htons(type) };

	memcpy(eth.ether_dhost, hop->dest_mac, sizeof(eth.ether_dhost));
	memcpy(eth.ether_shost, hop->source_mac, sizeof(eth.ether_shost));
	memcpy(p->header, &eth, sizeof(eth));
}

/* One's complement sum of bytes' words as they lie in memory (RFC 1071: the sum does not depend
 * on the byte order), folded, not inverted, begun with `sum`. */
static uint16_t sum_words(uint32_t sum, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i += 2) {
		uint16_t word;

		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Into the length's place, which the data path writes itself. */
static void write_source_mask(struct ek_path *p, size_t at, const struct path_hop *hop)
{
	uint16_t mask = path_source_mask(&hop->source, hop->source_bits);

	memcpy(p->header + at, &mask, sizeof(mask));
}

/* DF is set: the data path drops and counts what does not fit the egress, it never makes
 * fragments, and nobody on the way shall either. */
static void write_ipv4(struct ek_path *p, const struct path_hop *hop, const struct ek_addr *dest)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.frag_off = htons(IP_DF),
		.ttl = HOP_LIMIT,
		.protocol = p->encap == EK_ENCAP_IPV4 ? 0 : IPPROTO_UDP,
		.saddr = hop->source.be32[3],
		.daddr = dest->be32[3],
	};

	p->csum = sum_words(0, &ip, sizeof(ip));
	memcpy(p->header + sizeof(struct ether_header), &ip, sizeof(ip));
	write_source_mask(p, EK_PATH_MASK_IPV4, hop);
}

static void write_ipv6(struct ek_path *p, const struct path_hop *hop, const struct ek_addr *dest)
{
	struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28), .ip6_hlim = HOP_LIMIT };

	memcpy(&ip.ip6_src, hop->source.bytes, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, dest->bytes, sizeof(ip.ip6_dst));
	if (p->encap != EK_ENCAP_IPV6) {
		ip.ip6_nxt = IPPROTO_UDP;
		p->csum = sum_words(htons(IPPROTO_UDP) + htons(EK_GUE_PORT), &ip.ip6_src,
				    sizeof(ip.ip6_src) + sizeof(ip.ip6_dst));
	}
	memcpy(p->header + sizeof(struct ether_header), &ip, sizeof(ip));
	write_source_mask(p, EK_PATH_MASK_IPV6, hop);
}

static uint8_t encap_of(enum ek_forward forward, uint32_t gue, bool ipv4)
{
	uint8_t encap;

	if (forward == EK_FORWARD_IPIP)
		return ipv4 ? EK_ENCAP_IPV4 : EK_ENCAP_IPV6;
	encap = ipv4 ? EK_ENCAP_GUE_IPV4 : EK_ENCAP_GUE_IPV6;
	if (gue & EK_GUE_VARIANT_0)
		encap |= EK_ENCAP_GUE_HEADER;
	if (!ipv4 && !(gue & EK_GUE_NO_CHECKSUM))
		encap |= EK_ENCAP_GUE_CHECKSUM;
	return encap;
}

/* The packet's new destination; its own type stays. */
static void write_nat(struct ek_path *p, const struct ek_addr *backend, uint16_t port)
{
	struct ek_end end = {
		.addr = *backend,
		.port = htons(port),
		.ipv6 = !addr_is_ipv4(backend),
	};

	memcpy(p->header + EK_PATH_END, &end, sizeof(end));
}

/* The tag has the place of the type, which the data path knows anyway. */
static void write_tag(struct ek_path *p, const struct path_hop *hop)
{
	uint16_t tag = htons(hop->tag);

	if (hop->tag_type) {
		memcpy(p->header + 2 * ETHER_ADDR_LEN, &tag, sizeof(tag));
		p->flags |= EK_PATH_TAGGED;
		if (hop->tag_type == ETH_P_8021AD)
			p->flags |= EK_PATH_SERVICE_TAG;
	} else if (hop->vlan_strip) {
		p->flags |= EK_PATH_UNTAGGED;
	}
}

int path_build(struct ek_path *out, enum ek_forward forward, const struct ek_addr *backend,
	       const struct path_hop *hop)
{
	struct ek_path p = {
		.mtu = hop->mtu > UINT16_MAX ? UINT16_MAX : hop->mtu,
		.egress = hop->ifindex,
		.flags = EK_PATH_NEXT_HOP,
	};
	bool ipv4 = addr_is_ipv4(backend);

	switch (forward) {
	case EK_FORWARD_L2:
		write_ethernet(&p, hop, 0); /* the packet's own type stays */
		p.encap = EK_ENCAP_L2;
		break;
	case EK_FORWARD_IPIP:
	case EK_FORWARD_GUE:
		if (addr_is_ipv4(&hop->source) != ipv4)
			return -EINVAL;
		p.encap = encap_of(forward, hop->gue, ipv4);
		write_ethernet(&p, hop, ipv4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
		(ipv4 ? write_ipv4 : write_ipv6)(&p, hop, backend);
		break;
	case EK_FORWARD_NAT:
		p.encap = EK_ENCAP_NAT;
		write_ethernet(&p, hop, 0);
		write_nat(&p, backend, hop->port);
		break;
	case EK_FORWARD_NONE:
	default:
		return -EINVAL;
	}
	write_tag(&p, hop);
	*out = p;
	return 0;
}

uint32_t path_overhead(enum ek_forward forward, uint32_t gue, const struct ek_addr *backend)
{
	uint32_t outer = addr_is_ipv4(backend) ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);

	if (forward == EK_FORWARD_IPIP)
		return outer;
	if (forward == EK_FORWARD_GUE)
		return outer + sizeof(struct udphdr) + (gue & EK_GUE_VARIANT_0 ? EK_GUE_HEADER : 0);
	return 0;
}

uint16_t path_source_mask(const struct ek_addr *prefix, uint8_t bits)
{
	uint32_t host = (addr_is_ipv4(prefix) ? 32u : 128u) - bits;

	if (!bits)
		return 0;
	return htons(host >= 16 ? 0xffff : (1u << host) - 1);
}
