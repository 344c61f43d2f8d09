/* SPDX-License-Identifier: GPL-2.0 */
/* Programs for packets that are rare, so that the common one pays for none of them, and each is
 * small enough for the verifier of 6.1. A tail call does not return: whoever is called begins
 * with the frame as it came in (too_big.h: without its tags), and parses it by itself. */
#ifndef EVENKEEL_BPF_TAIL_H
#define EVENKEEL_BPF_TAIL_H

#include "packet.h"

/* X(NAME, name of its function in evenkeel.bpf.c): one list for numbers and programs. */
#define TAILS(X)                                                                                   \
	X(GENERAL, evenkeel_general) /* tags, options, extension headers, fragments */             \
	X(ICMP, evenkeel_icmp)       /* errors about flows, echo requests */                       \
	X(RETURN, evenkeel_return)   /* for no listener, where there is nat: is it an answer? */   \
	X(TOO_BIG, evenkeel_too_big) /* does not fit: its sender is told */                        \
	X(QUIC, evenkeel_quic)       /* its connection ID may name a server */

enum tail_program {
#define TAIL_ENUM(id, program) TAIL_##id,
	TAILS(TAIL_ENUM)
#undef TAIL_ENUM
		TAIL_COUNT
};

#define TAIL_DECLARE(id, program) int program(struct xdp_md *ctx);
TAILS(TAIL_DECLARE)
#undef TAIL_DECLARE

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TAIL_COUNT);
	__uint(key_size, sizeof(__u32)); /* the kernel refuses BTF for this kind of map */
	__array(values, int(struct xdp_md *));
} tails SEC(".maps") = {
/* In the enum's order. */
#define TAIL_VALUE(id, program) &program,
	.values = { TAILS(TAIL_VALUE) },
#undef TAIL_VALUE
};

/* The benchmark's loop cannot be left by a tail call: there this does nothing. */
#ifndef TAIL_CALL
#define TAIL_CALL(ctx, program) bpf_tail_call(ctx, &tails, program)
#endif

/* Goes on in another program. Returns only if that is not loaded, which does not happen. */
static __always_inline void tail(const struct packet *p, enum tail_program program)
{
	TAIL_CALL(p->ctx, program);
}

#endif
