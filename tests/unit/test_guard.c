// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "balance_case.h"
#include "lib/guard.h"

#define POOLS 20000
#define POOL_MAX 20
#define ROUNDING (2.0 / 16384)

struct pool {
	struct guard_backend b[POOL_MAX];
	size_t count;
};

static double weights(const struct pool *p)
{
	double sum = 0;

	for (size_t i = 0; i < p->count; i++)
		sum += p->b[i].weight;
	return sum;
}

static double by_weight(const struct pool *p, size_t i)
{
	return weights(p) > 0 ? p->b[i].weight / weights(p) : 0;
}

/* Weights within a factor of ten, or of 650; one in five pools is of equal ones. */
static struct pool random_pool(uint64_t *seed)
{
	struct pool p = { .count = 1 + case_word(seed) % POOL_MAX };
	uint64_t kind = case_word(seed) % 5;

	for (size_t i = 0; i < p.count; i++) {
		double weight =
			kind == 0 ? 100 : 1 + (double)(case_word(seed) % (kind < 3 ? 10 : 650));

		p.b[i] = (struct guard_backend){ .id = (uint32_t)i + 1, .weight = weight };
	}
	for (size_t i = 0; i < p.count; i++)
		p.b[i].old_share = p.b[i].new_share = by_weight(&p, i);
	return p;
}

static enum guard_rule check_with(const struct pool *p, enum guard_cause cause, double demand,
				  double budget, struct guard_breach *breach)
{
	struct guard_case c = { .cause = cause,
				.backends = p->b,
				.count = p->count,
				.demand = demand,
				.budget = budget };

	return guard_check(&guard_limits_default, &c, breach);
}

static enum guard_rule check(const struct pool *p, enum guard_cause cause)
{
	struct guard_breach breach;

	return check_with(p, cause, 0, 1, &breach);
}

static void new_by_weight(struct pool *p)
{
	for (size_t i = 0; i < p->count; i++)
		p->b[i].new_share = by_weight(p, i);
}

static size_t kill(struct pool *p, uint64_t *seed)
{
	size_t dead = case_word(seed) % p->count;

	p->b[dead].weight = 0;
	return dead;
}

/* ---- properties --------------------------------------------------------------------------- */

static void standing_still_is_safe_for_everybody(void **state)
{
	uint64_t seed = 1;

	for (int n = 0; n < POOLS; n++) {
		struct pool p = random_pool(&seed);
		struct guard_breach breach;

		for (enum guard_cause cause = 0; cause < GUARD_CAUSE_COUNT; cause++)
			assert_int_equal(check_with(&p, cause, 1000, 0, &breach), GUARD_RULE_COUNT);
	}
}

/* However many die at once, and when they return. */
static void a_dead_hosts_load_may_go_to_all_survivors_by_weight(void **state)
{
	uint64_t seed = 2;

	for (int n = 0; n < POOLS; n++) {
		struct pool p = random_pool(&seed), before;

		for (uint64_t deaths = 1 + case_word(&seed) % 3; deaths; deaths--)
			kill(&p, &seed);
		before = p;
		if (!(weights(&p) > 0))
			continue;
		new_by_weight(&p);
		assert_int_equal(check(&p, GUARD_BY_HEALTH), GUARD_RULE_COUNT);
		assert_int_equal(check(&p, GUARD_BY_PANIC), GUARD_RULE_COUNT);
		for (size_t i = 0; i < p.count; i++) {
			double share = p.b[i].new_share;

			p.b[i].new_share = before.b[i].old_share;
			p.b[i].old_share = share;
			p.b[i].weight = p.b[i].new_share;
		}
		assert_int_equal(check(&p, GUARD_BY_HEALTH), GUARD_RULE_COUNT);
	}
}

static void a_dead_hosts_load_may_not_go_to_the_first(void **state)
{
	uint64_t seed = 3;
	unsigned int refused = 0;

	for (int n = 0; n < POOLS; n++) {
		struct pool p = random_pool(&seed);
		size_t dead, heir;
		double fair, most;

		dead = kill(&p, &seed);
		heir = dead ? 0 : 1;
		if (p.count < 2)
			continue;
		p.b[dead].new_share = 0;
		p.b[heir].new_share += p.b[dead].old_share;
		fair = by_weight(&p, heir);
		most = fmax(fair, 1.25 * p.b[heir].old_share);
		if (p.b[heir].new_share <= most + ROUNDING)
			continue;
		refused++;
		assert_int_not_equal(check(&p, GUARD_BY_HEALTH), GUARD_RULE_COUNT);
	}
	assert_true(refused > POOLS / 4);
}

static void random_shares(struct pool *p, uint64_t *seed)
{
	double sum = 0, noise = case_random(seed);

	for (size_t i = 0; i < p->count; i++) {
		p->b[i].new_share *= exp(noise * case_normal(seed));
		if (case_word(seed) % 50 == 0)
			p->b[i].weight = 0;
		if (case_word(seed) % 5 == 0)
			p->b[i].capacity = 2000 * case_random(seed);
		sum += p->b[i].new_share;
	}
	for (size_t i = 0; i < p->count; i++)
		p->b[i].new_share /= sum;
}

/* Said once more, in other words than the guard's own. */
static bool harmless(const struct pool *p, double demand, double budget)
{
	double sum = 0, eligible = 0, moved = 0;

	for (size_t i = 0; i < p->count; i++)
		eligible += p->b[i].weight > 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct guard_backend *b = &p->b[i];
		double more = b->new_share - b->old_share, fair = eligible ? 1 / eligible : 1;

		sum += b->new_share;
		moved += more > 0 ? more : 0;
		if (eligible && b->weight <= 0 && b->new_share > 0)
			return false;
		if (b->capacity > 0 && more > ROUNDING && b->new_share * demand > b->capacity)
			return false;
		if (more > b->old_share * 0.25 + ROUNDING)
			return false;
		if (eligible && more > ROUNDING &&
		    (b->new_share > 2 * fair + ROUNDING ||
		     b->new_share > 1 - (1 - fair) / 2 + ROUNDING))
			return false;
	}
	return fabs(sum - 1) < ROUNDING && moved <= budget + ROUNDING;
}

static void rebalance_may_do_what_is_harmless_and_nothing_else(void **state)
{
	uint64_t seed = 4;
	unsigned int safe = 0;

	for (int n = 0; n < POOLS; n++) {
		struct pool p = random_pool(&seed);
		double demand = 10000 * case_random(&seed), budget = 0.3 * case_random(&seed);
		struct guard_breach breach;
		bool ok;

		random_shares(&p, &seed);
		ok = check_with(&p, GUARD_BY_REBALANCE, demand, budget, &breach) ==
		     GUARD_RULE_COUNT;
		assert_int_equal(ok, harmless(&p, demand, budget));
		safe += ok;
	}
	assert_in_range(safe, POOLS / 20, POOLS - POOLS / 20);
}

static void the_order_of_backends_does_not_matter(void **state)
{
	uint64_t seed = 5;

	for (int n = 0; n < POOLS; n++) {
		struct pool p = random_pool(&seed), turned;
		struct guard_breach one = { 0 }, other = { 0 };

		random_shares(&p, &seed);
		turned = p;
		for (size_t i = 0; i < p.count; i++)
			turned.b[i] = p.b[p.count - 1 - i];
		for (enum guard_cause cause = 0; cause < GUARD_CAUSE_COUNT; cause++) {
			assert_int_equal(check_with(&p, cause, 3000, 0.1, &one),
					 check_with(&turned, cause, 3000, 0.1, &other));
			assert_int_equal(one.backend, other.backend);
		}
	}
}

/* ---- examples ----------------------------------------------------------------------------- */

static struct pool pool_of(size_t count, const double *old_weights, const double *new_weights)
{
	struct pool p = { .count = count };
	double old_sum = 0, new_sum = 0;

	for (size_t i = 0; i < count; i++) {
		old_sum += old_weights[i];
		new_sum += new_weights[i];
	}
	for (size_t i = 0; i < count; i++)
		p.b[i] = (struct guard_backend){ .id = (uint32_t)i + 1,
						 .old_share = old_weights[i] / old_sum,
						 .new_share = new_weights[i] / new_sum,
						 .weight = new_weights[i] };
	return p;
}

static void a_weight_with_a_zero_too_many_is_refused_and_explained(void **state)
{
	struct pool p = pool_of(4, (double[]){ 1, 1, 1, 1 }, (double[]){ 10, 1, 1, 1 });
	struct guard_breach breach;
	char text[GUARD_TEXT_MAX];

	assert_int_equal(check_with(&p, GUARD_BY_REVISION, 0, 1, &breach), GUARD_SHARE);
	assert_int_equal(breach.backend, 1);
	assert_string_equal(
		guard_breach_text(&breach, "web/web-1", text),
		"share: web/web-1: would have too large a share of the pool (76.9 %, limit 50.0 %); "
		"look for a typo in its weight, or in who is left in the pool");
	p = pool_of(2, (double[]){ 1, 1 }, (double[]){ 10, 1 });
	assert_int_equal(check(&p, GUARD_BY_REVISION), GUARD_SHARE);
}

static void a_pool_of_which_one_is_left_is_refused(void **state)
{
	struct pool p = pool_of(4, (double[]){ 1, 1, 1, 1 }, (double[]){ 0, 0, 0, 1 });
	struct guard_breach breach;
	char text[GUARD_TEXT_MAX];

	assert_int_equal(check_with(&p, GUARD_BY_REVISION, 0, 1, &breach), GUARD_GROWTH);
	assert_int_equal(breach.backend, 4);
	assert_non_null(
		strstr(guard_breach_text(&breach, "web-4", text), "(4.00 times, limit 2.00)"));
	assert_int_equal(check(&p, GUARD_BY_HEALTH), GUARD_RULE_COUNT);
}

static void a_ratio_in_force_is_accepted(void **state)
{
	struct pool p = pool_of(5, (double[]){ 9, 1, 1, 1, 1 }, (double[]){ 9, 1, 1, 1, 0 });

	assert_int_equal(check(&p, GUARD_BY_REVISION), GUARD_RULE_COUNT);
	assert_int_equal(check(&p, GUARD_BY_HEALTH), GUARD_RULE_COUNT);
	p = pool_of(5, (double[]){ 9, 1, 1, 1, 1 }, (double[]){ 12, 1, 1, 1, 1 });
	assert_int_equal(check(&p, GUARD_BY_REVISION), GUARD_SHARE);
}

static void capacity_binds_what_is_not_forced(void **state)
{
	struct pool p = pool_of(3, (double[]){ 1, 1, 1 }, (double[]){ 1.2, 1, 1 });
	struct guard_breach breach;
	char text[GUARD_TEXT_MAX];

	p.b[0].capacity = 350;
	assert_int_equal(check_with(&p, GUARD_BY_REBALANCE, 900, 1, &breach), GUARD_RULE_COUNT);
	assert_int_equal(check_with(&p, GUARD_BY_REBALANCE, 1000, 1, &breach), GUARD_CAPACITY);
	assert_non_null(strstr(guard_breach_text(&breach, "a", text), "(375 a second, limit 350)"));
	assert_int_equal(check_with(&p, GUARD_BY_HEALTH, 1000, 1, &breach), GUARD_RULE_COUNT);
	/* Less of it is always welcome. */
	p = pool_of(3, (double[]){ 1.2, 1, 1 }, (double[]){ 1.1, 1, 1 });
	p.b[0].capacity = 100;
	assert_int_equal(check_with(&p, GUARD_BY_REBALANCE, 1000, 1, &breach), GUARD_RULE_COUNT);
}

static void tables_that_make_no_sense_are_refused_whoever_asks(void **state)
{
	struct pool even = pool_of(3, (double[]){ 1, 1, 1 }, (double[]){ 1, 1, 1 }), p;

	for (enum guard_cause cause = 0; cause < GUARD_CAUSE_COUNT; cause++) {
		p = even;
		p.b[0].new_share = NAN;
		assert_int_equal(check(&p, cause), GUARD_MALFORMED);
		p = even;
		p.b[0].new_share = 0.5;
		assert_int_equal(check(&p, cause), GUARD_MALFORMED);
		p.b[0].new_share = p.b[1].new_share = p.b[2].new_share = 0;
		assert_int_equal(check(&p, cause), GUARD_EMPTY);
		p = even;
		p.b[2].weight = 0;
		assert_int_equal(check(&p, cause), GUARD_INELIGIBLE);
		p.b[0].weight = p.b[1].weight =
			0; /* all dead: likelier that who says so is wrong */
		assert_int_equal(check(&p, cause), GUARD_RULE_COUNT);
		p = even;
		p.b[0].new_share = 0;
		p.b[1].new_share = p.b[2].new_share = 0.5;
		assert_int_equal(check(&p, cause), GUARD_STARVED);
	}
}

static void slow_start_keeps_within_the_budget_and_health_need_not(void **state)
{
	struct pool p = pool_of(4, (double[]){ 1, 1, 1, 0.01 }, (double[]){ 1, 1, 1, 1 });
	struct guard_breach breach;

	assert_int_equal(check_with(&p, GUARD_BY_SLOW_START, 0, 0.1, &breach), GUARD_BUDGET);
	assert_int_equal(breach.backend, 0);
	assert_int_equal(check_with(&p, GUARD_BY_SLOW_START, 0, 0.3, &breach), GUARD_RULE_COUNT);
	assert_int_equal(check_with(&p, GUARD_BY_HEALTH, 0, 0, &breach), GUARD_RULE_COUNT);
}

static struct guard_case case_of(const struct pool *p, enum guard_cause cause)
{
	return (struct guard_case){
		.cause = cause, .backends = p->b, .count = p->count, .budget = 1
	};
}

/* Four equal ones; the last gets `share` of all, the others the rest alike. */
static struct pool four_with(double share)
{
	struct pool p = { .count = 4 };

	for (size_t i = 0; i < 4; i++)
		p.b[i] = (struct guard_backend){ .id = (uint32_t)i + 1,
						 .weight = 100,
						 .old_share = 0.25,
						 .new_share = i < 3 ? (1 - share) / 3 : share };
	return p;
}

static void a_table_that_loads_somebody_too_much_is_refused_or_the_lesser_evil(void **state)
{
	struct pool p = four_with(0.6);
	struct guard_case c = case_of(&p, GUARD_BY_HEALTH);
	struct guard_breach breach;

	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_STAY);
	assert_int_equal(breach.backend, 4);
	/* The first is dead, and has traffic as long as this is not installed. */
	p = four_with(0.6);
	p.b[0].weight = p.b[0].new_share = 0;
	p.b[1].new_share = p.b[2].new_share = 0.2;
	c = case_of(&p, GUARD_BY_HEALTH);
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_FLEE);
	assert_int_equal(breach.rule, GUARD_GROWTH);
	p.b[1].new_share = p.b[2].new_share = p.b[3].new_share = 1.0 / 3;
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_GO);
	/* One that sends to the dead itself is no way out. */
	p = four_with(0.25);
	p.b[0].weight = 0;
	c = case_of(&p, GUARD_BY_HEALTH);
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_STAY);
	/* Nobody had traffic: anything is better. */
	p = four_with(0.9);
	for (size_t i = 0; i < 4; i++)
		p.b[i].old_share = 0;
	c = case_of(&p, GUARD_BY_HEALTH);
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_FLEE);
}

/* Of a step between two tables, what lies between the weights is due; which slots of a former owner
 * move is chance. */
static void chance_of_a_step_is_no_breach_and_more_than_chance_is(void **state)
{
	struct pool p = four_with(0.27);
	struct guard_case c = case_of(&p, GUARD_BY_HEALTH);
	struct guard_breach breach;

	p.b[3].weight = 110;
	p.b[3].old_share = 0.2;
	p.b[0].old_share = 0.3;
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_STAY);
	assert_int_equal(breach.rule, GUARD_GROWTH);
	c.slack = 0.015;
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_GO);
	p.b[3].new_share = 0.3;
	p.b[0].new_share = p.b[1].new_share = p.b[2].new_share = 0.7 / 3;
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_STAY);
	/* Who is to have next to nothing may have nothing; who is to have more may not. */
	p = four_with(0);
	p.b[3].weight = 1;
	p.b[3].old_share = 0;
	c = case_of(&p, GUARD_BY_HEALTH);
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_STAY);
	assert_int_equal(breach.rule, GUARD_STARVED);
	c.slack = 0.015;
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_GO);
	p.b[3].weight = 10;
	assert_int_equal(guard_decide(&guard_limits_default, &c, &breach), GUARD_STAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standing_still_is_safe_for_everybody),
		cmocka_unit_test(a_dead_hosts_load_may_go_to_all_survivors_by_weight),
		cmocka_unit_test(a_dead_hosts_load_may_not_go_to_the_first),
		cmocka_unit_test(rebalance_may_do_what_is_harmless_and_nothing_else),
		cmocka_unit_test(the_order_of_backends_does_not_matter),
		cmocka_unit_test(a_weight_with_a_zero_too_many_is_refused_and_explained),
		cmocka_unit_test(a_pool_of_which_one_is_left_is_refused),
		cmocka_unit_test(a_ratio_in_force_is_accepted),
		cmocka_unit_test(capacity_binds_what_is_not_forced),
		cmocka_unit_test(tables_that_make_no_sense_are_refused_whoever_asks),
		cmocka_unit_test(slow_start_keeps_within_the_budget_and_health_need_not),
		cmocka_unit_test(
			a_table_that_loads_somebody_too_much_is_refused_or_the_lesser_evil),
		cmocka_unit_test(chance_of_a_step_is_no_breach_and_more_than_chance_is),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
