// SPDX-License-Identifier: GPL-2.0
/* How long a table takes to build, and what a removal moves beyond the removed backend's slots:
 * 65536 slots, 10, 100 and 1000 backends, equal and mixed weights; medians. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evenkeel/hash.h"
#include "lib/maglev.h"

#define SLOTS 65536u
#define ROUNDS 31
#define MEMBERS_MAX 1000

static struct maglev_member pool[MEMBERS_MAX], rest[MEMBERS_MAX];
static uint32_t table[SLOTS], other[SLOTS];

static void pool_make(size_t count, uint32_t weight_max)
{
	for (size_t i = 0; i < count; i++) {
		pool[i] = (struct maglev_member){ .weight = 1 + ek_mix(i, 1) % weight_max,
						  .index = i + 1 };
		pool[i].addr.be16[5] = 0xffff;
		pool[i].addr.be32[3] = htonl(0x0a000000 + i);
	}
}

static struct ek_key key_of(uint64_t round)
{
	return (struct ek_key){ { ek_mix(round, 1), ek_mix(round, 2) } };
}

static void fill(uint32_t *out, const struct maglev_member *members, size_t count, uint64_t round)
{
	if (maglev_fill(out, SLOTS, members, count, key_of(round))) {
		fprintf(stderr, "bench_maglev: no memory for a table of %zu backends\n", count);
		exit(1);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double build_ms(size_t count, uint64_t round)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	fill(table, pool, count, round);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) * 1e3 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
}

/* In percent of all slots; `table` is the full pool's. */
static double moved_beyond(size_t count, size_t gone, uint64_t round)
{
	uint32_t moved = 0;

	memcpy(rest, pool, gone * sizeof(pool[0]));
	memcpy(rest + gone, pool + gone + 1, (count - gone - 1) * sizeof(pool[0]));
	fill(other, rest, count - 1, round);
	for (uint32_t s = 0; s < SLOTS; s++)
		moved += table[s] != pool[gone].index && table[s] != other[s];
	return 100.0 * moved / SLOTS;
}

static void measure(size_t count, uint32_t weight_max)
{
	double ms[ROUNDS], moved[ROUNDS];

	pool_make(count, weight_max);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		ms[round] = build_ms(count, round);
		moved[round] = moved_beyond(count, ek_mix(round, 3) % count, round);
	}
	qsort(ms, ROUNDS, sizeof(ms[0]), by_value);
	qsort(moved, ROUNDS, sizeof(moved[0]), by_value);
	printf("table of %u slots, %4zu backends, weights 1..%-3u  build %5.2f ms (best %.2f, worst "
	       "%.2f)  a removal moves %.3f %% beyond its own (worst %.3f %%)\n",
	       SLOTS, count, weight_max, ms[ROUNDS / 2], ms[0], ms[ROUNDS - 1], moved[ROUNDS / 2],
	       moved[ROUNDS - 1]);
}

int main(void)
{
	static const size_t counts[] = { 10, 100, 1000 };

	for (uint32_t weight_max = 1; weight_max <= 100; weight_max += 99)
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			measure(counts[i], weight_max);
	return 0;
}
