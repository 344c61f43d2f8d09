/* SPDX-License-Identifier: GPL-2.0 */
/* Datagrams whose connection IDs name servers. */
#ifndef EVENKEEL_TESTS_QUIC_CASE_H
#define EVENKEEL_TESTS_QUIC_CASE_H

#include "fixture.h"

/* Of UDP's payload. */
struct datagram {
	uint8_t bytes[96];
	size_t length;
};

#define QUIC_SHORT 0x40
#define QUIC_V1 0x00000001u
#define QUIC_V2 0x6b3343cfu

/* A connection ID of `length` bytes, all 0xee but for the server's number of `size` bytes at
 * `offset`, as far as there is room. */
struct cid {
	uint8_t length;
	unsigned int offset, size;
	uint32_t number;
};

/* A short header, the connection ID, 30 bytes. */
void quic_short(struct datagram *d, uint8_t first, const struct cid *cid);
/* A long header, the connection ID, no source connection ID, 30 bytes. */
void quic_long(struct datagram *d, uint8_t first, uint32_t version, const struct cid *cid);

/* The datagram as a packet of the flow, checksums included. */
void quic_build(struct frame *f, const char *flow, const struct datagram *d);

/* The backend of "SERVICE" that it goes to; it must be forwarded as it came. */
uint32_t quic_send(const struct fixture *x, const char *service, const char *flow,
		   const struct datagram *d);

/* The one that its addresses and ports alone would choose. */
uint32_t quic_owner(const struct fixture *x, const char *service, const char *flow);

/* Client number i of a listener: IPv4 if it is even, IPv6 if it is odd. */
const char *quic_flow(char text[static 96], unsigned int i, unsigned int port);

#endif
