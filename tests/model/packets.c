// SPDX-License-Identifier: GPL-2.0
/* A packet's way, as in bpf/select.h and bpf/flow.h: read, decide, claim, write, touch, go. */
#include <string.h>

#include "world.h"

bool is_forged(uint8_t kind)
{
	return kind == FORGED_SYN || kind == FORGED_DATA || kind == FORGED_INITIAL;
}

static uint32_t sequence_of(uint8_t kind)
{
	switch (kind) {
	case REAL_SYN:
		return ISN_REAL;
	case FORGED_SYN:
		return ISN_FORGED;
	case FORGED_DATA:
		return ISN_FORGED + 1;
	default:
		return ISN_REAL + 1;
	}
}

static enum ek_packet packet_for_rules(uint8_t kind)
{
	if (kind == REAL_UDP)
		return EK_PACKET_UDP;
	if (kind == REAL_INITIAL || kind == FORGED_INITIAL)
		return EK_PACKET_INITIAL;
	if (kind == REAL_RELATED)
		return EK_PACKET_RELATED;
	return kind == REAL_SYN || kind == FORGED_SYN ? EK_PACKET_SYN : EK_PACKET_TCP;
}

/* The backend that must get a packet of this flow now, or 0: it is new or idle, its backend is
 * dead, or its drain has ended. */
static uint8_t claim_of(const struct world *w, unsigned int flow)
{
	const struct flow *f = &w->flow[flow];

	if (!f->phase || f->owner > BACKENDS || f->age > w->idle_s || !backend_lives(w, f->owner) ||
	    drain_ended(w, f->owner))
		return 0;
	return f->owner;
}

/* The first entry with the flow's tag, as flow_find() finds it. */
static uint8_t find_entry(const struct world *w, unsigned int flow, bool old)
{
	uint8_t tagged = old ? w->old_tag[flow] : w->claimed[flow] & (uint8_t)~w->old_tag[flow];

	for (uint8_t i = 0; i < PLACES; i++)
		if (tagged & 1u << i)
			return i;
	return PLACES;
}

/* Is its table the one of the other tags? */
static bool is_behind(const struct world *w)
{
	return w->packet.old_table && is_other_hash(w->rebuilding);
}

/* What the old table says, as old_def() of bpf/select.h. */
static void look_into_old_table(const struct rules *r, struct world *w)
{
	struct packet *p = &w->packet;
	unsigned int slot = is_behind(w) ? slot_of(w, p->flow) : old_slot_of(w, p->flow);
	uint64_t old = w->old[slot];

	p->place = find_entry(w, p->flow, is_behind(w));
	p->def = (uint8_t)r->old_def(old);
	if (p->place == PLACES && r->old_remembers(old))
		p->place = find_entry(w, p->flow, !is_behind(w));
}

/* As undone_flow() of bpf/select.h. What is remembered beside that is of a flow before this one, or was
 * overtaken when it was stored. */
static void look_for_undone(const struct rules *r, struct world *w)
{
	struct packet *p = &w->packet;
	bool looks = w->undone == UNDONE && !is_behind(w) && r->flaw != UNDONE_NOT_READ;

	p->place = find_entry(w, p->flow, is_behind(w));
	if (looks && (r->flaw != UNDONE_READ_LAST || p->place == PLACES) && w->old_tag[p->flow])
		p->place = find_entry(w, p->flow, true);
}

/* As select_unsettled() of bpf/select.h. */
void packet_look(const struct rules *r, struct world *w)
{
	struct packet *p = &w->packet;

	p->stage = HAS_READ;
	if (p->word & EK_SLOT_UNSETTLED) {
		if (ek_slot_def(p->word) == EK_DEF_OLD_TABLE)
			look_into_old_table(r, w);
		else
			look_for_undone(r, w);
	}
	if (p->place < PLACES)
		p->entry = w->entry[p->flow][p->place];
	p->cur_live = backend_lives(w, ek_slot_cur(p->word));
	p->def_live = backend_lives(w, p->def);
	p->entry_live = backend_lives(w, ek_flow_backend(p->entry));
}

void packet_read(const struct rules *r, struct world *w, const struct step *s)
{
	packet_word(w, s);
	packet_look(r, w);
}

void packet_word(struct world *w, const struct step *s)
{
	struct packet *p = &w->packet;

	memset(p, 0, sizeof(*p));
	p->stage = HAS_WORD;
	p->kind = s->what;
	p->flow = s->flow;
	p->late = s->late;
	p->slot = (uint8_t)slot_of(w, s->flow);
	p->word = w->slot[p->slot];
	p->place = PLACES;
	p->def = (uint8_t)ek_slot_def(p->word);
	p->claim = is_forged(s->what) ? 0 : claim_of(w, s->flow);
	w->begun |= (uint8_t)(1u << s->flow);
	w->forged += is_forged(s->what);
}

static struct ek_situation situation_of(const struct rules *r, const struct packet *p,
					uint32_t idle_s)
{
	uint32_t now_s = NOW - p->late;

	return (struct ek_situation){
		.packet = packet_for_rules(p->kind),
		.cur = ek_slot_cur(p->word),
		.def = p->def,
		.entry = p->entry,
		.seq = sequence_of(p->kind),
		.now_s = now_s,
		.def_live = p->def_live,
		.entry_live = p->entry_live,
		.udp_grace = (uint8_t)r->udp_grace(p->word, idle_s, now_s),
	};
}

/* Is the packet about to claim a free entry? */
bool packet_stores(const struct rules *r, const struct world *w)
{
	struct ek_situation s = situation_of(r, &w->packet, w->idle_s);

	return w->packet.word & EK_SLOT_UNSETTLED && w->packet.place == PLACES &&
	       r->decide(&s).act == EK_ACT_STORE && w->claimed[w->packet.flow] != 3;
}

void packet_claim(struct world *w, const struct step *s)
{
	struct packet *p = &w->packet;
	uint8_t place = w->claimed[p->flow] & 1 || s->second;

	if (w->claimed[p->flow] & 1u << place)
		place = 0;
	w->claimed[p->flow] |= (uint8_t)(1u << place);
	if (is_behind(w))
		w->old_tag[p->flow] |= (uint8_t)(1u << place);
	p->place = place;
	p->stage = HAS_CLAIMED;
}

/* Writes the claimed entry; takes it back if the flow has another one, which another packet stored
 * meanwhile: one of the two would be hidden, and come to light when the other one is over. */
static bool store(struct world *w, uint64_t state)
{
	struct packet *p = &w->packet;

	w->entry[p->flow][p->place] = state;
	if (w->claimed[p->flow] != (1u << PLACES) - 1 ||
	    (w->old_tag[p->flow] != 0 && w->old_tag[p->flow] != w->claimed[p->flow]))
		return true;
	forget(w, p->flow, p->place);
	return false;
}

static bool touch(const struct rules *r, struct world *w, uint32_t now_s)
{
	struct packet *p = &w->packet;
	uint64_t *slot = (p->old_table ? w->other : w->slot) + p->slot;

	if (r->touch(p->word, now_s) == p->word)
		return true;
	if (*slot != p->word && !r->keeps(*slot))
		return false;
	*slot = r->touch(*slot, now_s);
	return true;
}

/* Does an entry say for certain whose the flow is? */
static uint32_t confirmed_backend(uint64_t state)
{
	enum ek_phase phase = ek_flow_phase(state);

	return phase == EK_PHASE_CONFIRMED || phase == EK_PHASE_CONTESTED ? ek_flow_backend(state)
									  : 0;
}

/* What a forger may do, and what it may not. It can answer its own SYN: so a flow that nobody
 * remembers can be taken away by two packets that name it, one of QUIC that names no server by one
 * Initial (docs/architecture.md says so); and it can disturb a handshake. A flow that is remembered
 * is safe while its backend lives. */
static fault forge(struct world *w, uint64_t before, uint64_t after)
{
	struct flow *f = &w->flow[w->packet.flow];
	uint32_t owner = confirmed_backend(before);

	if (after == before)
		return NULL;
	if (owner && confirmed_backend(after) != owner &&
	    (w->packet.entry_live || w->packet.kind == FORGED_SYN ||
	     ek_flow_isn(before) != ISN_FORGED || ek_flow_phase(before) != EK_PHASE_CONTESTED))
		return "a forged packet changed a confirmed flow";
	if (w->packet.kind != FORGED_SYN && confirmed_backend(after) &&
	    confirmed_backend(after) != f->owner)
		f->phase = FLOW_NONE;
	else if (f->phase == FLOW_SYN && ek_flow_phase(after) != EK_PHASE_CONFIRMED)
		f->phase = FLOW_NONE;
	if (!f->phase)
		f->owner = f->age = 0;
	return NULL;
}

/* What the rules may never ask for. */
static fault check_decision(const struct packet *p, const struct ek_situation *s,
			    const struct ek_decision *d, uint32_t idle_s)
{
	bool writes = d->act != EK_ACT_NONE;
	uint32_t quiet_s = ek_slot_quiet_s(p->word, s->now_s);

	if (writes && s->packet == EK_PACKET_RELATED)
		return "an ICMP error or a fragment changed what is remembered";
	if (writes && !ek_flow_backend(d->state))
		return "a flow was remembered for nobody";
	if (d->act == EK_ACT_UPDATE && d->state == s->entry)
		return "an entry was written for nothing";
	if (d->act == EK_ACT_STORE && s->cur == s->def)
		return "a flow was stored where owner and default agree";
	if (s->packet == EK_PACKET_INITIAL && !ek_flow_known(s->entry) && s->cur &&
	    d->backend != s->cur)
		return "a connection began at the owner before";
	if (d->used_def && (s->cur == s->def || !s->def_live))
		return "a slot was kept awake for nothing";
	if (d->act == EK_ACT_STORE && d->backend == s->def && quiet_s > idle_s + 2)
		return "a new flow went to a default that has long been quiet";
	if (d->backend && !p->cur_live && s->cur)
		return NULL; /* about to be changed */
	if ((d->backend == s->def && !s->def_live && d->backend) ||
	    (d->backend == ek_flow_backend(s->entry) && s->entry && !s->entry_live &&
	     d->backend != s->cur && d->backend != s->def))
		return "a packet was sent to a dead backend";
	return NULL;
}

static fault remember(const struct rules *r, struct world *w, const struct step *step,
		      const struct ek_situation *s, struct ek_decision *d)
{
	struct packet *p = &w->packet;
	uint64_t found, *entry;

	if (d->act == EK_ACT_STORE) {
		if (p->stage == HAS_READ && p->place == PLACES && !step->full &&
		    w->claimed[p->flow] != 3)
			packet_claim(w, step);
		if (p->stage != HAS_CLAIMED || !store(w, d->state))
			*d = r->unstored(s);
		else if (is_forged(p->kind))
			return forge(w, 0, d->state);
	} else if (d->act == EK_ACT_UPDATE) {
		entry = &w->entry[p->flow][p->place];
		found = w->claimed[p->flow] & 1u << p->place ? *entry : EK_FLOW_GONE;
		if (found != p->entry) {
			*d = r->lost(s, d, found);
			return NULL;
		}
		*entry = d->state;
		if (is_forged(p->kind))
			return forge(w, found, d->state);
	}
	return NULL;
}

static void over(struct flow *f)
{
	*f = (struct flow){};
}

static void arrive_syn(struct flow *f, uint8_t at, uint8_t age)
{
	if (!at || f->phase == FLOW_ESTABLISHED)
		return;
	f->owner = f->phase == FLOW_NONE || f->owner == at ? at : EITHER;
	f->phase = FLOW_SYN;
	f->age = age;
}

static void arrive_data(const struct world *w, struct flow *f, uint8_t at, uint8_t age)
{
	if (!f->phase || !at)
		return;
	/* A server that does not know the flow resets it. Where several may know it, and one is
	 * dead, nobody can say. */
	if (f->owner == EITHER ? w->dead : f->owner != WHOEVER && at != f->owner) {
		over(f);
		return;
	}
	if (!backend_lives(w, at))
		return;
	f->owner = at;
	f->phase = FLOW_ESTABLISHED;
	f->age = age;
}

static bool has_claim(const struct world *w)
{
	const struct packet *p = &w->packet;
	const struct flow *f = &w->flow[p->flow];

	if (!p->claim || p->kind == REAL_SYN || f->owner != p->claim ||
	    !backend_lives(w, p->claim) || drain_ended(w, p->claim))
		return false;
	return f->phase == FLOW_ESTABLISHED || (f->phase == FLOW_SYN && p->kind == REAL_DATA);
}

static void arrive_udp(const struct world *w, struct flow *f, uint8_t at, uint8_t age)
{
	if (at && backend_lives(w, at))
		*f = (struct flow){ FLOW_ESTABLISHED, at, age };
}

static fault arrive(struct world *w, uint8_t at)
{
	struct packet *p = &w->packet;
	struct flow *f = &w->flow[p->flow];
	bool claims = has_claim(w);

	if (claims && at && at != p->claim)
		return "a packet of a flow went to another backend";
	if (claims && !at)
		return "a packet of a flow was dropped";
	if (p->kind == REAL_SYN && p->overtaken && f->phase == FLOW_SYN)
		f->owner = EITHER;
	else if (p->overtaken)
		; /* another packet of its flow overtook it and counts, or a forged one spoilt it */
	else if (p->kind == REAL_SYN)
		arrive_syn(f, at, p->under_way_s);
	else if (p->kind == REAL_DATA)
		arrive_data(w, f, at, p->under_way_s);
	else if (p->kind == REAL_UDP || p->kind == REAL_INITIAL)
		arrive_udp(w, f, at, p->under_way_s);
	if (w->change == ABANDONED && p->old_table)
		change_abandon(w);
	memset(p, 0, sizeof(*p));
	p->place = PLACES;
	return NULL;
}

fault packet_act(const struct rules *r, struct world *w, const struct step *step)
{
	struct packet *p = &w->packet;
	struct ek_situation s;
	struct ek_decision d = {};
	uint8_t flow = p->flow;
	fault wrong = NULL;

	if (p->stage == HAS_WORD)
		packet_look(r, w);
	s = situation_of(r, p, w->idle_s);
	d.backend = s.cur;
	if (p->word & EK_SLOT_UNSETTLED) {
		/* Decided on what was read, before the entry was claimed. */
		d = r->decide(&s);
		wrong = check_decision(p, &s, &d, w->idle_s);
		wrong = wrong ?: remember(r, w, step, &s, &d);
		if (d.used_def && !touch(r, w, s.now_s))
			d.backend = EK_NO_BACKEND;
	}
	/* Idle for too long, it came to the owner only because def is dead: that is no claim. */
	if (p->kind == REAL_DATA && !p->claim && !p->def_live && d.act == EK_ACT_NONE &&
	    !(p->entry_live && ek_flow_phase(p->entry) != EK_PHASE_PENDING) &&
	    p->word & EK_SLOT_UNSETTLED)
		over(&w->flow[flow]);
	wrong = wrong ?: arrive(w, (uint8_t)d.backend);
	/* The backend that the flow of this name had may be back before the handshake is over. */
	if (ek_flow_phase(d.state) == EK_PHASE_CONTESTED && w->flow[flow].phase == FLOW_SYN)
		w->flow[flow].owner = WHOEVER;
	return wrong;
}
