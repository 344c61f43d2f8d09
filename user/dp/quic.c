// SPDX-License-Identifier: GPL-2.0
/* The servers that connection IDs name. The map is the record: what a controller finds there after
 * a restart is what is in force or leaving, with its time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/index.h"
#include "dp/install.h"
#include "dp/object.h"
#include "dp/quic.h"
#include "evenkeel/affinity.h"
#include "lib/cleanup.h"

/* A number that is not in force any more. Connections that are found by it alone leave no mark in
 * slots: that a leaving backend has some is seen by its packets. */
struct quic_leaving {
	struct ek_quic_id id;
	struct ek_quic_server server;
	uint64_t packets; /* the backend's, when they were looked at last */
	uint32_t seen_s;  /* when there were more of them */
};

static int ids_fd(const struct dp *dp)
{
	struct bpf_map *map = bpf_object__find_map_by_name(dp->priv->object, EK_MAP_QUIC_IDS);

	return map ? bpf_map__fd(map) : -1;
}

uint32_t quic_layout(const struct config_service *s)
{
	return ek_quic_layout(s->quic_offset, s->quic_length);
}

/* ---- in force -------------------------------------------------------------------------------- */

/* One number of the draft: counts it if it is new, or sets it. */
struct number {
	struct ek_quic_id id;
	struct ek_quic_server server;
};
typedef int number_visit(int fd, const struct number *n, uint32_t *missing);

static int count_missing(int fd, const struct number *n, uint32_t *missing)
{
	struct ek_quic_server now;

	if (bpf_map_lookup_elem(fd, &n->id, &now))
		++*missing;
	return 0;
}

/* An element is replaced as a whole: the data path sees the old one or the new one. */
static int set_number(int fd, const struct number *n, uint32_t *missing)
{
	struct ek_quic_server now;

	if (!bpf_map_lookup_elem(fd, &n->id, &now) && !memcmp(&now, &n->server, sizeof(now)))
		return 0;
	return bpf_map_update_elem(fd, &n->id, &n->server, BPF_ANY) ? -errno : 0;
}

static int visit_service(int fd, const struct draft_service *s,
			 const struct backend_index *backends, number_visit *visit,
			 uint32_t *missing)
{
	struct number n = { .id = { .service = s->index, .layout = quic_layout(s->config) } };
	int err = 0;

	for (size_t i = 0; n.id.layout && !err && i < s->config->backend_count; i++) {
		const struct config_backend *b = &s->config->backends[i];

		n.id.id = b->quic_id;
		n.server.backend = backend_index_find(backends, s->index, b);
		if (b->has_quic_id)
			err = visit(fd, &n, missing);
	}
	return err;
}

static uint32_t numbers_in(int fd)
{
	struct ek_quic_id id;
	uint32_t count = 0;

	for (int end = bpf_map_get_next_key(fd, NULL, &id); !end; count++)
		end = bpf_map_get_next_key(fd, &id, &id);
	return count;
}

int quic_prepare(struct dp *dp, const struct draft *d, const struct backend_index *backends,
		 char error[static DP_ERROR_MAX])
{
	uint32_t room = DP_QUIC_IDS(dp->sizes.backends), missing = 0;
	int fd = ids_fd(dp), err = 0;

	for (size_t i = 0; i < d->count; i++)
		visit_service(fd, &d->services[i], backends, count_missing, &missing);
	if (missing && missing + numbers_in(fd) > room)
		return dp_fail(error, -ENOSPC,
			       "quic: %u more servers' numbers, and those still leaving, are more "
			       "than the %u there is room for: wait until old ones have left, or "
			       "start evenkeeld with a larger --backends, after `evenkeel detach`",
			       missing, room);
	for (size_t i = 0; !err && i < d->count; i++)
		err = visit_service(fd, &d->services[i], backends, set_number, NULL);
	return err ? dp_fail(error, err, "quic: the servers' numbers cannot be set: %s",
			     strerror(-err))
		   : 0;
}

/* ---- leaving --------------------------------------------------------------------------------- */

static uint64_t packets_of(const struct dp *dp, uint32_t backend)
{
	struct dp_traffic t = {};

	if (backend < dp->sizes.backends)
		dp_traffic(dp, backend, &t);
	return t.packets;
}

static bool in_force(const struct dp *dp, const struct draft *d, const struct ek_quic_id *id,
		     uint32_t backend)
{
	const struct config_backend *b =
		backend < dp->sizes.backends ? d->backend_at[backend] : NULL;

	return b && dp->backend_ids[backend].service == id->service && b->has_quic_id &&
	       b->quic_id == id->id;
}

/* Of a service that is gone no packet comes here, and none asks by another layout than its
 * service's. */
static bool unreachable(const struct draft *d, const struct ek_quic_id *id)
{
	const struct draft_service *s =
		id->service < EK_SERVICES_MAX ? d->service_at[id->service] : NULL;

	return !s || quic_layout(s->config) != id->layout;
}

static int note_leaving(struct dp *dp, const struct ek_quic_id *id,
			const struct ek_quic_server *server, uint32_t now_s)
{
	struct dp_private *p = dp->priv;
	struct quic_leaving *more =
		realloc(p->quic_leaving, (p->quic_leaving_count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	p->quic_leaving = more;
	more[p->quic_leaving_count++] = (struct quic_leaving){
		.id = *id,
		.server = *server,
		.packets = packets_of(dp, server->backend),
		.seen_s = now_s,
	};
	return 0;
}

static int retire(struct dp *dp, const struct draft *d, const struct ek_quic_id *id, uint32_t now_s)
{
	struct ek_quic_server server;
	int fd = ids_fd(dp);

	if (bpf_map_lookup_elem(fd, id, &server))
		return -errno;
	if (unreachable(d, id))
		return bpf_map_delete_elem(fd, id) ? -errno : 0;
	if (in_force(dp, d, id, server.backend))
		return 0;
	if (!server.until_s) {
		server.until_s = now_s + d->service_at[id->service]->config->drain_s;
		if (bpf_map_update_elem(fd, id, &server, BPF_EXIST))
			return -errno;
	}
	return note_leaving(dp, id, &server, now_s);
}

int quic_retire(struct dp *dp, const struct draft *d, uint32_t now_s)
{
	struct ek_quic_id id, next;
	int fd = ids_fd(dp);
	int end = bpf_map_get_next_key(fd, NULL, &next), err = 0;

	dp->priv->quic_leaving_count = 0;
	while (!end && !err) {
		id = next;
		end = bpf_map_get_next_key(fd, &id, &next);
		err = retire(dp, d, &id, now_s);
	}
	return err;
}

/* Of a backend that stays, and has another number now, that it has packets says nothing. */
static bool is_over(const struct dp *dp, const struct dp_settling *s, struct quic_leaving *l,
		    uint32_t now_s)
{
	uint32_t backend = l->server.backend, idle_s = s->times[l->id.service].idle_s;
	uint64_t packets = packets_of(dp, backend);

	if (now_s > l->server.until_s || backend >= dp->sizes.backends)
		return true;
	if (packets != l->packets) {
		l->packets = packets;
		l->seen_s = now_s;
	}
	return dp->backend_ids[backend].used != BACKEND_USED && idle_s != UNKNOWN_S &&
	       ek_time_over(l->seen_s, idle_s, now_s);
}

bool dp_quic_leaving(const struct dp *dp, uint32_t backend)
{
	const struct dp_private *p = dp->priv;

	for (size_t i = 0; i < p->quic_leaving_count; i++)
		if (p->quic_leaving[i].server.backend == backend)
			return true;
	return false;
}

uint32_t quic_sweep(struct dp *dp, struct dp_settling *s, uint32_t now_s)
{
	struct dp_private *p = dp->priv;
	int fd = ids_fd(dp);
	size_t left = 0;

	for (size_t i = 0; i < p->quic_leaving_count; i++) {
		struct quic_leaving l = p->quic_leaving[i];

		if (is_over(dp, s, &l, now_s) &&
		    (!bpf_map_delete_elem(fd, &l.id) || errno == ENOENT))
			continue;
		p->quic_leaving[left++] = l;
		if (l.server.backend < dp->sizes.backends)
			s->references[l.server.backend]++;
	}
	p->quic_leaving_count = left;
	return (uint32_t)left;
}
