/* SPDX-License-Identifier: GPL-2.0 */
/* From states to tables: when they are made, the flags of the dead, and what is written down of it.
 * Their weights are health_weight.c's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/health_internal.h"
#include "daemon/log.h"
#include "lib/cleanup.h"

/* When many go down together, their tables are made together: a table costs milliseconds. */
#define APART_MS 200u
/* After a failure: there may be room in a while. */
#define RETRY_MS 1000u

/* ---- flags ----------------------------------------------------------------------------------- */

/* Before a table names them: who is up is not to be taken for dead. */
static void flag_up(struct healths *h, uint32_t i)
{
	const struct ek_backend_id *id = &h->daemon->dp->backend_ids[i];

	if (h->units[i]->health.state == HEALTH_UP && (id->died || !id->seen_up))
		dp_backend_up(h->daemon->dp, i);
}

/* Afterwards: who is down and has no new flows loses the old ones, too. One that the table names
 * all the same keeps them: health is ignored then. */
static void flag_down(struct healths *h, uint32_t i)
{
	const struct ek_backend_id *id = &h->daemon->dp->backend_ids[i];
	const struct health_unit *u = h->units[i];

	if (u->health.state != HEALTH_DOWN)
		return;
	if (!u->weighed && !id->died)
		dp_backend_down(h->daemon->dp, i, clock_now_s());
	else if (u->weighed && id->died)
		dp_backend_up(h->daemon->dp, i);
}

/* ---- the journal ----------------------------------------------------------------------------- */

/* The sentences of one service, as far as they fit. */
struct story {
	char text[900];
	size_t used, left_out;
};

static void tell(struct story *s, const struct health_unit *u)
{
	char reason[HEALTH_TEXT_MAX], line[EK_NAME_MAX + HEALTH_TEXT_MAX + 32];
	size_t length;

	unit_reason(u, reason);
	length = (size_t)snprintf(line, sizeof(line), "%s%s %s%s%s%s", s->used ? ", " : "", u->name,
				  health_state_name(u->health.state), reason[0] ? " (" : "", reason,
				  reason[0] ? ")" : "");
	if (s->used + length >= sizeof(s->text)) {
		s->left_out++;
		return;
	}
	memcpy(s->text + s->used, line, length + 1);
	s->used += length;
}

static void write_story(struct daemon *d, uint32_t service, const struct story *s,
			enum eligible_mode before)
{
	struct health_pool_view pool;
	char more[32] = "", mode[48] = "";

	health_pool_view(d, service, &pool);
	if (s->left_out)
		snprintf(more, sizeof(more), " and %zu more", s->left_out);
	if (pool.mode != before || pool.mode != ELIGIBLE_HEALTHY)
		snprintf(mode, sizeof(mode), "; %s", eligible_mode_name(pool.mode));
	daemon_event(d, "health", &d->self, "%s: %s%s; %u of %u are up, %u get new flows%s",
		     d->dp->service_ids[service].name, s->text, more, pool.up, pool.count,
		     pool.in_table, mode);
}

static void log_mode(const struct daemon *d, uint32_t service, enum eligible_mode mode)
{
	static const char *const words[] = {
		[ELIGIBLE_HEALTHY] = "new flows go to those backends that are up, and to no others",
		[ELIGIBLE_BACKUP] = "too few backends are up: new flows go to the spares, too",
		[ELIGIBLE_PANIC] = "panic: too few backends are up; all that ever were get flows",
		[ELIGIBLE_KEPT] = "no backend is up; new flows stay with those that had them last",
		[ELIGIBLE_NOBODY] = "no backend is eligible: new flows are dropped as no_backend",
	};

	log_line(mode == ELIGIBLE_HEALTHY ? LOG_NOTICE : LOG_WARNING, "service %s: %s",
		 d->dp->service_ids[service].name, words[mode]);
}

static void tell_service(struct healths *h, uint32_t service, enum eligible_mode before)
{
	struct story story = {};

	for (uint32_t i = 1; i < h->daemon->dp->sizes.backends; i++) {
		struct health_unit *u = h->units[i];

		if (!u || u->service != service || !u->changed)
			continue;
		u->changed = false;
		tell(&story, u);
	}
	if (story.used)
		write_story(h->daemon, service, &story, before);
}

/* ---- installing ------------------------------------------------------------------------------ */

static void commit(struct healths *h)
{
	const struct daemon *d = h->daemon;
	uint8_t before[EK_SERVICES_MAX];
	bool changed[EK_SERVICES_MAX] = {};

	memcpy(before, h->modes, sizeof(before));
	memcpy(h->modes, h->weighing, sizeof(h->modes));
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		struct health_unit *u = h->units[i];

		if (!u)
			continue;
		flag_down(h, i);
		u->had = u->weighed;
		unit_start_commit(u);
		changed[u->service] |= u->changed;
	}
	for (uint32_t i = 0; i < EK_SERVICES_MAX; i++) {
		if (!d->dp->service_ids[i].name[0])
			continue;
		if (h->modes[i] != before[i])
			log_mode(d, i, h->modes[i]);
		if (changed[i])
			tell_service(h, i, before[i]);
	}
}

static int install(struct daemon *d, const struct config *c, bool automatic,
		   struct dp_install_result *result, char error[static DP_ERROR_MAX])
{
	struct healths *h = d->healths;
	int err;

	memset(h->weighing, ELIGIBLE_HEALTHY, sizeof(h->weighing));
	for (uint32_t i = 1; i < d->dp->sizes.backends; i++) {
		if (!h->units[i])
			continue;
		h->units[i]->weighed = false;
		flag_up(h, i);
	}
	h->installing = true;
	h->automatic = automatic;
	err = dp_install(d->dp, c, clock_now_s(), result, error);
	h->installing = h->automatic = false;
	d->settling = true;
	if (err)
		return err;
	h->dirty = false;
	h->not_before_ms = health_now_ms() + APART_MS;
	commit(h);
	return 0;
}

int health_install(struct daemon *d, const struct config *c, struct dp_install_result *result,
		   char error[static DP_ERROR_MAX])
{
	return install(d, c, false, result, error);
}

int health_reinstall(struct daemon *d, char error[static DP_ERROR_MAX])
{
	struct dp_install_result result;

	return install(d, d->config, true, &result, error);
}

int64_t healths_flush_ms(const struct healths *h)
{
	const struct daemon *d = h->daemon;
	uint64_t now = health_now_ms();

	if (!h->dirty || !d->config || d->trouble[0])
		return -1;
	return h->not_before_ms > now ? (int64_t)(h->not_before_ms - now) : 0;
}

void healths_flush(struct healths *h)
{
	struct daemon *d = h->daemon;
	char error[DP_ERROR_MAX] = "";

	if (healths_flush_ms(h))
		return;
	if (health_reinstall(d, error) == 0) {
		h->failed = false;
		return;
	}
	h->not_before_ms = health_now_ms() + RETRY_MS;
	if (!h->failed)
		log_line(LOG_ERR, "tables cannot be made as health asks for: %s", error);
	h->failed = true;
}
