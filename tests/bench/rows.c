// SPDX-License-Identifier: GPL-2.0
/* The names are those of the XDP load-balancer benchmark in the kernel's selftests, so that others
 * can compare: `diverse` is a million flows, a row without it one. */
#include "rows.h"

#include <linux/bpf.h>
#include <netinet/in.h>

#include "scene.h"

#define TCP(to_, flags_)                                                                           \
	{                                                                                          \
		.to = (to_), .port = SCENE_PORT, .protocol = IPPROTO_TCP, .flags = (flags_)        \
	}
#define ACK(to_) TCP(to_, PACKET_ACK)
#define SHAPED(to_, shape_)                                                                        \
	{                                                                                          \
		.to = (to_), .port = SCENE_PORT, .protocol = IPPROTO_TCP, .flags = PACKET_ACK,     \
		.shape = (shape_)                                                                  \
	}
#define UDP(to_)                                                                                   \
	{                                                                                          \
		.to = (to_), .port = SCENE_PORT, .protocol = IPPROTO_UDP                           \
	}
#define PING(to_, protocol_)                                                                       \
	{                                                                                          \
		.to = (to_), .protocol = (protocol_)                                               \
	}

#define IN4 ROW_ENCAP4, 20, XDP_TX
#define IN6 ROW_ENCAP6, 40, XDP_TX
#define GUE4 ROW_ENCAP4, 28, XDP_TX
#define GUE6 ROW_ENCAP6, 48, XDP_TX
#define SAME_SIZE REPORT_NONE, 0, XDP_TX
#define PASSED REPORT_NONE, 0, XDP_PASS

#define LEAN                                                                                       \
	{                                                                                          \
		AIM_RATIO, 2.5, REPORT_NONE, 0                                                     \
	}
#define FLAT                                                                                       \
	{                                                                                          \
		AIM_OVER_TX, 1.1, ROW_V4_64K, 0                                                    \
	}
#define LIKE_IPV4                                                                                  \
	{                                                                                          \
		AIM_OVER_TX, 1.15, ROW_V4_1M, 0                                                    \
	}
#define LIKE_IPIP                                                                                  \
	{                                                                                          \
		AIM_OVER_TX, 1.3, ROW_V4_1M, 0                                                     \
	}
#define TWO_MISSES                                                                                 \
	{                                                                                          \
		AIM_OVER_TX, 1.0, ROW_V4_1M, 2                                                     \
	}
#define TWICE_TX                                                                                   \
	{                                                                                          \
		AIM_MEDIAN, 2.0, ROW_TX, 0                                                         \
	}
#define NO_AIM                                                                                     \
	{                                                                                          \
		AIM_NONE, 0, 0, 0                                                                  \
	}

#define KIB(n) ((n)*1024u / 8)

static const struct packet_spec other_family = ACK(SCENE_WEB6);

#define ROW(name, program, ...)                                                                    \
	{                                                                                          \
		name, "bench_" #program, __VA_ARGS__                                               \
	}

const struct row rows[] = {
	[ROW_TX] = ROW("floor: bare XDP_TX", tx, ACK(SCENE_WEB4), 16, SAME_SIZE, 0, 0, NO_AIM),
	[ROW_SWAP] = ROW("floor: MAC swap", swap, ACK(SCENE_WEB4), 16, SAME_SIZE, 0, 0, NO_AIM),
	[ROW_L2_CACHE] = ROW("floor: one access in 256 KiB", miss, ACK(SCENE_WEB4), 16, SAME_SIZE,
			     0, KIB(256), NO_AIM),
	[ROW_L3_CACHE] = ROW("floor: one access in 4 MiB", miss, ACK(SCENE_WEB4), 16, SAME_SIZE, 0,
			     KIB(4096), NO_AIM),
	[ROW_DRAM] = ROW("floor: one access in 128 MiB", miss, ACK(SCENE_WEB4), 16, SAME_SIZE, 0,
			 KIB(131072), NO_AIM),
	[ROW_ENCAP4] = ROW("floor: encapsulation alone, IPv4", encap4, ACK(SCENE_WEB4), 16, IN4, 0,
			   0, NO_AIM),
	[ROW_ENCAP6] = ROW("floor: encapsulation alone, IPv6", encap6, ACK(SCENE_WEB6), 16, IN6, 0,
			   0, NO_AIM),
	[ROW_V4_64K] = ROW("tcp-v4", balance, ACK(SCENE_WEB4), 16, IN4, 0, 0, LEAN),
	[ROW_V4_1M] = ROW("tcp-v4-diverse", balance, ACK(SCENE_WEB4), 20, IN4, 0, 0, FLAT),
	ROW("tcp-v4-diverse", balance, ACK(SCENE_WEB4), 24, IN4, 0, 0, FLAT),
	ROW("tcp-v4", balance, ACK(SCENE_WEB4), 0, IN4, 0, 0, LEAN),
	ROW("tcp-v4", balance, ACK(SCENE_WEB4), 12, IN4, 0, 0, LEAN),
	ROW("tcp-v4-syn", balance, TCP(SCENE_WEB4, PACKET_SYN), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v4-rst", balance, TCP(SCENE_WEB4, PACKET_RST), 20, IN4, 0, 0, NO_AIM),
	ROW("udp-v4", balance, UDP(SCENE_WEB4), 0, IN4, 0, 0, NO_AIM),
	ROW("udp-v4-diverse", balance, UDP(SCENE_WEB4), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v6", balance, ACK(SCENE_WEB6), 0, IN6, 0, 0, NO_AIM),
	ROW("tcp-v6-diverse", balance, ACK(SCENE_WEB6), 20, IN6, 0, 0, LIKE_IPV4),
	ROW("tcp-v4v6-diverse", mixed, ACK(SCENE_WEB4), 20, IN4, 0, 0, NO_AIM, &other_family, 40),
	ROW("tcp-v4-diverse, 4in6", balance, ACK(SCENE_4IN6), 20, IN6, 0, 0, NO_AIM),
	ROW("tcp-v6-diverse, 6in4", balance, ACK(SCENE_6IN4), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v4-diverse, l2", balance, ACK(SCENE_DIRECT), 20, SAME_SIZE, 0, 0, NO_AIM),
	ROW("tcp-v4-diverse, gue", balance, ACK(SCENE_GUE4), 20, GUE4, 0, 0, LIKE_IPIP),
	ROW("tcp-v6-diverse, gue", balance, ACK(SCENE_GUE6), 20, GUE6, 0, 0, NO_AIM),
	ROW("tcp-v4-diverse, 1 backend", balance, ACK(SCENE_ONE), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v4-diverse, 1000 backends", balance, ACK(SCENE_1000), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v4-diverse, 4000 backends", balance, ACK(SCENE_4000), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v4-diverse, 128 services", balance, ACK(SCENE_MANY), 20, IN4, 128, 0, NO_AIM),
	ROW("tcp-v4-diverse, 1024 services", balance, ACK(SCENE_MANY), 20, IN4, 1024, 0, NO_AIM),
	ROW("tcp-v4-diverse, unsettled", balance, ACK(SCENE_MISSED), 20, IN4, 0, 0, TWO_MISSES),
	ROW("tcp-v4-diverse, remembered", balance, ACK(SCENE_MOVED), 20, IN4, 0, 0, TWO_MISSES),
	ROW("no-vip-v4", balance, ACK("198.18.0.99"), 20, PASSED, 0, 0, TWICE_TX),
	ROW("no-vip-v4, a service's address", balance,
	    { .to = SCENE_WEB4, .port = 22, .protocol = IPPROTO_TCP, .flags = PACKET_ACK }, 20,
	    PASSED, 0, 0, TWICE_TX),
	ROW("no-vip-v6", balance, ACK("2001:db8::99"), 20, PASSED, 0, 0, TWICE_TX),
	ROW("icmp-v4", balance, PING(SCENE_WEB4, IPPROTO_ICMP), 20, PASSED, 0, 0, NO_AIM),
	ROW("icmp-v6", balance, PING(SCENE_WEB6, IPPROTO_ICMPV6), 20, PASSED, 0, 0, NO_AIM),
	ROW("non-ip", balance, {}, 0, PASSED, 0, 0, TWICE_TX),
	ROW("tcp-v4-options", general, SHAPED(SCENE_WEB4, PACKET_OPTIONS), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v6-options", general, SHAPED(SCENE_WEB6, PACKET_OPTIONS), 20, IN6, 0, 0, NO_AIM),
	ROW("tcp-v4-fragment", general, SHAPED(SCENE_WEB4, PACKET_FRAGMENT), 20, IN4, 0, 0, NO_AIM),
	ROW("tcp-v6-fragment", general, SHAPED(SCENE_WEB6, PACKET_FRAGMENT), 20, IN6, 0, 0, NO_AIM),
};
const size_t rows_count = sizeof(rows) / sizeof(rows[0]);
