// SPDX-License-Identifier: GPL-2.0
/* Ordinary work passes the gates, mistakes do not get through: legitimate changes and mutations of
 * sane configurations through check, plan and gates. Prints how many of each class, and by whom. */
#include <math.h>

#include "corpus.h"
#include "lib/guard.h"
#include "lib/review.h"

#include "config_case.h"

#define ROUNDS 3 /* mutations of each kind of each configuration */
#define RATE 200.0
/* Of the week's peak: when people work, and at night. */
#define DAY 0.75
#define NIGHT 0.3

/* ---- the world ------------------------------------------------------------------------------- */

/* Who is there: servers of configurations, each at the port that its service asks. */
struct world {
	const struct config *there[2]; /* NULL: none */
	bool history;
	double load; /* of now, of that by day */
};

/* At the port that its service asks, and at those that its service listens on. */
static bool is_heard(const struct config_service *s, const struct config_backend *b,
		     const struct config_service *there, const struct config_backend *server)
{
	uint16_t port = s->check_count ? config_check_port(s, b, &s->checks[0]) : 0;

	for (size_t i = 0; i < there->listener_count; i++)
		if (!server->port && there->listeners[i].endpoint.port == port)
			return true;
	return !port || server->port == port ||
	       (there->check_count && config_check_port(there, server, &there->checks[0]) == port);
}

/* A server answers a check where it stands and listens. */
static bool answers(const struct world *w, const struct config_service *s,
		    const struct config_backend *b)
{
	for (int t = 0; t < 2; t++) {
		for (size_t i = 0; w->there[t] && i < w->there[t]->service_count; i++) {
			const struct config_service *o = &w->there[t]->services[i];

			for (size_t k = 0; k < o->backend_count; k++) {
				const struct config_backend *x = &o->backends[k];

				if (!addr_equal(&x->addr, &b->addr))
					continue;
				if (is_heard(s, b, o, x))
					return true;
			}
		}
	}
	return false;
}

static double sum_of(const struct config_service *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->backend_count; i++)
		sum += config_backend_weight(&s->backends[i]);
	return sum;
}

static const struct config_backend *same_backend(const struct config *c, const char *service,
						 const struct config_backend *b)
{
	const struct config_service *s = c ? config_service(c, service) : NULL;

	for (size_t i = 0; s && i < s->backend_count; i++)
		if (addr_equal(&s->backends[i].addr, &b->addr))
			return &s->backends[i];
	return NULL;
}

/* What is known of a backend, which may be in either configuration. */
static struct plan_fact fact_of(const struct world *w, const struct config *old,
				const struct config_service *s, const struct config_backend *b)
{
	const struct config_service *o = old ? config_service(old, s->name) : NULL;
	const struct config_backend *was = same_backend(old, s->name, b);
	struct plan_fact f = { .service = s->name, .addr = b->addr, .port = b->port };

	f.answer = answers(w, s, b) ? PLAN_UP : PLAN_DOWN;
	if (!was)
		return f;
	f.was = answers(w, o, was) ? PLAN_UP : PLAN_DOWN;
	f.ever_up = f.was == PLAN_UP;
	if (w->history) {
		f.has_rate = true;
		f.best = RATE * (double)o->backend_count * config_backend_weight(was) / sum_of(o);
		f.rate = f.best * w->load;
	}
	return f;
}

static size_t facts_make(struct plan_fact *facts, const struct world *w, const struct config *old,
			 const struct config *now)
{
	size_t count = 0;

	for (size_t i = 0; i < now->service_count; i++)
		for (size_t k = 0; k < now->services[i].backend_count; k++)
			facts[count++] =
				fact_of(w, old, &now->services[i], &now->services[i].backends[k]);
	for (size_t i = 0; old && i < old->service_count; i++)
		for (size_t k = 0; k < old->services[i].backend_count; k++)
			if (!same_backend(now, old->services[i].name,
					  &old->services[i].backends[k]))
				facts[count++] = fact_of(w, old, &old->services[i],
							 &old->services[i].backends[k]);
	return count;
}

/* ---- judging --------------------------------------------------------------------------------- */

struct judged {
	struct config *now;
	struct review review;
	bool parsed, reviewed;
};

static void judged_release(struct judged *j)
{
	if (j->reviewed)
		review_release(&j->review);
	config_free(j->now);
}

static void judge(struct judged *j, const struct world *w, const struct config *old,
		  const char *text, unsigned int forced)
{
	_cleanup_(diag_release) struct diag d = {};
	struct plan_fact facts[512];
	struct plan_service_fact services[16];
	struct review_input in = { .text = text, .length = strlen(text), .forced = forced };

	*j = (struct judged){};
	if (config_parse(&j->now, text, strlen(text), &d))
		return;
	j->parsed = true;
	in.plan.old = old;
	in.plan.now = j->now;
	in.plan.facts = facts;
	in.plan.fact_count = facts_make(facts, w, old, j->now);
	for (size_t i = 0; old && w->history && i < old->service_count; i++) {
		double day = RATE * (double)old->services[i].backend_count;

		services[in.plan.service_count++] = (struct plan_service_fact){
			.service = old->services[i].name,
			.has_rate = true,
			.rate = day * w->load,
			.peak = day,
		};
	}
	in.plan.services = services;
	assert_int_equal(review_make(&j->review, &in), 0);
	j->reviewed = true;
}

/* ---- what the guards allow, worked out otherwise --------------------------------------------- */

static double answering_weight(const struct world *w, const struct config_service *s, size_t *count)
{
	double sum = 0;

	*count = 0;
	for (size_t i = 0; i < s->backend_count; i++) {
		uint32_t weight = config_backend_weight(&s->backends[i]);

		if (!weight || !answers(w, s, &s->backends[i]))
			continue;
		sum += weight;
		*count += 1;
	}
	return sum;
}

/* Does a backend of the service get more than the guards allow? By weights, without any table. */
static bool overloads(const struct world *w, const struct config_service *old,
		      const struct config_service *now)
{
	size_t count;
	double sum = answering_weight(w, now, &count), old_sum = sum_of(old);
	double even = 1.0 / (double)old->backend_count;

	for (size_t i = 0; i < now->backend_count && count; i++) {
		const struct config_backend *b = &now->backends[i], *was = NULL;
		double share = config_backend_weight(b) / sum, before, limit;

		for (size_t k = 0; k < old->backend_count; k++)
			if (addr_equal(&old->backends[k].addr, &b->addr))
				was = &old->backends[k];
		if (!answers(w, now, b) || !config_backend_weight(b))
			continue;
		before = was ? config_backend_weight(was) / old_sum : even;
		limit = guard_share_limit(2, count);
		if (share > fmax(limit, before) + 0.01)
			return true;
		/* 2 is the peak's, for a new one in a pool of two weights */
		if (share > (w->history && w->load < 1 ? 2 : 1.5) * fmax(before, even) + 0.01)
			return true;
	}
	return !count;
}

static bool listens(const struct config_service *s, const struct endpoint *e)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (addr_equal(&s->listeners[i].endpoint.addr, &e->addr) &&
		    s->listeners[i].endpoint.port == e->port)
			return true;
	return false;
}

/* What would hurt: a server with too much, traffic that nobody takes or that goes elsewhere. */
static bool hurts(const struct world *w, const struct config *old, const struct config *now)
{
	for (size_t i = 0; i < old->service_count; i++) {
		const struct config_service *s = config_service(now, old->services[i].name);

		if (!s || overloads(w, &old->services[i], s))
			return true;
		for (size_t k = 0; k < old->services[i].listener_count; k++)
			if (!listens(s, &old->services[i].listeners[k].endpoint))
				return true;
	}
	return false;
}

/* ---- legitimate changes ---------------------------------------------------------------------- */

#define NEW_SERVICE                                                                                \
	"  extra:\n    listen: [\"203.0.113.99:443/tcp\"]\n    backends:\n"                        \
	"      extra-1: { address: 10.0.99.1 }\n      extra-2: { address: 10.0.99.2 }\n"

/* From one edit of a sane configuration to another: where it has so many backends and services. */
static const struct legitimate {
	const char *name;
	struct corpus_edit from, to;
	size_t backends, services; /* at least */
	bool first, night;
} legitimate[] = {
	{ .name = "first apply", .first = true },
	{ .name = "a backend more", .to = { .backends = 99 } },
	{ .name = "a backend less", .to = { .without = 2 }, .backends = 3 },
	{ .name = "one drained", .to = { .drained = 2 }, .backends = 2 },
	{ .name = "and back", .from = { .drained = 2 }, .backends = 2 },
	{ .name = "the drained one removed",
	  .from = { .drained = 2 },
	  .to = { .without = 2 },
	  .backends = 2 },
	{ .name = "a larger weight", .to = { .weighed = 1, .weight = 150 }, .backends = 2 },
	{ .name = "a canary",
	  .from = { .without = 1 },
	  .to = { .weighed = 1, .weight = 10 },
	  .backends = 3 },
	{ .name = "the canary grows", .from = { .weighed = 1, .weight = 10 }, .backends = 4 },
	{ .name = "green for blue",
	  .from = { .green = true },
	  .to = { .green = true },
	  .backends = 4 },
	{ .name = "half of it at night", .to = { .backends = 50 }, .backends = 8, .night = true },
	{ .name = "all of it by day", .from = { .backends = 50 }, .backends = 8 },
	{ .name = "all renumbered", .to = { .net = 77 } },
	{ .name = "the first replaced",
	  .from = { .backends = 99 },
	  .to = { .first = 2 },
	  .backends = 2 },
	{ .name = "another service", .to = { .more = NEW_SERVICE } },
	{ .name = "a service removed",
	  .to = { .skip = 2,
		  .more = "removed: [api, dns, admin, b, "
			  "img]\n" },
	  .services = 3 },
	{ .name = "other names", .to = { .renamed = true } },
	{ .name = "other times", .to = { .service_text = "idle_time: 10m" } },
	{ .name = "another hash", .to = { .service_text = "hash: source" } },
	{ .name = "stricter guards", .to = { .more = "guards: { share: 150 }\n" } },
	{ .name = "looser guards", .to = { .more = "guards: { share: 300 }\n" } },
};

/* Numbers that depend on the size of the pool: 99 is one more, 50 is half. */
static void fit(struct corpus_edit *e, unsigned int backends)
{
	if (e->backends == 99)
		e->backends = backends + 1;
	else if (e->backends == 50)
		e->backends = backends / 2;
}

static bool applies(const struct legitimate *l, const struct corpus_sane *s)
{
	return s->services[0].backends >= l->backends && s->count >= l->services &&
	       (s->services[0].weights[0] == s->services[0].weights[1] || !l->to.weighed) &&
	       /* whose load only history knows to be low */
	       (s->history || !l->night);
}

/* True if it passes. */
static bool legitimate_passes(const struct legitimate *l, const struct corpus_sane *s)
{
	char from[CORPUS_TEXT_MAX], to[CORPUS_TEXT_MAX], removed[64];
	struct corpus_edit a = l->from, b = l->to;
	_cleanup_(config_release) struct config *old = NULL, *now = NULL;
	_cleanup_(judged_release) struct judged j;
	struct world w = { .history = s->history, .load = l->night ? NIGHT : DAY };
	bool passes;

	fit(&a, s->services[0].backends);
	fit(&b, s->services[0].backends);
	snprintf(removed, sizeof(removed), "removed: [%s]\n", s->services[1].name);
	if (b.skip)
		b.more = removed;
	corpus_text(from, s, &a);
	corpus_text(to, s, &b);
	old = l->first ? NULL : must_parse(from);
	now = must_parse(to);
	w.there[0] = old;
	w.there[1] = now;
	judge(&j, &w, old, to, 0);
	passes = j.parsed && !review_refuses(&j.review);
	if (!passes) {
		_cleanup_(free_ptr) char *text = gate_text(&j.review.gates, &j.review.lints, NULL);

		print_message("# refused, though legitimate: %s of configuration %td:\n%s", l->name,
			      s - corpus_sane, text);
	}
	return passes;
}

static void legitimate_changes_pass_unforced(void **state)
{
	size_t all = 0, passed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(legitimate); i++) {
		size_t of_class = 0, good = 0;

		for (size_t k = 0; k < CORPUS_SANE; k++) {
			if (!applies(&legitimate[i], &corpus_sane[k]))
				continue;
			of_class++;
			good += legitimate_passes(&legitimate[i], &corpus_sane[k]);
		}
		print_message("# legitimate: %-24s %2zu of %2zu pass\n", legitimate[i].name, good,
			      of_class);
		all += of_class;
		passed += good;
	}
	print_message("# legitimate: %zu of %zu pass (%.1f %%)\n", passed, all,
		      100.0 * (double)passed / (double)all);
	assert_true(all >= 60);
	assert_true(100 * passed >= 95 * all);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

struct tally {
	size_t made, invalid, refused, harmless, hurt;
	size_t gates[GATE_COUNT];
};

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void count(struct tally *t, const struct judged *j, const struct world *w,
		  const struct config *old, const char *text)
{
	bool seen[GATE_COUNT] = {};

	t->made++;
	if (!j->parsed) {
		t->invalid++;
		return;
	}
	if (!review_refuses(&j->review)) {
		bool hurt = hurts(w, old, j->now);

		t->harmless += !hurt;
		t->hurt += hurt;
		if (hurt && !j->review.gates.count)
			print_message("# not held:\n%s\n", text);
		return;
	}
	t->refused++;
	for (size_t i = 0; i < j->review.gates.count; i++) {
		enum gate gate = j->review.gates.breaches[i].gate;

		t->gates[gate] += !seen[gate];
		seen[gate] = true;
	}
}

static void mutate_all(struct tally *classes, unsigned int forced)
{
	uint64_t random = 7;

	for (size_t i = 0; i < CORPUS_SANE * ROUNDS * MUTATION_COUNT; i++) {
		const struct corpus_sane *s = &corpus_sane[i % CORPUS_SANE];
		enum mutation m = (enum mutation)(i / CORPUS_SANE % MUTATION_COUNT);
		char text[CORPUS_TEXT_MAX], wrong[CORPUS_TEXT_MAX] = "";
		_cleanup_(config_release) struct config *old = NULL;
		_cleanup_(judged_release) struct judged j = {};
		struct world w = { .history = s->history, .load = i % 2 ? DAY : NIGHT };

		corpus_text(text, s, NULL);
		if (!corpus_mutate(wrong, text, m, next_random(&random)) || !strcmp(text, wrong))
			continue;
		old = must_parse(text);
		w.there[0] = old;
		judge(&j, &w, old, wrong, forced);
		count(&classes[m], &j, &w, old, wrong);
	}
}

static struct tally sum(const struct tally *classes)
{
	struct tally all = {};

	for (size_t m = 0; m < MUTATION_COUNT; m++) {
		const struct tally *t = &classes[m];

		all.made += t->made;
		all.invalid += t->invalid;
		all.refused += t->refused;
		all.harmless += t->harmless;
		all.hurt += t->hurt;
		for (size_t g = 0; g < GATE_COUNT; g++)
			all.gates[g] += t->gates[g];
	}
	return all;
}

static void no_mistake_gives_a_backend_more_than_the_guards_allow(void **state)
{
	struct tally classes[MUTATION_COUNT] = {}, all;

	mutate_all(classes, 0);
	for (size_t m = 0; m < MUTATION_COUNT; m++)
		print_message("# mistakes: %-18s %3zu: %3zu invalid, %3zu refused, %3zu within the "
			      "guards, %zu beyond\n",
			      mutation_names[m], classes[m].made, classes[m].invalid,
			      classes[m].refused, classes[m].harmless, classes[m].hurt);
	all = sum(classes);
	for (enum gate g = 0; g < GATE_COUNT; g++)
		print_message("# gate: %-10s refuses %3zu (%.1f %%)\n", gate_name(g), all.gates[g],
			      100.0 * (double)all.gates[g] / (double)all.made);
	print_message(
		"# mistakes: %zu: %zu invalid, %zu refused, %zu within the guards, %zu beyond\n",
		all.made, all.invalid, all.refused, all.harmless, all.hurt);
	assert_true(all.made >= 200);
	assert_int_equal(all.hurt, 0);
}

/* The same without gates: then they do hurt, and the test above can fail. */
static void without_gates_mistakes_get_through(void **state)
{
	struct tally classes[MUTATION_COUNT] = {};

	mutate_all(classes, ~0u);
	assert_true(sum(classes).hurt >= 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(legitimate_changes_pass_unforced),
		cmocka_unit_test(no_mistake_gives_a_backend_more_than_the_guards_allow),
		cmocka_unit_test(without_gates_mistakes_get_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
