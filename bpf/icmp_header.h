/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EVENKEEL_BPF_ICMP_HEADER_H
#define EVENKEEL_BPF_ICMP_HEADER_H

#include <linux/types.h>

/* <linux/icmp.h> brings the C library's headers with it, and has no place here. */
enum icmp_type {
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3, /* code 4: fragmentation needed */
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
};

/* ICMP's and ICMPv6's common header, with what echo requests and errors have before the rest. */
struct icmp_header {
	__u8 type, code;
	__u16 check;
	__be32 rest;
};

#endif
