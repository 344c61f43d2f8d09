// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "world.h"

/* Two tables put different flows together. */
static unsigned int slot_in(unsigned int table, unsigned int flow)
{
	return table & 1 ? flow > 0 : flow == 2;
}

unsigned int slot_of(const struct world *w, unsigned int flow)
{
	return slot_in(w->rebuilds, flow);
}

unsigned int old_slot_of(const struct world *w, unsigned int flow)
{
	return slot_in(w->rebuilds - 1u, flow);
}

bool is_other_hash(uint8_t rebuild)
{
	return rebuild == OTHER_HASH || rebuild == BACK;
}

bool backend_lives(const struct world *w, uint32_t backend)
{
	return backend && !(w->dead & 1u << backend);
}

bool drain_ended(const struct world *w, uint32_t backend)
{
	return backend && backend <= BACKENDS && w->leaving & 1u << backend &&
	       w->leaving_age[backend - 1] > DRAIN_S;
}

/* Slots of A, settled; nobody has sent anything. */
void world_begin(struct world *w, uint8_t slots, uint8_t idle_s)
{
	memset(w, 0, sizeof(*w));
	for (unsigned int i = 0; i < slots; i++)
		w->slot[i] = ek_slot_word(A, A, 0, 0);
	w->packet.place = PLACES;
	w->idle_s = idle_s;
}

/* An age beyond every one that the rules count in idle times; while there is a change, also beyond
 * the time at which it was written. */
static uint32_t old_s(const struct world *w)
{
	return w->idle_s + 5u + (w->change ? w->change_late : 0u);
}

/* `then` may be ahead of the clock. */
static uint32_t older(uint32_t then, uint32_t seconds, uint32_t most)
{
	int32_t age = (int32_t)(NOW - then + seconds), limit = (int32_t)most;

	return NOW - (uint32_t)(age < limit ? age : limit);
}

static uint64_t older_slot(const struct world *w, uint64_t slot, unsigned int seconds)
{
	if (!(slot & EK_SLOT_UNSETTLED))
		return slot;
	return ek_slot_word(ek_slot_cur(slot), ek_slot_def(slot), 1,
			    older(ek_slot_epoch(slot), seconds, old_s(w)));
}

static uint64_t older_entry(const struct world *w, uint64_t state, unsigned int seconds)
{
	uint32_t backend = ek_flow_backend(state);

	if (ek_flow_phase(state) == EK_PHASE_CONFIRMED)
		return ek_flow_confirmed(backend, older(ek_flow_seen(state), seconds, old_s(w)));
	if (!ek_flow_known(state))
		return state;
	return ek_flow_syn(backend, ek_flow_isn(state),
			   older(NOW - ek_flow_syn_age(state, NOW), seconds, EK_PENDING_S + 1),
			   ek_flow_phase(state));
}

static uint8_t older_age(uint8_t age, unsigned int seconds, unsigned int most)
{
	return (uint8_t)(age + seconds < most ? age + seconds : most);
}

void world_age(struct world *w, unsigned int seconds)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		w->slot[i] = older_slot(w, w->slot[i], seconds);
		if (w->change)
			w->other[i] = older_slot(w, w->other[i], seconds);
	}
	for (unsigned int i = 0; i < FLOWS; i++) {
		for (unsigned int j = 0; j < PLACES; j++)
			w->entry[i][j] = older_entry(w, w->entry[i][j], seconds);
		/* A handshake that takes so long is given up. */
		if (w->flow[i].phase == FLOW_SYN && seconds > EK_PENDING_S)
			w->flow[i] = (struct flow){};
		if (w->flow[i].phase)
			w->flow[i].age = older_age(w->flow[i].age, seconds, w->idle_s + 1u);
	}
	for (unsigned int i = 0; i < BACKENDS; i++)
		if (w->leaving & 2u << i)
			w->leaving_age[i] = older_age(w->leaving_age[i], seconds, DRAIN_S + 2);
	if (w->packet.stage) {
		w->packet.late = (uint8_t)(w->packet.late + seconds);
		w->packet.under_way_s = (uint8_t)(w->packet.under_way_s + seconds);
		w->packet.word = older_slot(w, w->packet.word, seconds);
		w->packet.entry = older_entry(w, w->packet.entry, seconds);
	}
	if (w->change)
		w->change_late = (uint8_t)(w->change_late + seconds);
	if (w->round)
		w->round_late = (uint8_t)(w->round_late + seconds);
}
