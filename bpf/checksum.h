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

/* A few 32-bit words added up, in 16 bits: 2^16 is 1 modulo 2^16 - 1, in which sums are. */
static __always_inline __u16 fold_words(__u64 sum)
{
	return fold((__u32)(sum & 0xffff) + (__u32)(sum >> 16 & 0xffff) + (__u32)(sum >> 32));
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

/* Larger changes are summed up first: ~m + m' of what is exchanged. Sums of 32-bit words serve as
 * well as those of 16 bits. */
static __always_inline __u64 change32(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

static __always_inline __u64 change64(__u64 from, __u64 to)
{
	return change32((__u32)from, (__u32)to) + change32(from >> 32, to >> 32);
}

/* The checksum after such a change. */
static __always_inline __u16 checksum_change(__u16 check, __u64 change)
{
	return checksum((__u32)(__u16)~check + fold_words(change));
}

#endif
