// SPDX-License-Identifier: GPL-2.0
#include "lib/health.h"

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = { "unknown", "up", "down" };

	return names[state];
}

/* ---- one check of one backend ---------------------------------------------------------------- */

/* Of `ms`, the part that `random` is of its range. */
static uint64_t part_of(uint64_t ms, uint32_t random)
{
	return ms * random >> 32;
}

void health_check_init(struct health_check *k, const struct health_times *times,
		       enum health_state prior, uint64_t now_ms, uint32_t random)
{
	uint64_t within = prior == HEALTH_UNKNOWN ? 0 : times->interval_ms;

	*k = (struct health_check){
		.times = *times,
		.state = prior,
		.due_ms = now_ms + part_of(within, random),
		.heard_ms = now_ms,
	};
}

void health_check_begin(struct health_check *k, uint64_t now_ms)
{
	k->running = true;
	k->due_ms = now_ms;
}

/* A tenth more or less, each round anew: what began together does not stay together. Slower while
 * down, but not while it seems to come back. */
static uint64_t next_due(const struct health_check *k, bool ok, uint64_t now_ms, uint32_t random)
{
	bool slow = k->state == HEALTH_DOWN && !ok;
	uint64_t interval = slow ? k->times.down_interval_ms : k->times.interval_ms;
	uint64_t due = k->due_ms + interval - interval / 10 + part_of(interval / 5, random);

	return due > now_ms ? due : now_ms;
}

static bool decide(struct health_check *k, bool ok)
{
	enum health_state says = ok ? HEALTH_UP : HEALTH_DOWN;
	uint32_t needed = k->state == HEALTH_UNKNOWN ? 1 : ok ? k->times.rise : k->times.fall;

	if (k->state == says) {
		k->contrary = 0;
		return false;
	}
	if (++k->contrary < needed)
		return false;
	k->state = says;
	k->contrary = 0;
	return true;
}

bool health_check_result(struct health_check *k, bool ok, uint64_t now_ms, uint32_t random)
{
	bool changed = decide(k, ok);

	k->due_ms = next_due(k, ok, now_ms, random);
	k->heard_ms = now_ms;
	k->running = false;
	k->told = true;
	return changed;
}

void health_check_missed(struct health_check *k, uint64_t now_ms, uint32_t random)
{
	k->due_ms = next_due(k, false, now_ms, random);
	k->running = false;
}

bool health_check_hurry(struct health_check *k, bool again, uint64_t now_ms)
{
	if (k->running || k->state == HEALTH_DOWN || (again && !k->contrary) || k->due_ms <= now_ms)
		return false;
	k->due_ms = now_ms;
	return true;
}

bool health_check_stuck(const struct health_check *k, uint64_t now_ms)
{
	const struct health_times *t = &k->times;
	uint64_t longest =
		t->down_interval_ms > t->interval_ms ? t->down_interval_ms : t->interval_ms;

	return now_ms > k->heard_ms + longest + longest / 10 + t->timeout_ms + HEALTH_GRACE_MS;
}

/* ---- a backend ------------------------------------------------------------------------------- */

void health_init(struct health *h, enum health_state state, bool ever_up, uint64_t now_ms)
{
	*h = (struct health){
		.state = state,
		.told = state,
		.ever_up = ever_up || state == HEALTH_UP,
		.calm_since_ms = now_ms,
		.since_ms = now_ms,
	};
}

enum health_state health_combine(const struct health_check *checks, size_t count,
				 enum health_state before)
{
	bool all_up = true;

	for (size_t i = 0; i < count; i++) {
		if (checks[i].state == HEALTH_DOWN)
			return HEALTH_DOWN;
		all_up &= checks[i].state == HEALTH_UP;
	}
	return all_up ? HEALTH_UP : before;
}

size_t health_decisive(const struct health_check *checks, size_t count)
{
	size_t i = 0;

	while (i < count && checks[i].state != HEALTH_DOWN)
		i++;
	return i;
}

static void forget_falls(struct health *h, uint64_t now_ms)
{
	uint64_t steps;

	if (now_ms <= h->calm_since_ms)
		return; /* held down: that is not calm */
	steps = (now_ms - h->calm_since_ms) / HEALTH_DECAY_MS;
	h->calm_since_ms += steps * HEALTH_DECAY_MS;
	h->falls -= steps < h->falls ? (uint32_t)steps : h->falls;
}

static void count_fall(struct health *h, uint64_t now_ms)
{
	uint64_t hold_ms;

	if (h->falls < HEALTH_FALLS_MAX)
		h->falls++;
	if (h->falls <= HEALTH_FALLS_FREE)
		return;
	hold_ms = (uint64_t)HEALTH_HOLD_MS << (h->falls - HEALTH_FALLS_FREE - 1);
	h->held_until_ms = now_ms + (hold_ms < HEALTH_HOLD_MAX_MS ? hold_ms : HEALTH_HOLD_MAX_MS);
}

static void change(struct health *h, enum health_state to, uint64_t now_ms)
{
	forget_falls(h, now_ms);
	h->held_until_ms = 0;
	if (h->state == HEALTH_UP && to == HEALTH_DOWN)
		count_fall(h, now_ms);
	h->calm_since_ms = h->held_until_ms ? h->held_until_ms : now_ms;
	h->ever_up |= to == HEALTH_UP;
	h->state = to;
	h->since_ms = now_ms;
}

bool health_update(struct health *h, enum health_state told, uint64_t now_ms)
{
	h->told = told;
	if (told == h->state || (told == HEALTH_UP && now_ms < h->held_until_ms))
		return false;
	change(h, told, now_ms);
	return true;
}

uint64_t health_due(const struct health *h)
{
	return health_held(h) ? h->held_until_ms : UINT64_MAX;
}

bool health_held(const struct health *h)
{
	return h->told == HEALTH_UP && h->state == HEALTH_DOWN;
}
