// SPDX-License-Identifier: GPL-2.0
#include "lib/eligible.h"

#include <math.h>

const char *eligible_mode_name(enum eligible_mode mode)
{
	static const char *const names[] = { "healthy", "backup", "panic", "kept", "nobody" };

	return names[mode];
}

static bool is_up(const struct eligible_member *m)
{
	return m->ever_up && m->state == HEALTH_UP;
}

/* In that mode, does the member get its weight? */
static bool takes(const struct eligible_member *m, enum eligible_mode mode)
{
	switch (mode) {
	case ELIGIBLE_HEALTHY:
		return is_up(m) && !m->backup;
	case ELIGIBLE_BACKUP:
		return is_up(m);
	case ELIGIBLE_PANIC:
		return m->ever_up;
	case ELIGIBLE_KEPT:
		return m->ever_up && m->had;
	case ELIGIBLE_NOBODY:
		return false;
	}
	return false;
}

/* What was never up does not count as lost: a pool that begins is no pool that topples. */
struct pool {
	double up, all;      /* weight of those that are no spares */
	double grown;        /* of those that are up, as far as slow start lets them have it */
	double spare, spent; /* of the spares that are up, that ever were */
	double kept;         /* of those in the table in force */
	bool called;         /* a spare is in it */
};

static struct pool pool_of(const struct eligible_member *members, size_t count)
{
	struct pool p = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct eligible_member *m = &members[i];
		double weight = m->ever_up ? m->weight : 0, up = is_up(m) ? weight : 0;

		p.up += m->backup ? 0 : up;
		p.grown += m->backup ? 0 : up * (m->start > 0 ? m->start : 1);
		p.all += m->backup ? 0 : weight;
		p.spare += m->backup ? up : 0;
		p.spent += m->backup ? weight : 0;
		p.kept += m->had ? weight : 0;
		p.called |= m->backup && m->had;
	}
	return p;
}

static bool wants_spares(const struct pool *p, const struct eligible_policy *policy)
{
	double leave = fmin(policy->backup_below + ELIGIBLE_BACKUP_BAND, 100);

	if (!(p->spare > 0))
		return false;
	return !(p->up > 0) || 100 * p->up < policy->backup_below * p->all ||
	       (p->called && 100 * p->grown < leave * p->all);
}

/* Spares are there for the moment when nobody else is left: then they take all, as elsewhere, and
 * panic does not spread traffic over the dead. */
static enum eligible_mode choose(const struct pool *p, const struct eligible_policy *policy)
{
	bool spares = wants_spares(p, policy);
	double healthy = p->up + (spares ? p->spare : 0);

	if (spares && !(p->up > 0))
		return ELIGIBLE_BACKUP;
	if (healthy > 0 && 100 * healthy >= policy->panic * p->all)
		return spares ? ELIGIBLE_BACKUP : ELIGIBLE_HEALTHY;
	if (policy->panic && p->all + p->spent > 0)
		return ELIGIBLE_PANIC;
	if (policy->on_empty == ON_EMPTY_KEEP && p->kept > 0)
		return ELIGIBLE_KEPT;
	return ELIGIBLE_NOBODY;
}

enum eligible_mode eligible_weights(uint32_t *weights, const struct eligible_member *members,
				    size_t count, const struct eligible_policy *policy)
{
	struct pool p = pool_of(members, count);
	enum eligible_mode mode = choose(&p, policy);

	for (size_t i = 0; i < count; i++)
		weights[i] = takes(&members[i], mode) ? members[i].weight : 0;
	return mode;
}
