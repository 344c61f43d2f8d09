// SPDX-License-Identifier: GPL-2.0
/* The controller's steps, as in user/dp/install.c and user/dp/settle.c. */
#include <string.h>

#include "world.h"

/* GONE, then free: whoever compares its state with what it read before will see that. */
void forget(struct world *w, unsigned int flow, unsigned int place)
{
	w->claimed[flow] &= (uint8_t) ~(1u << place);
	w->old_tag[flow] &= w->claimed[flow];
	w->entry[flow][place] = 0;
}

void change_write(const struct rules *r, struct world *w, const struct step *s)
{
	const uint8_t owners[SLOTS] = { s->flow, s->late };
	uint32_t now_s = NOW - s->full;

	w->rebuilding = s->kind == STEP_REBUILD || s->kind == STEP_REWRITE ? s->what : NO_REBUILD;
	/* Of a controller that died before it went back: from now on it would mean something. */
	if (w->undone == IN_FORCE && r->flaw != UNDONE_NOT_CLEARED)
		w->undone = NO_UNDONE;
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (w->rebuilding == BACK)
			w->other[i] = r->gone_back(w->old[i], owners[i], now_s);
		else if (w->rebuilding)
			w->other[i] = r->rebuilt(owners[i], now_s);
		else
			w->other[i] = r->change(w->slot[i], owners[i], now_s);
	}
	if (w->rebuilding == BACK)
		w->undone = IN_FORCE;
	w->change = WRITTEN;
	w->change_late = s->full;
	w->changes += !w->rebuilding;
}

/* The table that is switched from is looked up from now on, as it is; when misses used def there
 * matters no more. */
static void keep_old_table(struct world *w)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		w->old[i] = ek_slot_word(ek_slot_cur(w->slot[i]), ek_slot_def(w->slot[i]),
					 (w->slot[i] & EK_SLOT_UNSETTLED) != 0, 0);
	w->old_table = w->rebuilding;
}

static bool is_of_old_table(uint64_t word)
{
	return word & EK_SLOT_UNSETTLED && ek_slot_def(word) == EK_DEF_OLD_TABLE;
}

static bool none_has_settled(const struct world *w)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (!is_of_old_table(w->slot[i]))
			return false;
	return w->old_table == OTHER_HASH;
}

bool may_go_back(const struct rules *r, const struct world *w)
{
	return (none_has_settled(w) || r->flaw == BACK_FROM_SETTLED) &&
	       w->old_table == OTHER_HASH && w->undone != UNDONE;
}

static void forget_old_table(struct world *w)
{
	memset(w->old, 0, sizeof(w->old));
	w->old_table = NO_REBUILD;
}

/* A packet may be about to look there. In truth it is waited for: what else may be written there is
 * not in the model. */
static void drop_old_table(struct world *w)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (is_of_old_table(w->slot[i]))
			return;
	forget_old_table(w);
}

static fault drop_undone_table(struct world *w)
{
	if (w->foreign & ELSEWHERE)
		return NULL;
	for (unsigned int i = 0; w->undone == UNDONE && i < FLOWS; i++)
		if (w->old_tag[i])
			return "the undone table was dropped while a flow is remembered under it";
	w->undone = NO_UNDONE;
	return NULL;
}

/* What flows are remembered by is the other of two from now on. */
static void other_tags(struct world *w)
{
	for (unsigned int i = 0; i < FLOWS; i++)
		w->old_tag[i] = w->claimed[i] & (uint8_t)~w->old_tag[i];
}

void change_switch(const struct rules *r, struct world *w)
{
	if (w->rebuilding && w->rebuilding != BACK)
		keep_old_table(w);
	else if (w->rebuilding && r->flaw == OLD_DROPPED_AT_ONCE)
		forget_old_table(w);
	if (w->undone == IN_FORCE)
		w->undone = r->flaw == UNDONE_DROPPED_AT_ONCE ? NO_UNDONE : UNDONE;
	if (is_other_hash(w->rebuilding))
		other_tags(w);
	w->rebuilds += !!w->rebuilding;
	for (unsigned int i = 0; i < SLOTS; i++) {
		uint64_t old = w->slot[i];

		w->slot[i] = w->other[i];
		w->other[i] = old;
	}
	w->packet.old_table = w->packet.stage != NO_PACKET;
	w->change = SWITCHED;
}

void change_abandon(struct world *w)
{
	memset(w->other, 0, sizeof(w->other));
	w->change = NO_CHANGE;
	w->change_late = w->rebuilding = 0;
}

fault change_finish(const struct rules *r, struct world *w)
{
	fault wrong = NULL;

	for (unsigned int i = 0; i < SLOTS; i++) {
		uint64_t old = w->other[i], before = w->slot[i];

		w->slot[i] =
			r->catch_up(before, w->rebuilding ? 0 : old, NOW - w->change_late, NOW);
		if (w->rebuilding)
			continue;
		if (!(old & EK_SLOT_UNSETTLED) && w->slot[i] & EK_SLOT_UNSETTLED &&
		    (ek_slot_cur(old) == ek_slot_cur(before) || !ek_slot_cur(old)))
			wrong = "a slot became unsettled though no flow could move";
		/* The change wrote a time ahead of the clock: no packet has noted anything
		 * since. */
		if (old & EK_SLOT_UNSETTLED && ek_slot_cur(old) != ek_slot_def(old) &&
		    (ek_slot_def(old) != EK_DEF_OLD_TABLE ||
		     ek_slot_cur(old) == ek_slot_cur(before)) &&
		    ek_slot_epoch(before) > NOW &&
		    ek_slot_quiet_s(w->slot[i], NOW) < ek_slot_quiet_s(old, NOW) &&
		    w->change_late < EK_CHANGE_AHEAD_S)
			wrong = "a change woke a slot whose default is quiet";
	}
	if (none_has_settled(w) && w->undone == UNDONE)
		wrong = "there is no way back though no slot has settled";
	change_abandon(w);
	return wrong;
}

static uint8_t backends_named(const struct rules *r, const struct world *w)
{
	uint8_t named = 0;

	for (unsigned int i = 0; i < SLOTS; i++) {
		uint32_t def = ek_slot_def(w->slot[i]);

		named |= (uint8_t)(1u << ek_slot_cur(w->slot[i]));
		named |= (uint8_t)(def == EK_DEF_OLD_TABLE ? 0 : 1u << def);
		named |= (uint8_t)(w->old_table ? 1u << r->old_def(w->old[i]) : 0);
	}
	return named;
}

void round_begin(const struct rules *r, struct world *w, const struct step *s)
{
	w->round = BEGUN;
	w->round_late = s->late;
	w->named = backends_named(r, w);
	w->foreign = 0;
}

/* The slot under which it is remembered. Where the undone table would be all are as unsettled. */
static uint64_t entry_slot(const struct rules *r, const struct world *w, unsigned int flow,
			   unsigned int place)
{
	if (!(w->old_tag[flow] & 1u << place))
		return w->slot[slot_of(w, flow)];
	return w->undone == UNDONE && r->flaw != UNDONE_SWEPT_AS_OLD ? w->slot[old_slot_of(w, flow)]
								     : w->old[old_slot_of(w, flow)];
}

static void sweep_entry(const struct rules *r, struct world *w, unsigned int flow,
			unsigned int place)
{
	uint64_t *state = &w->entry[flow][place], word = entry_slot(r, w, flow, place);
	bool old = w->old_tag[flow] & 1u << place;

	if (!(w->claimed[flow] & 1u << place) || !ek_flow_known(*state))
		return;
	*state = r->swept(*state, word, w->idle_s, NOW - w->round_late);
	if (*state == EK_FLOW_GONE) {
		forget(w, flow, place);
		return;
	}
	w->named |= (uint8_t)(1u << ek_flow_backend(*state));
	if (old && w->undone == UNDONE && r->flaw == SETTLES_BESIDE_UNDONE)
		w->foreign |= ELSEWHERE;
	else if (old)
		w->foreign = ELSEWHERE | ((1u << SLOTS) - 1);
	else if (r->foreign(*state, word))
		w->foreign |= (uint8_t)(1u << slot_of(w, flow));
}

fault round_sweep(const struct rules *r, struct world *w)
{
	fault wrong = NULL;

	for (unsigned int i = 0; i < FLOWS; i++)
		for (unsigned int j = 0; j < PLACES; j++)
			sweep_entry(r, w, i, j);
	for (unsigned int i = 0; i < FLOWS; i++)
		for (unsigned int j = 0; j < PLACES; j++)
			if (!(entry_slot(r, w, i, j) & EK_SLOT_UNSETTLED) &&
			    ek_flow_known(w->entry[i][j]))
				wrong = "a settled slot remembers a flow";
	w->round = SWEPT;
	return wrong;
}

static bool is_named_by(uint64_t slot, uint32_t backend)
{
	return ek_slot_cur(slot) == backend || ek_slot_def(slot) == backend;
}

static bool is_old_default(const struct world *w, unsigned int slot, uint32_t backend)
{
	return w->old_table && ek_old_slot_def(w->old[slot]) == backend;
}

/* The backend is given up: its slots are their owners', its remembered flows are forgotten. */
static void release(const struct rules *r, struct world *w, uint32_t backend)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		w->slot[i] = r->release(w->slot[i], backend);
		if (w->old_table)
			w->old[i] = r->old_release(w->old[i], backend);
	}
	for (unsigned int i = 0; i < FLOWS; i++)
		for (unsigned int j = 0; j < PLACES; j++)
			if (w->claimed[i] & 1u << j && ek_flow_known(w->entry[i][j]) &&
			    ek_flow_backend(w->entry[i][j]) == backend)
				forget(w, i, j);
}

/* The index goes to somebody else: nobody may still mean the one before. */
static fault reuse(struct world *w, uint32_t backend)
{
	const struct packet *p = &w->packet;

	for (unsigned int i = 0; i < SLOTS; i++)
		if (is_named_by(w->slot[i], backend) || is_old_default(w, i, backend))
			return "an index was reused while a slot named it";
	for (unsigned int i = 0; i < FLOWS; i++)
		for (unsigned int j = 0; j < PLACES; j++)
			if (w->claimed[i] & 1u << j && ek_flow_backend(w->entry[i][j]) == backend)
				return "an index was reused while a remembered flow named it";
	if (p->stage && (is_named_by(p->word, backend) || p->def == backend ||
			 ek_flow_backend(p->entry) == backend))
		return "an index was reused while a packet under way named it";
	for (unsigned int i = 0; i < FLOWS; i++)
		if (w->flow[i].owner == backend)
			w->flow[i] = (struct flow){};
	w->leaving &= (uint8_t) ~(1u << backend);
	w->leaving_age[backend - 1] = w->unnamed[backend - 1] = 0;
	w->dead &= (uint8_t) ~(1u << backend);
	return NULL;
}

static fault let_go(const struct rules *r, struct world *w, uint32_t backend)
{
	uint32_t i = backend - 1;

	if (w->named & 1u << backend) {
		w->unnamed[i] = 0;
		if (r->time_over(NOW - w->leaving_age[i], DRAIN_S, NOW - w->round_late))
			release(r, w, backend);
		for (unsigned int j = 0; drain_ended(w, backend) && j < SLOTS; j++)
			if (!w->round_late &&
			    (is_named_by(w->slot[j], backend) || is_old_default(w, j, backend)))
				return "a backend whose drain is over still has a slot";
		return NULL;
	}
	return r->gone(++w->unnamed[i]) ? reuse(w, backend) : NULL;
}

/* Must the slot settle? Its owner has all its flows, and nothing else is remembered in it. */
static bool must_settle(const struct world *w, unsigned int slot)
{
	uint64_t word = w->slot[slot];

	for (unsigned int i = 0; i < FLOWS; i++)
		for (unsigned int j = 0; j < PLACES; j++)
			if (w->old_tag[i] || (slot_of(w, i) == slot && w->claimed[i] & 1u << j &&
					      ek_flow_backend(w->entry[i][j]) != ek_slot_cur(word)))
				return false;
	return ek_slot_cur(word) == ek_slot_def(word) ||
	       ek_slot_quiet_s(word, NOW) > w->idle_s + 3u + w->round_late;
}

fault round_settle(const struct rules *r, struct world *w)
{
	fault wrong = NULL;

	for (unsigned int i = 0; i < SLOTS; i++) {
		uint64_t *slot = &w->slot[i];
		bool foreign = w->foreign >> i & 1;

		if (!(*slot & EK_SLOT_UNSETTLED))
			continue;
		if (r->may_settle(*slot, foreign, w->idle_s, NOW - w->round_late))
			*slot = r->settled(*slot);
		else if (must_settle(w, i))
			wrong = "a slot did not settle though its owner has all its flows";
	}
	drop_old_table(w);
	wrong = wrong ?: drop_undone_table(w);
	for (uint32_t i = 1; i <= BACKENDS; i++)
		if (w->leaving & 1u << i)
			wrong = wrong ?: let_go(r, w, i);
	w->round = NO_ROUND;
	w->round_late = w->foreign = w->named = 0;
	return wrong;
}

void backend_hold_over(const struct rules *r, struct world *w, uint32_t backend)
{
	release(r, w, backend);
	for (unsigned int i = 0; i < FLOWS; i++)
		if (w->flow[i].owner == backend)
			w->flow[i] = (struct flow){};
}

/* The new table that nobody has seen is lost; the one before the switch is read by none but the
 * packet that is under way. */
void controller_crash(struct world *w)
{
	if (w->packet.old_table)
		w->change = ABANDONED;
	else
		change_abandon(w);
	w->round = NO_ROUND;
	w->round_late = w->foreign = w->named = 0;
	memset(w->unnamed, 0, sizeof(w->unnamed));
	w->crashes++;
}
