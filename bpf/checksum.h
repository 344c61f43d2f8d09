/* SPDX-License-Identifier: GPL-2.0 */
/* Checksums: complements of sums (sum.h). */
#ifndef EVENKEEL_BPF_CHECKSUM_H
#define EVENKEEL_BPF_CHECKSUM_H

#include "sum.h"

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
