/* SPDX-License-Identifier: GPL-2.0 */
/* The loop of health checks. */
#include "daemon/health.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/health_internal.h"
#include "daemon/log.h"
#include "lib/cleanup.h"

uint64_t health_now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* Rounds have to differ, not to be hard to guess (splitmix64). */
uint32_t health_chance(struct healths *h)
{
	uint64_t z = h->chance += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(z >> 32);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void ring_alarms(struct healths *h)
{
	struct timer *timer;

	while ((timer = timers_due(&h->timers, health_now_ms()))) {
		struct alarm *a = container(timer, struct alarm, timer);

		a->ring(a);
	}
}

/* Until the next turn has something to do although no descriptor is ready; -1: for ever. */
static int64_t next_turn_ms(const struct healths *h)
{
	uint64_t now = health_now_ms(), alarm = timers_next(&h->timers);
	int64_t next = checks_wait_ms(h->checks);

	if (alarm != UINT64_MAX) {
		int64_t wait = alarm > now ? (int64_t)(alarm - now) : 0;

		next = next < 0 || wait < next ? wait : next;
	}
	return next;
}

static void on_checks(uv_poll_t *handle, int status, int events)
{
	struct healths *h = handle->data;

	checks_process(h->checks);
	healths_flush(h);
}

static void on_knocks(uv_poll_t *handle, int status, int events)
{
	struct healths *h = handle->data;

	knocks_process(h->knocks);
	healths_flush(h);
}

static void on_timer(uv_timer_t *handle)
{
	struct healths *h = handle->data;

	if (!checks_wait_ms(h->checks))
		checks_process(h->checks);
	ring_alarms(h);
	healths_flush(h);
}

/* Before the loop waits: whatever has happened since. */
static void on_prepare(uv_prepare_t *handle)
{
	struct healths *h = handle->data;
	int64_t wait = next_turn_ms(h), flush = healths_flush_ms(h);

	if (flush >= 0 && (wait < 0 || flush < wait))
		wait = flush;
	if (wait < 0) {
		uv_timer_stop(&h->timer);
		return;
	}
	uv_update_time(&h->daemon->loop);
	uv_timer_start(&h->timer, on_timer, (uint64_t)wait, 0);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Nothing is known of it, and a result is to come. */
static bool is_awaited(const struct health_unit *u)
{
	if (!u || !u->plan || u->health.state != HEALTH_UNKNOWN)
		return false;
	for (size_t i = 0; i < u->plan->probe_count; i++)
		if (!u->checks[i].told)
			return true;
	return false;
}

static bool any_awaited(const struct healths *h)
{
	for (uint32_t i = 1; i < h->daemon->dp->sizes.backends; i++)
		if (is_awaited(h->units[i]))
			return true;
	return false;
}

void health_wait(struct daemon *d, int timeout_ms)
{
	struct healths *h = d->healths;
	uint64_t end = health_now_ms() + (uint64_t)timeout_ms, now;

	while (any_awaited(h) && (now = health_now_ms()) < end) {
		struct pollfd ready[] = {
			{ .fd = checks_fd(h->checks), .events = POLLIN },
			{ .fd = h->knocks ? knocks_fd(h->knocks) : -1, .events = POLLIN },
		};
		int64_t left = (int64_t)(end - now), wait = next_turn_ms(h);

		poll(ready, 2, (int)(wait < 0 || wait > left ? left : wait));
		checks_process(h->checks);
		if (h->knocks)
			knocks_process(h->knocks);
		ring_alarms(h);
	}
}

struct checks *health_checks(const struct daemon *d)
{
	return d->healths->checks;
}

struct knocks *health_knocks(const struct daemon *d)
{
	return d->healths->knocks;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A socket for each check under way, and thousands may be. */
static void more_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Who was in the tables before this evenkeeld began. */
static void adopt_tables(struct healths *h)
{
	const struct dp *dp = h->daemon->dp;
	_cleanup_(free_ptr) uint32_t *owned = calloc(dp->sizes.backends, sizeof(*owned));

	for (uint32_t i = 0; owned && i < EK_SERVICES_MAX; i++)
		if (dp->service_ids[i].name[0])
			dp_slots_count(dp, i, owned, NULL, NULL);
	for (uint32_t i = 1; owned && i < dp->sizes.backends; i++)
		if (h->units[i])
			h->units[i]->had = owned[i];
}

static int loop_start(struct healths *h)
{
	uv_loop_t *loop = &h->daemon->loop;
	int err;

	uv_prepare_init(loop, &h->prepare); /* these two cannot fail */
	uv_timer_init(loop, &h->timer);
	h->prepare.data = h->timer.data = h->poll.data = h->poll_knocks.data = h;
	uv_prepare_start(&h->prepare, on_prepare);
	err = uv_poll_init(loop, &h->poll, checks_fd(h->checks))
		      ?: uv_poll_start(&h->poll, UV_READABLE, on_checks);
	if (!err && h->knocks)
		err = uv_poll_init(loop, &h->poll_knocks, knocks_fd(h->knocks))
			      ?: uv_poll_start(&h->poll_knocks, UV_READABLE, on_knocks);
	return err;
}

int health_open(struct daemon *d)
{
	struct healths *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return log_err(-ENOMEM, "out of memory");
	d->healths = h;
	h->daemon = d;
	h->chance = uv_hrtime();
	h->units = calloc(d->dp->sizes.backends, sizeof(void *));
	h->counts = calloc(EK_SERVICES_MAX, sizeof(*h->counts));
	err = h->units && h->counts ? checks_open(&h->checks) : -ENOMEM;
	if (err)
		return log_err(err, "health checks cannot be made: %s", strerror(-err));
	h->knocks_error = knocks_open(&h->knocks);
	if (h->knocks_error)
		log_warning("health checks cannot be sent through tunnels: %s",
			    strerror(-h->knocks_error));
	more_descriptors();
	healths_adopt(h);
	adopt_tables(h);
	dp_weigh_by(d->dp, healths_weigh, h);
	dp_allow_by(d->dp, healths_allow, h);
	err = loop_start(h);
	return err ? log_err(err, "event loop: %s", uv_strerror(err)) : 0;
}

void health_close(struct healths *h)
{
	if (!h)
		return;
	for (uint32_t i = 1; h->units && i < h->daemon->dp->sizes.backends; i++)
		unit_close(h->units[i]);
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++)
		plan_release(h->plans[i]);
	checks_close(h->checks);
	knocks_close(h->knocks);
	timers_release(&h->timers);
	free(h->counts);
	free(h->units);
	free(h);
}
