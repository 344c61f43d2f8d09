// SPDX-License-Identifier: GPL-2.0
/* Reading the maps: shares, counters, and what would happen to a packet. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "dp/install.h"
#include "dp/memory.h"
#include "dp/object.h"
#include "evenkeel/table.h"
#include "lib/directory.h"

static uint64_t slot_at(const struct dp *dp, uint32_t slot)
{
	return __atomic_load_n(&dp->slots[slot], __ATOMIC_RELAXED);
}

uint64_t dp_old_table(const struct dp *dp, uint32_t service)
{
	const struct ek_service *s = &dp->services[service];

	return s->old_table != s->table ? s->old_table : 0;
}

uint64_t dp_undone_table(const struct dp *dp, uint32_t service)
{
	const struct ek_service *s = &dp->services[service];

	return s->undone_table != s->table ? s->undone_table : 0;
}

int dp_service_view(const struct dp *dp, uint32_t service, struct dp_service_view *out)
{
	uint64_t table = dp->services[service].table;
	struct dp_service_view view = {};

	if (!table)
		return -ENOENT;
	view.base = ek_table_base(table);
	view.slots = ek_table_mask(table) + 1;
	view.hash = (enum ek_hash_kind)ek_flavour_hash(ek_table_flavour(table));
	for (uint32_t i = 0; i < view.slots; i++) {
		uint64_t word = slot_at(dp, view.base + i);

		view.unsettled += !!(word & EK_SLOT_UNSETTLED);
		view.unowned += ek_slot_cur(word) == EK_NO_BACKEND;
		view.of_old_table +=
			word & EK_SLOT_UNSETTLED && ek_slot_def(word) == EK_DEF_OLD_TABLE;
	}
	*out = view;
	return 0;
}

uint32_t dp_slots_waiting(const struct dp *dp, uint32_t service)
{
	return dp->priv->memory->services[service].waiting;
}

double dp_slots_unsettled(const struct dp *dp, uint32_t service)
{
	return (double)dp->priv->memory->services[service].unsettled /
	       (ek_table_mask(dp->services[service].table) + 1.0);
}

enum ek_hash_kind dp_service_hash(const struct dp *dp, uint32_t service)
{
	return (enum ek_hash_kind)ek_flavour_hash(ek_table_flavour(dp->services[service].table));
}

uint64_t dp_slots_stamp(const struct dp *dp, uint32_t service)
{
	return dp->services[service].table ^ dp->priv->memory->services[service].owners;
}

uint32_t dp_slots_count(const struct dp *dp, uint32_t service, uint32_t *owned, uint32_t *held,
			uint32_t *unsettled)
{
	uint64_t table = dp->services[service].table, old = dp_old_table(dp, service);
	uint32_t slots = table ? ek_table_mask(table) + 1 : 0, open = 0;

	for (uint32_t i = 0; held && old && i <= ek_table_mask(old); i++) {
		uint32_t def = ek_old_slot_def(slot_at(dp, ek_table_base(old) + i));

		if (def < dp->sizes.backends)
			held[def]++;
	}
	for (uint32_t i = 0; i < slots; i++) {
		uint64_t word = slot_at(dp, ek_table_base(table) + i);
		uint32_t cur = ek_slot_cur(word), def = ek_slot_def(word);

		if (owned && cur < dp->sizes.backends)
			owned[cur]++;
		open += !!(word & EK_SLOT_UNSETTLED);
		if (held && word & EK_SLOT_UNSETTLED && def < dp->sizes.backends)
			held[def]++;
	}
	if (unsettled)
		*unsettled = open;
	return slots;
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

void dp_traffic(const struct dp *dp, uint32_t backend, struct dp_traffic *out)
{
	struct dp_traffic sum = {};

	for (uint32_t cpu = 0; cpu < dp->cpus; cpu++) {
		size_t at = (size_t)cpu * dp->sizes.backends + backend;
		const struct ek_traffic *t = &dp->traffic[at];

		sum.packets += t->packets;
		sum.bytes += t->bytes;
		sum.flows += t->flows;
		sum.shed += dp->purses[at].shed;
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
		sum.returned += v->returned;
		sum.answered_too_big += v->answered_too_big;
		for (int i = 0; i < EK_DROP_COUNT; i++)
			sum.dropped[i] += v->dropped[i];
	}
	*out = sum;
}

const struct ek_listener *dp_listener(const struct dp *dp, const struct endpoint *e)
{
	return directory_find(dp->directory, dp->displacement, dp->global->directory, &e->addr,
			      htons(e->port), e->proto);
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

/* The flow's owner in the service's old table; *state gets the flow, if it is remembered there. */
static uint32_t old_def(const struct dp *dp, const struct ek_flow_id *id, uint32_t service,
			uint64_t *state)
{
	uint64_t old = dp->services[service].old_table, hash, word;

	if (!old)
		return EK_NO_BACKEND;
	hash = ek_table_flow_hash(old, id, dp->global->keys);
	word = slot_at(dp, ek_table_base(old) + ((uint32_t)hash & ek_table_mask(old)));
	if (word & EK_SLOT_UNSETTLED && !*state)
		*state =
			flow_state(dp, ek_table_flow_tag(old, id, dp->global->keys, hash, service));
	return ek_old_slot_def(word);
}

static uint64_t undone_flow(const struct dp *dp, const struct ek_flow_id *id, uint32_t service)
{
	uint64_t undone = dp_undone_table(dp, service), hash;

	if (!undone)
		return 0;
	hash = ek_table_flow_hash(undone, id, dp->global->keys);
	return flow_state(dp, ek_table_flow_tag(undone, id, dp->global->keys, hash, service));
}

/* The unsettled slot's answers, by the rules that the data path runs. */
static void explain_unsettled(const struct dp *dp, const struct ek_flow_id *id, uint32_t now_s,
			      struct dp_explanation *x)
{
	struct ek_situation s = {
		.packet = EK_PACKET_SYN,
		.cur = x->cur,
		.entry = x->remembered,
		.now_s = now_s,
		.udp_grace = (uint8_t)ek_slot_udp_grace(x->slot_word,
							dp->services[x->service].idle_s, now_s),
	};

	s.def = x->def;
	s.def_live = backend_live(dp, s.def);
	s.entry_live = backend_live(dp, ek_flow_backend(s.entry));
	if (id->proto == IPPROTO_UDP)
		s.packet = dp->services[x->service].quic ? EK_PACKET_INITIAL : EK_PACKET_UDP;
	x->new_backend = ek_affinity_decide(&s).backend;
	s.packet = id->proto == IPPROTO_UDP ? EK_PACKET_UDP : EK_PACKET_TCP;
	/* The packet after the SYN, where one is remembered. */
	s.seq = ek_flow_isn(s.entry) + 1;
	x->known_backend = ek_affinity_decide(&s).backend;
}

static void explain(const struct dp *dp, const struct ek_flow_id *id, uint32_t now_s,
		    struct dp_explanation *x)
{
	uint64_t table = dp->services[x->service].table;
	uint64_t tag;

	x->flow_hash = ek_table_flow_hash(table, id, dp->global->keys);
	x->slot = (uint32_t)x->flow_hash & ek_table_mask(table);
	x->slot_word = slot_at(dp, ek_table_base(table) + x->slot);
	x->cur = x->new_backend = x->known_backend = ek_slot_cur(x->slot_word);
	x->def = ek_slot_def(x->slot_word);
	if (!(x->slot_word & EK_SLOT_UNSETTLED))
		return;
	tag = ek_table_flow_tag(table, id, dp->global->keys, x->flow_hash, x->service);
	x->remembered = undone_flow(dp, id, x->service) ?: flow_state(dp, tag);
	if (x->def == EK_DEF_OLD_TABLE)
		x->def = old_def(dp, id, x->service, &x->remembered);
	explain_unsettled(dp, id, now_s, x);
}

int dp_explain(const struct dp *dp, const struct flow_spec *flow, uint32_t now_s,
	       struct dp_explanation *out)
{
	const struct ek_listener *l = dp_listener(dp, &flow->dest);
	struct ek_flow_id id = {
		.src = flow->source.addr,
		.dst = flow->dest.addr,
		.sport = htons(flow->source.port),
		.dport = htons(flow->dest.port),
		.proto = flow->dest.proto,
	};
	struct dp_explanation x = {};

	if (l) {
		x.for_service = true;
		x.service = l->service;
		explain(dp, &id, now_s, &x);
	}
	*out = x;
	return 0;
}
