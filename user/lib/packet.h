/* SPDX-License-Identifier: GPL-2.0 */
/* Small packets that nobody sent: those of a probe, and of a rehearsal. Pure. */
#ifndef EVENKEEL_LIB_PACKET_H
#define EVENKEEL_LIB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evenkeel/abi.h"
#include "lib/addr.h"

/* Ethernet, outer IPv6, UDP, GUE, inner IPv6, TCP with one option. */
#define PACKET_MAX (14 + 40 + 8 + 4 + 40 + 24)

/* One attempt to connect. Ports in host order. */
struct packet_flow {
	struct ek_addr source, dest; /* of one family */
	uint16_t source_port, dest_port;
	uint32_t isn;
};

/* Writes the IP packet with the SYN to `out`, and returns its length. */
size_t packet_syn(uint8_t *out, const struct packet_flow *flow);

/* The same with the RST that ends what the SYN began, once it was answered. */
size_t packet_rst(uint8_t *out, const struct packet_flow *flow);

/* A UDP packet of the flow, with some bytes that mean nothing. */
size_t packet_udp(uint8_t *out, const struct packet_flow *flow);

/* Are the lengths and checksums of this IP packet right? A whole one without options, with TCP, UDP
 * or IP in it, and an even number of bytes. */
bool packet_sound(const uint8_t *packet, size_t size);

/* Bytes that the path puts in front of an IP packet, Ethernet's included. */
size_t packet_header(const struct ek_path *path);
/* Writes them in front of one that is at frame + packet_header() already and has `inner_size`
 * bytes; `hash` is the flow's. The path's VLAN tag is the interface's to put on. */
void packet_complete(uint8_t *frame, const struct ek_path *path, uint64_t hash, size_t inner_size);

enum packet_answer { PACKET_OTHER, PACKET_SYN_ACK, PACKET_RST };

/* Is this IP packet the answer to the flow's SYN? */
enum packet_answer packet_match(const uint8_t *packet, size_t size, const struct packet_flow *flow);

/* Where the answer is matched to: the destination port of a TCP packet; 0: there is none. */
uint16_t packet_dest_port(const uint8_t *packet, size_t size);

#endif
