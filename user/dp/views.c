// SPDX-License-Identifier: GPL-2.0
/* Reading the maps: shares, counters, and what would happen to a packet. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "dp/install.h"
#include "dp/object.h"
#include "evenkeel/affinity.h"
#include "evenkeel/hash.h"
#include "lib/directory.h"

static uint64_t slot_at(const struct dp *dp, uint32_t slot)
{
	return __atomic_load_n(&dp->slots[slot], __ATOMIC_RELAXED);
}

int dp_service_view(const struct dp *dp, uint32_t service, struct dp_service_view *out)
{
	uint64_t table = dp->services[service].table;
	struct dp_service_view view = {};

	if (!table)
		return -ENOENT;
	view.base = ek_table_base(table);
	view.slots = ek_table_mask(table) + 1;
	view.hash = (enum ek_hash_kind)ek_table_hash(table);
	for (uint32_t i = 0; i < view.slots; i++)
		view.unsettled += !!(slot_at(dp, view.base + i) & EK_SLOT_UNSETTLED);
	*out = view;
	return 0;
}

void dp_slots_count(const struct dp *dp, uint32_t service, uint32_t *owned, uint32_t *held)
{
	uint64_t table = dp->services[service].table;

	if (!table)
		return;
	for (uint32_t i = 0; i <= ek_table_mask(table); i++) {
		uint64_t word = slot_at(dp, ek_table_base(table) + i);
		uint32_t cur = ek_slot_cur(word), def = ek_slot_def(word);

		if (owned && cur < dp->sizes.backends)
			owned[cur]++;
		if (held && word & EK_SLOT_UNSETTLED && def < dp->sizes.backends)
			held[def]++;
	}
}

void dp_flows_count(const struct dp *dp, uint64_t *remembered)
{
	for (uint32_t b = 0; b < dp->sizes.flow_buckets; b++) {
		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++) {
			const struct ek_flow *f = &dp->flows[b].flow[i];
			uint32_t backend = ek_flow_backend(f->state);

			if (f->tag && ek_flow_phase(f->state) != EK_PHASE_GONE &&
			    backend < dp->sizes.backends)
				remembered[backend]++;
		}
	}
}

void dp_traffic(const struct dp *dp, uint32_t backend, struct ek_traffic *out)
{
	struct ek_traffic sum = {};

	for (uint32_t cpu = 0; cpu < dp->cpus; cpu++) {
		const struct ek_traffic *t =
			&dp->traffic[(size_t)cpu * dp->sizes.backends + backend];

		sum.packets += t->packets;
		sum.bytes += t->bytes;
		sum.flows += t->flows;
	}
	*out = sum;
}

void dp_verdicts(const struct dp *dp, struct ek_verdicts *out)
{
	struct ek_verdicts sum = {};

	for (uint32_t cpu = 0; cpu < dp->cpus; cpu++) {
		const struct ek_verdicts *v = &dp->verdicts[cpu];

		sum.passed += v->passed;
		sum.sent += v->sent;
		sum.redirected += v->redirected;
		sum.stored += v->stored;
		sum.early_fragments += v->early_fragments;
		sum.answered += v->answered;
		for (int i = 0; i < EK_DROP_COUNT; i++)
			sum.dropped[i] += v->dropped[i];
	}
	*out = sum;
}

static const struct ek_listener *listener_for(const struct dp *dp, const struct endpoint *e)
{
	uint64_t word = dp->global->directory;
	uint32_t region = ek_directory_region(word);

	return directory_find(&dp->directory[(size_t)region * EK_DIRECTORY_ENTRIES],
			      &dp->displacement[(size_t)region * EK_DIRECTORY_BUCKETS], word,
			      &e->addr, htons(e->port), e->proto);
}

static uint64_t flow_state(const struct dp *dp, uint64_t tag)
{
	for (int second = 0; second < 2; second++) {
		const struct ek_flow_bucket *b =
			&dp->flows[ek_flow_bucket(tag, second, dp->sizes.flow_buckets - 1)];

		for (int i = 0; i < EK_FLOWS_PER_BUCKET; i++)
			if (b->flow[i].tag == tag)
				return b->flow[i].state;
	}
	return 0;
}

static bool backend_live(const struct dp *dp, uint32_t backend)
{
	return backend && backend < dp->sizes.backends &&
	       !(dp->backends[backend].path[0].flags & EK_PATH_DEAD);
}

/* The unsettled slot's answers, by the rules that the data path runs. */
static void explain_unsettled(const struct dp *dp, const struct flow_spec *flow, uint32_t now_s,
			      struct dp_explanation *x)
{
	struct ek_situation s = {
		.cur = ek_slot_cur(x->slot_word),
		.def = ek_slot_def(x->slot_word),
		.entry = x->remembered,
		.now_s = now_s,
		.udp_grace = now_s * 1000000000ull < dp->services[x->service].udp_grace_ns,
	};

	s.def_live = backend_live(dp, s.def);
	s.entry_live = backend_live(dp, ek_flow_backend(s.entry));
	s.packet = flow->dest.proto == IPPROTO_UDP ? EK_PACKET_UDP : EK_PACKET_SYN;
	x->new_backend = ek_affinity_decide(&s).backend;
	if (s.packet == EK_PACKET_SYN)
		s.packet = EK_PACKET_TCP;
	/* The packet after the SYN, where one is remembered. */
	s.seq = ek_flow_isn(s.entry) + 1;
	x->known_backend = ek_affinity_decide(&s).backend;
}

int dp_explain(const struct dp *dp, const struct flow_spec *flow, uint32_t now_s,
	       struct dp_explanation *out)
{
	const struct ek_listener *l = listener_for(dp, &flow->dest);
	__be16 port = htons(flow->source.port);
	struct dp_explanation x = {};
	uint64_t table, five_tuple;
	bool ports;

	if (!l) {
		*out = x;
		return 0;
	}
	x.for_service = true;
	x.service = l->service;
	table = dp->services[l->service].table;
	ports = ek_table_hash(table) == EK_HASH_5TUPLE;
	x.flow_hash = ek_flow_hash(dp->global->key, &flow->source.addr, ports ? port : 0, l->salt);
	five_tuple = ek_flow_hash(dp->global->key, &flow->source.addr, port,
				  ek_listener_salt(dp->global->key, &l->addr, l->port, l->proto,
						   EK_HASH_5TUPLE));
	x.slot = (uint32_t)x.flow_hash & ek_table_mask(table);
	x.slot_word = slot_at(dp, ek_table_base(table) + x.slot);
	x.new_backend = x.known_backend = ek_slot_cur(x.slot_word);
	if (x.slot_word & EK_SLOT_UNSETTLED) {
		x.remembered = flow_state(dp, ek_flow_tag(five_tuple, x.flow_hash, x.service));
		explain_unsettled(dp, flow, now_s, &x);
	}
	*out = x;
	return 0;
}
