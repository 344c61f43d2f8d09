/* SPDX-License-Identifier: GPL-2.0 */
/* What is known of the packet being processed, gathered step by step. */
#ifndef EVENKEEL_BPF_PACKET_H
#define EVENKEEL_BPF_PACKET_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "evenkeel/abi.h"
#include "evenkeel/affinity.h"
#include "maps.h"

/* Every step returns an XDP verdict that ends the path, or NEXT. */
#define NEXT (-1)

/* First verdict that is not NEXT; a GNU `?:` cannot serve, because XDP_ABORTED is 0. */
#define STEP(call)                                                                                 \
	do {                                                                                       \
		int verdict = (call);                                                              \
		if (verdict != NEXT)                                                               \
			return verdict;                                                            \
	} while (0)

enum fragment {
	FRAGMENT_NONE,
	FRAGMENT_FIRST, /* its ports are known */
	FRAGMENT_LATER, /* goes where the first one went */
};

/* Nothing is zeroed: each step sets what stands under its name, for every packet that goes on. */
struct packet {
	struct xdp_md *ctx;

	/* parse.h, general.h */
	struct ek_addr src, dst;
	__be16 sport, dport;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 ipv6;
	__u8 fragment; /* enum fragment */
	__u8 syn;      /* TCP SYN without ACK */
	__u8 defect;   /* 0, or 1 + the first reason to drop it, should it be for a service */
	__u16 ip_len;  /* of the IP packet, without Ethernet padding */
	int room;      /* what the IP header leaves for the transport; may be negative */
	__u8 related;  /* speaks of a flow and is not of it: looks up, never stores */
	__u8 initial;  /* QUIC: begins a connection */
	__u16 quoted_transport; /* an ICMP error's: its offset from the quoted IP header; else 0 */

	__u32 fragment_id; /* of a fragment: what its datagram's fragments have in common */

	/* Constants in the fast program: general 0, tags 0, transport by the IP version. */
	__u8 general;        /* the program for rare packets is running */
	__u8 tags;           /* VLAN tags taken off, to be put on again */
	__u32 tag[TAGS_MAX]; /* as in the frame: TPID and TCI */
	__u16 transport;     /* offset of the transport header from the IP header */

	/* service.h, select.h */
	struct ek_global *global;
	__u32 service;
	__u8 flavour; /* of the table that `salt` is for */
	__u64 salt;
	__u64 hash; /* the flow hash */
	__u32 backend;
};

#endif
