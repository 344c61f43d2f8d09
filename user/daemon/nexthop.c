/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/nexthop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/attachment.h"
#include "daemon/log.h"
#include "daemon/macs.h"
#include "dp/install.h"
#include "lib/addr.h"
#include "lib/path.h"

enum backend_use { USE_FREE, USE_HERE, USE_LEAVING }; /* ek_backend_id.used */

/* How packets go to a backend, besides where. */
struct mode {
	struct ek_addr source; /* a prefix */
	uint32_t source_bits;  /* 0: this host's own address instead */
	uint32_t gue;
	uint16_t port; /* nat: the backend's */
	uint16_t vlan_strip;
	enum ek_forward forward;
};
_Static_assert(sizeof(struct mode) == 32, "no padding: it is compared as it lies in memory");

/* What is watched for a backend index. Names are copied: the maps forget them first. */
struct watch {
	struct ek_addr addr;
	char name[EK_NAME_MAX + 1], service[EK_NAME_MAX + 1];
	bool active;
	struct mode mode;
	enum hop_state reported; /* last state logged */
	bool troubled;           /* and whether nothing could be sent that way */
	uint32_t change;         /* 1 + its element of `changes`, 0: none */
	uint32_t next;           /* chain of indexes with the same bucket of addresses; 0: end */
};

struct nexthops {
	struct daemon *daemon;
	struct hops *hops;
	uv_poll_t poll;
	uint32_t count;                 /* of watch, index 0 unused */
	struct watch *watch;            /* by backend index */
	uint32_t *heads;                /* by address, count of them */
	struct dp_path_change *changes; /* for the end of a batch of news, at most one a backend */
	uint32_t change_count;
};

/* ---- from address to indexes ----------------------------------------------------------------- */

static uint32_t bucket_of(const struct nexthops *n, const struct ek_addr *addr)
{
	return (uint32_t)((addr->words[0] ^ (addr->words[1] << 1)) * 0x9e3779b97f4a7c15ull >> 32) %
	       n->count;
}

static void chain_add(struct nexthops *n, uint32_t backend)
{
	uint32_t *head = &n->heads[bucket_of(n, &n->watch[backend].addr)];

	n->watch[backend].next = *head;
	*head = backend;
}

static void chain_remove(struct nexthops *n, uint32_t backend)
{
	uint32_t *at = &n->heads[bucket_of(n, &n->watch[backend].addr)];

	while (*at != backend)
		at = &n->watch[*at].next;
	*at = n->watch[backend].next;
}

/* ---- from hop to path ------------------------------------------------------------------------ */

static void path_report(struct watch *w, const struct hop *hop, const char *problem)
{
	char addr[ADDR_TEXT_MAX];

	if (w->reported == hop->state && w->troubled == !!problem)
		return;
	w->reported = hop->state;
	w->troubled = problem;
	addr_text(&w->addr, addr);
	if (problem)
		log_warning("backend %s/%s %s: %s; its packets are dropped as no_next_hop",
			    w->service, w->name, addr, problem);
	else
		log_info("backend %s/%s %s: next hop %02x:%02x:%02x:%02x:%02x:%02x on %s",
			 w->service, w->name, addr, hop->dest_mac[0], hop->dest_mac[1],
			 hop->dest_mac[2], hop->dest_mac[3], hop->dest_mac[4], hop->dest_mac[5],
			 hop->interface);
}

static struct path_hop path_hop_of(const struct hop *hop)
{
	struct path_hop from = {
		.ifindex = hop->egress,
		.mtu = hop->mtu,
		.source = hop->source,
		.tag_type = hop->tag_type,
		.tag = hop->tag,
	};

	memcpy(from.source_mac, hop->source_mac, sizeof(from.source_mac));
	memcpy(from.dest_mac, hop->dest_mac, sizeof(from.dest_mac));
	return from;
}

static int path_make(struct ek_path *out, const struct watch *w, const struct hop *hop)
{
	struct path_hop from = path_hop_of(hop);

	if (w->mode.source_bits)
		from.source = w->mode.source;
	from.source_bits = (uint8_t)w->mode.source_bits;
	from.gue = w->mode.gue;
	from.port = w->mode.port;
	from.vlan_strip = w->mode.vlan_strip;
	return path_build(out, w->mode.forward, &w->addr, &from);
}

/* Its path will be `path`, or none. */
static void path_queue(struct nexthops *n, uint32_t backend, const struct ek_path *path)
{
	struct watch *w = &n->watch[backend];
	struct dp_path_change *c;

	if (!w->change)
		w->change = ++n->change_count;
	c = &n->changes[w->change - 1];
	*c = (struct dp_path_change){ .backend = backend, .present = path };
	if (path)
		c->path = *path;
}

static void paths_flush(struct nexthops *n)
{
	int err = n->change_count ? dp_paths_set(n->daemon->dp, n->changes, n->change_count) : 0;

	if (err)
		log_warning("paths of %u backends cannot be set: %s", n->change_count,
			    strerror(-err));
	for (uint32_t i = 0; i < n->change_count; i++)
		n->watch[n->changes[i].backend].change = 0;
	n->change_count = 0;
}

/* Frames are redirected there, or dropped as no_next_hop where they would be lost: the path may
 * still serve those that are sent back by the interface that they came in by. */
static int egress_set(const struct nexthops *n, const struct hop *hop)
{
	const struct attachment *from;

	return nexthop_lost(n->daemon, hop, &from) ? dp_egress_remove(n->daemon->dp, hop->egress)
						   : dp_egress_add(n->daemon->dp, hop->egress);
}

static void path_publish(struct nexthops *n, uint32_t backend, const struct hop *hop)
{
	struct watch *w = &n->watch[backend];
	char reason[NEXTHOP_REASON_MAX];
	const char *problem;
	struct ek_path path;
	int err;

	/* While the kernel is still looking, a path that is there may well be right: an adopted
	 * one, or one whose neighbour entry was flushed. */
	if (!hop || hop->state == HOP_UNKNOWN || w->mode.forward == EK_FORWARD_NONE)
		return;
	problem = nexthop_problem(n->daemon, reason, w->mode.forward, &w->addr, hop);
	path_report(w, hop, problem);
	err = problem ? 0 : path_make(&path, w, hop);
	if (!err && !problem)
		err = egress_set(n, hop);
	if (err)
		log_warning("backend %s/%s: its path cannot be set: %s", w->service, w->name,
			    strerror(-err));
	else
		path_queue(n, backend, problem ? NULL : &path);
}

static void on_hop(void *context, const struct ek_addr *addr, const struct hop *hop)
{
	struct nexthops *n = context;

	for (uint32_t i = n->heads[bucket_of(n, addr)]; i; i = n->watch[i].next)
		if (addr_equal(&n->watch[i].addr, addr))
			path_publish(n, i, hop);
}

/* ---- following the maps ---------------------------------------------------------------------- */

static void watch_begin(struct nexthops *n, uint32_t backend, const struct ek_backend_id *id)
{
	const struct ek_service_id *service = &n->daemon->dp->service_ids[id->service];
	struct watch *w = &n->watch[backend];
	int err = hops_watch(n->hops, &id->addr);

	if (err) {
		log_warning("backend %s/%s: its next hop cannot be followed: %s", service->name,
			    id->name, strerror(-err));
		return;
	}
	*w = (struct watch){ .addr = id->addr, .active = true, .reported = HOP_UNKNOWN };
	snprintf(w->name, sizeof(w->name), "%s", id->name);
	snprintf(w->service, sizeof(w->service), "%s", service->name);
	chain_add(n, backend);
}

static void watch_end(struct nexthops *n, uint32_t backend)
{
	struct daemon *d = n->daemon;
	struct watch *w = &n->watch[backend];
	char addr[ADDR_TEXT_MAX];

	chain_remove(n, backend);
	hops_unwatch(n->hops, &w->addr);
	w->active = false;
	addr_text(&w->addr, addr);
	log_notice("backend %s/%s %s has left: none of its flows is remembered", w->service,
		   w->name, addr);
	daemon_event(d, "gone", &d->self, "backend %s/%s %s has left", w->service, w->name, addr);
}

static struct mode mode_of(const struct dp *dp, const struct ek_backend_id *id)
{
	const struct ek_service_id *s = &dp->service_ids[id->service];
	const struct ek_global *g = dp->global;
	bool ipv4 = addr_is_ipv4(&id->addr);

	return (struct mode){
		.forward = (enum ek_forward)s->forward,
		.gue = s->gue,
		.port = id->port,
		.vlan_strip = !!s->vlan_strip,
		.source = ipv4 ? g->source4 : g->source6,
		.source_bits = ipv4 ? g->source4_bits : g->source6_bits,
	};
}

bool nexthops_sync(struct daemon *d)
{
	struct nexthops *n = d->nexthops;
	bool leaving = false;

	for (uint32_t i = 1; i < n->count; i++) {
		const struct ek_backend_id *id = &d->dp->backend_ids[i];
		struct watch *w = &n->watch[i];
		struct mode mode = mode_of(d->dp, id);

		if (w->active && (id->used == USE_FREE || !addr_equal(&w->addr, &id->addr)))
			watch_end(n, i);
		if (id->used == USE_FREE)
			continue;
		leaving |= id->used == USE_LEAVING;
		if (!w->active)
			watch_begin(n, i, id);
		if (w->active && strcmp(w->name, id->name) != 0)
			snprintf(w->name, sizeof(w->name), "%s", id->name);
		if (w->active && memcmp(&w->mode, &mode, sizeof(mode)) != 0 &&
		    mode.forward != EK_FORWARD_NONE) {
			w->mode = mode;
			path_publish(n, i, hops_find(n->hops, &w->addr));
		}
	}
	paths_flush(n);
	return leaving;
}

const struct hop *nexthop_find(const struct daemon *d, uint32_t backend)
{
	const struct nexthops *n = d->nexthops;

	if (!backend || backend >= n->count || !n->watch[backend].active)
		return NULL;
	return hops_find(n->hops, &n->watch[backend].addr);
}

/* Whoever was ever answered for is not waited for: a change must not wait for a dead backend. */
bool nexthop_path_hop(const struct daemon *d, uint32_t backend, struct path_hop *out)
{
	const struct hop *hop = nexthop_find(d, backend);
	char reason[NEXTHOP_REASON_MAX];

	if (!hop || nexthop_problem(d, reason, d->nexthops->watch[backend].mode.forward,
				    &d->nexthops->watch[backend].addr, hop))
		return false;
	*out = path_hop_of(hop);
	return true;
}

static bool all_answered(const struct nexthops *n)
{
	for (uint32_t i = 1; i < n->count; i++) {
		const struct watch *w = &n->watch[i];
		bool asked = w->active && w->reported == HOP_UNKNOWN;
		const struct hop *hop = asked ? hops_find(n->hops, &w->addr) : NULL;

		if (hop && hop->state == HOP_UNKNOWN)
			return false;
	}
	return true;
}

void nexthops_wait(struct daemon *d, int timeout_ms)
{
	struct nexthops *n = d->nexthops;
	uint64_t until = uv_hrtime() + (uint64_t)timeout_ms * 1000000;

	while (!all_answered(n)) {
		struct pollfd p = { .fd = hops_fd(n->hops), .events = POLLIN };
		uint64_t now = uv_hrtime();

		if (now >= until)
			break;
		if (poll(&p, 1, (int)((until - now) / 1000000) + 1) < 0 && errno != EINTR)
			break;
		if (p.revents && hops_process(n->hops))
			break;
	}
	paths_flush(n);
}

/* An interface that was deleted takes its entry in the devmap along, and may be back under its
 * old index before anybody has seen it go: what is in use is there, each second. An error was
 * said when the path was set, or the interface has just gone. */
static void egresses_keep(const struct nexthops *n)
{
	unsigned int kept[EK_EGRESS_MAX];
	size_t count = 0, k;

	for (uint32_t i = 1; i < n->count && count < EK_EGRESS_MAX; i++) {
		const struct watch *w = &n->watch[i];
		const struct hop *hop = w->active ? hops_find(n->hops, &w->addr) : NULL;

		if (!hop || hop->state != HOP_READY || w->troubled)
			continue;
		for (k = 0; k < count && kept[k] != hop->egress; k++)
			;
		if (k < count)
			continue;
		kept[count++] = hop->egress;
		egress_set(n, hop);
	}
}

const struct hops *nexthops_hops(const struct daemon *d)
{
	return d->nexthops->hops;
}

void nexthops_refresh(struct daemon *d)
{
	int err = hops_refresh(d->nexthops->hops);

	if (err)
		log_warning("asking for neighbours: %s", strerror(-err));
	nexthops_attached(d);
	egresses_keep(d->nexthops);
	paths_flush(d->nexthops);
}

void nexthops_attached(struct daemon *d)
{
	struct nexthops *n = d->nexthops;

	if (!attachments_refresh(d))
		return;
	for (uint32_t i = 1; i < n->count; i++)
		if (n->watch[i].active)
			path_publish(n, i, hops_find(n->hops, &n->watch[i].addr));
	paths_flush(n);
}

size_t nexthops_lost(const struct daemon *d, char buf[static NEXTHOP_REASON_MAX])
{
	const struct nexthops *n = d->nexthops;
	const struct attachment *from;
	size_t count = 0;

	for (uint32_t i = 1; i < n->count; i++) {
		const struct watch *w = &n->watch[i];
		const struct hop *hop = w->active ? hops_find(n->hops, &w->addr) : NULL;
		char reason[NEXTHOP_REASON_MAX];

		if (hop && hop->state == HOP_READY && nexthop_lost(d, hop, &from) &&
		    nexthop_problem(d, reason, w->mode.forward, &w->addr, hop) && !count++)
			memcpy(buf, reason, sizeof(reason));
	}
	return count;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct nexthops *n = handle->data;
	int err = status ?: hops_process(n->hops);

	paths_flush(n);
	macs_sync(handle->loop->data);
	if (err)
		log_warning("news of routes and neighbours cannot be read: %s", strerror(-err));
}

static void nexthops_free(struct nexthops *n)
{
	hops_close(n->hops);
	free(n->watch);
	free(n->heads);
	free(n->changes);
	free(n);
}

int nexthops_open(struct daemon *d)
{
	struct nexthops *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return log_err(-ENOMEM, "out of memory");
	n->daemon = d;
	n->count = d->dp->sizes.backends;
	n->watch = calloc(n->count, sizeof(*n->watch));
	n->heads = calloc(n->count, sizeof(*n->heads));
	n->changes = calloc(n->count, sizeof(*n->changes));
	err = n->watch && n->heads && n->changes ? hops_open(&n->hops, on_hop, n) : -ENOMEM;
	err = err ?: uv_poll_init(&d->loop, &n->poll, hops_fd(n->hops));
	if (err) {
		nexthops_free(n);
		return log_err(err, "next hops cannot be followed: %s", strerror(-err));
	}
	n->poll.data = n;
	d->nexthops = n;
	err = uv_poll_start(&n->poll, UV_READABLE, on_readable);
	return err ? log_err(err, "next hops cannot be followed: %s", uv_strerror(err)) : 0;
}

static void on_closed(uv_handle_t *handle)
{
	nexthops_free(handle->data);
}

void nexthops_close(struct nexthops *n)
{
	if (n)
		uv_close((uv_handle_t *)&n->poll, on_closed);
}
