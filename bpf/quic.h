/* SPDX-License-Identifier: GPL-2.0 */
/* QUIC: a connection outlives its client's address, so its packets name it themselves, by a
 * connection ID that its server chose. Where that has the server's number in it
 * (docs/packet-path.md shows the layout), packets follow the number; all others follow their
 * addresses and ports, as any UDP does, and by the same rules; but an Initial is known to begin a
 * connection.
 *
 * Who is found by number is remembered nowhere and leaves no mark in a slot: it needs neither. */
#ifndef EVENKEEL_BPF_QUIC_H
#define EVENKEEL_BPF_QUIC_H

#include "general.h"

/* What is known of the server: its index, or that there is none and the packet begins a
 * connection. */
#define NAMED_INITIAL (1u << EK_BACKEND_INDEX_BITS)

/* RFC 8999: what all versions have in common. */
#define QUIC_LONG_HEADER 0x80
struct quic_long_header {
	__u8 first;
	__be32 version;
	__u8 length; /* of the destination connection ID, which follows */
} __attribute__((packed));

/* RFC 9000 section 17.2, RFC 9369 section 3.2: types of long headers, bits 4 and 5 of the first
 * byte. Those of version 2 are version 1's and one. */
#define QUIC_VERSION_1 0x00000001
#define QUIC_VERSION_2 0x6b3343cf
enum quic_type { QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_RETRY, QUIC_UNKNOWN };

static __always_inline enum quic_type type_of_long(const struct quic_long_header *h)
{
	__u8 bits = h->first >> 4 & 3;

	if (h->version == bpf_htonl(QUIC_VERSION_1))
		return bits;
	return h->version == bpf_htonl(QUIC_VERSION_2) ? (bits - 1) & 3 : QUIC_UNKNOWN;
}

/* In Handshake packets the connection ID is the server's. In the first Initial and in 0-RTT it is
 * the client's, random or chosen to hit somebody, and the others of a connection come from the same
 * address anyway; a client sends neither Retry nor Version Negotiation; of other versions nothing
 * is known.
 *
 * Leaves the cursor at the connection ID. Returns how long that is at most, 0: it is not one that a
 * server chose. A short header does not say how long it is: it ends before the packet does. */
static __always_inline __u32 find_connection_id(struct cursor *c, __u32 length, __u32 *initial)
{
	const __u8 *first = c->at;
	const struct quic_long_header *h;
	enum quic_type type;

	if (!take(c, __u8) || !length)
		return 0;
	if (!(*first & QUIC_LONG_HEADER))
		return length - 1;
	c->at = first;
	h = take(c, struct quic_long_header);
	if (!h || length < sizeof(*h) || h->length > length - sizeof(*h) ||
	    h->length > EK_QUIC_CID_MAX)
		return 0;
	type = type_of_long(h);
	if (type == QUIC_INITIAL || type == QUIC_0RTT)
		*initial = NAMED_INITIAL;
	return type == QUIC_HANDSHAKE ? h->length : 0;
}

/* The server's number, most significant byte first. 0: the frame ends before it does. */
static __always_inline int take_number(struct cursor *c, __u32 length, __u32 *number)
{
	*number = 0;
	for (__u32 i = 0; i < EK_QUIC_ID_LENGTH_MAX && i < length; i++) {
		const __u8 *byte = take(c, __u8);

		if (!byte)
			return 0;
		*number = *number << 8 | *byte;
	}
	return 1;
}

/* The backend that the packet names, whose UDP header is at `offset` of the frame and which has
 * `room` bytes from there on. EK_NO_BACKEND or NAMED_INITIAL: none, or one that is dead. Not
 * static: so the verifier judges it once, and not once for each way to it. */
__noinline __u32 named_backend(struct xdp_md *ctx, __u32 offset, __u32 room, __u32 service)
{
	struct ek_quic_id key = { .service = service };
	struct cursor c = cursor_at_start(ctx);
	const struct ek_quic_server *server;
	__u32 length, initial = 0;
	const struct udphdr *udp;

	key.layout = load_once(core_element(services, service)->quic);
	c.at += offset & FRAME_OFFSET_MASK;
	udp = take(&c, struct udphdr);
	if (!udp || !key.layout)
		return EK_NO_BACKEND;
	/* What comes behind is not the datagram's; of a fragment's datagram not all is here. */
	length = bpf_ntohs(udp->len);
	if (length > room)
		length = room;
	if (length < sizeof(*udp))
		return EK_NO_BACKEND;
	length = find_connection_id(&c, length - sizeof(*udp), &initial);
	if (length < ek_quic_offset(key.layout) + ek_quic_length(key.layout))
		return initial;
	c.at += ek_quic_offset(key.layout);
	if (!take_number(&c, ek_quic_length(key.layout), &key.id))
		return EK_NO_BACKEND;
	server = bpf_map_lookup_elem(&quic_ids, &key);
	return server && backend_live(server->backend) ? server->backend : EK_NO_BACKEND;
}

static __always_inline int pick_named(struct packet *p)
{
	__u32 transport = ETH_HLEN + p->tags * TAG_LENGTH + p->transport;
	__u64 table;

	p->flavour &= ~EK_LISTENER_QUIC;
	p->backend = named_backend(p->ctx, transport, p->room, p->service);
	p->initial = p->backend == NAMED_INITIAL;
	if (!p->backend || p->initial)
		return pick(p);
	table = load_once(core_element(services, p->service)->table);
	if (!table)
		return drop(EK_DROP_INTERNAL);
	hash_flow(p, table);
	return NEXT;
}

static __always_inline int choose_named(struct packet *p)
{
	int verdict = find_service(p);

	if (verdict == NEXT)
		verdict = pick_named(p);
	note_first(p, verdict);
	return verdict;
}

/* Later fragments do not come here: they follow their first one. */
static __always_inline int quic(struct xdp_md *ctx)
{
	struct packet p = { .ctx = ctx }; /* whole: steps are left before all is known */

	STEP(parse_general(&p));
	STEP(choose_named(&p));
	STEP(pop_tags(&p));
	return forward(&p);
}

#endif
