/* SPDX-License-Identifier: GPL-2.0 */
/* Keys and values of the maps: the contract between the data path and user space. All maps but
 * `egress`, `macs`, `quic_ids` and those of nat are memory-mapped: user space needs no system calls
 * to read counters and write tables. What must be atomic is one aligned word. */
#ifndef EVENKEEL_ABI_H
#define EVENKEEL_ABI_H

#include <linux/types.h>

#include "evenkeel/drops.h"
#include "evenkeel/limits.h"

/* Map names, as in the object and as file names below PIN_FOLDER/v<EK_ABI_VERSION>/. */
#define EK_MAP_CORE "core"
#define EK_MAP_SLOTS "slots"
#define EK_MAP_BACKENDS "backends"
#define EK_MAP_FLOWS "flows"
#define EK_MAP_FRAGMENTS "fragments"
#define EK_MAP_TRAFFIC "traffic"
#define EK_MAP_EGRESS "egress"
#define EK_MAP_MACS "macs"
#define EK_MAP_RETURNS "returns"
#define EK_MAP_QUIC_IDS "quic_ids"
#define EK_MAP_TAILS "tails" /* pinned below programs/: it belongs to a load, not to the state */
#define EK_MAP_SERVICE_IDS "service_ids"
#define EK_MAP_BACKEND_IDS "backend_ids"

/* An address, family-neutral: IPv4 is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct ek_addr {
	union {
		__u8 bytes[16];
		__be16 be16[8];
		__be32 be32[4];
		__u64 words[2]; /* as in memory, no byte order: for hashing and comparing */
	};
};
_Static_assert(sizeof(struct ek_addr) == 16, "an address");

/* One end of a flow, or a listener. */
struct ek_end {
	struct ek_addr addr;
	__be16 port;
	__u8 proto;
	__u8 ipv6; /* an IPv6 packet of ::ffff:a.b.c.d is not one of a.b.c.d */
	__u8 pad[4];
};
_Static_assert(sizeof(struct ek_end) == 24, "no hidden padding: it is a key");

/* The 128-bit flow hash key, part of the installation's state; a fleet shares it. */
struct ek_key {
	__u64 words[2];
};

/* ---- global: one record -------------------------------------------------------------- */

struct ek_global {
	/* Read for every packet: the first cache line. */
	__u32 abi;         /* EK_ABI_VERSION, written last when the maps are made */
	__u32 flags;       /* bits 0..1: enum ek_echo, see ek_global_echo(); EK_GLOBAL_* */
	struct ek_key key; /* that the listeners' salts are made with: one of `keys` */
	__u64 directory; /* see ek_directory_word(): switching it switches all listeners at once */
	__u64 mac;       /* the address most frames come to, as a key of `macs`; 0: any is taken */
	__u64 pad[3];

	/* Sizes, so that pinned maps explain themselves. */
	__u32 cpus;     /* CPU regions in `traffic` and `verdicts` */
	__u32 backends; /* entries of `backends`, and of one CPU's region in `traffic` */
	__u32 slots;
	__u32 flow_buckets;

	/* Prefixes that outer source addresses are taken from. The paths say what the data path
	 * does; these say what the paths were made from. */
	__u8 source4_bits, source6_bits; /* length of the prefix; 0: none, the host's own address */
	__u8 pad2[14];
	struct ek_addr source4, source6;

	/* Flow hash keys: a table's flavour says which it was made with. `key` is written while no
	 * packet uses it: between two grace periods in which every table is of another flavour
	 * than its listeners (key_in_force() in user/dp/install.c). */
	struct ek_key keys[2];
	__u32 key_index; /* of the key that tables are made with now */
	__u32 pad3[7];
};
_Static_assert(sizeof(struct ek_global) == 192, "three cache lines");

/* What is done with an ICMP echo request to a service's address. */
enum ek_echo { EK_ECHO_ANSWER, EK_ECHO_PASS, EK_ECHO_DROP };
static inline __u32 ek_global_echo(__u32 flags)
{
	return flags & 3;
}
#define EK_GLOBAL_NAT 4u /* `returns` is not empty */

/* An Ethernet address as the key of `macs`: its six bytes as they are in memory, then zeros. */
#define EK_MAC_MASK 0xffffffffffffull

/* ---- directory: (address, port, protocol) > service, without probing ------------------ */

/* Hash and displace (Pagh 1999): bucket = hash's low bits, entry = hash's high bits ^
 * displacement[bucket]. User space chooses the displacements so that no two listeners meet:
 * a lookup is always one displacement and one entry. Two regions of each map; the word in
 * ek_global names the one in use and its sizes. */
struct ek_listener {
	struct ek_addr addr;
	union {
		struct {
			__be16 port;
			__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP; 0: empty; see below */
			__u8 ipv6;  /* an IPv6 packet to ::ffff:a.b.c.d is not for a.b.c.d */
		};
		__u32 key; /* the three, to compare at once: ek_listener_key() */
	};
	__u16 service; /* index into services */
	__u8 flavour;  /* of the table that `salt` was made for; EK_LISTENER_QUIC */
	__u8 pad;
	__u64 salt; /* ek_listener_salt(): the listener's part of the flow hash */
};
_Static_assert(sizeof(struct ek_listener) == 32, "two to a cache line");
_Static_assert(EK_SERVICES_MAX < 1 << 16, "a service's index fits 16 bits, and EK_ANY_SERVICE");

/* In a listener's flavour: its packets are QUIC, and their connection IDs name servers. No table
 * has such a flavour, so that the data path, which compares the two anyway, asks nothing more of
 * the packets of other listeners. */
#define EK_LISTENER_QUIC 16u

/* Each address that has a listener stands there once more, with port 0, IPPROTO_ICMP or
 * IPPROTO_ICMPV6 and this for a service: so an echo request finds that it is for a service. */
#define EK_ANY_SERVICE EK_SERVICES_MAX

_Static_assert(EK_DIRECTORY_ENTRIES <= 1 << 16, "a displacement fits 16 bits");

/* ---- services -------------------------------------------------------------------------- */

enum ek_forward {
	EK_FORWARD_NONE,
	EK_FORWARD_L2,
	EK_FORWARD_IPIP,
	EK_FORWARD_GUE,
	EK_FORWARD_NAT,
};
enum ek_hash_kind { EK_HASH_5TUPLE, EK_HASH_SOURCE, EK_HASH_SOURCE_DEST };

/* A table descriptor in one word, so that one store switches a service to another table,
 * its size and its flavour at once: see ek_table_word(). 0: no table.
 *
 * Where a flow stood in a table of another size, hash choice or key cannot be told from its slot in
 * this one: such a table begins with all slots unsettled and EK_DEF_OLD_TABLE as their def, and
 * old_table says where def is to be looked up. It is set a grace period before `table` is, and
 * cleared a grace period after the last such slot has settled: whoever reads that def finds it. */
struct ek_service {
	__u64 table;      /* the table in force */
	__u64 old_table;  /* the one before another size or flavour; see EK_DEF_OLD_TABLE */
	__u32 idle_s;     /* its idle time: for so long an unknown UDP flow may be an old one */
	__u32 quic;       /* where connection IDs name servers: ek_quic_layout(); 0: nowhere */
	__u32 generation; /* counts switches, for observers */
	__u32 flags, lease_s, pad32; /* lease_s: until when a change is leased: see lease.h */
	__u64 undone_table, pad[2];  /* undone_table: gone back from; see affinity.h */
};
_Static_assert(sizeof(struct ek_service) == 64, "one cache line");

/* ---- backends ---------------------------------------------------------------------------- */

/* What the data path does to a packet for this backend. */
enum ek_encap {
	EK_ENCAP_NONE,     /* entry is unused */
	EK_ENCAP_L2,       /* Ethernet header only: header[0..13] */
	EK_ENCAP_IPV4,     /* Ethernet and IPv4: header[0..33] */
	EK_ENCAP_IPV6,     /* Ethernet and IPv6: header[0..53] */
	EK_ENCAP_GUE_IPV4, /* as EK_ENCAP_IPV4, UDP behind it */
	EK_ENCAP_GUE_IPV6, /* as EK_ENCAP_IPV6, UDP behind it */
	EK_ENCAP_NAT,      /* Ethernet addresses: header[0..11]; a struct ek_end: see EK_PATH_END */
};
#define EK_ENCAP_KIND 15u         /* ek_path.encap is an enum ek_encap and, with gue, these bits */
#define EK_ENCAP_GUE_HEADER 16u   /* variant 0: a GUE header of 4 bytes behind UDP */
#define EK_ENCAP_GUE_CHECKSUM 32u /* UDP has a checksum */

/* draft-ietf-intarea-gue: generic UDP encapsulation. */
#define EK_GUE_PORT 6080
#define EK_GUE_SOURCE_PORTS 49152 /* .. 65535: the flow's, so that routers and NICs spread */
#define EK_GUE_HEADER 4           /* bytes that variant 0 has between UDP and the packet */

/* How a service's packets go by gue, where it is not the default. */
#define EK_GUE_VARIANT_0 1u
#define EK_GUE_NO_CHECKSUM 2u /* outer UDP over IPv6 without a checksum */

#define EK_PATH_NEXT_HOP 1u  /* addresses and egress are valid */
#define EK_PATH_DEAD 2u      /* the backend is down: its slots' owner takes its packets */
#define EK_PATH_SECOND 4u    /* in path[0] only: path[1] is the one in use */
#define EK_PATH_TAGGED 8u    /* sent with the VLAN tag in header[12..13], whatever it came with */
#define EK_PATH_UNTAGGED 16u /* sent without a VLAN tag; else with those the packet came with */
#define EK_PATH_SERVICE_TAG 32u /* that VLAN tag's type is 0x88a8 (802.1ad), not 0x8100 (802.1Q) */
#define EK_PATH_CAPACITY 64u    /* in path[0] only: see shed.h; the backend's, not the path's */
#define EK_PATH_TAGS (EK_PATH_TAGGED | EK_PATH_UNTAGGED | EK_PATH_SERVICE_TAG)

/* A way to a backend, ready to copy. What depends on the packet is 0 in the template, and the data
 * path fills it in: for IPv4 tot_len, check, and the protocol (4 or 41, as the inner family is);
 * for IPv6 payload_len and next header. With gue the protocol is always UDP's and stands there.
 *
 * `csum` is the one's complement sum of what is constant: for IPv4 of the header's 16-bit words;
 * for gue over IPv6 of UDP's pseudo header and destination port.
 *
 * The length's place in the template is used: it has a mask of those of the source address' last
 * 16 bits that come from the flow hash. They are 0 in the source, and 65536 sources are more
 * than any NIC has queues. 0: the source is as it stands. */
#define EK_PATH_MASK_IPV4 16 /* where in `header` */
#define EK_PATH_MASK_IPV6 18
#define ek_path_mask(path, at) (*(const __u16 *)(const void *)((path)->header + (at)))

/* Where nat has the packet's new destination, a struct ek_end; port 0: it keeps its own. */
#define EK_PATH_END 16
struct ek_path {
	__u8 header[54]; /* Ethernet, then the outer IP header, as sent (but see EK_PATH_TAGGED) */
	__u16 mtu;       /* of the egress: largest IP packet, outer header included */
	__u32 egress;    /* ifindex */
	__u8 encap;      /* enum ek_encap */
	__u8 flags;      /* EK_PATH_* */
	__u16 csum;
};
_Static_assert(sizeof(struct ek_path) == 64, "one cache line");

/* Two paths, so that a change is never seen half: user space writes the second, points at it
 * (EK_PATH_SECOND), waits a grace period, writes the first, and points back. A controller
 * that dies in between leaves a whole path in use. */
struct ek_backend {
	struct ek_path path[2];
};
_Static_assert(sizeof(struct ek_backend) == 128, "the usual path is the first cache line");

/* ---- nat: the way back ----------------------------------------------------------------------- */

/* `returns` has (backend address, port, protocol) > this. It is a hash map, not a part of the
 * directory: its elements are there before the first packet can need them and outlive the
 * listeners, and only answers of nat backends and the host's own traffic are looked up in it. */
struct ek_return {
	struct ek_end listener; /* what the packet came to, and its answer must come from */
	__u32 drain_s;          /* of its service */
	__u32 until_s; /* CLOCK_MONOTONIC: it goes then, its listener or backend has gone; 0: in force */
};
_Static_assert(sizeof(struct ek_return) == 32, "a way back");

/* `returning` has this > struct ek_return, of the first fragment of an answer: the others have no
 * port. Those older than EK_FRAGMENT_S (until_s) are none. */
struct ek_returning {
	struct ek_addr source, dest;
	__u32 id;   /* identification of the fragments, as in the packet */
	__u8 proto; /* IPv4 alone: IPv6's fragments need not agree about it */
	__u8 ipv6;
	__u8 pad[2];
};
_Static_assert(sizeof(struct ek_returning) == 40, "no hidden padding: it is a key");

/* ---- quic: who is named by a connection ID --------------------------------------------------- */

/* `quic_ids` has this > struct ek_quic_server. A hash map: numbers are sparse, and it is looked up
 * for packets of QUIC services alone. The layout is a part of the key, so that what was noted under
 * another one names nobody. */
struct ek_quic_id {
	__u32 service;
	__u32 layout; /* ek_quic_layout() */
	__u32 id;     /* as a number, its first byte the most significant */
};
_Static_assert(sizeof(struct ek_quic_id) == 12, "no hidden padding: it is a key");

struct ek_quic_server {
	__u32 backend;
	__u32 until_s; /* CLOCK_MONOTONIC: it goes then, at the latest; 0: it is in force */
};

/* 0..7 offset, 8..15 length of the server's number, in bytes of a connection ID. */
static inline __u32 ek_quic_layout(__u32 offset, __u32 length)
{
	return length ? (length & 0xff) << 8 | (offset & 0xff) : 0;
}
static inline __u32 ek_quic_offset(__u32 layout)
{
	return layout & 0xff;
}
static inline __u32 ek_quic_length(__u32 layout)
{
	return layout >> 8 & 0xff;
}

/* ---- flows: what a change would break, and nothing else -------------------------------- */

/* tag 0: free. Otherwise the keyed fingerprint, whose low 16 bits are those of the slot hash;
 * see affinity.h for `state`. */
struct ek_flow {
	__u64 tag;
	__u64 state;
};
#define EK_FLOWS_PER_BUCKET 4
struct ek_flow_bucket {
	struct ek_flow flow[EK_FLOWS_PER_BUCKET];
};
_Static_assert(sizeof(struct ek_flow_bucket) == 64, "one cache line");

/* ---- fragments: where the first one of a datagram went --------------------------------------- */

/* A note in one word: 0..23 backend, 24..31 second it was made (modulo 256), 32..63 tag. The tag
 * and the bucket are of a keyed hash of what the fragments of a datagram have in common: that two
 * datagrams in flight meet is as unlikely as 8 in 2^32. */
#define EK_FRAGMENTS_PER_BUCKET 8
struct ek_fragment_bucket {
	__u64 note[EK_FRAGMENTS_PER_BUCKET];
};
_Static_assert(sizeof(struct ek_fragment_bucket) == 64, "one cache line");

static inline __u32 ek_fragment_tag(__u64 hash)
{
	return (__u32)hash | 1; /* a note is never 0 */
}
static inline __u32 ek_fragment_bucket(__u64 hash)
{
	return hash >> 32 & (EK_FRAGMENT_BUCKETS - 1);
}
static inline __u64 ek_fragment_note(__u32 tag, __u32 backend, __u32 now_s)
{
	return (__u64)tag << 32 | (__u64)(now_s & 0xff) << 24 | backend;
}
static inline __u32 ek_fragment_note_tag(__u64 note)
{
	return note >> 32;
}
static inline __u32 ek_fragment_backend(__u64 note)
{
	return note & EK_BACKEND_INDEX_MAX;
}
static inline __u32 ek_fragment_age(__u64 note, __u32 now_s)
{
	return (now_s - (__u32)(note >> 24)) & 0xff;
}

/* ---- counters: one writer each, a region per CPU ---------------------------------------- */

/* traffic[cpu * global.backends + backend] */
struct ek_traffic {
	__u64 packets;
	__u64 bytes;     /* of the IP packets received, without Ethernet and outer header */
	__u64 flows;     /* new flows: TCP SYNs */
	__u64 sample_at; /* the packet to be looked at more closely: see sample.h */
};
_Static_assert(sizeof(struct ek_traffic) == 32, "two to a cache line");

/* verdicts[cpu] */
struct ek_verdicts {
	__u64 passed;           /* not for a service */
	__u64 sent;             /* XDP_TX */
	__u64 redirected;       /* XDP_REDIRECT */
	__u64 stored;           /* flows stored */
	__u64 early_fragments;  /* passed: to a service's address, before their first one */
	__u64 answered;         /* XDP_TX of an answer of our own, to its sender */
	__u64 returned;         /* answers of nat backends, given the service's address */
	__u64 answered_too_big; /* of these, packet-too-big: the rest are echo replies */
	__u64 dropped[32];      /* by enum ek_drop */
};
_Static_assert(EK_DROP_COUNT <= 32, "room for every drop reason");
_Static_assert(sizeof(struct ek_verdicts) % 64 == 0, "no cache line is shared by two CPUs");

/* ---- core: all that is of one size everywhere --------------------------------------------- */

/* One record, and the only element of its map, because the data path addresses such a one
 * directly, where it would look an element up by a key: half of what a packet needs to know is
 * here, each part behind the other. */
struct ek_core {
	struct ek_global global;
	struct ek_verdicts verdicts[EK_CPUS_MAX];
	struct ek_service services[EK_SERVICES_MAX];
	__u16 displacement[2 * EK_DIRECTORY_BUCKETS];
	struct ek_listener directory[2 * EK_DIRECTORY_ENTRIES];
};
_Static_assert(sizeof(struct ek_core) <= 4 << 20, "the largest element that Linux 6.1 takes");

/* ---- identities: for user space only, so that pinned maps explain themselves ------------ */

struct ek_service_id {
	char name[EK_NAME_MAX + 1]; /* empty: index is free */
	__u32 forward;              /* enum ek_forward */
	__u32 gue;                  /* EK_GUE_* */
	__u32 vlan_strip;           /* 1: its backends get no VLAN tags */
	__u32 pad[13];
};
_Static_assert(sizeof(struct ek_service_id) == 128, "a service's identity");

struct ek_backend_id {
	char name[EK_NAME_MAX + 1];
	struct ek_addr addr;
	__u16 service, factor; /* factor: rebalance's, in 256ths; 0: 1 */
	__u8 used;             /* 0: index is free; 1: in use; 2: leaving, until nothing names it */
	__u8 seen_up;          /* 1: it has been up; what never was gets no flows */
	__u16 port;            /* nat: where its packets go, host order; 0: to the listener's */
	__u32 since; /* CLOCK_MONOTONIC seconds when the index was taken, or began to leave */
	__u32 died;  /* and when the backend was last declared dead; 0: it lives */
	__u64 start; /* its slow start, as user/lib/start.h has it; 0: none */
};
_Static_assert(sizeof(struct ek_backend_id) == 104, "a backend's identity");

/* ---- words ------------------------------------------------------------------------------- */

/* Sizes are stored as masks (size - 1), so that the data path need not make them. */

static inline __u32 ek_listener_key(__be16 port, __u8 proto, __u8 ipv6)
{
	return (__u32)port | (__u32)proto << 16 | (__u32)ipv6 << 24;
}

/* Flavour of a table: what decides which slot a flow has, but for the size. 0..1 hash kind, 2 which
 * key, 3 parity: another one than the flavour before, so that a remembered flow says by one bit
 * which of the two tables it was stored under (EK_TAG_PARITY). */
static inline __u8 ek_flavour(__u8 hash_kind, __u32 key_index, __u8 parity)
{
	return hash_kind | (key_index & 1) << 2 | (parity & 1) << 3;
}
static inline __u8 ek_flavour_hash(__u8 flavour)
{
	return flavour & 3;
}
static inline __u8 ek_flavour_key(__u8 flavour)
{
	return flavour >> 2 & 1;
}
static inline __u8 ek_flavour_parity(__u8 flavour)
{
	return flavour >> 3 & 1;
}

/* Table word: 0..31 base (first slot), 32..47 mask of the slots, 48..55 flavour, 63 in use. */
static inline __u64 ek_table_word(__u32 base, __u32 slots, __u8 flavour)
{
	return (__u64)base | (__u64)((slots - 1) & 0xffff) << 32 | (__u64)flavour << 48 |
	       1ull << 63;
}
_Static_assert(EK_TABLE_SLOTS_MAX - 1 <= 0xffff, "a mask fits its 16 bits");
static inline __u32 ek_table_base(__u64 word)
{
	return (__u32)word;
}
static inline __u32 ek_table_mask(__u64 word)
{
	return word >> 32 & 0xffff;
}
static inline __u8 ek_table_flavour(__u64 word)
{
	return word >> 48 & 0xff;
}

/* Directory word: 0..15 seed, 16..31 where entries are, 32..47 where buckets are, 63 in use. Where:
 * a mask of places in a region, and above it, region 1's first place: a place is found by setting
 * that bit and masking, see ek_directory_entry(). */
static inline __u64 ek_directory_word(__u32 seed, __u32 entries, __u32 buckets, __u32 region)
{
	__u64 entry = (entries - 1) | (region ? EK_DIRECTORY_ENTRIES : 0);
	__u64 bucket = (buckets - 1) | (region ? EK_DIRECTORY_BUCKETS : 0);

	return (__u64)(seed & 0xffff) | entry << 16 | bucket << 32 | 1ull << 63;
}
_Static_assert(2 * EK_DIRECTORY_ENTRIES <= 1 << 16 && 2 * EK_DIRECTORY_BUCKETS <= 1 << 16,
	       "what says where fits 16 bits");
static inline __u32 ek_directory_seed(__u64 word)
{
	return word & 0xffff;
}
static inline __u32 ek_directory_entry_mask(__u64 word)
{
	return word >> 16 & (EK_DIRECTORY_ENTRIES - 1);
}
static inline __u32 ek_directory_bucket_mask(__u64 word)
{
	return word >> 32 & (EK_DIRECTORY_BUCKETS - 1);
}
static inline __u32 ek_directory_region(__u64 word)
{
	return (word >> 16 & EK_DIRECTORY_ENTRIES) != 0;
}

/* Slot word: 0..23 cur, 24..47 def, 48 U (unsettled), 49..63 epoch: the second, modulo 32768,
 * when a miss last used def. */
#define EK_NO_BACKEND 0u /* as cur or def: nobody */
/* As def: the owner that the flow had in the service's old table. No index is that high. */
#define EK_DEF_OLD_TABLE EK_BACKEND_INDEX_MAX
#define EK_SLOT_UNSETTLED (1ull << 48)
#define EK_EPOCH_MASK 0x7fffu
static inline __u32 ek_slot_cur(__u64 slot)
{
	return slot & EK_BACKEND_INDEX_MAX;
}
static inline __u32 ek_slot_def(__u64 slot)
{
	return slot >> 24 & EK_BACKEND_INDEX_MAX;
}
static inline __u32 ek_slot_epoch(__u64 slot)
{
	return slot >> 49;
}
static inline __u64 ek_slot_word(__u32 cur, __u32 def, int unsettled, __u32 epoch)
{
	return (__u64)cur | (__u64)def << 24 | (unsettled ? EK_SLOT_UNSETTLED : 0) |
	       (__u64)(epoch & EK_EPOCH_MASK) << 49;
}

#endif
