// SPDX-License-Identifier: GPL-2.0
/* A backend that dies, with very many flows: a half of them older than a change, the other half
 * remembered or not, as their slots are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "lib/addr.h"
#include "scale.h"

#define FLOWS (1u << 20)
#define DEAD 5u

struct death {
	struct scale s;
	struct scale_pool pool;
	uint32_t flows, half; /* the last eighth begins while the backend is dead */
	uint64_t its;         /* flows of the backend */
};
static struct death death; /* beyond a test that fails, for scale_teardown() */

static void install(struct death *d)
{
	assert_int_equal(scale_install(&d->s, &d->pool), 0);
}

static uint64_t flows_of(const struct death *d, uint32_t backend)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < d->flows; i++)
		n += d->s.owners[i] == backend;
	return n;
}

static void death_begin(struct death *d)
{
	*d = (struct death){ .pool = scale_pool(10), .flows = scale_share(FLOWS) };
	d->half = d->flows / 8 * 4;
	scale_open(&d->s, &d->pool, d->flows, EK_FLOW_BUCKETS_DEFAULT);
	scale_assert_kept(&d->s, scale_begin(&d->s, 0, d->half));
	d->pool.member[2].present = false;
	d->pool.member[DEAD].weight = 50;
	install(d);
	d->pool.member[11].present = true;
	d->pool.member[DEAD].weight = 200;
	install(d);
	scale_assert_kept(&d->s, scale_begin(&d->s, d->half, d->flows / 8 * 3));
	assert_true(fixture_verdicts(&d->s.x).stored > 0);
	d->its = flows_of(d, DEAD);
	assert_true(d->its > d->flows / 16);
}

/* Of everybody else's flows none moves; the dead backend's all go to somebody. */
static void only_its_flows_stray(struct death *d)
{
	struct scale_tally t = scale_ask(&d->s, 0, d->flows);

	assert_int_equal(t.moved, 0);
	assert_int_equal(t.lost, 0);
	assert_int_equal(t.to_dead, 0);
	assert_int_equal(t.strays, d->its);
}

static uint32_t number_of(const struct death *d, uint32_t index)
{
	return d->s.x.dp->backend_ids[index].addr.bytes[15];
}

/* One in so many of its flows, through the program itself: as any flow of its slot that nobody
 * remembers. (UDP is of whom it went to at first.) */
static void they_go_where_misses_go(struct death *d)
{
	uint32_t owners = 0, defaults = 0;

	for (uint32_t flow = 0; flow < d->flows; flow += 101) {
		struct dp_explanation e;
		struct flow_spec spec;
		char text[SCALE_TEXT];
		const char *why;
		uint32_t to;

		if (d->s.owners[flow] != DEAD || scale_kind(flow, 2) & SCALE_UDP)
			continue;
		scale_text(text, flow);
		assert_int_equal(flow_spec_parse(&spec, text, &why), 0);
		assert_int_equal(dp_explain(d->s.x.dp, &spec, d->s.now_s, &e), 0);
		to = scale_send(&d->s, flow);
		if (number_of(d, e.def) == DEAD) {
			assert_int_equal(to, number_of(d, e.cur));
			owners++;
		} else {
			assert_int_equal(to, number_of(d, e.def));
			defaults++;
		}
	}
	assert_true(owners > defaults);
	assert_true(defaults > 0);
}

static void packets_of_the_dead_go_to_the_living_at_once(void **state)
{
	struct scale_tally t;
	struct death *d = &death;
	uint64_t kept;

	(void)state;
	death_begin(d);
	scale_down(&d->s, DEAD);
	/* Before any table changes: those of slots that it does not own. */
	t = scale_ask(&d->s, 0, d->flows);
	assert_int_equal(t.moved, 0);
	assert_int_equal(t.lost, 0);
	assert_true(t.strays > 0);
	kept = t.to_dead;
	install(d);
	they_go_where_misses_go(d);
	only_its_flows_stray(d);
	print_message("# %llu flows of a dead backend, of %u; %llu left it before the next table\n",
		      (unsigned long long)d->its, d->flows / 8 * 7,
		      (unsigned long long)(d->its - kept));
}

/* Datagrams say nothing of whether they begin a flow: those of the dead are of who answers. */
static void who_comes_back_within_the_hold_time_has_its_flows_again(void **state)
{
	uint32_t first, asked = 0;
	struct scale_tally t;
	struct death *d = &death;

	(void)state;
	death_begin(d);
	first = d->flows / 8 * 7;
	scale_down(&d->s, DEAD);
	install(d);
	d->s.job->adopt = 1;
	assert_int_equal(scale_ask(&d->s, 0, d->flows).strays, d->its);
	d->s.job->adopt = 0;
	d->its = flows_of(d, DEAD);
	scale_assert_kept(&d->s, scale_begin(&d->s, first, d->flows - first));
	for (uint32_t s = 0; s < SCALE_HOLD_S - 10; s += 5) {
		scale_settle(&d->s, 1, 5);
		only_its_flows_stray(d);
	}
	scale_up(&d->s, DEAD);
	scale_assert_kept(&d->s, t = scale_ask(&d->s, 0, d->flows));
	assert_int_equal(t.strays, 0);
	install(d);
	scale_assert_kept(&d->s, t = scale_ask(&d->s, 0, d->flows));
	assert_int_equal(t.kept, d->flows);
	assert_int_equal(scale_sample(&d->s, 0, 1009, &asked), 0);
	scale_settle(&d->s, 10, 3);
	scale_assert_kept(&d->s, scale_ask(&d->s, 0, d->flows));
}

static void after_the_hold_time_its_flows_are_who_answered(void **state)
{
	struct scale_tally t;
	struct death *d = &death;

	(void)state;
	death_begin(d);
	scale_down(&d->s, DEAD);
	install(d);
	for (uint32_t s = 0; s <= SCALE_HOLD_S; s += 10) {
		scale_settle(&d->s, 2, 5);
		only_its_flows_stray(d);
	}
	d->s.job->adopt = 2;
	only_its_flows_stray(d);
	d->s.job->adopt = 0;
	scale_assert_kept(&d->s, scale_ask(&d->s, 0, d->flows));
	scale_up(&d->s, DEAD);
	install(d);
	scale_assert_kept(&d->s, t = scale_ask(&d->s, 0, d->flows));
	assert_int_equal(t.strays, 0);
}

#define CLAIM(name) cmocka_unit_test_teardown(name, scale_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(packets_of_the_dead_go_to_the_living_at_once),
		CLAIM(who_comes_back_within_the_hold_time_has_its_flows_again),
		CLAIM(after_the_hold_time_its_flows_are_who_answered),
	};

	return cmocka_run_group_tests_name("scale of death", tests, NULL, NULL);
}
