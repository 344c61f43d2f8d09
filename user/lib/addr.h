/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses and endpoints: text to struct ek_addr and back. Pure. */
#ifndef EVENKEEL_LIB_ADDR_H
#define EVENKEEL_LIB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

#define ADDR_TEXT_MAX 46     /* INET6_ADDRSTRLEN */
#define ENDPOINT_TEXT_MAX 64 /* "[address]:65535/tcp" */

/* An address, port and protocol: a listener, or one end of a flow. Port in host order. */
struct endpoint {
	struct ek_addr addr;
	uint16_t port;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, or 0 where none was given */
};

/* Parses "10.0.0.1" or "2001:db8::1" (no brackets, no zone, no prefix length). IPv4 must be
 * four decimal numbers without leading zeros ("10.0.0.010" is octal to some and decimal to
 * others). "::ffff:10.0.0.1" is the IPv4 address. Returns 0, or -EINVAL with a reason for a
 * person in `why` (static text); `out` is untouched then. */
int addr_parse(struct ek_addr *out, const char *text, const char **why);

/* Writes the canonical text (RFC 5952; IPv4 dotted) into buf and returns buf. */
const char *addr_text(const struct ek_addr *a, char buf[static ADDR_TEXT_MAX]);

bool addr_is_ipv4(const struct ek_addr *a);
bool addr_equal(const struct ek_addr *a, const struct ek_addr *b);

/* Parses "192.0.2.0/24", "2001:db8::/64"; *bits are the prefix length within the family. Bits
 * behind the prefix must be 0. Returns as addr_parse() does. */
int prefix_parse(struct ek_addr *out, uint32_t *bits, const char *text, const char **why);

/* Why `a` cannot be the address of a backend or listener (multicast, 0.0.0.0/8, 240/4,
 * loopback, unspecified, IPv6 link-local), as text that completes "address X ..."; NULL if it
 * can. */
const char *addr_unusable(const struct ek_addr *a);

/* Parses "203.0.113.10:443/tcp", "[2001:db8::10]:443/udp". Port 1..65535. The protocol may be
 * left out if `proto_optional`; it is 0 then. Returns 0, or -EINVAL with `why`. */
int endpoint_parse(struct endpoint *out, const char *text, bool proto_optional, const char **why);

/* Writes "address:port/proto", IPv6 in brackets; "/proto" only if it has one. */
const char *endpoint_text(const struct endpoint *e, char buf[static ENDPOINT_TEXT_MAX]);

/* A flow as people write it: "198.51.100.7:40000 > 203.0.113.10:443/tcp" (spaces optional).
 * Both ends must be of one family. */
struct flow_spec {
	struct endpoint source; /* proto 0 */
	struct endpoint dest;
};
int flow_spec_parse(struct flow_spec *out, const char *text, const char **why);

#endif
