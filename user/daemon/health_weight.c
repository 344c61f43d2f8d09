/* SPDX-License-Identifier: GPL-2.0 */
/* The weights of tables, and what the guard says to a table that evenkeeld makes by itself. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/guarded.h"
#include "daemon/health_internal.h"
#include "daemon/log.h"
#include "daemon/rebalances.h"
#include "lib/cleanup.h"
#include "lib/effective.h"
#include "lib/stage.h"

/* Slots that wait do so for their turn, or until their flows have ended. */
#define RETRY_NEXT_MS 1000u
#define RETRY_STUCK_MS 5000u

/* One service, while its weights are worked out. */
struct weighing {
	struct healths *h;
	const struct config_service *s;
	const uint32_t *indexes;
	struct effective_member *members;
	struct effective_weight *weights;
	enum eligible_mode mode;
};

static void weighing_release(struct weighing *w)
{
	free(w->members);
	free(w->weights);
}

static struct health_unit *unit_of(const struct weighing *w, size_t i)
{
	return w->h->units[w->indexes[i]];
}

static void read_members(struct weighing *w)
{
	for (size_t i = 0; i < w->s->backend_count; i++) {
		const struct config_backend *b = &w->s->backends[i];
		const struct health_unit *u = unit_of(w, i);
		struct eligible_member m = { .weight = config_backend_weight(b),
					     .backup = b->backup };

		if (u) {
			m.state = u->health.state;
			m.ever_up = u->health.ever_up;
			m.had = u->had;
			m.start = (double)u->start.part / START_WHOLE;
		}
		w->members[i] = (struct effective_member){
			.eligible = m, .factor = rebalances_factor(w->h->daemon, w->indexes[i])
		};
	}
}

static int compose(struct weighing *w)
{
	const struct eligible_policy policy = { .panic = w->s->panic,
						.backup_below = w->s->backup_below,
						.on_empty = w->s->on_empty };

	read_members(w);
	return effective_weights(w->weights, &w->mode, w->members, w->s->backend_count, &policy);
}

/* ---- slow start ------------------------------------------------------------------------------ */

static bool is_up(const struct eligible_member *m)
{
	return m->weight && m->ever_up && m->state == HEALTH_UP;
}

/* When a service begins its backends come up one after another, all of them cold alike. */
static bool is_young(const struct weighing *w)
{
	uint32_t now = clock_now_s();

	for (size_t i = 0; i < w->s->backend_count; i++)
		if (now - w->h->daemon->dp->backend_ids[w->indexes[i]].since >= w->s->slow_start_s)
			return false;
	return true;
}

/* Somebody has traffic already, and goes on having it. */
static bool serves(const struct weighing *w)
{
	if (is_young(w))
		return false;
	for (size_t i = 0; i < w->s->backend_count; i++)
		if (w->members[i].eligible.had && is_up(&w->members[i].eligible))
			return true;
	return false;
}

/* Who comes to a pool that serves begins; a spare does not: it is called because it is needed at
 * once. True if somebody begins, or has gone. */
static bool begin_starts(const struct weighing *w)
{
	bool pool_serves = serves(w), changed = false;

	for (size_t i = 0; i < w->s->backend_count; i++) {
		const struct eligible_member *m = &w->members[i].eligible;
		struct health_unit *u = unit_of(w, i);

		if (!u)
			continue;
		u->start_s = w->s->slow_start_s;
		if (!is_up(m) || m->backup || !u->start_s)
			u->start.part = 0;
		else if (!m->had && !u->start.part && pool_serves)
			u->start = (struct start){ clock_now_s(), START_LEAST, START_LEAST };
		changed |= m->had != is_up(m);
	}
	return changed;
}

/* Health is ignored, so nobody has come. */
static void end_starts(const struct weighing *w)
{
	for (size_t i = 0; i < w->s->backend_count; i++)
		if (unit_of(w, i))
			unit_of(w, i)->start.part = 0;
}

/* Whose load must go to the others at once: not by and by, as slots settle. */
static bool any_lost(const struct weighing *w)
{
	for (size_t i = 0; i < w->s->backend_count; i++)
		if (w->members[i].eligible.had && !w->weights[i].table)
			return true;
	return false;
}

static bool any_starts(const struct weighing *w)
{
	for (size_t i = 0; i < w->s->backend_count; i++)
		if (unit_of(w, i) && unit_of(w, i)->start.part)
			return true;
	return false;
}

/* What those that start leave to the others must not be too much for them. */
static int raise_starts(const struct weighing *w, uint32_t service)
{
	const struct dp *dp = w->h->daemon->dp;
	_cleanup_(free_ptr) uint32_t *owned = calloc(dp->sizes.backends, sizeof(*owned));
	_cleanup_(free_ptr) struct start_member *members =
		calloc(w->s->backend_count + 1, sizeof(*members));
	double slots = owned ? dp_slots_count(dp, service, owned, NULL, NULL) : 0;
	uint16_t least;

	if (!owned || !members)
		return -ENOMEM;
	for (size_t i = 0; slots > 0 && i < w->s->backend_count; i++)
		members[i] = (struct start_member){
			.weight = (uint32_t)w->weights[i].due,
			.old_share = owned[w->indexes[i]] / slots,
			.part = unit_of(w, i) ? unit_of(w, i)->start.part : 0,
		};
	least = start_least(members, w->s->backend_count);
	for (size_t i = 0; i < w->s->backend_count; i++) {
		struct health_unit *u = unit_of(w, i);

		if (u && u->start.part && u->start.part < least)
			u->start = (struct start){ clock_now_s(), least, least };
	}
	return 0;
}

static int plan_starts(struct weighing *w)
{
	const struct health_unit *first = w->s->backend_count ? unit_of(w, 0) : NULL;
	bool changed = begin_starts(w);
	int err = compose(w);

	if (w->mode != ELIGIBLE_HEALTHY && w->mode != ELIGIBLE_BACKUP)
		end_starts(w);
	else if (!err && changed && first && any_starts(w))
		err = raise_starts(w, first->service);
	return err ?: compose(w);
}

void healths_start_tick(struct healths *h)
{
	const struct daemon *d = h->daemon;
	uint64_t now = health_now_ms(), waiting = 0;

	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		struct health_unit *u = h->units[i];
		uint16_t due;

		if (!u || !u->start.part)
			continue;
		due = start_due(&u->start, u->start_s, clock_now_s());
		h->dirty |= due > u->start.part;
		u->start.part = due > u->start.part ? due : u->start.part;
	}
	if (now < h->retry_ms)
		return;
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		waiting += dp_slots_waiting(d->dp, i);
	h->retry_ms = now + (waiting == h->waiting ? RETRY_STUCK_MS : RETRY_NEXT_MS);
	h->waiting = waiting;
	h->dirty |= waiting > 0;
}

/* With the last slot that waited for it a start is over. */
static bool is_over(const struct health_unit *u)
{
	return u->start.part >= START_WHOLE && !dp_slots_waiting(u->all->daemon->dp, u->service);
}

void unit_start_commit(struct health_unit *u)
{
	struct daemon *d = u->all->daemon;
	char text[UNIT_TEXT_MAX];
	bool over = is_over(u);

	if (over)
		u->start.part = 0;
	if (start_word(&u->start) != d->dp->backend_ids[u->index].start)
		dp_backend_start(d->dp, u->index, start_word(&u->start));
	if (!!u->start.part == u->start_told)
		return;
	u->start_told = u->start.part;
	unit_text(u, text);
	if (u->start.part) {
		log_notice("%s begins with %u %% of its weight and has all of it in %u s", text,
			   100 * u->start.part / START_WHOLE, u->start_s);
		daemon_event(d, "slow_start", &d->self, "%s begins with %u %% of its weight", text,
			     100 * u->start.part / START_WHOLE);
	} else if (over) {
		log_notice("%s has its whole weight", text);
		daemon_event(d, "slow_start", &d->self, "%s has its whole weight", text);
	}
}

/* ---- weights --------------------------------------------------------------------------------- */

/* What rebalance starts from: all but its own part. Whole numbers, as they were before it. */
static double without_factor(const struct weighing *w, size_t i)
{
	double start = w->members[i].eligible.start;

	return nearbyint(w->weights[i].due / w->members[i].factor) *
	       (start > 0 && w->mode != ELIGIBLE_PANIC ? start : 1);
}

static void note_rebalance(const struct weighing *w)
{
	_cleanup_(free_ptr) double *weights = calloc(w->s->backend_count + 1, sizeof(*weights));

	for (size_t i = 0; weights && i < w->s->backend_count; i++)
		weights[i] = without_factor(w, i);
	if (weights)
		rebalances_note(w->h->daemon, w->s, w->indexes, weights,
				w->mode != ELIGIBLE_HEALTHY && w->mode != ELIGIBLE_BACKUP);
}

static void note(const struct weighing *w)
{
	for (size_t i = 0; i < w->s->backend_count; i++) {
		const struct config_backend *b = &w->s->backends[i];
		struct health_unit *u = unit_of(w, i);

		if (!u)
			continue;
		u->in_force = w->weights[i].table;
		/* Of a service that is being staged it is asked twice, for the table before, too. */
		u->weighed |= w->weights[i].table != 0;
		u->weight = config_backend_weight(b);
		u->spare = b->backup;
		u->due = w->weights[i].due;
		w->h->weighing[u->service] = (uint8_t)w->mode;
	}
}

/* Who has slots still as by the weights before is in the table; nothing begins by them. */
static void note_before(const struct weighing *w)
{
	for (size_t i = 0; i < w->s->backend_count; i++) {
		struct health_unit *u = unit_of(w, i);

		if (!u)
			continue;
		u->weighed |= w->weights[i].table != 0;
		u->due_before = w->weights[i].due;
	}
}

static bool weigh(struct weighing *w, struct dp_weights *weights)
{
	bool is_new = w->h->installing && !weights->before;

	w->members = calloc(w->s->backend_count + 1, sizeof(*w->members));
	w->weights = calloc(w->s->backend_count + 1, sizeof(*w->weights));
	if (!w->members || !w->weights || compose(w) || (is_new && plan_starts(w)))
		return false;
	/* What a person asks for comes at once. */
	weights->gently = is_new && w->h->automatic && any_starts(w) && !any_lost(w);
	for (size_t i = 0; i < w->s->backend_count; i++)
		weights->each[i] = w->weights[i].table;
	if (is_new) {
		note(w);
		note_rebalance(w);
	} else if (w->h->installing) {
		note_before(w);
	}
	return true;
}

void healths_weigh(void *context, const struct config_service *s, const uint32_t *indexes,
		   struct dp_weights *weights)
{
	_cleanup_(
		weighing_release) struct weighing w = { .h = context, .s = s, .indexes = indexes };

	if (weigh(&w, weights))
		return;
	/* Out of memory, and as if nothing were known: no service stops for it. */
	for (size_t i = 0; i < s->backend_count; i++)
		weights->each[i] = config_backend_weight(&s->backends[i]);
}

/* ---- the guard ------------------------------------------------------------------------------- */

static enum guard_cause cause_of(const struct healths *h, const struct dp_move *m)
{
	bool starting = false;

	if (h->weighing[m->service] == ELIGIBLE_PANIC)
		return GUARD_BY_PANIC;
	for (size_t i = 0; i < m->config->backend_count; i++) {
		const struct health_unit *u = h->units[m->indexes[i]];

		if (u && u->had != u->weighed)
			return GUARD_BY_HEALTH;
		starting |= u && u->start.part;
	}
	return starting ? GUARD_BY_SLOW_START : GUARD_BY_REBALANCE;
}

static void take_back(struct healths *h, const struct dp_move *m)
{
	for (size_t i = 0; i < m->config->backend_count; i++) {
		struct health_unit *u = h->units[m->indexes[i]];

		if (u)
			u->weighed = u->had;
	}
	h->weighing[m->service] = h->modes[m->service];
}

/* What each backend is to have. A step lies between two tables. */
static void read_due(const struct healths *h, const struct dp_move *m, double *due)
{
	const struct config_backend *backends = m->config->backends;
	size_t count = m->config->backend_count;
	double before = 0, after = 0;

	for (size_t i = 0; i < count; i++) {
		const struct health_unit *u = h->units[m->indexes[i]];

		due[i] = u ? u->due : config_backend_weight(&backends[i]);
		after += due[i];
		before += u ? u->due_before : backends[i].weight_before;
	}
	if (!m->config->staged || !(before > 0) || !(after > 0))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct health_unit *u = h->units[m->indexes[i]];

		due[i] = stage_between((u ? u->due_before : backends[i].weight_before) / before,
				       due[i] / after, m->config->staged);
	}
}

bool healths_allow(void *context, const struct dp_move *m)
{
	struct healths *h = context;
	_cleanup_(free_ptr) double *due = calloc(m->config->backend_count + 1, sizeof(*due));

	if (!h->automatic || !due)
		return true;
	read_due(h, m, due);
	if (guarded_allow(h->daemon, m, cause_of(h, m), due))
		return true;
	take_back(h, m);
	return false;
}
