// SPDX-License-Identifier: GPL-2.0
/* Events and deadlines of all checks, on one descriptor: whatever loop the caller has. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "check/checker.h"
#include "lib/cleanup.h"

/* In one turn; what is left is there in the next. */
#define EVENTS_MAX 128 /* in one turn: others in the loop have theirs */

uint64_t checks_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

int watch_begin(struct checks *c, struct watch *w, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = w };

	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	w->fd = fd;
	return 0;
}

int watch_again(struct checks *c, struct watch *w, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = w };

	return epoll_ctl(c->epoll, EPOLL_CTL_MOD, w->fd, &event) ? -errno : 0;
}

void watch_end(struct checks *c, struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(c->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
}

/* ---- turns ----------------------------------------------------------------------------------- */

int checks_fd(const struct checks *c)
{
	return c->epoll;
}

int checks_wait_ms(const struct checks *c)
{
	uint64_t next = timers_next(&c->timers), now = checks_now_us();

	if (next == UINT64_MAX)
		return -1;
	/* Rounded up, or the last millisecond would be spun away. */
	return next > now ? (int)((next - now + 999) / 1000) : 0;
}

void checks_process(struct checks *c)
{
	struct epoll_event event;
	struct timer *timer;

	/* One after another: acting on one may end what the next would be about. */
	for (int i = 0; i < EVENTS_MAX && epoll_wait(c->epoll, &event, 1, 0) == 1; i++) {
		struct watch *w = event.data.ptr;

		w->ready(w, event.events);
	}
	while ((timer = timers_due(&c->timers, checks_now_us()))) {
		struct deadline *d = container(timer, struct deadline, timer);

		d->over(d);
	}
	http_settle(c);
}

int checks_open(struct checks **out)
{
	struct checks *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	LIST_INIT(&c->commands);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = c->epoll < 0 ? -errno : http_checker_open(c);
	if (err) {
		checks_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void checks_close(struct checks *c)
{
	if (!c)
		return;
	exec_close(c);
	http_checker_close(c);
	timers_release(&c->timers);
	close_fd(&c->epoll);
	free(c);
}
