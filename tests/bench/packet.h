/* SPDX-License-Identifier: GPL-2.0 */
/* Frames of BENCH_FRAME bytes, as the benchmark's templates. */
#ifndef EVENKEEL_TESTS_BENCH_PACKET_H
#define EVENKEEL_TESTS_BENCH_PACKET_H

#include <stdint.h>

#include "bench.h"

struct packet_spec {
	const char *to; /* an IPv4 or IPv6 address; NULL: a frame that is not IP */
	uint16_t port;
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP */
	uint8_t flags;    /* of TCP: PACKET_SYN... */
	uint8_t shape;    /* PACKET_FRAGMENT... */
};

/* What stands between the IP header and the transport, or is odd about the former. */
enum packet_shape {
	PACKET_PLAIN,
	PACKET_FRAGMENT,       /* the first one: it has ports */
	PACKET_LATER_FRAGMENT, /* without */
	PACKET_OPTIONS,        /* IPv4: four bytes of no operation; IPv6: a hop-by-hop header */
};

#define PACKET_FIN 0x01
#define PACKET_SYN 0x02
#define PACKET_RST 0x04
#define PACKET_ACK 0x10

/* Sequence numbers of a SYN and of the segment that follows it. */
#define PACKET_ISN 1000u

/* Where frames are sent to. */
extern const uint8_t packet_mac[6];

/* The frame; its source is left to the program that sends it. */
void packet_write(uint8_t frame[static BENCH_FRAME], const struct packet_spec *p);

#endif
