// SPDX-License-Identifier: GPL-2.0
/* The keys of a service. */
#include <stdlib.h>
#include <string.h>

#include "lib/config_keys.h"

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

	s->listeners = read_allocate(r, node_count(r, value) + 1, sizeof(*s->listeners));
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
	static const char *const words[] = { "l2", "ipip", "gue", "nat" };
	static const enum ek_forward modes[] = { EK_FORWARD_L2, EK_FORWARD_IPIP, EK_FORWARD_GUE,
						 EK_FORWARD_NAT };
	struct config_service *s = object;
	uint32_t choice;

	if (read_choice(r, key, value, words, ARRAY_SIZE(words), &choice))
		s->forward = modes[choice];
}

static void read_vlan(const struct reader *r, const struct key *key, const struct node *value,
		      void *object)
{
	static const char *const words[] = { "keep", "strip" };
	struct config_service *s = object;
	uint32_t choice;

	if (read_choice(r, key, value, words, ARRAY_SIZE(words), &choice))
		s->vlan_strip = choice;
}

/* ---- gue ------------------------------------------------------------------------------------- */

static void read_gue_variant(const struct reader *r, const struct key *key,
			     const struct node *value, void *object)
{
	struct config_service *s = object;

	read_number(r, key, value, &s->gue_variant);
}

static void read_gue_checksum(const struct reader *r, const struct key *key,
			      const struct node *value, void *object)
{
	struct config_service *s = object;

	read_bool(r, key, value, &s->gue_checksum);
}

static const struct key gue_keys[] = {
	{ "variant", "0 or 1", read_gue_variant, 0, 1 },
	{ .name = "checksum", .want = "true or false", .read = read_gue_checksum },
};
const struct schema config_gue_schema = {
	"in gue",
	"variant, checksum",
	gue_keys,
	ARRAY_SIZE(gue_keys),
};

static void read_gue(const struct reader *r, const struct key *key, const struct node *value,
		     void *object)
{
	struct config_service *s = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	s->gue_place = value->place;
	read_mapping(r, &config_gue_schema, value, object);
}

/* ---- quic ------------------------------------------------------------------------------------ */

static void read_quic_offset(const struct reader *r, const struct key *key,
			     const struct node *value, void *object)
{
	struct config_service *s = object;

	read_number(r, key, value, &s->quic_offset);
}

static void read_quic_length(const struct reader *r, const struct key *key,
			     const struct node *value, void *object)
{
	struct config_service *s = object;

	read_number(r, key, value, &s->quic_length);
}

static const struct key quic_keys[] = {
	{ "offset", "a number from 0 to 19", read_quic_offset, 0, EK_QUIC_CID_MAX - 1 },
	{ "length", "a number from 1 to 4", read_quic_length, 1, EK_QUIC_ID_LENGTH_MAX },
};
const struct schema config_quic_schema = {
	"in quic",
	"offset, length",
	quic_keys,
	ARRAY_SIZE(quic_keys),
};

static void read_quic(const struct reader *r, const struct key *key, const struct node *value,
		      void *object)
{
	struct config_service *s = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	s->quic_place = value->place;
	s->quic_offset = CONFIG_QUIC_OFFSET_DEFAULT;
	s->quic_length = CONFIG_QUIC_LENGTH_DEFAULT;
	read_mapping(r, &config_quic_schema, value, object);
}

/* ---- the service ----------------------------------------------------------------------------- */

static void read_hash(const struct reader *r, const struct key *key, const struct node *value,
		      void *object)
{
	static const char *const words[] = { "5-tuple", "source", "source-dest" };
	static const enum ek_hash_kind kinds[] = { EK_HASH_5TUPLE, EK_HASH_SOURCE,
						   EK_HASH_SOURCE_DEST };
	struct config_service *s = object;
	uint32_t choice;

	s->hash_place = value->place;
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

static void read_hold_time(const struct reader *r, const struct key *key, const struct node *value,
			   void *object)
{
	struct config_service *s = object;

	read_duration(r, key, value, &s->hold_s);
}

static void read_service_capacity(const struct reader *r, const struct key *key,
				  const struct node *value, void *object)
{
	struct config_service *s = object;

	read_capacity(r, value, &s->capacity);
}

/* "off" is how it is said in text; 0 is what a program writes. */
static void read_slow_start(const struct reader *r, const struct key *key, const struct node *value,
			    void *object)
{
	struct config_service *s = object;

	if (value->kind == NODE_SCALAR && !strcmp(node_text(r, value), "off"))
		s->slow_start_s = 0;
	else
		read_duration(r, key, value, &s->slow_start_s);
}

static void read_backup_below(const struct reader *r, const struct key *key,
			      const struct node *value, void *object)
{
	struct config_service *s = object;

	s->backup_place = value->place;
	read_number(r, key, value, &s->backup_below);
}

#define WANT_DURATION "a duration: 300s, 5m, 1h, or seconds"

enum { SERVICE_LISTEN, SERVICE_BACKENDS, SERVICE_HEALTH };
static const struct key service_keys[] = {
	[SERVICE_LISTEN] = { .name = "listen",
			     .want = "a list of \"address:port/protocol\"",
			     .read = read_listen },
	[SERVICE_BACKENDS] = { .name = "backends",
			       .want = "a mapping of names to backends",
			       .read = read_backends },
	[SERVICE_HEALTH] = { .name = "health",
			     .want = "a check, a list of checks, or none",
			     .read = read_health },
	{ .name = "forward", .want = "l2, ipip, gue or nat", .read = read_forward },
	{ .name = "gue", .want = "a mapping with the keys variant and checksum", .read = read_gue },
	{ .name = "vlan", .want = "keep or strip", .read = read_vlan },
	{ .name = "quic", .want = "a mapping with the keys offset and length", .read = read_quic },
	{ .name = "hash", .want = "5-tuple, source or source-dest", .read = read_hash },
	{ "idle_time", WANT_DURATION, read_idle_time, CONFIG_IDLE_MIN_S, CONFIG_IDLE_MAX_S },
	{ "drain_time", WANT_DURATION, read_drain_time, 0, CONFIG_DRAIN_MAX_S },
	{ "hold_time", WANT_DURATION, read_hold_time, 0, CONFIG_HOLD_MAX_S },
	{ .name = "panic", .want = "off, or a percentage from 1 to 100", .read = read_panic },
	{ .name = "on_empty", .want = "keep or drop", .read = read_on_empty },
	{ .name = "rebalance", .want = "off, observe, on, or a mapping", .read = read_rebalance },
	{ "slow_start", "off, or a duration: 30s, 5m, or seconds", read_slow_start, 0,
	  CONFIG_SLOW_START_MAX_S },
	{ "backup_below", "a percentage from 1 to 100", read_backup_below, 1, 100 },
	{ .name = "capacity", .want = "new flows per second", .read = read_service_capacity },
};
const struct schema config_service_schema = {
	"in a service",
	"listen, forward, gue, vlan, quic, hash, idle_time, drain_time, hold_time, health, panic, "
	"on_empty, rebalance, slow_start, backup_below, capacity, backends",
	service_keys,
	ARRAY_SIZE(service_keys),
};

static void read_service_keys(const struct reader *r, const struct node *mapping,
			      struct config_service *s)
{
	static const struct node unread = { .kind = NODE_BROKEN };
	unsigned int seen = read_mapping(r, &config_service_schema, mapping, s);

	if (!(seen & 1u << SERVICE_HEALTH))
		default_health(r, s);
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
		.hold_s = CONFIG_HOLD_DEFAULT_S,
		.panic = CONFIG_PANIC_DEFAULT,
		.on_empty = ON_EMPTY_KEEP,
		.backup_below = CONFIG_BACKUP_BELOW_DEFAULT,
		.gue_variant = 1,
		.gue_checksum = true,
		.place = p->key->place,
	};
	default_rebalance(&s->rebalance);
	read_name(r, p->key, "service", s->name);
	readable = expect_kind(r, &as_value, p->value, NODE_MAPPING);
	read_service_keys(r, readable ? p->value : &unread, s);
}

void read_services(const struct reader *r, const struct key *key, const struct node *value,
		   void *object)
{
	struct config *c = object;

	if (!expect_kind(r, key, value, NODE_MAPPING))
		return;
	c->services = read_allocate(r, node_count(r, value) / 2 + 1, sizeof(*c->services));
	if (!c->services)
		return;
	for (struct pair p = {}; next_pair(r, value, &p);) {
		if (p.key->kind != NODE_BROKEN)
			read_service(r, &p, &c->services[c->service_count++]);
	}
}
