/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of nat share. A network namespace of their own, because the kernel's routes say
 * where answers go:
 *
 *   back    10.0.0.254/24 fd00::fe/64          the backends' network, frames come in here
 *   front   192.0.2.1/24 2001:db8:f::1/64      clients 198.51.100.0/24, 2001:db8:1::/64 by a router
 */
#ifndef EVENKEEL_TESTS_NAT_SCENE_H
#define EVENKEEL_TESTS_NAT_SCENE_H

#include "fixture.h"

/* A flow, how backends a and b see it, and their answers. */
struct nat_flow {
	const char *flow;
	const char *service;
	const char *inside[2];
	const char *answer[2];
	const char *answered;
};
/* IPv4 and IPv6 in turn; TCP, then UDP. */
#define NAT_FLOWS 4
extern const struct nat_flow nat_flows[NAT_FLOWS];
extern const char nat_configuration[];
extern const uint8_t nat_router_mac[6];

/* Makes the network and opens a fixture in it; closes it. For a group of tests. */
int nat_setup(void **state);
int nat_teardown(void **state);

void nat_forwarding(bool allowed); /* the kernel's */

/* A TCP segment or UDP packet of the flow. */
struct segment nat_segment(const char *flow);
void nat_build(struct frame *f, const char *flow);
/* One hop on; and until one is left. */
void nat_hop(struct frame *f);
void nat_hop_to_last(struct frame *f);

/* Which of the two backends the frame was sent to: 0 or 1. */
int nat_backend_of(const struct fixture *x, const struct nat_flow *row, const struct frame *out);

/* Equal but for the MAC addresses. */
void nat_assert_same(const struct frame *got, const struct frame *want);
/* Passed to the host as it came. */
void nat_assert_untouched(const struct fixture *x, const struct frame *in);

#endif
