/* SPDX-License-Identifier: GPL-2.0 */
/* The forms of gue, and what must go out by each: computed from the whole packet, by code that
 * shares nothing with the data path. */
#ifndef EVENKEEL_TESTS_GUE_CASE_H
#define EVENKEEL_TESTS_GUE_CASE_H

#include "fixture.h"

/* A way to encapsulate, and the port of the service that goes by it. */
struct way {
	unsigned int port;
	bool ipv6; /* the outer header */
	int variant;
	bool checksum;
};
#define WAYS 6
extern const struct way ways[WAYS];
extern const char gue_configuration[];

/* For cmocka: *state is a fixture with that. */
int gue_setup(void **state);

/* Bytes that are put in front of a packet. */
size_t overhead(const struct way *w);

/* Packets inside; BARE: UDP without a checksum. */
enum inner { TCP4, UDP4, BARE4, TCP6, UDP6, BARE6, INNERS };
bool inner_is_ipv6(enum inner i);
bool inner_is_tcp(enum inner i);

/* A packet to that way's service, from a client's port. */
void build(struct frame *f, enum inner i, const struct way *w, unsigned int port, size_t payload);

/* Runs it; it must be sent. */
void run(const struct fixture *x, const struct frame *in, struct frame *out);

/* `out` is `in`, encapsulated that way. */
void expect_gue(const struct frame *out, const struct frame *in, const struct way *w);

/* The sum over the datagram behind an outer IPv6 header: 0xffff if its checksum is right. */
uint16_t gue_sum(const struct frame *out);

#endif
