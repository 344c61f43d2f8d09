// SPDX-License-Identifier: GPL-2.0
/* A property: no state that can be reached gives a backend more than its capacity, nor turns anybody
 * away below it. Random pools live through what happens to pools; what is offered to them meets
 * the table that is installed for each state, and then the very arithmetic that sheds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "balance_case.h"
#include "evenkeel/hash.h"
#include "lib/cleanup.h"
#include "pool_case.h"
#include "shed_case.h"

#define LIVES 60
#define STATES 16
#define RATE_MAX 8000.0
#define CLIENTS 3000
#define NOTE_BUCKETS 512
#define NS_PER_MS 1000000ull

/* What the documents promise of a second: a tenth too many, or ten, but no more than double. */
#define IN_A_SECOND_MAX ((uint32_t)RATE_MAX * 11 / 10 + 10)

/* A backend's capacity, and what it has had. */
struct backend {
	struct shed_host host;
	/* A bucket as the documents have it, less what may lie in other CPUs' purses: while it has a
	 * token nobody is turned away. */
	double sure;
	uint64_t at_ns;
	uint64_t had_ns[IN_A_SECOND_MAX]; /* when it got its last flows: a ring */
	uint32_t had, offered, shed;
};

/* What is offered, and where it comes in. */
struct demand {
	double per_ms;
	uint32_t at_once_ms; /* so many milliseconds' flows come at the same moment */
	bool few_clients;    /* each with many flows, all of them for one slot, on one CPU */
	bool one_cpu;
};

struct life {
	struct pool pool;
	struct eligible_policy policy;
	struct backend backends[POOL_MAX];
	struct ek_note_bucket notes[NOTE_BUCKETS];
	struct demand demand;
	uint32_t cpus;
	uint64_t seed, now_ns, admitted, shed, without_shedding;
};

static uint64_t below(struct life *l, uint64_t n)
{
	return case_word(&l->seed) % n;
}

/* ---- the two claims -------------------------------------------------------------------------- */

static uint32_t in_a_second_max(uint32_t rate)
{
	uint32_t ten = rate < 10 ? rate : 10;

	return rate + (rate / 10 > ten ? rate / 10 : ten);
}

/* The one that came so many flows before this one came a second ago, or longer. */
static void check_second(struct backend *b, uint64_t now_ns)
{
	uint32_t max = in_a_second_max(b->host.rate);
	uint64_t *had_ns = &b->had_ns[b->had++ % max];

	if (*had_ns && now_ns - *had_ns < EK_NS_PER_S)
		fail_msg("more than %u flows in a second for a capacity of %u, %u CPUs", max,
			 b->host.rate, b->host.cpus);
	*had_ns = now_ns;
}

/* A sixteenth of a burst may lie in purses, and be missing twice: it was not saved up, and it is not
 * where it is asked for. */
static void sure_refill(struct backend *b, uint64_t now_ns)
{
	uint32_t rate = b->host.rate, burst = in_a_second_max(rate) - rate;
	double full = burst - 2 * (burst / 16);

	b->sure += (double)(now_ns - b->at_ns) * rate / EK_NS_PER_S;
	b->sure = b->sure > full ? full : b->sure;
	b->at_ns = now_ns;
}

static bool offer(struct life *l, struct backend *b, uint64_t hash, uint32_t cpu)
{
	bool admitted;

	sure_refill(b, l->now_ns);
	admitted = shed_admit(&b->host, l->notes, NOTE_BUCKETS, hash, cpu, l->now_ns);
	if (admitted)
		check_second(b, l->now_ns);
	else if (b->sure > 1 + 1e-6)
		fail_msg("a flow is shed with %.2f left of a capacity of %u, %u CPUs", b->sure,
			 b->host.rate, b->host.cpus);
	b->sure -= admitted;
	b->offered++;
	b->shed += !admitted;
	return admitted;
}

/* ---- what is offered ------------------------------------------------------------------------- */

/* The SYN again, at once and on whatever CPU: it gets the verdict that it had, and takes nothing. */
static void repeat(struct life *l, struct backend *b, uint64_t hash, bool admitted)
{
	for (uint64_t n = below(l, EK_SYN_REPEATS); n; n--)
		assert_int_equal(shed_admit(&b->host, l->notes, NOTE_BUCKETS, hash,
					    (uint32_t)below(l, l->cpus), l->now_ns),
				 admitted);
}

static void flow_begins(struct life *l)
{
	uint64_t flow = case_word(&l->seed);
	uint64_t way = l->demand.few_clients ? ek_mix(case_zipf(&l->seed, CLIENTS), l->cpus) : flow;
	uint32_t owner = l->pool.owners[way % POOL_SLOTS];
	uint32_t cpu = l->demand.one_cpu ? 0 : (uint32_t)((way >> 32) % l->cpus);
	struct backend *b = owner ? &l->backends[owner - 1] : NULL;
	bool admitted;

	if (!b || !b->host.rate)
		return;
	admitted = offer(l, b, ek_mix(flow, owner), cpu);
	l->admitted += admitted;
	l->shed += !admitted;
	if (!(flow & 15))
		repeat(l, b, ek_mix(flow, owner), admitted);
}

static void flows_begin(struct life *l, uint32_t length_ms)
{
	struct demand *d = &l->demand;

	for (size_t i = 0; i < l->pool.count; i++)
		l->backends[i].offered = l->backends[i].shed = 0;
	for (uint32_t ms = 0; ms < length_ms; ms += d->at_once_ms) {
		l->now_ns += d->at_once_ms * NS_PER_MS;
		for (uint64_t n = case_poisson(&l->seed, d->per_ms * d->at_once_ms); n; n--)
			flow_begins(l);
	}
	for (size_t i = 0; i < l->pool.count; i++)
		l->without_shedding += l->backends[i].offered && !l->backends[i].shed;
}

/* From a fifth of what all declare together to five times that. */
static void demand_draw(struct life *l)
{
	static const uint32_t at_once_ms[] = { 1, 1, 4, 20 };
	double rates = 0;

	for (size_t i = 0; i < l->pool.count; i++)
		rates += l->backends[i].host.rate;
	l->demand = (struct demand){
		.per_ms = rates / 1000 * 0.2 * pow(25, case_random(&l->seed)),
		.at_once_ms = at_once_ms[below(l, 4)],
		.few_clients = !below(l, 3),
		.one_cpu = !below(l, 3),
	};
}

/* ---- what happens to a pool ------------------------------------------------------------------ */

/* What was borrowed under another number is void, and what was had under it is not counted. */
static void capacity_declare(struct life *l, struct backend *b)
{
	b->host.rate = below(l, 8) ? (uint32_t)pow(RATE_MAX, case_random(&l->seed)) : 0;
	b->sure = 0;
	b->at_ns = l->now_ns;
	memset(b->had_ns, 0, sizeof(b->had_ns));
}

static void all_turn(struct life *l, enum health_state state)
{
	for (size_t i = 0; i < l->pool.count; i++)
		l->pool.m[i].eligible.state = below(l, 4) ? state : l->pool.m[i].eligible.state;
}

static void something_happens(struct life *l)
{
	size_t one = below(l, l->pool.count);
	struct eligible_member *m = &l->pool.m[one].eligible;

	for (size_t i = 0; i < l->pool.count; i++)
		l->pool.m[i].eligible.had = l->pool.owned[i + 1] > 0;
	switch (below(l, 7)) {
	case 0: /* it dies, or comes back and starts slowly */
		m->state = m->state == HEALTH_UP ? HEALTH_DOWN : HEALTH_UP;
		m->ever_up |= m->state == HEALTH_UP;
		m->start = m->state == HEALTH_UP ? 0.1 + 0.9 * case_random(&l->seed) : 0;
		break;
	case 1: /* it is drained, or gets another weight */
		m->weight = m->weight && below(l, 2) ? 0 : 1 + (uint32_t)below(l, 1000);
		break;
	case 2:
		l->pool.m[one].factor = 0.5 + case_random(&l->seed);
		break;
	case 3:
		capacity_declare(l, &l->backends[one]);
		break;
	case 4:
		all_turn(l, HEALTH_DOWN);
		break;
	case 5:
		all_turn(l, HEALTH_UP);
		break;
	default: /* nothing, for so long that all may be saved up that can be */
		l->now_ns += below(l, 3 * EK_NS_PER_S);
	}
}

static void life_begin(struct life *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->seed = seed;
	l->now_ns = 3600 * EK_NS_PER_S;
	l->cpus = 1 + (uint32_t)below(l, below(l, 2) ? 4 : SHED_CPUS_MAX);
	l->policy = (struct eligible_policy){ below(l, 3) ? (uint32_t)below(l, 101) : 0,
					      1 + (uint32_t)below(l, 100), below(l, 2) };
	l->pool.count = 1 + below(l, POOL_MAX);
	for (size_t i = 0; i < l->pool.count; i++) {
		l->pool.m[i] = pool_random_member(&l->seed, below(l, 2));
		l->backends[i].host.cpus = l->cpus;
		capacity_declare(l, &l->backends[i]);
	}
}

static void no_reachable_state_gives_more_than_the_capacity_or_turns_away_below_it(void **state)
{
	_cleanup_(free_ptr) struct life *l = malloc(sizeof(*l));
	uint64_t admitted = 0, shed = 0, without_shedding = 0;

	assert_non_null(l);
	for (uint64_t run = 0; run < LIVES; run++) {
		life_begin(l, run);
		for (int i = 0; i < STATES; i++) {
			pool_build(&l->pool, &l->policy);
			pool_check_owners(&l->pool);
			demand_draw(l);
			flows_begin(l, 200 + (uint32_t)below(l, 800));
			something_happens(l);
		}
		admitted += l->admitted;
		shed += l->shed;
		without_shedding += l->without_shedding;
	}
	/* Much of both was seen. */
	assert_true(admitted > 100000 && shed > 100000 && without_shedding > 10 * LIVES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			no_reachable_state_gives_more_than_the_capacity_or_turns_away_below_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
