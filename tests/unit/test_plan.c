// SPDX-License-Identifier: GPL-2.0
/* Plans: shares now and after, of the very tables, as configured and with those that answer. */
#include "lib/maglev.h"
#include "plan_case.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 0.001)

static void shares_are_those_of_the_table_that_would_be_installed(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	struct ek_key key = { { 1, 2 } };
	const struct plan_service *s;
	uint32_t owners[EK_TABLE_SLOTS_MIN], counts[4] = {};
	struct maglev_member members[3] = {};

	plan_case_make(&k, THREE, POOL B(1) BW(2, 200) B(3), &(struct plan_input){ .key = key }, 0);
	s = &k.plan.services[0];
	for (uint32_t i = 0; i < 3; i++)
		members[i] = (struct maglev_member){ k.now->services[0].backends[i].addr,
						     i == 1 ? 200 : 100, i + 1 };
	assert_int_equal(maglev_fill(owners, EK_TABLE_SLOTS_MIN, members, 3, key), 0);
	for (uint32_t i = 0; i < EK_TABLE_SLOTS_MIN; i++)
		counts[owners[i]]++;
	assert_int_equal(s->slots, EK_TABLE_SLOTS_MIN);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(s->backends[i].share == counts[i + 1] / (double)EK_TABLE_SLOTS_MIN);
	NEAR(s->backends[0].old_share, 1.0 / 3);
	NEAR(s->backends[1].share, 0.5);
	/* A sixth of the flows goes to web-2 that did not before, and little else moves. */
	assert_true(s->moved >= EK_TABLE_SLOTS_MIN / 6 - 2 && s->moved < EK_TABLE_SLOTS_MIN / 4);
}

static void only_services_that_change_are_planned_unless_asked_for(void **state)
{
	static const char api[] = "  api:\n    listen: [\"203.0.113.20:443/tcp\"]\n"
				  "    backends: { a-1: 10.0.2.1 }\n";
	_cleanup_(config_release) struct config *old = NULL, *now = NULL;
	char text[1024];
	struct plan plan;

	snprintf(text, sizeof(text), "%s%s", TWO, api);
	old = must_parse(text);
	snprintf(text, sizeof(text), "%s%s", THREE, api);
	now = must_parse(text);
	assert_int_equal(plan_build(&plan, &(struct plan_input){ .old = old, .now = now }), 0);
	assert_int_equal(plan.service_count, 1);
	assert_string_equal(plan.services[0].name, "web");
	plan_clear(&plan);
	assert_int_equal(
		plan_build(&plan, &(struct plan_input){ .old = old, .now = now, .all = true }), 0);
	assert_int_equal(plan.service_count, 2);
	assert_false(plan.services[1].pool_changes);
	assert_int_equal(plan.services[1].moved, 0);
	plan_clear(&plan);
}

static void who_does_not_answer_gets_nothing_and_the_others_its_share(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	struct plan_fact down[3] = {};
	const char *why;

	/* Three of four addresses mistyped: even, as configured. */
	for (int i = 0; i < 3; i++) {
		down[i] = (struct plan_fact){ .service = "web", .answer = PLAN_DOWN };
		assert_int_equal(
			addr_parse(&down[i].addr,
				   (const char *[]){ "10.0.7.2", "10.0.7.3", "10.0.7.4" }[i], &why),
			0);
	}
	plan_case_make(&k, FOUR,
		       POOL B(1) "      web-2: 10.0.7.2\n      web-3: 10.0.7.3\n"
				 "      web-4: 10.0.7.4\n",
		       &(struct plan_input){ .facts = down, .fact_count = 3 }, 0);
	NEAR(k.plan.services[0].backends[0].share, 0.25);
	NEAR(k.plan.services[0].backends[0].answering, 1);
	NEAR(k.plan.services[0].backends[0].old_answering, 0.25);
	NEAR(k.plan.services[0].backends[1].answering, 0);
	assert_true(k.plan.probed);
}

static void the_worst_share_is_that_of_the_heaviest_beside_the_next(void **state)
{
	static const struct {
		const char *text;
		double one, two;
	} rows[] = {
		{ FOUR, 1.0 / 3, 1.0 / 2 },
		{ POOL BW(1, 100) BW(2, 300) BW(3, 100) BW(4, 100), 3.0 / 5, 3.0 / 4 },
		{ POOL BW(1, 900) BW(2, 800), 1, 0 },
		{ POOL BW(1, 900) BW(2, 400) BW(3, 400), 9.0 / 13, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(plan_case_release) struct plan_case k;
		const struct plan_worst *w;

		plan_case_make(&k, NULL, rows[i].text, NULL, 0);
		w = k.plan.services[0].worst;
		NEAR(w[0].share, rows[i].one);
		assert_int_equal(w[0].fail_count, 1);
		if (rows[i].two > 0) {
			NEAR(w[1].share, rows[i].two);
			assert_int_equal(w[1].fail_count, 2);
		}
	}
}

static void what_is_lost_is_asked_by_name(void **state)
{
	static const char *const lose[] = { "web-1", "web/web-2" }, *const none[] = { "api/web-1" };
	_cleanup_(plan_case_release) struct plan_case k;
	struct plan_service_fact traffic = { .service = "web", .has_rate = true, .rate = 100 };
	const struct plan_input in = { .lose = lose,
				       .lose_count = 2,
				       .load = 1.5,
				       .all = true,
				       .services = &traffic,
				       .service_count = 1 };
	const struct plan_backend *b;

	plan_case_make(&k, EIGHT, EIGHT, &in, 0);
	b = k.plan.services[0].backends;
	assert_true(b[0].lost && b[1].lost && !b[2].lost);
	NEAR(b[2].answering, 1.0 / 6);
	NEAR(b[0].answering, 0);
	assert_true(fabs(b[2].new_rate - 25) < 0.1);
	assert_null(plan_unknown_name(
		&(struct plan_input){ .now = k.now, .lose = lose, .lose_count = 2 }));
	assert_string_equal(plan_unknown_name(&(struct plan_input){
				    .now = k.now, .lose = none, .lose_count = 1 }),
			    "api/web-1");
}

static void a_host_in_two_services_is_counted_together(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	const struct plan_service_fact traffic[] = {
		{ .service = "web", .has_rate = true, .rate = 100 },
		{ .service = "api", .has_rate = true, .rate = 30 },
	};

	plan_case_make(&k, NULL,
		       TWO "  api:\n    listen: [\"203.0.113.20:443/tcp\"]\n"
			   "    backends: { web-1: 10.0.1.1 }\n",
		       &(struct plan_input){ .services = traffic, .service_count = 2 }, 0);
	assert_int_equal(k.plan.host_count, 1);
	assert_int_equal(k.plan.hosts[0].services, 2);
	assert_true(k.plan.hosts[0].has_rate);
	assert_true(fabs(k.plan.hosts[0].new_rate - 80) < 0.1);
}

static void another_size_unsettles_all_and_a_table_never_shrinks(void **state)
{
	char many[16384] = POOL;
	_cleanup_(plan_case_release) struct plan_case grows, shrinks;

	for (size_t i = 1; i <= 200; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
			 "      n%zu: 10.0.2.%zu\n", i, i);
	plan_case_make(&grows, TWO, many, NULL, 0);
	assert_true(grows.plan.services[0].rebuilt);
	assert_int_equal(grows.plan.services[0].slots, maglev_size(200));
	plan_case_make(&shrinks, many, TWO, NULL, 0);
	assert_false(shrinks.plan.services[0].rebuilt);
	assert_int_equal(shrinks.plan.services[0].slots, maglev_size(200));
}

static void the_diff_has_a_line_for_each_difference(void **state)
{
	_cleanup_(config_release) struct config *old =
		must_parse(POOL B(1) B(2) B(3) "  api:\n    listen: [\"203.0.113.20:443/tcp\"]\n"
					       "    backends: { a-1: 10.0.2.1 }\n");
	_cleanup_(config_release) struct config *now = must_parse(
		"services:\n  web:\n    listen: [\"203.0.113.10:444/tcp\"]\n    hash: source\n"
		"    backends:\n" BW(1, 1000) BD(2) "      web-4: 10.0.1.4\n"
						    "guards: { share: 300 }\n");
	_cleanup_(free_ptr) char *diff = plan_diff(old, now), *none = plan_diff(old, old);

	assert_string_equal(none, "");
	assert_string_equal(diff, "~ guards: share 200 -> 300\n"
				  "- api (1 backends)\n"
				  "- web listens on 203.0.113.10:443/tcp\n"
				  "+ web listens on 203.0.113.10:444/tcp\n"
				  "~ web: hash 5-tuple -> source\n"
				  "- web/web-3 10.0.1.3, weight 100\n"
				  "~ web/web-1: weight 100 -> 1000\n"
				  "~ web/web-2: drained\n"
				  "+ web/web-4 10.0.1.4, weight 100\n");
}

static void what_has_no_line_of_its_own_is_in_the_diff_too(void **state)
{
	_cleanup_(config_release) struct config *old = must_parse(TWO);
	_cleanup_(config_release) struct config *now = must_parse(
		"interfaces: [eth1]\necho: drop\nstage: { watch: 10s }\n"
		"services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    slow_start: 10s\n"
		"    backends:\n" B(
			1) "      web-2: { address: 10.0.1.2, weight: 200, capacity: 50 }\n");
	_cleanup_(free_ptr) char *diff = plan_diff(old, now);

	assert_non_null(strstr(diff, "~ interfaces: added (eth1)\n"));
	assert_non_null(strstr(diff, "~ echo answer -> drop\n"));
	assert_non_null(strstr(diff, "~ stage"));
	assert_non_null(strstr(diff, "~ web: slow_start 0 -> 10\n"));
	assert_non_null(strstr(diff, "~ web: backend web-2: capacity"));
	assert_non_null(strstr(diff, "~ web/web-2: weight 100 -> 200\n"));
	/* Once each. */
	assert_null(strstr(strstr(diff, "weight 100") + 1, "weight"));
}

static void a_plan_reads_like_a_table(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	_cleanup_(free_ptr) char *text = NULL;

	plan_case_make(&k, TWO, POOL B(1) BW(2, 300), NULL, 0);
	text = plan_text(&k.plan);
	assert_non_null(strstr(text, "web: 2 backends; 25.0 % of new flows move"));
	assert_non_null(strstr(text, "  BACKEND ADDRESS  WEIGHT         NOW   AFTER  ANSWERING\n"
				     "  web-1   10.0.1.1 100         50.0 %  25.0 %     25.0 %\n"
				     "  web-2   10.0.1.2 100 -> 300  50.0 %  75.0 %     75.0 %\n"
				     "  at worst, when web-1 fails, web-2 has 100.0 %\n"
				     "nobody was asked who answers: ANSWERING is as if all did\n"));
}

static void a_plan_says_whose_flows_must_end_and_why_slots_are_unsettled(void **state)
{
	_cleanup_(plan_case_release) struct plan_case removes, hashes;
	_cleanup_(free_ptr) char *text = NULL, *hash = NULL;
	const struct plan_service_fact web = { .service = "web", .has_rate = true, .rate = 60 };
	const struct plan_input in = { .services = &web, .service_count = 1 };

	plan_case_make(&removes, THREE,
		       "services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n"
		       "    drain_time: 5m\n    capacity: 50\n    backends:\n" B(1) B(2),
		       &in, 0);
	text = plan_text(&removes.plan);
	assert_non_null(strstr(text, "20 -> 30 of 50\n"));
	assert_non_null(strstr(text, "20 -> 0  its flows have 300 s to end\n"));
	assert_non_null(strstr(text, "has 100.0 %, 60 new flows a second of 50\n"));
	plan_case_make(&hashes, TWO,
		       "services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n"
		       "    hash: source\n    backends:\n" B(1) B(2),
		       NULL, 0);
	hash = plan_text(&hashes.plan);
	assert_non_null(
		strstr(hash, "web: 2 backends; another hash: all 16384 slots are unsettled\n"));
}

static void the_json_has_the_shares(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	json_t *json;
	const json_t *service, *backend;

	plan_case_make(&k, TWO, POOL B(1) BW(2, 300), NULL, 0);
	json = plan_json(&k.plan);
	service = json_array_get(json_object_get(json, "services"), 0);
	backend = json_array_get(json_object_get(service, "backends"), 1);
	assert_string_equal(json_string_value(json_object_get(backend, "name")), "web-2");
	NEAR(json_real_value(json_object_get(backend, "share_after")), 0.75);
	assert_true(json_is_null(json_object_get(backend, "flows_after")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_those_of_the_table_that_would_be_installed),
		cmocka_unit_test(only_services_that_change_are_planned_unless_asked_for),
		cmocka_unit_test(who_does_not_answer_gets_nothing_and_the_others_its_share),
		cmocka_unit_test(the_worst_share_is_that_of_the_heaviest_beside_the_next),
		cmocka_unit_test(what_is_lost_is_asked_by_name),
		cmocka_unit_test(a_host_in_two_services_is_counted_together),
		cmocka_unit_test(another_size_unsettles_all_and_a_table_never_shrinks),
		cmocka_unit_test(the_diff_has_a_line_for_each_difference),
		cmocka_unit_test(what_has_no_line_of_its_own_is_in_the_diff_too),
		cmocka_unit_test(a_plan_reads_like_a_table),
		cmocka_unit_test(a_plan_says_whose_flows_must_end_and_why_slots_are_unsettled),
		cmocka_unit_test(the_json_has_the_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
