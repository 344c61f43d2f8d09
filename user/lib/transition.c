// SPDX-License-Identifier: GPL-2.0
#include "lib/transition.h"

#include "lib/cleanup.h"
#include "lib/stage.h"

static bool is_same(const struct config_backend *a, const struct config_backend *b)
{
	return addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

static struct config_backend *find(const struct config_service *s, const struct config_backend *b)
{
	for (size_t i = 0; i < s->backend_count; i++)
		if (is_same(&s->backends[i], b))
			return &s->backends[i];
	return NULL;
}

/* With nat a backend's answers belong to one service; with quic a number to one backend. */
static bool may_stay(const struct config *after, const struct config_service *s,
		     const struct config_backend *b)
{
	for (size_t i = 0; i < after->service_count; i++) {
		const struct config_service *other = &after->services[i];

		if ((s->forward == EK_FORWARD_NAT || other->forward == EK_FORWARD_NAT) &&
		    find(other, b))
			return false;
	}
	for (size_t i = 0; b->has_quic_id && i < s->backend_count; i++)
		if (s->backends[i].has_quic_id && s->backends[i].quic_id == b->quic_id)
			return false;
	return true;
}

/* Drained: it keeps what it has, and the new weights give it nothing. */
static int retain(struct config_service *s, const struct config_backend *b)
{
	struct config_backend kept = *b;

	kept.retained = kept.drain = true;
	kept.weight_before = config_backend_weight(b);
	kept.place = kept.addr_place = kept.weight_place = (struct place){};
	return config_backend_add(s, &kept);
}

static int merge(struct config_service *s, const struct config_service *before,
		 const struct config *after)
{
	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *was = find(before, &s->backends[i]);

		s->backends[i].weight_before = was ? config_backend_weight(was) : 0;
	}
	for (size_t i = 0; i < before->backend_count; i++) {
		const struct config_backend *b = &before->backends[i];

		/* One that an earlier change retains is gone by now. */
		if (b->retained || find(s, b) || !may_stay(after, s, b))
			continue;
		if (retain(s, b))
			return -1;
	}
	return 0;
}

struct config *transition_make(const struct config *before, const struct config *after)
{
	_cleanup_(config_release) struct config *c = config_copy(after);

	for (size_t i = 0; c && i < c->service_count; i++) {
		const struct config_service *was = config_service(before, c->services[i].name);

		if (was && merge(&c->services[i], was, after))
			return NULL;
	}
	return take_ptr(c);
}

bool transition_moves(const struct config_service *s)
{
	uint64_t before = 0, after = 0;

	for (size_t i = 0; i < s->backend_count; i++) {
		before += s->backends[i].weight_before;
		after += config_backend_weight(&s->backends[i]);
	}
	for (size_t i = 0; before && i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];

		if (b->weight_before * after != config_backend_weight(b) * before)
			return true;
	}
	return false;
}

void transition_step(struct config *c, uint32_t permille)
{
	for (size_t i = 0; i < c->service_count; i++) {
		struct config_service *s = &c->services[i];

		s->staged = permille < STAGE_WHOLE && transition_moves(s) ? permille : 0;
	}
}

void transition_at_once(struct config_service *s)
{
	for (size_t i = 0; i < s->backend_count; i++)
		s->backends[i].weight_before = config_backend_weight(&s->backends[i]);
}
