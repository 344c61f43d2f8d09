// SPDX-License-Identifier: GPL-2.0
/* The canonical text. It says everything, defaults too: a later version with other defaults
 * must read an old revision as what it was. */
#include <jansson.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_text.h"

static void json_release(json_t **j)
{
	json_decref(*j);
}

static int set_rate(json_t *object, const char *key, uint32_t rate)
{
	if (!rate)
		return 0;
	return json_object_set_new(
		object, key, rate == CAPACITY_NONE ? json_string("none") : json_integer(rate));
}

/* Where something is said. */
static int set_capacity(json_t *object, const struct config_capacity *c)
{
	_cleanup_(json_release) json_t *capacity = json_object();

	if (!c->flows && !c->packets)
		return 0;
	if (set_rate(capacity, "new_flows", c->flows) ||
	    set_rate(capacity, "udp_packets", c->packets))
		return -1;
	return json_object_set(object, "capacity", capacity);
}

/* jansson's *_new() setters take NULL as a failure, so that results can be nested. */
static json_t *backend_json(const struct config_backend *b)
{
	char text[ADDR_TEXT_MAX];

	json_t *backend = json_pack("{s:s, s:I, s:b}", "address", addr_text(&b->addr, text),
				    "weight", (json_int_t)b->weight, "drain", b->drain);

	if ((b->backup && json_object_set_new(backend, "backup", json_true())) ||
	    (b->port && json_object_set_new(backend, "port", json_integer(b->port))) ||
	    (b->has_quic_id && json_object_set_new(backend, "quic_id", json_integer(b->quic_id))) ||
	    set_capacity(backend, &b->capacity)) {
		json_decref(backend);
		return NULL;
	}
	return backend;
}

static json_t *backends_json(const struct config_service *s)
{
	_cleanup_(json_release) json_t *pool = json_object();

	for (size_t i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];

		if (json_object_set_new(pool, b->name, backend_json(b)))
			return NULL;
	}
	return take_ptr(pool);
}

static json_t *listeners_json(const struct config_service *s)
{
	_cleanup_(json_release) json_t *list = json_array();

	for (size_t i = 0; i < s->listener_count; i++) {
		char text[ENDPOINT_TEXT_MAX];

		endpoint_text(&s->listeners[i].endpoint, text);
		if (json_array_append_new(list, json_string(text)))
			return NULL;
	}
	return take_ptr(list);
}

/* What only some services have. */
static int set_modes(json_t *service, const struct config_service *s)
{
	if (s->forward == EK_FORWARD_GUE &&
	    json_object_set_new(service, "gue",
				json_pack("{s:I, s:b}", "variant", (json_int_t)s->gue_variant,
					  "checksum", s->gue_checksum)))
		return -1;
	if (s->quic_length &&
	    json_object_set_new(service, "quic",
				json_pack("{s:I, s:I}", "offset", (json_int_t)s->quic_offset,
					  "length", (json_int_t)s->quic_length)))
		return -1;
	return json_object_set_new(service, "vlan", json_string(s->vlan_strip ? "strip" : "keep"));
}

/* All but the backends, which may be many. */
static json_t *head_json(const struct config_service *s)
{
	_cleanup_(json_release) json_t *service = json_object();

	if (json_object_set_new(service, "listen", listeners_json(s)) ||
	    json_object_set_new(service, "forward", json_string(config_forward_name(s->forward))) ||
	    set_modes(service, s) ||
	    json_object_set_new(service, "hash", json_string(config_hash_name(s->hash))) ||
	    json_object_set_new(service, "idle_time", json_integer(s->idle_s)) ||
	    json_object_set_new(service, "drain_time", json_integer(s->drain_s)) ||
	    json_object_set_new(service, "hold_time", json_integer(s->hold_s)) ||
	    json_object_set_new(service, "health", health_json(s)) ||
	    json_object_set_new(service, "panic",
				s->panic ? json_integer(s->panic) : json_string("off")) ||
	    json_object_set_new(service, "on_empty",
				json_string(s->on_empty == ON_EMPTY_DROP ? "drop" : "keep")) ||
	    json_object_set_new(service, "rebalance", rebalance_json(s)) ||
	    json_object_set_new(service, "slow_start", json_integer(s->slow_start_s)) ||
	    json_object_set_new(service, "backup_below", json_integer(s->backup_below)) ||
	    set_capacity(service, &s->capacity))
		return NULL;
	return take_ptr(service);
}

static json_t *service_json(const struct config_service *s)
{
	_cleanup_(json_release) json_t *service = head_json(s);

	if (!service || json_object_set_new(service, "backends", backends_json(s)))
		return NULL;
	return take_ptr(service);
}

static bool backend_equal(const struct config_backend *a, const struct config_backend *b)
{
	_cleanup_(json_release) json_t *l = backend_json(a);
	_cleanup_(json_release) json_t *r = backend_json(b);

	return !strcmp(a->name, b->name) && config_backend_weight(a) == config_backend_weight(b) &&
	       l && r && json_equal(l, r);
}

static bool same_bytes(const void *a, const void *b, size_t count, size_t size)
{
	return !count || !memcmp(a, b, count * size);
}

/* Equal to the byte, as in a copy: quickly told. Else places or padding may differ. */
static bool same_in_memory(const struct config_service *a, const struct config_service *b)
{
	struct config_service l = *a, r = *b;

	l.listeners = r.listeners = NULL;
	l.checks = r.checks = NULL;
	l.backends = r.backends = NULL;
	return same_bytes(&l, &r, 1, sizeof(l)) &&
	       same_bytes(a->listeners, b->listeners, a->listener_count, sizeof(*a->listeners)) &&
	       same_bytes(a->checks, b->checks, a->check_count, sizeof(*a->checks)) &&
	       same_bytes(a->backends, b->backends, a->backend_count, sizeof(*a->backends));
}

bool config_service_equal(const struct config_service *a, const struct config_service *b)
{
	_cleanup_(json_release) json_t *l = NULL;
	_cleanup_(json_release) json_t *r = NULL;

	if (same_in_memory(a, b))
		return true;
	l = head_json(a);
	r = head_json(b);
	if (!l || !r || !json_equal(l, r) || a->backend_count != b->backend_count)
		return false;
	for (size_t i = 0; i < a->backend_count; i++)
		if (!backend_equal(&a->backends[i], &b->backends[i]))
			return false;
	return true;
}

static json_t *tunnel_source_json(const struct config *c)
{
	const struct config_prefix *const prefixes[] = { &c->tunnel_source4, &c->tunnel_source6 };
	_cleanup_(json_release) json_t *list = json_array();

	for (size_t i = 0; i < 2; i++) {
		char text[ADDR_TEXT_MAX];

		if (prefixes[i]->set &&
		    json_array_append_new(list,
					  json_sprintf("%s/%u", addr_text(&prefixes[i]->addr, text),
						       prefixes[i]->bits)))
			return NULL;
	}
	return take_ptr(list);
}

static int set_stage(json_t *config, const struct config_stage *s)
{
	_cleanup_(json_release) json_t *steps = json_array();

	if (!s->set)
		return 0;
	for (size_t i = 0; i < s->step_count; i++)
		if (json_array_append_new(steps, json_integer(s->steps[i])))
			return -1;
	return json_object_set_new(config, "stage",
				   json_pack("{s:O, s:I}", "steps", steps, "watch",
					     (json_int_t)s->watch_s));
}

static json_t *config_json(const struct config *c)
{
	_cleanup_(json_release) json_t *interfaces = json_array();
	_cleanup_(json_release) json_t *services = json_object(), *config = NULL;

	for (size_t i = 0; i < c->interface_count; i++) {
		if (json_array_append_new(interfaces, json_string(c->interfaces[i])))
			return NULL;
	}
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

		if (json_object_set_new(services, s->name, service_json(s)))
			return NULL;
	}
	config = json_pack("{s:O, s:s, s:o, s:o, s:o}", "interfaces", interfaces, "echo",
			   config_echo_name(c->echo), "tunnel_source", tunnel_source_json(c),
			   "guards", guards_json(&c->guards), "silence", silences_json(c));
	if (set_stage(config, &c->stage) ||
	    (c->policy.set && json_object_set_new(config, "policy", policy_json(&c->policy))) ||
	    json_object_set(config, "services", services))
		return NULL;
	return take_ptr(config);
}

/* Not json_dumps(): 2.14 loses parts of the text without an error when memory runs out. */
static char *json_text(const json_t *json)
{
	const size_t flags = JSON_INDENT(2);
	size_t size = json_dumpb(json, NULL, 0, flags);
	_cleanup_(free_ptr) char *text = size ? malloc(size + 1) : NULL;

	if (!text || json_dumpb(json, text, size, flags) != size)
		return NULL;
	text[size] = '\0';
	return take_ptr(text);
}

char *config_service_text(const struct config_service *s)
{
	_cleanup_(json_release) json_t *json = service_json(s);

	return json ? json_text(json) : NULL;
}

char *config_text(const struct config *c)
{
	_cleanup_(json_release) json_t *json = config_json(c);

	return json ? json_text(json) : NULL;
}
