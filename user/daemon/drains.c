/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/drains.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/request.h"
#include "lib/cleanup.h"

struct drains {
	struct journal_drain *list;
	size_t count;
};

static int read_again(struct daemon *d)
{
	struct journal_drain *list = NULL;
	size_t count = 0;
	int err = journal_drains(d->journal, &list, &count);

	if (err)
		return log_err(err, "drains by hand cannot be read: %s", journal_error(d->journal));
	free(d->drains->list);
	*d->drains = (struct drains){ list, count };
	return 0;
}

int drains_open(struct daemon *d)
{
	d->drains = calloc(1, sizeof(*d->drains));
	return d->drains ? read_again(d) : log_err(-ENOMEM, "out of memory");
}

void drains_close(struct drains *drains)
{
	if (drains)
		free(drains->list);
	free(drains);
}

const struct journal_drain *drains_find(const struct daemon *d, const char *service,
					const struct config_backend *b)
{
	char address[ADDR_TEXT_MAX];

	for (size_t i = 0; i < d->drains->count; i++) {
		const struct journal_drain *drain = &d->drains->list[i];

		if (!strcmp(drain->service, service) && !strcmp(drain->backend, b->name) &&
		    !strcmp(drain->address, addr_text(&b->addr, address)))
			return drain;
	}
	return NULL;
}

void drains_lay(const struct daemon *d, struct config *c)
{
	for (size_t i = 0; i < c->service_count; i++) {
		struct config_service *s = &c->services[i];

		for (size_t k = 0; k < s->backend_count; k++)
			s->backends[k].drain_by_hand = drains_find(d, s->name, &s->backends[k]);
	}
}

/* ---- changing -------------------------------------------------------------------------------- */

/* Drains that begin, or that end. */
struct turn {
	struct journal_drain *list;
	size_t count;
};

static void turn_release(struct turn *t)
{
	free(t->list);
}

static int turn_add(struct turn *t, const char *service, const struct config_backend *b,
		    const struct journal_actor *actor)
{
	struct journal_drain *grown = reallocarray(t->list, t->count + 1, sizeof(*grown));
	struct journal_drain *drain;

	if (!grown)
		return -ENOMEM;
	t->list = grown;
	drain = &grown[t->count++];
	*drain = (struct journal_drain){ .actor = *actor, .time = clock_wall_s() };
	snprintf(drain->service, sizeof(drain->service), "%s", service);
	snprintf(drain->backend, sizeof(drain->backend), "%s", b->name);
	addr_text(&b->addr, drain->address);
	return 0;
}

int drains_take(struct daemon *d, const struct config *c, const struct journal_actor *actor,
		size_t *changed)
{
	_cleanup_(turn_release) struct turn on = {}, off = {};
	int err = 0;

	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

		for (size_t k = 0; !err && k < s->backend_count; k++) {
			const struct config_backend *b = &s->backends[k];
			bool is = drains_find(d, s->name, b);

			if (b->drain_by_hand != is)
				err = turn_add(is ? &off : &on, s->name, b, actor);
		}
	}
	*changed = on.count + off.count;
	err = err ?: journal_drains_set(d->journal, on.list, on.count, true, "by hand");
	err = err ?: journal_drains_set(d->journal, off.list, off.count, false, "by hand");
	return err ?: read_again(d);
}

void drains_forget(struct daemon *d, const struct journal_actor *actor)
{
	_cleanup_(turn_release) struct turn gone = {};

	for (size_t i = 0; i < d->drains->count; i++) {
		struct journal_drain drain = d->drains->list[i];
		const struct config_service *s = config_service(d->config, drain.service);
		const struct config_backend *b = s ? config_backend(s, drain.backend) : NULL;
		struct journal_drain *grown;

		if (b && drains_find(d, s->name, b))
			continue;
		grown = reallocarray(gone.list, gone.count + 1, sizeof(*grown));
		if (!grown)
			return;
		drain.actor = *actor;
		drain.time = clock_wall_s();
		gone.list = grown;
		gone.list[gone.count++] = drain;
	}
	if (!gone.count)
		return;
	if (journal_drains_set(d->journal, gone.list, gone.count, false,
			       "its backend is gone, or is another server"))
		log_warning("a drain by hand is not forgotten: %s", journal_error(d->journal));
	else
		read_again(d);
}

json_t *drain_json(const struct journal_drain *drain)
{
	return drain ? json_pack("{s:o, s:I, s:o}", "user", json_text(drain->actor.user), "time",
				 (json_int_t)drain->time, "origin", json_text(drain->actor.origin))
		     : json_null();
}
