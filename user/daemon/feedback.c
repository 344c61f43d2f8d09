// SPDX-License-Identifier: GPL-2.0
#include "daemon/feedback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "daemon/health.h"
#include "lib/rebalance.h"

_Static_assert(CONFIG_ASK_PATH_MAX <= CHECK_TEXT_MAX, "a path that is asked is one of a check");

/* A backend that is asked. */
struct source {
	uint32_t backend;
	struct ek_addr addr;
	uint16_t port;
	char name[EK_NAME_MAX + 1];
	struct checker *checker;
	bool asking;
	uint32_t wait_s; /* until it is asked */
	double load;     /* below 0: it has not told any */
	uint64_t told_ms;
	uint64_t answers, failures;
	char reason[CHECK_REASON_MAX];
};

struct feedback {
	struct daemon *daemon;
	char service[EK_NAME_MAX + 1];
	struct config_check check;
	uint32_t interval_s;
	struct source **sources; /* NULL: there was no memory for one */
	size_t count;
};

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* It may be anything, and is shown on terminals. */
static void note_nonsense(struct source *s, const char *answer)
{
	char shown[CHECK_ANSWER_MAX];

	snprintf(shown, sizeof(shown), "%s", answer);
	for (char *c = shown; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	snprintf(s->reason, sizeof(s->reason), "'%s' is not a number from 0 to 100", shown);
}

static void on_answer(void *context, const struct check_result *result)
{
	struct source *s = context;

	s->asking = false;
	s->reason[0] = '\0';
	if (result->outcome != CHECK_PASSED)
		snprintf(s->reason, sizeof(s->reason), "%s", result->reason);
	else if (!rebalance_load_read(result->answer, &s->load))
		note_nonsense(s, result->answer);
	if (s->reason[0]) {
		s->failures++;
		return;
	}
	s->answers++;
	s->told_ms = now_ms();
}

/* ---- who is asked ---------------------------------------------------------------------------- */

static void source_free(struct source *s)
{
	if (!s)
		return;
	checker_free(s->checker);
	free(s);
}

/* The first requests of a service are spread over the interval, and so are the next. */
static struct source *source_make(struct feedback *l, const struct config_service *s,
				  const struct config_backend *b, uint32_t index)
{
	struct source *new = calloc(1, sizeof(*new));
	struct check_target target = { .service = l->service, .addr = b->addr };

	if (!new)
		return NULL;
	new->backend = index;
	new->addr = b->addr;
	new->port = target.port = config_check_port(s, b, &l->check);
	memcpy(new->name, b->name, sizeof(new->name));
	target.backend = new->name;
	new->load = -1;
	new->wait_s = index % l->interval_s;
	if (checker_make(&new->checker, health_checks(l->daemon), &l->check, &target, on_answer,
			 new)) {
		free(new);
		return NULL;
	}
	return new;
}

/* Who is asked already, at the same place; it is the caller's then. */
static struct source *source_take(struct feedback *l, const struct config_service *s,
				  const struct config_backend *b, uint32_t index)
{
	for (size_t i = 0; i < l->count; i++) {
		struct source *old = l->sources[i];

		if (!old || old->backend != index)
			continue;
		if (!addr_equal(&old->addr, &b->addr) || strcmp(old->name, b->name) ||
		    old->port != config_check_port(s, b, &l->check))
			return NULL;
		l->sources[i] = NULL;
		return old;
	}
	return NULL;
}

static void sources_free(struct feedback *l)
{
	for (size_t i = 0; i < l->count; i++)
		source_free(l->sources[i]);
	free(l->sources);
}

int feedback_follow(struct feedback *l, const struct config_service *s, const uint32_t *indexes)
{
	struct source **sources = calloc(s->backend_count + 1, sizeof(void *));
	int err = 0;

	if (!sources)
		return -ENOMEM;
	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];

		sources[i] = source_take(l, s, b, indexes[i]);
		if (!sources[i])
			sources[i] = source_make(l, s, b, indexes[i]);
		if (!sources[i])
			err = -ENOMEM;
	}
	sources_free(l);
	l->sources = sources;
	l->count = s->backend_count;
	return err;
}

int feedback_open(struct feedback **out, struct daemon *d, const struct config_service *s)
{
	const struct config_ask *a = &s->rebalance.ask;
	struct feedback *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->daemon = d;
	l->interval_s = a->interval_s;
	l->check = (struct config_check){
		.type = CHECK_HTTP,
		.via = CHECK_VIA_DIRECT,
		.port = a->port,
		.timeout_ms = a->timeout_ms,
		.statuses = { { 200, 299 } },
		.status_count = 1,
	};
	memcpy(l->check.path, a->path, sizeof(a->path));
	memcpy(l->service, s->name, sizeof(l->service));
	*out = l;
	return 0;
}

void feedback_close(struct feedback *l)
{
	if (!l)
		return;
	sources_free(l);
	free(l);
}

/* ---- asking ---------------------------------------------------------------------------------- */

void feedback_tick(struct feedback *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct source *s = l->sources[i];

		if (!s || s->asking)
			continue;
		if (s->wait_s) {
			s->wait_s--;
			continue;
		}
		s->wait_s = l->interval_s - 1;
		s->asking = true;
		checker_begin(s->checker);
	}
}

/* ---- what is known --------------------------------------------------------------------------- */

static void source_view(const struct feedback *l, const struct source *s, struct load_view *out)
{
	*out = (struct load_view){
		.load = s->load,
		.age_s = s->load < 0 ? 0 : (double)(now_ms() - s->told_ms) / 1000,
		.answers = s->answers,
		.failures = s->failures,
		.reason = s->reason,
	};
	out->fresh = s->load >= 0 && out->age_s <= FEEDBACK_STALE_INTERVALS * (double)l->interval_s;
}

bool feedback_view(const struct feedback *l, uint32_t backend, struct load_view *out)
{
	for (size_t i = 0; i < l->count; i++) {
		if (!l->sources[i] || l->sources[i]->backend != backend)
			continue;
		source_view(l, l->sources[i], out);
		return true;
	}
	return false;
}

void feedback_silence(const struct feedback *l, struct feedback_silence *out)
{
	struct load_view view;

	*out = (struct feedback_silence){ .asked = l->count };
	for (size_t i = 0; i < l->count; i++) {
		const struct source *s = l->sources[i];

		if (!s)
			continue;
		source_view(l, s, &view);
		if (view.fresh || !s->failures || out->silent++)
			continue;
		out->first = s->name;
		out->reason = s->reason;
	}
}
