/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/install.h"
#include "lib/cleanup.h"
#include "net/clock.h"

/* Longer than the timeout of most checks. Who has not answered by then does not. */
#define ASK_MS 3000

void ask_release(struct asked *a)
{
	free(a->backends);
	a->backends = NULL;
}

/* What health says of a backend that is checked already. */
static void take_view(struct asked_backend *b, const struct health_view *v)
{
	b->known = v->state != HEALTH_UNKNOWN;
	b->passes = !v->checked || v->state == HEALTH_UP;
	snprintf(b->reason, sizeof(b->reason), "it is %s%s%s", health_state_name(v->state),
		 v->reason[0] ? ": " : "", v->reason);
}

/* The first check that can be made from here without a tunnel. */
static const struct config_check *check_of(const struct config_service *s, bool commands)
{
	for (size_t i = 0; i < s->check_count; i++)
		if (s->checks[i].via & CHECK_VIA_DIRECT &&
		    (commands || s->checks[i].type != CHECK_EXEC))
			return &s->checks[i];
	return NULL;
}

static void add(struct asked *a, const struct daemon *d, const struct config_service *s,
		const struct config_backend *b, bool changed, bool commands)
{
	struct asked_backend *x = &a->backends[a->count++];
	int service = dp_service_index(d->dp, s->name);
	uint32_t index =
		service < 0 ? 0 : dp_backend_index(d->dp, (uint32_t)service, &b->addr, b->port);
	struct health_view view;

	*x = (struct asked_backend){ .service = s->name, .backend = b };
	if (!changed && index && health_view(d, index, &view)) {
		take_view(x, &view);
		return;
	}
	x->is_asked = true;
	x->check = check_of(s, commands);
	/* Unchecked, it counts as up. */
	x->known = x->check || !s->check_count;
	x->passes = !s->check_count;
	snprintf(x->reason, sizeof(x->reason), "no answer within %d s", ASK_MS / 1000);
}

static void on_result(void *context, const struct check_result *result)
{
	struct asked_backend *b = context;

	b->check = NULL;
	b->known = result->outcome != CHECK_MISSED;
	b->passes = result->outcome == CHECK_PASSED;
	snprintf(b->reason, sizeof(b->reason), "%s", result->reason);
}

static bool any_left(const struct asked *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->backends[i].check)
			return true;
	return false;
}

static void wait_for(struct checks *checks, const struct asked *a)
{
	uint64_t end = clock_now_ms() + ASK_MS;

	while (any_left(a) && clock_now_ms() < end) {
		struct pollfd fd = { .fd = checks_fd(checks), .events = POLLIN };
		int left = (int)(end - clock_now_ms()), wait = checks_wait_ms(checks);

		poll(&fd, 1, wait >= 0 && wait < left ? wait : left);
		checks_process(checks);
	}
}

static int begin(struct asked *a, struct checks *checks, const struct config *c)
{
	for (size_t i = 0; i < a->count; i++) {
		struct asked_backend *b = &a->backends[i];
		const struct config_service *s = config_service(c, b->service);
		struct check_target target = { .service = b->service,
					       .backend = b->backend->name,
					       .addr = b->backend->addr };
		int err;

		if (!b->check)
			continue;
		target.port = config_check_port(s, b->backend, b->check);
		err = checker_make(&b->checker, checks, b->check, &target, on_result, b);
		if (err)
			return err;
		checker_begin(b->checker);
	}
	return 0;
}

/* Is the service checked otherwise than now? */
static bool is_changed(const struct daemon *d, const struct config_service *s)
{
	const struct config_service *now = d->config ? config_service(d->config, s->name) : NULL;

	return now && !config_checks_equal(now, s);
}

static int collect(struct asked *a, const struct daemon *d, const struct config *c, bool commands)
{
	size_t count = 0;

	for (size_t i = 0; i < c->service_count; i++)
		count += c->services[i].backend_count;
	a->backends = calloc(count + 1, sizeof(*a->backends));
	if (!a->backends)
		return -ENOMEM;
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		bool changed = is_changed(d, s);

		for (size_t k = 0; k < s->backend_count; k++)
			if (config_backend_weight(&s->backends[k]))
				add(a, d, s, &s->backends[k], changed, commands);
	}
	return 0;
}

int ask_backends(struct asked *out, const struct daemon *d, const struct config *c, bool commands)
{
	struct checks *checks = NULL;
	struct asked a = {};
	int err = collect(&a, d, c, commands);

	if (!err && any_left(&a))
		err = checks_open(&checks);
	if (checks) {
		err = err ?: begin(&a, checks, c);
		if (!err)
			wait_for(checks, &a);
		for (size_t i = 0; i < a.count; i++)
			if (a.backends[i].checker)
				checker_free(a.backends[i].checker);
		checks_close(checks);
	}
	if (err) {
		ask_release(&a);
		return err;
	}
	*out = a;
	return 0;
}

struct lint_live *ask_live(const struct asked *a, size_t *count)
{
	struct lint_live *live = calloc(a->count + 1, sizeof(*live));

	*count = 0;
	for (size_t i = 0; live && i < a->count; i++) {
		const struct asked_backend *b = &a->backends[i];

		if (b->is_asked && b->known)
			live[(*count)++] = (struct lint_live){ b->service, b->backend->name,
							       b->passes, b->reason };
	}
	return live;
}
