/* SPDX-License-Identifier: GPL-2.0 */
/* By a table's word: the hash that chooses a flow's slot there, and the fingerprint under which the
 * flow is remembered. For where that is not known already: the common packet has its listener's
 * salt. */
#ifndef EVENKEEL_TABLE_H
#define EVENKEEL_TABLE_H

#include "evenkeel/affinity.h"
#include "evenkeel/hash.h"

/* What tells a flow from others. */
struct ek_flow_id {
	struct ek_addr src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 pad[3];
};

static inline __u64 ek_id_hash(const struct ek_flow_id *id, const struct ek_key *key,
			       __u8 hash_kind)
{
	__u64 salt = ek_listener_salt(*key, &id->dst, id->dport, id->proto, hash_kind);

	return ek_flow_hash(*key, &id->src, hash_kind == EK_HASH_5TUPLE ? id->sport : 0, salt);
}

/* The slot hash. `keys` are those of the global record. */
static inline __u64 ek_table_flow_hash(__u64 table, const struct ek_flow_id *id,
				       const struct ek_key keys[2])
{
	__u8 flavour = ek_table_flavour(table);

	return ek_id_hash(id, &keys[ek_flavour_key(flavour)], ek_flavour_hash(flavour));
}

/* Bit 16 of a fingerprint: the parity of the table whose slot hash is in its low bits. */
#define EK_TAG_PARITY (1ull << 16)

static inline __u8 ek_tag_parity(__u64 tag)
{
	return !!(tag & EK_TAG_PARITY);
}

/* The fingerprint names the flow by its 5-tuple also where the slot does not depend on it. */
static inline __u64 ek_table_flow_tag(__u64 table, const struct ek_flow_id *id,
				      const struct ek_key keys[2], __u64 slot_hash, __u32 service)
{
	__u8 flavour = ek_table_flavour(table);
	__u64 flow = slot_hash, tag;

	if (ek_flavour_hash(flavour) != EK_HASH_5TUPLE)
		flow = ek_id_hash(id, &keys[ek_flavour_key(flavour)], EK_HASH_5TUPLE);
	tag = ek_flow_tag(flow, slot_hash, service) & ~EK_TAG_PARITY;
	tag |= ek_flavour_parity(flavour) ? EK_TAG_PARITY : 0;
	return tag ? tag : 1ull << 63; /* 0 is a free entry */
}

#endif
