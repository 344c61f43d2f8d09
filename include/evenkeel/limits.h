/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes that both sides must agree on, each with its reason. */
#ifndef EVENKEEL_LIMITS_H
#define EVENKEEL_LIMITS_H

/* Version of everything in abi.h. It is part of the pin path and of the global record: a
 * controller adopts maps of its own version only. */
#define EK_ABI_VERSION 2

/* A slot word has 24 bits for a backend index; index 0 is never handed out (see EK_NO_BACKEND). */
#define EK_BACKEND_INDEX_BITS 24
#define EK_BACKEND_INDEX_MAX ((1u << EK_BACKEND_INDEX_BITS) - 1)

/* One service's table. What a removal moves beyond the removed backend's own slots shrinks with
 * the square root of slots per backend (user/lib/maglev.c): from 16384 slots on it is below
 * 0.5 % of the table on average. Beyond 65536 slots the cache misses of the table cost more
 * than that saves. */
#define EK_TABLE_SLOTS_MIN 16384u
#define EK_TABLE_SLOTS_MAX 65536u
#define EK_TABLE_SLOTS_PER_BACKEND 200u

/* Weights: 16 bits suffice for any ratio that 65536 slots can express. */
#define EK_WEIGHT_MAX 65535u
#define EK_WEIGHT_DEFAULT 100u

/* Names appear in files, metrics labels and on the command line. */
#define EK_NAME_MAX 63

/* Capacity of what is small enough to be of one size everywhere. It is one element of a map (struct
 * ek_core), and Linux 6.1 takes none beyond 4 MiB: half of that is the directory. */
#define EK_SERVICES_MAX 4096u
#define EK_LISTENERS_MAX 8192u
/* The directory holds listeners and their addresses. It is at most half full, so that its
 * displacements are found quickly. */
#define EK_DIRECTORY_MAX (2u * EK_LISTENERS_MAX)
#define EK_DIRECTORY_ENTRIES (2u * EK_DIRECTORY_MAX)
#define EK_DIRECTORY_BUCKETS EK_DIRECTORY_MAX

/* (backend address, port, protocol) of nat listeners: memory is taken for those that are there. */
#define EK_RETURNS_MAX (1u << 17)
/* Fragmented answers of nat backends that are under way at once. */
#define EK_RETURNING_MAX 4096u

/* A connection ID of QUIC versions 1 and 2 (RFC 9000 section 17.2), and a server's number in
 * one. */
#define EK_QUIC_CID_MAX 20u
#define EK_QUIC_ID_LENGTH_MAX 4u

/* Capacity of the maps whose size is a start option of evenkeeld; these are the defaults. */
#define EK_SLOTS_DEFAULT (4u << 20)        /* 32 MiB: 128 services, each switched at once */
#define EK_BACKENDS_DEFAULT 16384u         /* 2 MiB, and 512 KiB of counters a CPU */
#define EK_FLOW_BUCKETS_DEFAULT (1u << 18) /* 16 MiB: one million remembered flows */

/* 32768 datagrams in fragments at once, in 256 KiB; and how long their fragments are waited for,
 * as long as Linux waits (ipfrag_time). */
#define EK_FRAGMENT_BUCKETS 4096u
#define EK_FRAGMENT_S 30u

/* Packet-too-big answers of one CPU: a client needs one for each path it learns, and its kernel
 * keeps what it learnt for minutes. More would be work for a flood. */
#define EK_ANSWERS_PER_S 1000u
#define EK_ANSWERS_BURST 100u

/* Egress interfaces are addressed by ifindex through a hashed devmap. */
#define EK_EGRESS_MAX 1024u

/* Addresses of this host's interfaces, see `macs`. */
#define EK_MACS_MAX 4096u

/* CPUs beyond this would index past their counters. Linux' own NR_CPUS on x86 is 8192; a
 * host with more than this is refused at load, not miscounted. */
#define EK_CPUS_MAX 1024u

#endif
