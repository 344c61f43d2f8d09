// SPDX-License-Identifier: GPL-2.0
#include "lib/guard.h"

#include <math.h>
#include <stdio.h>

#include "evenkeel/limits.h"

/* Shares are in slots: what is asked for and what comes out differ by up to one of them, before and
 * after. */
#define TOLERANCE (2.0 / EK_TABLE_SLOTS_MIN)

const struct guard_limits guard_limits_default = {
	.share_times = 2,
	.growth = 1.25,
	.revision_growth = 2,
};

static const struct {
	const char *name, *text, *remedy;
} rules[] = {
#define RULE(id, name, text, remedy) { name, text, remedy },
	GUARD_RULES(RULE)
#undef RULE
};

static const struct {
	const char *name;
	uint32_t rules;
	bool by_weight;
} causes[] = {
#define CAUSE(id, name, rules, by_weight) { name, rules, by_weight },
	GUARD_CAUSES(CAUSE)
#undef CAUSE
};

const char *guard_rule_name(enum guard_rule rule)
{
	return rule < GUARD_RULE_COUNT ? rules[rule].name : "safe";
}

const char *guard_cause_name(enum guard_cause cause)
{
	return causes[cause].name;
}

double guard_share_limit(double times, size_t count)
{
	double fair = count ? 1 / (double)count : 1;

	return fmin(times * fair, fair + (1 - fair) * fmin(1, (times - 1) / 2));
}

/* What the rules need to know of the whole pool. */
struct pool {
	double weight;              /* of all that are eligible */
	size_t eligible, had_share; /* how many are, how many had a share */
	double new_sum, moved;
};

static struct pool pool_of(const struct guard_case *c)
{
	struct pool p = { 0 };

	for (size_t i = 0; i < c->count; i++) {
		const struct guard_backend *b = &c->backends[i];

		p.weight += b->weight;
		p.eligible += b->weight > 0;
		p.had_share += b->old_share > 0;
		p.new_sum += b->new_share;
		p.moved += fabs(b->new_share - b->old_share) / 2;
	}
	return p;
}

/* What a backend may have because the weights in force give it that among those left. */
static double entitled(const struct guard_case *c, const struct pool *p,
		       const struct guard_backend *b)
{
	return causes[c->cause].by_weight && p->weight > 0 ? b->weight / p->weight : 0;
}

/* Who is to have so little that chance alone may leave it nothing is not starved by nobody's fault. */
static bool is_starved(const struct guard_case *c, const struct pool *p,
		       const struct guard_backend *b)
{
	return b->weight > 0 && !(b->new_share > 0) && b->weight > c->slack * p->weight;
}

/* A ratio that is in force was accepted by somebody: it may stay, also in a pool of another size, and
 * a share that does not grow topples nobody.
 * Who is above the limit already gets no more by rebalancing, then. */
static double share_limit(const struct guard_limits *l, const struct guard_case *c,
			  const struct pool *p, const struct guard_backend *b)
{
	double limit = guard_share_limit(l->share_times, p->eligible);
	double in_force = b->old_share;

	if (c->cause == GUARD_BY_REVISION && p->eligible)
		in_force *= fmax(1, (double)p->had_share / (double)p->eligible);
	return fmax(fmax(limit, in_force), entitled(c, p, b) + c->slack);
}

/* From where its load grows. One with less than half of its peers' share is as good as new: it was
 * tried, and what it bears was not. */
static double share_before(const struct guard_backend *b)
{
	return 2 * b->old_share >= b->like ? b->old_share : b->like;
}

static double growth_limit(const struct guard_limits *l, const struct guard_case *c,
			   const struct pool *p, const struct guard_backend *b)
{
	double growth = c->cause == GUARD_BY_REVISION ? l->revision_growth : l->growth;

	return fmax(growth * share_before(b), entitled(c, p, b) + c->slack);
}

/* Whether this backend breaks the rule; if so, by what against which limit. */
static bool breaks(const struct guard_limits *l, const struct guard_case *c, const struct pool *p,
		   const struct guard_backend *b, struct guard_breach *out)
{
	double share = b->new_share;

	out->value = share;
	switch (out->rule) {
	case GUARD_MALFORMED:
		out->limit = 1;
		return !(share >= 0 && share <= 1 + TOLERANCE && b->old_share >= 0 &&
			 isfinite(b->old_share) && b->weight >= 0 && isfinite(b->weight));
	case GUARD_INELIGIBLE:
		out->limit = 0;
		return p->eligible && !(b->weight > 0) && share > 0;
	case GUARD_STARVED:
		out->limit = 0;
		return is_starved(c, p, b);
	case GUARD_CAPACITY:
		out->value = share * c->demand;
		out->limit = b->capacity;
		return b->capacity > 0 && out->value > b->capacity &&
		       share > b->old_share + TOLERANCE;
	case GUARD_SHARE:
		out->limit = share_limit(l, c, p, b);
		return p->eligible && share > out->limit + TOLERANCE;
	case GUARD_GROWTH:
		if (!(share_before(b) > 0)) /* it is new: nothing grows */
			return false;
		out->value = share / share_before(b);
		out->limit = growth_limit(l, c, p, b) / share_before(b);
		return share > growth_limit(l, c, p, b) + TOLERANCE;
	default:
		return false;
	}
}

/* Rules about the service as a whole. */
static bool breaks_as_a_whole(const struct guard_case *c, const struct pool *p,
			      struct guard_breach *out)
{
	switch (out->rule) {
	case GUARD_MALFORMED:
		out->value = p->new_sum;
		out->limit = 1;
		return p->new_sum > 0 && fabs(p->new_sum - 1) > TOLERANCE;
	case GUARD_EMPTY:
		out->value = p->new_sum;
		out->limit = 0;
		return p->eligible && !(p->new_sum > 0);
	case GUARD_BUDGET:
		out->value = p->moved;
		out->limit = c->budget;
		return p->moved > c->budget + TOLERANCE;
	default:
		return false;
	}
}

/* How far beyond the limit, so that the backend that breaks a rule most is named. */
static double excess(const struct guard_breach *b)
{
	return b->limit > 0 ? b->value / b->limit : b->value;
}

static bool check_rule(const struct guard_limits *limits, const struct guard_case *c,
		       const struct pool *p, enum guard_rule rule, struct guard_breach *breach)
{
	struct guard_breach worst = { .rule = GUARD_RULE_COUNT };

	if (!(causes[c->cause].rules >> rule & 1))
		return false;
	for (size_t i = 0; i < c->count; i++) {
		struct guard_breach b = { .rule = rule, .cause = c->cause };

		b.backend = c->backends[i].id;
		if (breaks(limits, c, p, &c->backends[i], &b) &&
		    (worst.rule != rule || excess(&b) > excess(&worst)))
			worst = b;
	}
	if (worst.rule != rule) {
		struct guard_breach b = { .rule = rule, .cause = c->cause };

		if (!breaks_as_a_whole(c, p, &b))
			return false;
		worst = b;
	}
	*breach = worst;
	return true;
}

bool guard_check_rule(const struct guard_limits *limits, const struct guard_case *c,
		      enum guard_rule rule, struct guard_breach *breach)
{
	struct pool p = pool_of(c);

	return check_rule(limits, c, &p, rule, breach);
}

enum guard_rule guard_check(const struct guard_limits *limits, const struct guard_case *c,
			    struct guard_breach *breach)
{
	struct pool p = pool_of(c);

	for (enum guard_rule rule = 0; rule < GUARD_RULE_COUNT; rule++)
		if (check_rule(limits, c, &p, rule, breach))
			return rule;
	return GUARD_RULE_COUNT;
}

/* Does the table in force break one of the rules that are not about load? */
static bool in_force_is_sound(const struct guard_limits *limits, const struct guard_case *c)
{
	struct pool p = pool_of(c);
	double sum = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct guard_backend b = c->backends[i];
		struct guard_breach breach = { .rule = GUARD_INELIGIBLE };

		sum += b.old_share;
		b.new_share = b.old_share;
		if (breaks(limits, c, &p, &b, &breach))
			return false;
	}
	return sum > 0 || !p.eligible;
}

enum guard_verdict guard_decide(const struct guard_limits *limits, const struct guard_case *c,
				struct guard_breach *breach)
{
	enum guard_rule rule = guard_check(limits, c, breach);

	if (rule == GUARD_RULE_COUNT)
		return GUARD_GO;
	if (GUARD_SOUND >> rule & 1 || in_force_is_sound(limits, c))
		return GUARD_STAY;
	return GUARD_FLEE;
}

const char *guard_breach_text(const struct guard_breach *breach, const char *backend,
			      char buf[static GUARD_TEXT_MAX])
{
	double value = breach->value, limit = breach->limit;
	char numbers[96];

	switch (breach->rule) {
	case GUARD_CAPACITY:
		snprintf(numbers, sizeof(numbers), "%.0f a second, limit %.0f", value, limit);
		break;
	case GUARD_GROWTH:
		snprintf(numbers, sizeof(numbers), "%.2f times, limit %.2f", value, limit);
		break;
	default:
		snprintf(numbers, sizeof(numbers), "%.1f %%, limit %.1f %%", 100 * value,
			 100 * limit);
		break;
	}
	snprintf(buf, GUARD_TEXT_MAX, "%s: %s: %s (%s); %s", guard_rule_name(breach->rule),
		 breach->backend ? backend : "the service", rules[breach->rule].text, numbers,
		 rules[breach->rule].remedy);
	return buf;
}
