/* SPDX-License-Identifier: GPL-2.0 */
/* The watch: harm that a change does is undone, harm that it does not is left, and where going back
 * would not help it says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/watch.h"

#define POOL 4

/* web-1..3 as before, web-4 new. */
struct scene {
	struct watch w;
	struct watch_pool pool;
	struct watch_backend backends[POOL];
	struct watch_facts facts;
	char reason[WATCH_REASON_MAX];
};

/* Of late and altogether. */
static struct outcomes seen(double good, double bad)
{
	return (struct outcomes){ { good, bad }, { good, bad } };
}

static void scene_make(struct scene *s)
{
	static const char *const names[] = { "web-1", "web-2", "web-3", "web-4" };

	*s = (struct scene){ .w = { .until_ms = 60000 } };
	s->pool = (struct watch_pool){
		.service = "web",
		.unmoved = seen(100, 1),
		.before = { 300, 2 },
	};
	for (size_t i = 0; i < POOL; i++)
		s->backends[i] = (struct watch_backend){
			.service = "web",
			.name = names[i],
			.pool = &s->pool,
			.touched = i == 3,
			.was_up = true,
			.is_up = true,
			.before = i == 3 ? 0 : 100,
			.after = 100,
		};
	s->facts = (struct watch_facts){
		.backends = s->backends,
		.count = POOL,
		.pools = &s->pool,
		.pool_count = 1,
	};
}

static enum watch_verdict judge(struct scene *s, uint64_t now_ms)
{
	s->reason[0] = '\0';
	return watch_judge(&s->w, &s->facts, now_ms, s->reason);
}

static void a_quiet_watch_ends_in_known_good(void **state)
{
	struct scene s;

	scene_make(&s);
	assert_int_equal(judge(&s, 0), WATCH_GOES_ON);
	assert_int_equal(judge(&s, 59999), WATCH_GOES_ON);
	assert_int_equal(judge(&s, 60000), WATCH_GOOD);
}

static void while_it_is_staged_it_does_not_end(void **state)
{
	struct scene s;

	scene_make(&s);
	s.w.until_ms = 0;
	assert_int_equal(judge(&s, 1000000), WATCH_GOES_ON);
}

static void a_backend_that_gets_more_and_goes_down_is_taken_back(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].is_up = false;
	assert_int_equal(judge(&s, 10), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "web/web-4"));
}

static void an_unrelated_death_is_not_blamed_on_the_change(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[0].is_up = false;
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
	assert_int_equal(judge(&s, 60000), WATCH_GOOD);
}

static void one_that_was_down_before_is_not_either(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].was_up = s.backends[3].is_up = false;
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
}

static void where_the_old_revision_is_no_better_it_holds_and_stays_so(void **state)
{
	struct scene s;

	scene_make(&s);
	for (size_t i = 0; i < POOL; i++)
		s.backends[i].is_up = false;
	assert_int_equal(judge(&s, 10), WATCH_HOLD);
	assert_non_null(strstr(s.reason, "went down"));
	s.backends[3].is_up = true;
	assert_int_equal(judge(&s, 100000), WATCH_HOLD);
}

/* A path that only one answers on: all others are ejected, and by the new checks the old revision
 * has nobody more; but they were up by the old ones. */
static void checks_that_eject_a_pool_are_taken_back(void **state)
{
	struct scene s;

	scene_make(&s);
	for (size_t i = 0; i < POOL; i++) {
		s.backends[i].touched = s.backends[i].judged_anew = true;
		s.backends[i].before = 100;
		s.backends[i].is_up = i == 0;
	}
	assert_int_equal(judge(&s, 10), WATCH_ROLL_BACK);
}

/* ---- handshakes ------------------------------------------------------------------------------ */

static void handshakes_that_fail_where_others_do_not_are_harm(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].handshakes = seen(1, 9);
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
	s.backends[3].handshakes = seen(1, 12);
	assert_int_equal(judge(&s, 20), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "web/web-4 does not answer: 12 of 13 handshakes"));
	assert_non_null(strstr(s.reason, "elsewhere 1 of 101, before 2 of 302"));
}

static void what_fails_elsewhere_too_is_not_blamed_on_the_change(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].handshakes = seen(50, 50);
	s.pool.unmoved = seen(20, 20);
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
	scene_make(&s);
	s.backends[3].handshakes = seen(50, 50);
	s.pool.before = (struct outcome){ 100, 100 };
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
}

static void one_that_gets_nothing_more_is_not_asked(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[0].handshakes = seen(0, 500);
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
}

static void harm_that_comes_late_is_not_hidden_by_what_went_well_before(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].handshakes = (struct outcomes){ .all = { 100000, 40 }, .late = { 100, 40 } };
	assert_int_equal(judge(&s, 10), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "40 of 140"));
}

/* Of slots that go back to their default nothing is remembered: a sample of all of its slots must do. */
static void a_sample_does_where_nothing_is_remembered(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].sampled = seen(10, 20);
	assert_int_equal(judge(&s, 10), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "20 of 30 sampled handshakes failed"));
	s.w = (struct watch){ .until_ms = 60000 };
	s.backends[3].sampled_before = (struct outcome){ 10, 20 }; /* it was like that */
	assert_int_equal(judge(&s, 20), WATCH_GOES_ON);
}

/* Eight backends with three failures each. */
static void few_at_each_are_many_together(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].handshakes = seen(0, 3);
	s.pool.moved = seen(0, 24);
	assert_int_equal(judge(&s, 10), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "service web: 24 of 24 handshakes"));
}

static void who_does_not_answer_serves_nobody_whatever_health_says(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[0].is_up = false; /* an unrelated death: 2 of 3 before, 3 of 4 after */
	s.backends[3].handshakes = seen(0, 40);
	assert_int_equal(judge(&s, 10), WATCH_ROLL_BACK);
}

static void a_flood_of_syns_is_not_blamed_on_the_change(void **state)
{
	struct scene s;

	scene_make(&s);
	s.pool.unmoved = seen(0, 0);              /* all has moved, */
	s.pool.before = (struct outcome){ 3, 0 }; /* and little is known of before */
	s.backends[3].handshakes = seen(100, 5000);
	s.facts.flows = 60000;
	s.facts.flows_before = 1000;
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
	s.facts.flows_before = 30000;
	assert_int_equal(judge(&s, 20), WATCH_ROLL_BACK);
	/* Where others are hit by it as well, that says it. */
	scene_make(&s);
	s.backends[3].handshakes = seen(100, 5000);
	s.pool.unmoved = seen(30, 1600);
	s.facts.flows = s.facts.flows_before = 1000;
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
}

/* ---- probes ---------------------------------------------------------------------------------- */

static void who_is_silent_where_another_one_answers_is_harm(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[3].answer = WATCH_SILENT;
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON); /* perhaps nobody can be asked */
	s.backends[0].answer = WATCH_SILENT;
	assert_int_equal(judge(&s, 20), WATCH_GOES_ON);
	s.backends[1].answer = WATCH_ANSWERS;
	assert_int_equal(judge(&s, 30), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "web/web-4 does not answer probes"));
}

static void an_unrelated_one_that_is_silent_is_not(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[0].answer = WATCH_SILENT;
	s.backends[1].answer = s.backends[3].answer = WATCH_ANSWERS;
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
}

/* ---- sheds and drops ------------------------------------------------------------------------- */

static void sheds_of_who_gets_more_are_harm_if_others_shed_less(void **state)
{
	struct scene s;

	scene_make(&s);
	s.backends[2].touched = true;
	s.backends[2].sheds = seen(800, 200);
	s.backends[2].sheds_before = (struct outcome){ 1000, 0 };
	s.pool.sheds = seen(800, 200); /* more comes to everybody */
	assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
	s.pool.sheds = seen(1000, 10);
	assert_int_equal(judge(&s, 20), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "web/web-3 is given more than its capacity: 200 of 1000"));
	s.w = (struct watch){ .until_ms = 60000 };
	s.backends[2].sheds_before = (struct outcome){ 800, 200 }; /* it always did */
	assert_int_equal(judge(&s, 30), WATCH_GOES_ON);
}

static void drops_are_harm_if_there_were_fewer_before(void **state)
{
	struct scene s;

	scene_make(&s);
	s.facts.flows = s.facts.flows_before = 1000;
	s.facts.drops = s.facts.drops_before = 400;
	for (int i = 0; i < 5; i++)
		assert_int_equal(judge(&s, 10), WATCH_GOES_ON);
	s.facts.drops = 500;
	assert_int_equal(judge(&s, 20), WATCH_GOES_ON);
	assert_int_equal(judge(&s, 30), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "500 packets were dropped"));
}

static void who_must_confirm_and_does_not_is_rolled_back(void **state)
{
	struct scene s;

	scene_make(&s);
	s.w.confirm_until_ms = 300000;
	assert_int_equal(judge(&s, 60000), WATCH_GOES_ON); /* watched, not confirmed */
	assert_int_equal(judge(&s, 299999), WATCH_GOES_ON);
	assert_int_equal(judge(&s, 300000), WATCH_ROLL_BACK);
	assert_non_null(strstr(s.reason, "confirmed"));
	scene_make(&s);
	s.w.confirm_until_ms = 300000;
	s.w.confirmed = true;
	assert_int_equal(judge(&s, 59999), WATCH_GOES_ON); /* confirmed, not watched */
	assert_int_equal(judge(&s, 60000), WATCH_GOOD);
}

static void harm_comes_before_a_confirmation_and_before_the_end(void **state)
{
	struct scene s;

	scene_make(&s);
	s.w.confirmed = true;
	s.backends[3].is_up = false;
	assert_int_equal(judge(&s, 60000), WATCH_ROLL_BACK);
}

/* ---- every situation of two backends --------------------------------------------------------- */

/* All combinations of what may be true of two backends of a pool, against what is asked of the
 * verdict, independently of how it is reached. */
static void every_small_situation_is_judged_as_asked(void **state)
{
	for (unsigned int bits = 0; bits < 1u << 14; bits++) {
		struct watch_pool pool = { .service = "s" };
		struct watch_backend b[2] = {};
		struct watch_facts f = { b, 2, &pool, 1, 0, 0, 0, 0 };
		struct watch w = { .until_ms = bits & 1 ? 100 : 0 };
		char reason[WATCH_REASON_MAX];
		bool blamed = false, old_alive = false;
		enum watch_verdict v;

		for (unsigned int i = 0; i < 2; i++) {
			unsigned int own = bits >> (1 + 6 * i);

			b[i] = (struct watch_backend){
				.service = "s",
				.name = i ? "b" : "a",
				.pool = &pool,
				.touched = own & 1,
				.was_up = own & 2,
				.is_up = own & 4,
				.before = own & 8 ? 100 : 0,
				.after = own & 16 ? 100 : 0,
				.judged_anew = own & 32,
			};
			blamed |= b[i].touched && b[i].was_up && !b[i].is_up && b[i].after;
			old_alive |= b[i].before && (b[i].judged_anew ? b[i].was_up : b[i].is_up);
		}
		v = watch_judge(&w, &f, 100, reason);
		if (!blamed)
			assert_int_equal(v, bits & 1 ? WATCH_GOOD : WATCH_GOES_ON);
		else if (!old_alive)
			assert_int_equal(v, WATCH_HOLD);
		else
			assert_true(v == WATCH_ROLL_BACK || v == WATCH_HOLD);
		if (v == WATCH_ROLL_BACK || v == WATCH_HOLD)
			assert_true(reason[0]);
	}
}

/* ---- simulation ------------------------------------------------------------------------------ */

#define SERVERS 8

static uint32_t roll(uint64_t *seed, uint32_t sides)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33) % sides;
}

/* A pool under load: who gets more than it bears dies, a few rounds later; strangers die, too. */
struct world {
	struct scene s;
	struct watch_backend servers[SERVERS];
	uint32_t bears[SERVERS]; /* per mille of the load */
	int stranger;            /* dies for no reason of the change; -1: nobody */
	bool harmful;
};

static uint32_t share_of(const struct world *x, size_t i, bool after)
{
	uint32_t sum = 0;

	for (size_t k = 0; k < SERVERS; k++)
		sum += after ? x->servers[k].after : x->servers[k].before;
	return sum ? (after ? x->servers[i].after : x->servers[i].before) * 1000u / sum : 0;
}

static void world_make(struct world *x, uint64_t *seed)
{
	*x = (struct world){ .stranger = -1, .s.w.until_ms = 60000 };
	for (size_t i = 0; i < SERVERS; i++)
		x->servers[i] = (struct watch_backend){
			.service = "web",
			.name = "server",
			.pool = &x->s.pool,
			.was_up = true,
			.is_up = true,
			.before = i < 6 ? 100 : 0,
			.after = roll(seed, 5)   ? 100
				 : roll(seed, 2) ? 0
						 : 1000,
		};
	x->servers[0].after = x->servers[0].after ? x->servers[0].after : 100;
	for (size_t i = 0; i < SERVERS; i++) {
		uint32_t now = share_of(x, i, false), then = share_of(x, i, true);

		x->servers[i].touched = then > now;
		x->bears[i] = 350;
		x->harmful |= then > now && then > x->bears[i];
		if (x->servers[i].before && !x->servers[i].touched && !roll(seed, 4))
			x->stranger = (int)i;
	}
	x->s.facts = (struct watch_facts){ x->servers, SERVERS, &x->s.pool, 1, 0, 0, 0, 0 };
}

static void good_changes_stay_and_bad_ones_are_undone_in_every_world(void **state)
{
	uint64_t seed = 20261121;
	unsigned int harmful = 0, good = 0;

	for (int round = 0; round < 20000; round++) {
		enum watch_verdict v = WATCH_GOES_ON;
		struct world x;
		uint64_t now = 0;

		world_make(&x, &seed);
		for (; v == WATCH_GOES_ON; now += 1000) {
			assert_true(now <= 61000);
			for (size_t i = 0; i < SERVERS; i++)
				if (now > 5000 && x.servers[i].touched &&
				    share_of(&x, i, true) > x.bears[i])
					x.servers[i].is_up = false;
			if (x.stranger >= 0 && now > 20000)
				x.servers[x.stranger].is_up = false;
			v = watch_judge(&x.s.w, &x.s.facts, now, x.s.reason);
		}
		if (x.harmful) {
			harmful++;
			assert_int_equal(v, WATCH_ROLL_BACK);
			assert_true(now <= 8000);
		} else {
			good++;
			assert_int_equal(v, WATCH_GOOD);
		}
	}
	assert_true(harmful > 1000 && good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_watch_ends_in_known_good),
		cmocka_unit_test(while_it_is_staged_it_does_not_end),
		cmocka_unit_test(a_backend_that_gets_more_and_goes_down_is_taken_back),
		cmocka_unit_test(an_unrelated_death_is_not_blamed_on_the_change),
		cmocka_unit_test(one_that_was_down_before_is_not_either),
		cmocka_unit_test(where_the_old_revision_is_no_better_it_holds_and_stays_so),
		cmocka_unit_test(checks_that_eject_a_pool_are_taken_back),
		cmocka_unit_test(handshakes_that_fail_where_others_do_not_are_harm),
		cmocka_unit_test(what_fails_elsewhere_too_is_not_blamed_on_the_change),
		cmocka_unit_test(one_that_gets_nothing_more_is_not_asked),
		cmocka_unit_test(harm_that_comes_late_is_not_hidden_by_what_went_well_before),
		cmocka_unit_test(a_sample_does_where_nothing_is_remembered),
		cmocka_unit_test(few_at_each_are_many_together),
		cmocka_unit_test(who_does_not_answer_serves_nobody_whatever_health_says),
		cmocka_unit_test(a_flood_of_syns_is_not_blamed_on_the_change),
		cmocka_unit_test(who_is_silent_where_another_one_answers_is_harm),
		cmocka_unit_test(an_unrelated_one_that_is_silent_is_not),
		cmocka_unit_test(sheds_of_who_gets_more_are_harm_if_others_shed_less),
		cmocka_unit_test(drops_are_harm_if_there_were_fewer_before),
		cmocka_unit_test(who_must_confirm_and_does_not_is_rolled_back),
		cmocka_unit_test(harm_comes_before_a_confirmation_and_before_the_end),
		cmocka_unit_test(every_small_situation_is_judged_as_asked),
		cmocka_unit_test(good_changes_stay_and_bad_ones_are_undone_in_every_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
