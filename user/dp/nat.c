// SPDX-License-Identifier: GPL-2.0
/* The way back of nat. The map is the record: what a controller finds there after a restart is
 * what is in force or leaving, with its time. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/nat.h"
#include "dp/memory.h"
#include "dp/object.h"
#include "lib/cleanup.h"

/* No time that is due: nothing is leaving. */
#define NEVER_S UINT32_MAX

struct way {
	struct ek_end backend;
	struct ek_return back;
	bool added; /* by this change: nobody had it before */
};

struct ways {
	struct way *way; /* by backend end, see by_backend() */
	size_t count;
};

static void ways_release(struct ways *w)
{
	free(w->way);
}

static int returns_fd(const struct dp *dp)
{
	struct bpf_map *map = bpf_object__find_map_by_name(dp->priv->object, EK_MAP_RETURNS);

	return map ? bpf_map__fd(map) : -1;
}

static struct way way_of(const struct config_service *s, const struct endpoint *listener,
			 const struct config_backend *b)
{
	struct ek_end end = {
		.addr = listener->addr,
		.port = htons(listener->port),
		.proto = listener->proto,
		.ipv6 = !addr_is_ipv4(&listener->addr),
	};
	struct way way = { .backend = end, .back = { .listener = end, .drain_s = s->drain_s } };

	way.backend.addr = b->addr;
	if (b->port)
		way.backend.port = htons((uint16_t)b->port);
	return way;
}

static int by_backend(const void *a, const void *b)
{
	const struct way *l = a, *r = b;

	return memcmp(&l->backend, &r->backend, sizeof(l->backend));
}

static bool is_nat(const struct config_service *s)
{
	return s->forward == EK_FORWARD_NAT;
}

/* All that `c` asks for. */
static int ways_make(struct ways *w, const struct config *c)
{
	size_t most = 0;

	for (size_t i = 0; i < c->service_count; i++)
		if (is_nat(&c->services[i]))
			most += c->services[i].listener_count * c->services[i].backend_count;
	w->way = calloc(most + 1, sizeof(*w->way));
	if (!w->way)
		return -ENOMEM;
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

		for (size_t j = 0; is_nat(s) && j < s->listener_count * s->backend_count; j++)
			w->way[w->count++] = way_of(s, &s->listeners[j / s->backend_count].endpoint,
						    &s->backends[j % s->backend_count]);
	}
	qsort(w->way, w->count, sizeof(*w->way), by_backend);
	return 0;
}

static bool ways_have(const struct ways *w, const struct ek_end *backend)
{
	struct way key = { .backend = *backend };

	return w->count && bsearch(&key, w->way, w->count, sizeof(*w->way), by_backend);
}

static void set_flag(struct dp *dp, bool nat)
{
	uint32_t flags = dp->global->flags & ~EK_GLOBAL_NAT;

	__atomic_store_n(&dp->global->flags, flags | (nat ? EK_GLOBAL_NAT : 0), __ATOMIC_RELEASE);
	dp->priv->memory->global.flags = dp->global->flags;
}

/* A way back is replaced as a whole: the data path sees the old one or the new one. */
static int way_replace(int fd, const struct way *way)
{
	struct ek_return now;

	if (!bpf_map_lookup_elem(fd, &way->backend, &now) && !memcmp(&now, &way->back, sizeof(now)))
		return 0;
	return bpf_map_update_elem(fd, &way->backend, &way->back, BPF_ANY) ? -errno : 0;
}

/* First what is new, for which there may be no room: what is not put into force must not be
 * there, or what a server answers by itself would be taken for the service's. */
static int ways_put(int fd, struct ways *w)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->count; i++) {
		struct way *way = &w->way[i];

		err = bpf_map_update_elem(fd, &way->backend, &way->back, BPF_NOEXIST) ? -errno : 0;
		way->added = !err;
		if (err == -EEXIST)
			err = 0;
	}
	for (size_t i = 0; !err && i < w->count; i++)
		if (!w->way[i].added)
			err = way_replace(fd, &w->way[i]);
	for (size_t i = 0; err && i < w->count; i++)
		if (w->way[i].added)
			bpf_map_delete_elem(fd, &w->way[i].backend);
	return err;
}

int nat_prepare(struct dp *dp, const struct config *c, char error[static DP_ERROR_MAX])
{
	_cleanup_(ways_release) struct ways w = {};
	int err = ways_make(&w, c);

	err = err ?: ways_put(returns_fd(dp), &w);
	if (err == -E2BIG)
		return dp_fail(error, -ENOSPC,
			       "nat: %zu listeners' backends, and those still leaving, are more "
			       "than the %u there is room for: change fewer at once, or again when "
			       "the drain time of the others is over",
			       w.count, EK_RETURNS_MAX);
	if (err)
		return dp_fail(error, err, "nat: the backends' way back cannot be set: %s",
			       strerror(-err));
	if (w.count)
		set_flag(dp, true);
	return 0;
}

/* ---- leaving --------------------------------------------------------------------------------- */

struct walk {
	int fd;
	const struct ways *ways; /* what stays */
	uint32_t now_s;
	uint32_t due_s; /* when the next one goes */
	uint32_t left;  /* in the map */
};

/* Visits all that is in the map; the visitor may change or delete what it is shown. */
static int walk_ways(struct walk *w, int (*visit)(struct walk *w, struct way *way))
{
	struct ek_end next;
	int err = bpf_map_get_next_key(w->fd, NULL, &next);

	while (!err) {
		struct way way = { .backend = next };

		err = bpf_map_get_next_key(w->fd, &way.backend, &next);
		if (!bpf_map_lookup_elem(w->fd, &way.backend, &way.back) && visit(w, &way))
			return -errno;
	}
	return err == -ENOENT ? 0 : err;
}

static void note_due(struct walk *w, const struct way *way)
{
	w->left++;
	if (way->back.until_s && way->back.until_s < w->due_s)
		w->due_s = way->back.until_s;
}

static int retire(struct walk *w, struct way *way)
{
	int err = 0;

	if (!way->back.until_s && !ways_have(w->ways, &way->backend)) {
		way->back.until_s = w->now_s + way->back.drain_s;
		err = bpf_map_update_elem(w->fd, &way->backend, &way->back, BPF_EXIST);
	}
	note_due(w, way);
	return err;
}

static int sweep(struct walk *w, struct way *way)
{
	if (way->back.until_s && way->back.until_s <= w->now_s)
		return bpf_map_delete_elem(w->fd, &way->backend);
	note_due(w, way);
	return 0;
}

int nat_retire(struct dp *dp, const struct config *c, uint32_t now_s)
{
	_cleanup_(ways_release) struct ways ways = {};
	struct walk w = { returns_fd(dp), &ways, now_s, NEVER_S, 0 };
	int err;

	if (!(dp->global->flags & EK_GLOBAL_NAT))
		return 0;
	err = ways_make(&ways, c);
	err = err ?: walk_ways(&w, retire);
	dp->priv->returns_due_s = err ? now_s : w.due_s;
	return err;
}

int nat_sweep(struct dp *dp, uint32_t now_s, bool *left)
{
	struct walk w = { returns_fd(dp), NULL, now_s, NEVER_S, 0 };
	int err = 0;

	if (dp->global->flags & EK_GLOBAL_NAT && now_s >= dp->priv->returns_due_s) {
		err = walk_ways(&w, sweep);
		dp->priv->returns_due_s = err ? now_s : w.due_s;
		if (!err && !w.left)
			set_flag(dp, false);
	}
	*left = dp->global->flags & EK_GLOBAL_NAT && dp->priv->returns_due_s != NEVER_S;
	return err;
}
