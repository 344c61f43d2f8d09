/* SPDX-License-Identifier: GPL-2.0 */
/* Packets of a length, and a service for each number of bytes that is put in front of them. */
#ifndef EVENKEEL_TESTS_MTU_CASE_H
#define EVENKEEL_TESTS_MTU_CASE_H

#include "frame.h"

#define MTU_SERVICES                                                                               \
	"services:\n"                                                                              \
	"  four:\n"                                                                                \
	"    listen: [\"203.0.113.10:443/tcp\", \"[2001:db8::10]:443/tcp\"]\n"                     \
	"    forward: ipip\n"                                                                      \
	"    backends: { a: 10.0.0.1, b: 10.0.0.2 }\n"                                             \
	"  six:\n"                                                                                 \
	"    listen: [\"203.0.113.10:444/tcp\", \"[2001:db8::10]:444/tcp\"]\n"                     \
	"    forward: ipip\n"                                                                      \
	"    backends: { a: \"fd00::1\", b: \"fd00::2\" }\n"                                       \
	"  gue:\n"                                                                                 \
	"    listen: [\"203.0.113.10:445/tcp\", \"[2001:db8::10]:445/tcp\"]\n"                     \
	"    forward: gue\n"                                                                       \
	"    backends: { a: \"fd00::1\", b: \"fd00::2\" }\n"                                       \
	"  dns:\n"                                                                                 \
	"    listen: [\"203.0.113.10:53/udp\", \"[2001:db8::10]:53/udp\"]\n"                       \
	"    forward: l2\n"                                                                        \
	"    backends: { a: 10.0.0.1, b: 10.0.0.2 }\n"

struct way {
	const char *flow;
	unsigned int outer, header; /* of the tunnel; of IP and transport */
};

/* IPv4 and IPv6 in turn. */
static const struct way ways[] = {
	{ "198.51.100.7:40000 > 203.0.113.10:443/tcp", 20, 40 },
	{ "[2001:db8:1::7]:40000 > [2001:db8::10]:443/tcp", 20, 60 },
	{ "198.51.100.7:40000 > 203.0.113.10:444/tcp", 40, 40 },
	{ "[2001:db8:1::7]:40000 > [2001:db8::10]:444/tcp", 40, 60 },
	{ "198.51.100.7:40000 > 203.0.113.10:445/tcp", 48, 40 },
	{ "[2001:db8:1::7]:40000 > [2001:db8::10]:445/tcp", 48, 60 },
	{ "198.51.100.7:40000 > 203.0.113.10:53/udp", 0, 28 },
	{ "[2001:db8:1::7]:40000 > [2001:db8::10]:53/udp", 0, 48 },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static inline bool is_ipv6(const struct way *w)
{
	return w->header == 60 || w->header == 48;
}

/* An IP packet of `length` bytes. */
static inline void packet(struct frame *f, const struct way *w, size_t length)
{
	frame_build(f, &(struct segment){ .flow = w->flow,
					  .tcp_flags = TCP_ACK,
					  .payload = length - w->header });
}

#endif
