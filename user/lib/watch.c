// SPDX-License-Identifier: GPL-2.0
#include "lib/watch.h"

#include <inttypes.h>
#include <stdio.h>

const char *watch_verdict_name(enum watch_verdict v)
{
	switch (v) {
	case WATCH_GOES_ON:
		return "goes on";
	case WATCH_GOOD:
		return "known good";
	case WATCH_ROLL_BACK:
		return "rolled back";
	case WATCH_HOLD:
		return "held";
	}
	return "unknown";
}

/* ---- harm ------------------------------------------------------------------------------------ */

/* Who goes down as it gets more is blamed on the change; who gets less, or as much as before, would
 * have gone down without it. */
static const struct watch_backend *gone_down(const struct watch_facts *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];

		if (b->touched && b->was_up && !b->is_up && b->after)
			return b;
	}
	return NULL;
}

static bool is_flood(const struct watch_facts *f)
{
	return f->flows > WATCH_FLOOD_TIMES * f->flows_before &&
	       f->flows > WATCH_FLOOD_TIMES * WATCH_FAILED_MIN && f->flows_before;
}

static const struct watch_backend *unanswering(const struct watch_facts *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];

		if (b->touched && b->after && b->failed >= WATCH_FAILED_MIN &&
		    b->failed > b->completed)
			return b;
	}
	return NULL;
}

static bool is_dropping(const struct watch_facts *f)
{
	uint64_t more = f->drops > f->drops_before ? f->drops - f->drops_before : 0;

	return more >= WATCH_DROPS_MIN && (double)more > WATCH_DROPS_PART * (double)f->flows;
}

/* True when it has been so in WATCH_ROUNDS rounds in a row. */
static bool lasts(uint8_t *rounds, bool bad)
{
	if (!bad)
		*rounds = 0;
	else if (*rounds < WATCH_ROUNDS)
		++*rounds;
	return *rounds >= WATCH_ROUNDS;
}

/* The service that is harmed, by its pool; all of them for drops. */
struct harm {
	bool found, everywhere;
	bool by_health;
	uint32_t pool;
};

static struct harm find_harm(struct watch *w, const struct watch_facts *f,
			     char reason[static WATCH_REASON_MAX])
{
	const struct watch_backend *down = gone_down(f), *silent = unanswering(f);
	bool is_silent = lasts(&w->bad[0], silent && !is_flood(f));
	bool drops = lasts(&w->bad[1], is_dropping(f));

	if (down) {
		snprintf(reason, WATCH_REASON_MAX,
			 "backend %s/%s, which gets more by the change, went down", down->service,
			 down->name);
		return (struct harm){ .found = true, .by_health = true, .pool = down->pool };
	}
	if (is_silent) {
		snprintf(reason, WATCH_REASON_MAX,
			 "backend %s/%s does not answer: %" PRIu64 " of %" PRIu64
			 " handshakes on the slots that moved to it failed",
			 silent->service, silent->name, silent->failed,
			 silent->failed + silent->completed);
		return (struct harm){ .found = true, .pool = silent->pool };
	}
	if (drops) {
		snprintf(reason, WATCH_REASON_MAX,
			 "%" PRIu64 " packets were dropped for want of a backend, a next hop or "
			 "room, %" PRIu64 " in as long before",
			 f->drops, f->drops_before);
		return (struct harm){ .found = true, .everywhere = true };
	}
	return (struct harm){};
}

/* ---- is the old revision better now? --------------------------------------------------------- */

/* What part of the weight is alive, by the old revision and by the new one. Where checks were
 * changed, what they say tells nothing of the old ones: who was up then counts. */
static void alive(const struct watch_facts *f, const struct harm *h, double *before, double *after)
{
	uint64_t all_before = 0, all_after = 0, up_before = 0, up_after = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];

		if (!h->everywhere && b->pool != h->pool)
			continue;
		all_before += b->before;
		all_after += b->after;
		up_before += (b->judged_anew ? b->was_up : b->is_up) ? b->before : 0;
		up_after += b->is_up ? b->after : 0;
	}
	*before = all_before ? (double)up_before / (double)all_before : 0;
	*after = all_after ? (double)up_after / (double)all_after : 0;
}

static bool is_better(const struct watch_facts *f, const struct harm *h)
{
	double before, after;

	alive(f, h, &before, &after);
	/* Harm that health does not see is undone if health sees no difference either. */
	return before > 0 && (h->by_health ? before > after : before >= after);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

enum watch_verdict watch_judge(struct watch *w, const struct watch_facts *f, uint64_t now_ms,
			       char reason[static WATCH_REASON_MAX])
{
	struct harm harm = find_harm(w, f, reason);
	bool awaited = w->confirm_until_ms && !w->confirmed;

	if (w->held)
		return WATCH_HOLD;
	if (harm.found && is_better(f, &harm))
		return WATCH_ROLL_BACK;
	if (harm.found) {
		w->held = true;
		return WATCH_HOLD;
	}
	if (awaited && now_ms >= w->confirm_until_ms) {
		snprintf(reason, WATCH_REASON_MAX, "nobody confirmed it in time");
		return WATCH_ROLL_BACK;
	}
	if (!w->until_ms || now_ms < w->until_ms || awaited)
		return WATCH_GOES_ON;
	snprintf(reason, WATCH_REASON_MAX, "it was watched to the end");
	return WATCH_GOOD;
}
