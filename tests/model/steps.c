// SPDX-License-Identifier: GPL-2.0
/* What may happen next, and what comes of it. */
#include "world.h"

#define HANDSHAKE_S (EK_PENDING_S + 1)

struct list {
	const struct scene *scene;
	const struct rules *rules;
	const struct world *w;
	struct step *out;
	unsigned int count;
};

static void add(struct list *l, struct step s)
{
	if (l->count < STEPS_MAX)
		l->out[l->count++] = s;
}

static bool idle(const struct world *w)
{
	return !w->packet.stage && !w->change && !w->round;
}

static bool settled(const struct world *w, unsigned int flow)
{
	return !(w->slot[slot_of(w, flow)] & EK_SLOT_UNSETTLED);
}

/* Packets of one flow take one queue, as a rule, and so one after the other. Two may be under
 * way at once where a flow changes its way here; but not for a second, and not one that answers
 * what comes of another: a round trip is longer than a packet is under way. */
static bool is_beside(const struct world *w, unsigned int flow)
{
	return w->packet.stage && w->packet.flow == flow;
}

static bool may_send(const struct world *w, unsigned int flow)
{
	return !is_beside(w, flow) || (w->packet.kind != REAL_SYN && !w->packet.under_way_s);
}

static bool may_begin(const struct world *w, unsigned int flow)
{
	return w->flow[flow].phase != FLOW_ESTABLISHED && may_send(w, flow) &&
	       !(is_beside(w, flow) && w->packet.kind == REAL_DATA);
}

static void add_packet(struct list *l, uint8_t kind, uint8_t flow)
{
	const struct scene *c = l->scene;
	bool first = !l->w->claimed[flow] && !settled(l->w, flow);

	for (uint8_t late = 0; late <= c->lag && !(late && settled(l->w, flow)); late++) {
		struct step s = { STEP_PACKET, kind, flow, late, 0, 0, {} };

		add(l, s);
		if (first && l->w->full < c->full) {
			s.full = 1;
			add(l, s);
			s.full = 0;
		}
		/* The second place matters only if the first may be taken from another side. */
		if (first && c->under_way && is_beside(l->w, flow)) {
			s.second = 1;
			add(l, s);
			s.second = 0;
		}
		s.kind = STEP_READ;
		if (c->under_way && !l->w->packet.stage)
			add(l, s);
		s.kind = STEP_WORD;
		if (c->looks && !l->w->packet.stage && !settled(l->w, flow))
			add(l, s);
	}
}

static void add_datagrams(struct list *l, uint8_t flow, bool may)
{
	const struct world *w = l->w;
	bool quic = l->scene->quic & 1u << flow;

	if (may && may_send(w, flow) && (!quic || w->flow[flow].phase))
		add_packet(l, REAL_UDP, flow);
	if (quic && may && may_begin(w, flow))
		add_packet(l, REAL_INITIAL, flow);
	if (quic && may && w->forged < l->scene->forged && !settled(w, flow))
		add_packet(l, FORGED_INITIAL, flow);
}

static void add_packets(struct list *l)
{
	const struct world *w = l->w;

	for (uint8_t i = 0; i < l->scene->flows; i++) {
		bool may = !i || w->begun & 1u << (i - 1) || slot_of(w, i) != slot_of(w, i - 1u) ||
			   l->scene->rebuilds;

		if (l->scene->related && w->flow[i].phase == FLOW_ESTABLISHED && may_send(w, i))
			add_packet(l, REAL_RELATED, i);
		if (l->scene->udp & 1u << i) {
			add_datagrams(l, i, may);
			continue;
		}
		if (may && may_begin(w, i))
			add_packet(l, REAL_SYN, i);
		if (w->flow[i].phase && may_send(w, i) &&
		    !(w->flow[i].phase == FLOW_SYN && is_beside(w, i) && w->packet.overtaken))
			add_packet(l, REAL_DATA, i);
		if (w->forged < l->scene->forged && may && !settled(w, i)) {
			add_packet(l, FORGED_SYN, i);
			add_packet(l, FORGED_DATA, i);
		}
	}
}

static void add_under_way(struct list *l)
{
	const struct packet *p = &l->w->packet;
	struct step s = { .kind = STEP_ACT };

	if (!p->stage)
		return;
	add(l, s);
	s.kind = STEP_LOOK;
	if (p->stage == HAS_WORD)
		add(l, s);
	if (p->stage != HAS_READ || !packet_stores(l->rules, l->w))
		return;
	s.kind = STEP_CLAIM;
	add(l, s);
	if (!l->w->claimed[p->flow]) {
		s.second = 1;
		add(l, s);
		s.second = 0;
	}
	if (l->w->full < l->scene->full) {
		s.kind = STEP_ACT;
		s.full = 1;
		add(l, s);
	}
}

static bool may_own(const struct list *l, unsigned int slot, uint8_t backend)
{
	const struct world *w = l->w;

	if (backend == ek_slot_cur(w->slot[slot]))
		return true;
	if (slot >= l->scene->slots || (!backend && !l->scene->empty))
		return false;
	return !(w->dead & 1u << backend) && !(w->leaving & 1u << backend);
}

/* The other hash or size that may be chosen now. */
static uint8_t rebuild_now(const struct list *l)
{
	const struct world *w = l->w;
	const struct scene *c = l->scene;

	if (w->rebuilds >= c->rebuilds)
		return NO_REBUILD;
	if (!w->old_table && w->undone != UNDONE)
		return c->rebuild;
	return c->back && may_go_back(l->rules, w) ? BACK : NO_REBUILD;
}

/* Slot 0 to a, slot 1 to b. */
static void add_change(struct list *l, uint8_t a, uint8_t b)
{
	const struct world *w = l->w;
	const struct scene *c = l->scene;
	bool moves = a != ek_slot_cur(w->slot[0]) || b != ek_slot_cur(w->slot[1]);

	for (uint8_t late = 0; late <= c->lag; late++) {
		struct step s = { STEP_CHANGE, 0, a, b, late, 0, {} };
		struct step rebuild = { STEP_REBUILD, rebuild_now(l), a, b, late, 0, {} };

		if (moves && w->changes < c->changes && !w->packet.stage)
			add(l, s);
		s.kind = STEP_WRITE;
		if (moves && w->changes < c->changes && c->steps)
			add(l, s);
		if (!rebuild.what)
			continue;
		if (!w->packet.stage)
			add(l, rebuild);
		rebuild.kind = STEP_REWRITE;
		if (c->steps)
			add(l, rebuild);
	}
}

static void add_changes(struct list *l)
{
	const struct world *w = l->w;
	const struct scene *c = l->scene;

	if (w->change == WRITTEN)
		add(l, (struct step){ .kind = STEP_SWITCH });
	if (w->change == SWITCHED && !w->packet.old_table)
		add(l, (struct step){ .kind = STEP_FINISH });
	if (w->change || w->round)
		return;
	for (uint8_t a = 0; a <= c->backends; a++)
		for (uint8_t b = 0; b <= c->backends; b++)
			if (may_own(l, 0, a) && may_own(l, 1, b))
				add_change(l, a, b);
}

static void add_rounds(struct list *l)
{
	const struct world *w = l->w;

	if (w->round)
		add(l, (struct step){ .kind = w->round == BEGUN ? STEP_SWEEP : STEP_SETTLE });
	if (w->packet.stage || w->change || w->round)
		return;
	for (uint8_t late = 0; late <= l->scene->lag; late++) {
		add(l, (struct step){ .kind = STEP_ROUND, .late = late });
		if (l->scene->steps)
			add(l, (struct step){ .kind = STEP_BEGIN, .late = late });
	}
}

static void add_time(struct list *l)
{
	const struct world *w = l->w;

	if (w->packet.late < 1 && w->change_late < (l->scene->slow ?: 1) && w->round_late < 1)
		add(l, (struct step){ .kind = STEP_TICK, .what = 1 });
	if (!idle(w))
		return;
	add(l, (struct step){ .kind = STEP_WAIT, .what = (uint8_t)(w->idle_s + 1) });
	add(l, (struct step){ .kind = STEP_WAIT, .what = (uint8_t)(w->idle_s + 4) });
	for (unsigned int i = 0; i < l->scene->flows; i++)
		if (!(l->scene->udp & 1u << i) && w->claimed[i]) {
			add(l, (struct step){ .kind = STEP_WAIT, .what = HANDSHAKE_S });
			break;
		}
}

static bool owns(const struct world *w, uint8_t backend)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (ek_slot_cur(w->slot[i]) == backend ||
		    (w->change && ek_slot_cur(w->other[i]) == backend))
			return true;
	return false;
}

static void add_backends(struct list *l)
{
	const struct scene *c = l->scene;
	const struct world *w = l->w;

	for (uint8_t i = 1; i <= c->backends; i++) {
		bool dead = w->dead & 1u << i, leaving = w->leaving & 1u << i;

		if (!dead && !leaving && w->deaths < c->deaths)
			add(l, (struct step){ .kind = STEP_DIE, .what = i });
		if (dead && c->returns)
			add(l, (struct step){ .kind = STEP_RETURN, .what = i });
		if (dead && c->hold && !owns(w, i) && idle(w))
			add(l, (struct step){ .kind = STEP_HOLD_OVER, .what = i });
		if (c->removal && !leaving && !owns(w, i) && !w->change && w->changes)
			add(l, (struct step){ .kind = STEP_REMOVE, .what = i });
	}
}

unsigned int steps_of(const struct scene *c, const struct rules *r, const struct world *w,
		      struct step out[static STEPS_MAX])
{
	struct list l = { .scene = c, .rules = r, .w = w, .out = out };

	add_packets(&l);
	add_under_way(&l);
	for (uint8_t i = 0; i < c->flows; i++)
		if (w->flow[i].phase && !(w->packet.stage && w->packet.flow == i))
			add(&l, (struct step){ .kind = STEP_CLOSE, .flow = i });
	add_time(&l);
	add_changes(&l);
	add_rounds(&l);
	add_backends(&l);
	if (w->crashes < c->crashes)
		add(&l, (struct step){ .kind = STEP_CRASH });
	return l.count;
}

/* A whole packet, while another one may be under way. */
static fault whole_packet(const struct rules *r, struct world *w, const struct step *s)
{
	bool first = is_beside(w, s->flow) && !w->packet.claim;
	struct packet under_way = w->packet;
	fault wrong;

	packet_read(r, w, s);
	first = first && !w->packet.claim && !is_forged(s->what) && s->what != REAL_RELATED;
	wrong = packet_act(r, w, s);
	w->packet = under_way;
	if (is_beside(w, s->flow) &&
	    (first || s->what == REAL_SYN || (is_forged(s->what) && w->packet.kind == REAL_SYN)))
		w->packet.overtaken = 1;
	if ((s->what == REAL_UDP || s->what == REAL_INITIAL) && first)
		w->flow[s->flow].owner = EITHER;
	return wrong;
}

static fault take_backend(const struct rules *r, struct world *w, const struct step *s)
{
	uint8_t bit = (uint8_t)(1u << s->what);

	switch (s->kind) {
	case STEP_DIE:
		w->dead |= bit;
		w->deaths++;
		break;
	case STEP_RETURN:
		w->dead &= (uint8_t)~bit;
		break;
	case STEP_REMOVE:
		w->leaving |= bit;
		break;
	case STEP_HOLD_OVER:
		backend_hold_over(r, w, s->what);
		break;
	}
	return NULL;
}

static fault take_control(const struct rules *r, struct world *w, const struct step *s)
{
	switch (s->kind) {
	case STEP_CHANGE:
	case STEP_WRITE:
	case STEP_REBUILD:
	case STEP_REWRITE:
		change_write(r, w, s);
		if (s->kind == STEP_WRITE || s->kind == STEP_REWRITE)
			return NULL;
		change_switch(r, w);
		return change_finish(r, w);
	case STEP_SWITCH:
		change_switch(r, w);
		return NULL;
	case STEP_FINISH:
		return change_finish(r, w);
	case STEP_ROUND:
	case STEP_BEGIN:
		round_begin(r, w, s);
		if (s->kind == STEP_BEGIN)
			return NULL;
		return round_sweep(r, w) ?: round_settle(r, w);
	case STEP_SWEEP:
		return round_sweep(r, w);
	case STEP_SETTLE:
		return round_settle(r, w);
	case STEP_CRASH:
		controller_crash(w);
		return NULL;
	default:
		return take_backend(r, w, s);
	}
}

fault step_take(const struct rules *r, struct world *w, const struct step *s)
{
	w->full = (uint8_t)(w->full + (s->full && s->kind <= STEP_ACT));
	switch (s->kind) {
	case STEP_PACKET:
		return whole_packet(r, w, s);
	case STEP_WORD:
		packet_word(w, s);
		return NULL;
	case STEP_LOOK:
		packet_look(r, w);
		return NULL;
	case STEP_READ:
		packet_read(r, w, s);
		return NULL;
	case STEP_CLAIM:
		packet_claim(w, s);
		return NULL;
	case STEP_ACT:
		return packet_act(r, w, s);
	case STEP_CLOSE:
		w->flow[s->flow] = (struct flow){};
		return NULL;
	case STEP_TICK:
	case STEP_WAIT:
		world_age(w, s->what);
		return NULL;
	default:
		return take_control(r, w, s);
	}
}

fault left_alone(const struct rules *r, struct world w)
{
	struct step s = {};
	fault wrong = NULL;

	if (w.packet.stage)
		wrong = packet_act(r, &w, &s);
	if (w.change == WRITTEN)
		change_switch(r, &w);
	if (w.change == SWITCHED)
		wrong = wrong ?: change_finish(r, &w);
	for (unsigned int i = 0; i < 6; i++) {
		world_age(&w, i < 2 ? HANDSHAKE_S : 1);
		round_begin(r, &w, &s);
		wrong = wrong ?: round_sweep(r, &w);
		wrong = wrong ?: round_settle(r, &w);
	}
	for (unsigned int i = 0; i < SLOTS; i++)
		if (w.slot[i] & EK_SLOT_UNSETTLED)
			return wrong ?: "left alone, a slot never settles";
	if (w.old_table || w.undone)
		return wrong ?: "left alone, an old or undone table is never dropped";
	for (unsigned int i = 0; i < FLOWS; i++)
		if (w.claimed[i])
			return wrong ?: "left alone, a flow is remembered forever";
	return wrong ?: w.leaving ? "left alone, a backend that left is never let go" : NULL;
}
