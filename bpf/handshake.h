/* SPDX-License-Identifier: GPL-2.0 */
/* Does a second packet follow a SYN? Asked of a sample of flows (evenkeel/sample.h). */
#ifndef EVENKEEL_BPF_HANDSHAKE_H
#define EVENKEEL_BPF_HANDSHAKE_H

#include "cursor.h"
#include "packet.h"

/* A packet of a flow that is in the sample, with its ports at `offset`; of these TCP's SYNs alone are
 * noted. Two CPUs that meet here lose a note, or the mark on one: the sample is a bit smaller. Not
 * inlined, and the port is read again: the common packet shall not pay. */
__noinline int note_handshake(struct xdp_md *ctx, __u64 hash, __u32 offset, __u32 backend,
			      __u32 syn)
{
	__u64 *place = element(handshakes, ek_handshake_place(hash));
	struct cursor c = cursor_at_start(ctx);
	const __be16 *sport;
	__u64 tag, note;

	c.at += offset & FRAME_OFFSET_MASK;
	sport = take(&c, __be16);
	if (!place || !sport)
		return 0;
	tag = ek_handshake_tag(hash, *sport);
	note = load_once(*place);
	if (syn) {
		/* One that is sent again keeps its first note: the wait began then. */
		if (!note)
			store_once(*place,
				   ek_handshake_note(tag, backend,
						     bpf_ktime_get_coarse_ns() / 1000000000));
	} else if (note && !((note ^ tag) & EK_HANDSHAKE_TAG_MASK) &&
		   !(note & EK_HANDSHAKE_FOLLOWED)) {
		__sync_val_compare_and_swap(place, note, note | EK_HANDSHAKE_FOLLOWED);
	}
	return 0;
}

#endif
