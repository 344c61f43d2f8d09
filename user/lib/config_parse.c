// SPDX-License-Identifier: GPL-2.0
/* From the tree to the model: the keys of the configuration. What cannot be read is reported
 * here and left unset in the model (config_check_draft() knows), so that no mistake hides
 * another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config_read.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void *allocate(const struct reader *r, size_t count, size_t size)
{
	void *array = calloc(count, size);

	if (!array)
		r->d->out_of_memory = true;
	return array;
}

/* Takes a key as a name. One that cannot be is reported, and kept if it fits: the name helps
 * in what else there is to say. */
static void read_name(const struct reader *r, const struct node *key, const char *what,
		      char name[static EK_NAME_MAX + 1])
{
	const char *text = node_text(r, key);
	const char *problem = config_name_problem(text);
	size_t length = strlen(text);

	if (problem)
		diag_error_at(r->d, key->place, "%s name '%.70s' %s", what, text, problem);
	if (length <= EK_NAME_MAX)
		memcpy(name, text, length + 1);
}

/* ---- a backend ------------------------------------------------------------------------------- */

static void read_address(const struct reader *r, const struct key *key, const struct node *value,
			 void *object)
{
	struct config_backend *b = object;
	const char *why;

	if (!expect_kind(r, key, value, NODE_SCALAR))
		return;
	if (addr_parse(&b->addr, node_text(r, value), &why))
		diag_error_at(r->d, value->place, "address '%.64s': %s", node_text(r, value), why);
	else
		b->addr_place = value->place;
}

static void read_weight(const struct reader *r, const struct key *key, const struct node *value,
			void *object)
{
	struct config_backend *b = object;

	b->weight_place = value->place;
	read_number(r, key, value, &b->weight);
}

static void read_drain(const struct reader *r, const struct key *key, const struct node *value,
		       void *object)
{
	struct config_backend *b = object;

	read_bool(r, key, value, &b->drain);
}

enum { BACKEND_ADDRESS };
static const struct key backend_keys[] = {
	[BACKEND_ADDRESS] = { .name = "address",
			      .want = "an IPv4 or IPv6 address",
			      .read = read_address },
	{ "weight", "a number from 0 to 65535", read_weight, 0, EK_WEIGHT_MAX },
	{ .name = "drain", .want = "true or false", .read = read_drain },
};
static const struct schema backend_schema = {
	"in a backend",
	"address, weight, drain",
	backend_keys,
	ARRAY_SIZE(backend_keys),
};

static void read_backend(const struct reader *r, const struct pair *p, struct config_backend *b)
{
	static const struct key as_value = {
		.name = "a backend",
		.want = "an address, or a mapping with the key address",
	};
	unsigned int seen;

	*b = (struct config_backend){ .weight = EK_WEIGHT_DEFAULT, .place = p->key->place };
	b->weight_place = b->place;
	read_name(r, p->key, "backend", b->name);
	if (p->value->kind != NODE_MAPPING) {
		if (expect_kind(r, &as_value, p->value, NODE_SCALAR))
			read_address(r, &backend_keys[BACKEND_ADDRESS], p->value, b);
		return;
	}
	seen = read_mapping(r, &backend_schema, p->value, b);
	if (!(seen & 1u << BACKEND_ADDRESS) && !p->value->partial)
		diag_error_at(r->d, b->place,
			      "backend '%.64s' has no address: add 'address:' and an IPv4 "
			      "or IPv6 address",
			      node_text(r, p->key));
}

/* Something stands there that could not be read: an unset element keeps the pool from looking
 * empty. */
static void backend_unknown(struct config_service *s)
{
	s->backends[s->backend_count++] = (struct config_backend){ .weight = EK_WEIGHT_DEFAULT };
}

static void read_backends(const struct reader *r, const struct key *key, const struct node *value,
			  void *object)
{
	struct config_service *s = object;
	bool readable = expect_kind(r, key, value, NODE_MAPPING);

	s->backends = allocate(r, node_count(r, value) / 2 + 1, sizeof(*s->backends));
	if (!s->backends)
		return;
	if (!readable || value->partial)
		backend_unknown(s);
	if (!readable)
		return;
	for (struct pair p = {}; next_pair(r, value, &p);) {
		if (p.key->kind != NODE_BROKEN)
			read_backend(r, &p, &s->backends[s->backend_count++]);
	}
}

/* ---- health: known, not yet acted on --------------------------------------------------------- */

static void read_health_type(const struct reader *r, const struct key *key,
			     const struct node *value, void *object)
{
	static const char *const words[] = { "tcp", "http", "https", "udp", "exec" };
	uint32_t choice;

	read_choice(r, key, value, words, ARRAY_SIZE(words), &choice);
}

static void read_health_port(const struct reader *r, const struct key *key,
			     const struct node *value, void *object)
{
	uint32_t port;

	read_number(r, key, value, &port);
}

static const struct key health_keys[] = {
	{ .name = "type", .want = "tcp, http, https, udp or exec", .read = read_health_type },
	{ "port", "a number from 1 to 65535", read_health_port, 1, 65535 },
	{ .name = "path" },
	{ .name = "interval" },
	{ .name = "timeout" },
	{ .name = "rise" },
	{ .name = "fall" },
	{ .name = "host" },
	{ .name = "sni" },
	{ .name = "via" },
	{ .name = "send" },
	{ .name = "expect" },
	{ .name = "command" },
};
static const struct schema health_schema = {
	"in health",
	"type, port, path, interval, timeout, rise, fall, host, sni, via, send, expect, command",
	health_keys,
	ARRAY_SIZE(health_keys),
};

static void read_health(const struct reader *r, const struct key *key, const struct node *value,
			void *object)
{
	struct config_service *s = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	read_mapping(r, &health_schema, value, NULL);
	s->has_health = true;
	diag_warning(
		r->d, value->place.line, value->place.column,
		"health is accepted, but this version does not check health yet: every backend "
		"counts as healthy");
}

/* ---- a service ------------------------------------------------------------------------------- */

/* The protocol that was probably meant, if that is what is wrong. */
static const char *protocol_meant(const char *text)
{
	static const char *const words[] = { "tcp", "udp" };
	const char *slash = strrchr(text, '/');
	const char *near = slash ? suggest(slash + 1, words, ARRAY_SIZE(words)) : NULL;

	return near && strcmp(near, slash + 1) ? near : NULL;
}

static void read_listener(const struct reader *r, const struct node *item,
			  struct config_listener *l)
{
	static const struct key as_item = {
		.name = "a listener",
		.want = "text: \"address:port/protocol\" (in quotes if it begins with '[')",
	};
	const char *text, *why, *near;

	if (!expect_kind(r, &as_item, item, NODE_SCALAR))
		return;
	text = node_text(r, item);
	if (!endpoint_parse(&l->endpoint, text, false, &why)) {
		l->place = item->place;
		return;
	}
	near = protocol_meant(text);
	diag_error_at(r->d, item->place, "listener '%.64s': %s%s%s%s", text, why,
		      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void read_listen(const struct reader *r, const struct key *key, const struct node *value,
			void *object)
{
	struct config_service *s = object;
	bool readable = expect_kind(r, key, value, NODE_SEQUENCE);

	s->listeners = allocate(r, node_count(r, value) + 1, sizeof(*s->listeners));
	if (!s->listeners)
		return;
	/* As with backend_unknown(): an unset element. */
	if (!readable || value->partial)
		s->listener_count = 1;
	if (!readable)
		return;
	for (const struct node *item = NULL; (item = next_item(r, value, item));)
		read_listener(r, item, &s->listeners[s->listener_count++]);
}

static void read_forward(const struct reader *r, const struct key *key, const struct node *value,
			 void *object)
{
	static const char *const words[] = { "l2", "ipip" };
	static const enum ek_forward modes[] = { EK_FORWARD_L2, EK_FORWARD_IPIP };
	struct config_service *s = object;
	const char *text = value->kind == NODE_SCALAR ? node_text(r, value) : "";
	uint32_t choice;

	if (!strcmp(text, "gue") || !strcmp(text, "nat"))
		diag_error_at(r->d, value->place,
			      "forward %s is not in this version: use ipip or l2", text);
	else if (read_choice(r, key, value, words, ARRAY_SIZE(words), &choice))
		s->forward = modes[choice];
}

static void read_hash(const struct reader *r, const struct key *key, const struct node *value,
		      void *object)
{
	static const char *const words[] = { "5-tuple", "source", "source-dest" };
	static const enum ek_hash_kind kinds[] = { EK_HASH_5TUPLE, EK_HASH_SOURCE,
						   EK_HASH_SOURCE_DEST };
	struct config_service *s = object;
	uint32_t choice;

	if (read_choice(r, key, value, words, ARRAY_SIZE(words), &choice))
		s->hash = kinds[choice];
}

static void read_idle_time(const struct reader *r, const struct key *key, const struct node *value,
			   void *object)
{
	struct config_service *s = object;

	read_duration(r, key, value, &s->idle_s);
}

static void read_drain_time(const struct reader *r, const struct key *key, const struct node *value,
			    void *object)
{
	struct config_service *s = object;

	read_duration(r, key, value, &s->drain_s);
}

#define WANT_DURATION "a duration: 300s, 5m, 1h, or seconds"

enum { SERVICE_LISTEN, SERVICE_BACKENDS };
static const struct key service_keys[] = {
	[SERVICE_LISTEN] = { .name = "listen",
			     .want = "a list of \"address:port/protocol\"",
			     .read = read_listen },
	[SERVICE_BACKENDS] = { .name = "backends",
			       .want = "a mapping of names to backends",
			       .read = read_backends },
	{ .name = "forward", .want = "l2 or ipip", .read = read_forward },
	{ .name = "hash", .want = "5-tuple, source or source-dest", .read = read_hash },
	{ "idle_time", WANT_DURATION, read_idle_time, CONFIG_IDLE_MIN_S, CONFIG_IDLE_MAX_S },
	{ "drain_time", WANT_DURATION, read_drain_time, 0, CONFIG_DRAIN_MAX_S },
	{ .name = "health", .want = "a mapping", .read = read_health },
};
static const struct schema service_schema = {
	"in a service",
	"listen, forward, hash, idle_time, drain_time, health, backends",
	service_keys,
	ARRAY_SIZE(service_keys),
};

static void read_service_keys(const struct reader *r, const struct node *mapping,
			      struct config_service *s)
{
	static const struct node unread = { .kind = NODE_BROKEN };
	unsigned int seen = read_mapping(r, &service_schema, mapping, s);

	/* What is not there is reported by the checks, unless it could not be seen. */
	if (!mapping->partial)
		return;
	if (!(seen & 1u << SERVICE_LISTEN))
		read_listen(r, &service_keys[SERVICE_LISTEN], &unread, s);
	if (!(seen & 1u << SERVICE_BACKENDS))
		read_backends(r, &service_keys[SERVICE_BACKENDS], &unread, s);
}

static void read_service(const struct reader *r, const struct pair *p, struct config_service *s)
{
	static const struct key as_value = {
		.name = "a service",
		.want = "a mapping with the keys listen and backends",
	};
	static const struct node unread = { .kind = NODE_BROKEN, .partial = true };
	bool readable;

	*s = (struct config_service){
		.forward = EK_FORWARD_IPIP,
		.hash = EK_HASH_5TUPLE,
		.idle_s = CONFIG_IDLE_DEFAULT_S,
		.drain_s = CONFIG_DRAIN_DEFAULT_S,
		.place = p->key->place,
	};
	read_name(r, p->key, "service", s->name);
	readable = expect_kind(r, &as_value, p->value, NODE_MAPPING);
	read_service_keys(r, readable ? p->value : &unread, s);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void read_services(const struct reader *r, const struct key *key, const struct node *value,
			  void *object)
{
	struct config *c = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	c->services = allocate(r, node_count(r, value) / 2 + 1, sizeof(*c->services));
	if (!c->services)
		return;
	for (struct pair p = {}; next_pair(r, value, &p);) {
		if (p.key->kind != NODE_BROKEN)
			read_service(r, &p, &c->services[c->service_count++]);
	}
}

/* While reading, a NULL ends the interfaces. */
static bool is_listed(const struct config *c, const char *interface)
{
	for (char **i = c->interfaces; *i; i++) {
		if (!strcmp(*i, interface))
			return true;
	}
	return false;
}

static void read_interface(const struct reader *r, const struct node *item, struct config *c)
{
	static const struct key as_item = { .name = "an interface", .want = "a name" };
	const char *name, *problem;
	char *copy;

	if (!expect_kind(r, &as_item, item, NODE_SCALAR))
		return;
	name = node_text(r, item);
	problem = config_interface_problem(name);
	if (problem) {
		diag_error_at(r->d, item->place, "interface name '%.64s' %s", name, problem);
		return;
	}
	if (is_listed(c, name)) {
		diag_error_at(r->d, item->place, "interface '%s' is listed twice", name);
		return;
	}
	copy = strdup(name);
	if (copy)
		c->interfaces[c->interface_count++] = copy;
	else
		r->d->out_of_memory = true;
}

static void read_interfaces(const struct reader *r, const struct key *key, const struct node *value,
			    void *object)
{
	struct config *c = object;
	size_t count;

	if (!expect_kind(r, key, value, NODE_SEQUENCE))
		return;
	count = node_count(r, value);
	if (count > EK_EGRESS_MAX) {
		diag_error_at(r->d, value->place, "%zu interfaces are more than %u", count,
			      EK_EGRESS_MAX);
		return;
	}
	c->interfaces = allocate(r, count + 1, sizeof(*c->interfaces));
	if (!c->interfaces)
		return;
	for (const struct node *item = NULL; (item = next_item(r, value, item));)
		read_interface(r, item, c);
}

enum { ROOT_SERVICES };
static const struct key root_keys[] = {
	[ROOT_SERVICES] = { .name = "services",
			    .want = "a mapping of names to services ({} for none)",
			    .read = read_services },
	{ .name = "interfaces", .want = "a list of interface names", .read = read_interfaces },
};
static const struct schema root_schema = {
	"at the top level",
	"interfaces, services",
	root_keys,
	ARRAY_SIZE(root_keys),
};
static const struct schema *const all_schemas[] = {
	&root_schema,
	&service_schema,
	&backend_schema,
	&health_schema,
};

static void read_root(const struct reader *r, struct config *c)
{
	static const struct key as_root = {
		.name = "a configuration",
		.want = "a mapping with the keys interfaces and services",
	};
	const struct node *root = &r->tree->nodes[1];
	unsigned int seen;

	if (r->tree->count < 2)
		return;
	if (!expect_kind(r, &as_root, root, NODE_MAPPING))
		return;
	seen = read_mapping(r, &root_schema, root, c);
	if (!(seen & 1u << ROOT_SERVICES) && !root->partial)
		diag_error(r->d, 0, 0,
			   "there is no key services: write 'services: {}' if there are to be "
			   "none");
}

int config_parse(struct config **out, const char *text, size_t length, struct diag *d)
{
	_cleanup_(config_release) struct config *c = calloc(1, sizeof(*c));
	_cleanup_(tree_release) struct tree tree = {};
	struct reader r = { &tree, d, all_schemas, ARRAY_SIZE(all_schemas) };
	size_t errors = d->errors;
	int err;

	if (!c)
		return -ENOMEM;
	err = tree_read(&tree, text, length, d);
	if (err)
		return err;
	read_root(&r, c);
	config_check_draft(c, d);
	diag_sort(d);
	if (d->out_of_memory)
		return -ENOMEM;
	if (d->errors > errors)
		return -EINVAL;
	*out = take_ptr(c);
	return 0;
}
