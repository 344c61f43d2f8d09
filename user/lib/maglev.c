// SPDX-License-Identifier: GPL-2.0
/* Why not Maglev's own turns: there a member claims a slot in each turn, however far it must
 * look for a free one. When a member leaves, everybody's later turns find other slots free, and
 * with 160 slots a member 1.5 % of the table moves for nothing.
 *
 * Here the members race: each walks its permutation at a speed in proportion to its weight, and
 * a slot belongs to who reaches it first. When a member leaves the others walk as before, so
 * only its slots change hands. (This is weighted rendezvous hashing, Thaler and Ravishankar
 * 1998, without a hash for each pair of member and slot.) Only the quotas disturb that: who has
 * its quota stops, and the slots it would have reached next go to those who follow. What
 * moves for their sake is in proportion to 1 / sqrt(slots).
 *
 * Speed in proportion to the weight means that the n-th slot is reached at the time
 * -log(1 - n / slots) / weight: of such exponential times each member has the least one in its
 * exact share of the slots. (At constant speed 1:10 would come out as 1:19 before the quotas
 * mend it.) In integers, so that every machine builds the same table: in a step a member is paid
 * weight * (slots not yet visited), and a visit costs a toll. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "evenkeel/hash.h"
#include "lib/cleanup.h"
#include "lib/maglev.h"

/* So few slots are left to those who need them by computing each meeting: finding them by
 * walking on would cost as much as all that was before. */
#define LAST_SLOTS 64u

/* A member that still may claim slots. */
struct racer {
	uint64_t weight, credit;
	uint32_t at;       /* where in the unscrambled permutation it stands */
	uint32_t skip;     /* odd */
	uint32_t scramble; /* odd */
	uint32_t visited;  /* slots seen so far */
	uint32_t quota;    /* slots it may still claim */
	uint32_t index;
};

struct race {
	uint32_t *table;
	uint64_t *taken; /* a bit a slot: 8 KiB at most, stays in the L1 cache */
	uint32_t slots, free;
	uint32_t half_bits; /* half of a slot number's bits, rounded up */
	uint32_t pace;      /* log2 of the time that a step takes */
	uint64_t time;
	uint64_t toll; /* what a visit costs */
	struct racer *racers;
	size_t count;
};

uint32_t maglev_size(size_t members)
{
	uint32_t slots = EK_TABLE_SLOTS_MIN;

	while (slots < EK_TABLE_SLOTS_MAX && slots / EK_TABLE_SLOTS_PER_BACKEND < members)
		slots *= 2;
	return slots;
}

/* ---- quotas ------------------------------------------------------------------------------- */

struct claim {
	const struct maglev_member *member;
	uint32_t quota;
	uint64_t remainder;
	bool fixed; /* has the one slot that everybody gets, and no more */
};

static int by_address(const struct maglev_member *a, const struct maglev_member *b)
{
	int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));

	if (order)
		return order;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int claim_by_address(const void *a, const void *b)
{
	return by_address(((const struct claim *)a)->member, ((const struct claim *)b)->member);
}

static int claim_by_remainder(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->remainder != y->remainder)
		return x->remainder > y->remainder ? -1 : 1;
	return by_address(x->member, y->member);
}

static uint64_t weight_sum(const struct claim *claims, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += claims[i].fixed ? 0 : claims[i].member->weight;
	return sum;
}

/* Gives one slot to each whose share is less than one. That lowers the others' shares, possibly
 * below one: again until nothing changes. Returns the slots left for the rest. */
static uint32_t claims_fix_small(struct claim *claims, size_t count, uint32_t slots)
{
	uint64_t sum;
	bool changed;

	do {
		uint32_t left = slots;

		changed = false;
		sum = weight_sum(claims, count);
		for (size_t i = 0; i < count; i++) {
			if (claims[i].fixed || (uint64_t)left * claims[i].member->weight >= sum)
				continue;
			claims[i].fixed = changed = true;
			claims[i].quota = 1;
			slots--;
		}
	} while (changed);
	return slots;
}

static void claims_divide(struct claim *claims, size_t count, uint32_t slots)
{
	uint64_t sum = weight_sum(claims, count);
	uint32_t left = slots;

	for (size_t i = 0; i < count && sum; i++) {
		uint64_t share = (uint64_t)slots * claims[i].member->weight;

		if (claims[i].fixed)
			continue;
		claims[i].quota = share / sum;
		claims[i].remainder = share % sum;
		left -= claims[i].quota;
	}
	qsort(claims, count, sizeof(*claims), claim_by_remainder);
	for (size_t i = 0; i < count && left && sum; i++) {
		if (claims[i].fixed)
			continue;
		claims[i].quota++;
		left--;
	}
}

/* The members with a positive weight and what each may claim, sorted by address. */
static int claims_make(struct claim **out, size_t *out_count, const struct maglev_member *members,
		       size_t count, uint32_t slots)
{
	_cleanup_(free_ptr) struct claim *claims = calloc(count + 1, sizeof(*claims));
	size_t positive = 0;
	uint32_t left = slots;

	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (members[i].weight)
			claims[positive++].member = &members[i];
	if (positive <= slots)
		left = claims_fix_small(claims, positive, slots);
	claims_divide(claims, positive, left);
	qsort(claims, positive, sizeof(*claims), claim_by_address);
	*out = take_ptr(claims);
	*out_count = positive;
	return 0;
}

int maglev_quotas(uint32_t *quota, const struct maglev_member *members, size_t count,
		  uint32_t slots)
{
	_cleanup_(free_ptr) struct claim *claims = NULL;
	size_t positive;
	int err = claims_make(&claims, &positive, members, count, slots);

	if (err)
		return err;
	memset(quota, 0, count * sizeof(*quota));
	for (size_t i = 0; i < positive; i++)
		quota[claims[i].member - members] = claims[i].quota;
	return 0;
}

/* ---- permutations --------------------------------------------------------------------------
 * Position n of a racer is scramble(at + n * skip). Without the scrambling, two racers whose
 * skips are related by a small factor run after each other through a small table: when one
 * of them leaves, its slots would all go to the other. Each step is a bijection. */

static inline uint32_t scramble(uint32_t x, uint32_t odd, uint32_t half_bits, uint32_t mask)
{
	x ^= x >> half_bits;
	x = x * odd & mask;
	return x ^ x >> half_bits;
}

/* The inverse of an odd number modulo 2^32 (Newton; each round doubles the bits that are right,
 * an odd number is its own inverse in 3 bits). */
static uint32_t inverse(uint32_t odd)
{
	uint32_t x = odd;

	for (int bits = 3; bits < 32; bits *= 2)
		x *= 2 - odd * x;
	return x;
}

/* How many visits from now the racer would reach this slot: 0 is the next. */
static uint32_t distance(const struct race *race, const struct racer *r, uint32_t slot)
{
	uint32_t mask = race->slots - 1;
	uint32_t x = scramble(slot, inverse(r->scramble), race->half_bits, mask);

	return (x - r->at) * inverse(r->skip) & mask;
}

static void racer_start(struct racer *r, const struct claim *claim, struct ek_key key,
			uint64_t toll)
{
	const struct maglev_member *m = claim->member;
	uint64_t h = ek_mix(key.words[0] ^ m->addr.words[0], key.words[1]);
	uint64_t h2;

	h = ek_mix(h ^ m->addr.words[1], key.words[1]);
	h2 = ek_mix(h, key.words[0]);
	*r = (struct racer){
		.weight = m->weight,
		/* or equal weights would always meet in step */
		.credit = (uint64_t)((unsigned __int128)(h2 >> 32) * toll >> 32),
		.at = h,
		.skip = h >> 32 | 1,
		.scramble = h2 | 1,
		.quota = claim->quota,
		.index = m->index,
	};
}

/* ---- the race -------------------------------------------------------------------------------- */

static void claim_slot(struct race *race, struct racer *r, uint32_t slot)
{
	race->taken[slot / 64] |= 1ull << slot % 64;
	race->table[slot] = r->index;
	race->free--;
	r->quota--;
}

static inline void visit(struct race *race, struct racer *r)
{
	uint32_t mask = race->slots - 1;
	uint32_t slot = scramble(r->at & mask, r->scramble, race->half_bits, mask);

	r->at += r->skip;
	r->visited++;
	if (!(race->taken[slot / 64] >> slot % 64 & 1))
		claim_slot(race, r, slot);
}

/* Those who have their quota leave; the order of the others stays. */
static void racers_compact(struct race *race)
{
	size_t kept = 0;

	for (size_t i = 0; i < race->count; i++)
		if (race->racers[i].quota)
			race->racers[kept++] = race->racers[i];
	race->count = kept;
}

/* One step of all racers; returns what they paid into their credits. */
static uint64_t race_step(struct race *race)
{
	uint64_t paid = 0;
	bool finished = false;

	for (size_t i = 0; i < race->count; i++) {
		struct racer *r = &race->racers[i];
		uint64_t pay = r->weight * (race->slots - r->visited) << race->pace;

		paid += pay;
		r->credit += pay;
		while (r->credit >= race->toll && r->quota && r->visited < race->slots) {
			r->credit -= race->toll;
			visit(race, r);
		}
		finished |= !r->quota;
	}
	if (finished)
		racers_compact(race);
	return paid;
}

/* A racer and a free slot, and when they would meet. */
struct meeting {
	uint64_t time;
	uint32_t racer, slot;
};

static int meeting_by_time(const void *a, const void *b)
{
	const struct meeting *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->racer != y->racer)
		return x->racer < y->racer ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* At most LAST_SLOTS racers are left here, as each has a quota to fill. */
static int race_finish(struct race *race)
{
	_cleanup_(free_ptr) struct meeting *meetings =
		calloc(race->free * race->count + 1, sizeof(*meetings));
	size_t count = 0;

	if (!meetings)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < race->slots; slot++) {
		if (race->taken[slot / 64] >> slot % 64 & 1)
			continue;
		for (size_t i = 0; i < race->count; i++) {
			const struct racer *r = &race->racers[i];
			uint64_t speed = r->weight * (race->slots - r->visited);

			/* a distance has 16 bits, a speed 32 */
			meetings[count++] =
				(struct meeting){ ((uint64_t)distance(race, r, slot) << 46) / speed,
						  i, slot };
		}
	}
	qsort(meetings, count, sizeof(*meetings), meeting_by_time);
	for (size_t i = 0; i < count; i++) {
		uint32_t slot = meetings[i].slot;
		struct racer *r = &race->racers[meetings[i].racer];

		if (r->quota && !(race->taken[slot / 64] >> slot % 64 & 1))
			claim_slot(race, r, slot);
	}
	return 0;
}

/* At first a racer of average weight makes one to two visits in a step; the heaviest makes a
 * power of two of them, so that the toll depends on its weight alone as long as it is there. */
static uint64_t visit_toll(const struct claim *claims, size_t count, uint32_t slots)
{
	uint64_t sum = 0, heaviest = 0;
	uint64_t toll;

	for (size_t i = 0; i < count; i++) {
		sum += claims[i].member->weight;
		if (claims[i].member->weight > heaviest)
			heaviest = claims[i].member->weight;
	}
	toll = heaviest * slots;
	while (count && toll > sum * slots / count)
		toll /= 2;
	return toll;
}

static int race_run(struct race *race, const struct claim *claims, size_t count, struct ek_key key)
{
	race->toll = visit_toll(claims, count, race->slots);
	for (size_t i = 0; i < count; i++)
		if (claims[i].quota)
			racer_start(&race->racers[race->count++], &claims[i], key, race->toll);
	while (race->free > LAST_SLOTS) {
		bool slow = race_step(race) < race->toll * race->count;

		/* When the heavy have their quotas the rest would crawl: longer steps keep the
		 * number of steps in proportion to the visits. They begin at whole multiples of
		 * their length, so that races of similar pools stay in step. */
		race->time += 1ull << race->pace;
		if (slow && race->time % (2ull << race->pace) == 0)
			race->pace++;
	}
	return race_finish(race);
}

int maglev_fill(uint32_t *table, uint32_t slots, const struct maglev_member *members, size_t count,
		struct ek_key key)
{
	_cleanup_(free_ptr) struct claim *claims = NULL;
	_cleanup_(free_ptr) uint64_t *taken = NULL;
	_cleanup_(free_ptr) struct racer *racers = NULL;
	struct race race = { .table = table, .slots = slots, .free = slots };
	size_t positive;
	int err;

	if (!slots || slots & (slots - 1) || slots > EK_TABLE_SLOTS_MAX)
		return -EINVAL;
	err = claims_make(&claims, &positive, members, count, slots);
	if (err)
		return err;
	race.taken = taken = calloc(slots / 64 + 1, sizeof(*taken));
	race.racers = racers = calloc(positive + 1, sizeof(*racers));
	if (!taken || !racers)
		return -ENOMEM;
	race.half_bits = (__builtin_ctz(slots) + 1) / 2;
	_Static_assert(EK_NO_BACKEND == 0, "an empty pool's table is all zero");
	memset(table, 0, slots * sizeof(*table));
	return positive ? race_run(&race, claims, positive, key) : 0;
}
