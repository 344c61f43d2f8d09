/* SPDX-License-Identifier: GPL-2.0 */
/* The three packets of an ICMP case: the client's, the backend's answer, the error about that. */
#ifndef EVENKEEL_TESTS_ERROR_FRAMES_H
#define EVENKEEL_TESTS_ERROR_FRAMES_H

#include <stdio.h>

#include "frame.h"

#define VIP4 "203.0.113.10"
#define VIP6 "2001:db8::10"
#define ROUTER4 "192.0.2.1"
#define ROUTER6 "2001:db8:ffff::1"
#define TOO_BIG6 2

struct ends {
	bool ipv6;
	unsigned int port; /* the client's */
	unsigned int service;
	const char *proto;
};

static inline void from_client(struct frame *f, const struct ends *e)
{
	char flow[96];

	snprintf(flow, sizeof(flow),
		 e->ipv6 ? "[2001:db8:1::7]:%u > [" VIP6 "]:%u/%s"
			 : "198.51.100.7:%u > " VIP4 ":%u/%s",
		 e->port, e->service, e->proto);
	frame_build(f, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK, .payload = 5 });
}

static inline void from_backend(struct frame *f, const struct ends *e)
{
	char flow[96];

	snprintf(flow, sizeof(flow),
		 e->ipv6 ? "[" VIP6 "]:%u > [2001:db8:1::7]:%u/%s"
			 : VIP4 ":%u > 198.51.100.7:%u/%s",
		 e->service, e->port, e->proto);
	frame_build(f, &(struct segment){ .flow = flow, .tcp_flags = TCP_ACK, .payload = 1000 });
}

/* IP header and eight bytes: what an error quotes at least. */
static inline size_t least(const struct frame *about)
{
	return frame_ip_header(about->bytes + FRAME_IP) + 8;
}

/* The error about `about` that quotes its first `length` bytes. */
static inline void error_about(struct frame *f, const struct frame *about, uint8_t type,
			       uint8_t code, size_t length)
{
	bool ipv6 = about->bytes[FRAME_IP] >> 4 == 6;

	frame_build_icmp(f, &(struct message){ .from = ipv6 ? ROUTER6 : ROUTER4,
					       .to = ipv6 ? VIP6 : VIP4,
					       .type = type,
					       .code = code,
					       .rest = 1400,
					       .body = about->bytes + FRAME_IP,
					       .length = length });
}

static inline void fragmentation_needed(struct frame *f, const struct frame *about, size_t length)
{
	if (about->bytes[FRAME_IP] >> 4 == 6)
		error_about(f, about, TOO_BIG6, 0, length);
	else
		error_about(f, about, 3, 4, length);
}

#endif
