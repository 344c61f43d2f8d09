// SPDX-License-Identifier: GPL-2.0
/* The packets of a probe: a SYN, and what comes back. */
#include "lib/packet.h"

#include <arpa/inet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

#include "evenkeel/hash.h"

#define HOPS_MAX 64
/* What an Ethernet without tunnels carries; the peer's answer needs room for it only if data
 * follows, which never happens here. */
#define ETHERNET_MTU 1500

/* The header and its MSS option. */
struct tcp_syn {
	struct tcphdr header;
	uint8_t kind, length;
	uint16_t mss;
};
_Static_assert(sizeof(struct tcp_syn) == 24, "TCP with the MSS option");

/* ---- checksums (RFC 1071) --------------------------------------------------------------- */

static uint32_t add_words(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Of a transport header and what follows it. */
static uint16_t checksum(const struct packet_flow *flow, uint8_t proto, const void *transport,
			 size_t size)
{
	/* The prefix of an IPv4-mapped address would count in the pseudo header. */
	size_t skip = addr_is_ipv4(&flow->dest) ? 12 : 0;
	uint32_t sum = proto + (uint32_t)size;

	sum = add_words(sum, flow->source.bytes + skip, sizeof(flow->source) - skip);
	sum = add_words(sum, flow->dest.bytes + skip, sizeof(flow->dest) - skip);
	return fold(add_words(sum, transport, size));
}

/* ---- writing ---------------------------------------------------------------------------- */

static size_t put_ipv4(uint8_t *out, const struct packet_flow *flow, uint8_t proto, size_t payload)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(ip) + payload)),
		.frag_off = htons(IP_DF),
		.ttl = HOPS_MAX,
		.protocol = proto,
		.saddr = flow->source.be32[3],
		.daddr = flow->dest.be32[3],
	};

	ip.check = fold(add_words(0, &ip, sizeof(ip)));
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t put_ipv6(uint8_t *out, const struct packet_flow *flow, uint8_t proto, size_t payload)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons((uint16_t)payload),
		.ip6_nxt = proto,
		.ip6_hlim = HOPS_MAX,
	};

	memcpy(&ip.ip6_src, flow->source.bytes, 16);
	memcpy(&ip.ip6_dst, flow->dest.bytes, 16);
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t put_ip(uint8_t *out, const struct packet_flow *flow, uint8_t proto, size_t payload)
{
	return (addr_is_ipv4(&flow->dest) ? put_ipv4 : put_ipv6)(out, flow, proto, payload);
}

/* The first packet of the flow, or the one that takes it back. */
static size_t put_packet(uint8_t *out, const struct packet_flow *flow, bool rst)
{
	bool ipv4 = addr_is_ipv4(&flow->dest);
	size_t ip_size = ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	struct tcp_syn syn = {
		.header = {
			.source = htons(flow->source_port),
			.dest = htons(flow->dest_port),
			.seq = htonl(flow->isn + rst),
			.doff = sizeof(syn) / 4,
			.syn = !rst,
			.rst = rst,
			.window = htons(UINT16_MAX),
		},
		.kind = TCPOPT_MAXSEG,
		.length = TCPOLEN_MAXSEG,
		.mss = htons((uint16_t)(ETHERNET_MTU - ip_size - sizeof(struct tcphdr))),
	};
	size_t at = put_ip(out, flow, IPPROTO_TCP, sizeof(syn));

	syn.header.check = checksum(flow, IPPROTO_TCP, &syn, sizeof(syn));
	memcpy(out + at, &syn, sizeof(syn));
	return at + sizeof(syn);
}

size_t packet_syn(uint8_t *out, const struct packet_flow *flow)
{
	return put_packet(out, flow, false);
}

size_t packet_rst(uint8_t *out, const struct packet_flow *flow)
{
	return put_packet(out, flow, true);
}

size_t packet_udp(uint8_t *out, const struct packet_flow *flow)
{
	struct {
		struct udphdr header;
		uint64_t data;
	} udp = { .data = flow->isn };
	size_t at = put_ip(out, flow, IPPROTO_UDP, sizeof(udp));

	udp.header.source = htons(flow->source_port);
	udp.header.dest = htons(flow->dest_port);
	udp.header.len = htons(sizeof(udp));
	udp.header.check = checksum(flow, IPPROTO_UDP, &udp, sizeof(udp));
	memcpy(out + at, &udp, sizeof(udp));
	return at + sizeof(udp);
}

static void add_source_bits(uint8_t *last, uint16_t bits)
{
	uint16_t word;

	memcpy(&word, last, sizeof(word));
	word |= bits;
	memcpy(last, &word, sizeof(word));
}

static void complete_ipv4(uint8_t *outer, uint8_t protocol, size_t size, uint16_t bits)
{
	struct iphdr ip;

	add_source_bits(outer + offsetof(struct iphdr, saddr) + 2, bits);
	memcpy(&ip, outer, sizeof(ip));
	ip.tot_len = htons((uint16_t)(sizeof(ip) + size));
	ip.protocol = protocol;
	ip.check = 0;
	ip.check = fold(add_words(0, &ip, sizeof(ip)));
	memcpy(outer, &ip, sizeof(ip));
}

static void complete_ipv6(uint8_t *outer, uint8_t protocol, size_t size, uint16_t bits)
{
	struct ip6_hdr ip;

	add_source_bits(outer + offsetof(struct ip6_hdr, ip6_src) + 14, bits);
	memcpy(&ip, outer, sizeof(ip));
	ip.ip6_plen = htons((uint16_t)size);
	ip.ip6_nxt = protocol;
	memcpy(outer, &ip, sizeof(ip));
}

/* UDP at `at`, `size` bytes with what follows, behind an outer IP header that is complete. */
static void put_gue(uint8_t *at, const uint8_t *outer, uint8_t encap, uint8_t protocol,
		    uint16_t source_port, size_t size)
{
	struct udphdr udp = {
		.source = htons(source_port),
		.dest = htons(EK_GUE_PORT),
		.len = htons((uint16_t)size),
	};
	const uint8_t header[EK_GUE_HEADER] = { 0, protocol };
	uint32_t sum = IPPROTO_UDP + (uint32_t)size;

	memcpy(at, &udp, sizeof(udp));
	if (encap & EK_ENCAP_GUE_HEADER)
		memcpy(at + sizeof(udp), header, sizeof(header));
	if (!(encap & EK_ENCAP_GUE_CHECKSUM))
		return;
	sum = add_words(sum, outer + offsetof(struct ip6_hdr, ip6_src), 32);
	udp.check = fold(add_words(sum, at, size)) ?: 0xffff; /* 0 would mean none */
	memcpy(at, &udp, sizeof(udp));
}

size_t packet_header(const struct ek_path *path)
{
	size_t gue =
		sizeof(struct udphdr) + (path->encap & EK_ENCAP_GUE_HEADER ? EK_GUE_HEADER : 0);

	switch (path->encap & EK_ENCAP_KIND) {
	case EK_ENCAP_IPV4:
		return sizeof(struct ether_header) + sizeof(struct iphdr);
	case EK_ENCAP_IPV6:
		return sizeof(struct ether_header) + sizeof(struct ip6_hdr);
	case EK_ENCAP_GUE_IPV4:
		return sizeof(struct ether_header) + sizeof(struct iphdr) + gue;
	case EK_ENCAP_GUE_IPV6:
		return sizeof(struct ether_header) + sizeof(struct ip6_hdr) + gue;
	default:
		return sizeof(struct ether_header);
	}
}

void packet_complete(uint8_t *frame, const struct ek_path *path, uint64_t hash, size_t inner_size)
{
	size_t header = packet_header(path);
	uint8_t *outer = frame + sizeof(struct ether_header), *inner = frame + header;
	uint8_t encap = path->encap & EK_ENCAP_KIND;
	bool ipv4 = encap == EK_ENCAP_IPV4 || encap == EK_ENCAP_GUE_IPV4;
	bool gue = encap == EK_ENCAP_GUE_IPV4 || encap == EK_ENCAP_GUE_IPV6;
	size_t ip_size = ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	uint8_t carried = inner[0] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	size_t size = frame + header + inner_size - outer - ip_size;
	uint16_t ether_type, mask;

	if (encap == EK_ENCAP_L2 || encap == EK_ENCAP_NAT) {
		memcpy(frame, path->header, sizeof(struct ether_header));
		ipv4 = carried == IPPROTO_IPIP;
	} else {
		memcpy(&mask, path->header + (ipv4 ? EK_PATH_MASK_IPV4 : EK_PATH_MASK_IPV6),
		       sizeof(mask));
		memcpy(frame, path->header, sizeof(struct ether_header) + ip_size);
		(ipv4 ? complete_ipv4 : complete_ipv6)(outer, gue ? IPPROTO_UDP : carried, size,
						       ek_source_bits(hash, mask));
	}
	if (gue)
		put_gue(outer + ip_size, outer, path->encap, carried, ek_gue_source_port(hash),
			size);
	ether_type = htons(ipv4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	memcpy(frame + 2 * ETH_ALEN, &ether_type, sizeof(ether_type));
}

/* ---- reading ---------------------------------------------------------------------------- */

static struct ek_addr of_ipv4(uint32_t ipv4)
{
	struct ek_addr a = { .bytes = { [10] = 0xff, [11] = 0xff } };

	a.be32[3] = ipv4;
	return a;
}

/* Over a transport header and what follows it; IP in IP has none. UDP over IPv4 may have none. */
static bool transport_sound(const struct packet_flow *flow, uint8_t proto, const uint8_t *transport,
			    size_t size)
{
	static const uint8_t none[2];

	if (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6)
		return true;
	if (proto == IPPROTO_UDP && size >= sizeof(struct udphdr) &&
	    !memcmp(transport + offsetof(struct udphdr, check), none, sizeof(none)))
		return true;
	return !checksum(flow, proto, transport, size);
}

bool packet_sound(const uint8_t *packet, size_t size)
{
	struct packet_flow flow = {};
	struct ip6_hdr v6;
	struct iphdr v4;

	if (size >= sizeof(v4) && packet[0] == 0x45) {
		memcpy(&v4, packet, sizeof(v4));
		flow.source = of_ipv4(v4.saddr);
		flow.dest = of_ipv4(v4.daddr);
		return ntohs(v4.tot_len) == size && !fold(add_words(0, packet, sizeof(v4))) &&
		       transport_sound(&flow, v4.protocol, packet + sizeof(v4), size - sizeof(v4));
	}
	if (size < sizeof(v6) || packet[0] >> 4 != 6)
		return false;
	memcpy(&v6, packet, sizeof(v6));
	memcpy(flow.source.bytes, &v6.ip6_src, 16);
	memcpy(flow.dest.bytes, &v6.ip6_dst, 16);
	return ntohs(v6.ip6_plen) == size - sizeof(v6) &&
	       transport_sound(&flow, v6.ip6_nxt, packet + sizeof(v6), size - sizeof(v6));
}

/* Size of the IP header if the packet is TCP from the flow's destination to its source; else
 * 0. Options are skipped; an answer to a SYN is no fragment and has no extension headers. */
static size_t match_ip(const uint8_t *packet, size_t size, const struct packet_flow *flow)
{
	struct iphdr v4;
	struct ip6_hdr v6;

	if (addr_is_ipv4(&flow->dest)) {
		if (size < sizeof(v4))
			return 0;
		memcpy(&v4, packet, sizeof(v4));
		if (v4.version != 4 || v4.ihl < 5 || v4.protocol != IPPROTO_TCP ||
		    v4.frag_off & htons(IP_OFFMASK | IP_MF) || v4.saddr != flow->dest.be32[3] ||
		    v4.daddr != flow->source.be32[3])
			return 0;
		return v4.ihl * 4u;
	}
	if (size < sizeof(v6))
		return 0;
	memcpy(&v6, packet, sizeof(v6));
	if (packet[0] >> 4 != 6 || v6.ip6_nxt != IPPROTO_TCP ||
	    memcmp(&v6.ip6_src, flow->dest.bytes, 16) ||
	    memcmp(&v6.ip6_dst, flow->source.bytes, 16))
		return 0;
	return sizeof(v6);
}

enum packet_answer packet_match(const uint8_t *packet, size_t size, const struct packet_flow *flow)
{
	size_t at = match_ip(packet, size, flow);
	struct tcphdr tcp;

	if (!at || size < at + sizeof(tcp))
		return PACKET_OTHER;
	memcpy(&tcp, packet + at, sizeof(tcp));
	if (ntohs(tcp.source) != flow->dest_port || ntohs(tcp.dest) != flow->source_port ||
	    !tcp.ack || ntohl(tcp.ack_seq) != flow->isn + 1)
		return PACKET_OTHER;
	if (tcp.rst)
		return PACKET_RST;
	return tcp.syn ? PACKET_SYN_ACK : PACKET_OTHER;
}

uint16_t packet_dest_port(const uint8_t *packet, size_t size)
{
	size_t at = size && packet[0] >> 4 == 4 ? (packet[0] & 15) * 4u : sizeof(struct ip6_hdr);
	uint16_t port;

	if (size < at + 4)
		return 0;
	memcpy(&port, packet + at + 2, sizeof(port));
	return ntohs(port);
}
