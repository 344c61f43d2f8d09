/* SPDX-License-Identifier: GPL-2.0 */
/* (address, port, protocol) > service: one displacement, one entry, never a second probe. */
#ifndef EVENKEEL_BPF_SERVICE_H
#define EVENKEEL_BPF_SERVICE_H

#include <linux/in.h>

#include "evenkeel/hash.h"
#include "packet.h"
#include "tail.h"
#include "verdict.h"

/* What the directory has at the place of (p->dst, port, proto): a listener, perhaps another. */
static __always_inline const struct ek_listener *find_listener(const struct packet *p, __be16 port,
							       __u8 proto)
{
	__u64 word = load_once(p->global->directory);
	__u64 hash = ek_directory_hash(&p->dst, port, proto, ek_directory_seed(word));
	__u16 displacement = *core_element(displacement, ek_directory_bucket(hash, word));

	return core_element(directory, ek_directory_entry(hash, displacement, word));
}

static __always_inline int is_listener(const struct ek_listener *l, const struct packet *p,
				       __be16 port, __u8 proto)
{
	return l->addr.words[0] == p->dst.words[0] && l->addr.words[1] == p->dst.words[1] &&
	       l->key == ek_listener_key(port, proto, p->ipv6);
}

/* Has any listener the packet's destination address? Each such address has an entry of its own,
 * with port 0 and ICMP as its protocol. */
static __always_inline int is_service_address(const struct packet *p)
{
	__u8 proto = p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	return is_listener(find_listener(p, 0, proto), p, 0, proto);
}

/* Is the source one that no answer could reach? Whoever sent it, the backend must not be
 * made to answer it. */
static __always_inline int bad_source(const struct packet *p)
{
	__u8 first = p->ipv6 ? p->src.words[0] : p->src.words[1] >> 32;

	if (p->src.words[0] == p->dst.words[0] && p->src.words[1] == p->dst.words[1])
		return 1;
	if (!p->ipv6)
		return first == 0 || first == 127 || first >= 224;
	/* ::/64 has the unspecified, the loopback and the IPv4-mapped addresses, and no host. */
	return first == 0xff || !p->src.words[0];
}

/* For no listener: the host's, or an answer that nat has to do with. */
static __always_inline int not_for_a_service(const struct packet *p)
{
	if (p->global->flags & EK_GLOBAL_NAT)
		tail(p, TAIL_RETURN);
	return pass();
}

/* NEXT if the directory has the packet's destination. */
static __always_inline int match_listener(struct packet *p)
{
	const struct ek_listener *l;

	l = find_listener(p, p->dport, p->proto);
	if (!is_listener(l, p, p->dport, p->proto))
		return not_for_a_service(p);
	p->service = l->service;
	p->flavour = l->flavour;
	p->salt = l->salt;
	return NEXT;
}

static __always_inline int find_service(struct packet *p)
{
	STEP(match_listener(p));
	if (p->defect)
		return drop(p->defect - 1);
	if (!p->sport)
		return drop(EK_DROP_ZERO_PORT);
	if (bad_source(p))
		return drop(EK_DROP_BAD_SOURCE);
	return NEXT;
}

#endif
