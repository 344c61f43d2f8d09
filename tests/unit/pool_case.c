// SPDX-License-Identifier: GPL-2.0
#include "pool_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "balance_case.h"
#include "lib/maglev.h"

static const struct ek_key key = { { 0x1234567, 0x89abcdef } };

struct effective_member pool_up(uint32_t weight)
{
	return (struct effective_member){
		.eligible = { .weight = weight, .state = HEALTH_UP, .ever_up = true, .had = true },
		.factor = 1,
	};
}

struct pool *pool_make(size_t count)
{
	struct pool *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->count = count;
	for (size_t i = 0; i < count; i++)
		p->m[i] = pool_up(100);
	return p;
}

struct effective_member pool_random_member(uint64_t *seed, bool equal)
{
	struct effective_member m = pool_up(equal ? 100 : (uint32_t)(case_word(seed) % 1000));
	uint64_t kind = case_word(seed);

	m.eligible.state = kind % 3 ? HEALTH_UP : HEALTH_DOWN;
	m.eligible.ever_up = kind >> 8 & 7;
	m.eligible.had = kind >> 16 & 3;
	m.eligible.backup = !(kind >> 24 & 7);
	m.eligible.start = kind >> 32 & 3 ? 0 : 0.1 + 0.9 * case_random(seed);
	m.factor = kind >> 40 & 1 ? 1 : 0.5 + case_random(seed);
	return m;
}

void pool_build(struct pool *p, const struct eligible_policy *by)
{
	struct maglev_member members[POOL_MAX];

	assert_int_equal(effective_weights(p->w, &p->mode, p->m, p->count, by), 0);
	memset(p->owned, 0, sizeof(p->owned));
	for (size_t i = 0; i < p->count; i++)
		members[i] = (struct maglev_member){ .addr = case_addr((uint32_t)i + 1),
						     .weight = p->w[i].table,
						     .index = (uint32_t)i + 1 };
	assert_int_equal(maglev_fill(p->owners, POOL_SLOTS, members, p->count, key), 0);
	for (size_t i = 0; i < POOL_SLOTS; i++)
		p->owned[p->owners[i]]++;
}

bool pool_is_up(const struct effective_member *m)
{
	return m->eligible.weight && m->eligible.ever_up && m->eligible.state == HEALTH_UP;
}

void pool_check_owners(const struct pool *p)
{
	bool any = false;

	for (size_t i = 0; i < p->count; i++)
		any |= pool_is_up(&p->m[i]);
	for (size_t i = 0; i < p->count; i++) {
		const struct eligible_member *m = &p->m[i].eligible;

		if (!m->weight || !m->ever_up)
			assert_int_equal(p->owned[i + 1], 0);
		if (any && p->mode != ELIGIBLE_PANIC && m->state == HEALTH_DOWN)
			assert_int_equal(p->owned[i + 1], 0);
		if (p->mode == ELIGIBLE_HEALTHY && pool_is_up(&p->m[i]) && !m->backup)
			assert_true(p->owned[i + 1] > 0);
	}
	assert_true(!any || !p->owned[EK_NO_BACKEND]);
}
