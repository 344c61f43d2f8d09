/* SPDX-License-Identifier: GPL-2.0 */
/* The maps, and how to reach an element. Sizes given as 1 are set by user space before load. */
#ifndef EVENKEEL_BPF_MAPS_H
#define EVENKEEL_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "evenkeel/abi.h"
#include "evenkeel/shed.h"
#include "evenkeel/sample.h"

#define EK_TABLE(name_, value_, entries_)                                                          \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, entries_);                                                     \
		__type(key, __u32);                                                                \
		__type(value, value_);                                                             \
	} name_ SEC(".maps")

/* A variable, which libbpf makes a map of: the one way to tell the kernel that its value is to be
 * addressed, without a lookup. It must be the only one in .bss. */
struct ek_core core;

EK_TABLE(slots, __u64, 1);
EK_TABLE(backends, struct ek_backend, 1);
EK_TABLE(flows, struct ek_flow_bucket, 1);
EK_TABLE(fragments, struct ek_fragment_bucket, EK_FRAGMENT_BUCKETS);
EK_TABLE(traffic, struct ek_traffic, 1);
EK_TABLE(capacities, struct ek_capacity, 1);
EK_TABLE(purses, struct ek_purse, 1);
EK_TABLE(shed_notes, struct ek_note_bucket, 1);
EK_TABLE(samples, struct ek_sample_ring, 1);
EK_TABLE(sample_shifts, struct ek_sample_shifts, 1);
EK_TABLE(handshakes, __u64, EK_HANDSHAKES);
/* Read and written by user space alone: they let pinned maps explain themselves. */
EK_TABLE(service_ids, struct ek_service_id, EK_SERVICES_MAX);
EK_TABLE(backend_ids, struct ek_backend_id, 1);

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, EK_EGRESS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} egress SEC(".maps");

/* Ethernet addresses of this host's interfaces: a frame to another one was not sent to it, even
 * if a promiscuous NIC or a flooding switch shows it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EK_MACS_MAX);
	__type(key, __u64);
	__type(value, __u8);
} macs SEC(".maps");

/* The way back of nat, see struct ek_return. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, EK_RETURNS_MAX);
	__type(key, struct ek_end);
	__type(value, struct ek_return);
} returns SEC(".maps");

/* See struct ek_returning. Its own, so that nothing pushes it out but its like. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, EK_RETURNING_MAX);
	__type(key, struct ek_returning);
	__type(value, struct ek_return);
} returning SEC(".maps");

/* Who is named by a connection ID, see struct ek_quic_id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct ek_quic_id);
	__type(value, struct ek_quic_server);
} quic_ids SEC(".maps");

/* What a program leaves for the one that it calls, and what a CPU keeps between packets: it belongs
 * to a load, as the programs do. */
#define TAG_LENGTH 4
#define TAGS_MAX 2 /* VLAN tags between Ethernet's addresses and its type (IEEE 802.1ad) */
struct scratch {
	__u64 answers_full_ns; /* too_big.h: when the bucket of answers is full again */
	__u32 mtu;             /* too_big.h: the largest packet that fits */
	__u32 tags;            /* those that were taken off the frame */
	__u32 tag[TAGS_MAX];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* Known before load, so that the JIT sees constants. */
const volatile __u32 opt_backends = 1;  /* entries of a CPU's region in `traffic`, `purses` */
const volatile __u32 opt_flow_mask = 0; /* flow buckets - 1 */
const volatile __u32 opt_frags = 0;     /* loaded for frames of more than one buffer */
const volatile __u32 opt_note_mask = 0; /* buckets of shed_notes - 1 */

/* An element of a part of `core`, whose sizes are powers of two: the verifier wants to see that
 * no index leaves it. Behind the barrier is a pointer, or clang works it out for each field. */
#define core_element(part, index)                                                                  \
	({                                                                                         \
		__typeof__(&core.part[0]) core_at =                                                \
			&core.part[(index) & (sizeof(core.part) / sizeof(core.part[0]) - 1)];      \
		barrier_var(core_at);                                                              \
		core_at;                                                                           \
	})

#define element(map, index)                                                                        \
	({                                                                                         \
		__u32 element_index = (index);                                                     \
		bpf_map_lookup_elem(&(map), &element_index);                                       \
	})

/* A load or store that the compiler may neither tear nor repeat: the other side is writing. */
#define load_once(x) (*(const volatile __typeof__(x) *)&(x))
#define store_once(x, value) (*(volatile __typeof__(x) *)&(x) = (value))

/* 1 if the word is 0, else 0, without a branch: the verifier looks at both sides of each branch,
 * times both sides of the next. */
static __always_inline __u64 is_zero(__u64 word)
{
	__u64 any = word | -word;

	any = ~any >> 63;
	/* Or clang sees what it is, and branches. */
	barrier_var(any);
	return any;
}

#endif
