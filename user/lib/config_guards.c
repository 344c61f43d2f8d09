// SPDX-License-Identifier: GPL-2.0
/* The keys guards, silence and removed: what a configuration says about changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_keys.h"
#include "lib/config_text.h"

enum looser { LOOSER_ABOVE, LOOSER_BELOW };

static const struct {
	const char *name;
	enum looser looser;
} limits[] = {
#define LIMIT(id, name, standard, most, looser) { name, looser },
	GUARD_LIMITS(LIMIT)
#undef LIMIT
};

const struct config_guards config_guards_default = {
	.limit = {
#define LIMIT(id, name, standard, most, looser) [LIMIT_##id] = (standard),
		GUARD_LIMITS(LIMIT)
#undef LIMIT
	},
};

const char *guard_limit_name(enum guard_limit limit)
{
	return limits[limit].name;
}

enum guard_limit config_guards_loosened(const struct config_guards *a,
					const struct config_guards *b)
{
	for (enum guard_limit i = 0; i < GUARD_LIMIT_COUNT; i++) {
		bool looser = limits[i].looser == LOOSER_ABOVE ? b->limit[i] > a->limit[i]
							       : b->limit[i] < a->limit[i];

		if (looser)
			return i;
	}
	return GUARD_LIMIT_COUNT;
}

/* ---- guards ---------------------------------------------------------------------------------- */

static void read_limit(const struct reader *r, const struct key *key, const struct node *value,
		       void *object);

static const struct key guards_keys[] = {
#define LIMIT(id, name, standard, most, looser) { name, "a number", read_limit, 0, most },
	GUARD_LIMITS(LIMIT)
#undef LIMIT
};
const struct schema config_guards_schema = {
	"in guards",
	"share, growth, load, peak, eligible, answering, services, services_share, removed",
	guards_keys,
	ARRAY_SIZE(guards_keys),
};

static void read_limit(const struct reader *r, const struct key *key, const struct node *value,
		       void *object)
{
	struct config_guards *g = object;

	read_number(r, key, value, &g->limit[key - guards_keys]);
}

void read_guards(const struct reader *r, const struct key *key, const struct node *value,
		 void *object)
{
	struct config *c = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	c->guards.place = value->place;
	read_mapping(r, &config_guards_schema, value, &c->guards);
}

json_t *guards_json(const struct config_guards *g)
{
	json_t *json = json_object();

	for (enum guard_limit i = 0; i < GUARD_LIMIT_COUNT; i++) {
		if (json_object_set_new(json, limits[i].name, json_integer(g->limit[i]))) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

/* ---- silence --------------------------------------------------------------------------------- */

void read_bounded(const struct reader *r, const struct key *key, const struct node *value,
		  char *out, size_t size)
{
	const char *text;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return;
	text = node_text(r, value);
	if (strlen(text) < size)
		memcpy(out, text, strlen(text) + 1);
	else
		diag_error_at(r->d, value->place, "%s is longer than %zu characters", key->name,
			      size - 1);
}

static void read_silence_lint(const struct reader *r, const struct key *key,
			      const struct node *value, void *object)
{
	struct config_silence *s = object;

	read_bounded(r, key, value, s->lint, sizeof(s->lint));
}

static void read_silence_service(const struct reader *r, const struct key *key,
				 const struct node *value, void *object)
{
	struct config_silence *s = object;

	read_bounded(r, key, value, s->service, sizeof(s->service));
}

static void read_silence_reason(const struct reader *r, const struct key *key,
				const struct node *value, void *object)
{
	struct config_silence *s = object;

	read_bounded(r, key, value, s->reason, sizeof(s->reason));
}

enum { SILENCE_LINT, SILENCE_REASON };
static const struct key silence_keys[] = {
	[SILENCE_LINT] = { .name = "lint",
			   .want = "the name of a lint",
			   .read = read_silence_lint },
	[SILENCE_REASON] = { .name = "reason", .want = "text", .read = read_silence_reason },
	{ .name = "service", .want = "the name of a service", .read = read_silence_service },
};
const struct schema config_silence_schema = {
	"in silence",
	"lint, service, reason",
	silence_keys,
	ARRAY_SIZE(silence_keys),
};

static void read_silence(const struct reader *r, const struct node *item, struct config_silence *s)
{
	static const struct key as_item = {
		.name = "an entry of silence",
		.want = "a mapping with the keys lint and reason",
	};
	unsigned int seen;

	s->place = item->place;
	if (!expect_kind(r, &as_item, item, NODE_MAPPING))
		return;
	seen = read_mapping(r, &config_silence_schema, item, s);
	if (!(seen & 1u << SILENCE_LINT) && !item->partial)
		diag_error_at(r->d, item->place, "silence has no lint: give its name");
	if (!(seen & 1u << SILENCE_REASON) && !item->partial)
		diag_error_at(r->d, item->place,
			      "silence has no reason: say why, for those who read it later");
}

void read_silences(const struct reader *r, const struct key *key, const struct node *value,
		   void *object)
{
	struct config *c = object;

	if (!expect_kind(r, key, value, NODE_SEQUENCE))
		return;
	c->silences = read_allocate(r, node_count(r, value) + 1, sizeof(*c->silences));
	if (!c->silences)
		return;
	for (const struct node *item = NULL; (item = next_item(r, value, item));)
		read_silence(r, item, &c->silences[c->silence_count++]);
}

json_t *silences_json(const struct config *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->silence_count; i++) {
		const struct config_silence *s = &c->silences[i];
		json_t *one = json_pack("{s:s, s:s*, s:s}", "lint", s->lint, "service",
					s->service[0] ? s->service : NULL, "reason", s->reason);

		if (json_array_append_new(list, one)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- removed --------------------------------------------------------------------------------- */

int config_removal_add(struct config *c, const char *what)
{
	struct config_removal *grown;
	struct config_removal added = {};
	struct endpoint e;
	const char *why;

	if (!endpoint_parse(&e, what, false, &why))
		endpoint_text(&e, added.what);
	else if (!config_name_problem(what))
		memcpy(added.what, what, strlen(what) + 1);
	else
		return -EINVAL;
	grown = reallocarray(c->removals, c->removal_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->removals = grown;
	c->removals[c->removal_count++] = added;
	return 0;
}

void read_removed(const struct reader *r, const struct key *key, const struct node *value,
		  void *object)
{
	static const struct key as_item = { .name = "removed", .want = "a service or a listener" };
	struct config *c = object;

	if (!expect_kind(r, key, value, NODE_SEQUENCE))
		return;
	for (const struct node *item = NULL; (item = next_item(r, value, item));) {
		int err;

		if (!expect_kind(r, &as_item, item, NODE_SCALAR))
			continue;
		err = config_removal_add(c, node_text(r, item));
		if (err == -EINVAL)
			diag_error_at(r->d, item->place,
				      "removed '%.64s' can be neither a service nor a listener",
				      node_text(r, item));
		else if (err)
			r->d->out_of_memory = true;
		else
			c->removals[c->removal_count - 1].place = item->place;
	}
}

void config_check_removals(const struct config *c, struct diag *d)
{
	for (size_t i = 0; i < c->removal_count; i++) {
		const struct config_removal *r = &c->removals[i];

		if (config_service(c, r->what))
			diag_error_at(
				d, r->place,
				"service '%s' is said to be removed, and is there: remove one",
				r->what);
	}
}
