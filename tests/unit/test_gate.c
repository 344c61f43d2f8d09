// SPDX-License-Identifier: GPL-2.0
/* Gates: beside each change that is refused, a near one that passes. */
#include "plan_case.h"

struct gate_case {
	const char *old, *now;
	const char *refused; /* what is told of it, or a part; NULL: it passes */
	enum gate gate;
};

static void assert_gate(const struct gate_case *row, const struct plan_input *known)
{
	_cleanup_(plan_case_release) struct plan_case k;
	bool found = false;

	plan_case_make(&k, row->old, row->now, known, 0);
	for (size_t i = 0; i < k.gates.count; i++)
		found |= k.gates.breaches[i].gate == row->gate && !k.gates.breaches[i].warns;
	if (!row->refused && gate_refuses(&k.gates))
		fail_msg("refused, and must pass:\n%s\n%s", row->now, k.told);
	if (row->refused && (!found || !strstr(k.told, row->refused)))
		fail_msg("must be refused by %s with\n%s\nbut is told:\n%s", gate_name(row->gate),
			 row->refused, k.told);
	/* Forced, it goes on, and is told all the same. */
	if (row->refused) {
		_cleanup_(plan_case_release) struct plan_case forced;

		plan_case_make(&forced, row->old, row->now, known, ~0u);
		assert_false(gate_refuses(&forced.gates));
		assert_int_equal(forced.gates.count, k.gates.count);
	}
}

static void assert_gates(const struct gate_case *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_gate(&rows[i], NULL);
}

static void a_share_beyond_twice_the_fair_one_is_refused(void **state)
{
	static const struct gate_case rows[] = {
		{ FOUR, POOL BW(1, 1000) B(2) B(3) B(4),
		  "  f:5:43: web/web-1 10.0.1.1: 25.0 % -> 76.9 % of new flows (limit 50.0 %) "
		  "[share]\n",
		  GATE_SHARE },
		{ FOUR, POOL BW(1, 1000) B(2) B(3) B(4),
		  "  f:5:43: web/web-1: weight 1000 is 10 times its peers'; did you mean 100?\n"
		  "  to do it anyway: --force share,growth --reason \"...\"\n",
		  GATE_SHARE },
		{ NULL, POOL BW(1, 1000) B(2) B(3) B(4), "limit 50.0 %", GATE_SHARE },
		{ NULL, POOL BW(1, 300) B(2) B(3) B(4), NULL, 0 },
		{ NULL, WEB_1, NULL, 0 },
		/* A ratio that is in force was accepted by somebody. */
		{ POOL BW(1, 1000) B(2) B(3) B(4), POOL BW(1, 1000) B(2) B(3) B(4) B(5), NULL, 0 },
	};

	assert_gates(rows, ARRAY_SIZE(rows));
}

static void a_share_that_grows_too_much_is_refused(void **state)
{
	static const struct gate_case rows[] = {
		{ FOUR, POOL BW(1, 250) B(2) B(3) B(4), "1.82 times its share, limit 1.50 times",
		  GATE_GROWTH },
		{ FOUR, POOL BW(1, 150) B(2) B(3) B(4), NULL, 0 },
		{ FOUR, THREE, NULL, 0 },
		{ THREE, TWO, NULL, 0 },
		/* The pools of two services exchanged: each is even, two carry what eight did. */
		{ EIGHT, POOL "      a: 10.0.2.1\n      b: 10.0.2.2\n",
		  "4.00 times its peers' before, limit 1.50 times", GATE_GROWTH },
		{ TWO, POOL "      a: 10.0.2.1\n      b: 10.0.2.2\n", NULL, 0 },
	};

	assert_gates(rows, ARRAY_SIZE(rows));
}

static void too_few_backends_left_are_refused(void **state)
{
	static const struct gate_case rows[] = {
		{ TWO, WEB_1,
		  "f:2:3: web: 1 backend is left for new flows, and there are 2 now (limit 2) "
		  "[eligible]",
		  GATE_ELIGIBLE },
		{ EIGHT, FOUR,
		  "4 of 4 backends answer, and such carried 50.0 % of its flows before "
		  "(limit 67.0 %) [answering]",
		  GATE_ANSWERING },
		{ WEB_1, POOL B(2), NULL, 0 },
		/* Another scale of weights, blue and green, one more, one by one. */
		{ FOUR, POOL BW(1, 10) BW(2, 10) BW(3, 10) BW(4, 10), NULL, 0 },
		{ POOL B(1) B(2) BW(3, 0) BW(4, 0), POOL BW(1, 0) BW(2, 0) B(3) B(4), NULL, 0 },
		{ TWO, THREE, NULL, 0 },
		{ THREE, POOL B(2) B(3), NULL, 0 },
	};

	assert_gates(rows, ARRAY_SIZE(rows));
}

static void draining_one_while_all_others_are_up_only_warns(void **state)
{
	static const struct gate_case drained = { TWO, POOL B(1) BD(2), NULL, 0 };
	struct plan_fact facts[] = { { .service = "web", .answer = PLAN_DOWN, .ever_up = true } };
	_cleanup_(plan_case_release) struct plan_case k;
	const char *why;

	assert_gate(&drained, NULL);
	plan_case_make(&k, TWO, POOL B(1) BD(2), NULL, 0);
	assert_true(k.gates.count >= 2); /* it is told all the same */
	/* Two of three: not one. */
	assert_gate(&(struct gate_case){ THREE, POOL B(1) BD(2) BD(3), "[eligible]",
					 GATE_ELIGIBLE },
		    NULL);
	assert_int_equal(addr_parse(&facts[0].addr, "10.0.1.3", &why), 0);
	assert_gate(&(struct gate_case){ THREE, POOL B(1) BD(2) B(3),
					 "1 backend is left for new flows, and there are 2 now",
					 GATE_ELIGIBLE },
		    &(struct plan_input){ .facts = facts, .fact_count = 1 });
}

static void what_does_not_answer_is_counted_out(void **state)
{
	static const char mistyped[] = POOL B(1) "      web-2: 10.0.7.2\n      web-3: 10.0.7.3\n"
						 "      web-4: 10.0.7.4\n";
	static const char *const addresses[] = { "10.0.7.2", "10.0.7.3", "10.0.7.4" };
	struct plan_fact facts[3];
	const struct plan_input in = { .facts = facts, .fact_count = 3 };
	const char *why;

	for (int i = 0; i < 3; i++) {
		facts[i] = (struct plan_fact){ .service = "web", .answer = PLAN_DOWN };
		assert_int_equal(addr_parse(&facts[i].addr, addresses[i], &why), 0);
	}
	assert_gate(&(struct gate_case){ FOUR, mistyped,
					 "1 of 4 backends answer, and such carried 25.0 %",
					 GATE_ANSWERING },
		    &in);
	assert_gate(&(struct gate_case){ FOUR, mistyped,
					 "25.0 % -> 100.0 % of new flows, as only some answer",
					 GATE_GROWTH },
		    &in);
	/* They answer: all four are renumbered, as far as anybody can tell. */
	for (int i = 0; i < 3; i++)
		facts[i].answer = PLAN_UP;
	assert_gate(&(struct gate_case){ FOUR, mistyped, NULL, 0 }, &in);
}

/* Eight backends that have carried at most `best`, at `rate` now. */
static void facts_make(struct plan_fact facts[static 8], double rate, double best)
{
	for (int i = 0; i < 8; i++) {
		char text[16];
		const char *why;

		facts[i] = (struct plan_fact){ .service = "web",
					       .answer = PLAN_UP,
					       .has_rate = true,
					       .rate = rate,
					       .best = best };
		snprintf(text, sizeof(text), "10.0.1.%d", i + 1);
		assert_int_equal(addr_parse(&facts[i].addr, text, &why), 0);
	}
}

static void load_is_judged_by_what_was_borne_where_that_is_known(void **state)
{
	struct plan_fact facts[8];
	struct plan_service_fact web = { .service = "web", .has_rate = true };
	struct plan_input in = {
		.facts = facts, .fact_count = 8, .services = &web, .service_count = 1
	};

	/* At night half of the pool is enough, and is by day what it has borne. */
	facts_make(facts, 20, 100);
	web.rate = 160;
	web.peak = 800;
	assert_gate(&(struct gate_case){ EIGHT, FOUR, NULL, 0 }, &in);
	/* By day it is not: 200 where at most 125. */
	web.rate = 800;
	assert_gate(&(struct gate_case){ EIGHT, FOUR,
					 "200 new flows a second (limit 125, from what it has "
					 "borne in 7 days) [load]",
					 GATE_LOAD },
		    &in);
	/* Of what will be by day, at night. */
	web.rate = 160;
	assert_gate(&(struct gate_case){ EIGHT, THREE,
					 "267 new flows a second at the peak of 24 hours (limit "
					 "200) [load]",
					 GATE_LOAD },
		    &in);
	/* A declared capacity is what counts. */
	web.rate = 800;
	for (int i = 0; i < 8; i++)
		facts[i].capacity = 1000;
	assert_gate(&(struct gate_case){ EIGHT, FOUR, NULL, 0 }, &in);
	for (int i = 0; i < 8; i++)
		facts[i].capacity = 150;
	assert_gate(&(struct gate_case){ EIGHT, FOUR, "(limit 150, from its capacity)", GATE_LOAD },
		    &in);
	/* So little traffic says nothing: then the share is looked at. */
	facts_make(facts, 1, 2);
	web.rate = 8;
	assert_gate(&(struct gate_case){ EIGHT, FOUR, "[growth", GATE_GROWTH }, &in);
}

#define API "  api:\n    listen: [\"203.0.113.20:443/tcp\"]\n    backends: { a-1: 10.0.2.1 }\n"

static void what_disappears_must_be_said(void **state)
{
	static const struct gate_case rows[] = {
		{ TWO API, TWO, "service api disappears; if it is meant: --remove api",
		  GATE_REMOVED },
		{ TWO API, TWO "removed: [api]\n", NULL, 0 },
		{ TWO API "guards: { removed: 1 }\n", TWO "guards: { removed: 1 }\n", NULL, 0 },
		/* That of the new one does not count. */
		{ TWO API, TWO "guards: { removed: 1 }\n", "[removed]", GATE_REMOVED },
		{ TWO API, TWO "silence: [{ lint: disappears, reason: no }]\n", "[removed]",
		  GATE_REMOVED },
	};

	assert_gates(rows, ARRAY_SIZE(rows));
}

static void guards_are_loosened_alone(void **state)
{
	static const struct gate_case rows[] = {
		{ TWO, THREE "guards: { share: 300 }\n",
		  "guards: share is loosened from 200 to 300 along with a change of services",
		  GATE_GUARDS },
		{ TWO, TWO "guards: { share: 300 }\n", NULL, 0 },
		{ TWO, THREE "guards: { share: 150 }\n", NULL, 0 },
		{ FOUR "guards: { share: 400, growth: 400 }\n",
		  POOL BW(1, 1000) B(2) B(3) B(4) "guards: { share: 400, growth: 400 }\n", NULL,
		  0 },
	};

	assert_gates(rows, ARRAY_SIZE(rows));
}

#define ASKED(n) "policy: { approvals: " #n ", group: sre }\n"

static void policy_is_loosened_alone(void **state)
{
	static const struct gate_case rows[] = {
		{ TWO ASKED(1), THREE,
		  "policy: approvals is changed along with services, which may loosen it",
		  GATE_POLICY },
		{ TWO ASKED(1), THREE "policy: { approvals: 1, group: all }\n",
		  "policy: group is changed", GATE_POLICY },
		{ TWO ASKED(1), THREE "policy: { approvals: 1, group: sre, expires: 48h }\n",
		  "policy: expires is changed", GATE_POLICY },
		{ TWO ASKED(1), TWO, NULL, 0 },
		{ TWO ASKED(1), THREE ASKED(2), NULL, 0 },
		{ TWO, THREE ASKED(1), NULL, 0 },
		{ TWO ASKED(1), THREE ASKED(1), NULL, 0 },
	};

	assert_gates(rows, ARRAY_SIZE(rows));
}

/* `count` services of two backends each, of which the first `changed` have another. */
static char *many_services(unsigned int count, unsigned int changed)
{
	char *text = calloc(1, (size_t)count * 128 + 64);
	size_t used = (size_t)sprintf(text, "services:\n");

	for (unsigned int i = 0; i < count; i++)
		used += (size_t)sprintf(text + used,
					"  s%u:\n    listen: [\"203.0.113.%u:80/tcp\"]\n"
					"    backends: { a: 10.%u.0.1, b: 10.%u.0.2%s }\n",
					i, i + 1, i, i, i < changed ? ", c: 10.0.9.9" : "");
	return text;
}

static void many_services_at_once_are_refused(void **state)
{
	_cleanup_(free_ptr) char *ten = many_services(10, 0), *five = many_services(10, 5);
	_cleanup_(free_ptr) char *six = many_services(10, 6), *forty = many_services(40, 0);
	_cleanup_(free_ptr) char *eight = many_services(40, 8), *nine = many_services(40, 9);

	assert_gate(&(struct gate_case){ ten, five, NULL, 0 }, NULL);
	assert_gate(&(struct gate_case){ ten, six, "6 services are touched at once (limit 5 of 10)",
					 GATE_SERVICES },
		    NULL);
	assert_gate(&(struct gate_case){ forty, eight, NULL, 0 }, NULL);
	assert_gate(&(struct gate_case){ forty, nine, "(limit 8 of 40)", GATE_SERVICES }, NULL);
	assert_gate(&(struct gate_case){ ten, forty, NULL, 0 }, NULL); /* new ones touch nobody */
}

static void errors_of_lints_refuse_unless_they_are_in_force(void **state)
{
#define LOOKS "    health: { type: http, path: /\u0430p }\n"
	static const struct gate_case rows[] = {
		{ TWO, TWO LOOKS, "U+0430 looks like 'a'", GATE_CHECK },
		{ TWO, TWO LOOKS "silence: [{ lint: look-alike, reason: it is so }]\n", NULL, 0 },
	};

	assert_gates(rows, ARRAY_SIZE(rows));
}

static void a_service_that_is_in_force_already_passes(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	struct gate_report again = {};
	struct gate_input in = { .guards = &config_guards_default };

	/* Half an hour ago there were two; one is in force since. */
	plan_case_make(&k, TWO, WEB_1, NULL, 0);
	assert_true(gate_refuses(&k.gates));
	in.plan = &k.plan;
	in.old = k.old;
	in.now = in.in_force = k.now;
	in.lints = &k.lints;
	gate_check(&again, &in);
	assert_false(gate_refuses(&again));
	gate_release(&again);
}

static void who_is_drained_in_force_may_be_removed(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	struct gate_report again = {};
	struct gate_input in = { .guards = &config_guards_default };
	struct config *drained;

	/* Half an hour ago it had most of the traffic. */
	plan_case_make(&k, POOL BW(1, 300) B(2), POOL B(2), NULL, 0);
	assert_true(gate_refuses(&k.gates));
	drained = config_copy(k.old);
	assert_non_null(drained);
	in.plan = &k.plan;
	in.old = k.old;
	in.now = k.now;
	in.in_force = drained;
	in.lints = &k.lints;
	gate_check(&again, &in);
	assert_true(gate_refuses(&again));
	gate_release(&again);
	drained->services[0].backends[0].drain_by_hand = true;
	gate_check(&again, &in);
	assert_false(gate_refuses(&again));
	gate_release(&again);
	config_free(drained);
}

static void sets_of_gates_are_read_by_name(void **state)
{
	const char *unknown = NULL;
	unsigned int set = 0;

	assert_int_equal(gate_set_parse(&set, "share,growth", &unknown), 0);
	assert_int_equal(set, 1u << GATE_SHARE | 1u << GATE_GROWTH);
	assert_int_equal(gate_set_parse(&set, "share,grow", &unknown), -EINVAL);
	assert_string_equal(unknown, "grow");
	assert_int_equal(gate_set_parse(&set, "shares", &unknown), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_beyond_twice_the_fair_one_is_refused),
		cmocka_unit_test(a_share_that_grows_too_much_is_refused),
		cmocka_unit_test(too_few_backends_left_are_refused),
		cmocka_unit_test(draining_one_while_all_others_are_up_only_warns),
		cmocka_unit_test(what_does_not_answer_is_counted_out),
		cmocka_unit_test(load_is_judged_by_what_was_borne_where_that_is_known),
		cmocka_unit_test(what_disappears_must_be_said),
		cmocka_unit_test(guards_are_loosened_alone),
		cmocka_unit_test(policy_is_loosened_alone),
		cmocka_unit_test(many_services_at_once_are_refused),
		cmocka_unit_test(errors_of_lints_refuse_unless_they_are_in_force),
		cmocka_unit_test(a_service_that_is_in_force_already_passes),
		cmocka_unit_test(who_is_drained_in_force_may_be_removed),
		cmocka_unit_test(sets_of_gates_are_read_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
