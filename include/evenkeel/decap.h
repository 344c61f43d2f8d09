/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of the decapsulation program: the contract between it and `evenkeel decap`. */
#ifndef EVENKEEL_DECAP_H
#define EVENKEEL_DECAP_H

/* Names of the program, the map and the pins below PINS/decap/INTERFACE. */
#define EK_DECAP_LINK "link"
#define EK_DECAP_COUNTERS "counters"

/* X(ENUM, name, "what it counts"). Each frame moves exactly one of them, a decapsulated one
 * the first two. The first is 0, so that the program's steps can end with `?:`. */
#define EK_DECAP_COUNTER_LIST(X)                                                                   \
	X(DECAPSULATED_PACKETS, decapsulated_packets, "packets freed of their outer header")       \
	X(DECAPSULATED_BYTES, decapsulated_bytes, "length of the inner packets")                   \
	X(PASSED, passed, "not a tunnel, or a fragment of one: untouched")                         \
	X(MALFORMED, malformed, "a tunnel with an inner packet that cannot be: untouched")         \
	X(NOT_LOCAL, not_local, "a tunnel, or the packet in it, is not for this host: untouched")

enum ek_decap_counter {
#define EK_DECAP_ENUM(id, name, text) EK_DECAP_##id,
	EK_DECAP_COUNTER_LIST(EK_DECAP_ENUM) EK_DECAP_COUNT
#undef EK_DECAP_ENUM
};

#endif
