// SPDX-License-Identifier: GPL-2.0
/* Who decides what a table is made of, and which slots of a new one stay as they are for now. */
#include <errno.h>
#include <stdlib.h>

#include "dp/draft.h"
#include "dp/install.h"
#include "dp/object.h"
#include "lib/cleanup.h"
#include "lib/maglev.h"

void dp_weigh_by(struct dp *dp, dp_weigh weigh, void *context)
{
	dp->priv->weigh = weigh;
	dp->priv->weigh_context = context;
}

void dp_allow_by(struct dp *dp, dp_allow allow, void *context)
{
	dp->priv->allow = allow;
	dp->priv->allow_context = context;
}

void dp_backend_start(struct dp *dp, uint32_t backend, uint64_t word)
{
	dp->backend_ids[backend].start = word;
}

static uint64_t slot_in_force(const struct draft_service *s, const struct dp *dp, uint32_t slot)
{
	return __atomic_load_n(&dp->slots[ek_table_base(s->table) + slot], __ATOMIC_RELAXED);
}

/* By backend index, over `then`, which are s->owners, and over the table in force. */
static void count_slots(const struct draft_service *s, const struct dp *dp, uint32_t *now,
			uint32_t *then)
{
	for (uint32_t i = 0; i < s->slots; i++) {
		uint32_t cur = ek_slot_cur(slot_in_force(s, dp, i));

		if (cur < dp->sizes.backends)
			now[cur]++;
		then[s->owners[i]]++;
	}
}

static void hold_slot(struct draft_service *s, uint32_t slot, uint32_t owner)
{
	s->owners[slot] = owner;
	s->waiting++;
}

/* What becomes of a slot that comes gently. */
enum gentle { GENTLE_FREE, GENTLE_BUDGET, GENTLE_WAIT };

/* Who is to have nothing any more loses all at once. */
static enum gentle judge(const struct draft_service *s, const struct dp *dp, uint32_t slot,
			 const uint32_t *then)
{
	uint64_t word = slot_in_force(s, dp, slot);
	uint32_t cur = ek_slot_cur(word), owner = s->owners[slot];

	if (owner == cur || cur >= dp->sizes.backends || !then[cur])
		return GENTLE_FREE;
	if (!(word & EK_SLOT_UNSETTLED))
		return GENTLE_BUDGET;
	return ek_slot_def(word) == owner ? GENTLE_FREE : GENTLE_WAIT;
}

/* Where all slots that somebody is to have are unsettled, he need not wait: he would have none. */
static int hold_gently(struct draft_service *s, const struct dp *dp, const uint32_t *then)
{
	_cleanup_(free_ptr) bool *served = calloc(dp->sizes.backends, sizeof(*served));
	uint32_t budget = s->slots / DP_GENTLE_PART;

	if (!served)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->slots; i++)
		served[s->owners[i]] |= judge(s, dp, i, then) != GENTLE_WAIT;
	for (uint32_t i = 0; i < s->slots; i++) {
		enum gentle gentle = judge(s, dp, i, then);

		if (gentle == GENTLE_FREE || !served[s->owners[i]])
			continue;
		if (gentle == GENTLE_BUDGET && budget)
			budget--;
		else
			hold_slot(s, i, ek_slot_cur(slot_in_force(s, dp, i)));
	}
	return 0;
}

static void hold_all(struct draft_service *s, const struct dp *dp)
{
	for (uint32_t i = 0; i < s->slots; i++) {
		uint32_t cur = ek_slot_cur(slot_in_force(s, dp, i));

		if (s->owners[i] != cur)
			hold_slot(s, i, cur);
	}
}

/* Of the slots that move, also how many are settled. */
static uint32_t moves(const struct draft_service *s, const struct dp *dp, uint32_t *settled)
{
	uint32_t moved = 0;

	for (uint32_t i = 0; i < s->slots; i++) {
		uint64_t word = slot_in_force(s, dp, i);

		if (ek_slot_cur(word) == s->owners[i])
			continue;
		moved++;
		*settled += !(word & EK_SLOT_UNSETTLED);
	}
	return moved;
}

uint32_t draft_moves(const struct draft_service *s, const struct dp *dp)
{
	uint32_t settled = 0;

	return moves(s, dp, &settled);
}

static int ask(struct draft_service *s, const struct dp *dp, const struct maglev_member *members,
	       uint32_t *now, uint32_t *then)
{
	size_t count = s->config->backend_count;
	_cleanup_(free_ptr) uint32_t *indexes = calloc(count + 1, sizeof(*indexes));
	struct dp_move move = { .service = s->index,
				.config = s->config,
				.indexes = indexes,
				.now = now,
				.then = then,
				.slots = s->slots };

	if (!indexes)
		return -ENOMEM;
	move.moved = moves(s, dp, &move.unsettling);
	if (!move.moved || !dp->priv->allow)
		return 0;
	for (size_t i = 0; i < count; i++)
		indexes[i] = members[i].index;
	for (uint32_t i = 0; i < dp->sizes.backends; i++)
		now[i] = then[i] = 0;
	count_slots(s, dp, now, then);
	if (!dp->priv->allow(dp->priv->allow_context, &move))
		hold_all(s, dp);
	return 0;
}

int draft_hold(struct draft_service *s, const struct dp *dp, const struct maglev_member *members)
{
	_cleanup_(free_ptr) uint32_t *now = NULL, *then = NULL;

	if (!s->gently && !dp->priv->allow)
		return 0;
	now = calloc(dp->sizes.backends, sizeof(*now));
	then = calloc(dp->sizes.backends, sizeof(*then));
	if (!now || !then)
		return -ENOMEM;
	if (s->gently) {
		count_slots(s, dp, now, then);
		if (hold_gently(s, dp, then))
			return -ENOMEM;
	}
	return ask(s, dp, members, now, then);
}
