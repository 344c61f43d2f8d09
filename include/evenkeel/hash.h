/* SPDX-License-Identifier: GPL-2.0 */
/* The flow hash, the same inline code in the kernel and in user space.
 *
 * Keyed, so that nobody who does not know the key can aim flows at one backend or one bucket.
 * BPF has no 64x64>128 multiply and no rotate, so a round is xor-shift-multiply with the
 * constants of Pelle Evensen's moremur (https://mostlymangling.blogspot.com/2019/12/), an
 * improvement on Murmur3's 64-bit finalizer, with one key word added before it and one in its
 * middle. It is not a cryptographic hash; the key makes it useless to search for collisions
 * offline. An IPv4 source and port fit one word and cost one round, IPv6 costs two.
 *
 * What is the same for all packets of a listener (its address, port and protocol) goes into a
 * salt that user space computes once: a packet pays for its source only. The salt enters as late as
 * it can, because all before it is computed while the listener is still being looked for. */
#ifndef EVENKEEL_HASH_H
#define EVENKEEL_HASH_H

#include "evenkeel/abi.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "where an IPv4 address and a port meet in a word is laid out for little endian"
#endif

static inline __u64 ek_mix(__u64 h, __u64 key)
{
	h ^= h >> 27;
	h *= 0x3c79ac492ba7b653ull;
	h ^= h >> 33 ^ key;
	h *= 0x1c69b3f74ac4ae35ull;
	return h ^ h >> 27;
}

/* Hash of one flow: its source address, its source port (0 where the hash kind leaves ports
 * out) and its listener's salt.
 *
 * The low 16 bits of an IPv4-mapped address' second word are zero: the port goes there. An
 * IPv6 address fills both words; there the port enters in the middle of the first round,
 * where nobody can cancel it by choosing an address. (IPv6 sources whose first word is zero,
 * ::/64, are dropped before they come here.) */
static inline __u64 ek_flow_hash(struct ek_key key, const struct ek_addr *src, __be16 port,
				 __u64 salt)
{
	__u64 h = key.words[0];

	if (!src->words[0])
		return ek_mix(h ^ src->words[1] ^ port, key.words[1] ^ salt);
	h = ek_mix(h ^ src->words[0], key.words[1] ^ port);
	return ek_mix(h ^ src->words[1], key.words[1] ^ salt);
}

/* The listener's part of the flow hash. Hash kinds that must be equal across listeners leave
 * out what differs: SOURCE has salt 0, SOURCE_DEST has the address only. */
static inline __u64 ek_listener_salt(struct ek_key key, const struct ek_addr *addr, __be16 port,
				     __u8 proto, __u8 hash_kind)
{
	__u64 h = key.words[1];

	if (hash_kind == EK_HASH_SOURCE)
		return 0;
	h = ek_mix(h ^ addr->words[0], key.words[0]);
	h = ek_mix(h ^ addr->words[1], key.words[0]);
	if (hash_kind == EK_HASH_SOURCE_DEST)
		return h;
	return ek_mix(h ^ (__u64)port << 8 ^ proto, key.words[0]);
}

/* Hash of a datagram in fragments: RFC 791 and RFC 8200 section 4.5 name what they have in
 * common. IPv6's is without the protocol, which belongs to the first fragment alone. */
static inline __u64 ek_fragment_hash(struct ek_key key, const struct ek_addr *src,
				     const struct ek_addr *dst, __u32 id, __u8 proto)
{
	__u64 h = ek_mix(key.words[0] ^ src->words[0], key.words[1]);

	h = ek_mix(h ^ src->words[1], key.words[1]);
	h = ek_mix(h ^ dst->words[0], key.words[1]);
	h = ek_mix(h ^ dst->words[1], key.words[1]);
	return ek_mix(h ^ (__u64)id << 8 ^ proto, key.words[1]);
}

/* What a flow's outer headers take from its hash. Its low bits chose the backend, whose flows
 * have them in common: the others spread over routers and NIC queues. */
static inline __u16 ek_gue_source_port(__u64 flow_hash) /* host order */
{
	return EK_GUE_SOURCE_PORTS | (flow_hash >> 32 & (0xffff - EK_GUE_SOURCE_PORTS));
}
static inline __u16 ek_source_bits(__u64 flow_hash, __u16 mask)
{
	return flow_hash >> 48 & mask;
}

/* Hash for the directory; not keyed, because only the configuration chooses what is in it. */
static inline __u64 ek_directory_hash(const struct ek_addr *addr, __be16 port, __u8 proto,
				      __u32 seed)
{
	__u64 h = addr->words[1] ^ (__u64)port << 16 ^ (__u64)proto << 8 ^ (__u64)seed << 32;

	h *= 0x3c79ac492ba7b653ull;
	h ^= addr->words[0] * 0x9e3779b97f4a7c15ull;
	h ^= h >> 32;
	h *= 0x1c69b3f74ac4ae35ull;
	return h ^ h >> 29;
}
/* Places in both regions' arrays; the word says which region. */
static inline __u32 ek_directory_bucket(__u64 hash, __u64 word)
{
	return (hash | EK_DIRECTORY_BUCKETS) & word >> 32 & (2 * EK_DIRECTORY_BUCKETS - 1);
}
static inline __u32 ek_directory_entry(__u64 hash, __u32 displacement, __u64 word)
{
	return ((hash >> 32 ^ displacement) | EK_DIRECTORY_ENTRIES) & word >> 16 &
	       (2 * EK_DIRECTORY_ENTRIES - 1);
}

#endif
