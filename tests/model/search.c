// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

struct node {
	struct world w;
	uint32_t parent;
	struct step step;
};

struct states {
	struct node *node;
	uint32_t *table; /* node number + 1, by hash; 0: free */
	size_t count, room, mask;
};

static uint64_t hash_of(const struct world *w)
{
	const unsigned char *bytes = (const unsigned char *)w;
	uint64_t h = 0x9e3779b97f4a7c15ull, word;

	for (size_t i = 0; i + sizeof(word) <= sizeof(*w); i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		h = (h ^ word) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return h;
}
_Static_assert(sizeof(struct world) % 8 == 0, "the hash sees every byte");

static uint32_t *place_of(const struct states *s, const struct world *w)
{
	size_t i = hash_of(w) & s->mask;

	while (s->table[i] && memcmp(&s->node[s->table[i] - 1].w, w, sizeof(*w)))
		i = (i + 1) & s->mask;
	return &s->table[i];
}

static int grow(struct states *s)
{
	size_t room = s->room ? s->room * 2 : 1 << 12;
	struct node *node = realloc(s->node, room * sizeof(*node));
	uint32_t *table;

	if (!node)
		return -ENOMEM;
	s->node = node;
	table = calloc(room * 2, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(s->table);
	s->table = table;
	s->room = room;
	s->mask = room * 2 - 1;
	for (size_t i = 0; i < s->count; i++)
		*place_of(s, &s->node[i].w) = (uint32_t)i + 1;
	return 0;
}

static int visit(struct states *s, const struct world *w, uint32_t parent, const struct step *step)
{
	uint32_t *place;
	int err = s->count == s->room ? grow(s) : 0;

	if (err)
		return err;
	place = place_of(s, w);
	if (*place)
		return 0;
	s->node[s->count] = (struct node){ *w, parent, *step };
	*place = (uint32_t)++s->count;
	return 0;
}

static void trace(const struct states *s, uint32_t node, const struct step *last,
		  struct finding *out)
{
	unsigned int length = last->kind != STEP_NONE;

	for (uint32_t i = node; i; i = s->node[i].parent)
		length++;
	out->length = length;
	if (last->kind != STEP_NONE)
		out->path[--length] = *last;
	for (uint32_t i = node; i; i = s->node[i].parent)
		out->path[--length] = s->node[i].step;
}

/* Takes each step from the state. */
static int expand(const struct scene *c, const struct rules *r, struct states *s, uint32_t from,
		  struct finding *out)
{
	struct world w = s->node[from].w, next;
	struct step steps[STEPS_MAX];
	unsigned int count = steps_of(c, r, &w, steps);
	int err = 0;

	for (unsigned int i = 0; !err && i < count; i++) {
		next = w;
		out->wrong = step_take(r, &next, &steps[i]);
		if (out->wrong) {
			trace(s, from, &steps[i], out);
			return 0;
		}
		err = visit(s, &next, from, &steps[i]);
	}
	return err;
}

int search(const struct scene *c, const struct rules *r, struct finding *out)
{
	static const struct step none = { .kind = STEP_NONE };
	struct states s = {};
	struct world begin;
	size_t level = 0;
	int err;

	*out = (struct finding){ .slots = c->slots, .idle_s = c->idle_s ?: 1 };
	world_begin(&begin, c->slots, c->idle_s ?: 1);
	err = visit(&s, &begin, 0, &none);
	for (unsigned int depth = 0; !err && !out->wrong && depth < c->depth; depth++) {
		size_t end = s.count;

		for (; !err && !out->wrong && level < end; level++) {
			err = expand(c, r, &s, (uint32_t)level, out);
			if (err || out->wrong || !c->idles)
				continue;
			out->wrong = left_alone(r, s.node[level].w);
			if (out->wrong)
				trace(&s, (uint32_t)level, &none, out);
		}
	}
	out->states = s.count;
	free(s.node);
	free(s.table);
	return err;
}
