/* SPDX-License-Identifier: GPL-2.0 */
/* The one list of drop reasons: X(ENUM, "name", "what it means, and what to do").
 * It feeds the data path's counters, the command, the metrics and the documents. A packet is
 * dropped only when it was for a service: everything else is passed, however malformed. */
#ifndef EVENKEEL_DROPS_H
#define EVENKEEL_DROPS_H

#define EK_DROP_REASONS(X)                                                                         \
	X(TRUNCATED, "truncated", "the packet ends before its headers or its stated length do")    \
	X(BAD_LENGTH, "bad_length",                                                                \
	  "a length field contradicts the packet, or padding exceeds the MTU")                     \
	X(ZERO_PORT, "zero_port", "source port 0, which no flow can have")                         \
	X(BAD_SOURCE, "bad_source",                                                                \
	  "the source address cannot be answered (own, multicast, zero)")                          \
	X(ECHO, "echo", "an echo request to a service's address: the configuration says drop")     \
	X(NO_BACKEND, "no_backend", "the slot has no backend: the pool is empty")                  \
	X(NO_NEXT_HOP, "no_next_hop", "no route or neighbour to the backend: see evenkeel doctor") \
	X(TOO_BIG, "too_big",                                                                      \
	  "does not fit the egress MTU after encapsulation, and its sender cannot be told")        \
	X(HOP_LIMIT, "hop_limit", "its TTL or hop limit ends here, where nat is a router")         \
	X(NOT_REMEMBERED, "not_remembered",                                                        \
	  "a flow in an unsettled slot could not be stored, or changed that moment")               \
	X(SHED_FLOW, "shed_flow",                                                                  \
	  "a new flow (SYN, QUIC Initial) above its backend's declared capacity")                  \
	X(SHED_PACKET, "shed_packet", "plain UDP above its backend's declared packets per second") \
	X(NO_HEADROOM, "no_headroom", "the driver leaves no room for the outer header")            \
	X(INTERNAL, "internal",                                                                    \
	  "a table holds what it never should: report it, with evenkeel doctor")

enum ek_drop {
#define EK_DROP_ENUM(id, name, text) EK_DROP_##id,
	EK_DROP_REASONS(EK_DROP_ENUM)
#undef EK_DROP_ENUM
		EK_DROP_COUNT
};

#endif
