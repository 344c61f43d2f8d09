// SPDX-License-Identifier: GPL-2.0
/* What differs between two configurations, a line each, for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_diff.h"
#include "lib/plan.h"

static bool has_listener(const struct config_service *s, const struct endpoint *e)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct endpoint *o = &s->listeners[i].endpoint;

		if (addr_equal(&o->addr, &e->addr) && o->port == e->port && o->proto == e->proto)
			return true;
	}
	return false;
}

static void listeners(FILE *out, char sign, const struct config_service *of,
		      const struct config_service *other)
{
	char text[ENDPOINT_TEXT_MAX];

	for (size_t i = 0; i < of->listener_count; i++)
		if (!has_listener(other, &of->listeners[i].endpoint))
			fprintf(out, "%c %s listens on %s\n", sign, of->name,
				endpoint_text(&of->listeners[i].endpoint, text));
}

static bool is_drained(const struct config_backend *b)
{
	return config_backend_weight(b) != b->weight;
}

static void backend_line(FILE *out, char sign, const struct config_service *s,
			 const struct config_backend *b)
{
	char text[ADDR_TEXT_MAX];

	fprintf(out, "%c %s/%s %s, weight %u%s\n", sign, s->name, b->name,
		addr_text(&b->addr, text), b->weight, is_drained(b) ? ", drained" : "");
}

static void backend_change(FILE *out, const struct config_service *s,
			   const struct config_backend *a, const struct config_backend *b)
{
	char before[ADDR_TEXT_MAX], after[ADDR_TEXT_MAX];

	if (!addr_equal(&a->addr, &b->addr))
		fprintf(out, "~ %s/%s: address %s -> %s\n", s->name, b->name,
			addr_text(&a->addr, before), addr_text(&b->addr, after));
	if (a->port != b->port)
		fprintf(out, "~ %s/%s: port %u -> %u\n", s->name, b->name, a->port, b->port);
	if (a->weight != b->weight)
		fprintf(out, "~ %s/%s: weight %u -> %u\n", s->name, b->name, a->weight, b->weight);
	if (is_drained(a) != is_drained(b))
		fprintf(out, "~ %s/%s: %s\n", s->name, b->name,
			is_drained(b) ? "drained" : "no longer drained");
}

static void times(FILE *out, const char *service, const char *what, uint32_t a, uint32_t b)
{
	if (a != b)
		fprintf(out, "~ %s: %s %u s -> %u s\n", service, what, a, b);
}

static void settings(FILE *out, const struct config_service *a, const struct config_service *b)
{
	if (a->forward != b->forward)
		fprintf(out, "~ %s: forward %s -> %s\n", b->name, config_forward_name(a->forward),
			config_forward_name(b->forward));
	if (a->hash != b->hash)
		fprintf(out, "~ %s: hash %s -> %s\n", b->name, config_hash_name(a->hash),
			config_hash_name(b->hash));
	times(out, b->name, "idle_time", a->idle_s, b->idle_s);
	times(out, b->name, "drain_time", a->drain_s, b->drain_s);
	times(out, b->name, "hold_time", a->hold_s, b->hold_s);
	if (a->panic != b->panic)
		fprintf(out, "~ %s: panic %u %% -> %u %%\n", b->name, a->panic, b->panic);
	if (a->on_empty != b->on_empty)
		fprintf(out, "~ %s: on_empty %s\n", b->name,
			b->on_empty == ON_EMPTY_DROP ? "keep -> drop" : "drop -> keep");
	if (!config_checks_equal(a, b))
		fprintf(out, "~ %s: health checks\n", b->name);
}

/* ---- whatever else there is ------------------------------------------------------------------ */

/* What has lines of its own above. */
static bool is_told(const char *path)
{
	static const char *const services[] = { "listen",     "forward",   "hash",  "idle_time",
						"drain_time", "hold_time", "panic", "on_empty",
						"health",     "guards" };
	static const char *const backends[] = { "address", "weight", "drain", "port" };
	const char *key = strstr(path, ": ");
	size_t length = strcspn(path, ":");

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strlen(services[i]) == length && !strncmp(path, services[i], length))
			return true;
	if (strncmp(path, "backend ", strlen("backend ")) != 0)
		return false;
	for (size_t i = 0; key && i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcmp(key + 2, backends[i]))
			return true;
	return !key; /* added, or removed */
}

/* By the canonical texts, so that no key is forgotten. */
static void others(FILE *out, const char *where, const char *before, const char *after)
{
	struct config_diff diff = {};

	if (!before || !after || config_diff_make(&diff, before, after))
		return;
	for (size_t i = 0; i < diff.count; i++) {
		_cleanup_(free_ptr) char *line = config_difference_line(&diff.entries[i]);

		if (line && !is_told(diff.entries[i].path))
			fprintf(out, "~ %s%s\n", where, line);
	}
	config_diff_release(&diff);
}

static void service_others(FILE *out, const struct config_service *a,
			   const struct config_service *b)
{
	_cleanup_(free_ptr) char *before = config_service_text(a), *after = config_service_text(b);
	char where[EK_NAME_MAX + 3];

	snprintf(where, sizeof(where), "%s: ", b->name);
	others(out, where, before, after);
}

/* What is of no service. */
static char *head_text(const struct config *c)
{
	struct config head = *c;

	head.services = NULL;
	head.service_count = 0;
	return config_text(&head);
}

static void head_others(FILE *out, const struct config *old, const struct config *now)
{
	_cleanup_(free_ptr) char *before = head_text(old), *after = head_text(now);

	others(out, "", before, after);
}

static void service_change(FILE *out, const struct config_service *a,
			   const struct config_service *b)
{
	listeners(out, '-', a, b);
	listeners(out, '+', b, a);
	settings(out, a, b);
	for (size_t i = 0; i < a->backend_count; i++)
		if (!config_backend(b, a->backends[i].name))
			backend_line(out, '-', a, &a->backends[i]);
	for (size_t i = 0; i < b->backend_count; i++) {
		const struct config_backend *was = config_backend(a, b->backends[i].name);

		if (was)
			backend_change(out, b, was, &b->backends[i]);
		else
			backend_line(out, '+', b, &b->backends[i]);
	}
	if (!config_service_equal(a, b))
		service_others(out, a, b);
}

static void guards(FILE *out, const struct config *a, const struct config *b)
{
	for (enum guard_limit i = 0; i < GUARD_LIMIT_COUNT; i++)
		if (a->guards.limit[i] != b->guards.limit[i])
			fprintf(out, "~ guards: %s %u -> %u\n", guard_limit_name(i),
				a->guards.limit[i], b->guards.limit[i]);
}

static void all(FILE *out, const struct config *old, const struct config *now)
{
	head_others(out, old, now);
	guards(out, old, now);
	for (size_t i = 0; i < old->service_count; i++)
		if (!config_service(now, old->services[i].name))
			fprintf(out, "- %s (%zu backends)\n", old->services[i].name,
				old->services[i].backend_count);
	for (size_t i = 0; i < now->service_count; i++) {
		const struct config_service *s = &now->services[i];
		const struct config_service *was = config_service(old, s->name);

		if (was)
			service_change(out, was, s);
		else
			fprintf(out, "+ %s (%zu backends)\n", s->name, s->backend_count);
	}
}

char *plan_diff(const struct config *old, const struct config *now)
{
	struct config nothing = { .guards = config_guards_default };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	config_stage_default(&nothing.stage);
	if (!out)
		return NULL;
	all(out, old ? old : &nothing, now);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}
