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

/* What was worse, and of when. */
struct finding {
	const struct outcome *moved, *unmoved, *before;
};

static bool is_worse(struct finding *out, const struct outcomes *moved,
		     const struct outcomes *unmoved, const struct outcome *before)
{
	struct finding late = { &moved->late, &unmoved->late, before };
	struct finding all = { &moved->all, &unmoved->all, before };

	*out = outcome_is_worse(late.moved, late.unmoved, before) ? late : all;
	return outcome_is_worse(out->moved, out->unmoved, before);
}

/* With nothing to compare with a flood looks like harm. */
static bool is_flood(const struct watch_facts *f, const struct finding *seen)
{
	return outcome_is_alone(seen->unmoved, seen->before) && f->flows_before &&
	       f->flows > WATCH_FLOOD_TIMES * f->flows_before &&
	       f->flows > WATCH_FLOOD_TIMES * OUTCOME_ALONE_MIN;
}

/* *what: which handshakes failed. */
static const struct watch_backend *unanswering(const struct watch_facts *f, struct finding *seen,
					       const char **what)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];
		const struct watch_pool *p = b->pool;

		if (!b->touched || !b->after)
			continue;
		*what = "handshakes on the slots that moved to it";
		if (is_worse(seen, &b->handshakes, &p->unmoved, &p->before) && !is_flood(f, seen))
			return b;
		*what = "sampled handshakes";
		if (is_worse(seen, &b->sampled, &p->unmoved, &b->sampled_before) &&
		    !is_flood(f, seen))
			return b;
	}
	return NULL;
}

/* Each backend alone may have too few. */
static const struct watch_pool *unanswered(const struct watch_facts *f, struct finding *seen)
{
	for (size_t i = 0; i < f->pool_count; i++) {
		const struct watch_pool *p = &f->pools[i];

		if (is_worse(seen, &p->moved, &p->unmoved, &p->before) && !is_flood(f, seen))
			return p;
	}
	return NULL;
}

static const struct watch_backend *shedding(const struct watch_facts *f, struct finding *seen)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];

		if (b->touched && b->after &&
		    is_worse(seen, &b->sheds, &b->pool->sheds, &b->sheds_before))
			return b;
	}
	return NULL;
}

static bool somebody_answers(const struct watch_facts *f, const struct watch_pool *pool)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->backends[i].pool == pool && !f->backends[i].touched &&
		    f->backends[i].answer == WATCH_ANSWERS)
			return true;
	return false;
}

/* A pool in which nobody answers is one that cannot be asked from here. */
static const struct watch_backend *silent(const struct watch_facts *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];

		if (b->touched && b->after && b->answer == WATCH_SILENT &&
		    somebody_answers(f, b->pool))
			return b;
	}
	return NULL;
}

/* The one that turns most away, of those that turn so much away. Whether the change gives it more is not
 * asked: what it is held to is what it would have without it (lib/cap.h). */
static const struct watch_backend *overloaded(const struct watch_facts *f, double least,
					      double part)
{
	const struct watch_backend *most = NULL;

	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];

		/* A burst may exceed it and the second not. */
		if (b->cap && outcome_all(&b->second) > b->cap && b->sheds_before.bad < 1 &&
		    b->second.bad >= least && outcome_part(&b->second) > part &&
		    (!most || b->second.bad > most->second.bad))
			most = b;
	}
	return most;
}

/* Seen at once where it is plain: clients that are turned away come again after a second, and again after
 * two more, when most have given up. */
static const struct watch_backend *too_full(struct watch *w, const struct watch_facts *f)
{
	const struct watch_backend *b = overloaded(f, WATCH_SHED_MIN, WATCH_SHED_PART);

	if (!b)
		w->full = 0;
	else if (w->full < WATCH_ROUNDS)
		w->full++;
	return w->full >= WATCH_ROUNDS ? b : overloaded(f, WATCH_SHED_MANY, WATCH_SHED_MOST);
}

/* In WATCH_ROUNDS rounds in a row. */
static bool is_dropping(struct watch *w, const struct watch_facts *f)
{
	uint64_t more = f->drops > f->drops_before ? f->drops - f->drops_before : 0;

	if (more < WATCH_DROPS_MIN || (double)more <= WATCH_DROPS_PART * (double)f->flows)
		w->dropping = 0;
	else if (w->dropping < WATCH_ROUNDS)
		w->dropping++;
	return w->dropping >= WATCH_ROUNDS;
}

/* The service that is harmed, NULL: all of them; and its backend, NULL: those that get more. */
struct harm {
	bool found;
	bool by_health;
	const struct watch_pool *pool;
	const struct watch_backend *backend;
};

#define COMPARED_MAX 80
/* "elsewhere 1 of 95, before 0 of 312" */
static const char *compared(const struct finding *seen, char text[static COMPARED_MAX])
{
	snprintf(text, COMPARED_MAX, "elsewhere %.0f of %.0f, before %.0f of %.0f",
		 seen->unmoved->bad, outcome_all(seen->unmoved), seen->before->bad,
		 outcome_all(seen->before));
	return text;
}

/* What is seen of handshakes and probes. */
static struct harm find_silence(const struct watch_facts *f, char reason[static WATCH_REASON_MAX])
{
	char text[COMPARED_MAX];
	struct finding seen;
	const char *what;
	const struct watch_backend *b = unanswering(f, &seen, &what);
	const struct watch_pool *p;

	if (b) {
		snprintf(reason, WATCH_REASON_MAX,
			 "backend %s/%s does not answer: %.0f of %.0f %s failed (%s)", b->service,
			 b->name, seen.moved->bad, outcome_all(seen.moved), what,
			 compared(&seen, text));
		return (struct harm){ .found = true, .pool = b->pool, .backend = b };
	}
	p = unanswered(f, &seen);
	if (p) {
		snprintf(reason, WATCH_REASON_MAX,
			 "service %s: %.0f of %.0f handshakes on the slots that moved failed (%s)",
			 p->service, seen.moved->bad, outcome_all(seen.moved),
			 compared(&seen, text));
		return (struct harm){ .found = true, .pool = p };
	}
	b = silent(f);
	if (b)
		snprintf(
			reason, WATCH_REASON_MAX,
			"backend %s/%s does not answer probes through the tunnel, as others of the "
			"service do",
			b->service, b->name);
	return (struct harm){ .found = b, .pool = b ? b->pool : NULL, .backend = b };
}

static struct harm find_loss(struct watch *w, const struct watch_facts *f,
			     char reason[static WATCH_REASON_MAX])
{
	bool drops = is_dropping(w, f);
	char text[COMPARED_MAX];
	struct finding seen;
	const struct watch_backend *b = too_full(w, f);

	if (b) {
		snprintf(reason, WATCH_REASON_MAX,
			 "backend %s/%s was to take %.0f new flows a second, %u is what it is "
			 "known to bear, and %.0f were turned away",
			 b->service, b->name, outcome_all(&b->second), b->cap, b->second.bad);
		return (struct harm){ .found = true, .pool = b->pool, .backend = b };
	}
	b = shedding(f, &seen);
	if (b) {
		snprintf(reason, WATCH_REASON_MAX,
			 "backend %s/%s is given more than its capacity: %.0f of %.0f new flows "
			 "were shed (%s)",
			 b->service, b->name, seen.moved->bad, outcome_all(seen.moved),
			 compared(&seen, text));
		return (struct harm){ .found = true, .pool = b->pool, .backend = b };
	}
	if (drops)
		snprintf(reason, WATCH_REASON_MAX,
			 "%" PRIu64 " packets were dropped for want of a backend, a next hop or "
			 "room, %" PRIu64 " in as long before",
			 f->drops, f->drops_before);
	return (struct harm){ .found = drops };
}

static struct harm find_harm(struct watch *w, const struct watch_facts *f,
			     char reason[static WATCH_REASON_MAX])
{
	const struct watch_backend *down = gone_down(f);
	struct harm harm;

	if (!down) {
		harm = find_silence(f, reason);
		return harm.found ? harm : find_loss(w, f, reason);
	}
	snprintf(reason, WATCH_REASON_MAX,
		 "backend %s/%s, which gets more by the change, went down", down->service,
		 down->name);
	return (struct harm){ true, true, down->pool, down };
}

/* ---- is the old revision better now? --------------------------------------------------------- */

/* Harm that health does not see: with the new revision who has it serves nobody. */
static bool is_harmed(const struct harm *h, const struct watch_backend *b)
{
	if (h->by_health || !h->pool)
		return false;
	return h->backend ? b == h->backend : b->touched;
}

/* What part of the weight is alive, by the old revision and by the new one. Where checks were
 * changed, what they say tells nothing of the old ones: who was up then counts. */
static void alive(const struct watch_facts *f, const struct harm *h, double *before, double *after)
{
	uint64_t all_before = 0, all_after = 0, up_before = 0, up_after = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct watch_backend *b = &f->backends[i];

		if (h->pool && b->pool != h->pool)
			continue;
		all_before += b->before;
		all_after += b->after;
		up_before += (b->judged_anew ? b->was_up : b->is_up) ? b->before : 0;
		up_after += b->is_up && !is_harmed(h, b) ? b->after : 0;
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
