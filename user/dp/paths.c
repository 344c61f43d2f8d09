// SPDX-License-Identifier: GPL-2.0
/* Publishing the way to a backend. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "dp/install.h"
#include "dp/object.h"

static bool same_path(const struct ek_path *a, const struct ek_path *b)
{
	return !memcmp(a->header, b->header, sizeof(a->header)) && a->mtu == b->mtu &&
	       a->egress == b->egress && a->encap == b->encap && a->csum == b->csum;
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

/* Writes the path while nobody reads it, by way of the second. */
static int replace_path(struct ek_backend *b, const struct ek_path *path, uint8_t kept)
{
	struct ek_path *first = &b->path[0];
	uint8_t flags = kept | EK_PATH_NEXT_HOP;
	int err;

	/* A second path in use here was left by a controller that died half way: go on from it. */
	if (!(first->flags & EK_PATH_SECOND)) {
		write_path(&b->path[1], path, EK_PATH_NEXT_HOP);
		__atomic_store_n(&first->flags, first->flags | EK_PATH_SECOND, __ATOMIC_RELEASE);
	}
	err = dp_grace_period();
	if (err)
		return err;
	write_path(first, path, flags | EK_PATH_SECOND);
	__atomic_store_n(&first->flags, flags, __ATOMIC_RELEASE);
	return dp_grace_period();
}

int dp_path_set(struct dp *dp, uint32_t backend, const struct ek_path *path)
{
	struct ek_backend *b = &dp->backends[backend];
	struct ek_path *first = &b->path[0];
	uint8_t kept = first->flags & EK_PATH_DEAD; /* the backend's state, not its path's */
	bool has_path = dp_path(dp, backend)->flags & EK_PATH_NEXT_HOP;

	if (!path && !has_path)
		return 0;
	if (!path) {
		__atomic_store_n(&first->flags, kept, __ATOMIC_RELEASE);
		return dp_grace_period();
	}
	if (first->flags & EK_PATH_SECOND)
		return replace_path(b, path, kept);
	if (!has_path) {
		/* Nobody reads beyond the flags. */
		write_path(first, path, kept | EK_PATH_NEXT_HOP);
		return 0;
	}
	if (same_path(first, path))
		return 0;
	if (!same_but_neighbour(first, path))
		return replace_path(b, path, kept);
	store_neighbour(first, path);
	return 0;
}
