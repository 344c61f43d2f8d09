/* SPDX-License-Identifier: GPL-2.0 */
/* One's complement sums (RFC 1071), over words as they are in memory. */
#ifndef EVENKEEL_BPF_CHECKSUM_H
#define EVENKEEL_BPF_CHECKSUM_H

#include <linux/types.h>

/* The sum in 16 bits. Twice: the first fold may carry. */
static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The checksum of what adds up to `sum`. */
static __always_inline __u16 checksum(__u32 sum)
{
	return ~fold(sum);
}

/* RFC 1624, equation 3: the checksum after one word has changed. */
static __always_inline __u16 checksum_replace(__u16 check, __u16 from, __u16 to)
{
	return checksum((__u32)(__u16)~check + (__u16)~from + to);
}

#endif
