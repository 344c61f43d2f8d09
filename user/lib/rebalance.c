// SPDX-License-Identifier: GPL-2.0
#include "lib/rebalance.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/rebalance_internal.h"

/* A step that changes nobody's share by this part of it is not worth its unsettled slots. */
#define CHANGE_MIN 0.01
/* Turns leave at least this of the gain: a client that is as heavy as what is to be corrected goes
 * from backend to backend with its slot, and each time that must cost less. */
#define GAIN_MIN (1.0 / 16)

/* docs/balance.md says why these. */
const struct rebalance_tuning rebalance_tuning_default = {
	.low = 0.5,
	.high = 1.5,
	.gain = 0.5,
	.step_max = 0.1,
	.band_start = 0.06,
	.band_stop = 0.03,
	.noise = 4,
	.wait_s = 10,
	.measure_s = 10,
	.measure_max_s = 120,
	.stale_s = 3,
	.load_stale_s = 15,
	.turn_gain = 0.5,
	.calm_s = 1800,
	.allowance = 2,
	.allowance_h = 2,
};

struct rebalance {
	struct rebalance_tuning tuning;
	struct rebalance_row *rows;
	struct guard_backend *guard;
	size_t count;
	uint64_t last_ms;    /* of the tick before, 0: there was none */
	uint64_t changed_ms; /* when what is measured changed last */
	double measured_s;   /* since then, without the wait */
	bool correcting;     /* between band_start and band_stop */
	struct rebalance_report report;
};

#define NAME(id, name, text) name,
#define TEXT(id, name, text) text,
const char *rebalance_mode_name(enum rebalance_mode mode)
{
	static const char *const names[] = { REBALANCE_MODES(NAME) };

	return names[mode];
}

const char *rebalance_state_name(enum rebalance_state state)
{
	static const char *const names[] = { REBALANCE_STATES(NAME) };

	return names[state];
}

const char *rebalance_state_text(enum rebalance_state state)
{
	static const char *const texts[] = { REBALANCE_STATES(TEXT) };

	return texts[state];
}
#undef NAME
#undef TEXT

int rebalance_open(struct rebalance **out, const struct rebalance_tuning *t)
{
	struct rebalance *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->tuning = *t;
	r->report.breach.rule = GUARD_RULE_COUNT;
	*out = r;
	return 0;
}

void rebalance_close(struct rebalance *r)
{
	if (!r)
		return;
	free(r->rows);
	free(r->guard);
	free(r);
}

/* ---- the pool ----------------------------------------------------------------------------- */

static struct rebalance_row *row_of(const struct rebalance *r, uint32_t id, size_t hint)
{
	size_t at = ids_find((const uint32_t *)r->rows, sizeof(*r->rows), r->count, id, hint);

	return at < r->count ? &r->rows[at] : NULL;
}

static struct rebalance_row new_row(const struct rebalance *r, uint32_t id)
{
	return (struct rebalance_row){
		.id = id, .factor = 1, .advice = 1, .gain = 1, .allowance = r->tuning.allowance
	};
}

static int resize(struct rebalance *r, size_t count, struct rebalance_row **rows)
{
	_cleanup_(free_ptr) struct rebalance_row *more = calloc(count + 1, sizeof(*more));
	struct guard_backend *guard = calloc(count + 1, sizeof(*guard));

	if (!more || !guard) {
		free(guard);
		return -ENOMEM;
	}
	free(r->guard);
	r->guard = guard;
	*rows = take_ptr(more);
	return 0;
}

/* Rows in the order of the input, each with what it knew. *changed if a weight is another one. */
static int rows_follow(struct rebalance *r, const struct rebalance_input *in, bool *changed)
{
	struct rebalance_row *rows;
	bool same = r->count == in->count;
	int err;

	for (size_t i = 0; same && i < in->count; i++)
		same = r->rows[i].id == in->backends[i].id;
	if (!same) {
		err = resize(r, in->count, &rows);
		if (err)
			return err;
		for (size_t i = 0; i < in->count; i++) {
			const struct rebalance_row *old = row_of(r, in->backends[i].id, i);

			rows[i] = old ? *old : new_row(r, in->backends[i].id);
		}
		free(r->rows);
		r->rows = rows;
		r->count = in->count;
	}
	*changed = !same;
	for (size_t i = 0; i < in->count; i++) {
		*changed |= r->rows[i].weight != in->backends[i].weight;
		r->rows[i].weight = in->backends[i].weight;
	}
	return 0;
}

int rebalance_set(struct rebalance *r, uint32_t backend, double factor)
{
	struct rebalance_row *row = row_of(r, backend, 0), *rows;
	int err;

	if (!row) {
		err = resize(r, r->count + 1, &rows);
		if (err)
			return err;
		if (r->rows)
			memcpy(rows, r->rows, r->count * sizeof(*rows));
		free(r->rows);
		r->rows = rows;
		row = &rows[r->count++];
		*row = new_row(r, backend);
	}
	row->factor = row->advice = fmin(fmax(factor, r->tuning.low), r->tuning.high);
	return 0;
}

static size_t eligible(const struct rebalance_input *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->count; i++)
		n += in->backends[i].weight > 0;
	return n;
}

/* ---- measuring ---------------------------------------------------------------------------- */

static void measure_anew(struct rebalance *r)
{
	r->measured_s = 0;
	for (size_t i = 0; i < r->count; i++)
		r->rows[i].traffic = r->rows[i].load = (struct ratio){ 0 };
}

/* True when enough was measured to tell what matters from noise, or when that takes too long. */
static bool judge(struct rebalance *r, const struct rebalance_input *in)
{
	double error = 0, worst = -INFINITY;

	if (r->measured_s < r->tuning.measure_s)
		return false;
	load_judge(r->rows, in);
	for (size_t i = 0; i < in->count; i++) {
		if (!(in->backends[i].weight > 0))
			continue;
		error = fmax(error, r->rows[i].error);
		if (r->rows[i].off <= worst)
			continue;
		worst = r->rows[i].off;
		r->report.backend = r->rows[i].id;
	}
	r->report.worst = exp(worst);
	return r->tuning.noise * error <= r->tuning.band_start ||
	       r->measured_s >= r->tuning.measure_max_s;
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool any_wanted(const struct rebalance *r, double band)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->rows[i].weight > 0 && step_wanted(&r->tuning, &r->rows[i], band))
			return true;
	return false;
}

/* Who turns round was corrected too much. */
static void note_turn(struct rebalance *r, struct rebalance_row *row, uint64_t now)
{
	int direction = row->off > 0 ? -1 : 1;

	if (!step_wanted(&r->tuning, row, r->tuning.band_stop))
		return;
	if (row->direction && direction != row->direction) {
		row->gain = fmax(row->gain * r->tuning.turn_gain, GAIN_MIN);
		row->turned_ms = now;
	}
	row->direction = direction;
}

static enum rebalance_state commit(struct rebalance *r, uint64_t now, double moved)
{
	for (size_t i = 0; i < r->count; i++) {
		struct rebalance_row *row = &r->rows[i];

		row->allowance = fmax(row->allowance - fabs(row->next - row->factor), 0);
		row->factor = row->advice = row->next;
	}
	r->report.moved = moved;
	r->changed_ms = now;
	return REBALANCE_STEPPED;
}

static bool worthwhile(const struct rebalance *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct guard_backend *b = &r->guard[i];

		if (fabs(b->new_share - b->old_share) > CHANGE_MIN * b->old_share)
			return true;
	}
	return false;
}

/* Nothing moves though something should: it may not, it cannot, or it is so little. */
static enum rebalance_state why_not(const struct rebalance *r, const struct step *s)
{
	const struct rebalance_tuning *t = &r->tuning;
	bool bound = false, spent = false;

	for (size_t i = 0; i < r->count; i++) {
		const struct rebalance_row *row = &r->rows[i];
		double end = row->off > 0 ? t->low : t->high;

		if (!(row->weight > 0) || !step_wanted(t, row, t->band_stop))
			continue;
		bound |= fabs(row->factor - end) < CHANGE_MIN * end || row->gain < 1;
		spent |= row->allowance < CHANGE_MIN;
	}
	if (s->breach.rule != GUARD_RULE_COUNT || s->in->budget < CHANGE_MIN || spent)
		return REBALANCE_HELD;
	return bound ? REBALANCE_LIMITED : REBALANCE_EVEN;
}

static enum rebalance_state correct(struct rebalance *r, const struct rebalance_input *in)
{
	struct step s = { .tuning = &r->tuning, .in = in, .rows = r->rows, .guard = r->guard };
	double moved;

	r->correcting = any_wanted(r, r->correcting ? r->tuning.band_stop : r->tuning.band_start);
	if (!r->correcting)
		return REBALANCE_EVEN;
	moved = step_correct(&s);
	r->report.breach = s.breach;
	if (!(moved > 0) || !worthwhile(r)) {
		r->correcting = false;
		return why_not(r, &s);
	}
	if (in->mode == REBALANCE_OBSERVE) {
		for (size_t i = 0; i < r->count; i++)
			r->rows[i].advice = r->rows[i].next;
		r->report.moved = moved;
		return REBALANCE_OBSERVED;
	}
	for (size_t i = 0; i < r->count; i++)
		note_turn(r, &r->rows[i], in->now_ms);
	return commit(r, in->now_ms, moved);
}

/* Weights that are not to be corrected (any more) go back to what is configured. */
static bool relaxed(const struct rebalance *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->rows[i].factor != 1)
			return false;
	return true;
}

static enum rebalance_state relax(struct rebalance *r, const struct rebalance_input *in)
{
	struct step s = { .tuning = &r->tuning, .in = in, .rows = r->rows, .guard = r->guard };
	double moved = step_relax(&s);

	r->report.breach = s.breach;
	if (moved >= 0)
		return commit(r, in->now_ms, moved);
	return REBALANCE_HELD;
}

/* Time gives back what steps and turns took. */
static void recover(struct rebalance *r, const struct rebalance_input *in, double seconds)
{
	const struct rebalance_tuning *t = &r->tuning;

	for (size_t i = 0; i < r->count; i++) {
		struct rebalance_row *row = &r->rows[i];

		row->allowance =
			fmin(row->allowance + t->allowance_h * seconds / 3600, t->allowance);
		if (row->gain < 1 && (double)(in->now_ms - row->turned_ms) >= t->calm_s * 1000) {
			row->gain = fmin(row->gain / t->turn_gain, 1);
			row->turned_ms = in->now_ms;
		}
	}
}

static enum rebalance_state next_state(struct rebalance *r, const struct rebalance_input *in,
				       double seconds, bool changed)
{
	double since = (double)(in->now_ms - r->changed_ms) / 1000;
	enum rebalance_state state;
	bool relaxing = in->mode != REBALANCE_ON && !relaxed(r);

	if (in->mode == REBALANCE_OFF && !relaxing)
		return REBALANCE_IDLE;
	if (changed || in->panic || in->age_s > r->tuning.stale_s || eligible(in) < 2 ||
	    (in->by_load && !relaxing && !load_heard(in, r->tuning.load_stale_s))) {
		r->changed_ms = in->now_ms;
		measure_anew(r);
		return REBALANCE_FROZEN;
	}
	if (since < fmax(r->tuning.wait_s, relaxing ? 0 : in->response_s)) {
		measure_anew(r);
		return REBALANCE_WAITING;
	}
	if (relaxing)
		return relax(r, in);
	load_add(r->rows, in, r->tuning.load_stale_s);
	r->measured_s += seconds;
	if (!judge(r, in))
		return REBALANCE_MEASURING;
	state = correct(r, in);
	measure_anew(r);
	return state;
}

static double seconds_since_last(const struct rebalance *r, const struct rebalance_input *in)
{
	return r->last_ms && in->now_ms > r->last_ms ? (double)(in->now_ms - r->last_ms) / 1000 : 0;
}

bool rebalance_is_due(const struct rebalance *r, const struct rebalance_input *in)
{
	if (in->mode != REBALANCE_ON && !relaxed(r))
		return true;
	return in->mode != REBALANCE_OFF &&
	       r->measured_s + seconds_since_last(r, in) >= r->tuning.measure_s;
}

int rebalance_tick(struct rebalance *r, const struct rebalance_input *in)
{
	double seconds = seconds_since_last(r, in);
	bool changed;
	int err = rows_follow(r, in, &changed);

	if (err)
		return err;
	r->last_ms = in->now_ms;
	recover(r, in, seconds);
	r->report.moved = 0;
	r->report.state = next_state(r, in, seconds, changed);
	return 0;
}

const struct rebalance_report *rebalance_report(const struct rebalance *r)
{
	return &r->report;
}

double rebalance_factor(const struct rebalance *r, uint32_t backend)
{
	const struct rebalance_row *row = row_of(r, backend, 0);

	return row ? row->factor : 1;
}

double rebalance_advice(const struct rebalance *r, uint32_t backend)
{
	const struct rebalance_row *row = row_of(r, backend, 0);

	return row ? row->advice : 1;
}

uint32_t rebalance_weight(uint32_t weight, double factor)
{
	double scaled = round(weight * factor * REBALANCE_SCALE);

	return weight ? (uint32_t)fmax(scaled, 1) : 0;
}
