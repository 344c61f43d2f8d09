// SPDX-License-Identifier: GPL-2.0
#include "lib/rehearsed.h"

#include <arpa/inet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/packet.h"

/* A frame, and how far it has been looked at. */
struct reading {
	const uint8_t *at;
	size_t left;
	char *why;
};

static bool differs(const struct reading *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static bool differs(const struct reading *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, REHEARSED_TEXT_MAX, format, args);
	va_end(args);
	return false;
}

static void skip(struct reading *r, size_t size)
{
	r->at += size;
	r->left -= size;
}

static uint16_t word_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool ethernet_agrees(const struct rehearsed *plan, struct reading *r, bool ipv4)
{
	const uint8_t *m = r->at, *p = plan->dest_mac;
	uint16_t type = ipv4 ? ETHERTYPE_IP : ETHERTYPE_IPV6;
	size_t tags = plan->tag_type ? 4 : 0;

	if (r->left < sizeof(struct ether_header) + tags)
		return differs(r, "the frame has %zu bytes", r->left);
	if (memcmp(m, p, ETH_ALEN))
		return differs(r,
			       "the frame goes to %02x:%02x:%02x:%02x:%02x:%02x, not to "
			       "%02x:%02x:%02x:%02x:%02x:%02x",
			       m[0], m[1], m[2], m[3], m[4], m[5], p[0], p[1], p[2], p[3], p[4],
			       p[5]);
	if (tags && (word_at(m + 12) != plan->tag_type || (word_at(m + 14) & 0xfff) != plan->tag))
		return differs(r, "the frame has not VLAN tag %u", plan->tag);
	if (word_at(m + 12 + tags) != type)
		return differs(r, "the frame's type is 0x%04x, not 0x%04x", word_at(m + 12 + tags),
			       type);
	skip(r, sizeof(struct ether_header) + tags);
	return true;
}

static bool address_agrees(const struct reading *r, const struct ek_addr *found,
			   const struct ek_addr *want, const char *which)
{
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

	return addr_equal(found, want) ||
	       differs(r, "the %s is %s, not %s", which, addr_text(found, a), addr_text(want, b));
}

static struct ek_addr address_at(const uint8_t *at, bool ipv4)
{
	struct ek_addr a = { .bytes = { [10] = 0xff, [11] = 0xff } };

	memcpy(ipv4 ? a.bytes + 12 : a.bytes, at, ipv4 ? 4 : 16);
	return a;
}

/* An IP header to `dest`, of the size that leaves `inner` bytes. */
static bool outer_agrees(const struct rehearsed *plan, struct reading *r, bool ipv4,
			 uint8_t protocol)
{
	size_t size = ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	struct ek_addr dest;

	if (r->left < size)
		return differs(r, "the packet has %zu bytes", r->left);
	dest = address_at(r->at + (ipv4 ? 16 : 24), ipv4);
	if (!address_agrees(r, &dest, &plan->backend, "outer destination"))
		return false;
	if (!packet_sound(r->at, r->left))
		return differs(r, "a length or a checksum of the outer headers is wrong");
	if (r->at[ipv4 ? 9 : 6] != protocol)
		return differs(r, "the outer protocol is %u, not %u", r->at[ipv4 ? 9 : 6],
			       protocol);
	skip(r, size);
	return true;
}

static bool gue_agrees(const struct rehearsed *plan, struct reading *r)
{
	size_t size = sizeof(struct udphdr) + (plan->gue & EK_GUE_VARIANT_0 ? EK_GUE_HEADER : 0);

	if (r->left < size || word_at(r->at + 2) != EK_GUE_PORT)
		return differs(r, "there is no GUE header");
	skip(r, size);
	return true;
}

static bool inner_agrees(const struct reading *r, const uint8_t *in, size_t in_size)
{
	return (r->left == in_size && !memcmp(r->at, in, in_size)) ||
	       differs(r, "the client's packet is not as it came");
}

/* What nat exchanges is checked as a whole: addresses, ports, and the checksums over them. */
static bool nat_agrees(const struct rehearsed *plan, const struct reading *r, const uint8_t *in,
		       size_t in_size, bool ipv4)
{
	size_t ip = ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	size_t source = ipv4 ? 12 : 8, length = ipv4 ? 4 : 16;
	struct ek_addr dest;
	uint16_t port;

	if (r->left != in_size || in_size < ip + 4)
		return differs(r, "the packet has %zu bytes, not %zu", r->left, in_size);
	dest = address_at(r->at + source + length, ipv4);
	port = plan->port ?: word_at(in + ip + 2);
	if (!address_agrees(r, &dest, &plan->backend, "destination"))
		return false;
	if (word_at(r->at + ip + 2) != port)
		return differs(r, "the destination's port is %u, not %u", word_at(r->at + ip + 2),
			       port);
	if (memcmp(r->at + source, in + source, length) || memcmp(r->at + ip, in + ip, 2))
		return differs(r, "the source is not as it came");
	return packet_sound(r->at, r->left) || differs(r, "a length or a checksum is wrong");
}

bool rehearsed_agrees(const struct rehearsed *plan, const uint8_t *in, size_t in_size,
		      const uint8_t *out, size_t out_size, char why[static REHEARSED_TEXT_MAX])
{
	const uint8_t *packet = in + sizeof(struct ether_header);
	size_t size = in_size - sizeof(struct ether_header);
	bool tunnel = plan->forward == EK_FORWARD_IPIP || plan->forward == EK_FORWARD_GUE;
	bool inner4 = packet[0] >> 4 == 4, outer4 = tunnel ? addr_is_ipv4(&plan->backend) : inner4;
	uint8_t carried = inner4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	struct reading r = { out, out_size, why };

	if (!ethernet_agrees(plan, &r, outer4))
		return false;
	if (plan->forward == EK_FORWARD_NAT)
		return nat_agrees(plan, &r, packet, size, inner4);
	if (tunnel && !outer_agrees(plan, &r, outer4,
				    plan->forward == EK_FORWARD_GUE ? IPPROTO_UDP : carried))
		return false;
	if (plan->forward == EK_FORWARD_GUE && !gue_agrees(plan, &r))
		return false;
	return inner_agrees(&r, packet, size);
}
