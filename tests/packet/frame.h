/* SPDX-License-Identifier: GPL-2.0 */
/* Ethernet frames for the packet tests: built, and verified, by code that shares nothing with
 * the data path. */
#ifndef EVENKEEL_TESTS_FRAME_H
#define EVENKEEL_TESTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"

#define FRAME_MAX 10240 /* jumbo frames, and what is put around them */
#define FRAME_IP 14     /* offset of the IP header */

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t length;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* One packet of a flow, as a test says it. */
struct segment {
	const char *flow; /* "198.51.100.7:40000 > 203.0.113.10:443/tcp" */
	uint8_t tcp_flags;
	uint32_t seq;
	size_t payload;
};

/* Builds the frame, checksums included. Fails the test if `flow` is not a flow. */
void frame_build(struct frame *f, const struct segment *s);

/* Builds it from parsed ends, for random ones. */
struct flow_spec;
void frame_build_flow(struct frame *f, const struct flow_spec *flow, const struct segment *s);

/* An ICMP or ICMPv6 message, from address to address of one family; `body` is what follows its
 * first eight bytes. */
struct message {
	const char *from, *to;
	uint8_t type, code;
	uint32_t rest; /* the second four bytes, as a number */
	const uint8_t *body;
	size_t length;
};
void frame_build_icmp(struct frame *f, const struct message *m);

/* Puts `bytes` into the frame at `offset`. */
void frame_insert(struct frame *f, size_t offset, const void *bytes, size_t length);

/* Puts the last one or both of frame_tags behind the MAC addresses, 4 bytes each. */
extern const uint8_t frame_tags[8];
void frame_tag(struct frame *f, size_t tags);

/* Puts an IPv6 extension header of 8 * (1 + more) bytes right behind the header of the IPv6 packet
 * at offset `ip`. */
void frame_extend(struct frame *f, size_t ip, uint8_t type, uint8_t more, uint8_t segments_left);

/* Puts `length` bytes of options, a multiple of four, into the IPv4 header at offset `ip`. */
void frame_options(struct frame *f, size_t ip, const uint8_t *options, size_t length);

/* The fragment with `length` bytes of the packet's payload from `from` on, a multiple of eight; of
 * an IPv4 packet without options or an IPv6 packet without extension headers. */
void frame_fragment(struct frame *out, const struct frame *whole, uint16_t id, size_t from,
		    size_t length);

/* Length of the IP header of the packet at `ip`: IPv4 with options, or IPv6's 40. */
size_t frame_ip_header(const uint8_t *ip);

/* True if the packet at offset `ip` has right IP and transport checksums and lengths. */
bool frame_is_sound(const struct frame *f, size_t ip);

/* One's complement sum over bytes, RFC 1071; 0xffff when a checksum in it is right. */
uint16_t frame_sum(const uint8_t *bytes, size_t length, uint32_t start);

/* Sets the checksum of the IPv4 header, options included. */
void frame_sum_ipv4(uint8_t *ip);

unsigned int get16(const uint8_t *at);
void put16(uint8_t *at, unsigned int value);

#endif
