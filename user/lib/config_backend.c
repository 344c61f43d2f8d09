// SPDX-License-Identifier: GPL-2.0
/* The keys of a backend. */
#include "lib/config_keys.h"

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

static void read_backup(const struct reader *r, const struct key *key, const struct node *value,
			void *object)
{
	struct config_backend *b = object;

	read_bool(r, key, value, &b->backup);
}

static void read_port(const struct reader *r, const struct key *key, const struct node *value,
		      void *object)
{
	struct config_backend *b = object;

	b->port_place = value->place;
	read_number(r, key, value, &b->port);
}

static void read_quic_id(const struct reader *r, const struct key *key, const struct node *value,
			 void *object)
{
	struct config_backend *b = object;

	b->quic_id_place = value->place;
	b->has_quic_id = true;
	read_number(r, key, value, &b->quic_id);
}

static void read_backend_capacity(const struct reader *r, const struct key *key,
				  const struct node *value, void *object)
{
	struct config_backend *b = object;

	read_capacity(r, value, &b->capacity);
}

enum { BACKEND_ADDRESS };
static const struct key backend_keys[] = {
	[BACKEND_ADDRESS] = { .name = "address",
			      .want = "an IPv4 or IPv6 address",
			      .read = read_address },
	{ "weight", "a number from 0 to 65535", read_weight, 0, EK_WEIGHT_MAX },
	{ .name = "drain", .want = "true or false", .read = read_drain },
	{ .name = "backup", .want = "true or false", .read = read_backup },
	{ "port", "a number from 1 to 65535", read_port, 1, 65535 },
	{ "quic_id", "a number from 0 to 4294967295", read_quic_id, 0, UINT32_MAX },
	{ .name = "capacity", .want = "new flows per second", .read = read_backend_capacity },
};
const struct schema config_backend_schema = {
	"in a backend",
	"address, weight, drain, backup, port, quic_id, capacity",
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
	seen = read_mapping(r, &config_backend_schema, p->value, b);
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

void read_backends(const struct reader *r, const struct key *key, const struct node *value,
		   void *object)
{
	struct config_service *s = object;
	bool readable = expect_kind(r, key, value, NODE_MAPPING);

	s->backends = read_allocate(r, node_count(r, value) / 2 + 1, sizeof(*s->backends));
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
