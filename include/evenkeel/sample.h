/* SPDX-License-Identifier: GPL-2.0 */
/* What the data path lets user space see of its packets: a few of them, and whether handshakes come
 * to anything. Bounded: nothing here grows with traffic, and who does not read costs nothing. */
#ifndef EVENKEEL_SAMPLE_H
#define EVENKEEL_SAMPLE_H

#include "evenkeel/abi.h"

#define EK_MAP_SAMPLES "samples"
#define EK_MAP_SAMPLE_SHIFTS "sample_shifts"
#define EK_MAP_HANDSHAKES "handshakes"

/* ---- sampled packets ------------------------------------------------------------------------- */

/* Of the packets that a CPU sends to a backend, one in 2^shift is sampled, at distances that are
 * random and evenly distributed between 1 and 2^(shift + 1) - 1: with fixed ones flows that take
 * turns would be seen always or never. The next one's number stands beside the counter that each
 * packet raises (struct ek_traffic), so that asking costs a load and a comparison.
 *
 * Each backend has a distance of its own: a quiet service beside a busy one is seen too. */
#define EK_SAMPLE_SHIFT_MAX 24u /* more are taken for this */
#define EK_SAMPLE_OFF 255u      /* nothing is sampled */

/* sample_shifts[backend / 8]: elements of an array take eight bytes each, whatever they are. */
struct ek_sample_shifts {
	__u8 shift[8];
};
#define EK_SAMPLE_SHIFTS(backends) (((backends) + 7) / 8)

/* The headers of one, as it came in. */
struct ek_sample {
	struct ek_addr client, dest;
	__u32 backend;
	__u32 count; /* packets that this CPU had sent to the backend, it included, modulo 2^32 */
	__u16 bytes; /* of the IP packet */
	__be16 sport, dport; /* 0: another part of its datagram has them */
	__u8 proto;
	__u8 flags; /* EK_SAMPLE_* */
};
_Static_assert(sizeof(struct ek_sample) == 48, "a sample");
#define EK_SAMPLE_SYN 1u  /* TCP: the first of a connection */
#define EK_SAMPLE_IPV6 2u /* an IPv6 packet */

/* samples[cpu]: the CPU writes at `written`, user space reads up to it and says how far in `read`.
 * What finds no room is not sampled, and for EK_SAMPLE_REST packets nobody asks again. */
#define EK_SAMPLES 1024u
#define EK_SAMPLE_REST 4096u
struct ek_sample_ring {
	__u64 written;
	__u64 full; /* how often there was no room */
	__u64 pad[6];
	__u64 read;
	__u64 pad2[7];
	struct ek_sample sample[EK_SAMPLES];
};
_Static_assert(sizeof(struct ek_sample_ring) % 64 == 0, "no cache line is shared by two CPUs");

/* ---- handshakes ------------------------------------------------------------------------------ */

/* A SYN is noted when its flow is in the sample: one flow hash in 64, by bits that choose no slot.
 * A second packet of the flow, which is in the sample as well, marks the note. User space takes
 * notes away, marked or too old; one whose place is taken is not made.
 *
 * A note in one word: 0..23 backend, 24..31 the second (modulo 256), 32 followed, 33..63 tag; 0:
 * free. The hash may leave the client's port out: the tag does not. */
#define EK_HANDSHAKE_SKIP 0x3f0000u /* a flow hash with any of these bits is not in the sample */
#define EK_HANDSHAKES 2048u
#define EK_HANDSHAKE_FOLLOWED (1ull << 32)
#define EK_HANDSHAKE_TAG_MASK (~0ull << 33)

static inline __u32 ek_handshake_place(__u64 flow_hash)
{
	return flow_hash >> 22 & (EK_HANDSHAKES - 1);
}
static inline __u64 ek_handshake_tag(__u64 flow_hash, __be16 sport)
{
	return (flow_hash ^ (__u64)sport << 33) & EK_HANDSHAKE_TAG_MASK;
}
static inline __u64 ek_handshake_note(__u64 tag, __u32 backend, __u32 now_s)
{
	return tag | (__u64)(now_s & 0xff) << 24 | backend;
}
static inline __u32 ek_handshake_backend(__u64 note)
{
	return note & EK_BACKEND_INDEX_MAX;
}
static inline __u32 ek_handshake_age(__u64 note, __u32 now_s)
{
	return (now_s - (__u32)(note >> 24)) & 0xff;
}

#endif
