// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
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

/* One's complement sum of the header's words as they lie in memory (RFC 1071: the sum does not
 * depend on the byte order), folded, not inverted. */
static uint16_t header_sum(const struct iphdr *ip)
{
	uint16_t words[sizeof(*ip) / 2];
	uint32_t sum = 0;

	memcpy(words, ip, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* DF is set: the data path drops and counts what does not fit the egress, it never makes
 * fragments, and nobody on the way shall either. */
static void write_ipv4(struct ek_path *p, const struct ek_addr *source, const struct ek_addr *dest)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.frag_off = htons(IP_DF),
		.ttl = HOP_LIMIT,
		.saddr = source->be32[3],
		.daddr = dest->be32[3],
	};

	p->csum = header_sum(&ip);
	memcpy(p->header + sizeof(struct ether_header), &ip, sizeof(ip));
}

static void write_ipv6(struct ek_path *p, const struct ek_addr *source, const struct ek_addr *dest)
{
	struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28), .ip6_hlim = HOP_LIMIT };

	memcpy(&ip.ip6_src, source->bytes, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, dest->bytes, sizeof(ip.ip6_dst));
	memcpy(p->header + sizeof(struct ether_header), &ip, sizeof(ip));
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
		p.encap = EK_ENCAP_L2;
		write_ethernet(&p, hop, 0); /* the packet's own type stays */
		break;
	case EK_FORWARD_IPIP:
		if (addr_is_ipv4(&hop->source) != ipv4)
			return -EINVAL;
		p.encap = ipv4 ? EK_ENCAP_IPV4 : EK_ENCAP_IPV6;
		write_ethernet(&p, hop, ipv4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
		(ipv4 ? write_ipv4 : write_ipv6)(&p, &hop->source, backend);
		break;
	case EK_FORWARD_NONE:
	default:
		return -EINVAL;
	}
	*out = p;
	return 0;
}

uint32_t path_overhead(enum ek_forward forward, const struct ek_addr *backend)
{
	if (forward != EK_FORWARD_IPIP)
		return 0;
	return addr_is_ipv4(backend) ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
}
