// SPDX-License-Identifier: GPL-2.0
/* Does chance explain where the traffic went?
 *
 * New flows fall into slots independently, one by one: of n flows a backend with share p gets
 * n p on average with a variance of n p (1 - p), also when p and n change from second to second and
 * older seconds count less. Two tests ask whether what was counted is too far from that:
 *
 * - each backend by itself: Bennett's bound, which is no approximation (lib/chance.h), so that it
 *   holds for a backend that expects two flows, too;
 * - the pool as a whole: chi-square, which sees what no backend shows by itself, over the backends
 *   that expect enough for it; those that do not make up one cell together.
 *
 * They are asked of each track, for each backend and to both sides, each second. By the union bound
 * chance raises a false alarm less often than once in false_alarm_s, if each is asked for a
 * surprise of ln(false_alarm_s x number of tests). That this is the bound for tests that overlap
 * as much as those of a moving average do costs little: ten times the tests are 2.3 nats of 20.
 *
 * Packets and bytes do not come one by one: a flow's stay together, and few flows have most of
 * them. The variance is p (1 - p) times the sum of the squares of what stays together. The sample's
 * items (a client at a backend) are at least as coarse as flows, and the sketch's sum of squares is
 * an upper bound: chance is given too much, never too little. Measuring how the shares vary from
 * second to second instead would miss exactly the flows that matter, which last for longer. The
 * same is done for new flows where the hash kind keeps a client's together.
 *
 * Significance alone would raise an alarm at 0.1 % off where traffic is heavy enough. So the
 * departure must also be of a size that matters (raise_off, raise_rms). */
#include <math.h>

#include "lib/chance.h"
#include "lib/skew_internal.h"

/* A sample's variance is itself an estimate. Twice is what 200 samples may be wrong by. */
#define SAMPLE_MARGIN 2.0
/* A backend without slots still has a variance: one slot of the largest table. */
#define SHARE_MIN (1.0 / EK_TABLE_SLOTS_MAX)
/* A departure is measured by no less than this part of the fair share. */
#define FAIR_PART 0.25
/* Of two that are off as much in opposite ways the one that has too much is named. */
#define TOO_LITTLE_PART 0.5
/* Tests of a track: backends, and the pool. */
#define TESTS_PER_TRACK 2

/* What chance may do within a track. */
struct chance {
	double squares;       /* sum of the squares of what stays together */
	double largest;       /* of them */
	double fair;          /* share of a backend if all were equal */
	double pool, backend; /* surprise that raises */
};

double skew_off(double actual, double expected, double fair)
{
	return (actual - expected) / fmax(expected, FAIR_PART * fair);
}

static bool enough(const struct skew_case *c)
{
	if (c->by_unit)
		return c->total.amount >= c->limits->flows_min;
	return c->total.amount > 0 && c->sample &&
	       heavy_samples(c->sample) >= c->limits->samples_min;
}

static struct chance chance_of(const struct skew_case *c)
{
	struct chance ch = { .squares = c->total.spread, .largest = 1 };
	size_t active = 0;

	if (!c->by_unit) {
		heavy_spread(c->sample, &ch.squares, &ch.largest);
		ch.squares *= SAMPLE_MARGIN * c->total.amount * c->total.amount;
		ch.largest *= c->total.amount;
	}
	for (size_t i = 0; i < c->count; i++)
		active += c->rows[i].tally[c->track].expected > 0;
	ch.fair = active ? 1 / (double)active : 1;
	ch.pool = log(c->limits->false_alarm_s * SKEW_TRACK_COUNT * TESTS_PER_TRACK);
	ch.backend = ch.pool + log(2 * (double)c->count);
	return ch;
}

static enum skew_level level_of(double off, double raise, double clear, double surprise,
				double limit)
{
	if (off >= raise && surprise >= limit)
		return SKEW_RAISE;
	return off >= clear && surprise >= limit / 2 ? SKEW_UNEVEN : SKEW_EVEN;
}

/* Each backend by itself. The finding is about the one that is most off of the gravest. */
static enum skew_level judge_backends(const struct skew_case *c, const struct chance *ch,
				      struct skew_finding *f)
{
	const struct skew_limits *l = c->limits;
	double n = c->total.amount, worst = -1;
	enum skew_level gravest = SKEW_EVEN;

	for (size_t i = 0; i < c->count; i++) {
		const struct skew_tally *t = &c->rows[i].tally[c->track];
		double p = t->expected / n, part, off, weight, surprise = 0;
		enum skew_level level;

		off = skew_off(t->observed / n, p, ch->fair);
		part = c->by_unit ? t->spread / ch->squares : p;
		part = fmax(part * (1 - part), SHARE_MIN);
		if (fabs(off) >= l->clear_off)
			surprise = chance_bennett(part * ch->squares,
						  fabs(t->observed - t->expected), ch->largest);
		level = level_of(fabs(off), l->raise_off, l->clear_off, surprise, ch->backend);
		weight = off > 0 ? off : -off * TOO_LITTLE_PART;
		if (level < gravest || (level == gravest && weight <= worst))
			continue;
		gravest = level;
		worst = weight;
		f->backend = c->rows[i].id;
		f->actual = t->observed / n;
		f->expected = p;
		f->off = off;
		f->surprise = surprise;
	}
	return gravest;
}

/* The pool as a whole. What chance alone makes of the mean square is taken off. */
static enum skew_level judge_pool(const struct skew_case *c, const struct chance *ch,
				  struct skew_finding *f)
{
	struct skew_tally rest = { 0 };
	double statistic = 0, cells = 0, surprise, n = c->total.amount;

	for (size_t i = 0; i < c->count; i++) {
		const struct skew_tally *t = &c->rows[i].tally[c->track];
		double d = t->observed - t->expected;

		if (t->spread < CHANCE_CELL_MIN) {
			rest.observed += t->observed;
			rest.expected += t->expected;
			rest.spread += t->spread;
			continue;
		}
		statistic += d * d / t->spread;
		cells++;
	}
	if (rest.spread >= CHANCE_CELL_MIN) {
		double d = rest.observed - rest.expected;

		statistic += d * d / rest.spread;
		cells++;
	}
	if (cells < 2)
		return SKEW_EVEN;
	surprise = chance_chi_square(statistic, cells - 1);
	f->rms = sqrt(fmax(statistic - (cells - 1), 0) * ch->squares) / n;
	f->surprise = fmax(f->surprise, surprise);
	return level_of(f->rms, c->limits->raise_rms, c->limits->clear_rms, surprise, ch->pool);
}

/* By size alone, whether chance explains it or not. */
static enum skew_level level_of_size(const struct skew_case *c, const struct chance *ch,
				     double *worst)
{
	*worst = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct skew_tally *t = &c->rows[i].tally[c->track];
		double off = skew_off(t->observed / c->total.amount, t->expected / c->total.amount,
				      ch->fair);

		*worst = fmax(*worst, fabs(off));
	}
	if (*worst >= c->limits->raise_off)
		return SKEW_RAISE;
	return *worst >= c->limits->clear_off ? SKEW_UNEVEN : SKEW_EVEN;
}

/* Where units are clients, few heavy ones are just what chance explains: they are a finding by
 * size alone. But where units are flows, chance must not explain it first. */
struct skew_verdict skew_judge(const struct skew_case *c)
{
	struct skew_verdict v = { .kind = SKEW_UNEXPLAINED };
	enum skew_level size, pool;
	struct chance ch;
	double worst;

	v.finding.measure = c->measure;
	if (!enough(c) || c->count < 2)
		return v;
	ch = chance_of(c);
	v.level = judge_backends(c, &ch, &v.finding);
	pool = c->by_unit ? judge_pool(c, &ch, &v.finding) : SKEW_EVEN;
	v.level = pool > v.level ? pool : v.level;
	size = level_of_size(c, &ch, &worst);
	if (c->by_unit)
		size = v.level;
	if (size != SKEW_EVEN && skew_explain(c, ch.fair, worst, &v.finding)) {
		v.kind = SKEW_CLIENTS;
		v.level = size;
	}
	return v;
}
