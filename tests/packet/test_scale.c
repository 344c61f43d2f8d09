// SPDX-License-Identifier: GPL-2.0
/* A million flows and random changes, which a thread of packets meets at any moment. SEED=N repeats
 * the changes of a run, if not at which packet they come. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "evenkeel/affinity.h"
#include "scale.h"

#define MILLION (1u << 20)
#define GROUPS 16u /* flows begin, and are quiet, by groups */
#define NUMBERS 16u
#define SERVING_MIN 4u
#define STEP_ROUNDS 5u /* of settling, at most, after each change */
#define ROUND_S 3u

struct story {
	struct scale s;
	struct scale_pool pool, past[3]; /* the last first */
	uint64_t random;
	uint32_t in_group;
	uint32_t begun;            /* groups */
	uint32_t heard_s[GROUPS];  /* when its flows last spoke */
	bool speaks[GROUPS];       /* while the change is made */
	struct scale_tally during; /* of those */
	uint64_t remembered_max, flows_then;
	uint32_t returns; /* the backend that is dead, 0: none */
	uint32_t died;    /* flows */
};
static struct story story; /* beyond a test that fails, for scale_teardown() */

static uint32_t pick(struct story *t, uint32_t below)
{
	t->random = t->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(t->random >> 33) % below;
}

/* ---- flows ----------------------------------------------------------------------------------- */

static void begin_group(struct story *t)
{
	if (t->begun == GROUPS)
		return;
	scale_assert_kept(&t->s, scale_begin(&t->s, t->begun * t->in_group, t->in_group));
	t->heard_s[t->begun++] = t->s.now_s;
}

static struct scale_tally ask_group(struct story *t, uint32_t group)
{
	t->heard_s[group] = t->s.now_s;
	return scale_ask(&t->s, group * t->in_group, t->in_group);
}

/* Whoever would be quiet for longer than the idle time, and half of the others. */
static void choose_speakers(struct story *t, uint32_t next_s)
{
	for (uint32_t i = 0; i < t->begun; i++)
		t->speaks[i] = t->s.now_s + next_s - t->heard_s[i] > SCALE_IDLE_S || pick(t, 2);
}

static void *speak(void *arg)
{
	struct story *t = arg;

	for (uint32_t i = 0; i < t->begun; i++) {
		struct scale_tally said;

		if (!t->speaks[i])
			continue;
		said = ask_group(t, i);
		t->during.moved += said.moved;
		t->during.lost += said.lost;
		t->during.to_dead += said.to_dead;
	}
	return NULL;
}

/* ---- changes --------------------------------------------------------------------------------- */

enum change { ADD, REMOVE, DRAIN, UNDRAIN, WEIGH, BACK, DIE, RETURN, CHANGES };

static bool serves(const struct story *t, uint32_t backend)
{
	const struct scale_member *m = &t->pool.member[backend];

	return m->present && !m->drained && backend != t->returns;
}

static uint32_t serving(const struct story *t)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i <= NUMBERS; i++)
		count += serves(t, i);
	return count;
}

/* Its flows are excused from now on: nobody asks them again. */
static void die(struct story *t, uint32_t backend)
{
	for (uint32_t i = 0; i < t->s.flows; i++) {
		if (t->s.owners[i] != backend)
			continue;
		t->s.owners[i] = 0;
		t->died++;
	}
	t->returns = backend;
	scale_down(&t->s, backend);
}

/* One change of the pool; false: it makes no sense now. */
static bool change(struct story *t, enum change what, uint32_t backend)
{
	struct scale_member *m = &t->pool.member[backend];
	bool spare = serving(t) > SERVING_MIN;

	if (what == ADD && !m->present)
		*m = (struct scale_member){ .present = true };
	else if (what == REMOVE && m->present && spare && backend != t->returns)
		m->present = false;
	else if (what == DRAIN && serves(t, backend) && spare)
		m->drained = true;
	else if (what == UNDRAIN && m->drained)
		m->drained = false;
	else if (what == WEIGH && m->present)
		m->weight = (uint8_t)(50 + pick(t, 150));
	else if (what == BACK && !t->returns)
		t->pool = t->past[pick(t, 3)];
	else if (what == DIE && !t->returns && serves(t, backend) && spare)
		die(t, backend);
	else
		return false;
	return true;
}

static void change_something(struct story *t)
{
	while (!change(t, pick(t, CHANGES), 1 + pick(t, NUMBERS)))
		;
}

/* The change, with packets of a part of the flows meanwhile; then all of these again. */
static void install(struct story *t, int (*how)(struct story *t))
{
	uint64_t dropped = fixture_dropped(&t->s.x, EK_DROP_NOT_REMEMBERED);
	pthread_t speakers;

	t->during = (struct scale_tally){};
	assert_int_equal(pthread_create(&speakers, NULL, speak, t), 0);
	assert_int_equal(how(t), 0);
	assert_int_equal(pthread_join(speakers, NULL), 0);
	/* A packet may be dropped that meets the controller at the same slot, by that name. */
	assert_int_equal(t->during.lost,
			 fixture_dropped(&t->s.x, EK_DROP_NOT_REMEMBERED) - dropped);
	t->during.lost = 0;
	scale_assert_kept(&t->s, t->during);
	for (uint32_t i = 0; i < t->begun; i++)
		if (t->speaks[i])
			scale_assert_kept(&t->s, ask_group(t, i));
	memmove(&t->past[1], &t->past[0], 2 * sizeof(t->past[0]));
	t->past[0] = t->pool;
}

static int as_the_pool_says(struct story *t)
{
	return scale_install(&t->s, &t->pool);
}

static void note_remembered(struct story *t, uint64_t remembered)
{
	if (remembered < t->remembered_max)
		return;
	t->remembered_max = remembered;
	t->flows_then = (uint64_t)t->begun * t->in_group - t->died;
}

static void step(struct story *t, int (*how)(struct story *t))
{
	uint32_t rounds = 1 + pick(t, STEP_ROUNDS);

	choose_speakers(t, rounds * ROUND_S);
	if (t->returns && !pick(t, 4)) {
		scale_up(&t->s, t->returns);
		t->returns = 0;
	} else if (how == as_the_pool_says) {
		change_something(t);
	}
	install(t, how);
	note_remembered(t, scale_settle(&t->s, rounds, ROUND_S).flows_remembered);
}

/* ---- stories --------------------------------------------------------------------------------- */

static uint64_t seed(void)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static void story_begin(struct story *t, uint32_t flows)
{
	*t = (struct story){ .pool = scale_pool(8), .random = seed() };
	t->in_group = scale_share(flows) / GROUPS;
	for (int i = 0; i < 3; i++)
		t->past[i] = t->pool;
	scale_open(&t->s, &t->pool, t->in_group * GROUPS, EK_FLOW_BUCKETS_DEFAULT);
	for (uint32_t i = 0; i < GROUPS / 2; i++)
		begin_group(t);
	assert_int_equal(fixture_verdicts(&t->s.x).stored, 0);
}

/* All flows end: nothing is remembered, and new ones need no memory. */
static void story_end(struct story *t)
{
	uint32_t asked = 0, first = t->s.flows / 2;
	struct dp_settled settled;
	uint64_t stored;

	for (uint32_t i = 0; i < t->begun; i++)
		scale_assert_kept(&t->s, ask_group(t, i));
	if (t->returns)
		scale_up(&t->s, t->returns);
	assert_int_equal(scale_sample(&t->s, pick(t, 1009), 1009, &asked), 0);
	assert_true(asked > 0);
	stored = fixture_verdicts(&t->s.x).stored;
	print_message(
		"# %u flows, %u of them of backends that died; %llu were ever stored; at most "
		"%llu at once, of %llu flows then; the program itself agrees about %u\n",
		t->begun * t->in_group, t->died, (unsigned long long)stored,
		(unsigned long long)t->remembered_max, (unsigned long long)t->flows_then, asked);
	assert_true(stored > 0);
	settled = scale_settle(&t->s, 12, 10);
	assert_int_equal(settled.flows_remembered, 0);
	assert_int_equal(settled.slots_unsettled, 0);
	scale_assert_kept(&t->s, scale_begin(&t->s, first, t->s.flows - first));
	assert_int_equal(fixture_verdicts(&t->s.x).stored, stored);
}

static void a_million_flows_keep_their_backends_through_random_changes(void **state)
{
	struct story *t = &story;

	(void)state;
	story_begin(t, MILLION);
	for (uint32_t i = 0; i < 32; i++) {
		step(t, as_the_pool_says);
		if (i % 4)
			begin_group(t);
	}
	assert_int_equal(t->begun, GROUPS);
	story_end(t);
}

static void amid(int (*how)(struct story *t))
{
	struct story *t = &story;

	story_begin(t, MILLION / 4);
	for (uint32_t i = 0; i < 12; i++) {
		step(t, i == 4 ? how : as_the_pool_says);
		begin_group(t);
	}
	story_end(t);
}

static int another_key(struct story *t)
{
	return scale_rekey(&t->s, 0x243f6a8885a308d3);
}

static int another_hash(struct story *t)
{
	t->pool.by_source = true;
	/* Whoever goes back goes back no further. */
	for (int i = 0; i < 3; i++)
		t->past[i].by_source = true;
	return scale_install(&t->s, &t->pool);
}

/* So many backends want a table twice as large. */
static int another_size(struct story *t)
{
	struct dp_service_view before, after;
	int err;

	for (uint32_t i = 100; i < 200; i++)
		t->pool.member[i].present = true;
	assert_int_equal(dp_service_view(t->s.x.dp, 0, &before), 0);
	err = scale_install(&t->s, &t->pool);
	assert_int_equal(dp_service_view(t->s.x.dp, 0, &after), 0);
	assert_int_equal(after.slots, 2 * before.slots);
	return err;
}

static void no_flow_moves_when_the_key_changes_amid_other_changes(void **state)
{
	(void)state;
	amid(another_key);
}

static void no_flow_moves_when_the_hash_choice_changes_amid_other_changes(void **state)
{
	(void)state;
	amid(another_hash);
}

static void no_flow_moves_when_the_table_grows_amid_other_changes(void **state)
{
	(void)state;
	amid(another_size);
}

/* Each change of one backend of a hundred, and as many flows begin after it as before. */
static void a_change_stores_new_flows_of_moved_slots_alone(void **state)
{
	struct scale_pool pool = scale_pool(100);
	uint32_t half = scale_share(MILLION) / 2;
	struct dp_service_view view;
	uint64_t stored, share;
	struct scale *s = &story.s;

	(void)state;
	scale_open(s, &pool, 2 * half, EK_FLOW_BUCKETS_DEFAULT);
	scale_assert_kept(s, scale_begin(s, 0, half));
	pool.member[50].present = false;
	assert_int_equal(scale_install(s, &pool), 0);
	assert_int_equal(dp_service_view(s->x.dp, 0, &view), 0);
	scale_assert_kept(s, scale_ask(s, 0, half));
	stored = fixture_verdicts(&s->x).stored; /* UDP: it cannot be told from new ones */
	assert_true(stored < half / 8);
	scale_assert_kept(s, scale_begin(s, half, half));
	stored = fixture_verdicts(&s->x).stored - stored;
	share = (uint64_t)half * view.unsettled / view.slots;
	print_message("# one of 100 backends removed: %u of %u slots moved; of %u new flows %llu "
		      "were stored, of as many old ones %llu\n",
		      view.unsettled, view.slots, half, (unsigned long long)stored,
		      (unsigned long long)(fixture_verdicts(&s->x).stored - stored));
	assert_in_range(stored + share / 4, share, share + share / 2);
	scale_assert_kept(s, scale_ask(s, 0, 2 * half));
}

#define CLAIM(name) cmocka_unit_test_teardown(name, scale_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_million_flows_keep_their_backends_through_random_changes),
		CLAIM(no_flow_moves_when_the_key_changes_amid_other_changes),
		CLAIM(no_flow_moves_when_the_hash_choice_changes_amid_other_changes),
		CLAIM(no_flow_moves_when_the_table_grows_amid_other_changes),
		CLAIM(a_change_stores_new_flows_of_moved_slots_alone),
	};

	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
