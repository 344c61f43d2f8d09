// SPDX-License-Identifier: GPL-2.0
/* Plans and gates with the clients of the last minutes: `hash: source` behind one proxy address. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "balance_case.h"
#include "plan_case.h"

#define SOURCE(pool)                                                                               \
	"services:\n  web:\n    listen: [\"203.0.113.10:443/tcp\"]\n    hash: source\n" pool
#define POOLED "    backends:\n"
#define FOUR_BY_SOURCE SOURCE(POOLED B(1) B(2) B(3) B(4))
#define PROXY 0x20007 /* 10.2.0.7 */

/* Seconds that were sampled, and new flows and packets in each of them. */
struct crowd {
	uint32_t samples;
	double proxy; /* part of the packets that come by it */
	double seconds, packets_per_s;
	bool long_flows; /* one packet in a hundred is a SYN; else each other one */
};

static struct client_packet *packets;
static const struct client_packet **list;

/* The same for each call: shares do not depend on luck. */
static struct client_view crowd_view(const struct crowd *c)
{
	uint64_t seed = 5;

	packets = calloc(c->samples + 1, sizeof(*packets));
	list = calloc(c->samples + 1, sizeof(*list));
	assert_true(packets && list);
	for (uint32_t i = 0; i < c->samples; i++) {
		bool by_proxy = i < c->proxy * c->samples;
		double each = c->packets_per_s * c->seconds / c->samples;

		packets[i] = (struct client_packet){
			.client = case_addr(by_proxy ? PROXY : 1 + i),
			.dest = case_addr(1u << 20),
			.backend = 1,
			.sport = htons((uint16_t)(1024 + case_word(&seed) % 60000)),
			.dport = htons(443),
			.proto = IPPROTO_TCP,
			.syn = c->long_flows ? i % 100 == 0 : i % 2,
			.packets = (float)each,
			.bytes = 1000 * (float)each,
		};
		list[i] = &packets[i];
	}
	return (struct client_view){
		.packets = list, .count = c->samples, .now_s = 200, .seconds = c->seconds
	};
}

static void crowd_free(void)
{
	free(packets);
	free(list);
	packets = NULL;
	list = NULL;
}

static const struct crowd by_proxy = {
	.samples = 4000, .proxy = 0.71, .seconds = 180, .packets_per_s = 1000
};

static void plan_of(struct plan_case *k, const char *old, const char *now, const struct crowd *c,
		    double rate)
{
	const struct plan_service_fact web = {
		.service = "web", .has_rate = rate > 0, .rate = rate, .clients = crowd_view(c)
	};

	plan_case_make(k, old, now, &(struct plan_input){ .services = &web, .service_count = 1 },
		       0);
	crowd_free();
}

static size_t most_of(const struct plan_service *s)
{
	size_t most = 0;

	for (size_t i = 0; i < s->count; i++)
		if (s->clients.after[i].share[CLIENT_BYTES] >
		    s->clients.after[most].share[CLIENT_BYTES])
			most = i;
	return most;
}

static bool refused_by(const struct plan_case *k, enum gate gate)
{
	for (size_t i = 0; i < k->gates.count; i++)
		if (k->gates.breaches[i].gate == gate && !k->gates.breaches[i].warns)
			return true;
	return false;
}

static void assert_passes(const char *old, const char *now, const struct crowd *c)
{
	_cleanup_(plan_case_release) struct plan_case k;

	plan_of(&k, old, now, c, 0);
	if (gate_refuses(&k.gates))
		fail_msg("refused, and must pass:\n%s\n%s", now, k.told);
}

static void a_source_hash_behind_one_proxy_is_refused(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;
	const struct plan_service *s;
	char want[300];

	plan_of(&k, FOUR, FOUR_BY_SOURCE, &by_proxy, 0);
	s = &k.plan.services[0];
	assert_true(refused_by(&k, GATE_SHARE));
	snprintf(want, sizeof(want),
		 "  f:4:11: web/web-%zu 10.0.1.%zu: client 10.2.0.7 has 71.0 %% of the bytes: with "
		 "hash: source one backend gets all of it: 25.0 %% -> 78.",
		 most_of(s) + 1, most_of(s) + 1);
	if (!strstr(k.told, want) ||
	    !strstr(k.told, "of bytes (limit 50.0 %), by 4000 samples [share]"))
		fail_msg("must say\n%s\nand says\n%s", want, k.told);
	/* Slots are as even as before. */
	for (size_t i = 0; i < s->count; i++)
		assert_true(fabs(s->backends[i].answering - 0.25) < 0.001);
}

static void what_is_not_in_the_sample_is_no_reason(void **state)
{
	struct crowd c = by_proxy;

	/* Many alike. */
	c.proxy = 0;
	assert_passes(FOUR, FOUR_BY_SOURCE, &c);
	/* One with a fifth: its backend gets 40 %. */
	c.proxy = 0.2;
	assert_passes(FOUR, FOUR_BY_SOURCE, &c);
	/* So few that chance may explain it; or too few for anything. */
	c = by_proxy;
	c.proxy = 0.4;
	c.samples = 120;
	assert_passes(FOUR, FOUR_BY_SOURCE, &c);
	c = by_proxy;
	c.samples = CLIENT_SAMPLES_MIN - 1;
	assert_passes(FOUR, FOUR_BY_SOURCE, &c);
	/* Somebody tries something out. */
	c = by_proxy;
	c.packets_per_s = 5;
	assert_passes(FOUR, FOUR_BY_SOURCE, &c);
	/* Ports are hashed: one flow in the sample stays where it is, and is nobody's fault. */
	assert_passes(FOUR, POOL B(1) B(2) B(3) B(4) B(5), &by_proxy);
}

static void a_ratio_that_is_in_force_was_accepted(void **state)
{
	assert_passes(FOUR_BY_SOURCE, SOURCE("    drain_time: 5m\n" POOLED B(1) B(2) B(3) B(4)),
		      &by_proxy);
	/* Whoever has it then. */
	assert_passes(FOUR_BY_SOURCE, SOURCE(POOLED B(1) B(2) B(3) B(4) B(5)), &by_proxy);
	assert_passes(FOUR_BY_SOURCE, SOURCE(POOLED B(1) B(2) B(3) B(5)), &by_proxy);
	/* And the way back. */
	assert_passes(FOUR_BY_SOURCE, FOUR, &by_proxy);
}

static void draining_one_is_no_cover_for_another_hash(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k;

	plan_of(&k, FOUR, SOURCE(POOLED B(1) B(2) B(3) BD(4)), &by_proxy, 0);
	assert_true(refused_by(&k, GATE_SHARE));
}

static void load_is_judged_as_the_clients_would_make_it(void **state)
{
	struct plan_service_fact web = { .service = "web", .has_rate = true, .rate = 500 };
	struct plan_fact facts[4] = {};
	struct plan_input in = {
		.facts = facts, .fact_count = 4, .services = &web, .service_count = 1
	};
	/* By its share it may: 25 + 22 of a hundred. */
	struct crowd c = { .samples = 8000, .proxy = 0.3, .seconds = 180, .packets_per_s = 2000 };
	static const char *const addresses[] = { "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4" };
	_cleanup_(plan_case_release) struct plan_case refused, passes, few;
	const char *why;

	for (int i = 0; i < 4; i++) {
		facts[i] = (struct plan_fact){ .service = "web",
					       .answer = PLAN_UP,
					       .has_rate = true,
					       .rate = 125,
					       .best = 150 };
		assert_int_equal(addr_parse(&facts[i].addr, addresses[i], &why), 0);
	}
	web.clients = crowd_view(&c);
	plan_case_make(&refused, FOUR, FOUR_BY_SOURCE, &in, 0);
	crowd_free();
	assert_true(refused_by(&refused, GATE_LOAD) && !refused_by(&refused, GATE_SHARE));
	assert_non_null(strstr(refused.told, "client 10.2.0.7 has 30.0 % of the new flows"));
	assert_non_null(
		strstr(refused.told, "125 -> 237 new flows a second (limit 188, from what "));
	/* It has borne that. */
	for (int i = 0; i < 4; i++)
		facts[i].best = 200;
	web.clients = crowd_view(&c);
	plan_case_make(&passes, FOUR, FOUR_BY_SOURCE, &in, 0);
	crowd_free();
	assert_false(gate_refuses(&passes.gates));
	/* Of flows there are too few samples. */
	for (int i = 0; i < 4; i++)
		facts[i].best = 150;
	c.long_flows = true;
	web.clients = crowd_view(&c);
	plan_case_make(&few, FOUR, FOUR_BY_SOURCE, &in, 0);
	crowd_free();
	assert_false(gate_refuses(&few.gates));
	assert_false(few.plan.services[0].clients.known[CLIENT_FLOWS]);
}

static void the_plan_shows_what_is_predicted(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k, few, none;
	_cleanup_(free_ptr) char *text = NULL, *little = NULL, *nothing = NULL;
	struct crowd c = by_proxy;
	const char *line;
	char want[64];

	plan_of(&k, FOUR, FOUR_BY_SOURCE, &c, 0);
	text = plan_text(&k.plan);
	assert_non_null(
		strstr(text, "  predicted by 4000 samples of clients in 3 minutes, hash: source:\n"
			     "  BACKEND           NEW FLOWS             PACKETS               "
			     "BYTES  BYTES/S\n"));
	snprintf(want, sizeof(want), "\n  web-%zu  ", most_of(&k.plan.services[0]) + 1);
	line = strstr(text, want);
	if (!line)
		fail_msg("no %s in\n%s", want, text);
	assert_non_null(strstr(line, "    25.0 % -> 78."));
	assert_non_null(strstr(line, "kB  10.2.0.7 has 71.0 %\n"));
	/* A thousand packets of a thousand bytes. */
	assert_non_null(strstr(line, "250 kB -> 78"));
	c.samples = 12;
	plan_of(&few, FOUR, FOUR_BY_SOURCE, &c, 0);
	little = plan_text(&few.plan);
	assert_non_null(strstr(little, "  no prediction: 12 samples of clients in 3 minutes\n"));
	plan_case_make(&none, FOUR, FOUR_BY_SOURCE, NULL, 0);
	nothing = plan_text(&none.plan);
	assert_null(strstr(nothing, "predict"));
}

static void the_json_has_it_too(void **state)
{
	_cleanup_(plan_case_release) struct plan_case k, few;
	struct crowd c = by_proxy;
	json_t *json, *service, *predicted;
	size_t most;

	plan_of(&k, FOUR, FOUR_BY_SOURCE, &c, 0);
	most = most_of(&k.plan.services[0]);
	json = plan_json(&k.plan);
	service = json_array_get(json_object_get(json, "services"), 0);
	predicted = json_object_get(service, "clients");
	assert_int_equal(json_integer_value(json_object_get(predicted, "samples")), 4000);
	assert_true(json_is_true(json_object_get(predicted, "known")));
	assert_true(fabs(json_real_value(json_object_get(predicted, "bytes_per_s")) - 1e6) < 1000);
	predicted = json_object_get(json_array_get(json_object_get(service, "backends"), most),
				    "predicted");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(predicted, "heaviest"), "address")),
			    "10.2.0.7");
	predicted = json_object_get(predicted, "bytes");
	assert_true(fabs(json_real_value(json_object_get(predicted, "share_now")) - 0.25) < 0.01);
	assert_true(fabs(json_real_value(json_object_get(predicted, "share_after")) - 0.78) < 0.01);
	assert_true(fabs(json_real_value(json_object_get(predicted, "per_s_after")) - 0.78e6) <
		    1e4);
	json_decref(json);
	c.samples = 12;
	plan_of(&few, FOUR, FOUR_BY_SOURCE, &c, 0);
	json = plan_json(&few.plan);
	service = json_array_get(json_object_get(json, "services"), 0);
	assert_true(json_is_false(json_object_get(json_object_get(service, "clients"), "known")));
	predicted = json_object_get(json_array_get(json_object_get(service, "backends"), 0),
				    "predicted");
	assert_true(json_is_null(predicted));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_hash_behind_one_proxy_is_refused),
		cmocka_unit_test(what_is_not_in_the_sample_is_no_reason),
		cmocka_unit_test(a_ratio_that_is_in_force_was_accepted),
		cmocka_unit_test(draining_one_is_no_cover_for_another_hash),
		cmocka_unit_test(load_is_judged_as_the_clients_would_make_it),
		cmocka_unit_test(the_plan_shows_what_is_predicted),
		cmocka_unit_test(the_json_has_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
