// SPDX-License-Identifier: GPL-2.0
/* Publishing the way to a backend. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dp/install.h"
#include "dp/memory.h"
#include "dp/object.h"
#include "lib/cleanup.h"

/* In the first path's flags, but the backend's own: another path leaves them alone. */
#define OF_BACKEND (EK_PATH_DEAD | EK_PATH_CAPACITY)

static bool same_path(const struct ek_path *a, const struct ek_path *b)
{
	return !memcmp(a->header, b->header, sizeof(a->header)) && a->mtu == b->mtu &&
	       a->egress == b->egress && a->encap == b->encap && a->csum == b->csum &&
	       !((a->flags ^ b->flags) & EK_PATH_TAGS);
}

/* Do they differ in nothing but the destination MAC address, the first six bytes? */
static bool same_but_neighbour(const struct ek_path *a, const struct ek_path *b)
{
	struct ek_path x = *a;

	memcpy(x.header, b->header, 6);
	return same_path(&x, b);
}

/* The destination MAC address and the two bytes behind it, in one store. */
static void store_neighbour(struct ek_path *path, const struct ek_path *from)
{
	uint64_t word;

	memcpy(&word, from->header, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)path, word, __ATOMIC_RELEASE);
}

static void write_path(struct ek_path *to, const struct ek_path *from, uint8_t flags)
{
	memcpy(to->header, from->header, sizeof(to->header));
	to->mtu = from->mtu;
	to->egress = from->egress;
	to->encap = from->encap;
	to->csum = from->csum;
	__atomic_store_n(&to->flags, flags, __ATOMIC_RELEASE);
}

const struct ek_path *dp_path(const struct dp *dp, uint32_t backend)
{
	const struct ek_backend *b = &dp->backends[backend];

	return &b->path[!!(b->path[0].flags & EK_PATH_SECOND)];
}

bool path_in_force(const struct dp *dp, uint32_t backend, const struct ek_path *path)
{
	const struct ek_path *now = dp_path(dp, backend);
	bool has = now->flags & EK_PATH_NEXT_HOP;

	/* One left by a controller that died half way is there until it is set again. */
	if (has != !!(path->flags & EK_PATH_NEXT_HOP))
		return false;
	return !has || (same_path(now, path) && now == &dp->backends[backend].path[0]);
}

/* What a change still needs before it is whole in the first path. */
enum step {
	STEP_DONE,
	STEP_FIRST, /* the second path is in use: the first is to be written, then used */
	STEP_WAIT,  /* nothing more to write, but the path must not be written again too soon */
};

static uint8_t flags_of(const struct dp_path_change *c)
{
	return EK_PATH_NEXT_HOP | (c->path.flags & EK_PATH_TAGS);
}

static void note(struct dp *dp, const struct dp_path_change *c)
{
	struct ek_path path = c->path;

	path.flags = flags_of(c);
	memory_note_path(dp, c->backend, c->present ? &path : NULL);
}

/* Begins a change; what can be done in one store is done at once. */
static enum step begin(struct dp *dp, const struct dp_path_change *c)
{
	struct ek_backend *b = &dp->backends[c->backend];
	struct ek_path *first = &b->path[0];
	uint8_t kept = first->flags & OF_BACKEND;
	bool has_path = dp_path(dp, c->backend)->flags & EK_PATH_NEXT_HOP;

	if (!c->present) {
		if (has_path)
			__atomic_store_n(&first->flags, kept, __ATOMIC_RELEASE);
		return has_path ? STEP_WAIT : STEP_DONE;
	}
	/* A second path in use here was left by a controller that died half way: go on from it. */
	if (first->flags & EK_PATH_SECOND)
		return STEP_FIRST;
	if (!has_path) {
		/* Nobody reads beyond the flags. */
		write_path(first, &c->path, kept | flags_of(c));
		return STEP_DONE;
	}
	if (same_path(first, &c->path))
		return STEP_DONE;
	if (same_but_neighbour(first, &c->path)) {
		store_neighbour(first, &c->path);
		return STEP_DONE;
	}
	write_path(&b->path[1], &c->path, flags_of(c));
	__atomic_store_n(&first->flags, first->flags | EK_PATH_SECOND, __ATOMIC_RELEASE);
	return STEP_FIRST;
}

/* After a grace period nobody reads the first path: it is written, and used again. */
static void finish(struct dp *dp, const struct dp_path_change *c)
{
	struct ek_path *first = &dp->backends[c->backend].path[0];
	uint8_t flags = (first->flags & OF_BACKEND) | flags_of(c);

	write_path(first, &c->path, flags | EK_PATH_SECOND);
	__atomic_store_n(&first->flags, flags, __ATOMIC_RELEASE);
}

int dp_paths_set(struct dp *dp, const struct dp_path_change *changes, size_t count)
{
	_cleanup_(free_ptr) enum step *steps = calloc(count + 1, sizeof(*steps));
	size_t first = 0, wait = 0;
	int err;

	if (!steps)
		return -ENOMEM;
	err = grace_wait_owed(dp);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		note(dp, &changes[i]);
		steps[i] = begin(dp, &changes[i]);
		first += steps[i] == STEP_FIRST;
		wait += steps[i] == STEP_WAIT;
	}
	err = first || wait ? grace_wait(dp) : 0;
	if (err || !first)
		return err;
	for (size_t i = 0; i < count; i++)
		if (steps[i] == STEP_FIRST)
			finish(dp, &changes[i]);
	return grace_wait(dp);
}
