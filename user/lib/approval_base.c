// SPDX-License-Identifier: GPL-2.0
/* Is a change still what was agreed to? What it touches must be as it was, and go where it went. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/approval.h"
#include "lib/cleanup.h"

static void json_release(json_t **j)
{
	json_decref(*j);
}

static bool equal(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

/* ---- what it touches ------------------------------------------------------------------------- */

struct merge {
	json_t *into; /* what is in force, changed in place */
	const char *what;
	char *why;
	int err;
};

/* One key, where the change touches it: to its value, if it is as it was. */
static void key_merge(struct merge *m, const char *key, const json_t *base, const json_t *value)
{
	const json_t *now = json_object_get(m->into, key);

	if (m->err || equal(base, value))
		return;
	if (!equal(base, now)) {
		snprintf(m->why, APPROVAL_WHY_MAX,
			 "%s%.*s, which it touches, was changed meanwhile", m->what, EK_NAME_MAX,
			 key);
		m->err = -ESTALE;
	} else if (!value) {
		json_object_del(m->into, key);
	} else if (json_object_set_new(m->into, key, json_deep_copy(value))) {
		m->err = -ENOMEM;
	}
}

static void objects_merge(struct merge *m, const json_t *base, const json_t *text,
			  const char *without)
{
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)base, key, value) {
		if (!without || strcmp(key, without) != 0)
			key_merge(m, key, value, json_object_get(text, key));
	}
	json_object_foreach((json_t *)text, key, value) {
		if ((!without || strcmp(key, without) != 0) && !json_object_get(base, key))
			key_merge(m, key, NULL, value);
	}
}

static int merge(json_t *now, const json_t *base, const json_t *text, char *why)
{
	static const char services[] = "services";
	struct merge m = { .into = now, .what = "", .why = why };

	if (!equal(json_object_get(base, "policy"), json_object_get(now, "policy"))) {
		snprintf(why, APPROVAL_WHY_MAX, "the policy in force is another one");
		return -ESTALE;
	}
	objects_merge(&m, base, text, services);
	m.into = json_object_get(now, services);
	m.what = "service ";
	objects_merge(&m, json_object_get(base, services), json_object_get(text, services), NULL);
	return m.err;
}

int approval_rebase(char **out, char why[static APPROVAL_WHY_MAX], const char *base,
		    const char *text, const char *now)
{
	_cleanup_(json_release) json_t *b = json_loads(base, 0, NULL);
	_cleanup_(json_release) json_t *t = json_loads(text, 0, NULL);
	_cleanup_(json_release) json_t *n = json_loads(now, 0, NULL);
	char *merged;
	int err;

	if (!b || !t || !n)
		return -EINVAL;
	err = merge(n, b, t, why);
	if (err)
		return err;
	/* Nothing else has changed: to the byte what was agreed to. */
	merged = strcmp(base, now) ? json_dumps(n, JSON_INDENT(2)) : strdup(text);
	if (!merged)
		return -ENOMEM;
	*out = merged;
	return 0;
}

/* ---- where it goes --------------------------------------------------------------------------- */

static json_int_t permille(double share)
{
	return (json_int_t)(share * 1000 + 0.5);
}

static json_t *service_shares(const struct plan_service *s)
{
	json_t *shares = json_object();

	for (size_t i = 0; shares && i < s->count; i++) {
		const struct plan_backend *b = &s->backends[i];

		if (b->now && json_object_set_new(shares, b->now->name,
						  json_pack("[I, I]", permille(b->share),
							    permille(b->answering)))) {
			json_decref(shares);
			return NULL;
		}
	}
	return shares;
}

static bool is_touched(const struct plan_service *s, const struct config *in_force)
{
	const struct config_service *there = config_service(in_force, s->name);

	return s->now && !(there && config_service_equal(there, s->now));
}

json_t *approval_shares(const struct plan *p, const struct config *in_force)
{
	_cleanup_(json_release) json_t *all = json_object();

	for (size_t i = 0; i < p->service_count; i++) {
		const struct plan_service *s = &p->services[i];

		if (is_touched(s, in_force) && json_object_set_new(all, s->name, service_shares(s)))
			return NULL;
	}
	return take_ptr(all);
}

static json_int_t share_at(const json_t *shares, const char *service, const char *backend, size_t i)
{
	const json_t *of = json_object_get(json_object_get(shares, service), backend);

	return json_integer_value(json_array_get(of, i));
}

static bool backend_differs(const json_t *then, const json_t *now, const char *service,
			    const char *backend, unsigned int limit, char *why)
{
	static const char *const kinds[] = { "as configured", "with those that answer" };

	for (size_t i = 0; i < 2; i++) {
		json_int_t was = share_at(then, service, backend, i);
		json_int_t is = share_at(now, service, backend, i);

		if (was - is <= (json_int_t)limit && is - was <= (json_int_t)limit)
			continue;
		snprintf(why, APPROVAL_WHY_MAX,
			 "the plan of a service that it touches is another one: %.*s/%.*s would "
			 "get %.1f %% %s, and not %.1f %%",
			 EK_NAME_MAX, service, EK_NAME_MAX, backend, (double)is / 10, kinds[i],
			 (double)was / 10);
		return true;
	}
	return false;
}

static bool differ(const json_t *from, const json_t *then, const json_t *now, unsigned int limit,
		   char *why)
{
	const json_t *backends, *shares;
	const char *service, *backend;

	json_object_foreach((json_t *)from, service, backends) {
		if (!json_object_get(then, service) || !json_object_get(now, service))
			continue;
		json_object_foreach((json_t *)backends, backend, shares) {
			if (backend_differs(then, now, service, backend, limit, why))
				return true;
		}
	}
	return false;
}

bool approval_shares_differ(const json_t *then, const json_t *now, unsigned int limit,
			    char why[static APPROVAL_WHY_MAX])
{
	if (!then || !now) {
		snprintf(why, APPROVAL_WHY_MAX, "what was planned is not known");
		return true;
	}
	return differ(then, then, now, limit, why) || differ(now, then, now, limit, why);
}
